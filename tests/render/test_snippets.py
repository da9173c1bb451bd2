"""The programs of `snippet`: what each looks like, that its language reads it, and that no value
leaves its place.
"""

import ast
import io
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import tree_sitter
import tree_sitter_c_sharp
import tree_sitter_powershell
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from mct_s2s.cli.snippets import notes
from mct_s2s.errors import UsageError
from mct_s2s.model.client_credentials import GITHUB, Federation
from mct_s2s.model.client_sign_in import Language
from mct_s2s.planning.reports.findings import diagnose
from mct_s2s.render import snippets as literals
from mct_s2s.render.console import UNBOUNDED, Terminal
from mct_s2s.render.manual_steps import show_manual_steps
from mct_s2s.render.snippets import ApiCall, CredentialSource, SourceKind, languages_for, snippet
from ruamel.yaml import YAML

from tests.planning.scenarios import SERVICE_ID, TENANT, client, complete, credential, guid
from tests.support.mct import MCT
from tests.support.sampling import cases
from tests.support.screens import check_kept, screen_text

KEPT = Path(__file__).parent / "snippets"
EXCHANGE = "api://AzureADTokenExchange"
FEDERATION = Federation(GITHUB, "repo:contoso/import:environment:production", EXCHANGE)
SOURCES = (
    CredentialSource(SourceKind.SECRET_FILE, path="/home/ada/import.env"),
    CredentialSource(
        SourceKind.VAULT, "", "contoso-kv", "https://contoso-kv.vault.azure.net", "mct-s2s-import"
    ),
    CredentialSource(SourceKind.CERTIFICATE, path="/home/ada/import.pem"),
    CredentialSource(SourceKind.FEDERATED, federation=FEDERATION),
    CredentialSource(SourceKind.MANAGED_IDENTITY, client_id=guid("identity")),
)
PROGRAMS = [(language, source) for source in SOURCES for language in languages_for(source)]
TYPOGRAPHIC = "\u2018\u2019\u201a\u201b"
"""Quotation marks that end a string of PowerShell as well."""
EVIL = (
    f"x'$(touch pwned)`touch pwned`\"${{{{ secrets.X }}}} $(System.AccessToken) $[1] {{{{ x }}}} "
    f"\\n{TYPOGRAPHIC}#*/ y"
)
"""What would become part of a program, if anything could."""
IN_THE_SANDBOX: dict[str, Any] = {
    "authority": "https://localhost:8443",
    "url": "https://localhost:8445/api/v1/organization",
    "is_public": False,
    "is_known": False,
    "ca_file": "/home/ada/sandbox/ca.pem",
}


def caller(
    source: CredentialSource, name: str = "Import", client_id: str = guid("Import"), **changed: Any
) -> ApiCall:
    """The client of that name; `changed` are members of what it calls."""
    call = ApiCall(
        name,
        client_id,
        source,
        site="contosolearn",
        url="https://contosolearn.azurewebsites.net/api/v1/organization",
        audience=f"api://{SERVICE_ID}",
        tenant_id=TENANT.id,
        authority="https://login.microsoftonline.com",
        api=MCT,
    )
    return replace(call, **changed)


def evil(source: CredentialSource) -> ApiCall:
    """Everything that someone else can choose."""
    federation = Federation(GITHUB, f"repo:o/r:environment:{EVIL}", EVIL)
    other = CredentialSource(
        source.kind, f"/{EVIL}", EVIL, f"https://{EVIL}", EVIL, federation, EVIL
    )
    words = ("name", "client_id", "site", "tenant_id", "audience", "ca_file")
    chosen = dict.fromkeys(words, EVIL) | {"authority": f"https://{EVIL}", "url": f"https://{EVIL}"}
    return caller(other, is_public=False, is_known=False, **chosen)


def named(value: Any) -> str:
    return value.kind.value if isinstance(value, CredentialSource) else str(value)


@pytest.mark.parametrize(("language", "source"), PROGRAMS, ids=named)
def test_a_program_is_the_one_that_was_last_looked_at(
    language: Language, source: CredentialSource
) -> None:
    check_kept(KEPT / f"{language.value}-{source.kind}.txt", snippet(caller(source), language))


