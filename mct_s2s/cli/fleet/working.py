"""The work at several sites side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from mct_s2s.cli.fleet.sessions import FleetSessions
from mct_s2s.cli.fleet.sites import FleetSite
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.all_sites import outcome_of
from mct_s2s.engine.session import Session
from mct_s2s.errors import S2SError

T = TypeVar("T")


async def at_each_site(
    sites: Sequence[FleetSite], sessions: FleetSessions, work: Callable[[FleetSite, Session], Awaitable[T]]
) -> tuple[T | S2SError, ...]:
    """What came of the work at each site, or the error in which it ended, in the order of the sites.

    All of them at once: how many requests are on their way is the matter of each service's retry policy, which the
    sites of a session share.
    """

    async def one(site: FleetSite) -> T:
        return await work(site, await sessions.of(site))

    return await gather_or_cancel(*(outcome_of(one(site)) for site in sites))
