"""Graph's own connection: httpx, which no answer leaves that is larger than one may be.

httpx takes proxies from the environment and, unlike `requests` and aiohttp, nothing from `~/.netrc`; it follows no
redirect and repeats nothing.
"""

from __future__ import annotations

from typing import Any

import httpx

from mct_s2s.azure.answer_limits import check_length, check_size

UNPACKED = (b"content-encoding", b"content-length", b"transfer-encoding")
"""What is true of an answer on its way only."""


class BoundedClient(httpx.AsyncClient):
    """Reads answers piece by piece, unpacked."""

    async def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send a request and read its whole answer.

        Raises:
            OddAnswer: the answer is larger than one may be.
            httpx.HTTPError: there is no whole answer.
        """
        del stream
        response, body = await super().send(request, stream=True, **options), bytearray()
        try:
            check_length(response.headers.get("content-length"))
            async for piece in response.aiter_bytes():
                body += piece
                check_size(len(body))
        finally:
            await response.aclose()
        kept = [(name, value) for name, value in response.headers.raw if name.lower() not in UNPACKED]
        return httpx.Response(
            response.status_code, headers=kept, content=bytes(body), request=request, extensions=response.extensions
        )
