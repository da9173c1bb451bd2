"""App Services, by what Azure Resource Manager shows: one by what the user typed, or all of them, read side by side.

Never a guess between two. A deployment of MCT is a web app and, in the same resource group, a function app whose name
is the web app's with `-fa-` and a suffix. A site that has been set up also has the settings of the document's step 3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn, TypeVar

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import NotThere, S2SError, ServiceError
from mct_s2s.model.azure_resources import AppService, Site, SlotConfig, Subscription
from mct_s2s.model.commands import webapp_command
from mct_s2s.model.ids import TenantId, is_guid
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.model.site_settings import AppSettings, ours

if TYPE_CHECKING:
    from mct_s2s.azure.arm.sites import ArmSites

T = TypeVar("T")

Located = Callable[[ResourceId], None]
"""Called with a resource's id as soon as it is known, before anything is asked of it."""


async def find_subscription(sites: ArmSites, wanted: str | None) -> Subscription:
    """The subscription by id or name, or the only one that there is. Raises NotThere: none, or more than one."""
    found = await sites.subscription(wanted) if wanted and is_guid(wanted) else None
    if found is not None:
        return found
    seen = await sites.subscriptions()
    matching = [s for s in seen if wanted is None or s.name.casefold() == wanted.casefold()]
    if len(matching) == 1:
        return matching[0]
    if wanted:
        message = f"The subscription '{wanted}' does not exist, or you can't read it."
    elif seen:
        message = f"No subscription given, and you have access to {len(seen)}."
    else:
        message = "You have access to no subscription."
    listed = ", ".join(f"'{s.name}' ({s.id})" for s in seen)
    remedy = "Ask an Owner of the subscription for the role Website Contributor on the App Service."
    raise NotThere(
        "subscription-not-found", message, remedy=f"Choose one with --subscription: {listed}" if seen else remedy
    )


async def find_app_service(sites: ArmSites, target: SiteTarget, located: Located) -> AppService:
    """The site, its settings and its tenant, in as few dependent requests as the target allows. Raises NotThere."""
    if target.subscription and is_guid(target.subscription) and target.group:
        resource = ResourceId.site(target.subscription, target.group, target.name, target.slot)
        located(resource)
        subscription, found = await gather_or_cancel(
            find_subscription(sites, target.subscription), _look(sites, resource)
        )
    else:
        subscription, resource = await _locate(sites, target)
        located(resource)
        found = await _look(sites, resource)
    site, settings, slots = found or await _missing(sites, resource, target)
    return AppService(site, settings, subscription.tenant_id, slots, subscription=subscription.name)


async def find_site(sites: ArmSites, target: SiteTarget, located: Located) -> tuple[Site, TenantId]:
    """The site and its subscription's tenant, without its settings: they take a right of their own. Raises NotThere."""
    subscription, resource = await _locate(sites, target)
    located(resource)
    return await sites.site(resource) or await _missing(sites, resource, target), subscription.tenant_id


async def _locate(sites: ArmSites, target: SiteTarget) -> tuple[Subscription, ResourceId]:
    subscription = await find_subscription(sites, target.subscription)
    group, name = target.group, target.name
    if not group:
        found = await find_web_app(sites, subscription.id, name, subscription.name)
        group, name = found.resource_group, found.name
    return subscription, ResourceId.site(subscription.id, group, name, target.slot)


async def _look(sites: ArmSites, resource: ResourceId) -> tuple[Site, dict[str, str | None], SlotConfig | None] | None:
    async def settings_or_none() -> dict[str, str | None] | None:
        try:
            return await sites.settings(resource)
        except NotThere:
            return None

    site, settings, slots = await gather_or_cancel(
        sites.site(resource), settings_or_none(), sites.slot_config(resource)
    )
    return None if site is None or settings is None else (site, settings, slots)


async def find_web_app(sites: ArmSites, subscription_id: str, name: str, site_in: str = "") -> ResourceId:
    """A web or function app by its bare name, or with `site_in`, its subscription's name, what can be an MCT site.

    It is asked for by name; where that is no one's, or several sites', or not allowed, all sites are looked at.
    """
    try:
        named = await sites.sites_named(subscription_id, name)
    except (NotThere, ServiceError):
        named = []
    if len(named) == 1:
        return named[0]
    rows = await sites.sites(subscription_id)
    matching = [row for row in rows if row.name.casefold() == name.casefold()]
    if len(matching) == 1:
        return matching[0].resource
    where = f"the subscription '{site_in}'" if site_in else f"the subscription {subscription_id}"
    if not matching:
        raise _no_site(name, where, rows, bool(site_in))
    raise NotThere(
        "site-ambiguous",
        f"{len(matching)} App Services in {where} are named '{name}':",
        remedy="Add --resource-group, or use one of these resource IDs instead of the name.",
        items=[str(row.resource) for row in matching],
    )


