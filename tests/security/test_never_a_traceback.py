"""Whatever is typed, a file holds, a service answers or a terminal can show: an account, never a
traceback.
"""

import json
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mct_s2s.azure.sign_in import choice
from mct_s2s.azure.sign_in.choice import choose
from mct_s2s.errors import SignInFailed
from mct_s2s.key_pairs import certificate_in
from mct_s2s.model.client_sign_in import Method
from mct_s2s.sandbox.observability.exchange import Entry
from mct_s2s.sandbox.state.seed import VAULT

from tests.cli.conftest import Ended, Program
from tests.conftest import FUNCTION_APP, SITE, Sandbox, at_home, program, without_azure
from tests.support.answers import answering
from tests.support.certificates import PRIVATE, RSA, pem_of
from tests.support.sampling import cases, sampled
from tests.support.sandbox_inside import Inside

PATHS_APART = (
    ".", "..", "../..", "a/b", "a%2fb", "a b", "a?b", "a#b", "a\\b", "-", "a\nb", "x" * 100, "é",
    "\u202e", " ",
)  # fmt: skip


def harmless(ended: object, *outputs: str) -> None:
    for text in outputs:
        assert "Traceback" not in text, ended
        assert "This is a bug" not in text, ended


# what the stream cannot carry


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_output_that_the_encoding_cannot_carry_is_replaced(
    mct: Program, azure: Sandbox, encoding: str
) -> None:
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
    assert mct("doctor", env=env).out.splitlines()[0].startswith("+ Signed in "), (
        "our own marks have others"
    )
    assert (
        "\n  -> List the slots:\n    az webapp" in mct("status", "--slot", "nowhere", env=env).err
    )


def test_a_process_whose_output_is_ascii_ends_as_any_other(process: Program) -> None:
    ended = process("setup", "--client", "日本語", "-y", env={"PYTHONIOENCODING": "ascii"})
    assert ended.code == 0, ended.err
    assert "???" in ended.out


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_ends_without_a_traceback(tmp_path: Path, closed: str) -> None:
    file = tmp_path / "told"
    words = shlex.join(program(["status", "-a", "x", "--cloud", "mars"]))
    redirected = closed if "2>" in closed else f"{closed} 2>{shlex.quote(str(file))}"
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {words} {redirected}"],
        env=without_azure(),
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    if "2>" not in closed:
        output = file.read_text(encoding="utf-8")
        assert output.startswith("error: ")
        harmless(done, output)


