"""What the caller may do, asked for beside everything else.

A right that cannot be read is unknown, and stops nothing: the real request decides.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar

from mct_s2s.activity import activity
from mct_s2s.azure.graph import caller_rights
from mct_s2s.concurrency import end_all, gather_or_cancel
from mct_s2s.engine.observe.observe import find_identity_resource, observe, read_custody
from mct_s2s.engine.observe.sites import is_refusal
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import (
    Instruction,
    NotThere,
    PermissionMissing,
    S2SError,
    or_unknown,
    outcome_of,
)
from mct_s2s.model.caller_rights import CallerRights, Permission, ScopeRights, SecretRule, Verdict
from mct_s2s.model.desired import Look, Rotation, SettingsScope, Setup
from mct_s2s.model.ids import PrincipalId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.planning.changes import OutputRef, only_notes_use
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.permissions.doctor import Seen
from mct_s2s.planning.permissions.preflight import (
    general_permissions,
    likely_missing,
    missing_at,
    permission_error,
    to_ask_for,
    with_steps_of_others,
    with_unread_settings,
    without_forbidden_steps,
)
from mct_s2s.planning.permissions.rights import (
    Missing,
    Right,
    asked_for,
    is_told_by_rights,
    may_do_all,
)
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.rotation import describe_naming, find_lasting_doubt
from mct_s2s.planning.secret_policy import fit_secrets, too_long
from mct_s2s.planning.service_facts import SERVICE_OPTION
from mct_s2s.planning.site import check_site
from mct_s2s.waits import RIGHTS_SECONDS

T = TypeVar("T")


class RightsProbe:
    """Asks for the caller's rights while the state is read: each question goes out when it can."""

    def __init__(self, session: Session, *, directory: bool) -> None:
        self._session = session
        self._resources: dict[str, ResourceId] = {}
        self._directory: asyncio.Task[CallerRights] | None = None
        self._secret_rules: asyncio.Task[tuple[SecretRule, ...] | None] | None = None
        self._scopes: dict[
            str, asyncio.Task[tuple[tuple[Permission, ...] | None, tuple[str, ...] | None]]
        ] = {}
        """Permissions and locks at each resource, by its id in lower case."""
        if directory:
            rules = or_unknown(caller_rights.secret_rules(session.graph))
            self._directory = asyncio.ensure_future(self._ask_directory())
            self._secret_rules = asyncio.ensure_future(rules)

    def ask_about(self, resource: ResourceId) -> None:
        """Ask what the caller may do at a resource."""
        key = str(resource).lower()
        if key not in self._resources:
            self._resources[key] = resource
            self._scopes[key] = gather_or_cancel(
                or_unknown(self._session.arm.permissions(resource)),
                or_unknown(self._session.arm.locks(resource)),
            )

    def site_resource(self, target: SiteTarget | None) -> ResourceId | None:
        """The resource that was asked about for an App Service; `None` if it was not found."""
        if target is None:
            return None
        label = target.label.casefold()
        for resource in self._resources.values():
            if resource.is_site and SiteTarget.of(resource).label.casefold() == label:
                return resource
        return None

    async def rights(self) -> CallerRights:
        """Wait for the answers; what has none after `RIGHTS_SECONDS` is unknown."""
        tasks = self._tasks()
        if tasks:
            await asyncio.wait(tasks, timeout=RIGHTS_SECONDS)
        signed_in = self._session.graph.credential.signed_in
        scopes: dict[str, ScopeRights] = {}
        for key, task in self._scopes.items():
            answers = _result(task)
            if answers is not None:
                permissions, locks = answers
                scopes[key] = ScopeRights(permissions, locks)
        return replace(
            _result(self._directory) or CallerRights(signed_in),
            secret_rules=_result(self._secret_rules),
            scopes=scopes,
        )

    async def aclose(self) -> None:
        await end_all(self._tasks())

    def _tasks(self) -> list[asyncio.Task[Any]]:
        of_directory = [task for task in (self._directory, self._secret_rules) if task is not None]
        return [*of_directory, *self._scopes.values()]

    async def _ask_directory(self) -> CallerRights:
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
        # Roles at one scope alone, and those that a group has, show only here.
        assigned = await or_unknown(caller_rights.role_assignments(graph, caller.id))
        if not assigned:
            return replace(rights, has_no_role=assigned == [] and not roles)
        everywhere = {role for role, scope in assigned if scope == "/"}
        return replace(rights, roles=frozenset(everywhere.union(roles or ())))


def _result(task: asyncio.Task[T] | None) -> T | None:
    if task is None or not task.done() or task.cancelled():
        return None
    return task.result()


