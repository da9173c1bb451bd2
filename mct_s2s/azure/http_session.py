"""The one connection that sign-in, Resource Manager, vaults, discovery and the MCT API share: aiohttp, on our terms.

* Proxies come from the environment. `~/.netrc` does not: aiohttp reads both or neither, and would send a password that
  someone keeps for a host, or for `default`, to the host that `--cloud` names.
* A request whose connection was reset is not sent again in silence, with what was read before: repeating is for
  `retry_policy` alone, which makes the next attempt ready.
* No answer is read beyond `limits.ANSWER_BYTES`, unpacked.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from mct_s2s.azure.answer_limits import OddAnswer, check_size
from mct_s2s.azure.loopback import LocalhostResolver


class HttpSession:
    """What azure-core and we ask of an `aiohttp.ClientSession`; for one event loop."""

    auto_decompress = True
    """Answers are unpacked piece by piece, so that their size is known in time: azure-core asks, and then does not."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls, resolver=LocalhostResolver()),
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=_Bounded,
        )
        self._session._retry_connection = False  # noqa: SLF001  # aiohttp's own tests switch it off in the same way

    @property
    def closed(self) -> bool:
        """Whether it is no longer needed."""
        return self._session.closed

    async def __aenter__(self) -> HttpSession:
        return self

    async def __aexit__(self, *error: object) -> None:
        """Its owner closes it: azure-core enters and leaves it around every credential."""

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def request(self, method: str, url: str, **options: Any) -> aiohttp.ClientResponse:
        """Send a request, through the proxy that the environment names for it; as `aiohttp.ClientSession.request`."""
        if options.get("proxy") is None:
            options |= environment_proxy(str(url))
        return await self._session.request(method, url, **options)

    @asynccontextmanager
    async def get(self, url: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a GET; the answer is closed at the end."""
        async with await self.request("GET", url, **options) as response:
            yield response


def environment_proxy(url: str) -> dict[str, Any]:
    """Options for the proxy of an address by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, with its address's credential.

    As aiohttp does it by `trust_env`, except that it does not read `~/.netrc`: a proxy that is itself reached by
    TLS is none.
    """
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.hostname or ""):
        return {}
    address = URL(proxy if "://" in proxy else f"http://{proxy}")
    if address.scheme != "http":
        return {}
    if address.user is None:
        return {"proxy": address}
    credential = base64.b64encode(f"{address.user}:{address.password or ''}".encode()).decode()
    return {"proxy": address.with_user(None), "proxy_headers": {"Proxy-Authorization": f"Basic {credential}"}}


class OddPayload(OddAnswer, aiohttp.ClientPayloadError):
    """The same as an error of aiohttp's, which azure-core translates into its own."""


class _Bounded(aiohttp.ClientResponse):
    """An answer that is read as far as it may go."""

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            OddPayload: it is larger than an answer may be.
        """
        if self._body is None:
            body = bytearray()
            try:
                check_size(self.content_length or 0)
                async for part in self.content.iter_any():
                    body += part
                    check_size(len(body))
                self._body = bytes(body)
            except OddAnswer as odd:
                self.close()
                raise OddPayload(str(odd)) from odd
            except BaseException:
                self.close()
                raise
        return await super().read()
