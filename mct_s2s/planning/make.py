"""The one entry to planning."""

from collections.abc import Collection, Container, Iterator, Sequence
from dataclasses import replace

from mct_s2s.errors import Instruction
from mct_s2s.model.commands import command
from mct_s2s.model.desired import Desired, Removal, Restore, Rotation, SettingsScope, Setup
from mct_s2s.model.ids import ClientId, PrincipalId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import Holds
from mct_s2s.planning.belief import Belief, client_trust, service_trust
from mct_s2s.planning.changes import (
    AnyChange,
    AssignAppRole,
    Deferred,
    Outputs,
    SettingsChange,
    SettingsSpec,
    WriteSettings,
)
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.ownership import clients_called, is_allowed, members
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.registrations import (
    Service,
    check_ownership,
    plan_client,
    plan_identity,
    plan_service,
    update_instances,
    with_deleted,
)
from mct_s2s.planning.removal import plan_removal, prune
from mct_s2s.planning.reports.findings import diagnose
from mct_s2s.planning.reports.status import ClientStatus, SiteStatus
from mct_s2s.planning.rotation import plan_rotation
from mct_s2s.planning.site import (
    check_api,
    check_site,
    merge,
    plan_site,
    refuse_foreign_values,
    restored,
    settings_spec,
    swap_note,
)


def make_plan(desired: Desired, observed: ObservedState) -> Plan:
    """Raises Refused, NotThere."""
    check_site(observed)
    plan = replace(_plan(desired, observed), names=_names(observed))
    return (
        replace(plan, notes=(*_other_owners(desired, observed), *plan.notes))
        if plan.changes
        else plan
    )


def _names(observed: ObservedState) -> dict[str, str]:
    found: list[tuple[str, str]] = [(one.id, one.display_name) for one in observed.trust.identities]
    found += [
        (one.principal_id, one.display_name)
        for one in observed.identity_resources
        if one.principal_id
    ]
    for client in observed.trust.clients:
        found += [
            (client.client_id, client.display_name),
            (client.principal_id, client.display_name),
        ]
    return {identifier.casefold(): name for identifier, name in found if identifier and name}


def _other_owners(desired: Desired, observed: ObservedState) -> Iterator[str]:
    """Who else owns the service application that is changed because the settings name it, too."""
    service, caller = observed.trust.service, observed.caller.id
    if service is None or desired.service is None:
        return
    owners = ", ".join(
        dict.fromkeys(name for owner, name in observed.trust.owners if owner != caller)
    )
    if owners and service_trust(service, observed, desired.service) is Belief.OWN_SERVICE:
        yield f"The service application '{service.display_name}' is also owned by {owners}."


def _plan(desired: Desired, observed: ObservedState) -> Plan:
    match desired:
        case Removal():
            return plan_removal(desired, observed)
        case Rotation():
            return plan_rotation(desired, observed)
        case Restore():
            spec = restored(desired.backup, observed)
            steps = plan_site(observed, spec, restart=desired.restart)
            return Plan(
                steps, notes=_notes(observed, steps), losing=tuple(_cut_off(observed, spec))
            )
        case Setup():
            return _plan_setup(desired, observed)
    return Plan()


