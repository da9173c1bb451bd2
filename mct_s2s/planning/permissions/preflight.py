"""Before anything is written: what of a plan the caller may not do, and the plan without what others must do.

Admin consent, the App Service's settings and its restart can be left to someone else, and the rest is still worth
doing. Everything else that is missing stops the plan. What is not known stops nothing: the real refusal decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mct_s2s.errors import PermissionMissing
from mct_s2s.model.caller_rights import CallerRights, Verdict
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationObjectId, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import (
    AddCredential,
    AlreadyRight,
    AnyChange,
    AssignAppRole,
    CreateApplication,
    CreateServicePrincipal,
    DeleteApplication,
    DisableIdentity,
    EnableIdentity,
    Later,
    PurgeApplication,
    Ref,
    RemoveCredential,
    RestartSite,
    RestoreApplication,
    RevokeAppRole,
    UpdateApplication,
    WriteSettings,
)
from mct_s2s.planning.permissions.grants import Lack, lacks, missing_rights, requests
from mct_s2s.planning.permissions.rights import Judged, Need, Obstacle, ObstacleKind, Right, judge
from mct_s2s.planning.plan import BlockedStep, Left, ManualStep, Plan


@dataclass(frozen=True)
class Checked:
    """A plan after the check."""

    plan: Plan
    """Without the steps that others must do; they are among `left_to_others`."""
    stopping: tuple[BlockedStep, ...] = ()
    """What is missing and cannot be left to others."""
    lacking: frozenset[Right] = frozenset()
    """The rights that are missing."""

    @property
    def missing(self) -> tuple[Lack, ...]:
        """Everything that is missing, what can be left to others included."""
        return self.marked.lacks

    @property
    def marked(self) -> Plan:
        """The plan with what stops it, as a dry run shows it."""
        return replace(self.plan, blocked=self.stopping)


def check(plan: Plan, observed: ObservedState, access: CallerRights) -> Checked:
    """Hold a plan against what the caller may do."""
    judged = {change.key: judge(need, access) for change in plan.changes if (need := need_of(change, observed))}
    refused = {key: verdict for key, verdict in judged.items() if verdict.verdict is Verdict.NO}
    left = [_left(change, refused[change.key], access) for change in plan.changes if _is_left(change, refused)]
    dropped = {change.key for change in plan.changes if _is_left(change, refused)}
    if any(isinstance(change, WriteSettings) and change.key in dropped for change in plan.changes):
        # A restart is for settings that were written: the writer also restarts.
        dropped |= {change.key for change in plan.changes if isinstance(change, RestartSite)}
        left = [note for note in left if note.step is not Left.RESTART]
    kept = replace(
        plan,
        steps=tuple(step for step in plan.steps if step.key not in dropped),
        left_to_others=(*plan.left_to_others, *left),
        notes=(*plan.notes, *_doubts(plan, judged)),
    )
    stopping = tuple(
        BlockedStep(change.key, lacks(refused[change.key], access))
        for change in plan.changes
        if change.key in refused and change.key not in dropped
    )
    return Checked(kept, stopping, frozenset(one.need.right for one in refused.values()))


def with_unread_settings(plan: Plan, observed: ObservedState, access: CallerRights) -> Plan:
    """The plan of a dry run, with the settings as a step that is blocked where the caller may not read them."""
    site = observed.app_service
    if site is None or site.refusal is None:
        return plan
    rights = (Right.READ_SETTINGS, Right.WRITE_SETTINGS, Right.RESTART)
    judged = (judge(Need(right, site.site.label, resource=site.site.resource), access) for right in rights)
    needed = tuple(lack for one in judged if one.verdict is Verdict.NO for lack in lacks(one, access))
    unread = AlreadyRight(
        key="settings",
        resource="application settings",
        name=site.site.label,
        detail="not readable: what would change is not known",
        id=f"{site.site.resource}/config/appsettings",
    )
    return replace(
        plan,
        steps=(*plan.steps, unread),
        notes=plan.notes if needed else (*plan.notes, f"{site.refusal.message} {site.refusal.remedy}"),
        blocked=(*plan.blocked, BlockedStep(unread.key, needed)),
    )


LEFT_TO_OTHERS = frozenset({Right.CONSENT, Right.WRITE_SETTINGS, Right.RESTART})
"""What others can do later. The rest of a plan rests on everything else: without it nothing is begun."""


def need_of(change: AnyChange, observed: ObservedState) -> Need | None:  # noqa: C901, PLR0911  # a flat table
    """The right that a change takes; none for what only looks."""
    match change:
        case CreateApplication():
            return Need(Right.CREATE_APPLICATION, change.name)
        case UpdateApplication() | AddCredential() | RemoveCredential():
            return Need(Right.CHANGE_APPLICATION, _name(change, observed), application=_known(change.object_id))
        case RestoreApplication():
            return Need(Right.CHANGE_APPLICATION, change.name)  # no one's list of what they own shows what is deleted
        case CreateServicePrincipal():
            known = None if isinstance(change.client_id, Ref) else _object_id(change.client_id, observed)
            return Need(Right.CREATE_PRINCIPAL, change.name, application=known)
        case AssignAppRole():
            return Need(Right.CONSENT, change.name, application=_service(observed))
        case DeleteApplication() | PurgeApplication():
            return Need(Right.DELETE_APPLICATION, change.name, application=change.object_id)
        case RevokeAppRole():
            return Need(Right.REVOKE, change.name, application=_service(observed))
        case DisableIdentity():
            return Need(Right.DISABLE_IDENTITY, change.name, resource=change.identity_resource.resource)
        case EnableIdentity():
            return Need(Right.ENABLE_IDENTITY, change.name, resource=change.identity_resource.resource)
        case WriteSettings():
            return Need(Right.WRITE_SETTINGS, change.name, resource=change.site.resource)
        case RestartSite():
            return Need(Right.RESTART, change.name, resource=change.site.resource)
        case _:
            return None


def left_if_refused(change: AnyChange, observed: ObservedState, access: CallerRights) -> ManualStep | None:
    """What is left to others where the real request for admin consent is refused although nothing spoke against it.

    Nothing where the caller holds the right, and only its token does not show it yet.
    """
    keeps_tokens = access.directory is not None and access.directory.signed_in.after_a_grant[0]
    if not isinstance(change, AssignAppRole) or (keeps_tokens and holds(change, observed, access)):
        return None
    need = need_of(change, observed)
    assert need is not None  # noqa: S101  # consent has one
    return _left(change, Judged(need, Verdict.NO, (Obstacle(ObstacleKind.ROLE),)), access)


def holds(change: AnyChange, observed: ObservedState, access: CallerRights) -> bool:
    """Whether the caller was seen to have the right that a change takes."""
    need = need_of(change, observed)
    return need is not None and judge(need, access).verdict is Verdict.YES


def likely_missing(changes: Iterable[AnyChange], observed: ObservedState, access: CallerRights) -> tuple[Lack, ...]:
    """What the caller probably lacks for changes that were let pass because not all of its roles could be seen."""
    judged = [judge(need, access) for change in changes if (need := need_of(change, observed)) is not None]
    return tuple(lack for one in judged if one.verdict is Verdict.UNKNOWN for lack in lacks(one, access))


def way_out(rights: Iterable[Right]) -> str:
    """How a caller without these rights gets done what it may do."""
    lacking, words = set(rights), []
    if Right.READ_SETTINGS in lacking:
        words.append(
            "let the App Service's administrator write its settings: mct-s2s setup --no-app-service --handoff FILE"
        )
    if lacking & {Right.CREATE_APPLICATION, Right.CHANGE_APPLICATION, Right.CREATE_PRINCIPAL}:
        words.append(
            "ask someone who can create app registrations to run mct-s2s setup --no-app-service --handoff FILE, "
            "then run mct-s2s configure-appservice --from FILE yourself"
        )
    if Right.CONSENT in lacking:
        words.append("let someone else grant admin consent: --no-consent")
    if Right.ENABLE_IDENTITY in lacking:
        words.append(
            "ask the resource's owner to enable the identity first: az resource update --ids RESOURCE --set "
            "identity.type=SystemAssigned"
        )
    return f"Or {'; or '.join(words)}." if words else ""


def stopped(
    missing: Sequence[Lack], lacking: Iterable[Right], also: Iterable[str] = (), request_id: str | None = None
) -> PermissionMissing:
    """The error that says all that is missing at once."""
    again = "Ask for what is missing, wait a few minutes until it takes effect, then run the same command again."
    return PermissionMissing(
        "permission-missing",
        "You don't have all the permissions that this needs. Nothing was changed. Missing:",
        remedy=f"{again} {way_out(lacking)}".strip(),
        request_id=request_id,
        items=(*requests(missing), *also),
        missing=missing_rights(missing),
    )


def _is_left(change: AnyChange, refused: dict[str, Judged]) -> bool:
    """Settings that revoke access, or that are restored, are not left: the rest of the plan rests on them."""
    if isinstance(change, WriteSettings) and (change.first or change.spec.without or change.spec.exact):
        return False
    return change.key in refused and isinstance(change, AssignAppRole | WriteSettings | RestartSite)


def _doubts(plan: Plan, judged: Mapping[str, Judged]) -> tuple[str, ...]:
    """Whose admin consent may be refused: what allows it was not seen, and not all roles of a caller can be."""
    names = [
        change.name
        for change in plan.changes
        if isinstance(change, AssignAppRole)
        and (one := judged[change.key]).verdict is Verdict.UNKNOWN
        and one.obstacles
    ]
    listed = ", ".join(f"'{name}'" for name in names)
    doubt = f"No role or permission found that lets you grant admin consent to {listed}. Trying anyway."
    return (doubt,) if names else ()


def _left(change: AnyChange, judged: Judged, access: CallerRights) -> ManualStep:
    needed = lacks(judged, access)
    if isinstance(change, AssignAppRole):
        return ManualStep(
            Left.CONSENT,
            f"You can't grant admin consent to '{change.name}'. Someone else must do it.",
            client=change.name,
            client_id=change.client_id,
            resource=change.identity_resource,
            needed=needed,
        )
    if isinstance(change, WriteSettings):
        what = f"You can't write the application settings of '{change.name}' and restart it. Someone else must do it."
        return ManualStep(Left.SETTINGS, what, resource=change.site.resource, spec=change.spec, needed=needed)
    assert isinstance(change, RestartSite)  # noqa: S101  # the last and last that can be left
    what = f"You can't restart '{change.name}'. Someone else must do it."
    return ManualStep(Left.RESTART, what, resource=change.site.resource, needed=needed)


def _service(observed: ObservedState) -> ApplicationObjectId | None:
    """The registration whose roles are given, where it exists already."""
    return observed.trust.service.object_id if observed.trust.service is not None else None


def _known(object_id: Later[ApplicationObjectId]) -> ApplicationObjectId | None:
    return None if isinstance(object_id, Ref) else object_id


def _name(change: UpdateApplication | AddCredential | RemoveCredential, observed: ObservedState) -> str:
    """What people call the registration: a change's own name may be that of its URI."""
    for application in _applications(observed):
        if application.object_id == change.object_id:
            return application.display_name
    return change.name


def _object_id(client_id: str, observed: ObservedState) -> ApplicationObjectId | None:
    return next((app.object_id for app in _applications(observed) if same_id(app.client_id, client_id)), None)


def _applications(observed: ObservedState) -> list[Application]:
    trust = observed.trust
    return [app for app in (trust.service, *(client.application for client in trust.clients)) if app is not None]
