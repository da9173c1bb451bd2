"""Before anything is written: what of a plan the caller may not do, and the plan without what others must do.

Admin consent, the App Service's settings and its restart can be left to someone else, and the rest is still worth
doing. Everything else that is missing stops the plan. What is not known stops nothing: the real refusal decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mct_s2s.errors import MissingRight, PermissionMissing
from mct_s2s.model.caller_rights import CallerRights, Verdict
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.changes import (
    AddCredential,
    AnyChange,
    AssignAppRole,
    DeleteApplication,
    DisableIdentity,
    EnableIdentity,
    NoChange,
    OutputRef,
    PurgeApplication,
    RemoveCredential,
    RestartSite,
    RevokeAppRole,
    UpdateApplication,
    WriteSettings,
)
from mct_s2s.planning.permissions.rights import Missing, RequiredPermission, Right, asked_for, judge, lacking
from mct_s2s.planning.plan import Left, ManualStep, Plan


def check(plan: Plan, observed: ObservedState, access: CallerRights) -> Plan:
    """The plan without the steps that others must do, and with those marked that no one can do for the caller."""
    needs = {change.key: need for change in plan.changes if (need := need_of(change, observed)) is not None}
    judged = {key: judge(need, access) for key, need in needs.items()}
    refused = {key: missing for key, (verdict, missing) in judged.items() if verdict is Verdict.NO}
    tried = ((change.key, _left(change, refused[change.key])) for change in plan.changes if change.key in refused)
    left = {key: step for key, step in tried if step is not None}
    dropped = set(left)
    if any(step.step is Left.SETTINGS for step in left.values()):  # who writes them also restarts
        dropped |= {change.key for change in plan.changes if isinstance(change, RestartSite)}
        left = {key: step for key, step in left.items() if step.step is not Left.RESTART}
    return replace(
        plan,
        steps=tuple(step for step in plan.steps if step.key not in dropped),
        manual_steps=(*plan.manual_steps, *left.values()),
        blocked=tuple((key, missing) for key, missing in refused.items() if key not in dropped),
    )


def with_unread_settings(plan: Plan, observed: ObservedState, access: CallerRights) -> Plan:
    """The plan of a dry run, with the settings as a step that is blocked where the caller may not read them."""
    site = observed.app_service
    if site is None or site.refusal is None:
        return plan
    needed = missing_at(site.site.resource, site.site.label, access)
    unread = NoChange.of_settings(site.site, "not readable: what would change is not known")
    return replace(
        plan,
        steps=(*plan.steps, unread),
        notes=plan.notes if needed else (*plan.notes, f"{site.refusal.message} {site.refusal.remedy}"),
        blocked=(*plan.blocked, (unread.key, needed)),
    )


def missing_at(resource: ResourceId, label: str, access: CallerRights, *, restart: bool = True) -> Missing:
    """What is missing to read and write the settings of an App Service, and to restart it."""
    rights = (Right.READ_SETTINGS, Right.WRITE_SETTINGS, *([Right.RESTART] if restart else []))
    judged = (judge(RequiredPermission(right, label, resource=resource), access) for right in rights)
    return tuple(one for verdict, missing in judged if verdict is Verdict.NO for one in missing)


def need_of(change: AnyChange, observed: ObservedState) -> RequiredPermission | None:
    """The right that a change takes, and over what."""
    if change.right is None:
        return None
    need, trust = RequiredPermission(change.right, change.name), observed.trust
    match change:
        case UpdateApplication() | AddCredential() | RemoveCredential():
            # No list of what one owns shows what is deleted, and is restored by a step before.
            unlisted = {one.object_id for one in trust.deleted}
            known = (
                None if isinstance(change.object_id, OutputRef) or change.object_id in unlisted else change.object_id
            )
            there = (trust.service, *(client.application for client in trust.clients))
            name = next((app.display_name for app in there if app and app.object_id == known), change.name)
            need = replace(need, subject=name, application=known)
        case AssignAppRole() | RevokeAppRole():
            need = replace(need, application=trust.service.object_id if trust.service is not None else None)
        case DeleteApplication() | PurgeApplication():
            need = replace(need, application=change.object_id)
        case DisableIdentity() | EnableIdentity():
            need = replace(need, resource=change.identity_resource.resource)
        case WriteSettings() | RestartSite():
            need = replace(need, resource=change.site.resource)
    return need


def left_if_refused(change: AnyChange, observed: ObservedState, access: CallerRights) -> ManualStep | None:
    """What is left to others where the real request for admin consent is refused although nothing spoke against it.

    Nothing where the caller holds the right, and only its token does not show it yet.
    """
    keeps_tokens = access.directory is not None and access.directory.signed_in.after_a_grant[0]
    if not isinstance(change, AssignAppRole) or (keeps_tokens and holds(change, observed, access)):
        return None
    need = need_of(change, observed)
    return _left(change, lacking(need, access.directory) if need is not None and access.directory is not None else ())


def holds(change: AnyChange, observed: ObservedState, access: CallerRights) -> bool:
    """Whether the caller was seen to have the right that a change takes."""
    need = need_of(change, observed)
    return need is not None and judge(need, access)[0] is Verdict.YES


def likely_missing(changes: Iterable[AnyChange], observed: ObservedState, access: CallerRights) -> Missing:
    """What the caller probably lacks for changes that were let pass because not all of its roles could be seen."""
    judged = (judge(need, access) for change in changes if (need := need_of(change, observed)) is not None)
    return tuple(one for verdict, missing in judged if verdict is Verdict.UNKNOWN for one in missing)


def way_out(missing: Iterable[MissingRight]) -> str:
    """How a caller who lacks something gets done what it may do."""
    words = dict.fromkeys(one.without for one in missing if one.without)
    return f"Or {'; or '.join(words)}." if words else ""


def requests(missing: Iterable[MissingRight]) -> tuple[tuple[str, str], ...]:
    """In words: the steps and whom to ask for what, and the command that they run, if any."""
    return tuple((f"{one.step}: {one.request}", one.command) for one in asked_for(missing))


def stopped(
    missing: Sequence[MissingRight], also: Iterable[str] = (), request_id: str | None = None
) -> PermissionMissing:
    """The error that says all that is missing at once."""
    again = "Ask for what is missing, wait a few minutes until it takes effect, then run the same command again."
    return PermissionMissing(
        "permission-missing",
        "You don't have all the permissions that this needs. Nothing was changed. Missing:",
        remedy=f"{again} {way_out(missing)}".strip(),
        request_id=request_id,
        items=(*requests(missing), *also),
        missing=dict.fromkeys(missing),
    )


def _left(change: AnyChange, needed: Missing) -> ManualStep | None:
    """Not settings that revoke access, or that are restored: the rest of the plan rests on them."""
    what = f"Someone else must {change.right.step.format(change.name)}." if change.right else ""
    match change:
        case AssignAppRole(name=name, client_id=client_id, identity_resource=resource):
            return ManualStep(Left.CONSENT, what, client=name, client_id=client_id, resource=resource, needed=needed)
        case WriteSettings(site=site, spec=spec, first=False) if not (spec.without or spec.exact):
            return ManualStep(Left.SETTINGS, what, resource=site.resource, spec=spec, needed=needed)
        case RestartSite(site=site):
            return ManualStep(Left.RESTART, what, resource=site.resource, needed=needed)
    return None
