"""A request as it is and its answer as it came: nothing is repeated, followed or translated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from mct_s2s.azure.answer_limits import OddAnswer
from mct_s2s.azure.http_session import HttpSession
from mct_s2s.azure.retry import CONNECT_SECONDS, REQUEST_SECONDS

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
    """Send a request once; without content where that is None.

    Raises:
        NoAnswer: as it says.
    """
    options: dict[str, Any] = {} if content is None else {"data": content}
    try:
        response = await http.request(method, url, headers=headers, allow_redirects=False, timeout=_TIMEOUT, **options)
        async with response:
            return PlainAnswer(response.status, dict(response.headers), await response.read())
    except (aiohttp.ClientError, TimeoutError, OSError, OddAnswer) as error:
        raise NoAnswer(type(error).__name__) from error
