"""Whatever is typed, and whatever the terminal can show: it ends in an account of its own, never in a traceback."""

import json
import shlex
import subprocess
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox, program, without_azure
from tests.support.sampling import cases, sampled

PATHS_APART = (
    ".",
    "..",
    "../..",
    "a/b",
    "a%2fb",
    "a b",
    "a?b",
    "a#b",
    "a\\b",
    "-",
    "a\nb",
    "x" * 100,
    "é",
    "\u202e",
    " ",
)


def harmless(ended: object, *outputs: str) -> None:
    for text in outputs:
        assert "Traceback" not in text, ended
        assert "This is a bug" not in text, ended


# what the stream cannot carry


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_output_that_the_encoding_cannot_carry_is_replaced(mct: Program, azure: Sandbox, encoding: str) -> None:
    """Every screen in more of them is rendering's to try."""
    env = {"PYTHONIOENCODING": encoding}
    names = ["Düsseldorf 日本語 🚀", "Plain"]
    planned = mct("setup", "--client", names[0], "--client", names[1], "--dry-run", env=env)
    assert planned.code == 3
    done = mct("setup", "--client", names[0], "--client", names[1], "-y", env=env)
    assert done.code == 0, done.err
    for command in (["status"], ["verify"], ["doctor"], ["setup", "--help"], []):
        ended = mct(*command, env=env)
        assert ended.code == 0, ended.err
        harmless(ended, ended.out, ended.err)
        assert ended.out.strip()
    seen = mct("status", "-o", "json", env=env)
    assert [client["displayName"] for client in seen.document["clients"]] == names
    assert mct("doctor", env=env).out.splitlines()[0].startswith("+ Signed in "), "our own marks have others"
    assert "\n  -> List the slots:\n    az webapp" in mct("status", "--slot", "nowhere", env=env).err


def test_a_process_whose_output_is_ascii_ends_as_any_other(process: Program) -> None:
    ended = process("setup", "--client", "日本語", "-y", env={"PYTHONIOENCODING": "ascii"})
    assert ended.code == 0, ended.err
    assert "???" in ended.out


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_may_be_closed(tmp_path: Path, closed: str) -> None:
    file = tmp_path / "told"
    words = shlex.join(program(["status", "-a", "x", "--cloud", "mars"]))
    redirected = closed if "2>" in closed else f"{closed} 2>{shlex.quote(str(file))}"
    done = subprocess.run(["/bin/sh", "-c", f"exec {words} {redirected}"], env=without_azure(), timeout=60, check=False)
    assert done.returncode == 2
    if "2>" not in closed:
        told = file.read_text(encoding="utf-8")
        assert told.startswith("error: ")
        harmless(done, told)


# what is typed


@pytest.mark.parametrize(
    ("option", "name"), sampled(list(product(["--slot", "-g", "-a"], PATHS_APART)), 6, salt="apart")
)
def test_a_name_that_azure_would_refuse_gets_into_no_path(mct: Program, azure: Sandbox, option: str, name: str) -> None:
    if option == "-g" and name in {"é", "-"}:
        pytest.skip("a group may be called so")
    before = azure.settings()
    azure.forget()
    ended = mct("setup", option, name, "--client", "A", "-y", "-o", "json")
    assert ended.code == 2
    code = ended.document["error"]["code"]
    assert code in {"malformed-app-service", "app-service-missing"}
    assert azure.writes() == []
    assert azure.log("arm") == [] or code == "app-service-missing", "then the sites that there are have been listed"
    assert azure.settings() == before


NO_NAMES = (".", "..", "a%2e", "a?b", "a#b", "a\\b", " ", "a\x00b", "a\u202eb")


@pytest.mark.parametrize(("at", "part"), sampled(list(product(range(2, 9), NO_NAMES)), 9, salt="ids"))
def test_no_part_of_an_id_is_anything_but_a_name(mct: Program, azure: Sandbox, part: str, at: int) -> None:
    parts = SITE.split("/")
    parts[at] = part
    ended = mct("status", "-a", "/".join(parts), "-o", "json")
    assert ended.code == 2
    assert ended.document["error"]["code"] in {"malformed-resource-id", "not-an-app-service", "usage"}
    assert azure.log("arm") == []


