"""`~/.netrc` is never read: a password kept there for some host, or for `default`, went to whoever `--cloud` names."""

from __future__ import annotations

import netrc
import ssl
from pathlib import Path
from typing import Any

import pytest
import requests
from mct_s2s.azure.answers import OddAnswer
from mct_s2s.azure.sign_in.interactive import blocking_transport
from mct_s2s.limits import ANSWER_BYTES
from mct_s2s.sandbox.state.seed import VAULT
from requests.adapters import HTTPAdapter

from tests.cli.conftest import Program
from tests.conftest import FUNCTION_APP, Sandbox
from tests.support.proxy import proxy

TLS = ssl.create_default_context()
KEPT = "machine 127.0.0.1 login proxy password p\ndefault login somebody password kept-for-something-else\n"
SETUP = ("setup", "--client", "S2S-client", "--secret-to", f"keyvault:{VAULT}", "-y")


class Read(AssertionError):
    """It was read."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with such a file, and an alarm at the one way into it that all libraries take."""
    (tmp_path / ".netrc").write_text(KEPT)
    (tmp_path / ".netrc").chmod(0o600)

    def alarm(*arguments: object) -> None:
        raise Read(arguments)

    monkeypatch.setattr(netrc.netrc, "__init__", alarm)
    return tmp_path


def test_no_request_of_any_service_takes_a_password_from_it(mct: Program, azure: Sandbox, home: Path) -> None:
    """Discovery, sign-in, Graph, Resource Manager, a vault, the MCT API and a managed identity."""
    for variables in ({}, {"NETRC": str(home / ".netrc")}):
        done = mct(*SETUP, env=variables)
        assert done.code == 0, done.err
        assert "Traceback" not in done.err
    inside_azure = {**azure.identity_environment(FUNCTION_APP), "AZURE_CLIENT_SECRET": "", "AZURE_CLIENT_ID": ""}
    done = mct("verify", "--audience", "api://x", "--url", azure.site_url, env=inside_azure)
    assert done.code == 3
    managed = mct("status", "--auth", "managed-identity", env=inside_azure)
    assert managed.code == 4, managed.err


def test_proxies_of_the_environment_are_used_without_it(
    mct: Program, process: Program, azure: Sandbox, home: Path
) -> None:
    """It holds a password for the proxy's own host, too."""
    assert mct("setup", "--client", "S2S-client", "-y").code == 0
    with proxy() as running:
        for address, credential in (("user:word@", "Basic dXNlcjp3b3Jk"), ("", "")):
            running.asked.clear()
            done = process("verify", env={"HTTPS_PROXY": f"http://{address}{running.address}"})
            assert done.code == 0, done.err
            services = (azure.origin, azure.graph_url, azure.site_url)
            assert {f"CONNECT {url.removeprefix('https://')}" for url in services} <= {to for to, _ in running.asked}
            assert {shown for _, shown in running.asked} == {credential}
        running.asked.clear()
        spared = {"HTTPS_PROXY": f"http://{running.address}", "NO_PROXY": "localhost"}
        assert process("verify", env=spared).code == 0
        assert running.asked == []


class _Canned(HTTPAdapter):
    """Answers in place of a network."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.sent: list[requests.PreparedRequest] = []
        self._body = body

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:  # noqa: ARG002
        import io  # noqa: PLC0415

        self.sent.append(request)
        answer = requests.Response()
        answer.status_code, answer.raw, answer.request, answer.url = 200, io.BytesIO(self._body), request, "https://x"
        return answer


def test_a_persons_sign_in_takes_nothing_from_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """azure-identity knows `requests` only for it."""
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    session, canned = blocking_transport(TLS).session, _Canned(b"{}")
    session.mount("https://", canned)
    assert session.get("https://login.example/x").json() == {}
    assert "Authorization" not in canned.sent[0].headers


def test_a_persons_sign_in_reads_no_more_than_an_answer_may_have() -> None:
    session = blocking_transport(TLS).session
    session.mount("https://", _Canned(b"x" * (ANSWER_BYTES + 1)))
    with pytest.raises(OddAnswer):
        session.get("https://login.example/x")
