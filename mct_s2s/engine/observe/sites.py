"""Find App Services.

Beside a web app, a deployment may have a function app whose name has the API's mark.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from mct_s2s.azure.clouds import is_on_this_machine, serving
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import (
    NotThere,
    PermissionMissing,
    S2SError,
    ServiceError,
    or_unknown,
    outcome_of,
)
from mct_s2s.model.api import Api
from mct_s2s.model.azure_resources import AppService, Site, Subscription
from mct_s2s.model.commands import command, webapp_command
from mct_s2s.model.ids import is_guid, same_id
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.model.site_settings import AppSettings
from mct_s2s.planning.clients import did_you_mean, without_other_numbers

if TYPE_CHECKING:
    from mct_s2s.azure.resource_manager import ResourceManager


Located = Callable[[ResourceId], None]
"""Called with a resource's id as soon as it is known, before anything is asked of it."""
SettingsRead = Callable[[AppSettings | None], None]
"""Called with the settings as soon as they are known, which may be a request or two before the
subscription is; `None`: they are refused, and the command goes on without them.
"""
MOST_LISTED = 10
"""Sites that an error names."""
LOCKED = "locked"
"""Reading the settings is a POST: a read-only lock refuses that, too."""


class SiteNotFound(NotThere):
    """The subscription or resource group has no such App Service that the caller can read."""

    may_be_hidden = True
    other_group = ""
    """The one resource group of the subscription that has one of this name."""


class AmbiguousSite(NotThere):
    """Several App Services of the subscription have the name."""

    def __init__(self, name: str, where: str, candidates: Sequence[ResourceId]) -> None:
        super().__init__(
            "site-ambiguous",
            f"{len(candidates)} App Services in {where} are named '{name}':",
            remedy="Add --resource-group, or use one of these resource IDs instead of the name.",
            items=[str(candidate) for candidate in candidates],
        )
        self.candidates = tuple(candidates)


def is_refusal(error: S2SError) -> bool:
    return isinstance(error, PermissionMissing) or error.code == LOCKED


async def find_subscription(arm: "ResourceManager", wanted: str | None) -> Subscription:
    """Find a subscription by id or name; without either, the only one.

    Raises NotThere: none, or more than one.
    """
    if wanted and is_guid(wanted):
        subscription = await _subscription_with_id(arm, wanted)
        if subscription is not None:
            return subscription
    readable = await arm.subscriptions()
    matching = [each for each in readable if _is_subscription(each, wanted)]
    if len(matching) == 1:
        return matching[0]
    if len(matching) > 1 and wanted:
        message = f"{len(matching)} subscriptions are named '{wanted}'."
        readable = matching
    elif wanted:
        message = f"The subscription '{wanted}' does not exist, or you can't read it."
    else:
        number = len(readable) or "no subscription"
        message = f"No subscription given, and you have access to {number}."
    if readable:
        names = ", ".join(f"'{each.name}' ({each.id})" for each in readable)
        remedy = f"Choose one with --subscription: {names}"
    else:
        remedy = (
            "Ask an Owner of the subscription for the role Website Contributor on the App Service."
        )
    error = NotThere("subscription-not-found", message, remedy=remedy)
    error.may_be_hidden = True
    raise error


def _is_subscription(subscription: Subscription, wanted: str | None) -> bool:
    """Whether it is meant. Its owners choose its name, also one that is the ID of another one."""
    if wanted is None or is_guid(wanted):
        return wanted is None or same_id(subscription.id, wanted)
    return subscription.name.casefold() == wanted.casefold()


async def _subscription_with_id(
    arm: "ResourceManager", subscription_id: str
) -> Subscription | None:
    """Find a subscription, also for a caller who may not read it.

    Who has a role on one App Service alone can work without the subscription's name, but not
    without its tenant. Raises PermissionMissing: its tenant cannot be found in any way.
    """
    try:
        return await arm.subscription(subscription_id)
    except PermissionMissing:
        for listed in await or_unknown(arm.subscriptions()) or []:
            if same_id(listed.id, subscription_id):
                return listed
        tenant_id = await or_unknown(arm.tenant_of(subscription_id))
        if tenant_id is None:
            raise
        return Subscription(subscription_id, subscription_id, tenant_id)


