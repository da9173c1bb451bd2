"""One signed-in connection to Azure Resource Manager, shared with azure-mgmt-web's clients.

They get one policy, the sign-in: no retries of their own, and no silent registration of resource providers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy

from mct_s2s import clock
from mct_s2s.activity import CARRYING_OUT, waiting
from mct_s2s.azure.answers import ARM, members, read_refusal, seconds
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.http import Transport
from mct_s2s.azure.refusals import refused
from mct_s2s.azure.service_session import ServiceSession
from mct_s2s.azure.sign_in.methods import CallerCredential
from mct_s2s.errors import NotThere

T = TypeVar("T")
WEB = "2023-12-01"
"""Microsoft.Web: the first one that knows Flex Consumption plans, on which callers' function apps may be.

Of each service it is the oldest api-version that knows what is asked for, as clouds learn new ones months apart:
docs/azure-contract.md, section 4.9.
"""
SUBSCRIPTIONS, RESOURCES, AUTHORIZATION, LOCKS = "2020-01-01", "2021-04-01", "2022-04-01", "2016-09-01"
POLL_SECONDS = 1
"""Between two looks at an operation in progress where Azure names no time."""
OPERATION_SECONDS = 180.0
"""An accepted write is followed for so long; what came of it is then read."""


def versioned(path: str, api_version: str, *, filter: str = "") -> str:  # noqa: A002  # the option's name
    """A path with its query."""
    return f"{path}?api-version={api_version}" + (f"&$filter={quote(filter, safe='')}" if filter else "")


class ArmSession(ServiceSession):
    """Azure Resource Manager of one cloud, as one caller."""

    def __init__(self, connection: Connection, credential: CallerCredential) -> None:
        super().__init__(ARM, connection.cloud.arm, connection.cloud.arm_scope, connection, credential)

    def client_options(self) -> dict[str, Any]:
        """What azure-mgmt-web's client is given, so that it shares this connection."""
        return {
            "api_version": WEB,
            "base_url": self.base,
            "credential_scopes": [self.scope],
            "transport": Transport(self.http, self.service.label, self.base),
            "policies": [_Bearer(self)],
        }

    async def call(self, send: Callable[[], Awaitable[T]], step: str, **rules: Any) -> T:
        """The same as every session's; azure-mgmt-web's client looks into answers without asking what they are."""

        async def readable() -> T:
            with ARM.readable(step):
                return await send()

        return await super().call(readable, step, **rules)

    async def finish(self, accepted: httpx.Response | None, step: str) -> None:
        """Ask where an accepted write points to until it has been carried out. Raises S2SError: it failed.

        Source: learn.microsoft.com/azure/azure-resource-manager/management/async-operations.
        """
        if accepted is None:
            return
        until, state_at = clock.seconds() + OPERATION_SECONDS, accepted.headers.get("azure-asyncoperation")
        location = state_at or (accepted.headers.get("location") if accepted.status_code == 202 else None)
        with waiting(CARRYING_OUT, gives_up_at=until):
            while location and clock.seconds() < until:
                try:
                    answer, document = await self.answer("GET", location, step)
                except NotThere:  # the operation is no longer remembered
                    return
                state = str(members(document).get("status")).lower() if state_at else ""
                if state in {"failed", "canceled"}:
                    raise refused(ARM, read_refusal(answer), step)
                if answer.status_code != 202 and state in {"succeeded", "none", ""}:
                    return
                location = state_at or answer.headers.get("location", location)
                pause = seconds(answer.headers.get("retry-after")) or POLL_SECONDS
                await asyncio.sleep(min(pause, until - clock.seconds()))


class _Bearer(AsyncHTTPPolicy[Any, Any]):
    """Puts the shared credential's token on requests; the transport sends none to another address."""

    def __init__(self, session: ArmSession) -> None:
        self._session = session

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        token = await self._session.credential.get_token(self._session.scope)
        request.http_request.headers["Authorization"] = f"Bearer {token.token}"
        return await self.next.send(request)
