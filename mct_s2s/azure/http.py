"""The one connection of a command to every service, whichever SDK sends: httpx, on our terms.

Nothing is read from `~/.netrc`, no cookie kept, no redirect followed and nothing repeated: that is
for `retry_policy`. Trusted are the system's authorities, also a company's, and certifi's, for
systems with an old list; or only those that `REQUESTS_CA_BUNDLE` or `SSL_CERT_FILE` names, a file
or a folder.
"""

import asyncio
import os
import ssl
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import certifi
import httpx
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import AsyncHttpTransport, HttpTransport
from azure.core.rest import HttpRequest
from azure.core.rest._http_response_impl import HttpResponseImpl
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl

from mct_s2s import __version__
from mct_s2s.azure.answers import ANSWER_BYTES, OddAnswer, check_size
from mct_s2s.errors import UsageError
from mct_s2s.local_files import must_not_block
from mct_s2s.waits import CONNECT_SECONDS, REQUEST_SECONDS

VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
NO_ANSWER = (httpx.HTTPError, httpx.InvalidURL, OddAnswer)
"""What a request raises that is not answered, or with more than is read."""
_LOOPBACK = ("all://localhost", "all://127.0.0.1", "all://[::1]")
"""This machine, as httpx writes which requests a transport is for."""
UNPACKED = (b"content-encoding", b"content-length", b"transfer-encoding")
"""What is true of an answer on its way only."""