def _plan_setup(desired: Setup, observed: ObservedState) -> Plan:
    check_api(observed)
    refuse_foreign_values(desired, observed)
    observed = with_deleted(desired, observed)
    service = plan_service(desired.service, observed) if desired.service else None
    planned = _plan_clients(desired, service, observed) if service is not None else {}
    clients = planned.values()
    identities = [
        plan_identity(resource, service, observed) for resource in observed.identity_resources
    ]
    steps: list[AnyChange] = [*service.changes] if service and not desired.settings_only else []
    steps += [change for of_client in clients for change in of_client.steps]
    steps += [change for _, changes in identities for change in changes]
    leaving, pruned = prune(desired, observed)
    left = [step for of_client in clients for step in of_client.manual_steps]
    application_ids = list(planned)
    object_ids: list[Deferred[PrincipalId]] = [principal for principal, _ in identities]
    others: list[Instruction] = []
    if service is not None and (desired.settings_only or desired.settings is SettingsScope.NONE):
        believed, others = _holders(desired, service, observed, object_ids)
        application_ids += believed
    settings = settings_spec(desired, observed, service, application_ids, object_ids)
    if desired.settings is SettingsScope.NONE:
        left.append(SettingsChange(key="settings of others", name="", spec=settings))
    else:
        settings = replace(settings, without=leaving)
        steps += plan_site(observed, settings, restart=desired.restart)
    adopted = (
        *(service.notes if service else ()),
        *(note for of_client in clients for note in of_client.notes),
    )
    losing: tuple[str, ...] = ()
    if desired.settings is SettingsScope.OFF:
        losing = tuple(_cut_off(observed, settings))
    elif observed.app_service is not None:
        losing = tuple(_losing_access(desired, observed, settings, planned))
    gaining: tuple[str, ...] = ()
    off: tuple[Instruction, ...] = ()
    if any(isinstance(one, WriteSettings) for one in steps):
        gaining = tuple(_switched_on(observed, settings, desired.names))
        off = tuple(_still_off(desired, observed))
    late = _late_roles(steps, observed)
    about_site = _notes(observed, steps)
    others += update_instances(steps)
    notes = (
        *off,
        *late,
        *adopted,
        *_disabled(desired, observed),
        *others,
        *about_site,
        *pruned.notes,
    )
    removals = frozenset(step.key for step in pruned.steps)
    plan = Plan(
        (*steps, *pruned.steps),
        tuple(left),
        notes,
        left_alone=pruned.left_alone,
        losing=losing,
        gaining=gaining,
        removals=removals,
    )
    check_ownership(plan, service, observed)
    return plan


def _late_roles(steps: Sequence[AnyChange], observed: ObservedState) -> Iterator[str]:
    """Azure keeps a managed identity's tokens: docs/azure-contract.md."""
    had_one = {
        str(one.resource) for one in observed.identity_resources if one.principal_id is not None
    }
    for step in steps if not observed.api.lists else ():
        if isinstance(step, AssignAppRole) and str(step.identity_resource) in had_one:
            yield (
                f"If '{step.name}' has asked for a token of {observed.api.called} before, it goes "
                "on without the role "
                "for up to 24 hours: Azure keeps its tokens."
            )


def _plan_clients(
    desired: Setup, service: Service, observed: ObservedState
) -> dict[Deferred[ClientId], Plan]:
    """By appId: a name and an appId may mean the same client.

    Raises NotOurs: all that are doubted, at once.
    """
    planned: dict[Deferred[ClientId], Plan] = {}
    doubted = list[NotOurs]()
    for spec in desired.clients:
        try:
            client_id, plan = plan_client(spec, service, observed)
        except NotOurs as refused:
            doubted.append(refused)
        else:
            planned.setdefault(client_id, plan)
    if doubted:
        first, *more = doubted
        first.mention(f"{one.headline} {one.remedy}" for one in more)
        raise first
    return planned


def _holders(
    desired: Setup, service: Service, observed: ObservedState, object_ids: Container[object]
) -> tuple[list[ClientId], list[Instruction]]:
    """Of those that hold the role: the clients that are believed, and how the others are
    allowed.
    """
    trust, believed, others = observed.trust, list[ClientId](), list[Instruction]()
    for client in members(observed):
        if trust.holds(client.principal_id, service.role):
            if isinstance(client_trust(client, observed, service.spec, desired.names), Belief):
                believed.append(client.client_id)
            elif not is_allowed(client, observed):
                others.append(
                    _also_holds(client.display_name, "--application-id", client.client_id, observed)
                )
    for identity in trust.identities if observed.api.lists else ():
        is_listed = identity.id in object_ids or observed.allowed_object_ids.holds(identity.id)
        if trust.holds(identity.id, service.role) and not is_listed:
            others.append(_also_holds(identity.display_name, "--object-id", identity.id, observed))
    return believed, others


def _also_holds(name: str, allow: str, identifier: str, observed: ObservedState) -> Instruction:
    """Its role alone does not make it a client: the owner of the service application can assign
    that, too.
    """
    allowing = observed.command("configure-appservice", allow, identifier)
    what = (
        f"'{name}' ({identifier}) holds the app role, and mct-s2s did not create it for this "
        "App "
        "Service. To allow it:"
    )
    return Instruction(what, allowing)