async def check_rights(
    session: Session, plan: Plan, observed: ObservedState, access: CallerRights, request: Request
) -> Plan:
    """Return the plan without the steps of others, and with secrets that the tenant allows.

    In a dry run, all steps stay: those of others marked so, other steps that the caller may not do
    as blocked. The plan can be sent to an administrator. Otherwise the latter raise. Raises
    PermissionMissing, PolicyForbids.
    """
    rules = await _secret_rules(session, plan, observed, access)
    plan, forbidden = fit_secrets(plan, rules, observed)
    checked = without_forbidden_steps(plan, observed, access)
    if request.dry_run:
        notes = (*checked.notes, *unconfirmed_notes(checked, observed, access))
        checked = replace(with_steps_of_others(checked, plan), notes=notes)
    policy_notes = [f"{forbidden.message} {forbidden.remedy}"] if forbidden else []
    if request.dry_run and (checked.blocked or observed.settings_unread):
        checked = replace(checked, notes=(*checked.notes, *policy_notes))
        return with_unread_settings(checked, observed, access, request.desired)
    if checked.blocked:
        raise permission_error(checked.missing_rights, policy_notes)
    if forbidden is not None:
        raise forbidden
    return checked


def unconfirmed_notes(plan: Plan, observed: ObservedState, access: CallerRights) -> Iterator[str]:
    """Say which rights the steps take of which it is not known whether the caller has them."""
    changes = [change for change in plan.changes if not only_notes_use(change)]
    for asked in asked_for(likely_missing(changes, observed, access)):
        yield f"Not confirmed: {asked.sentence}"


async def _secret_rules(
    session: Session, plan: Plan, observed: ObservedState, access: CallerRights
) -> Mapping[str, Sequence[SecretRule]]:
    """Find the rules for the secret of each change, by its key: the tenant's, or its own policy's.

    Own policies are asked for only where the tenant's would forbid the secret.
    """
    of_tenant = access.secret_rules or ()
    rules = defaultdict[str, Sequence[SecretRule]](lambda: of_tenant)
    for change, _, _ in too_long(plan.changes, rules, observed):
        if isinstance(change.object_id, OutputRef):  # a new registration has no policy of its own
            continue
        own_rules = await outcome_of(caller_rights.secret_rules_of(session.graph, change.object_id))
        if isinstance(own_rules, S2SError):
            # A policy that is not shown may allow the secret: the real request decides.
            rules[change.key] = ()
        elif own_rules is not None:
            rules[change.key] = own_rules
    return rules


async def explain_refusal(
    session: Session, request: Request, probe: RightsProbe, error: S2SError
) -> S2SError:
    """Add to a refusal to show the App Service or the directory everything else that is missing."""
    return await _explain_missing(session, request, probe, error) if is_refusal(error) else error


async def explain_doubt(
    session: Session,
    request: Request,
    probe: RightsProbe,
    observed: ObservedState,
    doubt: NotOurs,
) -> S2SError:
    """Explain a doubt that the settings would settle, where they could not be read."""
    if isinstance(request.desired, Setup) and doubt.is_told_by_settings:
        explained = await _explain_missing(session, request, probe, doubt)
        explained.ways_out = (_naming_service(observed),)
        return explained
    rotation = request.desired
    if not isinstance(rotation, Rotation) or not observed.settings_unread:
        return doubt
    lasting = find_lasting_doubt(rotation, observed)
    if lasting is not None:
        return lasting
    explained = await _explain_missing(session, request, probe, doubt)
    explained.ways_out = (Instruction(describe_naming(rotation, observed)),)
    return explained


def _naming_service(observed: ObservedState) -> Instruction:
    """Say how to set up without the settings: by the service application that they name."""
    naming = f"run the same command with {SERVICE_OPTION} APP_ID"
    if observed.file is not None:
        naming = "write it into the file, as the site's service-app"
    return Instruction(
        "Or, without the settings, ask someone who can read them which service application they "
        f"name, and {naming}."
    )


async def _explain_missing(
    session: Session, request: Request, probe: RightsProbe, error: S2SError
) -> PermissionMissing:
    """The error about all rights that are missing where `error` ended the look."""
    seen = await _examine_parts(session, request, probe)
    site = seen.observed.app_service
    at_site: Missing = ()
    readings = set[str]()
    if seen.resource is not None:
        at_site = missing_at(seen.resource, seen.access, request.desired, unseen=site is None)
        readings = {
            right.step_on(seen.resource.name) for right in (Right.READ_SITE, Right.READ_SETTINGS)
        }
    site_refusal = seen.site_refusal or (site.refusal if site is not None else None)
    refusals = [
        refusal
        for refusal in (seen.directory_refusal, site_refusal, *seen.resource_refusals)
        if refusal is not None and is_refusal(refusal)
    ] or [error]
    answers = dict.fromkeys(refusal.answer for refusal in refusals if refusal.answer)
    # The list of what is missing says already what can't be read there.
    if any(missing.step in readings for missing in at_site):
        refusals = [refusal for refusal in refusals if refusal is not site_refusal]
    rights = [*at_site, *_missing_in_directory(seen, request)]
    unlisted: dict[str, Missing] = {}
    for refusal in refusals:
        if is_told_by_rights(refusal):
            rights += refusal.missing
        else:
            unlisted[f"{refusal.headline} {refusal.remedy}"] = refusal.missing
    also: list[str | Instruction] = [*unlisted, *_unconfirmed(seen, request)]
    explained = permission_error(rights, also, " ".join(answers), error.request_id)
    explained.missing += tuple(chain.from_iterable(unlisted.values()))
    return explained


