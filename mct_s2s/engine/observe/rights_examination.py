"""May this caller do the job? Everything that can be seen is looked at; what may not be seen is an answer, too."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from mct_s2s.activity import activity
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.access import AccessLook
from mct_s2s.engine.observe.app_service_lookup import find_site
from mct_s2s.engine.observe.observe import find_identity_resource, is_refusal, observe
from mct_s2s.engine.observe.registration_custody import with_custody
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Azure
from mct_s2s.errors import NotThere, Refused, S2SError
from mct_s2s.model.azure_resources import IdentityResource, Site
from mct_s2s.model.caller_rights import CallerRights
from mct_s2s.model.desired import SettingsScope, Setup
from mct_s2s.model.ids import TenantId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AppSettings
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.permissions.doctor import Seen
from mct_s2s.planning.permissions.preflight import need_of
from mct_s2s.planning.permissions.rights import Need
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.registrations.ownership import another_site, service_not_ours

T = TypeVar("T")
UNSEEN = frozenset({"subscription-not-found", "site-not-found"})
"""What may as well be hidden from this caller."""
GUARDS = frozenset({"function-app", "other-tenant"})
"""Refusals that `doctor` has checks of its own for."""


async def examine(azure: Azure, request: Request) -> Seen:
    """Look at all of it; nothing is written.

    Raises:
        NotThere: two sites of that name, or a caller's resource that is missing or ambiguous.
        ServiceError: Azure did not answer.
    """
    with activity(f"Checking permissions{f' for {request.label}' if request.target else ''}"):
        return await _examined(azure, request)


async def _examined(azure: Azure, request: Request) -> Seen:
    async with AccessLook(azure, directory=True) as look:
        try:
            observed = await with_custody(azure, request, await observe(azure, request, look.at))
        except S2SError as error:
            if not is_refusal(error) and error.code not in UNSEEN:
                raise
            seen = await _in_parts(azure, request, look)
        else:
            seen = _whole(request, observed)
        resource = look.site(request.target) if request.target else None
        return replace(seen, access=await look.found(), resource=resource)


def _whole(request: Request, observed: ObservedState) -> Seen:
    """What follows from a state that could be read, perhaps without the App Service's settings."""
    app_service = observed.app_service
    plan, refusal = _planned(request, observed)
    return Seen(
        CallerRights(),
        observed.tenant,
        site=observed.site,
        site_tenant_id=app_service.tenant_id if app_service else None,
        site_refusal=app_service.refusal if app_service else None,
        identity_resources=observed.identity_resources,
        service=observed.trust.service.object_id if observed.trust.service else None,
        needs=_needs_of_existing(plan, observed),
        pending=0 if refusal else len(plan.changes),
        setup_refusal=refusal,
        settings=observed.settings,
    )


def _planned(request: Request, observed: ObservedState) -> tuple[Plan, S2SError | None]:
    """What `setup` would do to what is there, or why it would refuse."""
    scope = SettingsScope.NONE if observed.app_service is None or observed.settings_unread else SettingsScope.ALL
    service, spec = observed.trust.service, request.desired.service
    try:
        plan = make_plan(Setup(spec, settings=scope), observed, request.facts)
        if service is not None and spec is not None and (other := another_site(service, observed, spec.unique_name)):
            why = f"it was created for another App Service, {other}"
            return plan, service_not_ours(service, observed, spec, why)
        return plan, None
    except (NotThere, Refused) as error:
        return Plan(), None if error.code in GUARDS else error


def _needs_of_existing(plan: Plan, observed: ObservedState) -> tuple[Need, ...]:
    """The rights over registrations that are there; those that a new one takes are checked anyway."""
    needs = (need_of(change, observed) for change in plan.changes)
    return tuple(dict.fromkeys(need for need in needs if need is not None and need.application is not None))


async def _in_parts(azure: Azure, request: Request, look: AccessLook) -> Seen:
    """The halves, each with the reason why it could not be read."""
    (site, site_tenant_id, settings, site_refusal), (tenant, refusal), identity_resources = await gather_or_cancel(
        _site(azure, request, look),
        _or_refusal(azure.directory.tenant()),
        gather_or_cancel(*(_identity_resource(azure, request, wanted, look) for wanted in request.identities)),
    )
    if refusal is None:
        _, refusal = await _or_refusal(azure.directory.applications_by_unique_name([request.desired.unique_name]))
    return Seen(
        CallerRights(),
        tenant if refusal is None else None,
        refusal,
        site,
        site_tenant_id,
        site_refusal,
        identity_resources,
        settings=settings or {},
    )


async def _site(
    azure: Azure, request: Request, look: AccessLook
) -> tuple[Site | None, TenantId | None, AppSettings | None, S2SError | None]:
    """The site, the tenant that its subscription trusts, and why one of them or the settings could not be read."""
    if request.target is None:
        return None, None, None, None
    try:
        site, tenant_id = await find_site(azure.sites, request.target, look.at)
    except S2SError as error:
        if not is_refusal(error) and error.code not in UNSEEN:
            raise
        return None, None, None, error
    settings, refusal = await _or_refusal(azure.sites.settings(site.resource))
    return site, tenant_id, settings, refusal


async def _identity_resource(
    azure: Azure, request: Request, wanted: str | ResourceId, look: AccessLook
) -> IdentityResource:
    """A caller's resource; one that may not be looked at counts as one without an identity: that takes a right, too."""
    found, refusal = await _or_refusal(find_identity_resource(azure, request, wanted, look.at))
    if found is None and refusal is not None:
        if not isinstance(wanted, ResourceId):
            raise refusal
        return IdentityResource(wanted, None)
    assert found is not None  # noqa: S101  # it is found or refused
    return found


async def _or_refusal(question: Coroutine[Any, Any, T]) -> tuple[T | None, S2SError | None]:
    try:
        return await question, None
    except S2SError as error:
        if is_refusal(error):
            return None, error
        raise
