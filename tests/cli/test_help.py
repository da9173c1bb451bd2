"""What `--help`, `schema` and commands to type again print: whole lines, and what the
parser takes.
"""

import json
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from mct_s2s.cli.app import COMMANDS, FIRST_STEPS, MODULES, app, main
from mct_s2s.cli.app import COMMANDS as SUMMARIES
from mct_s2s.cli.binding import OF_A_SITE, PANELS, choices, command, command_line
from mct_s2s.cli.commands.configure_appservice import ConfigureAppserviceOptions
from mct_s2s.cli.commands.doctor import DoctorOptions
from mct_s2s.cli.commands.export import ExportOptions
from mct_s2s.cli.commands.removal import RemoveClientOptions, TeardownOptions
from mct_s2s.cli.commands.rotate_secret import RotateSecretOptions
from mct_s2s.cli.commands.setup import OF_A_RUN, AddClientOptions, SetupOptions
from mct_s2s.cli.commands.snippet import SnippetOptions
from mct_s2s.cli.commands.status import StatusOptions
from mct_s2s.cli.commands.verify import VerifyOptions
from mct_s2s.errors import DOCS
from mct_s2s.render.schemas import DOCUMENTS, FILES, schema

from tests.cli.conftest import Program
from tests.support.printed_commands import unreadable
from tests.support.project import PACKAGE, imports, imports_for_json

LONGEST = 70
TWO_SCREENS = 110
LONGER = {"", "setup"}
"""Commands whose line has names of its own: the product, and the three parts of a setup."""


def every_command(
    group: Any = None, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command by the words that call it."""
    group = group or typer.main.get_command(app)
    yield words, group
    for word in group.list_commands(None) if hasattr(group, "list_commands") else ():
        yield from every_command(group.get_command(None, word), (*words, word))


HELPS = dict(every_command())


Shown = Callable[..., str]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shown:
    """What a command line prints on a screen of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: str) -> str:
        assert main(words) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return run


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_no_line_is_padded_or_too_wide_no_name_cut_and_options_are_by_use(
    shown: Shown, words: tuple[str, ...]
) -> None:
    text = shown(*words, "--help")
    lines = text.splitlines()
    assert [
        line
        for line in lines
        if line != line.rstrip() or len(line) > 80 or "…" in line.split("  ")[0]
    ] == []
    for param in HELPS[words].params:
        if not getattr(param, "hidden", False):
            assert all(name in text for name in param.opts if name.startswith("-"))
        assert all(f" {word}" in text for word in choices(param))
    assert "<" not in text
    assert len(lines) <= TWO_SCREENS
    assert text.rstrip().endswith(f"{DOCS}commands.md")
    # Options are listed by use, and the advanced ones last.
    parts = text.split("\n\n")
    titles = [
        part.partition(":\n")[0]
        for part in parts
        if ":\n  " in part and "\n" not in part.partition(":\n")[0]
    ]
    panels = [title for title in titles if title in PANELS]
    assert panels == sorted(set(panels), key=PANELS.index)
    assert set(titles) - set(PANELS) <= {"Commands", "Examples", "Documentation"}
    last = next(part for part in parts if part.startswith(f"{panels[-1]}:"))
    assert "--help" in last.splitlines()[-1]