def _unconfirmed(seen: Seen, request: Request) -> Iterator[Instruction]:
    """What a setup will take, too, where the directory does not show whether the caller has it."""
    if not isinstance(request.desired, Setup):
        return
    if request.desired.service is None or request.desired.settings_only:
        return
    for asked in asked_for(_likely_missing_in_directory(seen, request, request.desired)):
        yield replace(asked, what=f"Not confirmed: {asked.what}")


def _likely_missing_in_directory(seen: Seen, request: Request, setup: Setup) -> Missing:
    """What is likely to be missing for the plan without the App Service.

    Where there is no such plan, as something could not be read: for any setup.
    """
    needs = general_permissions(setup)
    if seen.directory_refusal is not None:
        return tuple(lack for need in needs for lack in to_ask_for(need, seen.access)[1])
    observed = replace(seen.observed, app_service=None)
    with suppress(S2SError):
        plan = make_plan(_without_site(request).desired, observed)
        changes = [change for change in plan.changes if not only_notes_use(change)]
        return likely_missing(changes, observed, seen.access)
    judged = [to_ask_for(need, seen.access) for need in needs]
    return tuple(lack for verdict, lacks in judged if verdict is Verdict.UNKNOWN for lack in lacks)


def _missing_in_directory(seen: Seen, request: Request) -> Missing:
    """The rights in the directory that a plan without the App Service would lack."""
    if seen.directory_refusal is not None or request.target is None:
        return ()
    if request.desired.service is None:
        return ()
    observed = replace(seen.observed, app_service=None)
    with suppress(S2SError):
        plan = make_plan(_without_site(request).desired, observed)
        return without_forbidden_steps(plan, observed, seen.access).missing_rights
    return ()


async def examine_rights(session: Session, request: Request) -> Seen:
    """Read all that `setup` depends on; what the caller may not read is left out, with its refusal.

    Raises S2SError: anything else failed.
    """
    with activity(f"Checking permissions{f' for {request.label}' if request.target else ''}"):
        async with aclosing(RightsProbe(session, directory=True)) as probe:
            whole = await outcome_of(_observe_with_custody(session, request, probe))
            if isinstance(whole, ObservedState):
                seen = Seen(whole, await probe.rights(), probe.site_resource(request.target))
            else:
                _raise_unless_hidden(whole)
                seen = await _examine_parts(session, request, probe)
                _raise_unless_hidden(seen.directory_refusal)
                _raise_unless_hidden(seen.site_refusal)
                for refusal in seen.resource_refusals:
                    _raise_unless_hidden(refusal)
            check_site(seen.observed)
            return seen


def _raise_unless_hidden(error: S2SError | None) -> None:
    if error is None or is_refusal(error):
        return
    if isinstance(error, NotThere) and error.may_be_hidden:
        return
    raise error


async def _examine_parts(session: Session, request: Request, probe: RightsProbe) -> Seen:
    """Read directory, App Service and resources apart, so that a refusal leaves the others."""
    of_site = replace(request, desired=Look(None), identities=())
    of_directory = replace(_without_site(request), identities=())
    readings = [
        outcome_of(find_identity_resource(session, request, identity, probe.ask_about))
        for identity in request.identities
    ]
    directory, site_state, resources = await gather_or_cancel(
        outcome_of(_observe_with_custody(session, of_directory, probe)),
        outcome_of(observe(session, of_site, probe.ask_about)),
        gather_or_cancel(*readings),
    )
    read = tuple(resource for resource in resources if not isinstance(resource, S2SError))
    if isinstance(directory, ObservedState):
        observed = replace(directory, identity_resources=read)
    else:
        observed = ObservedState(request.now, "", None, None, api=request.api)
    site = site_state.app_service if isinstance(site_state, ObservedState) else None
    site_refusal = site.refusal if site is not None else site_state
    access = _as_told(await probe.rights(), [site_refusal, *resources])
    return Seen(
        replace(observed, app_service=site, where=request.where(site), file=request.file),
        access,
        probe.site_resource(request.target),
        directory_refusal=directory if isinstance(directory, S2SError) else None,
        site_refusal=site_state if isinstance(site_state, S2SError) else None,
        resource_refusals=tuple(error for error in resources if isinstance(error, S2SError)),
    )


def _as_told(access: CallerRights, answers: Iterable[object]) -> CallerRights:
    """Name the caller as Resource Manager does, where the directory does not say who it is."""
    for answer in answers:
        if isinstance(answer, PermissionMissing) and access.signed_in.id is None:
            object_id = PrincipalId(answer.caller_id) if answer.caller_id else None
            access = replace(access, signed_in=replace(access.signed_in, id=object_id))
    return access


def _without_site(request: Request) -> Request:
    desired = request.desired
    if isinstance(desired, Setup):
        desired = replace(desired, settings=SettingsScope.NONE)
    return replace(request, target=None, desired=desired)


async def _observe_with_custody(
    session: Session, request: Request, probe: RightsProbe
) -> ObservedState:
    observed = await observe(session, request, probe.ask_about)
    return await read_custody(session, request, observed)
