"""Every MCT App Service of a subscription, read side by side: one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.app_service_lookup import find_subscription
from mct_s2s.errors import S2SError
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.mct_sites import has_our_settings, is_function_app, with_function_app
from mct_s2s.ports.resource_manager import Sites

T = TypeVar("T")


@dataclass(frozen=True)
class MctSites:
    """The sites of a subscription, as far as they are, or could be, MCT's."""

    found: tuple[ResourceId, ...]
    """By name."""
    unchecked: tuple[ResourceId, ...] = ()
    """Web apps that may be: their settings cannot be read, and no function app of MCT is beside them."""


async def find_mct_sites(sites: Sites, subscription: str | None) -> MctSites:
    """List them: the web apps that have the settings, or MCT's function app beside them. Slots are not looked at.

    Args:
        sites: the port.
        subscription: its id or name; `None` for the only one that there is.

    Raises:
        NotThere: no such subscription, or more than one.
        ServiceError: the sites cannot be listed.
    """
    where = await find_subscription(sites, subscription)
    everything = await sites.sites(where.id)
    by_name, found, unchecked = with_function_app(everything), [], []
    apps = sorted((site.resource for site in everything if not is_function_app(site)), key=lambda one: one.name.lower())
    others = [app for app in apps if str(app).lower() not in by_name]
    read = await gather_or_cancel(*(outcome_of(_is_configured(sites, app)) for app in others))
    answers = dict(zip(others, read, strict=True))
    for app in apps:
        answer = answers.get(app, True)
        if isinstance(answer, S2SError):
            unchecked.append(app)
        elif answer:
            found.append(app)
    return MctSites(tuple(found), tuple(unchecked))


async def _is_configured(sites: Sites, app: ResourceId) -> bool:
    return has_our_settings(await sites.settings(app))


async def outcome_of(work: Awaitable[T]) -> T | S2SError:
    """What comes of it, or the error in which it ends: the work beside it goes on."""
    try:
        return await work
    except S2SError as error:
        return error


async def read_each(
    apps: tuple[ResourceId, ...], read: Callable[[ResourceId], Awaitable[T]]
) -> tuple[tuple[ResourceId, T | S2SError], ...]:
    """The state of each site, or why it could not be read; how many requests are sent at once is the ports' matter."""
    outcomes = await gather_or_cancel(*(outcome_of(read(app)) for app in apps))
    return tuple(zip(apps, outcomes, strict=True))