async def find_app_service(
    arm: "ResourceManager",
    target: SiteTarget,
    located: Located,
    settings_read: SettingsRead,
    api: Api,
    *,
    without_settings: bool = False,
) -> AppService:
    """Find an App Service, with its settings. Raises NotThere.

    `without_settings`: a refusal to show the settings is kept in their place.
    """
    subscription_id = target.subscription or ""
    subscription: Subscription | None = None
    if not is_guid(subscription_id):
        subscription = await find_subscription(arm, target.subscription)
        subscription_id = subscription.id
    group = target.group
    name = target.name
    if not group:
        subscription, unqualified = await _find_both(
            arm, subscription, subscription_id, target.name, api
        )
        group = unqualified.resource_group
        name = unqualified.name
    resource = ResourceId.site(subscription_id, group, name, target.slot)
    located(resource)
    reading = gather_or_cancel(
        arm.site(resource),
        _settings_or_refusal(arm, resource, settings_read, without_settings=without_settings),
        arm.slots(resource),
    )
    owner, answers = await gather_or_cancel(
        outcome_of(_given_or_found(arm, subscription, subscription_id)), outcome_of(reading)
    )
    # Whichever was refused first: the subscription says more.
    if isinstance(owner, S2SError):
        raise owner
    if isinstance(answers, S2SError):
        raise answers
    site, settings, (slots, sticky) = answers
    if site is None or isinstance(settings, NotThere):
        await _raise_missing(arm, resource, target, api)
    found = partial(AppService, **vars(site), tenant_id=owner.tenant_id, subscription=owner.name)
    if isinstance(settings, S2SError):
        return found(settings={}, refusal=settings)
    return found(settings=settings, slots=tuple(slots), sticky=sticky)


async def _settings_or_refusal(
    arm: "ResourceManager",
    resource: ResourceId,
    settings_read: SettingsRead,
    *,
    without_settings: bool,
) -> AppSettings | S2SError:
    """Return the settings; NotThere; or if `without_settings`, the refusal to show them."""
    try:
        settings = await arm.settings(resource)
    except NotThere as error:
        return error
    except S2SError as error:
        if not (without_settings and is_refusal(error)):
            raise
        settings_read(None)
        return error
    settings_read(settings)
    return settings


async def _given_or_found(
    arm: "ResourceManager", subscription: Subscription | None, subscription_id: str
) -> Subscription:
    return subscription or await find_subscription(arm, subscription_id)


async def _find_both(
    arm: "ResourceManager",
    subscription: Subscription | None,
    subscription_id: str,
    name: str,
    api: Api,
) -> tuple[Subscription, ResourceId]:
    """Find the subscription, and the App Service of this name in it, side by side.

    Where both are refused, the subscription says more.
    """
    finding = asyncio.ensure_future(_given_or_found(arm, subscription, subscription_id))

    async def subscription_name() -> str:
        return (await finding).name

    owner, resource = await gather_or_cancel(
        outcome_of(finding),
        outcome_of(find_web_app(arm, subscription_id, name, api, site_in=subscription_name)),
    )
    if isinstance(owner, S2SError):
        raise owner
    if isinstance(resource, S2SError):
        raise resource
    return owner, resource


async def find_web_app(
    arm: "ResourceManager",
    subscription_id: str,
    name: str,
    api: Api,
    *,
    site_in: Callable[[], Awaitable[str]] | None = None,
) -> ResourceId:
    """Find a web or function app by its bare name.

    `site_in`: reads its subscription's name, where a site of the API is meant. Raises NotThere, and
    PermissionMissing where none of the searches is allowed.
    """
    try:
        named = await arm.sites_named(subscription_id, name)
    except (NotThere, PermissionMissing, ServiceError):
        named = []
    if len(named) == 1:
        return named[0]
    # The search by name knows no new sites yet, so that the list of all decides.
    try:
        rows = await arm.sites(subscription_id)
    except PermissionMissing as refusal:
        refusal.advise(
            "Add --resource-group, or use the resource ID instead of the name: neither needs a "
            "search."
        )
        raise
    matching = [row.resource for row in rows if row.name.casefold() == name.casefold()]
    if len(matching) == 1:
        return matching[0]
    where = f"the subscription {subscription_id}"
    if site_in is not None:
        where = f"the subscription '{await site_in()}'"
    elif (subscription := await or_unknown(arm.subscription(subscription_id))) is not None:
        where = f"the subscription '{subscription.name}'"
    if not matching:
        wanted = api if site_in is not None else None
        raise _no_site(arm, name, subscription_id, where, rows, wanted)
    raise AmbiguousSite(name, where, matching)


async def _raise_missing(
    arm: "ResourceManager", resource: ResourceId, target: SiteTarget, api: Api
) -> NoReturn:
    """Raises NotThere, with names that are close."""
    rows = await or_unknown(arm.sites(resource.subscription_id)) or []
    where = f"the resource group '{resource.resource_group}'"
    if target.slot and any(row.name.casefold() == target.name.casefold() for row in rows):
        site = ResourceId.site(resource.subscription_id, resource.resource_group, target.name)
        slots, _ = await or_unknown(arm.slots(site)) or ((), frozenset())
        nearest = did_you_mean(target.slot, slots)
        raise NotThere(
            "slot-not-found",
            f"The App Service '{target.name}' in {where} has no slot '{target.slot}'.",
            remedy=nearest or "List the slots:",
            command="" if nearest else webapp_command("deployment slot list", site),
        )
    raise _no_site(arm, target.name, resource.subscription_id, where, rows, api)