def tls_context(
    environ: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> ssl.SSLContext:
    """Raises UsageError: a variable names no file or folder of certificates."""
    named = {name: Path(environ[name]) for name in VARIABLES if environ.get(name)}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if named else _of_system(platform)
    for name, path in named.items():
        try:
            must_not_block(path)
            context.load_verify_locations(**{"capath" if path.is_dir() else "cafile": str(path)})
        except OSError as error:  # also what OpenSSL says of a file that holds no certificates
            why = (
                "the file does not exist"
                if isinstance(error, FileNotFoundError)
                else error.strerror or error
            )
            message = f"Invalid {name} '{path}': {why}."
            raise UsageError(
                "no-ca-bundle", message, remedy=f"Correct {name} or unset it."
            ) from error
    # As ssl.create_default_context has it from Python 3.13 on: a bundle may hold just the authority
    # that issues, without the root. VERIFY_X509_STRICT, which came with it, would refuse the roots
    # of many inspecting proxies.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _of_system(platform: str) -> ssl.SSLContext:
    if platform in {"darwin", "win32"}:  # their store is no file that OpenSSL could read
        import truststore  # noqa: PLC0415  # only there, and only without a bundle

        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        # OpenSSL finds the system's store by itself, or by SSL_CERT_DIR. truststore would have it
        # read anew for each connection: 6 ms where it is a file, and before OpenSSL 3.4 slower each
        # time (sethmlarson/truststore#212).
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
    context.load_verify_locations(cafile=certifi.where())
    return context


class Http(httpx.AsyncClient):
    """The connection of one command, for one event loop.

    `trace` gets no header, query or body, which hold secrets. `goes_past_proxies`: what is on this
    machine is asked without the proxy of the environment. Raises UsageError.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        trace: Callable[[str], None] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        goes_past_proxies: bool = False,
    ) -> None:
        try:
            super().__init__(
                verify=tls,
                transport=transport,
                mounts=dict.fromkeys(_LOOPBACK) if goes_past_proxies else None,
                timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),  # the rest: in `send`
                headers={"User-Agent": f"mct-s2s/{__version__}", "Accept-Encoding": "gzip"},
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            )
        except (
            ImportError,
            ValueError,
            httpx.InvalidURL,
        ) as error:
            # What it says may hold a proxy's password
            raise UsageError(
                "proxy-unusable",
                "The environment names a proxy that can't be used: only http:// and https:// "
                "proxies can.",
                remedy="Correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or unset it.",
            ) from error
        self._trace = trace or (lambda _: None)

    async def send(
        self, request: httpx.Request, *, stream: bool = False, **options: Any
    ) -> httpx.Response:
        """Read the whole answer; of a stream the headers alone, for none of our callers wants more.

        Raises OddAnswer: it is too large, or encoded in a way that was not asked for. Raises
        httpx.ReadTimeout: not all of it was there after `REQUEST_SECONDS`, however often a byte of
        it came.
        """
        began, status, request_id, path = time.monotonic(), "no response", "", request.url.path
        # This machine, whatever its resolver says: RFC 6761, section 6.3
        if request.url.host.endswith(".localhost"):
            request.extensions["sni_hostname"] = request.url.host
            request.url = request.url.copy_with(host="localhost")
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                response = await super().send(request, stream=True, **options)
                status = str(response.status_code)
                request_id = (
                    response.headers.get("x-ms-request-id")
                    or response.headers.get("request-id")
                    or ""
                )
                if not stream:
                    return await _read(request, response)
                await response.aclose()  # its body would be read without a limit
                return response
        except TimeoutError as error:
            raise httpx.ReadTimeout(
                f"no whole answer within {REQUEST_SECONDS:.0f} s", request=request
            ) from error
        finally:
            took, service = (
                (time.monotonic() - began) * 1000,
                request.extensions.get("service", "Graph"),
            )
            self._trace(
                f"{service:<5} {request.method:<6} {path} "
                f"{status} {took:.0f} ms {request_id}".rstrip()
            )


async def _read(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    """Unpack the answer, but not by httpx, which unpacks each piece at once: up to a thousand times
    its size.
    """
    body = bytearray()
    try:
        length = response.headers.get("content-length", "")
        check_size(int(length[:20]) if length.isascii() and length.isdigit() else 0)
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in {"", "identity", "gzip"}:  # several of them are one text, with commas
            raise OddAnswer("is encoded in a way that was not asked for")
        archive = zlib.decompressobj(zlib.MAX_WBITS | 16) if encoding == "gzip" else None
        async for piece in response.aiter_raw():
            # One byte too many is enough to be refused.
            body += (
                archive.decompress(piece, ANSWER_BYTES + 1 - len(body))
                if archive is not None
                else piece
            )
            # An archive without end may hold nothing, or go on after its end.
            check_size(max(len(body), response.num_bytes_downloaded))
    except zlib.error as error:
        raise httpx.DecodingError(str(error), request=request) from error
    finally:
        await response.aclose()
    kept = [(name, value) for name, value in response.headers.raw if name.lower() not in UNPACKED]
    return httpx.Response(
        response.status_code,
        headers=kept,
        content=bytes(body),
        request=request,
        extensions=response.extensions,
    )


def _nothing(*_: object) -> None: ...


async def _nothing_async(*_: object) -> None: ...


class Transport(AsyncHttpTransport[HttpRequest, AsyncHttpResponseImpl]):
    """The connection as azure-core takes it, with azure-core's exceptions.

    `service` is its name in traces.
    """

    def __init__(self, http: Http, service: str) -> None:
        self._http, self._service = http, service

    async def send(self, request: HttpRequest, **_: Any) -> AsyncHttpResponseImpl:
        return _Answer(request, await self.answer(request))

    async def answer(self, request: HttpRequest) -> httpx.Response:
        body: Any = request.content
        try:
            return await self._http.request(
                request.method,
                request.url,
                headers=request.headers,
                extensions={"service": self._service},
                **{"data" if isinstance(body, dict) else "content": body},
            )
        except httpx.ConnectError as error:
            raise ServiceRequestError(error, error=error) from error
        except NO_ANSWER as error:
            raise ServiceResponseError(error, error=error) from error

    open = close = __aexit__ = _nothing_async  # azure-core does both around every credential


class ThreadTransport(HttpTransport[HttpRequest, HttpResponseImpl]):
    """The transport for credentials without asyncio: they run on a thread, beside our loop."""

    def __init__(self, http: Http, service: str) -> None:
        self._inner, self._loop = Transport(http, service), asyncio.get_running_loop()

    def send(self, request: HttpRequest, **_: Any) -> HttpResponseImpl:
        answer = asyncio.run_coroutine_threadsafe(self._inner.answer(request), self._loop).result()
        return _ThreadAnswer(request, answer)

    open = close = __exit__ = _nothing


class _Read:
    """An answer that has been read, in azure-core's form."""

    _content: bytes | None

    def __init__(self, request: HttpRequest, answer: httpx.Response) -> None:
        members: dict[str, Any] = {
            "request": request,
            "internal_response": answer,
            "status_code": answer.status_code,
            "reason": answer.reason_phrase,
            "content_type": answer.headers.get("content-type"),
            "headers": answer.headers,
            "stream_download_generator": None,
        }
        super().__init__(**members)
        self._content, self._is_closed = answer.content, True


class _Answer(_Read, AsyncHttpResponseImpl): ...


class _ThreadAnswer(_Read, HttpResponseImpl): ...
