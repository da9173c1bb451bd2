"""What the caller may do, asked beside everything else.

What cannot be read is unknown, and stops nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from mct_s2s.activity import activity
from mct_s2s.azure.graph import caller_rights
from mct_s2s.concurrency import end_all, gather_or_cancel
from mct_s2s.engine.observe.observe import observe, with_custody
from mct_s2s.engine.observe.sites import is_refusal
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import S2SError, WayOut, or_unknown, outcome_of
from mct_s2s.model.caller_rights import CallerRights, ScopeRights, SecretRule
from mct_s2s.model.desired import Look, SettingsScope, Setup
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.permissions.doctor import Seen
from mct_s2s.planning.permissions.preflight import check, missing_at, stopped, with_unread_settings
from mct_s2s.planning.permissions.rights import Right, may_do_all
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.secret_policy import fit_secrets, too_long
from mct_s2s.planning.site import check_site

GRACE_SECONDS = 5.0
"""How long these answers may come after all others."""
UNSEEN = ("subscription-not-found", "site-not-found")
"""It may be hidden from this caller."""


class AccessLook:
    def __init__(self, session: Session, *, directory: bool) -> None:
        self._session = session
        self._resources: dict[str, ResourceId] = {}
        self._asked: dict[str, asyncio.Task[Any]] = {}
        if directory:
            self._asked["directory"] = asyncio.ensure_future(self._in_directory())
            self._asked["rules"] = asyncio.ensure_future(
                or_unknown(caller_rights.secret_rules(session.graph))
            )

    def at(self, resource: ResourceId) -> None:
        key = str(resource).lower()
        if key not in self._resources:
            self._resources[key] = resource
            asked = (
                or_unknown(self._session.arm.permissions(resource)),
                or_unknown(self._session.arm.locks(resource)),
            )
            self._asked[key] = gather_or_cancel(*asked)

    def site(self, target: SiteTarget | None) -> ResourceId | None:
        wanted = target.label.casefold() if target is not None else None
        found = (one for one in self._resources.values() if one.is_site)
        return next((one for one in found if SiteTarget.of(one).label.casefold() == wanted), None)

    async def found(self) -> CallerRights:
        if self._asked:
            await asyncio.wait(self._asked.values(), timeout=GRACE_SECONDS)
        found = {
            key: task.result()
            for key, task in self._asked.items()
            if task.done() and not task.cancelled()
        }
        access = found.pop("directory", None) or CallerRights(
            self._session.graph.credential.signed_in
        )
        rules = found.pop("rules", None)
        return replace(
            access,
            secret_rules=rules,
            scopes={key: ScopeRights(*both) for key, both in found.items()},
        )

    async def aclose(self) -> None:
        await end_all(self._asked.values())

    async def _in_directory(self) -> CallerRights:
        graph = self._session.graph
        caller, (roles, permissions), owned = await gather_or_cancel(
            or_unknown(caller_rights.identity(graph)),
            gather_or_cancel(
                or_unknown(caller_rights.directory_roles(graph)),
                or_unknown(caller_rights.permissions(graph)),
            ),
            or_unknown(caller_rights.owned_applications(graph)),
        )
        caller = caller or graph.credential.signed_in
        rights = CallerRights(caller, permissions, roles, False, owned, graph.base)
        if caller.id is None or may_do_all(rights):
            return rights
        assigned = await or_unknown(caller_rights.role_assignments(graph, caller.id))
        if not assigned:
            return replace(rights, has_no_role=assigned == [] and not roles)
        everywhere = {role for role, scope in assigned if scope == "/"}
        return replace(rights, roles=frozenset(everywhere.union(roles or ())))


async def permitted(
    session: Session, plan: Plan, observed: ObservedState, access: CallerRights, request: Request
) -> Plan:
    """The plan without others' steps, with secrets that the tenant allows.

    Raises PermissionMissing, PolicyForbids.

    In a dry run, such steps are only marked: the plan can be sent to an administrator.
    """
    usual = access.secret_rules or ()
    rules = defaultdict[str, Sequence[SecretRule]](lambda: usual)
    for change, _, _ in too_long(plan.changes, rules, observed):
        # A registration that exists may have a policy of its own
        if isinstance(change.object_id, str):
            found = await outcome_of(caller_rights.secret_rules_of(session.graph, change.object_id))
            # One that is not shown may allow what the default forbids: the real request decides.
            rules[change.key] = (
                () if isinstance(found, S2SError) else usual if found is None else found
            )
    plan, forbidden = fit_secrets(plan, rules, observed)
    checked = check(plan, observed, access)
    also = [f"{forbidden.message} {forbidden.remedy}"] if forbidden else []
    if request.dry_run and (checked.blocked or observed.settings_unread):
        checked = replace(checked, notes=(*checked.notes, *also))
        return with_unread_settings(checked, observed, access, restart=request.desired.restart)
    if checked.blocked:
        raise stopped(checked.lacks, also)
    if forbidden is not None:
        raise forbidden
    return checked


async def with_all_missing_rights(
    session: Session, request: Request, look: AccessLook, error: S2SError
) -> S2SError:
    """A refusal to show the App Service or the directory, with everything else that is missing."""
    if not is_refusal(error):
        return error
    seen = await _in_parts(session, request, look)
    access, site, there, desired = (
        seen.access,
        seen.resource,
        seen.observed.app_service,
        request.desired,
    )
    missing = (
        missing_at(site, access, restart=desired.restart, unseen=there is None)
        if site is not None
        else ()
    )
    reading = Right.READ_SETTINGS.step_on(site.name) if site is not None else ""
    is_known = any(one.step == reading for one in missing)
    if (
        seen.directory_refusal is None
        and request.target is not None
        and desired.service is not None
    ):
        rest = replace(seen.observed, app_service=None)
        with suppress(S2SError):
            missing += check(make_plan(_of_directory(request).desired, rest), rest, access).lacks
    at_site = seen.site_refusal or (there.refusal if there is not None else None)
    refused = [
        one for one in (seen.directory_refusal, at_site) if one is not None and is_refusal(one)
    ] or [error]
    said = (f"{one.headline} {one.remedy}" for one in refused if not (is_known and one is at_site))
    answers = dict.fromkeys(one.answer for one in refused if one.answer)
    told = stopped(missing, dict.fromkeys(said), " ".join(answers), error.request_id)
    told.others |= {WayOut.REGISTRAR} if seen.directory_refusal is not None else set()
    return told


async def examine(session: Session, request: Request) -> Seen:
    def seen_or_hidden(error: S2SError | None) -> None:
        if error is not None and not is_refusal(error) and error.code not in UNSEEN:
            raise error

    with activity(f"Checking permissions{f' for {request.label}' if request.target else ''}"):
        async with aclosing(AccessLook(session, directory=True)) as look:
            whole = await outcome_of(_with_custody(session, request, look))
            if isinstance(whole, ObservedState):
                seen = Seen(whole, await look.found(), look.site(request.target))
            else:
                seen_or_hidden(whole)
                seen = await _in_parts(session, request, look)
                seen_or_hidden(seen.directory_refusal)
                seen_or_hidden(seen.site_refusal)
            check_site(seen.observed)
            return seen


async def _in_parts(session: Session, request: Request, look: AccessLook) -> Seen:
    site_alone = replace(request, desired=Look(None), identities=(), without_settings=True)
    # The directory's part has no target: bare names of identities are still looked for in its
    # subscription.
    session = replace(session, subscription=(request.target or session).subscription)
    rest, there = await gather_or_cancel(
        outcome_of(_with_custody(session, _of_directory(request), look)),
        outcome_of(observe(session, site_alone, look.at)),
    )
    observed = (
        rest
        if isinstance(rest, ObservedState)
        else ObservedState(request.now, "", None, None, api=request.api)
    )
    site = there.app_service if isinstance(there, ObservedState) else None
    return Seen(
        replace(observed, app_service=site, where=request.where(site), file=request.file),
        await look.found(),
        look.site(request.target),
        directory_refusal=rest if isinstance(rest, S2SError) else None,
        site_refusal=there if isinstance(there, S2SError) else None,
    )


def _of_directory(request: Request) -> Request:
    desired = request.desired
    if isinstance(desired, Setup):
        desired = replace(desired, settings=SettingsScope.NONE)
    return replace(request, target=None, desired=desired)


async def _with_custody(session: Session, request: Request, look: AccessLook) -> ObservedState:
    return await with_custody(session, request, await observe(session, request, look.at))
