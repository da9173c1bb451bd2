"""One signed-in session for each way to sign in; a sign-in that fails is the failure of its own sites alone."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from mct_s2s.cli.fleet.sites import FleetSite, SignIn, all_needs
from mct_s2s.cli.session import connect
from mct_s2s.engine.session import Session
from mct_s2s.render.console import Terminal


class FleetSessions:
    """The sessions of a command; each is one site's view of the session that it shares."""

    def __init__(self, holders: dict[SignIn, _Holder]) -> None:
        self._holders = holders

    async def of(self, site: FleetSite) -> Session:
        """The session of a site, as soon as its sign-in is done.

        Raises:
            S2SError: the sign-in failed.
        """
        shared = await self._holders[site.sign_in].session()
        subscription = site.target.subscription or shared.subscription
        return replace(shared, target=replace(site.target, subscription=subscription), subscription=subscription)


@asynccontextmanager
async def open_sessions(sites: Sequence[FleetSite], terminal: Terminal) -> AsyncIterator[FleetSessions]:
    """Sign in for all sites at the same time; everything is closed again at the end."""
    sharing: dict[SignIn, list[FleetSite]] = defaultdict(list)
    for site in sites:
        sharing[site.sign_in].append(site)
    holders = {sign_in: _Holder(together, terminal) for sign_in, together in sharing.items()}
    try:
        yield FleetSessions(holders)
    finally:
        await asyncio.gather(*(holder.close() for holder in holders.values()))


class _Holder:
    """Holds one session open, by a task of its own: it ends where it began, in one context."""

    def __init__(self, sites: Sequence[FleetSite], terminal: Terminal) -> None:
        self._sites, self._terminal = sites, terminal
        self._is_over = asyncio.Event()
        self._opened: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._task = asyncio.ensure_future(self._hold())

    async def session(self) -> Session:
        """The session, once it is there."""
        return await asyncio.shield(self._opened)

    async def close(self) -> None:
        """Close it; where it is still being opened, give up."""
        self._is_over.set()
        if not self._opened.done():
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _hold(self) -> None:
        try:
            first, needs = self._sites[0], all_needs(self._sites)
            async with connect(first.options, needs, self._terminal, client_id=first.client_id) as session:
                rights = session.azure.directory_access.shared()
                self._opened.set_result(replace(session, azure=replace(session.azure, directory_access=rights)))
                await self._is_over.wait()
        except BaseException as error:
            if self._opened.done():
                raise
            if isinstance(error, asyncio.CancelledError):
                self._opened.cancel()
                raise
            self._opened.set_exception(error)
            self._opened.exception()  # fetched: a site that was interrupted does not, and asyncio would complain