def test_each_language_takes_each_credential_that_it_can_use() -> None:
    """No workflow runs inside the Azure resource that has the identity.

    No other program is kept.
    """
    assert {file.stem for file in KEPT.iterdir()} == {
        f"{language}-{source.kind}" for language, source in PROGRAMS
    }
    lacking = {(language, kind) for language in Language for kind in SourceKind}
    lacking -= {(language, source.kind) for language, source in PROGRAMS}
    no_app = {
        (Language.APP_SETTINGS, kind) for kind in (SourceKind.CERTIFICATE, SourceKind.FEDERATED)
    }
    assert lacking == {(Language.GITHUB_ACTIONS, SourceKind.MANAGED_IDENTITY)} | no_app


def test_a_template_that_quotes_nothing_is_refused() -> None:
    from mct_s2s.render.snippets import _environment  # noqa: PLC0415

    with pytest.raises(TypeError, match="without a filter"):
        _environment(Language.PYTHON).from_string("«call.client»").render(call=caller(SOURCES[0]))


# Each is read by its own language


def read_shell(text: str) -> None:
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def read_workflow(text: str) -> Any:
    """The workflow, valid by the schema that check-jsonschema brings along."""
    workflow = YAML(typ="safe").load(text)
    schema = files("check_jsonschema").joinpath("builtin_schemas/vendor/github-workflows.json")
    content = schema.read_text(encoding="utf-8")
    Draft7Validator(json.loads(content)).validate(workflow)
    read_shell(str(workflow["jobs"]["call"]["steps"][-1]["run"]))
    return workflow


def read_tree(text: str, language: Any) -> tree_sitter.Node:
    parser = tree_sitter.Parser(tree_sitter.Language(language))
    root = parser.parse(text.encode()).root_node
    assert not root.has_error, str(root)
    return root


def read_c_sharp(text: str) -> None:
    """The lines for `dotnet run` come first: the grammar does not know them yet."""
    program = re.sub(r"(?m)^#:(package|property) [\w.]+[@=][\w.*]+\n", "", text)
    assert "#:" not in program
    read_tree(program, tree_sitter_c_sharp.language())


READERS: dict[Language, Callable[[str], Any]] = {
    Language.CURL: read_shell,
    Language.PYTHON: lambda text: compile(text, "caller.py", "exec"),
    Language.CSHARP: read_c_sharp,
    Language.POWERSHELL: lambda text: read_tree(text, tree_sitter_powershell.language()),
    Language.GITHUB_ACTIONS: read_workflow,
    Language.APP_SETTINGS: read_shell,
}


CALLS: dict[str, Callable[[CredentialSource], ApiCall]] = {
    "public": caller,
    "sandbox": lambda source: caller(source, **IN_THE_SANDBOX),
    "whatever is called how": evil,
}


@pytest.mark.parametrize(
    "source",
    # A managed identity asks its machine over http
    [each for each in SOURCES if each.kind is not SourceKind.MANAGED_IDENTITY],
    ids=named,
)
def test_a_python_program_in_the_sandbox_names_its_authority_wherever_it_connects(
    source: CredentialSource,
) -> None:
    program = ast.parse(snippet(caller(source, **IN_THE_SANDBOX), Language.PYTHON))
    calls = [node for node in ast.walk(program) if isinstance(node, ast.Call)]
    clients = [
        call for call in calls
        if isinstance(call.func, ast.Name) and call.func.id.endswith(("Credential", "Client"))
    ]  # fmt: skip
    named_authorities = [
        [ast.literal_eval(word.value) for word in call.keywords if word.arg == "connection_verify"]
        for call in clients
    ]
    assert clients
    assert named_authorities == [[IN_THE_SANDBOX["ca_file"]]] * len(clients)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("language", "source"), PROGRAMS, ids=named)
def test_a_program_is_read_by_its_language(
    language: Language, source: CredentialSource, call: str
) -> None:
    text = snippet(CALLS[call](source), language)
    READERS[language](text)
    lines = text.split("\n")
    assert lines[-1] == ""
    assert all(line.isprintable() for line in lines)
    assert ("pwned" in text) is (call == "whatever is called how")
    assert "pwned" in text or [line for line in lines if line != line.rstrip()] == []
    # The system's own authorities are right: a file that is named wins over them
    if call == "public":
        assert not re.search("CA_BUNDLE|CERT_FILE|CA_CERTS|cafile|ca.pem", text)
    if call == "sandbox":
        assert ("/home/ada/sandbox/ca.pem" in text) == (language is not Language.APP_SETTINGS)


