"""`~/.netrc` is never read: a password kept there for some host, or for `default`, went to whoever `--cloud` names."""

import asyncio
import netrc
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.core.rest import HttpRequest
from mct_s2s.azure.answers import ANSWER_BYTES, OddAnswer
from mct_s2s.azure.http import ThreadTransport
from mct_s2s.sandbox.state.seed import VAULT

from tests.azure.raw import Answer, Wire
from tests.cli.conftest import Program
from tests.conftest import FUNCTION_APP, Sandbox
from tests.support.proxy import proxy

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


def test_a_persons_sign_in_takes_nothing_from_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """azure-identity knows no asyncio for it; it is sent by the same connection."""
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    assert "Authorization" not in by_thread(b"{}").internal_response.request.headers


def test_a_persons_sign_in_reads_no_more_than_an_answer_may_have() -> None:
    with pytest.raises(ServiceResponseError) as raised:
        by_thread(b"x" * (ANSWER_BYTES + 1))
    assert isinstance(raised.value.__cause__, OddAnswer)


def by_thread(body: bytes) -> Any:
    async def main() -> Any:
        asked = HttpRequest("GET", "https://login.example/x")
        return await asyncio.to_thread(ThreadTransport(Wire(Answer(200, body)), "Entra").send, asked)

    return asyncio.run(main())
