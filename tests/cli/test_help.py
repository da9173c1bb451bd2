"""What `--help` and `schema` print: whole lines for a terminal and for a pipe, and what documents keep to."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer
from mct_s2s.cli.app import COMMANDS as SUMMARIES
from mct_s2s.cli.app import app, main
from mct_s2s.cli.binding import PANELS, choices
from mct_s2s.errors import DOCS
from mct_s2s.render.documents import DOCUMENTS, FILES, schema

from tests.cli.conftest import Program

LONGEST = 70
TWO_SCREENS = 110
LONGER = {"", "setup"}
"""Commands whose line has names of its own: the product, and the three parts of a setup."""


def commands(group: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command by the words that call it."""
    group = group or typer.main.get_command(app)
    yield words, group
    for word in group.list_commands(None) if hasattr(group, "list_commands") else ():
        yield from commands(group.get_command(None, word), (*words, word))


COMMANDS = dict(commands())


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


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_line_is_padded_or_too_wide_no_name_is_cut_and_options_are_listed_by_use(
    shown: Shown, words: tuple[str, ...]
) -> None:
    text = shown(*words, "--help")
    lines = text.splitlines()
    assert [line for line in lines if line != line.rstrip() or len(line) > 80 or "…" in line.split("  ")[0]] == []
    for param in COMMANDS[words].params:
        if not getattr(param, "hidden", False):
            assert all(name in text for name in param.opts if name.startswith("-"))
        assert all(f" {word}" in text for word in choices(param))
    assert "<" not in text
    assert len(lines) <= TWO_SCREENS
    assert text.rstrip().endswith(f"{DOCS}commands.md")
    # Options are listed by use, and the advanced ones last.
    parts = text.split("\n\n")
    titles = [part.partition(":\n")[0] for part in parts if ":\n  " in part and "\n" not in part.partition(":\n")[0]]
    panels = [title for title in titles if title in PANELS]
    assert panels == sorted(set(panels), key=PANELS.index)
    assert set(titles) - set(PANELS) <= {"Commands", "Examples", "Documentation"}
    last = next(part for part in parts if part.startswith(f"{panels[-1]}:"))
    assert "--help" in last.splitlines()[-1]


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_examples_of_a_command_are_its_own_and_its_parser_takes_them(name: str) -> None:
    command = COMMANDS[(name,)]
    assert command.epilog
    for line in command.epilog.splitlines():
        words = shlex.split(line.partition("  # ")[0].partition(" > ")[0].partition(" | ")[0])
        assert words[:2] == ["mct-s2s", name]
        command.make_context(name, words[2:])


@pytest.mark.parametrize("words", [(), ("setup",), ("sandbox",), ("sandbox", "serve")], ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_shown_wherever_it_is_asked_for(shown: Shown, words: tuple[str, ...], flag: str) -> None:
    assert shown(*words, flag).startswith(f"Usage: {' '.join(['mct-s2s', *words])}")


def test_help_for_an_unknown_command_is_a_mistake() -> None:
    assert main(["nosuch", "--help"]) == 2


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mct-s2s st", {"status"}),
        ("mct-s2s sandbox s", {"serve", "save"}),
        ("mct-s2s setup --cl", {"--client", "--cloud"}),
        ("mct-s2s add-client --credential f", {"federated"}),
        ("mct-s2s rotate-secret Im", set()),
    ],
)
def test_the_tab_key_completes_commands_options_and_words(
    line: str, expected: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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
    "pydantic", "rich", "asyncio", "msgraph", "azure", "msal", "kiota_http", "httpx", "starlette", "uvicorn",
    "mct_s2s.engine", "mct_s2s.planning", "mct_s2s.render.console", "mct_s2s.sandbox",
)  # fmt: skip


def test_help_starts_without_what_it_does_not_need_and_a_commands_own_with_its_options_alone() -> None:
    script = (
        "import sys, json; from mct_s2s.cli.app import main;"
        "codes = [main(words.split()) for words in ('--help', '--version', 'setup --help', 'rotate-secret --help')];"
        "print(json.dumps([codes, sorted(name for name, one in sys.modules.items() if one)]), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    codes, loaded = json.loads(done.stderr)
    assert codes == [0, 0, 0, 0]
    assert [name for name in loaded for heavy in HEAVY if name == heavy or name.startswith(f"{heavy}.")] == []
    assert "mct_s2s.cli.commands" in loaded
    assert "mct_s2s.cli.rotating" not in loaded


def test_a_help_text_is_one_short_line_without_semicolons() -> None:
    exempt = {"Do not restart; restart the App Service yourself.", "Entra ID only; skip the App Service."}
    for words, command in COMMANDS.items():
        own = [param for param in command.params if not param.name.endswith("_completion")]  # those are typer's
        summary = command.help.strip().partition("\n")[0]
        assert len(summary) <= LONGEST or " ".join(words) in LONGER
        for text in (summary, *(param.help for param in own)):
            assert text[0].isupper() or text.startswith("file:"), text
            assert text.endswith((".", "…", '".')), text
            assert ";" not in text or text in exempt, text
        assert [param.help for param in own if len(param.help) > LONGEST] == []


JSON = ("-o", "json")


def test_without_a_name_it_lists_the_documents(mct: Program) -> None:
    ended = mct("schema")
    assert (ended.code, ended.err) == (0, "")
    assert [line.split()[0] for line in ended.out.splitlines()] == sorted((*DOCUMENTS, *FILES))
    listed = json.loads(mct("schema", *JSON).out)
    assert [row["name"] for row in listed["schemas"]] == sorted((*DOCUMENTS, *FILES))


def test_a_document_is_named_by_its_short_name_or_by_its_schema_key(mct: Program) -> None:
    """What is printed is what the documents of all tests are held against."""
    for name in (*DOCUMENTS, *FILES):
        for words in ((name,), (f"mct-s2s/{name}/v1", *JSON)):
            ended = mct("schema", *words, env={"MCT_S2S_CLOUD": "https://localhost:1"})
            assert (ended.code, ended.err, json.loads(ended.out)) == (0, "", schema(name)), "and it needs no Azure"


def test_an_unknown_name_is_an_error_with_a_remedy(mct: Program) -> None:
    ended = mct("schema", "nonsense", *JSON)
    assert (ended.code, ended.document["error"]["code"]) == (2, "schema-unknown")
    assert ended.document["error"]["remedy"] == "mct-s2s schema"
    assert "'nonsense'" in mct("schema", "nonsense").err


def test_text_loads_none_of_the_models() -> None:
    names = ("change", "doctor", "export", "mistakes", "snippets", "status", "verifying")
    script = "import sys;" + "".join(f"import mct_s2s.cli.{name};" for name in names)
    script += "sys.exit('mct_s2s.render.documents' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