def _no_site(
    arm: "ResourceManager",
    name: str,
    subscription_id: str,
    where: str,
    rows: list[Site],
    api: Api | None,
) -> SiteNotFound:
    """The error for a site that was not found.

    `api`: the one whose site is meant; `None` where any app is.
    """
    apps = (row for row in rows if api is None or not row.is_function_app(api.function_app_mark))
    groups = {row.name: row.resource.resource_group for row in apps}
    exact = [known for known in groups if known.casefold() == name.casefold()]
    possible = without_other_numbers(name, groups)
    close_names = exact or get_close_matches(name, possible, n=3, cutoff=0.5)
    hint = ", ".join(f"{close} (in {groups[close]})" for close in close_names)
    sites, others = split_sites(rows, {}, api) if api is not None else ([], [])
    remedy, listing = "List the apps that you can read:", _list_apps(subscription_id)
    is_own_program = api is not None and not api.is_shipped
    if is_own_program and is_on_this_machine(
        arm.base
    ):  # the reader's `az` would list the real Azure's
        remedy = "To serve a program as this app, in the resource group 'apps' of the sandbox:"
        listing = serving("--app", f"{name}=COMMAND")
    if hint:
        remedy, listing = f"Did you mean {hint}?", ""
    elif api is not None and 0 < len(sites) <= MOST_LISTED:
        remedy, listing = f"{api.name} sites here: {_named_few(sites)}.", ""
        if others:  # their settings, which are not read for a mistake, may be the API's
            remedy = f"{remedy} Other web apps: {_named_few(others)}."
    missing = SiteNotFound(
        "site-not-found",
        f"No web or function app in {where} is named '{name}', or you can't read it.",
        remedy=remedy,
        command=listing,
    )
    if len(exact) == 1:
        missing.other_group = groups[exact[0]]
    return missing


def _named_few(sites: Sequence[Site]) -> str:
    """The first sites, each with its resource group, and the number of the others."""
    names = [f"{site.name} ({site.resource.resource_group})" for site in sites[:MOST_LISTED]]
    more = len(sites) - len(names)
    return ", ".join([*names, *([f"{more} more"] if more else [])])


def _list_apps(subscription_id: str) -> str:
    """The command that lists all apps; `az webapp list` leaves function apps out."""
    return command(
        *("az", "resource", "list", "--subscription", subscription_id),
        *("--resource-type", "Microsoft.Web/sites"),
        *("--query", "[].{name:name,group:resourceGroup}", "--output", "table"),
    )


# Every site of an API in a subscription


def split_sites(
    sites: Iterable[Site], settings: Mapping[ResourceId, AppSettings | None], api: Api
) -> tuple[list[Site], list[Site]]:
    """Split the apps of a subscription into the API's sites and its other web apps.

    `settings` has `None` where they are not readable.
    """
    mark = api.function_app_mark

    def place(site: Site, name: str) -> tuple[str, str]:
        return name.casefold(), site.resource.resource_group.casefold()

    apps = sorted(sites, key=lambda site: place(site, site.name))
    with_function_app = {place(site, site.website(mark)) for site in apps if site.website(mark)}
    api_sites: list[Site] = []
    others: list[Site] = []
    for site in apps:
        if site.is_function_app(mark):
            continue
        is_used = api.is_used_by(settings.get(site.resource) or {})
        is_api_site = is_used or place(site, site.name) in with_function_app
        (api_sites if is_api_site else others).append(site)
    return api_sites, others


AT_ONCE = 8
"""Settings read at a time, so that Resource Manager's budget lasts for the work that follows."""


async def _settings_of_each(
    arm: "ResourceManager", apps: Iterable[ResourceId]
) -> dict[ResourceId, AppSettings | None]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def read(app: ResourceId) -> tuple[ResourceId, AppSettings | None]:
        async with gate:
            return app, await or_unknown(arm.settings(app))

    return dict(await gather_or_cancel(*map(read, apps)))


async def find_sites(
    arm: "ResourceManager", subscription: str | None, api: Api
) -> tuple[list[ResourceId], list[ResourceId]]:
    """Find the API's sites of a subscription, without slots.

    Returns them, and the web apps whose settings could not be read.
    """
    mark = api.function_app_mark
    sites = await arm.sites((await find_subscription(arm, subscription)).id)
    web_apps = [site.resource for site in sites if not site.is_function_app(mark)]
    settings = await _settings_of_each(arm, web_apps)
    api_sites, others = split_sites(sites, settings, api)
    unread = [site.resource for site in others if settings[site.resource] is None]
    return [site.resource for site in api_sites], unread


async def find_slots(
    arm: "ResourceManager", app_service: AppService, api: Api
) -> tuple[list[ResourceId], list[ResourceId]]:
    """Find a site's slots that have settings of the API.

    Returns them, and the slots whose settings could not be read.
    """
    site = app_service.resource
    names = app_service.slots if site.slot is None else ()
    slots = [
        ResourceId.site(site.subscription_id, site.resource_group, site.names[0], name)
        for name in names
    ]
    settings = await _settings_of_each(arm, slots)
    api_slots = [slot for slot in settings if api.is_used_by(settings[slot] or {})]
    unread = [slot for slot in settings if settings[slot] is None]
    return api_slots, unread
