"""Several App Services at once: those with the same sign-in share a session."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from mct_s2s.activity import activity, counting
from mct_s2s.cli.file_keys import with_keys
from mct_s2s.cli.file_site import FileSite
from mct_s2s.cli.session import Services, all_services, open_session, services_for
from mct_s2s.concurrency import end_all, gather_or_cancel
from mct_s2s.engine.observe.sites import find_sites, find_slots
from mct_s2s.engine.request import Session
from mct_s2s.errors import S2SError, UsageError, outcome_of
from mct_s2s.model.api import Api
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.model.toml import toml_key
from mct_s2s.model.trust_file import Profile
from mct_s2s.plain_text import counted
from mct_s2s.planning.reports.status import UnreadSite
from mct_s2s.render.console import Terminal

T = TypeVar("T")


@asynccontextmanager
async def open_sessions(
    sites: Sequence[FileSite], terminal: Terminal
) -> AsyncIterator[Callable[[FileSite], Awaitable[Session]]]:
    """Yields what waits for a site's session.

    The retry policy that the sites of a session share limits their requests. Where a session cannot
    be opened, only its sites fail, by one error.
    """
    sharing: dict[tuple[str | None, ...], list[FileSite]] = defaultdict(list)
    for site in sites:
        sharing[site.sign_in].append(site)

    async def open_shared(sites: Sequence[FileSite]) -> Session:
        needs = all_services(services_for(site.request) for site in sites)
        return await _enter_session(stack, sites[0], needs._replace(target=False), terminal)

    async def session_of(site: FileSite) -> Session:
        shared = await asyncio.shield(opening[site.sign_in])
        subscription = site.target.subscription or shared.subscription
        return replace(shared, target=replace(site.target, subscription=subscription))

    async with AsyncExitStack() as stack:
        opening = {key: asyncio.ensure_future(open_shared(group)) for key, group in sharing.items()}
        try:
            yield session_of
        finally:
            await end_all(opening.values())


async def _enter_session(
    stack: AsyncExitStack, site: FileSite, needs: Services, terminal: Terminal
) -> Session:
    """Sign in as a site's profile says. Raises S2SError, with the profile's name."""
    connecting = open_session(
        site.options,
        needs,
        terminal,
        client_id=site.profile.client_id,
        profile=site.profile_name,
    )
    try:
        return await stack.enter_async_context(connecting)
    except S2SError as error:
        _name_profile(error, site.profile_name)
        raise


def _name_profile(error: S2SError, name: str) -> None:
    """Say of a failed sign-in whose it is, and which keys of the file decide it."""
    if name:
        where = f" in [profiles.{toml_key(name)}]"
        error.statement = f"Cannot sign in for the profile '{name}': {error.statement}"
        error.advise(with_keys(error.advice, Profile, where=where), error.command)


async def read_file_sites(
    sites: Sequence[FileSite], terminal: Terminal, read: Callable[[FileSite, Session], Awaitable[T]]
) -> list[T | UnreadSite]:
    """Read each site of a trust file; one that cannot be read stops no other."""

    async def read_one(site: FileSite) -> T | UnreadSite:
        try:
            return await read(site, await session_of(site))
        except S2SError as error:
            site.name_keys(error)
            return UnreadSite(site.target, error, key=site.key)
        finally:
            one_more()

    async with open_sessions(sites, terminal) as session_of:
        with counting(f"Reading {counted(len(sites), 'site')}", covers=True) as one_more:
            return list(await gather_or_cancel(*map(read_one, sites)))


Read = ObservedState | UnreadSite


async def read_every_site(
    session: Session, api: Api, observed: Callable[[Session], Awaitable[ObservedState]]
) -> tuple[list[Read], list[ResourceId]]:
    """Read each App Service of the API, its slots too, and list web apps that may be some."""
    if not (api.lists or api.names_service or api.function_app_mark):
        raise UsageError(
            "usage",
            f"No setting shows which App Services serve {api.called}, so --all cannot find them.",
            remedy="Name one with --app-service, or many in a trust file: --file FILE",
        )

    async def read(app: ResourceId) -> Read:
        target = SiteTarget.of(app)
        state = await outcome_of(observed(replace(session, target=target)))
        return UnreadSite(target, state, app) if isinstance(state, S2SError) else state

    async def with_slots(app: ResourceId) -> tuple[list[Read], list[ResourceId]]:
        state = await read(app)
        site = state.app_service if isinstance(state, ObservedState) else None
        slots, unread = await find_slots(session.arm, site, api) if site is not None else ([], [])
        of_slots = await gather_or_cancel(*map(read, slots))
        one_more()
        return [state, *of_slots], unread

    with activity(f"Reading every {api.name} site of the subscription"):
        sites, unread = await find_sites(session.arm, session.subscription, api)
        with counting(f"Reading {counted(len(sites), 'site')}", covers=True) as one_more:
            several = await gather_or_cancel(*map(with_slots, sites))
    return [state for states, _ in several for state in states], [
        *unread,
        *(resource for _, some in several for resource in some),
    ]
