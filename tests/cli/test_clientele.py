"""What the clients themselves see: tokens by their own credentials, and the MCT API, through the real ports."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.azure.sign_in.method import Method
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.session import Services, connect
from mct_s2s.engine.session import Session
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_sign_in import API_PATH, ApiAnswer, ApiToken, ClientSignIn, SecretCredential
from mct_s2s.model.ids import ClientId, TenantId
from mct_s2s.render.console import LineConsole, Terminal

from tests.cli.conftest import Program, values_in
from tests.conftest import Sandbox
from tests.support.sandbox_inside import Inside

Ask = Callable[[Callable[[Session], Awaitable[Any]], float], Any]


@pytest.fixture
def as_client(azure: Sandbox, inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Do something with the ports by which a client is tested."""
    for name, value in {**azure.environment, "XDG_STATE_HOME": str(tmp_path / "state")}.items():
        monkeypatch.setenv(name, value)

    def connected(ask: Callable[[Session], Awaitable[Any]], timeout: float) -> Any:
        async def asked() -> Any:
            options = AzureOptions(
                cloud=azure.origin, app_service="contosolearn", auth=Method.ENVIRONMENT, timeout=timeout
            )
            console = LineConsole(file=io.StringIO())
            needs = Services(directory=False, arm=False)
            async with connect(options, needs, Terminal(console, console, json=False)) as session:
                return await ask(session)

        return asyncio.run(asked())

    with inside.time.simulated():
        yield connected


@pytest.fixture
def values(mct: Program, tmp_path: Path) -> dict[str, str]:
    """What is saved of a client."""
    assert mct("setup", "--client", "A", "-y").code == 0
    (file,) = tmp_path.rglob("*.env")
    return values_in(file)


def sign_in_of(values: dict[str, str], secret: str | None = None) -> ClientSignIn:
    proof = SecretCredential(secret or values["AZURE_CLIENT_SECRET"])
    return ClientSignIn(
        TenantId(values["AZURE_TENANT_ID"]), ClientId(values["AZURE_CLIENT_ID"]), proof, values["AZURE_AUTHORITY_HOST"]
    )


@pytest.mark.parametrize(("is_new", "timeout", "asked"), [(False, 20.0, 1), (True, 8.0, 3)])
def test_a_wrong_secret_is_refused_at_once_unless_it_may_be_on_its_way(
    values: dict[str, str], as_client: Ask, azure: Sandbox, is_new: bool, timeout: float, asked: int
) -> None:
    azure.forget()

    async def ask(session: Session) -> None:
        with pytest.raises(ServiceError) as refused:
            await session.tokens.token(
                sign_in_of(values, "wrong"), values["MCT_S2S_SCOPE"], is_new=is_new, role="S2SAppRole"
            )
        assert (refused.value.code, refused.value.service_code) == ("token-refused", "7000215")
        assert values["AZURE_CLIENT_ID"] in refused.value.remedy

    as_client(ask, timeout)
    assert sum(row["path"].endswith("/token") for row in azure.log("entra")) >= asked


def test_a_role_that_never_comes_gives_the_token_without_it_before_the_deadline(
    values: dict[str, str], as_client: Ask
) -> None:
    async def ask(session: Session) -> ApiToken:
        return await session.tokens.token(sign_in_of(values), values["MCT_S2S_SCOPE"], is_new=False, role="Other")

    assert as_client(ask, 6.0).roles == ("S2SAppRole",)


def test_a_site_that_does_not_come_back_is_told_before_the_deadline(azure: Sandbox, as_client: Ask) -> None:
    azure.misbehave({"match": {"service": "MCT"}, "fault": {"type": "status", "status": 503}})

    async def ask(session: Session) -> ApiAnswer:
        return await session.api(azure.site_url, API_PATH).get()

    assert as_client(ask, 6.0).status == 503
