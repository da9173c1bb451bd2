"""Find App Services.

Beside a web app, a deployment may have a function app whose name has the API's mark.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

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

if TYPE_CHECKING:
    from mct_s2s.azure.resource_manager import ResourceManager


Located = Callable[[ResourceId], None]
"""Called with a resource's id as soon as it is known, before anything is asked of it."""
LIST_APPS = command(
    "az", "webapp", "list", "--query", "[].{name:name,group:resourceGroup}", "--output", "table"
)
"""Without a query, az 2.91 answers "Table output unavailable"."""
LOCKED = "locked"
"""Reading the settings is a POST: a read-only lock refuses that, too."""


def is_refusal(error: S2SError) -> bool:
    return isinstance(error, PermissionMissing) or error.code == LOCKED


async def find_subscription(arm: "ResourceManager", wanted: str | None) -> Subscription:
    """By id or name, or the only one that there is. Raises NotThere: none, or more than one."""
    found = await _subscription_with_id(arm, wanted) if wanted and is_guid(wanted) else None
    if found is not None:
        return found
    seen = await arm.subscriptions()
    matching = [s for s in seen if wanted is None or s.name.casefold() == wanted.casefold()]
    if len(matching) == 1:
        return matching[0]
    message = f"No subscription given, and you have access to {len(seen) or 'no subscription'}."
    if wanted:
        message = f"The subscription '{wanted}' does not exist, or you can't read it."
    listed = ", ".join(f"'{s.name}' ({s.id})" for s in seen)
    remedy = "Ask an Owner of the subscription for the role Website Contributor on the App Service."
    raise NotThere(
        "subscription-not-found",
        message,
        remedy=f"Choose one with --subscription: {listed}" if seen else remedy,
    )


async def _subscription_with_id(
    arm: "ResourceManager", subscription_id: str
) -> Subscription | None:
    """Find a subscription also for callers with a role on one App Service alone, who may not read
    it.

    Raises PermissionMissing where its tenant cannot be found in any way; without its name one can
    work.
    """
    try:
        return await arm.subscription(subscription_id)
    except PermissionMissing:
        listed = await or_unknown(arm.subscriptions()) or []
        known = next((one for one in listed if same_id(one.id, subscription_id)), None)
        if known is not None:
            return known
        tenant_id = await or_unknown(arm.tenant_of(subscription_id))
        if tenant_id is None:
            raise
        return Subscription(subscription_id, subscription_id, tenant_id)


async def find_app_service(
    arm: "ResourceManager",
    target: SiteTarget,
    located: Located,
    api: Api,
    *,
    without_settings: bool = False,
) -> AppService:
    """`without_settings`: where they may not be read, the reason is kept instead.

    Raises NotThere.
    """
    subscription_id, group, name, known = target.subscription or "", target.group, target.name, None
    if not is_guid(subscription_id):
        known = await find_subscription(arm, target.subscription)
        subscription_id = known.id
    if not group:
        known, found = await _find_both(arm, known, subscription_id, name, api)
        group, name = found.resource_group, found.name
    resource = ResourceId.site(subscription_id, group, name, target.slot)
    located(resource)

    async def subscription() -> Subscription:
        return known or await find_subscription(arm, subscription_id)

    settings = _settings_or_refusal(arm, resource, without_settings=without_settings)
    looking = gather_or_cancel(arm.site(resource), settings, arm.slots(resource))
    owner, looked = await gather_or_cancel(outcome_of(subscription()), outcome_of(looking))
    if isinstance(owner, S2SError):
        raise owner  # whichever was refused first: the subscription says more
    if isinstance(looked, S2SError):
        raise looked
    site, read, (slots, sticky) = looked
    if site is None or isinstance(read, NotThere):
        await _missing(arm, resource, target, api)
    known_of = {**vars(site), "tenant_id": owner.tenant_id, "subscription": owner.name}
    if isinstance(read, S2SError):
        return AppService(**known_of, settings={}, refusal=read)
    return AppService(**known_of, settings=read, slots=tuple(slots), sticky=sticky)


async def _settings_or_refusal(
    arm: "ResourceManager", resource: ResourceId, *, without_settings: bool
) -> AppSettings | S2SError:
    """The settings; NotThere; or where the command can do `without_settings`, the refusal to show
    them.
    """
    try:
        return await arm.settings(resource)
    except S2SError as error:
        if isinstance(error, NotThere) or (without_settings and is_refusal(error)):
            return error
        raise


async def _find_both(
    arm: "ResourceManager", known: Subscription | None, subscription_id: str, name: str, api: Api
) -> tuple[Subscription, ResourceId]:
    """The subscription, and the App Service of this name in it.

    Where both are refused, the subscription says more.
    """

    async def subscription() -> Subscription:
        return known or await find_subscription(arm, subscription_id)

    async def subscription_name() -> str:
        return (await owning).name

    owning = asyncio.ensure_future(subscription())
    owner, found = await gather_or_cancel(
        outcome_of(owning),
        outcome_of(find_web_app(arm, subscription_id, name, api, site_in=subscription_name)),
    )
    if isinstance(owner, S2SError):
        raise owner
    if isinstance(found, S2SError):
        raise found
    return owner, found


