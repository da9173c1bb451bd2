"""From what the user typed to one App Service: never a guess between two."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import NotThere, ServiceError
from mct_s2s.model.azure_resources import AppService, Site, SlotConfig, Subscription
from mct_s2s.model.commands import webapp_command
from mct_s2s.model.ids import TenantId, is_guid
from mct_s2s.model.resource_id import ResourceId, SiteTarget

if TYPE_CHECKING:
    from mct_s2s.azure.arm.sites import ArmSites


async def find_subscription(sites: ArmSites, wanted: str | None) -> Subscription:
    """The subscription by id or name, or the only one that there is.

    Raises:
        NotThere: none, or more than one.
    """
    if wanted and is_guid(wanted):
        found = await sites.subscription(wanted)
        if found is not None:
            return found
        raise _no_subscription(wanted, await sites.subscriptions())
    everything = await sites.subscriptions()
    matching = [s for s in everything if wanted is None or s.name.casefold() == wanted.casefold()]
    if len(matching) == 1:
        return matching[0]
    raise _no_subscription(wanted, everything)


Located = Callable[[ResourceId], None]
"""Called with a resource's id as soon as it is known, before anything is asked of it."""


async def find_app_service(sites: ArmSites, target: SiteTarget, located: Located) -> AppService:
    """The site, its settings and its tenant, in as few dependent requests as the target allows.

    Raises:
        NotThere: no such site, or two of that name.
    """
    if target.subscription and is_guid(target.subscription) and target.group:
        resource = ResourceId.site(target.subscription, target.group, target.name, target.slot)
        located(resource)
        subscription, found = await gather_or_cancel(
            find_subscription(sites, target.subscription), _look(sites, resource)
        )
    else:
        subscription = await find_subscription(sites, target.subscription)
        resource = await _locate(sites, subscription, target)
        located(resource)
        found = await _look(sites, resource)
    site, settings, slots = found or await _missing(sites, resource, target)
    return AppService(site, settings, subscription.tenant_id, slots, subscription=subscription.name)


async def find_site(sites: ArmSites, target: SiteTarget, located: Located) -> tuple[Site, TenantId]:
    """The site and its subscription's tenant, without its settings: they take a right of their own.

    Raises:
        NotThere: no such site, or two of that name.
    """
    subscription = await find_subscription(sites, target.subscription)
    resource = await _locate(sites, subscription, target)
    located(resource)
    return await sites.site(resource) or await _missing(sites, resource, target), subscription.tenant_id


async def find_web_app(sites: ArmSites, subscription_id: str, name: str) -> ResourceId:
    """A web or function app by its bare name.

    Raises:
        NotThere: none, or more than one.
    """
    return await _only_one(sites, subscription_id, name, f"the subscription {subscription_id}", is_site=False)


async def _locate(sites: ArmSites, subscription: Subscription, target: SiteTarget) -> ResourceId:
    if target.group:
        return ResourceId.site(subscription.id, target.group, target.name, target.slot)
    found = await _only_one(sites, subscription.id, target.name, f"the subscription '{subscription.name}'")
    return ResourceId.site(subscription.id, found.resource_group, found.name, target.slot)


async def _only_one(
    sites: ArmSites, subscription_id: str, name: str, where: str, *, is_site: bool = True
) -> ResourceId:
    """Asked for by name; where that is no one's name, or several sites', or not allowed, all sites are looked at."""
    try:
        found = await sites.sites_named(subscription_id, name)
    except (NotThere, ServiceError):
        found = []
    return found[0] if len(found) == 1 else _the_one(await sites.sites(subscription_id), name, where, is_site)


async def _look(sites: ArmSites, resource: ResourceId) -> tuple[Site, dict[str, str | None], SlotConfig | None] | None:
    site, settings, slots = await gather_or_cancel(
        sites.site(resource), _settings_or_none(sites, resource), sites.slot_config(resource)
    )
    return None if site is None or settings is None else (site, settings, slots)


async def _missing(sites: ArmSites, resource: ResourceId, target: SiteTarget) -> NoReturn:
    """Say what there is instead.

    Raises:
        NotThere: always.
    """
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


async def _settings_or_none(sites: ArmSites, resource: ResourceId) -> dict[str, str | None] | None:
    try:
        return await sites.settings(resource)
    except NotThere:
        return None


def _the_one(rows: list[Site], name: str, where: str, is_site: bool) -> ResourceId:
    matching = [row for row in rows if row.name.casefold() == name.casefold()]
    if len(matching) == 1:
        return matching[0].resource
    if matching:
        raise NotThere(
            "site-ambiguous",
            f"{len(matching)} App Services in {where} are named '{name}':",
            remedy="Add --resource-group, or use one of these resource IDs instead of the name.",
            items=[str(row.resource) for row in matching],
        )
    raise _no_site(name, where, rows, is_site)


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


def _no_subscription(wanted: str | None, seen: list[Subscription]) -> NotThere:
    listed = ", ".join(f"'{s.name}' ({s.id})" for s in seen)
    if wanted:
        message = f"The subscription '{wanted}' does not exist, or you can't read it."
    elif seen:
        message = f"No subscription given, and you have access to {len(seen)}."
    else:
        message = "You have access to no subscription."
    remedy = (
        f"Choose one with --subscription: {listed}"
        if seen
        else "Ask an Owner of the subscription for the role Website Contributor on the App Service."
    )
    return NotThere("subscription-not-found", message, remedy=remedy)
