"""The steps of a plan that the caller may not do.

What is not known stops nothing: the real refusal decides.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from mct_s2s.errors import Instruction, MissingRight, PermissionMissing
from mct_s2s.model.caller_rights import CallerRights, Verdict
from mct_s2s.model.desired import Desired, Rotation, Setup
from mct_s2s.model.ids import ApplicationObjectId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.changes import (
    Action,
    AddCredential,
    AnyChange,
    AssignAppRole,
    Deferred,
    DeleteApplication,
    EnableIdentity,
    NoChange,
    OutputRef,
    PurgeApplication,
    RemoveCredential,
    RestartSite,
    RestoreApplication,
    RevokeAppRole,
    UpdateApplication,
    WriteSettings,
    only_notes_use,
)
from mct_s2s.planning.permissions.rights import (
    READER,
    Judged,
    Missing,
    RequiredPermission,
    Right,
    asked_for,
    judge,
    missing_rights,
)
from mct_s2s.planning.plan import ManualStep, Plan

T = TypeVar("T")


def without_forbidden_steps(plan: Plan, observed: ObservedState, access: CallerRights) -> Plan:
    """The plan without the steps that are left to others, which it lists as manual steps.

    `Plan.missing_rights` says what the caller lacks for these, and for the steps that stay and are
    `Plan.blocked`.
    """
    missing = _missing_by_key(plan, observed, access)
    left_to_others: dict[str, ManualStep] = {}
    unnoted: dict[str, UpdateApplication] = {}
    for change in plan.changes:
        if change.key not in missing:
            continue
        match change:
            case UpdateApplication() if only_notes_use(change):
                unnoted[change.key] = change
            case AssignAppRole() | RestartSite():
                left_to_others[change.key] = change
            case WriteSettings() if not _is_relied_on(change):
                left_to_others[change.key] = change
    dropped = {*left_to_others, *unnoted}
    if any(isinstance(step, WriteSettings) for step in left_to_others.values()):
        # Who writes the settings also restarts the site.
        restarts = {change.key for change in plan.changes if isinstance(change, RestartSite)}
        dropped |= restarts
        left_to_others = _without_keys(left_to_others, restarts)
        missing = _without_keys(missing, restarts)
    steps = tuple(step for step in plan.steps if step.key not in dropped)
    notes = [*plan.notes]
    # A tag that is not written is mentioned beside something else, not each time.
    if any(step.action is not Action.NONE for step in steps):
        notes += [
            f"Left out, as you can't update '{change.name}': {change.detail}."
            for change in unnoted.values()
        ]
    return replace(
        plan,
        steps=steps,
        manual_steps=(*plan.manual_steps, *left_to_others.values()),
        notes=tuple(notes),
        missing=_without_keys(missing, unnoted),
    )


def with_steps_of_others(plan: Plan, whole: Plan) -> Plan:
    """The plan of a dry run: with the steps of the `whole` plan that the caller leaves out.

    The fingerprint is of all of them, and who applies it may do them: they are reviewed, too.
    """
    own = {step.key for step in plan.steps}
    for_others = frozenset(step.key for step in whole.steps if step.key not in own)
    return replace(plan, steps=whole.steps, for_others=for_others)


def _missing_by_key(
    plan: Plan, observed: ObservedState, access: CallerRights
) -> dict[str, Missing]:
    """What the caller lacks, by the key of the change. What is not known to lack is not here."""
    missing = dict[str, Missing]()
    for change in plan.changes:
        verdict, rights = judged_change(change, observed, access)
        if verdict is Verdict.NO:
            missing[change.key] = rights
    return missing


def _is_relied_on(change: WriteSettings) -> bool:
    """Whether it revokes access or restores a backup: the rest of the plan rests on that."""
    return change.first or bool(change.spec.without or change.spec.exact)


def _without_keys(values: Mapping[str, T], keys: Container[str]) -> dict[str, T]:
    return {key: value for key, value in values.items() if key not in keys}


def with_unread_settings(
    plan: Plan, observed: ObservedState, access: CallerRights, desired: Desired
) -> Plan:
    """The plan of a dry run, with settings that the caller may not read as a blocked step."""
    site = observed.app_service
    if site is None or site.refusal is None or isinstance(desired, Rotation):
        return plan
    rights = missing_at(site.resource, access, desired)
    unread = NoChange.of_settings(site, "not readable: what would change is not known")
    notes = plan.notes
    if not rights:  # what Azure answered is all that is known
        notes = (*notes, f"{site.refusal.message} {site.refusal.remedy}")
    missing = {**plan.missing, unread.key: rights}
    return replace(plan, steps=(*plan.steps, unread), notes=notes, missing=missing)


def missing_at(
    resource: ResourceId, access: CallerRights, desired: Desired, *, unseen: bool = False
) -> Missing:
    """What the caller lacks at an App Service: to read its settings, and for what is `desired`.

    `unseen`: the App Service itself was not shown. A rotation does without its settings.
    """
    if unseen and isinstance(desired, Rotation):
        reading = RequiredPermission(Right.READ_SITE, resource.name, resource=resource, role=READER)
        verdict, missing = judge(reading, access)
        return missing if verdict is Verdict.NO else ()
    rights = [Right.READ_SETTINGS]
    if unseen:
        rights.insert(0, Right.READ_SITE)
    # A rotation changes nothing there.
    if not isinstance(desired, Rotation):
        rights.append(Right.WRITE_SETTINGS)
        if desired.restart:
            rights.append(Right.RESTART)
    lacks = list[MissingRight]()
    for right in rights:
        verdict, missing = judge(
            RequiredPermission(right, resource.name, resource=resource), access
        )
        if verdict is Verdict.NO:
            lacks += missing
    return tuple(lacks)


def judged_change(change: AnyChange, observed: ObservedState, access: CallerRights) -> Judged:
    """Judge all that a change takes; unknown where only a key vault can tell."""
    judged = [judge(need, access) for need in all_permissions(change, observed)]
    verdicts = {verdict for verdict, _ in judged}
    missing = tuple(right for _, rights in judged for right in rights)
    if Verdict.NO in verdicts:
        return Verdict.NO, missing
    return (Verdict.YES if verdicts == {Verdict.YES} else Verdict.UNKNOWN), missing


def all_permissions(change: AnyChange, observed: ObservedState) -> list[RequiredPermission]:
    """Everything that a change takes; nothing where only a key vault can tell."""
    need = main_permission(change, observed)
    if need is None:
        return []
    needs = [need]
    if isinstance(change, EnableIdentity):
        # Identities that users assigned are sent again, or the resource would lose them: that takes
        # the right to assign them.
        needs += [
            RequiredPermission(Right.ASSIGN_IDENTITY, identity.name, resource=identity)
            for identity in change.identity_resource.assigned
        ]
        enabling = change.identity_resource.enabling
        needs = [replace(need, enabling=enabling) for need in needs]
    return needs


def main_permission(change: AnyChange, observed: ObservedState) -> RequiredPermission | None:
    """The permission that a change itself takes; `None` where only a key vault can tell."""
    if change.right is None:
        return None
    is_deleted = isinstance(change, RestoreApplication)
    need = RequiredPermission(change.right, change.name, is_deleted=is_deleted)
    service = observed.trust.service
    match change:
        case (
            UpdateApplication()
            | AddCredential()
            | RemoveCredential()
            | DeleteApplication()
            | PurgeApplication()
        ):
            return _permission_over(need, change.object_id, observed)
        case AssignAppRole() | RevokeAppRole():
            return replace(need, application=service.object_id if service is not None else None)
        case EnableIdentity():
            return replace(need, resource=change.identity_resource.resource)
        case WriteSettings() | RestartSite():
            return replace(need, resource=change.site)
    return need


def _permission_over(
    need: RequiredPermission, object_id: Deferred[ApplicationObjectId], observed: ObservedState
) -> RequiredPermission:
    """The permission to change a registration, which its owners have."""
    trust = observed.trust
    # No list of what one owns shows what is deleted, and may be restored by a step before.
    deleted = {application.object_id for application in trust.deleted}
    if isinstance(object_id, OutputRef) or object_id in deleted:
        return need
    applications = [client.application for client in trust.clients]
    if trust.service is not None:
        applications.insert(0, trust.service)
    for application in applications:
        if application.object_id == object_id:
            return replace(need, subject=application.display_name, application=object_id)
    return replace(need, application=object_id)


def general_permissions(setup: Setup) -> list[RequiredPermission]:
    """What a setup takes in the directory where no plan says it, as something could not be read."""
    rights = [Right.CREATE_APPLICATION, Right.CHANGE_APPLICATION, Right.CREATE_PRINCIPAL]
    if any(client.consent for client in setup.clients):
        rights.append(Right.CONSENT)
    return [RequiredPermission(right, "") for right in rights]


def to_ask_for(need: RequiredPermission, access: CallerRights) -> Judged:
    """Judge a permission; also of one that could not be checked, say what it takes."""
    verdict, missing = judge(need, access)
    if verdict is Verdict.UNKNOWN and not missing and need.resource is None:
        missing = missing_rights(need, access)
    return verdict, missing


def likely_missing(
    changes: Iterable[AnyChange], observed: ObservedState, access: CallerRights
) -> Missing:
    """What is likely to be missing for changes of which that was not known before."""
    missing = list[MissingRight]()
    for change in changes:
        verdict, rights = judged_change(change, observed, access)
        if verdict is Verdict.UNKNOWN:
            missing += rights
    return tuple(missing)


def permission_error(
    missing: Sequence[MissingRight],
    also: Iterable[str | Instruction] = (),
    answer: str = "",
    request_id: str | None = None,
) -> PermissionMissing:
    """The error that says all that is missing; `answer`: Azure's own words."""
    return PermissionMissing(
        "permission-missing",
        "You don't have all the permissions that this needs.",
        says_unchanged=True,
        introduction="Missing:",
        remedy="Ask for what is missing, wait a few minutes until it takes effect, then run the "
        "same command again.",
        answer=answer,
        request_id=request_id,
        items=(*asked_for(missing), *also),
        missing=dict.fromkeys(missing),
    )
