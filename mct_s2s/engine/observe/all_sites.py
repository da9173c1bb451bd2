"""MCT App Services, found among others by what Azure Resource Manager shows of them, and read side by side.

A deployment of MCT is a web app and, in the same resource group, a function app whose name is the web app's with `-fa-`
and a suffix. A site that has been set up also has the settings of the document's step 3. One that cannot be read does
not stop the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.app_service_lookup import find_subscription
from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import AppService, Site
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AppSettings, ours

if TYPE_CHECKING:
    from mct_s2s.azure.arm.sites import ArmSites


@dataclass(frozen=True)
class SiteSurvey:
    """The web and function apps of a subscription, each kind by name."""

    mct: tuple[Site, ...]
    others: tuple[Site, ...]
    """Web apps that nothing shows to be an MCT site."""
    function_apps: tuple[Site, ...]
    """Never the site that is configured: the document warns of them."""
    unread: tuple[Site, ...] = ()
    """Of the others, those whose settings could not be read: they may be MCT sites."""


def survey_of(sites: Iterable[Site], settings: Mapping[ResourceId, AppSettings | None]) -> SiteSurvey:
    """Tell the sites apart.

    Args:
        sites: every web and function app of a subscription, without slots.
        settings: the application settings of those whose settings were asked for; `None`: not readable.
    """
    ordered = sorted(sites, key=_by_name)
    web_apps = [site for site in ordered if not site.is_function_app]
    beside = _with_function_app(ordered)
    mct = [s for s in web_apps if ours(settings.get(s.resource) or {}) or _place(s, s.name) in beside]
    others = tuple(site for site in web_apps if site not in mct)
    return SiteSurvey(
        tuple(mct),
        others,
        tuple(site for site in ordered if site.is_function_app),
        tuple(site for site in others if settings.get(site.resource, {}) is None),
    )


def by_likelihood(sites: Iterable[Site]) -> list[Site]:
    """The web apps whose settings are worth reading, those beside an MCT function app first."""
    ordered = sorted(sites, key=_by_name)
    beside = _with_function_app(ordered)
    web_apps = (site for site in ordered if not site.is_function_app)
    return sorted(web_apps, key=lambda site: _place(site, site.name) not in beside)


def _with_function_app(sites: Iterable[Site]) -> set[tuple[str, str]]:
    return {_place(site, site.website) for site in sites if site.website}


def _place(site: Site, name: str) -> tuple[str, str]:
    return site.resource.resource_group.casefold(), name.casefold()


def _by_name(site: Site) -> tuple[str, str]:
    return _place(site, site.name)[::-1]


MOST_READ = 40
"""Web apps whose settings are read. In a subscription with more, the rest is recognised by its function app alone."""
AT_ONCE = 8
"""Settings read at a time: the survey must not use up what Azure Resource Manager allows for the work after it."""


async def survey(sites: ArmSites, subscription_id: str, *, most: int | None = MOST_READ) -> SiteSurvey:
    """The web and function apps of a subscription. Of their settings, only the document's own are kept.

    Args:
        sites: App Service.
        subscription_id: whose apps are looked at.
        most: of how many web apps the settings are read; `None` for all.

    Raises:
        S2SError: the apps cannot be listed. Settings that cannot be read are no error.
    """
    found = await sites.sites(subscription_id)
    gate = asyncio.Semaphore(AT_ONCE)

    async def settings_of(site: Site) -> tuple[ResourceId, AppSettings | None]:
        async with gate:
            try:
                return site.resource, await sites.settings(site.resource)
            except S2SError:
                return site.resource, None

    read = await gather_or_cancel(*(settings_of(site) for site in by_likelihood(found)[:most]))
    return survey_of(found, dict(read))


T = TypeVar("T")


async def find_mct_sites(sites: ArmSites, subscription: str | None) -> SiteSurvey:
    """All web apps of a subscription, told apart by their settings or by MCT's function app beside them; no slots.

    Args:
        sites: App Service.
        subscription: its id or name; `None` for the only one that there is.

    Raises:
        NotThere: no such subscription, or more than one.
        ServiceError: the sites cannot be listed.
    """
    where = await find_subscription(sites, subscription)
    return await survey(sites, where.id, most=None)


@dataclass(frozen=True)
class Slots:
    """The deployment slots of an MCT site that may be sites of their own."""

    set_up: tuple[ResourceId, ...] = ()
    """Those that have some of the document's settings."""
    unread: tuple[ResourceId, ...] = ()
    """Those whose settings could not be read."""


async def find_slots(sites: ArmSites, app_service: AppService) -> Slots:
    """Which of a site's slots have settings of the document, one request for each slot that there is.

    A site is looked at together with the names of its slots, so that one without slots costs nothing.
    """
    config, site = app_service.slot_config, app_service.site.resource
    if config is None or site.slot is not None:
        return Slots()
    slots = [ResourceId.site(site.subscription_id, site.resource_group, site.names[0], name) for name in config.slots]
    read = await gather_or_cancel(*(outcome_of(sites.settings(slot)) for slot in slots))
    found = list(zip(slots, read, strict=True))
    return Slots(
        tuple(slot for slot, settings in found if not isinstance(settings, S2SError) and ours(settings)),
        tuple(slot for slot, settings in found if isinstance(settings, S2SError)),
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
    """The state of each site, or why it could not be read. How many requests are sent at once the session decides."""
    outcomes = await gather_or_cancel(*(outcome_of(read(app)) for app in apps))
    return tuple(zip(apps, outcomes, strict=True))
