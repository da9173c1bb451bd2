"""Several App Services at once: each its own outcome, on one session a way to sign in."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from mct_s2s.activity import activity
from mct_s2s.cli.session import Services, connect
from mct_s2s.cli.work import SiteWork
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.sites import find_mct_sites, find_slots, outcome_of
from mct_s2s.engine.session import Session
from mct_s2s.errors import S2SError
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.render.console import Terminal

T = TypeVar("T")


AtEach = Callable[[Callable[[SiteWork, Session], Awaitable[T]]], Awaitable[tuple[T | S2SError, ...]]]


@asynccontextmanager
async def open_sessions(sites: Sequence[SiteWork], terminal: Terminal) -> AsyncIterator[AtEach[Any]]:
    """Sign in for all sites at the same time; everything is closed again at the end.

    Yields a function that does something at each site, and returns what came of it, or the error in which it ended, in
    the order of the sites. All of them at once: how many requests are on their way is the matter of each service's
    retry policy, which the sites of a session share. Where a session cannot be opened, only its sites fail.
    """
    sharing: dict[tuple[str | None, ...], list[SiteWork]] = defaultdict(list)
    for site in sites:
        sharing[site.sign_in].append(site)
    is_over, loop = asyncio.Event(), asyncio.get_running_loop()
    opened: dict[tuple[str | None, ...], asyncio.Future[Session]] = {key: loop.create_future() for key in sharing}
    holding = [asyncio.ensure_future(_hold(opened[key], sharing[key], terminal, is_over)) for key in sharing]

    async def at_each(work: Callable[[SiteWork, Session], Awaitable[T]]) -> tuple[T | S2SError, ...]:
        async def one(site: SiteWork) -> T:
            shared = await asyncio.shield(opened[site.sign_in])
            subscription = site.target.subscription or shared.subscription
            return await work(site, shared.about(replace(site.target, subscription=subscription), subscription))

        return await gather_or_cancel(*(outcome_of(one(site)) for site in sites))

    try:
        yield at_each
    finally:
        is_over.set()
        for task, session in zip(holding, opened.values(), strict=True):
            if not session.done():
                task.cancel()
        await asyncio.gather(*holding, return_exceptions=True)


async def _hold(
    opened: asyncio.Future[Session], sites: Sequence[SiteWork], terminal: Terminal, is_over: asyncio.Event
) -> None:
    """Hold one session open, by a task of its own: it ends where it began, in one context."""
    every = [site.work.needs for site in sites]
    needs = Services(
        directory=any(one.directory for one in every),
        arm=any(one.arm for one in every),
        target=False,  # the App Service is each site's own
        key_vault=any(one.key_vault for one in every),
    )
    try:
        async with connect(sites[0].work.options, needs, terminal, client_id=sites[0].profile.client_id) as session:
            opened.set_result(session)
            await is_over.wait()
    except BaseException as error:
        if opened.done():
            raise
        if isinstance(error, asyncio.CancelledError):
            opened.cancel()
            raise
        opened.set_exception(error)
        opened.exception()  # fetched: a site that was interrupted does not, and asyncio would complain


Read = tuple[ResourceId, ObservedState | S2SError]


async def read_every_site(
    session: Session, observed: Callable[[SiteTarget], Awaitable[ObservedState]]
) -> tuple[list[Read], list[ResourceId]]:
    """Each MCT App Service of the subscription, and slots that have settings of their own.

    The second list are web apps of which it is not known whether they are sites of MCT.
    """

    async def read(app: ResourceId) -> Read:
        return app, await outcome_of(observed(SiteTarget.of(app)))

    async def with_slots(app: ResourceId) -> tuple[list[Read], list[ResourceId]]:
        _, state = found = await read(app)
        site = None if isinstance(state, S2SError) else state.app_service
        slots, unread = await find_slots(session.arm, site) if site is not None else ([], [])
        return [found, *await gather_or_cancel(*map(read, slots))], unread

    with activity("Reading every MCT site of the subscription"):
        sites, unread = await find_mct_sites(session.arm, session.subscription)
        several = await gather_or_cancel(*map(with_slots, sites))
    return [one for states, _ in several for one in states], [*unread, *(one for _, some in several for one in some)]
