"""What the clients themselves see: tokens by their own credentials, and the MCT API, through the real ports."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mct_s2s.azure.sign_in.method import Method
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.session import Needs, connect
from mct_s2s.engine.session import Session
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_sign_in import ApiAnswer, ApiToken, ClientSignIn, SecretCredential
from mct_s2s.model.ids import ClientId, TenantId
from mct_s2s.render.console import LineConsole, Terminal

from tests.engine.conftest import Bench

pytestmark = pytest.mark.filterwarnings("ignore:(GetQueryParameters|This class) is deprecated:DeprecationWarning")

SERVICE = {"ClientType": "Service"}
PATH = "/api/v1/organization"


def as_client(bench: Bench, ask: Callable[[Session], Awaitable[Any]], timeout: float = 20.0) -> Any:
    """Do something with the ports that a client's own way in is proved by."""

    async def connected() -> Any:
        options = AzureOptions(
            cloud=bench.azure.origin, app_service="contosolearn", auth=Method.ENVIRONMENT, timeout=timeout
        )
        console = LineConsole(file=io.StringIO())
        async with connect(
            options, Needs(directory=False, arm=False), Terminal(console, console, json=False)
        ) as session:
            return await ask(session)

    return asyncio.run(connected())


def saved(bench: Bench, at: int = 0) -> dict[str, str]:
    lines = (bench.folder / f"{at}.env").read_text().splitlines()
    return dict(line.partition("=")[::2] for line in lines if not line.startswith("#"))


def sign_in_of(values: dict[str, str], secret: str | None = None) -> ClientSignIn:
    proof = SecretCredential(secret or values["AZURE_CLIENT_SECRET"])
    return ClientSignIn(
        TenantId(values["AZURE_TENANT_ID"]), ClientId(values["AZURE_CLIENT_ID"]), proof, values["AZURE_AUTHORITY_HOST"]
    )


@pytest.mark.parametrize(("is_new", "timeout", "asked"), [(False, 20.0, 1), (True, 8.0, 3)])
def test_a_wrong_secret_is_refused_at_once_unless_it_may_be_on_its_way(
    bench: Bench, is_new: bool, timeout: float, asked: int
) -> None:
    bench.setup("A")
    values = saved(bench)
    bench.azure.forget()

    async def ask(session: Session) -> None:
        with pytest.raises(ServiceError) as refused:
            await session.tokens.token(
                sign_in_of(values, "wrong"), values["MCT_S2S_SCOPE"], is_new=is_new, role="S2SAppRole"
            )
        assert (refused.value.code, refused.value.service_code) == ("token-refused", "7000215")
        assert values["AZURE_CLIENT_ID"] in refused.value.remedy

    as_client(bench, ask, timeout)
    assert sum(row["path"].endswith("/token") for row in bench.azure.log("entra")) >= asked


def test_a_role_that_never_comes_gives_the_token_without_it_before_the_deadline(bench: Bench) -> None:
    bench.setup("A")
    values = saved(bench)

    async def ask(session: Session) -> ApiToken:
        return await session.tokens.token(sign_in_of(values), values["MCT_S2S_SCOPE"], is_new=False, role="Other")

    assert as_client(bench, ask, timeout=6.0).claims.roles == ("S2SAppRole",)


def test_a_site_that_does_not_come_back_is_told_before_the_deadline(bench: Bench) -> None:
    bench.azure.misbehave({"match": {"service": "MCT"}, "fault": {"type": "status", "status": 503}})
    try:

        async def ask(session: Session) -> ApiAnswer:
            return await session.api(bench.azure.site_url).get(PATH, SERVICE, None, just_restarted=False)

        assert as_client(bench, ask, timeout=6.0).status == 503
    finally:
        bench.azure.behave()
