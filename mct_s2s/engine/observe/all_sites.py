"""Every MCT App Service of a subscription, read side by side: one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.app_service_lookup import find_subscription
from mct_s2s.errors import S2SError
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.site_recognition import by_likelihood, survey_of
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
    web_apps = by_likelihood(everything)
    read = await gather_or_cancel(*(outcome_of(sites.settings(site.resource)) for site in web_apps))
    settings = {
        site.resource: None if isinstance(answer, S2SError) else answer
        for site, answer in zip(web_apps, read, strict=True)
    }
    survey = survey_of(everything, settings)
    return MctSites(
        tuple(one.site.resource for one in survey.mct),
        tuple(site.resource for site in survey.others if settings[site.resource] is None),
    )


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
