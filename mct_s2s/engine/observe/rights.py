"""What the caller may do: asked beside everything else that is looked at, and held against what is to be done.

The answers only warn: what cannot be read is unknown, and no one waits long for it once the rest has been seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, TypeVar

from mct_s2s.activity import activity
from mct_s2s.concurrency import end_all, gather_or_cancel
from mct_s2s.engine.observe.observe import find_identity_resource, observe, with_custody
from mct_s2s.engine.observe.sites import is_refusal
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere, Refused, S2SError
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.caller_rights import CallerRights, DirectoryRights, ScopeRights, SecretRule
from mct_s2s.model.desired import Look, SettingsScope, Setup
from mct_s2s.model.observed import ObservedState, Trust
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.ownership import another_site, service_not_ours
from mct_s2s.planning.permissions.doctor import Seen
from mct_s2s.planning.permissions.preflight import check, missing_at, need_of, stopped, with_unread_settings
from mct_s2s.planning.permissions.rights import Right, may_do_all
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.secret_policy import fit_secrets, too_long

T = TypeVar("T")

GRACE_SECONDS = 5.0
"""How long these answers may come after all others."""
UNSEEN = ("subscription-not-found", "site-not-found")
"""What may as well be hidden from this caller."""
GUARDS = frozenset({"function-app", "other-tenant"})
"""Refusals that `doctor` has checks of its own for."""


class AccessLook:
    """Asks at once about the directory, if it is asked at all, and about each resource as soon as it is named."""

    def __init__(self, session: Session, *, directory: bool) -> None:
        self._session = session
        self._resources: dict[str, ResourceId] = {}
        self._asked: dict[str, asyncio.Task[Any]] = {}
        if directory:
            self._asked["directory"] = asyncio.ensure_future(self._in_directory())
            self._asked["rules"] = asyncio.ensure_future(_or_unknown(session.directory_access.secret_rules()))

    def at(self, resource: ResourceId) -> None:
        """Ask about one resource; a second time does nothing."""
        key = str(resource).lower()
        if key not in self._resources:
            self._resources[key] = resource
            self._asked[key] = asyncio.ensure_future(self._at(resource))

    def site(self, target: SiteTarget | None) -> ResourceId | None:
        """The id of a site by its name, once it has been asked about."""
        wanted = target and (target.name.casefold(), (target.slot or "").casefold())
        for one in self._resources.values():
            if one.is_site and (one.names[0].casefold(), (one.slot or "").casefold()) == wanted:
                return one
        return None

    async def found(self) -> CallerRights:
        """What has been found out, a moment after everything else was seen."""
        if self._asked:
            await asyncio.wait(self._asked.values(), timeout=GRACE_SECONDS)
        found = {key: task.result() for key, task in self._asked.items() if task.done() and not task.cancelled()}
        directory = found.pop("directory", None) or DirectoryRights(self._session.directory_access.signed_in)
        return CallerRights(directory, found.pop("rules", None), found)

    async def aclose(self) -> None:
        """Ask no longer."""
        await end_all(self._asked.values())

    async def _in_directory(self) -> DirectoryRights:
        directory = self._session.directory_access
        caller, (roles, permissions), owned = await gather_or_cancel(
            _or_unknown(directory.caller()),
            gather_or_cancel(_or_unknown(directory.roles()), _or_unknown(directory.permissions())),
            _or_unknown(directory.owned()),
        )
        rights = DirectoryRights(directory.signed_in, caller, permissions, roles, False, owned, directory.address)
        if caller is None or may_do_all(rights):
            return rights
        assigned = await _or_unknown(directory.assignments(caller.id))
        if not assigned:
            return replace(rights, has_no_role=assigned == [] and not roles)
        everywhere = {role for role, scope in assigned if scope == "/"}
        return replace(rights, roles=frozenset(everywhere.union(roles or ())))

    async def _at(self, resource: ResourceId) -> ScopeRights:
        rights = self._session.arm
        return ScopeRights(
            *await gather_or_cancel(_or_unknown(rights.permissions(resource)), _or_unknown(rights.locks(resource)))
        )


async def permitted(
    session: Session, plan: Plan, observed: ObservedState, access: CallerRights, request: Request
) -> Plan:
    """The plan without what others must do, and with secrets that the tenant allows.

    In a dry run, what is missing stops nothing: the steps are marked, so that the plan can be sent to an administrator.

    Raises:
        PermissionMissing: something is missing that cannot be left to others; all of it is said.
        PolicyForbids: the tenant's policy forbids a secret.
    """
    rules, now = access.secret_rules or (), request.now
    own: dict[str, Sequence[SecretRule]] = {}
    for change, _, _ in too_long(plan.changes, lambda _: rules, observed, now):
        if isinstance(change.object_id, str):  # a registration that exists may have a policy of its own
            try:
                found = await session.directory_access.secret_rules_of(change.object_id)
            except S2SError:  # it may allow what the default forbids: the real request decides
                found = ()
            own[change.key] = rules if found is None else found
    plan, forbidden = fit_secrets(plan, lambda change: own.get(change.key, rules), observed, now)
    checked = check(plan, observed, access)
    also = [f"{forbidden.message} {forbidden.remedy}"] if forbidden else []
    if request.dry_run and (checked.blocked or observed.settings_unread):
        return with_unread_settings(replace(checked, notes=(*checked.notes, *also)), observed, access)
    if checked.blocked:
        raise stopped(checked.lacks, also)
    if forbidden is not None:
        raise forbidden
    return checked


async def explained(session: Session, request: Request, look: AccessLook, error: S2SError) -> S2SError:
    """A refusal to show the App Service or the directory, with everything else that is missing beside it."""
    if not is_refusal(error):
        return error
    alone = _without_site(request)
    (rest, in_directory), (there, at_site) = await gather_or_cancel(
        _or_error(_with_custody(session, alone, look)), _or_error(observe(session, _site_alone(request), look.at))
    )
    access, site = await look.found(), look.site(request.target)
    missing = missing_at(site, site.name, access, restart=request.desired.restart) if site is not None else ()
    settings = Right.READ_SETTINGS.without
    is_reading = any(one.without == settings for one in missing)
    if rest is not None and request.target is not None and request.desired.service is not None:
        with suppress(S2SError):
            missing += check(make_plan(alone.desired, rest, request.context), rest, access).lacks
    at_site = there.app_service.refusal if there is not None and there.app_service is not None else at_site
    refused = {one.headline: one for one in (in_directory, at_site) if one is not None and is_refusal(one)}
    said = {
        one: f"Azure returned: {one.message}" if is_reading and one is at_site else f"{one.message} {one.remedy}"
        for one in refused.values() or [error]
    }
    return stopped(missing, said.values(), error.request_id)


async def examine(session: Session, request: Request) -> Seen:
    """Look at everything that `setup` rests on; what may not be seen is an answer, too.

    Raises:
        NotThere: two sites of that name, or a caller's resource that is missing or ambiguous.
        ServiceError: Azure did not answer.
    """
    with activity(f"Checking permissions{f' for {request.label}' if request.target else ''}"):
        async with aclosing(AccessLook(session, directory=True)) as look:
            observed, _ = await _or_refusal(_with_custody(session, request, look), UNSEEN)
            seen = _whole(request, observed) if observed is not None else await _in_parts(session, request, look)
            return replace(seen, access=await look.found(), resource=look.site(request.target))


def _whole(request: Request, observed: ObservedState) -> Seen:
    """What follows from a state that could be read, perhaps without the App Service's settings."""
    site, service, spec = observed.app_service, observed.trust.service, request.desired.service
    scope = SettingsScope.NONE if site is None or observed.settings_unread else SettingsScope.ALL
    plan = Plan()
    refusal: S2SError | None = None
    try:
        plan = make_plan(Setup(spec, settings=scope), observed, request.context)
        if service is not None and spec is not None and (other := another_site(service, observed, spec.unique_name)):
            why = f"it was created for another App Service, {other}"
            refusal = service_not_ours(service, observed, spec, why)
    except (NotThere, Refused) as error:
        refusal = None if error.code in GUARDS else error
    needs = (need_of(change, observed) for change in plan.changes)
    return Seen(
        observed,
        site_refusal=site.refusal if site is not None else None,
        setup_refusal=refusal,
        needs=tuple(dict.fromkeys(need for need in needs if need is not None and need.application is not None)),
        pending=0 if refusal else len(plan.changes),
    )


