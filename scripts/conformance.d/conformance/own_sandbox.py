"""A sandbox of the run's own, as new, in a folder that goes with it: the other side of the comparison."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from mct_s2s.azure.cloud_metadata import discover
from mct_s2s.azure.http_session import HttpSession
from mct_s2s.azure.tls import tls_context
from mct_s2s.azure.trace import silent
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.state.seed import RESOURCE_GROUP, SITE, SUBSCRIPTION_ID, VAULT

from conformance.names import roots
from conformance.side import Side
from conformance.steps import Service, at


@asynccontextmanager
async def own_sandbox(names: Mapping[str, str]) -> AsyncIterator[Side]:
    """Start one; `names` are those of the run."""
    with tempfile.TemporaryDirectory(prefix="mct-s2s-") as folder:
        running = await asyncio.to_thread(start, Path(folder))
        try:
            async with sandbox_side(running, names) as side:
                yield side
        finally:
            await asyncio.to_thread(running.close)


@asynccontextmanager
async def sandbox_side(running: Running, names: Mapping[str, str]) -> AsyncIterator[Side]:
    """Yield the side of a running sandbox, with its administrator as the caller."""
    async with aclosing(HttpSession(tls_context(running.ca_file))) as http:
        cloud = await discover(running.resource_manager, http, silent)
        bindings = {
            **roots(cloud, VAULT),
            "tenantId": running.tenant_id,
            "subscriptionId": SUBSCRIPTION_ID,
            "group": RESOURCE_GROUP,
            "sitePath": SITE,
            "site": running.app_service,
            **names,
        }
        scopes = {
            Service.GRAPH: cloud.graph_scope,
            Service.ARM: cloud.arm_scope,
            Service.VAULT: cloud.key_vault_scope if cloud.key_vault else "",
        }
        tokens: dict[Service, str] = {}

        async def token(service: Service) -> str:
            if service not in tokens:
                form = {
                    "grant_type": "client_credentials",
                    "client_id": running.client_id,
                    "client_secret": running.client_secret,
                    "scope": scopes[service],
                }
                path = f"/{running.tenant_id}/oauth2/v2.0/token"
                answer = await side.send(Service.LOGIN, "POST", path, body=form, is_form=True, is_anonymous=True)
                tokens[service] = str(at(answer.body, "/access_token"))
            return tokens[service]

        side = Side(http, token, bindings)
        await _hurry(http, running)
        yield side


async def _hurry(http: HttpSession, running: Running) -> None:
    """Set all durations of the sandbox to 0: the other side is waited for."""
    at_once = {"operationSeconds": 0, "restartSeconds": 0}
    async with await http.request("PATCH", f"{running.resource_manager}/_sandbox/knobs", json=at_once) as response:
        response.raise_for_status()
