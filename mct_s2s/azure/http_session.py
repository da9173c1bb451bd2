"""The one connection that sign-in, Resource Manager, vaults, discovery and the MCT API share: aiohttp, on our terms.

* Proxies come from the environment. `~/.netrc` does not: aiohttp reads both or neither, and would send a password that
  someone keeps for a host, or for `default`, to the host that `--cloud` names.
* A request whose connection was reset is not sent again in silence, with what was read before: repeating is for
  `retry_policy` alone, which makes the next attempt ready.
* No answer is read beyond `limits.ANSWER_BYTES`, unpacked.

Trusted are the system's certificate authorities, so that a company's root is trusted wherever the system trusts it,
also behind a proxy that inspects TLS; and certifi's, for systems with an old list, or none. `REQUESTS_CA_BUNDLE` and
`SSL_CERT_FILE`, which other programs read as well, name a file or a folder of others that replace all of them.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import certifi
from aiohttp import DefaultResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from mct_s2s.azure.answers import OddAnswer, check_address, check_size
from mct_s2s.azure.retry import CONNECT_SECONDS, REQUEST_SECONDS
from mct_s2s.errors import UsageError
from mct_s2s.local_files import must_not_block

if TYPE_CHECKING:
    from azure.core.pipeline.transport import AioHttpTransport

VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
NATIVE = frozenset({"darwin", "win32"})
"""Systems whose store is no file that OpenSSL could read."""


def tls_context(
    only: Path | None = None, environ: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> ssl.SSLContext:
    """A client's context, for all connections of a command; `only`: the only authority to trust, the sandbox's own.

    Raises:
        UsageError: a variable names no file or folder of certificates.
    """
    named = {name: Path(environ[name]) for name in VARIABLES if environ.get(name)}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if only or named else _of_system(platform)
    if only is not None:
        context.load_verify_locations(cafile=only)
    else:
        for name, path in named.items():
            _load(context, name, path)
    # As ssl.create_default_context has it from Python 3.13 on: a bundle may hold just the authority that issues,
    # without the root. VERIFY_X509_STRICT, which came with it, would refuse the roots of many inspecting proxies.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _of_system(platform: str) -> ssl.SSLContext:
    if platform in NATIVE:
        import truststore  # noqa: PLC0415  # only there, and only without a bundle

        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        # OpenSSL finds the system's store by itself, or by SSL_CERT_DIR. truststore would have it read anew for each
        # connection: 6 ms where it is a file, and before OpenSSL 3.4 slower each time (sethmlarson/truststore#212).
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
    context.load_verify_locations(cafile=certifi.where())
    return context


def _load(context: ssl.SSLContext, name: str, path: Path) -> None:
    try:
        must_not_block(path)
        if path.is_dir():
            context.load_verify_locations(capath=str(path))
        else:
            context.load_verify_locations(cafile=str(path))
    except OSError as error:  # also what OpenSSL says of a file that holds no certificates
        missing = isinstance(error, FileNotFoundError)
        why = "the file does not exist" if missing else f"{error.strerror or error}"
        raise UsageError(
            "no-ca-bundle", f"Invalid {name} '{path}': {why}.", remedy=f"Correct {name} or unset it."
        ) from error


class LocalhostResolver(AbstractResolver):
    """Names below `localhost` lead to this machine, whatever the system's resolver thinks of them: RFC 6761, 6.3."""

    def __init__(self) -> None:
        self._usual = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look a name up."""
        wanted = "localhost" if host.lower().rstrip(".").endswith(".localhost") else host
        found = await self._usual.resolve(wanted, port, family)
        for address in found:
            address["hostname"] = host
        return found

    async def close(self) -> None:
        """Close the usual resolver."""
        await self._usual.close()


@dataclass(frozen=True)
class SentRequest:
    """For `--verbose`: one request, answered or not (`status` 0). No header, query or body: they hold secrets."""

    service: str
    method: str
    path: str
    status: int
    milliseconds: float
    request_id: str | None


Trace = Callable[[SentRequest], None]


class HttpSession:
    """For one event loop; `trace` is told of each request."""

    def __init__(self, tls: ssl.SSLContext, trace: Trace = lambda _: None) -> None:
        self.trace = trace
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls, resolver=LocalhostResolver()),
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=_Bounded,
        )
        self._session._retry_connection = False  # noqa: SLF001  # aiohttp's own tests switch it off in the same way

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def request(self, method: str, url: str, *, service: str = "", **options: Any) -> aiohttp.ClientResponse:
        """Send a request, through the proxy that the environment names for it; as `aiohttp.ClientSession.request`."""
        if options.get("proxy") is None:
            options |= environment_proxy(str(url))
        began, status, request_id = time.monotonic(), 0, None
        try:
            response = await self._session.request(method, url, **options)
            status, request_id = response.status, response.headers.get("x-ms-request-id")
        finally:
            took = (time.monotonic() - began) * 1000
            self.trace(SentRequest(service, method, urlsplit(str(url)).path, status, took, request_id))
        return response

    @asynccontextmanager
    async def get(self, url: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a GET; the answer is closed at the end."""
        async with await self.request("GET", url, **options) as response:
            yield response


class _OfService:
    """What azure-core asks of an `aiohttp.ClientSession`."""

    auto_decompress = True
    """Answers are unpacked piece by piece, so that their size is known in time: azure-core asks, and then does not."""

    def __init__(self, http: HttpSession, service: str, only: str | None) -> None:
        self._http, self._service, self._only = http, service, only

    @property
    def closed(self) -> bool:
        """Its owner closes it: azure-core enters and leaves it around every credential."""
        return False

    async def __aenter__(self) -> _OfService:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    async def request(self, method: str, url: str, **options: Any) -> aiohttp.ClientResponse:
        """Send it, unless the SDK follows a link that leads elsewhere."""
        if self._only is not None:
            try:
                check_address(str(url), self._only)
            except OddAnswer as odd:
                raise OddPayload(str(odd)) from odd
        return await self._http.request(method, url, service=self._service, **options)


def transport(http: HttpSession, service: str, only: str | None = None) -> AioHttpTransport:
    """The session as azure-core takes it, for one service: its name in traces, and the only address to ask."""
    from azure.core.pipeline.transport import AioHttpTransport  # noqa: PLC0415  # heavy

    return AioHttpTransport(
        session=_OfService(http, service, only),
        session_owner=False,
        connection_timeout=CONNECT_SECONDS,
        read_timeout=REQUEST_SECONDS,
    )


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
        """The whole body. Raises OddPayload: it is larger than an answer may be."""
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


_TIMEOUT = aiohttp.ClientTimeout(total=2 * REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)


class NoAnswer(Exception):
    """A request that may have taken effect, but was not answered. The text names the kind of failure alone."""


@dataclass(frozen=True)
class PlainAnswer:
    """What came."""

    status: int
    headers: Mapping[str, str]
    content: bytes


async def ask(
    http: HttpSession, method: str, url: str, headers: Mapping[str, str], content: bytes | None
) -> PlainAnswer:
    """Send a request once: nothing is repeated, followed or translated. Raises `NoAnswer`."""
    options: dict[str, Any] = {} if content is None else {"data": content}
    try:
        response = await http.request(method, url, headers=headers, allow_redirects=False, timeout=_TIMEOUT, **options)
        async with response:
            return PlainAnswer(response.status, dict(response.headers), await response.read())
    except (aiohttp.ClientError, TimeoutError, OSError, OddAnswer) as error:
        raise NoAnswer(type(error).__name__) from error