async def find_web_app(
    arm: "ResourceManager",
    subscription_id: str,
    name: str,
    api: Api,
    *,
    site_in: Callable[[], Awaitable[str]] | None = None,
) -> ResourceId:
    """By its bare name. `site_in`: reads its subscription's name, where a site of the API is meant.

    Raises NotThere, and PermissionMissing where none of the searches is allowed.
    """
    try:
        named = await arm.sites_named(subscription_id, name)
    except (
        NotThere,
        PermissionMissing,
        ServiceError,
    ):
        # All sites that the caller may see are looked at
        named = []
    if len(named) == 1:
        return named[0]
    try:
        rows = await arm.sites(subscription_id)
    except PermissionMissing as refused:
        refused.advise(
            "Add --resource-group, or use the resource ID instead of the name: neither needs a "
            "search."
        )
        raise
    matching = [row.resource for row in rows if row.name.casefold() == name.casefold()]
    if len(matching) == 1:
        return matching[0]
    where = (
        f"the subscription '{await site_in()}'"
        if site_in
        else f"the subscription {subscription_id}"
    )
    if not matching:
        raise _no_site(name, where, rows, api if site_in else None)
    raise NotThere(
        "site-ambiguous",
        f"{len(matching)} App Services in {where} are named '{name}':",
        remedy="Add --resource-group, or use one of these resource IDs instead of the name.",
        items=list(map(str, matching)),
    )


async def _missing(
    arm: "ResourceManager", resource: ResourceId, target: SiteTarget, api: Api
) -> NoReturn:
    nearby = await or_unknown(arm.sites(resource.subscription_id)) or []
    where = f"the resource group '{resource.resource_group}'"
    if target.slot and any(row.name.casefold() == target.name.casefold() for row in nearby):
        site = ResourceId.site(resource.subscription_id, resource.resource_group, target.name)
        raise NotThere(
            "slot-not-found",
            f"The App Service '{target.name}' in {where} has no slot '{target.slot}'.",
            remedy="List the slots:",
            command=webapp_command("deployment slot list", site),
        )
    raise _no_site(target.name, where, nearby, api)


def _no_site(name: str, where: str, nearby: list[Site], api: Api | None) -> NotThere:
    """`api`: the one whose site is meant; `None` where any app is."""
    apps = (row for row in nearby if api is None or not row.is_function_app(api.function_app_mark))
    groups = {row.name: row.resource.resource_group for row in apps}
    close = get_close_matches(name, groups, n=3, cutoff=0.5)
    hint = ", ".join(f"{near} (in {groups[near]})" for near in close)
    return NotThere(
        "site-not-found",
        f"No web or function app in {where} is named '{name}', or you can't read it.",
        remedy=f"Did you mean {hint}?" if hint else "List the apps that you can read:",
        command="" if hint else LIST_APPS,
    )


# Every site of an API in a subscription


def split_sites(
    sites: Iterable[Site], settings: Mapping[ResourceId, AppSettings | None], api: Api
) -> tuple[list[Site], list[Site]]:
    """The API's sites among the apps of a subscription, and its other web apps.

    `None`: settings are not readable.
    """
    mark = api.function_app_mark

    def place(site: Site, name: str) -> tuple[str, str]:
        return name.casefold(), site.resource.resource_group.casefold()

    apps = sorted(sites, key=lambda site: place(site, site.name))
    beside = {place(site, site.website(mark)) for site in apps if site.website(mark)}
    web_apps = [site for site in apps if not site.is_function_app(mark)]
    own = [
        s
        for s in web_apps
        if api.is_used_by(settings.get(s.resource) or {}) or place(s, s.name) in beside
    ]
    return own, [site for site in web_apps if site not in own]


AT_ONCE = 8
"""Settings read at a time: the survey must leave the work after it some of what Azure Resource
Manager allows.
"""


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
    """The API's sites of a subscription, without slots, and the web apps whose settings could not
    be read.
    """
    mark = api.function_app_mark
    found = await arm.sites((await find_subscription(arm, subscription)).id)
    settings = await _settings_of_each(
        arm, (site.resource for site in found if not site.is_function_app(mark))
    )
    own, others = split_sites(found, settings, api)
    return [site.resource for site in own], [
        one.resource for one in others if settings[one.resource] is None
    ]


async def find_slots(
    arm: "ResourceManager", app_service: AppService, api: Api
) -> tuple[list[ResourceId], list[ResourceId]]:
    """A site's slots that have settings of the API, and those whose settings could not be read."""
    site = app_service.resource
    names = app_service.slots if site.slot is None else ()
    slots = (
        ResourceId.site(site.subscription_id, site.resource_group, site.names[0], name)
        for name in names
    )
    settings = await _settings_of_each(arm, slots)
    return [slot for slot in settings if api.is_used_by(settings[slot] or {})], [
        s for s in settings if settings[s] is None
    ]
