"""What the program asks a sandbox of its own process, handed over without a network: half of such a
run's time.

It goes over TLS where a test does something on the way (a fault, a hook, a latency), where a proxy
is named or another authority trusted, wherever the program is a process of its own; and with
`--tls` or `--all`, always.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.support.sandbox_inside import Inside

sandboxes: list[Inside] = []
at_port: dict[int, Inside] = {}
"""Those found so far: a site that comes later has a port of its own."""
_over_tls = httpx.AsyncHTTPTransport.handle_async_request


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--tls",
        action="store_true",
        help="send every request of the program over TLS, as with --all",
    )


def pytest_configure(config: pytest.Config) -> None:
    if not (config.getoption("tls") or config.getoption("every_cell")):
        patch = pytest.MonkeyPatch()
        config.add_cleanup(patch.undo)
        patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", _answer)


async def _answer(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
    port = request.url.port or 0
    if port not in at_port:
        at_port.update({each: sandbox for sandbox in sandboxes for each in sandbox.ports})
    asked = at_port.get(port)
    if asked is None or not asked.is_undisturbed or not _is_direct(asked.azure.ca_file):
        return await _over_tls(transport, request)
    await asyncio.sleep(0)  # whatever else is sent at this moment is on its way, too
    direct = httpx.ASGITransport(asked.app, raise_app_exceptions=False)
    return await direct.handle_async_request(request)


def _is_direct(authority: str) -> bool:
    is_trusted = os.environ.get("SSL_CERT_FILE") == authority
    return is_trusted and not any(name.upper().endswith("_PROXY") for name in os.environ)