@pytest.mark.parametrize("tenant", ["Contoso Ltd", "a/b", "..", ".", "contoso.com?x", "ö", "a\nb", "'"])
@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_tenant_is_an_id_or_a_domain(mct: Program, tenant: str, by: str) -> None:
    words, env = (["--tenant", tenant], {}) if by == "option" else ([], {"AZURE_TENANT_ID": tenant})
    ended = mct("status", *words, "-o", "json", env=env)
    assert (ended.code, ended.document["error"]["code"]) == (2, "malformed-id")
    assert tenant in ended.document["error"]["message"]
    harmless(ended, ended.out, ended.err)


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    "words", [["remove-client", "a\udcffb"], ["status", "--slot", "\udc80"], ["add-client", "x", "--github", "\udcff"]]
)
def test_an_argument_that_is_no_text_is_refused(mct: Program, words: list[str], as_json: bool) -> None:
    ended = mct(*words, *(["-o", "json"] if as_json else []))
    assert ended.code == 2
    harmless(ended, ended.out, ended.err)
    if as_json:
        assert json.loads(ended.out)["error"]["code"] == "usage"


def test_a_variable_that_is_no_text_is_refused(mct: Program) -> None:
    ended = mct("status", "-o", "json", env={"MCT_S2S_SLOT": "\udcff"})
    assert (ended.code, ended.document["error"]["code"]) == (2, "usage")


# anything at all

VALUE = st.one_of(
    st.text(st.characters(), max_size=30),
    st.sampled_from(
        [".", "..", "/", "//", "-", "--", "a" * 300, "a" * 5000, "/" + "a/" * 40, "\0", "\udcff", "api://", "https://",
         "https://[", "https://a:b", "keyvault:", "keyvault:https://[", "file:", "file:\0", "file:" + "a" * 5000,
         "file:~nobody/x", "show", "never", "²y", "9999-12-31T23:59:59+23:59", "0001-01-01", "1e400", "nan", "inf",
         "²", "a/b:c", "system:serviceaccount::", "٣d", "%00", "{}", "[]", "[/red]"]
    ),
)  # fmt: skip
OFFLINE = ["--cloud", "mars"]
"""A cloud that there is not: what is typed beside it is checked, and nothing is sent."""
OPTIONS = {
    "setup": [
        "-a", "-g", "-s", "--slot", "--tenant", "--auth", "-o", "--timeout", "--backup", "--secret-lifetime",
        "--secret-to", "--credential", "--certificate", "--github", "--federated-issuer",
        "--federated-subject", "--federated-audience", "--service-name", "--role", "--service-app", "--client",
        "--managed-identity", "--handoff",
    ],
    "configure-appservice": [
        "--audience", "--tenant-name", "--tenant-id", "--role", "--application-id", "--object-id", "--from",
        "--restore",
    ],
    "rotate-secret": ["--expiring-within", "--keep-old", "--secret-lifetime", "--secret-to"],
    "verify": ["--client", "--credentials", "--path", "--audience", "--url"],
    "snippet": ["--language", "--credentials", "--path"],
    "status": ["--expiring-within", "--cloud", "--timeout"],
    "doctor": ["--managed-identity", "-a"],
}  # fmt: skip
TYPED = st.sampled_from([*OPTIONS]).flatmap(
    lambda command: st.tuples(
        st.just(command),
        st.lists(st.tuples(st.sampled_from(OPTIONS[command]), VALUE), min_size=1, max_size=3),
        st.lists(VALUE, max_size=1),
    )
)


@settings(max_examples=cases(50, 1500), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=TYPED, as_json=st.booleans(), offline=st.booleans())
@example(typed=("setup", [("--tenant", "Contoso Ltd")], []), as_json=True, offline=False)
@example(typed=("setup", [("--secret-to", "keyvault:https://[")], []), as_json=True, offline=False)
@example(typed=("setup", [("--timeout", "nan")], []), as_json=True, offline=False)
@example(typed=("setup", [("--timeout", "inf")], []), as_json=True, offline=False)
@example(typed=("setup", [("--secret-lifetime", "9999-12-31T23:59:59+23:59")], []), as_json=True, offline=False)
@example(typed=("verify", [("--audience", "x"), ("--url", "https://[")], []), as_json=True, offline=False)
@example(typed=("snippet", [("--credentials", "a" * 5000)], ["x"]), as_json=True, offline=False)
@example(typed=("snippet", [("--credentials", "~\udcff/x")], ["\u2028"]), as_json=True, offline=False)
def test_anything_typed_ends_in_an_answer(
    mct: Program,
    azure: Sandbox,
    typed: tuple[str, list[tuple[str, str]], list[str]],
    as_json: bool,
    offline: bool,
) -> None:
    command, options, arguments = typed
    changing = ["--dry-run"] if command in {"setup", "configure-appservice", "rotate-secret"} else []
    words = [word for pair in options for word in pair]
    ended = mct(
        command, *arguments, *words, *changing, *(OFFLINE if offline else []), *(["-o", "json"] if as_json else []),
    )  # fmt: skip
    assert ended.code in {0, 1, 2, 3, 4}
    harmless((words, ended), ended.out, ended.err)
    if as_json and ended.out:
        json.loads(ended.out)
