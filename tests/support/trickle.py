"""A service that answers one byte a second: no read waits for long, and all of them together for an
hour.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any, cast

import httpx
import pytest

from tests.support import handed_over

_BEGIN = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
ANSWERS = {
    "in its headers": (_BEGIN, b"x-filler: " + b"x" * 3_000),
    "in its body": (_BEGIN + b"content-length: 3000\r\n\r\n", b" " * 3_000),
}
"""What arrives at once, and what follows byte by byte."""


def trickle(monkeypatch: pytest.MonkeyPatch, begin: str, answer: tuple[bytes, bytes]) -> list[str]:
    """Let each request of the program to an address that begins so be answered so; returns those
    addresses.
    """
    usual = httpx.AsyncHTTPTransport.handle_async_request
    asked = list[str]()

    async def handle(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        host = request.extensions.get("sni_hostname", request.url.host)
        address = str(request.url.copy_with(host=host))
        if not address.startswith(begin):
            return await usual(transport, request)
        asked.append(address)
        slow = httpx.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        cast("Any", slow._pool)._network_backend = _Backend(answer)
        return await handed_over._over_tls(slow, request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    return asked


class _Backend:
    """What httpcore reaches a network by."""

    def __init__(self, answer: tuple[bytes, bytes]) -> None:
        self._answer = answer

    async def connect_tcp(self, *_: Any, **__: Any) -> "_Stream":
        return _Stream(*self._answer)


class _Stream:
    def __init__(self, at_once: bytes, byte_by_byte: bytes) -> None:
        self._pieces = iter([at_once, *_bytes(byte_by_byte)])
        self._is_first = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # as httpcore has it
        del max_bytes
        if not self._is_first:
            async with asyncio.timeout(timeout):
                await asyncio.sleep(1.0)
        self._is_first = False
        return next(self._pieces)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        del buffer, timeout

    async def start_tls(self, *_: Any, **__: Any) -> "_Stream":
        return self

    async def aclose(self) -> None: ...

    def get_extra_info(self, info: str) -> Any:
        del info


def _bytes(content: bytes) -> Iterable[bytes]:
    return (content[at : at + 1] for at in range(len(content)))
