"""Look at everything that a command rests on, as much of it at once as the questions allow."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from mct_s2s.activity import activity
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.app_service_lookup import (
    Located,
    find_app_service,
    find_site,
    find_subscription,
    find_web_app,
)
from mct_s2s.engine.observe.trust_lookup import find_trust
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Azure
from mct_s2s.errors import NotThere, PermissionMissing, S2SError
from mct_s2s.model.azure_resources import AppService, IdentityResource, IdentityUse
from mct_s2s.model.commands import command
from mct_s2s.model.desired import Removal, Setup
from mct_s2s.model.directory_objects import Tenant
from mct_s2s.model.ids import is_guid, resource_in_tag, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AppSettings, ours
from mct_s2s.model.trust import Trust

LOCKED = "locked"
"""Reading the settings is a POST: a read-only lock refuses that, too."""


async def observe(azure: Azure, request: Request, located: Located | None = None) -> ObservedState:
    """One snapshot of everything that a command rests on.

    Args:
        azure: the session.
        request: what to look at.
        located: called with the id of the App Service and of each caller's resource as soon as it is known.

    Raises:
        NotThere: the site, the subscription or a caller's resource is missing or ambiguous.
        ServiceError: Azure refused to show it.
    """
    with activity(f"Reading {reading(request)}"):
        return await _observed(azure, request, located or (lambda _: None))


def reading(request: Request) -> str:
    """What is looked at: `the directory and contosolearn`."""
    site = request.target.label if request.target is not None else ""
    return " and ".join(filter(None, ["the directory" * (request.desired.service is not None), site])) or "Azure"


async def _observed(azure: Azure, request: Request, located: Located) -> ObservedState:
    settings: asyncio.Future[AppSettings] = asyncio.get_running_loop().create_future()
    app_service, (tenant, trust), identity_resources = await gather_or_cancel(
        _app_service(azure, request, settings, located),
        _directory(azure, request, settings),
        _identity_resources(azure, request, located),
    )
    desired = request.desired
    uses = await find_identity_uses(azure, trust) if isinstance(desired, Removal) or desired.removes_unnamed else ()
    return ObservedState(
        azure.cloud,
        tenant,
        app_service,
        trust,
        identity_resources,
        identity_uses=uses,
        graph=azure.graph,
        authority_host=azure.authority_host,
    )


async def _app_service(
    azure: Azure, request: Request, settings: asyncio.Future[AppSettings], located: Located
) -> AppService | None:
    if request.target is None:
        settings.set_result({})
        return None
    try:
        app_service = await find_app_service(azure.sites, request.target, located)
    except S2SError as error:
        if not request.without_settings or not is_refusal(error):
            raise
        site, tenant_id = await find_site(azure.sites, request.target, located)
        settings.set_result({})
        return AppService(site, {}, tenant_id, refusal=error)
    settings.set_result(app_service.settings)
    if request.attempt and isinstance(request.desired, Setup) and not ours(app_service.settings):
        site = app_service.site
        with suppress(S2SError):  # who may not list them is not told
            beside = await azure.sites.sites(site.resource.subscription_id, site.resource.resource_group)
            is_mct = any(one.website == site.name.casefold() for one in beside)
            return replace(app_service, is_unusual=not is_mct)
    return app_service


def is_refusal(error: S2SError) -> bool:
    """Whether the caller may not read something, or may not read it now."""
    return isinstance(error, PermissionMissing) or error.code == LOCKED


async def _directory(
    azure: Azure, request: Request, settings: asyncio.Future[AppSettings]
) -> tuple[Tenant | None, Trust]:
    if request.desired.service is None:
        return None, Trust()
    return await gather_or_cancel(azure.directory.tenant(), find_trust(azure.directory, request, settings))


async def _identity_resources(azure: Azure, request: Request, located: Located) -> tuple[IdentityResource, ...]:
    return await gather_or_cancel(
        *(find_identity_resource(azure, request, wanted, located) for wanted in request.identities)
    )


async def find_identity_resource(
    azure: Azure, request: Request, wanted: str | ResourceId, located: Located
) -> IdentityResource:
    """A caller's resource, by its id or by the bare name of a web or function app.

    Raises:
        NotThere: there is none, or the name is ambiguous.
    """
    resource = await _resource(azure, request, wanted)
    located(resource)
    identity_resource = await azure.identities.identity_resource(resource)
    if identity_resource is None:
        raise _no_resource(resource)
    return identity_resource


async def _resource(azure: Azure, request: Request, wanted: str | ResourceId) -> ResourceId:
    if isinstance(wanted, ResourceId):
        return wanted
    subscription = request.subscription or ""
    if not is_guid(subscription):
        subscription = (await find_subscription(azure.sites, request.subscription)).id
    return await find_web_app(azure.sites, subscription, wanted)


def _no_resource(wanted: ResourceId) -> NotThere:
    return NotThere(
        "resource-not-found",
        f"The resource '{wanted}' does not exist, or you can't read it.",
        remedy="Check the ID:",
        command=command("az", "resource", "show", "--ids", str(wanted)),
    )


async def find_identity_uses(azure: Azure, trust: Trust) -> tuple[IdentityUse, ...]:
    """One for each identity that this trust's service application remembers to have switched on, and that is there."""
    tags = trust.service.tags if trust.service is not None else ()
    resources = [resource for tag in tags if (resource := resource_in_tag(tag)) is not None]
    found = await gather_or_cancel(*(_use(azure, trust, resource) for resource in resources))
    return tuple(use for use in found if use is not None)


async def _use(azure: Azure, trust: Trust, resource: str) -> IdentityUse | None:
    try:
        identity_resource = await azure.identities.identity_resource(ResourceId.parse(resource))
    except S2SError:
        return None
    if identity_resource is None:
        return None
    if identity_resource.principal_id is None:
        return IdentityUse(identity_resource, ())
    try:
        roles, assignments = await gather_or_cancel(
            azure.identities.roles_of(identity_resource), azure.directory.assignments_of(identity_resource.principal_id)
        )
    except S2SError:
        return IdentityUse(identity_resource, None)
    service = trust.principal.id if trust.principal is not None else None
    apps = [f"app role of {a.resource_id}" for a in assignments if not same_id(a.resource_id, service)]
    return IdentityUse(identity_resource, (*(f"Azure role at {scope}" for scope in roles), *apps))