@pytest.mark.parametrize("width", [60, 80])
def test_without_a_command_the_first_steps_fit_the_screen(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = shown()
    assert max(map(len, text.splitlines())) <= width
    printed = {line.strip().partition("  ")[0] for line in text.splitlines()}
    assert {step for step, _ in FIRST_STEPS} <= printed
    assert unreadable(step for step, _ in FIRST_STEPS) == []


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_examples_of_a_command_are_its_own_and_its_parser_takes_them(name: str) -> None:
    page = HELPS[(name,)]
    assert page.epilog
    for line in page.epilog.splitlines():
        words = shlex.split(line.partition("  # ")[0].partition(" > ")[0].partition(" | ")[0])
        assert words[:2] == ["mct-s2s", name]
        page.make_context(name, words[2:])


@pytest.mark.parametrize(
    "words", [(), ("setup",), ("sandbox",), ("sandbox", "serve")], ids=" ".join
)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_shown_wherever_it_is_asked_for(
    shown: Shown, words: tuple[str, ...], flag: str
) -> None:
    assert shown(*words, flag).startswith(f"Usage: {' '.join(['mct-s2s', *words])}")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mct-s2s st", {"status"}),
        ("mct-s2s sandbox s", {"serve", "save"}),
        ("mct-s2s setup --cl", {"--client", "--cloud"}),
        ("mct-s2s add-client --credential f", {"federated"}),
        ("mct-s2s rotate-secret Im", set()),
        ("mct-s2s schema st", {"status", "status-list"}),
        ("mct-s2s add-client --secret-to k", {"keyvault:"}),
    ],
)
def test_the_tab_key_completes_commands_options_and_words(
    line: str,
    expected: set[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By typer, for the shells that it knows."""
    for name, value in (("_MCT_S2S_COMPLETE", "complete_bash"), ("COMP_WORDS", line)):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
    with pytest.raises(SystemExit, match="0"):
        main([])
    out, err = capsys.readouterr()
    assert (set(out.split()), err) == (expected, "")


HEAVY = (
    "pydantic", "rich", "asyncio", "msgraph", "azure", "msal", "kiota_http", "httpx", "starlette",
    "uvicorn",
    "mct_s2s.engine", "mct_s2s.planning", "mct_s2s.render.console", "mct_s2s.sandbox",
)  # fmt: skip


def test_help_starts_without_what_it_does_not_need_and_a_commands_own_with_its_options_alone() -> (
    None
):
    script = (
        "import sys, json; from mct_s2s.cli.app import main;codes = [main(words.split()) for words "
        "in ('--help', '--version', 'setup --help', 'rotate-secret --help')];"
        "print(json.dumps([codes, sorted(name for name, one in sys.modules.items() if one)]), "
        "file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    codes, loaded = json.loads(done.stderr)
    assert codes == [0, 0, 0, 0]
    assert [
        name for name in loaded for heavy in HEAVY if name == heavy or name.startswith(f"{heavy}.")
    ] == []
    assert "mct_s2s.cli.commands.rotate_secret" in loaded
    assert "mct_s2s.cli.change" not in loaded


def test_a_help_text_is_one_short_line_without_semicolons() -> None:
    exempt = {
        "Entra ID only; skip the App Service.",
    }
    for words, page in HELPS.items():
        # Those are typer's
        options = [param for param in page.params if not param.name.endswith("_completion")]
        summary = page.help.strip().partition("\n")[0]
        assert len(summary) <= LONGEST or " ".join(words) in LONGER
        for text in (summary, *(param.help for param in options)):
            assert text[0].isupper() or text.startswith("file:"), text
            assert text.endswith((".", "…", '".')), text
            assert ";" not in text or text in exempt, text
        assert [param.help for param in options if len(param.help) > LONGEST] == []


JSON = ("-o", "json")


def test_schema_without_a_name_lists_the_documents(mct: Program) -> None:
    ended = mct("schema")
    assert (ended.code, ended.err) == (0, "")
    assert [line.split()[0] for line in ended.out.splitlines()] == sorted((*DOCUMENTS, *FILES))
    listed = mct("schema", *JSON).document
    assert [row["name"] for row in listed["schemas"]] == sorted((*DOCUMENTS, *FILES))


def test_schema_takes_the_short_name_or_the_schema_key_of_a_document(mct: Program) -> None:
    """What is printed is what the documents of all tests are held against."""
    for name in (*DOCUMENTS, *FILES):
        for words in ((name,), (f"mct-s2s/{name}/v1", *JSON)):
            ended = mct("schema", *words, env={"MCT_S2S_CLOUD": "https://localhost:1"})
            assert (ended.code, ended.err, json.loads(ended.out)) == (0, "", schema(name)), (
                "and it needs no Azure"
            )


def test_schema_of_an_unknown_document_is_an_error_with_a_remedy(mct: Program) -> None:
    ended = mct("schema", "nonsense", *JSON)
    assert (ended.code, ended.document["error"]["code"]) == (2, "schema-unknown")
    assert ended.document["error"]["remedy"] == "mct-s2s schema"
    assert "'nonsense'" in mct("schema", "nonsense").err


def test_commands_that_print_text_load_no_models_of_documents() -> None:
    """What their functions import counts, too."""
    names = {*MODULES.values()} - {"schema", "sandbox_commands"}
    files = [PACKAGE / "cli" / "commands" / f"{name}.py" for name in names]
    files.append(PACKAGE / "cli" / "mistakes.py")
    modules = {
        module
        for file in files
        for module, _ in Counter(imports(file)) - Counter(imports_for_json(file))
    }
    ours = sorted(module for module in modules if module.startswith("mct_s2s."))
    assert "mct_s2s.cli.change" in ours
    script = "import sys;" + "".join(f"import {module};" for module in ours)
    script += "sys.exit('mct_s2s.render.documents' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def typed(line: str, kind: type[Any]) -> Any:
    """The options that the parser makes of a command line."""
    read = list[Any]()
    group = typer.Typer(add_completion=False)

    def take(options: Any) -> int:
        read.append(options)
        return 0

    command(group, "x", kind, take, "Some.")
    program, _, *words = shlex.split(line)
    typer.main.get_command(group)(words, standalone_mode=False)
    assert program == "mct-s2s"
    return read[0]


@pytest.mark.parametrize(
    "options",
    [
        SetupOptions(app_service="contosolearn", resource_group="mct-prod"),
        SetupOptions(
            app_service="a",
            client=["One", "Two words", "$(touch x)", "-x"],
            managed_identity=["func"],
        ),
        SetupOptions(
            app_service="a", client=["A"], credential="federated", github="o/r:b", no_restart=True
        ),
        SetupOptions(
            cloud="sandbox", timeout=90.5, handoff=Path("it's.json"), yes=True, role="-role"
        ),
        AddClientOptions(client="Import", app_service="a", secret_to="keyvault:v"),
        AddClientOptions(client="--odd", app_service="a", from_file=Path("-f")),
    ],
)
def test_a_printed_command_line_parses_to_the_options_it_was_made_from(options: Any) -> None:
    assert typed(command_line("x", options), type(options)) == options


def test_a_setup_handed_to_someone_else_has_every_option_but_those_of_a_run() -> None:
    """A new option is one or the other: add its field here, or to `OF_A_RUN`."""
    handed_over = {field.name for field in fields(SetupOptions)} - OF_A_RUN
    assert handed_over == {
        *OF_A_SITE, "client", "managed_identity", "service_app", "service_name", "role", "url",
        "credential", "certificate", "github", "federated_issuer", "federated_subject",
        "federated_audience", "secret_lifetime", "auto_lifetime", "secret_to", "no_consent",
        "service_management_reference", "no_app_service", "handoff",
    }  # fmt: skip


def test_clients_of_a_file_are_handed_to_no_one_without_their_names() -> None:
    of_file = AddClientOptions(client="Import", app_service="a", from_file=Path("clients.txt"))
    assert of_file.directory_half() is None
    typed_alone = replace(of_file, from_file=None).directory_half()
    assert typed_alone is not None
    assert typed(typed_alone, SetupOptions).client == ["Import"]


def test_a_printed_command_line_leaves_out_defaults_and_uses_short_names() -> None:
    options = SetupOptions(app_service="contosolearn", resource_group="mct-prod", client=["A b"])
    assert (
        command_line("setup", options) == "mct-s2s setup -a contosolearn -g mct-prod --client 'A b'"
    )


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        *(
            (kind, "--client", "Import")
            for kind in (AddClientOptions, RemoveClientOptions, RotateSecretOptions)
        ),
        *((kind, "--client", "Import") for kind in (SnippetOptions, VerifyOptions)),
        *(
            (kind, "-a", "learn")
            for kind in (SetupOptions, StatusOptions, DoctorOptions, ExportOptions)
        ),
        *((kind, "-a", "learn") for kind in (TeardownOptions, ConfigureAppserviceOptions)),
    ],
)
def test_the_first_word_of_a_command_is_the_client_or_else_the_app_service(
    kind: type[Any], option: str, value: str
) -> None:
    assert typed(f"mct-s2s x {value}", kind) == typed(f"mct-s2s x {option} {value}", kind)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_stands_beside_its_options_and_writes_its_result_for_programs_too(
    name: str,
) -> None:
    function = getattr(
        import_module(f"mct_s2s.cli.commands.{MODULES[name]}"), name.replace("-", "_")
    )
    assert function.__annotations__["options"].__module__ == function.__module__
    program: Any = typer.main.get_command(app)
    assert "output" in {parameter.name for parameter in program.get_command(None, name).params}