async def _in_parts(session: Session, request: Request, look: AccessLook) -> Seen:
    """The halves, each with the reason why it could not be read."""
    (directory, directory_refusal), (there, site_refusal), resources = await gather_or_cancel(
        _or_refusal(observe(session, replace(_without_site(request), identities=()), look.at)),
        _or_refusal(observe(session, _site_alone(request), look.at), UNSEEN),
        gather_or_cancel(*(_identity_resource(session, request, wanted, look) for wanted in request.identities)),
    )
    site = there.app_service if there is not None else None
    observed = directory or ObservedState(session.connection.cloud.name, None, None, Trust())
    return Seen(
        replace(observed, app_service=site, identity_resources=resources),
        directory_refusal=directory_refusal,
        site_refusal=site.refusal if site is not None else site_refusal,
    )


def _without_site(request: Request) -> Request:
    """What a command is about in the directory alone."""
    desired = request.desired
    if isinstance(desired, Setup):
        desired = replace(desired, settings=SettingsScope.NONE)
    return replace(request, target=None, desired=desired)


def _site_alone(request: Request) -> Request:
    """What it is about at the App Service alone, as far as that can be read."""
    return replace(request, desired=Look(None), identities=(), without_settings=True)


async def _with_custody(session: Session, request: Request, look: AccessLook) -> ObservedState:
    return await with_custody(session, request, await observe(session, request, look.at))


async def _identity_resource(
    session: Session, request: Request, wanted: str | ResourceId, look: AccessLook
) -> IdentityResource:
    """A caller's resource; one that may not be looked at counts as one without an identity: that takes a right, too."""
    found, refusal = await _or_refusal(find_identity_resource(session, request, wanted, look.at))
    if refusal is not None and not isinstance(wanted, ResourceId):
        raise refusal
    return found or IdentityResource(ResourceId.parse(str(wanted)), None)


async def _or_refusal(
    question: Coroutine[Any, Any, T], codes: Collection[str] = ()
) -> tuple[T | None, S2SError | None]:
    found, error = await _or_error(question)
    if error is not None and not is_refusal(error) and error.code not in codes:
        raise error
    return found, error


async def _or_unknown(question: Coroutine[Any, Any, T]) -> T | None:
    found, _ = await _or_error(question)
    return found


async def _or_error(question: Coroutine[Any, Any, T]) -> tuple[T | None, S2SError | None]:
    try:
        return await question, None
    except S2SError as error:
        return None, error