@pytest.mark.parametrize("language", [Language.PYTHON, Language.CSHARP])
@pytest.mark.parametrize("source", SOURCES[:4], ids=named)
def test_a_program_names_the_login_host_of_another_cloud(
    language: Language, source: CredentialSource
) -> None:
    text = snippet(
        caller(source, authority="https://login.microsoftonline.us", is_public=False), language
    )
    assert '"https://login.microsoftonline.us"' in text
    assert "iscovery" not in text  # Microsoft knows it


# No value leaves its place


@pytest.mark.parametrize("source", SOURCES, ids=named)
def test_python_has_each_value_whole(source: CredentialSource) -> None:
    program = ast.parse(snippet(evil(source), Language.PYTHON))
    texts = {node.value for node in ast.walk(program) if isinstance(node, ast.Constant)}
    assert {f"{EVIL}/.default", f"https://{EVIL}"} <= texts


def test_no_name_chooses_the_encoding_of_a_python_program() -> None:
    """Python looks for it in the first two lines."""
    text = snippet(caller(SOURCES[0], name="coding: utf-7", site="coding=utf-7"), Language.PYTHON)
    assert "coding" not in "".join(text.splitlines()[:2])


@pytest.mark.parametrize("source", SOURCES[:4], ids=named)
def test_a_workflow_has_no_expression_but_its_own(source: CredentialSource) -> None:
    workflow = read_workflow(snippet(evil(source), Language.GITHUB_ACTIONS))
    ours = r"\$\{\{ (secrets\.(AZURE_CLIENT|MCT)_\w+|'\$\{\{') \}\}"
    assert "${{" not in re.sub(ours, "", json.dumps(workflow))


def shell_words(script: str) -> list[str]:
    """What a shell makes of words, each between two zero bytes."""
    done = subprocess.run(["sh", "-c", f"printf '%s\\0' {script}"], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


HOSTILE = (
    EVIL, "", "a b", "-x", "~", "*", "!!", "%s%d", "\\", "é日本🚀", "$", "$(", "${{",
    "##vso[a]b##VSO[ ##[group]",
    "::add-mask::a ::error::b", "''\"\"",
)  # fmt: skip


def test_a_shell_has_each_value_whole() -> None:
    values = list(HOSTILE)
    for quote in (literals.shell, literals.workflow_shell):
        assert shell_words(" ".join(map(quote, values))) == values


@pytest.mark.parametrize("source", [SOURCES[0], SOURCES[1], SOURCES[4]], ids=named)
def test_application_settings_have_each_value_whole(source: CredentialSource) -> None:
    az = "az() { printf '%s\\0' \"$@\"; }; APP=portal; GROUP=integrations\n"
    text = az + snippet(evil(source), Language.APP_SETTINGS)
    done = subprocess.run(["sh"], input=text, text=True, capture_output=True, check=True)
    words = done.stdout.split("\0")[:-1]
    settings = dict(word.split("=", 1) for word in words[words.index("--settings") + 1 :])
    wanted = {
        "AZURE_CLIENT_ID": EVIL,
        "MCT_S2S_SCOPE": f"{EVIL}/.default",
        "MCT_S2S_URL": f"https://{EVIL}",
    }
    if source.kind is not SourceKind.MANAGED_IDENTITY:
        wanted |= {"AZURE_TENANT_ID": EVIL, "AZURE_AUTHORITY_HOST": f"https://{EVIL}"}
    if source.kind is SourceKind.VAULT:
        wanted |= {
            "AZURE_CLIENT_SECRET": f"@Microsoft.KeyVault(SecretUri=https://{EVIL}/secrets/{EVIL}/)"
        }
    assert settings == wanted


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(TEXTS)
@settings(max_examples=cases(100, 5000))
def test_a_string_is_whole_in_every_language(value: str) -> None:
    assert ast.literal_eval(literals.escaped(value)) == value
    assert YAML(typ="safe").load(io.StringIO(literals.workflow_yaml(value))) == value.replace(
        "${{", "${{ '${{' }}"
    )
    assert literals.escaped(value).isascii()
    assert len(literals.comment(value).splitlines()) <= 1


PRINTABLE = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=12
)


