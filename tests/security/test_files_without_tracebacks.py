"""Whatever a file holds, and whatever it is called, the program says what is wrong with it in its own words."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from mct_s2s.azure.sign_in import choice
from mct_s2s.azure.sign_in.choice import choose
from mct_s2s.errors import SignInFailed
from mct_s2s.key_pairs import certificate_in
from mct_s2s.model.client_sign_in import Method

from tests.azure.test_certificates import PRIVATE, RSA, pem_of
from tests.cli.conftest import Ended, Program
from tests.conftest import Sandbox

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


def test_a_certificate_of_an_unknown_algorithm_is_refused(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown version or algorithm"):
        certificate_in(STRANGE)
    file = tmp_path / "x.pem"
    file.write_bytes(STRANGE)
    words = ("setup", "--client", "A", "--credential", "certificate", "--certificate", str(file), "-y", "-o", "json")
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
    ids=["unknown key", "unknown certificate", "key alone", "begun", "empty", "no PKCS#12", "two keys"],
)
def test_a_caller_with_a_strange_certificate_is_told(mct: Program, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.pem"
    file.write_bytes(content)
    env = {"AZURE_CLIENT_SECRET": "", "AZURE_CLIENT_CERTIFICATE_PATH": str(file)}
    plain(mct("status", "-o", "json", env=env), "certificate-unreadable", "sign-in-failed")
    dotenv = tmp_path / "c.env"
    dotenv.write_text(f"AZURE_TENANT_ID=x\nAZURE_CLIENT_ID=y\nAZURE_CLIENT_CERTIFICATE_PATH={file}\n")
    ended = mct("verify", "--audience", "api://x", "--credentials", str(dotenv), "-o", "json")
    assert ended.code == 3
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("user", ['"somebody"', "[]", "7", "null", '{"name": 7}'])
def test_a_user_of_any_shape_in_the_azure_clis_profile(mct: Program, azure: Sandbox, tmp_path: Path, user: str) -> None:
    (tmp_path / "azureProfile.json").write_text(
        f'{{"subscriptions": [{{"id": "{azure.subscription_id}", "name": "n", "tenantId": "{azure.tenant_id}", '
        f'"isDefault": true, "user": {user}}}]}}'
    )
    environ = {"AZURE_CONFIG_DIR": str(tmp_path)}
    assert [row.id for row in choice.subscriptions(environ)] == [azure.subscription_id]
    assert choice.signed_in_as(environ) == (None, None, True)
    assert mct("setup", "--client", "A", "-y", env=environ).code == 0


@pytest.mark.parametrize(
    "name",
    ["a\0b", "a\nb.env", "~\0", "x" * 245 + ".env", "x" * 5000, "x/" * 3000 + "x", "~nobody-of-this-name/x"],
    ids=lambda n: f"{n[:6]} {len(n)}",
)
def test_a_path_that_no_file_can_have(mct: Program, azure: Sandbox, tmp_path: Path, name: str) -> None:
    setup = ("setup", "--client", "A", "-y", "-o", "json")
    refused = (
        "usage", "secret-place-unwritable", "secret-place-taken", "backup-place-unwritable", "backup-place-taken",
        "handoff-unwritable", "handoff-unreadable", "backup-unreadable", "certificate-unreadable", "certificate-unfit",
        "credentials-unreadable",
    )  # fmt: skip
    plain(mct(*setup, "--secret-to", f"file:{name}"), *refused)
    plain(mct(*setup, "--credential", "certificate", "--secret-to", f"file:{name}.pem"), *refused)
    plain(mct(*setup, "--credential", "certificate", "--certificate", name), *refused)
    plain(mct("configure-appservice", "--from", name, "-o", "json"), *refused)
    plain(mct("configure-appservice", "--restore", name, "-o", "json"), *refused)
    plain(mct("verify", "--credentials", name, "-o", "json"), *refused)
    dotenv = tmp_path / "c.env"
    dotenv.write_text(f"AZURE_TENANT_ID=x\nAZURE_CLIENT_ID=y\nAZURE_CLIENT_CERTIFICATE_PATH={name}\n")
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
def test_a_ca_file_without_certificates(mct: Program, tmp_path: Path, variable: str, content: bytes) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(content)
    env = {"REQUESTS_CA_BUNDLE": "", "SSL_CERT_FILE": "", variable: str(file)}
    plain(mct("status", "-o", "json", env=env), "no-ca-bundle")


def test_a_note_with_a_time_of_any_form(mct: Program, tmp_path: Path) -> None:
    file = tmp_path / "a.env"
    words = ("setup", "--client", "A", "--secret-to", f"file:{file}", "-y", "-o", "json")
    assert mct(*words).code == 0
    for noted in ("2026-11-24T10:00:00", "2026-11-24", "yesterday", "7", ""):
        head, _, comment = file.read_text().partition("# mct-s2s credential ")
        facts = json.loads(comment)
        assert datetime.fromisoformat(facts["made"]).tzinfo == UTC
        file.write_text(f"{head}# mct-s2s credential {json.dumps({**facts, 'made': noted})}\n")
        assert mct(*words).code == 0, noted
        assert mct("rotate-secret", "A", "--secret-to", f"file:{file}", "-y", "-o", "json").code == 0, noted
    assert mct("verify", "--credentials", str(file)).code == 0


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udfff x"'])
def test_half_a_character_in_a_document_is_refused(mct: Program, tmp_path: Path, text: str) -> None:
    file = tmp_path / "h.json"
    file.write_text(f'{{"schema": "mct-s2s/handoff/v1", "settings": {{"ServiceAuthAudience": {text}}}}}')
    plain(mct("configure-appservice", "--from", str(file), "-o", "json"), "handoff-unreadable")
    file.write_text(f'{{"schema": "mct-s2s/backup/v1", "appService": {text}, "settings": {{}}}}')
    plain(mct("configure-appservice", "--restore", str(file), "-o", "json"), "backup-unreadable")