def _disabled(desired: Setup, observed: ObservedState) -> Iterator[Instruction]:
    """Service principals to which or for which Entra ID issues no token: their owner may have
    switched them off.
    """
    clients = [client for spec in desired.clients for client in clients_called(spec.name, observed)]
    service = observed.trust.principal if observed.trust.service is not None else None
    for principal in dict.fromkeys((service, *(client.principal for client in clients))):
        if principal is not None and not principal.enabled:
            enable = command(
                "az",
                "ad",
                "sp",
                "update",
                "--id",
                principal.client_id,
                "--set",
                "accountEnabled=true",
            )
            what = (
                f"The service principal of '{principal.display_name}' is disabled, so Entra ID "
                "issues no token for it."
            )
            yield Instruction(
                f"{what} It may have been switched off on purpose. To enable it:", enable
            )


def _notes(observed: ObservedState, steps: Sequence[AnyChange]) -> tuple[str, ...]:
    site, writes = observed.app_service, [step for step in steps if isinstance(step, WriteSettings)]
    if site is None:
        return ()
    notes = [swap_note(site, observed.api, write) for write in writes]
    if site.is_unusual:
        api = observed.api
        text = (
            f"does not look like an {api.name} site: it has no settings of one, and no function app"
        )
        notes.insert(
            0, f"'{site.label}' {text} '{site.name}{api.function_app_mark}…' is beside it."
        )
    return tuple(note for note in notes if note is not None)


def _losing_access(
    desired: Setup, observed: ObservedState, spec: SettingsSpec, kept: Container[object]
) -> Iterator[str]:
    """By a role or values that were given: they are the caller's own words, and are written as they
    are.
    """
    before = observed.settings
    after = observed.with_settings(merge(before, spec, Outputs()), spec.written(Outputs()))
    rows = (row for row in observed.api.rows if not row.holds.is_list)
    typed = {
        observed.api.name_of(Holds.ROLE): desired.service.role if desired.service else None,
        **desired.given,
    }
    given = [row for row in rows if row.value_in(typed) and row.value_in(before)]
    changed = [one for one in given if one.value_in(before) != one.value_in(after.settings)]
    values = " and ".join(f"{one} '{one.value_in(after.settings)}'" for one in changed)
    if changed and desired.service is None:
        yield (
            f"Clients whose tokens do not match {values} lose access. The directory was not "
            "asked "
            "which."
        )
    elif changed:
        lose = [f"'{one.name}'" for one in _losing(observed, after) if one.id not in kept]
        if lose:
            lost = (
                "lose access: their tokens do" if len(lose) > 1 else "loses access: its tokens do"
            )
            yield f"{', '.join(lose)} {lost} not match {values}."


def _losing(before: ObservedState, after: ObservedState) -> list[ClientStatus]:
    """Who can call now, and no longer then."""
    still = {
        one.id for one in SiteStatus(after, diagnose(after)).clients if one.can_call is not False
    }
    return [
        one
        for one in SiteStatus(before, diagnose(before)).clients
        if one.can_call and one.id not in still
    ]


def _cut_off(observed: ObservedState, spec: SettingsSpec) -> Iterator[str]:
    """By settings that are written as a whole: switched off, or put back as they were."""
    after = observed.with_settings(
        merge(observed.settings, spec, Outputs()), spec.written(Outputs())
    )
    names = [f"'{one.name}'" for one in _losing(observed, after)]
    if names:
        yield (
            f"{'This client loses' if len(names) == 1 else 'These clients lose'} access: "
            f"{', '.join(names)}."
        )


def _is_off(observed: ObservedState) -> bool:
    return (observed.setting(Holds.SWITCH) or "").strip().casefold() == "false"


def _still_off(desired: Setup, observed: ObservedState) -> Iterator[Instruction]:
    """What adds a client alone leaves a site switched off that someone has switched off."""
    if desired.settings is SettingsScope.CLIENTS and _is_off(observed):
        what = (
            "Service-to-service authentication is switched off, so no client can call. To "
            "switch "
            "it on again:"
        )
        yield Instruction(what, observed.command("configure-appservice"))


def _switched_on(
    observed: ObservedState, spec: SettingsSpec, named: Collection[str]
) -> Iterator[str]:
    """Someone has switched the site off, perhaps in an incident: what switches it on again says so,
    and for whom.
    """
    after = merge(observed.settings, spec, Outputs())
    if not _is_off(observed):
        return
    if not observed.api.is_enabled(after):
        return
    on = observed.with_settings(after, spec.written(Outputs()))
    others = [f"'{one.name}'" for one in _losing(on, observed) if one.name not in named]
    whom = f" It lets these clients call again, too: {', '.join(others)}." if others else ""
    yield f"Service-to-service authentication is switched off. This switches it on again.{whom}"
