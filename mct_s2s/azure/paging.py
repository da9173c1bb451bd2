"""Lists that come in pages: how long a page is, is the service's choice, and a link leads to the next one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mct_s2s.azure.answer_limits import OddAnswer, check_address
from mct_s2s.azure.json_values import listed, members
from mct_s2s.azure.services import RemoteService


async def all_rows(
    first: Mapping[str, Any] | None,
    follow: Callable[[str], Awaitable[Mapping[str, Any] | None]],
    *,
    link: str,
    address: str,
    service: RemoteService,
    step: str,
) -> list[Mapping[str, Any]]:
    """Every row of a list.

    Args:
        first: its first page.
        follow: fetches the page that a link leads to.
        link: the member of a page that holds the link: `nextLink`.
        address: the service's own; no link is followed to another.
        service: whose list it is.
        step: the step, as a verb phrase.

    Raises:
        ServiceError: a page is none. It is never taken for "no rows": what is there would be created again.
    """
    found: list[Mapping[str, Any]] = []
    page = first
    while True:
        with service.readable(step):
            page = members(page)
            found += listed(page.get("value"))
        following = page.get(link)
        if not following:
            return found
        try:
            check_address(following, address)
        except OddAnswer as odd:
            raise service.rejected(odd, step) from odd
        page = await follow(following)