async def _missing(sites: ArmSites, resource: ResourceId, target: SiteTarget) -> NoReturn:
    """Say what there is instead. Raises NotThere: always."""
    nearby = await sites.sites(resource.subscription_id)
    where = f"the resource group '{resource.resource_group}'"
    if target.slot and any(row.name.casefold() == target.name.casefold() for row in nearby):
        site = ResourceId.site(resource.subscription_id, resource.resource_group, target.name)
        raise NotThere(
            "slot-not-found",
            f"The App Service '{target.name}' in {where} has no slot '{target.slot}'.",
            remedy="List the slots:",
            command=webapp_command("deployment slot list", site),
        )
    raise _no_site(target.name, where, nearby, True)


def _no_site(name: str, where: str, nearby: list[Site], is_site: bool) -> NotThere:
    """No function app is offered where a site is meant: each command would refuse it."""
    groups = {row.name: row.resource.resource_group for row in nearby if not (is_site and row.is_function_app)}
    close = get_close_matches(name, groups, n=3, cutoff=0.5)
    hint = ", ".join(f"{near} (in {groups[near]})" for near in close)
    return NotThere(
        "site-not-found",
        f"No web or function app in {where} is named '{name}', or you can't read it.",
        remedy=f"Did you mean {hint}?" if hint else "List the apps that you can read:",
        command="" if hint else "az webapp list -o table",
    )


@dataclass(frozen=True)
class SiteSurvey:
    """The web and function apps of a subscription, each kind by name."""

    mct: tuple[Site, ...]
    others: tuple[Site, ...]
    """Web apps that nothing shows to be an MCT site."""
    unread: tuple[Site, ...] = ()
    """Of the others, those whose settings could not be read: they may be MCT sites."""


def survey_of(sites: Iterable[Site], settings: Mapping[ResourceId, AppSettings | None]) -> SiteSurvey:
    """Tell the sites apart. Function apps are none: the document warns of them.

    Args:
        sites: every web and function app of a subscription, without slots.
        settings: the application settings of those whose settings were asked for; `None`: not readable.
    """

    def place(site: Site, name: str) -> tuple[str, str]:
        return name.casefold(), site.resource.resource_group.casefold()

    apps = sorted(sites, key=lambda site: place(site, site.name))
    beside = {place(site, site.website) for site in apps if site.website}
    web_apps = [site for site in apps if not site.is_function_app]
    mct = [s for s in web_apps if ours(settings.get(s.resource) or {}) or place(s, s.name) in beside]
    others = [site for site in web_apps if site not in mct]
    unread = [site for site in others if settings.get(site.resource, {}) is None]
    return SiteSurvey(tuple(mct), tuple(others), tuple(unread))


AT_ONCE = 8
"""Settings read at a time: the survey must not use up what Azure Resource Manager allows for the work after it."""


async def find_mct_sites(sites: ArmSites, subscription: str | None) -> SiteSurvey:
    """All web apps of a subscription, told apart by their settings or by MCT's function app beside them; no slots."""
    found = await sites.sites((await find_subscription(sites, subscription)).id)
    gate = asyncio.Semaphore(AT_ONCE)

    async def settings_of(site: Site) -> tuple[ResourceId, AppSettings | None]:
        async with gate:
            settings = await outcome_of(sites.settings(site.resource))
            return site.resource, None if isinstance(settings, S2SError) else settings

    return survey_of(found, dict(await gather_or_cancel(*(settings_of(s) for s in found if not s.is_function_app))))


async def find_slots(sites: ArmSites, app_service: AppService) -> tuple[tuple[ResourceId, ...], tuple[ResourceId, ...]]:
    """A site's slots that have settings of the document, and those whose settings could not be read.

    One request for each slot; a site is looked at together with their names, so that one without slots costs nothing.
    """
    config, site = app_service.slot_config, app_service.site.resource
    names = config.slots if config is not None and site.slot is None else ()
    slots = [ResourceId.site(site.subscription_id, site.resource_group, site.names[0], name) for name in names]
    read = await gather_or_cancel(*(outcome_of(sites.settings(slot)) for slot in slots))
    found = list(zip(slots, read, strict=True))
    set_up = (slot for slot, settings in found if not isinstance(settings, S2SError) and ours(settings))
    return tuple(set_up), tuple(slot for slot, settings in found if isinstance(settings, S2SError))


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