@pytest.mark.parametrize(
    "line",
    [
        "--version",
        "schema result",
        "status",
        "setup --client A -y -o json",
        "sandbox hosts",
        "zzzz -o json",
    ],
)
def test_a_full_disk_ends_without_a_traceback(
    azure: Sandbox, inside: Inside, tmp_path: Path, line: str
) -> None:
    env = {**without_azure(), **azure.environment, **at_home(tmp_path), "PYTHONUNBUFFERED": ""}
    with inside.time.flowing(), Path("/dev/full").open("w") as full:
        done = subprocess.run(
            program(line.split()),
            env=env,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    unwritable = (
        "error: Cannot write to standard output: No space left on device. [output-unwritable]"
    )
    assert (done.returncode, error) == ((1, unwritable) if "zzzz" not in line else (2, error)), (
        done.stderr
    )
    harmless(done, done.stderr)


# what is typed


@pytest.mark.parametrize(
    ("option", "name"), sampled(list(product(["--slot", "-g", "-a"], PATHS_APART)), 6, salt="apart")
)
def test_a_name_that_azure_would_refuse_gets_into_no_path(
    mct: Program, azure: Sandbox, option: str, name: str
) -> None:
    if option == "-g" and name in {"é", "-"}:
        pytest.skip("a group may be called so")
    before = azure.settings()
    azure.forget()
    ended = mct("setup", option, name, "--client", "A", "-y", "-o", "json")
    assert ended.code == 2
    code = ended.document["error"]["code"]
    assert code in {"malformed-app-service", "app-service-missing"}
    assert azure.writes() == []
    assert azure.log("arm") == [] or code == "app-service-missing", (
        "then the sites that there are have been listed"
    )
    assert azure.settings() == before


NO_NAMES = (".", "..", "a%2e", "a?b", "a#b", "a\\b", " ", "a\x00b", "a\u202eb")


@pytest.mark.parametrize(
    ("at", "part"), sampled(list(product(range(2, 9), NO_NAMES)), 9, salt="ids")
)
def test_no_part_of_an_id_is_anything_but_a_name(
    mct: Program, azure: Sandbox, part: str, at: int
) -> None:
    parts = SITE.split("/")
    parts[at] = part
    ended = mct("status", "-a", "/".join(parts), "-o", "json")
    assert ended.code == 2
    assert ended.document["error"]["code"] in {
        "malformed-resource-id",
        "not-an-app-service",
        "usage",
    }
    assert azure.log("arm") == []


@pytest.mark.parametrize(
    "tenant", ["Contoso Ltd", "a/b", "..", ".", "contoso.com?x", "ö", "a\nb", "'"]
)
@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_tenant_is_an_id_or_a_domain(mct: Program, tenant: str, by: str) -> None:
    words, env = (["--tenant", tenant], {}) if by == "option" else ([], {"AZURE_TENANT_ID": tenant})
    ended = mct("status", *words, "-o", "json", env=env)
    assert (ended.code, ended.document["error"]["code"]) == (2, "malformed-id")
    assert tenant in ended.document["error"]["message"]
    harmless(ended, ended.out, ended.err)


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    "words",
    [
        ["remove-client", "a\udcffb"],
        ["status", "--slot", "\udc80"],
        ["add-client", "x", "--github", "\udcff"],
    ],
)
def test_an_argument_that_is_no_text_is_refused(
    mct: Program, words: list[str], as_json: bool
) -> None:
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
        [".", "..", "/", "//", "-", "--", "a" * 300, "a" * 5000, "/" + "a/" * 40, "\0", "\udcff",
         "api://", "https://",
         "https://[", "https://a:b", "keyvault:", "keyvault:https://[", "file:", "file:\0",
         "file:" + "a" * 5000,
         "file:~nobody/x", "show", "never", "²y", "9999-12-31T23:59:59+23:59", "0001-01-01",
         "1e400", "nan", "inf",
         "²", "a/b:c", "system:serviceaccount::", "٣d", "%00", "{}", "[]", "[/red]"]
    ),
)  # fmt: skip
OFFLINE = ["--cloud", "mars"]
"""A cloud that there is not: what is typed beside it is checked, and nothing is sent."""
OPTIONS = {
    "setup": [
        "-a", "-g", "-s", "--slot", "--tenant", "--auth", "-o", "--timeout", "--backup",
        "--secret-lifetime",
        "--secret-to", "--credential", "--certificate", "--github", "--federated-issuer",
        "--federated-subject", "--federated-audience", "--service-name", "--role", "--service-app",
        "--client",
        "--managed-identity", "--handoff",
    ],
    "configure-appservice": [
        "--audience", "--tenant-name", "--tenant-id", "--role", "--application-id", "--object-id",
        "--from",
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
@example(
    typed=("setup", [("--secret-lifetime", "9999-12-31T23:59:59+23:59")], []),
    as_json=True,
    offline=False,
)
@example(
    typed=("verify", [("--audience", "x"), ("--url", "https://[")], []), as_json=True, offline=False
)
@example(typed=("snippet", [("--credentials", "a" * 5000)], ["x"]), as_json=True, offline=False)
@example(
    typed=("snippet", [("--credentials", "~\udcff/x")], ["\u2028"]), as_json=True, offline=False
)
def test_anything_typed_ends_in_an_answer(
    mct: Program,
    azure: Sandbox,
    typed: tuple[str, list[tuple[str, str]], list[str]],
    as_json: bool,
    offline: bool,
) -> None:
    command, options, arguments = typed
    changing = (
        ["--dry-run"] if command in {"setup", "configure-appservice", "rotate-secret"} else []
    )
    words = [word for pair in options for word in pair]
    ended = mct(
        command, *arguments, *words, *changing, *(OFFLINE if offline else []),
        *(["-o", "json"] if as_json else []),
    )  # fmt: skip
    assert ended.code in {0, 1, 2, 3, 4}
    harmless((words, ended), ended.out, ended.err)
    if as_json and ended.out:
        json.loads(ended.out)


RSA_OID = bytes.fromhex("06092a864886f70d010101")
UNKNOWN_OID = bytes.fromhex("06092a864886f70d01017f")


def with_unknown_key(pem: bytes, label: bytes) -> bytes:
    """The same, its key of a kind that nobody knows."""
    import base64  # noqa: PLC0415

    body = b"".join(pem.split(label + b"-----")[1].partition(b"-----END")[0].split())
    changed = base64.encodebytes(base64.b64decode(body).replace(RSA_OID, UNKNOWN_OID))
    return b"-----BEGIN " + label + b"-----\n" + changed + b"-----END " + label + b"-----\n"


STRANGE = with_unknown_key(pem_of(RSA), b"CERTIFICATE")


def plain(ended: Ended, *codes: str) -> None:
    assert ended.document["error"]["code"] in codes
    assert (ended.code in {2, 4}, "Traceback" in ended.err) == (True, False)


def test_a_certificate_of_an_unknown_algorithm_is_refused(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="unknown version or algorithm"):
        certificate_in(STRANGE)
    file = tmp_path / "x.pem"
    file.write_bytes(STRANGE)
    words = (
        "setup",
        "--client",
        "A",
        "--credential",
        "certificate",
        "--certificate",
        str(file),
        "-y",
        "-o",
        "json",
    )
    plain(mct(*words), "certificate-unfit")
    assert azure.writes() == []


@pytest.mark.parametrize(
    "content",
    [
        STRANGE + with_unknown_key(PRIVATE, b"PRIVATE KEY"),
        STRANGE + PRIVATE,
        PRIVATE,
        b"-----BEGIN",
        b"",
        b"\x30\x80" * 100,
        PRIVATE
        + RSA.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        ),
    ],
    ids=[
        "unknown key",
        "unknown certificate",
        "key alone",
        "begun",
        "empty",
        "no PKCS#12",
        "two keys",
    ],
)
def test_a_caller_with_a_strange_certificate_is_told(
    mct: Program, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "x.pem"
    file.write_bytes(content)
    env = {"AZURE_CLIENT_SECRET": "", "AZURE_CLIENT_CERTIFICATE_PATH": str(file)}
    plain(mct("status", "-o", "json", env=env), "certificate-unreadable", "sign-in-failed")
    dotenv = tmp_path / "c.env"
    dotenv.write_text(
        f"AZURE_TENANT_ID=x\nAZURE_CLIENT_ID=y\nAZURE_CLIENT_CERTIFICATE_PATH={file}\n"
    )
    ended = mct("verify", "--audience", "api://x", "--credentials", str(dotenv), "-o", "json")
    assert ended.code == 3
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("user", ['"somebody"', "[]", "7", "null", '{"name": 7}'])
def test_a_user_of_any_shape_in_the_azure_clis_profile_is_borne(
    mct: Program, azure: Sandbox, tmp_path: Path, user: str
) -> None:
    (tmp_path / "azureProfile.json").write_text(
        f'{{"subscriptions": [{{"id": "{azure.subscription_id}", "name": "n", "tenantId": '
        f'"{azure.tenant_id}", '
        f'"isDefault": true, "user": {user}}}]}}'
    )
    environ = {"AZURE_CONFIG_DIR": str(tmp_path)}
    assert [row.id for row in choice.subscriptions(environ)] == [azure.subscription_id]
    assert choice.cli_account(environ) == choice.CliAccount()
    assert mct("setup", "--client", "A", "-y", env=environ).code == 0


@pytest.mark.parametrize(
    "name",
    [
        "a\0b",
        "a\nb.env",
        "~\0",
        "x" * 245 + ".env",
        "x" * 5000,
        "x/" * 3000 + "x",
        "~nobody-of-this-name/x",
    ],
    ids=lambda n: f"{n[:6]} {len(n)}",
)
def test_a_path_that_no_file_can_have_is_refused(
    mct: Program, azure: Sandbox, tmp_path: Path, name: str
) -> None:
    setup = ("setup", "--client", "A", "-y", "-o", "json")
    refused = (
        "usage", "secret-place-unwritable", "secret-place-taken", "backup-place-unwritable",
        "backup-place-taken",
        "handoff-unwritable", "handoff-unreadable", "backup-unreadable", "certificate-unreadable",
        "certificate-unfit",
        "credentials-unreadable",
    )  # fmt: skip
    plain(mct(*setup, "--secret-to", f"file:{name}"), *refused)
    plain(mct(*setup, "--credential", "certificate", "--secret-to", f"file:{name}.pem"), *refused)
    plain(mct(*setup, "--credential", "certificate", "--certificate", name), *refused)
    plain(mct("configure-appservice", "--from", name, "-o", "json"), *refused)
    plain(mct("configure-appservice", "--restore", name, "-o", "json"), *refused)
    plain(mct("verify", "--credentials", name, "-o", "json"), *refused)
    dotenv = tmp_path / "c.env"
    dotenv.write_text(
        f"AZURE_TENANT_ID=x\nAZURE_CLIENT_ID=y\nAZURE_CLIENT_CERTIFICATE_PATH={name}\n"
    )
    plain(mct("verify", "--credentials", str(dotenv), "-o", "json"), *refused)
    for option in ("--backup", "--handoff"):
        if not name.startswith("~"):
            plain(mct(*setup, option, name), *refused)
    assert azure.writes() == []


def test_a_user_without_a_home_is_signed_in_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that runs as a number has none, and `HOME` may not be set."""

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    assert choice.subscriptions({}) == []
    assert choice.login_host({}) == "https://login.microsoftonline.com"
    with pytest.raises(SignInFailed):
        choose(Method.AUTO, {}, on_terminal=False)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("content", [b"", b"no certificate", STRANGE[:200], b"\0" * 100])
def test_a_ca_file_without_certificates_is_refused(
    mct: Program, tmp_path: Path, variable: str, content: bytes
) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(content)
    env = {"REQUESTS_CA_BUNDLE": "", "SSL_CERT_FILE": "", variable: str(file)}
    plain(mct("status", "-o", "json", env=env), "no-ca-bundle")


def test_a_note_with_a_time_of_any_form_is_read(mct: Program, tmp_path: Path) -> None:
    file = tmp_path / "a.env"
    words = ("setup", "--client", "A", "--secret-to", f"file:{file}", "-y", "-o", "json")
    assert mct(*words).code == 0
    for noted in ("2026-11-24T10:00:00", "2026-11-24", "yesterday", "7", ""):
        head, _, comment = file.read_text().partition("# mct-s2s credential ")
        facts = json.loads(comment)
        assert datetime.fromisoformat(facts["made"]).tzinfo == UTC
        file.write_text(f"{head}# mct-s2s credential {json.dumps({**facts, 'made': noted})}\n")
        assert mct(*words).code == 0, noted
        assert (
            mct("rotate-secret", "A", "--secret-to", f"file:{file}", "-y", "-o", "json").code == 0
        ), noted
    assert mct("verify", "--credentials", str(file)).code == 0


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udfff x"'])
def test_half_a_character_in_a_document_is_refused(mct: Program, tmp_path: Path, text: str) -> None:
    file = tmp_path / "h.json"
    file.write_text(
        f'{{"schema": "mct-s2s/handoff/v1", "settings": {{"ServiceAuthAudience": {text}}}}}'
    )
    plain(mct("configure-appservice", "--from", str(file), "-o", "json"), "handoff-unreadable")
    file.write_text(f'{{"schema": "mct-s2s/backup/v1", "appService": {text}, "settings": {{}}}}')
    plain(mct("configure-appservice", "--restore", str(file), "-o", "json"), "backup-unreadable")


SHAPES: dict[str, tuple[object, int, dict[str, str]]] = {
    "null": (None, 200, {}),
    "a list": ([], 200, {}),
    "a text": ("x", 200, {}),
    "a number": (4, 200, {}),
    "nothing in it": ({}, 200, {}),
    "rows that are none": ({"value": [None, 1, "x", []], "properties": {"A": 1}}, 200, {}),
    "no list of rows": ({"value": {"a": 1}, "properties": [1]}, 200, {}),
    "ids that are none": (
        {"value": [{"id": 4}], "id": "/x", "appId": {}, "properties": {"id": 1}},
        200,
        {},
    ),
    "times that are none": ({"value": [{"attributes": {"created": 2**62}}]}, 200, {}),
    "another success": ({"id": 1}, 202, {}),
    "moved": (b"", 301, {"location": "https://elsewhere.example/"}),
    "found elsewhere": ({}, 302, {"location": "/elsewhere"}),
    "not modified": (b"", 304, {}),
    "moved without saying where": ({}, 307, {}),
    "busy, for how long nobody knows": ({"error": [1]}, 429, {"retry-after": "\u00b2"}),
    "refused in no words": ({"error": {"code": [], "message": {}}}, 400, {}),
}
COMMANDS = {
    "setup": ("setup", "--client", "A", "--client", "B", "--managed-identity", FUNCTION_APP, "-y"),
    "vault": ("setup", "--client", "A", "--secret-to", f"keyvault:{VAULT}", "-y"),
    "certificate": ("setup", "--client", "A", "--credential", "certificate", "-y"),
    "status": ("status",),
    "doctor": ("doctor", "--client", "A"),
    "verify": ("verify",),
    "rotate": ("rotate-secret", "A", "-y"),
    "remove": ("remove-client", "A", "--purge", "-y"),
    "teardown": ("teardown", "-y"),
}
ASKED = (
    ("arm", "/metadata/endpoints"), ("entra", "/token"),
    ("arm", "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590"), ("arm", "/sites/contosolearn"),
    ("arm", "/appsettings/list"), ("arm", "/config/appsettings"), ("arm", "/slots"),
    ("arm", "/slotConfigNames"),
    ("arm", "/permissions"), ("arm", "/locks"), ("arm", "/reports-func"), ("arm", "/restart"),
    ("graph", "/organization"), ("graph", "')"), ("graph", "/applications"),
    ("graph", "/addPassword"),
    ("graph", "/removePassword"), ("graph", "/servicePrincipals"), ("graph", "/appRoleAssignedTo"),
    ("graph", "/microsoft.graph.application"), ("graph", "/me"),
    ("graph", "/defaultAppManagementPolicy"),
    ("graph", "/appRoleAssignments"), ("graph", "/federatedIdentityCredentials"), ("vault", ""),
    ("site", ""),
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One command that gets one odd answer wherever it asks for something."""

    command: str
    service: str
    path: str
    shape: str
    only: str

    def fits(self, entry: Entry) -> bool:
        reads = entry.method == "GET" or entry.path.endswith(("/list", "/token"))
        wanted = entry.service == self.service and entry.path.endswith(self.path)
        return wanted and (self.only == "all" or reads == (self.only == "readings"))

    def __str__(self) -> str:
        return f"{self.command}, {self.service} {self.path}, {self.only}: {self.shape}"


def cells() -> Iterator[Cell]:
    for command in COMMANDS:
        for service, path in ASKED:
            for shape in SHAPES:
                for only in ("readings", "writes"):
                    yield Cell(command, service, path, shape, only)


@pytest.mark.parametrize("cell", sampled(list(cells()), 6, of_all=300, salt="shapes"), ids=str)
def test_a_command_bears_an_answer_of_any_shape(
    mct: Program, azure: Sandbox, inside: Inside, cell: Cell
) -> None:
    if cell.command not in {"setup", "vault", "certificate"}:
        assert mct(*COMMANDS["setup"], "--no-verify").code == 0
    body, status, headers = SHAPES[cell.shape]
    inside.hooks.before.append(answering(cell.fits, body, status, headers))
    done = mct(*COMMANDS[cell.command], "-o", "json")
    assert done.code in {0, 1, 2, 3, 4}
    assert "Traceback" not in done.err + done.out
    assert "bug in mct-s2s" not in done.err + done.out
    assert done.document["schema"]