@given(PRINTABLE)
@settings(max_examples=cases(20, 500), deadline=None)
def test_a_string_is_whole_in_a_shell(value: str) -> None:
    assert shell_words(f"{literals.shell(value)} {literals.workflow_shell(value)}") == [
        value,
        value,
    ]
    assert all(
        quote(value).isprintable()
        for quote in (literals.shell, literals.workflow_shell, literals.powershell)
    )


def strings_of(root: tree_sitter.Node, kind: str) -> Iterator[str]:
    if root.type == kind and root.text is not None:
        yield root.text.decode()
    for child in root.children:
        yield from strings_of(child, kind)


@pytest.mark.parametrize("value", [TYPOGRAPHIC, *HOSTILE])
def test_a_powershell_string_ends_where_it_should(value: str) -> None:
    root = read_tree(f"$x = {literals.powershell(value)}", tree_sitter_powershell.language())
    texts = "".join(text[1:-1] for text in strings_of(root, "string_literal"))
    assert re.sub(rf"(['{TYPOGRAPHIC}])\1", r"\1", texts) == value


@pytest.mark.parametrize("value", ["a\nb", "\x1b[2J", "\u2028", "\udcff"])
def test_characters_that_cannot_be_shown_are_in_no_program_of_a_shell(value: str) -> None:
    for quote in (literals.shell, literals.workflow_shell, literals.powershell):
        with pytest.raises(UsageError, match="cannot be shown"):
            quote(f"a{value}")
    assert literals.escaped(value).isascii()


@pytest.mark.parametrize("value", HOSTILE[:-1])
def test_a_c_sharp_string_is_one_string(value: str) -> None:
    root = read_tree(f"var x = {literals.escaped(value)};", tree_sitter_c_sharp.language())
    assert list(strings_of(root, "string_literal")) == [literals.escaped(value)]


# What is secret, and what is not


def test_no_secret_is_an_argument_of_a_program() -> None:
    """Arguments can be read by everyone on the machine: a shell's programs get secrets by standard
    input.
    """
    programs = (snippet(caller(source), language) for language, source in PROGRAMS)
    for line in (line for text in programs for line in text.splitlines()):
        if "curl" in line or line.strip().startswith("--"):
            command = line.rpartition("|")[2] if "printf" in line else line
            assert not re.search(
                r"\$\{?(AZURE_CLIENT_SECRET|token|assertion|answer|ACTIONS_ID_TOKEN_REQUEST_TOKEN)\b",
                command,
            )


def test_a_screen_has_what_keeps_a_program_from_working_and_then_the_program() -> None:
    late = complete(client("Import", credential(10)))
    seen = replace(late, trust=replace(late.trust, assignments=()))
    whose = caller(SOURCES[0])

    def show(terminal: Terminal) -> None:
        show_manual_steps(terminal.err, notes(whose, Language.CURL, diagnose(seen), seen))
        terminal.verbatim(snippet(whose, Language.CURL))

    text = screen_text(show, width=UNBOUNDED)
    above, _, program = text.partition("\n(\n")
    assert f"(\n{program}" == snippet(whose, Language.CURL).rstrip("\n")
    assert [line.partition(".")[0] for line in above.splitlines() if not line.startswith(" ")] == [
        "'Import' has no admin consent, so its tokens have no role",
        "The last secret of 'Import' expires on 2026-12-04, in 10 days",
        "The client's credential is not in its usual place on this machine",
    ]


def test_a_job_runs_in_the_environment_that_the_subject_names_and_else_in_none() -> None:
    other = CredentialSource(
        SourceKind.FEDERATED, federation=Federation(GITHUB, "repo:o/r:ref:refs/heads/x", EXCHANGE)
    )
    for source, environment in ((SOURCES[3], "production"), (other, None)):
        workflow = read_workflow(snippet(caller(source), Language.GITHUB_ACTIONS))
        assert workflow["jobs"]["call"].get("environment") == environment
