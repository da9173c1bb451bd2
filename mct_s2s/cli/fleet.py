"""Several App Services at once, as a trust file names them: each its own outcome, on one session a way to sign in."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from mct_s2s.activity import activity
from mct_s2s.cli.binding import typed_options
from mct_s2s.cli.session import Needs, connect
from mct_s2s.cli.trust_file import SiteSetup, chosen, read_sites
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.all_sites import Slots, find_mct_sites, find_slots, outcome_of, read_each
from mct_s2s.engine.session import Session
from mct_s2s.errors import S2SError, UsageError
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.render.console import Terminal

T = TypeVar("T")
OF_ONE_SITE: Mapping[str, str] = {
    "app_service": "--app-service",
    "resource_group": "--resource-group",
    "slot": "--slot",
}
"""Fields of the options that name one App Service, and the options as they are typed; a file names each of its own."""


def sites_of_file(options: Any, **unfit: str) -> tuple[SiteSetup, ...]:
    """What the file says of each site that is meant; raise `UsageError` where it has mistakes.

    Args:
        options: `FileOptions` beside those of a command that talks to Azure.
        unfit: options that say nothing beside a file and are refused, as `OF_ONE_SITE`.
    """
    typed = typed_options()
    for field, name in {**OF_ONE_SITE, **unfit}.items():
        if field in typed:
            raise UsageError(
                "contradictory-options",
                f"{name} cannot be combined with --file, which names the App Services and their clients.",
                remedy=f"Remove {name}, or --file. To choose sites of the file, add --only SITE.",
            )
    return chosen(read_sites(options, typed), options)


def check_only(options: Any) -> None:
    """Refuse `--only` where there is no file."""
    if options.only:
        raise UsageError("usage", "--only names sites of a trust file.", remedy="Add --file FILE, or remove --only.")


class FleetSessions:
    """The sessions of a command; each is one site's view of the session that it shares."""

    def __init__(self, sites: Sequence[SiteSetup], terminal: Terminal) -> None:
        sharing: dict[tuple[str | None, ...], list[SiteSetup]] = defaultdict(list)
        for site in sites:
            sharing[site.sign_in].append(site)
        self._holders = {sign_in: _Holder(together, terminal) for sign_in, together in sharing.items()}

    async def of(self, site: SiteSetup) -> Session:
        """The session of a site, as soon as its sign-in is done; where that fails, only its own sites do."""
        shared = await asyncio.shield(self._holders[site.sign_in].opened)
        subscription = site.target.subscription or shared.subscription
        return replace(shared, target=replace(site.target, subscription=subscription), subscription=subscription)

    async def at_each(
        self, sites: Sequence[SiteSetup], work: Callable[[SiteSetup, Session], Awaitable[T]]
    ) -> tuple[T | S2SError, ...]:
        """What came of the work at each site, or the error in which it ended, in the order of the sites.

        All of them at once: how many requests are on their way is the matter of each service's retry policy, which the
        sites of a session share.
        """

        async def one(site: SiteSetup) -> T:
            return await work(site, await self.of(site))

        return await gather_or_cancel(*(outcome_of(one(site)) for site in sites))

    async def close(self) -> None:
        """Close all of them."""
        await asyncio.gather(*(holder.close() for holder in self._holders.values()))


@asynccontextmanager
async def open_sessions(sites: Sequence[SiteSetup], terminal: Terminal) -> AsyncIterator[FleetSessions]:
    """Sign in for all sites at the same time; everything is closed again at the end."""
    sessions = FleetSessions(sites, terminal)
    try:
        yield sessions
    finally:
        await sessions.close()


class _Holder:
    """Holds one session open, by a task of its own: it ends where it began, in one context."""

    def __init__(self, sites: Sequence[SiteSetup], terminal: Terminal) -> None:
        self._sites, self._terminal = sites, terminal
        self._is_over = asyncio.Event()
        self.opened: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._task = asyncio.ensure_future(self._hold())

    async def close(self) -> None:
        """Close it; where it is still being opened, give up."""
        self._is_over.set()
        if not self.opened.done():
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _hold(self) -> None:
        first, every = self._sites[0], [site.setup.needs for site in self._sites]
        needs = Needs(
            directory=any(one.directory for one in every),
            arm=any(one.arm for one in every),
            target=False,  # the App Service is each site's own
            key_vault=any(one.key_vault for one in every),
        )
        try:
            async with connect(
                first.setup.options, needs, self._terminal, client_id=first.profile.client_id
            ) as session:
                rights = session.azure.directory_access.shared()
                self.opened.set_result(replace(session, azure=replace(session.azure, directory_access=rights)))
                await self._is_over.wait()
        except BaseException as error:
            if self.opened.done():
                raise
            if isinstance(error, asyncio.CancelledError):
                self.opened.cancel()
                raise
            self.opened.set_exception(error)
            self.opened.exception()  # fetched: a site that was interrupted does not, and asyncio would complain


async def at_every_site(
    session: Session, observed: Callable[[SiteTarget], Awaitable[ObservedState]], made: Callable[[ObservedState], T]
) -> tuple[list[tuple[ResourceId, T | S2SError]], list[ResourceId]]:
    """What is made of each MCT App Service of the subscription, and of slots that have settings of their own.

    The second list are web apps of which it is not known whether they are sites of MCT.
    """

    async def read(app: ResourceId) -> ObservedState:
        return await observed(SiteTarget(app.names[0], app.resource_group, app.subscription_id, app.slot))

    async def with_slots(
        app: ResourceId,
    ) -> tuple[tuple[tuple[ResourceId, ObservedState | S2SError], ...], Sequence[ResourceId]]:
        state = await read(app)
        slots = await find_slots(session.azure.sites, state.app_service) if state.app_service else Slots()
        return ((app, state), *await read_each(slots.set_up, read)), slots.unread

    def outcome(state: ObservedState | S2SError) -> T | S2SError:
        if isinstance(state, S2SError):
            return state
        try:
            return made(state)
        except S2SError as error:
            return error

    with activity("Reading every MCT site of the subscription"):
        found = await find_mct_sites(session.azure.sites, session.subscription)
        read_ones = await read_each(tuple(one.resource for one in found.mct), with_slots)
    outcomes: list[tuple[ResourceId, T | S2SError]] = []
    unread = [site.resource for site in found.unread]
    for app, one in read_ones:
        if isinstance(one, S2SError):
            outcomes.append((app, one))
        else:
            outcomes += [(each, outcome(state)) for each, state in one[0]]
            unread += one[1]
    return outcomes, unread
