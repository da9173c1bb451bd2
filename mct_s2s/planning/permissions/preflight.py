"""What of a plan the caller may not do.

What is not known stops nothing: the real refusal decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mct_s2s.errors import MissingRight, PermissionMissing, WayOut
from mct_s2s.model.caller_rights import CallerRights, Verdict
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.changes import (
    Action,
    AddCredential,
    AnyChange,
    AssignAppRole,
    DeleteApplication,
    EnableIdentity,
    NoChange,
    OutputRef,
    PurgeApplication,
    RemoveCredential,
    RestartSite,
    RevokeAppRole,
    UpdateApplication,
    WriteSettings,
    only_notes_use,
)
from mct_s2s.planning.permissions.rights import (
    Judged,
    Missing,
    RequiredPermission,
    Right,
    asked_for,
    judge,
)
from mct_s2s.planning.plan import ManualStep, Plan


def check(plan: Plan, observed: ObservedState, access: CallerRights) -> Plan:
    """The plan without the steps that others can do, and with what is missing for the rest."""
    judged = ((change.key, *judged_change(change, observed, access)) for change in plan.changes)
    missing = {key: lacks for key, verdict, lacks in judged if verdict is Verdict.NO}
    restarts = {change.key for change in plan.changes if isinstance(change, RestartSite)}
    left: dict[str, ManualStep] = {}
    unnoted: dict[str, UpdateApplication] = {}
    for change in plan.changes:
        match change:
            case UpdateApplication() if change.key in missing and only_notes_use(change):
                unnoted[change.key] = change
            case AssignAppRole() | RestartSite() if change.key in missing:
                left[change.key] = change
            # Not settings that revoke access, or that are restored: the rest of the plan rests on
            # them.
            case WriteSettings(spec=spec, first=False) if change.key in missing and not (
                spec.without or spec.exact
            ):
                left[change.key] = change
    dropped = {*left, *unnoted}
    # Who writes them also restarts
    if any(isinstance(change, WriteSettings) for change in left.values()):
        dropped |= restarts
        left = {key: change for key, change in left.items() if key not in restarts}
        missing = {key: lacks for key, lacks in missing.items() if key not in restarts}
    steps = tuple(step for step in plan.steps if step.key not in dropped)
    # Not each time, where all else is done
    is_told = any(step.action is not Action.NONE for step in steps)
    told = (
        f"Left out, as you can't update '{change.name}': {change.detail}."
        for change in unnoted.values()
        if is_told
    )
    return replace(
        plan,
        steps=steps,
        manual_steps=(*plan.manual_steps, *left.values()),
        notes=(*plan.notes, *told),
        missing={key: lacks for key, lacks in missing.items() if key not in unnoted},
    )


def with_unread_settings(
    plan: Plan, observed: ObservedState, access: CallerRights, *, restart: bool
) -> Plan:
    """The plan of a dry run, with the settings as a blocked step where the caller may not read
    them.
    """
    site = observed.app_service
    if site is None or site.refusal is None:
        return plan
    needed = missing_at(site.resource, access, restart=restart)
    unread = NoChange.of_settings(site, "not readable: what would change is not known")
    return replace(
        plan,
        steps=(*plan.steps, unread),
        notes=plan.notes
        if needed
        else (*plan.notes, f"{site.refusal.message} {site.refusal.remedy}"),
        missing={**plan.missing, unread.key: needed},
    )


def missing_at(
    resource: ResourceId, access: CallerRights, *, restart: bool, unseen: bool = False
) -> Missing:
    """What the caller lacks to read and write the settings of an App Service, and where wanted to
    restart it.

    `unseen`: the App Service itself was not shown.
    """
    rights = (
        *([Right.READ_SITE] if unseen else []),
        Right.READ_SETTINGS,
        Right.WRITE_SETTINGS,
        *([Right.RESTART] if restart else []),
    )
    judged = (
        judge(RequiredPermission(right, resource.name, resource=resource), access)
        for right in rights
    )
    return tuple(lack for verdict, missing in judged if verdict is Verdict.NO for lack in missing)


def judged_change(change: AnyChange, observed: ObservedState, access: CallerRights) -> Judged:
    """Unknown where only a key vault can tell."""
    judged = [judge(need, access) for need in needs_of(change, observed)]
    verdicts, missing = (
        {verdict for verdict, _ in judged},
        tuple(lack for _, lacks in judged for lack in lacks),
    )
    if Verdict.NO in verdicts:
        return Verdict.NO, missing
    return (Verdict.YES if verdicts == {Verdict.YES} else Verdict.UNKNOWN), missing


def needs_of(change: AnyChange, observed: ObservedState) -> list[RequiredPermission]:
    """Everything that a change takes; nothing where only a key vault can tell."""
    need = need_of(change, observed)
    if need is None:
        return []
    # Those that users assigned are sent again, or the resource would lose them: that takes the
    # right to assign them.
    beside = change.identity_resource.assigned if isinstance(change, EnableIdentity) else ()
    return [
        need,
        *(
            RequiredPermission(Right.ASSIGN_IDENTITY, identity.name, resource=identity)
            for identity in beside
        ),
    ]


def need_of(change: AnyChange, observed: ObservedState) -> RequiredPermission | None:
    if change.right is None:
        return None
    need, trust = RequiredPermission(change.right, change.name), observed.trust
    match change:
        case (
            UpdateApplication()
            | AddCredential()
            | RemoveCredential()
            | DeleteApplication()
            | PurgeApplication()
        ):
            # No list of what one owns shows what is deleted, and may be restored by a step before.
            object_id, deleted = (
                change.object_id,
                {application.object_id for application in trust.deleted},
            )
            if not isinstance(object_id, OutputRef) and object_id not in deleted:
                there = (trust.service, *(client.application for client in trust.clients))
                name = next(
                    (app.display_name for app in there if app and app.object_id == object_id),
                    change.name,
                )
                need = replace(need, subject=name, application=object_id)
        case AssignAppRole() | RevokeAppRole():
            need = replace(
                need, application=trust.service.object_id if trust.service is not None else None
            )
        case EnableIdentity():
            need = replace(need, resource=change.identity_resource.resource)
        case WriteSettings() | RestartSite():
            need = replace(need, resource=change.site)
    return need


def likely_missing(
    changes: Iterable[AnyChange], observed: ObservedState, access: CallerRights
) -> Missing:
    """For changes that went on because not all of the caller's roles could be seen."""
    judged = (judged_change(change, observed, access) for change in changes)
    return tuple(
        lack for verdict, missing in judged if verdict is Verdict.UNKNOWN for lack in missing
    )


def stopped(
    missing: Sequence[MissingRight],
    also: Iterable[str] = (),
    answer: str = "",
    request_id: str | None = None,
) -> PermissionMissing:
    """`answer`: Azure's own words."""
    error = PermissionMissing(
        "permission-missing",
        "You don't have all the permissions that this needs. Nothing was changed. Missing:",
        remedy="Ask for what is missing, wait a few minutes until it takes effect, then run the "
        "same command again.",
        answer=answer,
        request_id=request_id,
        items=(*asked_for(missing), *also),
        missing=dict.fromkeys(missing),
    )
    error.others = others(missing)
    return error


def others(missing: Iterable[MissingRight]) -> frozenset[WayOut]:
    return frozenset(lack.way_out for lack in missing if lack.way_out is not None)
