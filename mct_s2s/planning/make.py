"""The one entry to planning: `make_plan` turns what is asked for and what is there into a plan."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mct_s2s.errors import Instruction
from mct_s2s.model.commands import az_command
from mct_s2s.model.desired import Desired, Removal, Restore, Rotation, SettingsScope, Setup
from mct_s2s.model.ids import ClientId, PrincipalId
from mct_s2s.model.observed import ObservedState
from mct_s2s.plain_text import counted
from mct_s2s.planning.access_changes import (
    describe_losing,
    describe_still_off,
    describe_switching_on,
    describe_undoing,
    describe_unknown_role,
    describe_unset,
    describe_way_back,
)
from mct_s2s.planning.belief import Belief, Doubted, client_trust, service_trust
from mct_s2s.planning.changes import (
    AnyChange,
    AssignAppRole,
    Deferred,
    SettingsChange,
    WriteSettings,
)
from mct_s2s.planning.client_setup import (
    add_deleted,
    describe_instance_updates,
    plan_client,
    plan_identity,
)
from mct_s2s.planning.clients import clients_called, is_allowed, members
from mct_s2s.planning.not_ours import NotOurs, why_doubted
from mct_s2s.planning.plan import ManualStep, Plan
from mct_s2s.planning.pruning import prune
from mct_s2s.planning.removal import plan_removal
from mct_s2s.planning.reports.findings import NO_CLIENTS_YET
from mct_s2s.planning.restore import plan_restore
from mct_s2s.planning.rotation import plan_rotation
from mct_s2s.planning.service_application import (
    PlannedService,
    plan_service,
    refuse_doubted_service,
)
from mct_s2s.planning.site import (
    check_api,
    check_site,
    plan_site,
    refuse_foreign_values,
    settings_spec,
    site_notes,
)

_SETTINGS_LEFT_TO_OTHERS = "settings of others"
"""The key of the manual step: it is in the fingerprint of a plan."""


def make_plan(desired: Desired, observed: ObservedState) -> Plan:
    """Plan what turns the observed state into the desired one. Raises Refused, NotThere."""
    check_site(observed)
    plan = replace(_plan(desired, observed), names=_names_by_id(observed))
    if not plan.changes:
        return plan
    return replace(plan, notes=(*_describe_other_owners(desired, observed), *plan.notes))


def _plan(desired: Desired, observed: ObservedState) -> Plan:
    match desired:
        case Removal():
            return plan_removal(desired, observed)
        case Rotation():
            return plan_rotation(desired, observed)
        case Restore():
            return plan_restore(desired, observed)
        case Setup():
            return _plan_setup(desired, observed)
        case _:
            raise AssertionError(desired)


def _names_by_id(observed: ObservedState) -> dict[str, str]:
    """Display names of all clients, by their ids in lower case."""
    trust = observed.trust
    names: list[tuple[str | None, str]] = [
        (identity.id, identity.display_name) for identity in trust.identities
    ]
    names += [(source.principal_id, source.display_name) for source in observed.identity_resources]
    for client in trust.clients:
        names.append((client.client_id, client.display_name))
        names.append((client.principal_id, client.display_name))
    names += [(deleted.client_id, deleted.display_name) for deleted in trust.deleted]
    return {identifier.casefold(): name for identifier, name in names if identifier and name}


def _describe_other_owners(desired: Desired, observed: ObservedState) -> Iterator[str]:
    """Name the other owners of a service application that is believed as the settings name it.

    For a plan that changes anything.
    """
    service = observed.trust.service
    if service is None or desired.service is None:
        return
    owner_names = (name for owner, name in observed.trust.owners if owner != observed.caller.id)
    owners = ", ".join(dict.fromkeys(owner_names))
    if owners and service_trust(service, observed, desired.service) is Belief.OWN_SERVICE:
        yield f"The service application '{service.display_name}' is also owned by {owners}."


# A setup: registrations first, then the settings that name them


@dataclass(frozen=True)
class _Registrations:
    """What a setup does with the service application, its clients and managed identities."""

    service: PlannedService | None
    """`None`: nothing is planned in Entra ID."""
    clients: Mapping[Deferred[ClientId], Plan]
    identities: Sequence[tuple[Deferred[PrincipalId], list[AnyChange]]]

    @property
    def identity_ids(self) -> list[Deferred[PrincipalId]]:
        return [principal for principal, _ in self.identities]

    @property
    def steps(self) -> Iterator[AnyChange]:
        if self.service is not None:
            yield from self.service.changes
        for client in self.clients.values():
            yield from client.steps
        for _, changes in self.identities:
            yield from changes

    @property
    def manual_steps(self) -> Iterator[ManualStep]:
        for client in self.clients.values():
            yield from client.manual_steps

    @property
    def notes(self) -> Iterator[str | Instruction]:
        if self.service is not None:
            yield from self.service.notes
        for client in self.clients.values():
            yield from client.notes

    @property
    def adopted(self) -> Iterator[str]:
        if self.service is not None:
            yield from self.service.adopted
        for client in self.clients.values():
            yield from client.adopted


@dataclass(frozen=True)
class _RoleHolders:
    """Who holds the app role already, where a setup allows them all."""

    believed: tuple[ClientId, ...] = ()
    """Clients that are allowed without being named."""
    how_to_allow_others: tuple[Instruction, ...] = ()
    """One instruction for each holder that is not believed and not allowed yet."""


def _plan_setup(desired: Setup, observed: ObservedState) -> Plan:
    """Plan registrations, then the settings that name them. Raises Refused, NotThere."""
    check_api(observed)
    refuse_foreign_values(desired, observed)
    observed = add_deleted(desired, observed)
    registrations = _plan_registrations(desired, observed)
    service = registrations.service
    removed_entries, pruned = prune(desired, observed)
    holders = _find_role_holders(desired, registrations, observed)

    application_ids = [*registrations.clients, *holders.believed]
    settings = settings_spec(
        desired, observed, service, application_ids, registrations.identity_ids
    )
    steps = [*registrations.steps]
    manual_steps = [*registrations.manual_steps]
    if desired.settings is SettingsScope.NONE:
        manual_steps.append(SettingsChange(key=_SETTINGS_LEFT_TO_OTHERS, name="", spec=settings))
    else:
        settings = replace(settings, without=removed_entries)
        steps += plan_site(observed, settings, restart=desired.restart)
    set_up_again = {*registrations.clients, *registrations.identity_ids}
    losing = tuple(describe_losing(desired, observed, settings, service, set_up_again))
    repeated_notes: tuple[str | Instruction, ...] = ()
    if any(isinstance(step, WriteSettings) for step in steps):
        repeated_notes = (
            *describe_switching_on(observed, settings, set_up_again),
            *describe_unset(desired, observed),
            *describe_still_off(desired, observed),
            *describe_way_back(desired, observed),
            *(describe_undoing(desired, observed, settings) if losing else ()),
        )

    plan = Plan(
        (*steps, *pruned.steps),
        tuple(manual_steps),
        notes=(
            *_describe_late_roles(steps, observed),
            *registrations.notes,
            *_describe_disabled(desired, observed),
            *describe_unknown_role(desired, observed),
            *_describe_no_clients(desired, observed, steps),
            *holders.how_to_allow_others,
            *describe_instance_updates(steps),
            *site_notes(observed, steps),
            *pruned.notes,
        ),
        adopted=tuple(registrations.adopted),
        left_alone=pruned.left_alone,
        losing=losing,
        repeated_notes=repeated_notes,
        removals=frozenset(step.key for step in pruned.steps),
    )
    refuse_doubted_service(plan, service, observed)
    return plan


def _plan_registrations(desired: Setup, observed: ObservedState) -> _Registrations:
    """Plan what is missing in the directory. Raises NotOurs, NotThere, Refused."""
    service: PlannedService | None = None
    if desired.service is not None:
        # `configure-appservice` writes to the App Service alone.
        service = plan_service(desired.service, observed, may_write=not desired.settings_only)
    clients = _plan_clients(desired, service, observed) if service is not None else {}
    identities = [
        plan_identity(resource, service, observed) for resource in observed.identity_resources
    ]
    return _Registrations(service, clients, identities)


def _plan_clients(
    desired: Setup, service: PlannedService, observed: ObservedState
) -> dict[Deferred[ClientId], Plan]:
    """Plan each client once, by its appId. Raises NotOurs: all that are doubted, at once."""
    plans: dict[Deferred[ClientId], Plan] = {}
    refusals = list[NotOurs]()
    for spec in desired.clients:
        try:
            client_id, plan = plan_client(spec, service, observed)
        except NotOurs as error:
            refusals.append(error)
        else:
            # A name and an appId may mean the same client: the entry that comes first counts.
            plans.setdefault(client_id, plan)
    if refusals:
        refusal, *more = refusals
        refusal.mention(f"{other.headline} {other.remedy}" for other in more)
        raise refusal
    return plans


def _find_role_holders(
    desired: Setup, registrations: _Registrations, observed: ObservedState
) -> _RoleHolders:
    """Find who holds the role already; none for a setup that lists only the clients it names."""
    service = registrations.service
    is_for_all = desired.settings is SettingsScope.NONE and not desired.names
    # Beside named clients, a holder of the role may be what a removal has left that was cut off.
    lists_holders = desired.settings_only or is_for_all
    if service is None or not lists_holders:
        return _RoleHolders()
    trust = observed.trust
    believed = list[ClientId]()
    how_to_allow_others = list[Instruction]()
    for client in members(observed):
        if not trust.has_role(client.principal_id, service.role):
            continue
        # The role alone makes no client: the owner of the service application can assign it, too.
        decision = client_trust(client, observed, service.spec, desired.names)
        if not isinstance(decision, Doubted):
            believed.append(client.client_id)
        elif not is_allowed(client, observed):
            name = client.display_name
            how_to_allow_others.append(
                _explain_allowing(
                    name, "--application-id", client.client_id, why_doubted(decision), observed
                )
            )
    if observed.api.lists:
        how_to_allow_others += _describe_unlisted_identities(
            service, registrations.identity_ids, observed
        )
    if how_to_allow_others and desired.settings is SettingsScope.NONE:
        # The lists are not read: all of these may be on them.
        holders = counted(len(how_to_allow_others), "other holder")
        what = f"Only the App Service's settings say whether {holders} of the app role may call."
        how_to_allow_others = [Instruction(what)]
    return _RoleHolders(tuple(believed), tuple(how_to_allow_others))


def _describe_unlisted_identities(
    service: PlannedService, identity_ids: Container[object], observed: ObservedState
) -> Iterator[Instruction]:
    """Say how to allow managed identities that hold the role and are not on the list."""
    for identity in observed.trust.identities:
        is_listed = identity.id in identity_ids or observed.allowed_object_ids.contains(identity.id)
        if observed.trust.has_role(identity.id, service.role) and not is_listed:
            why = "mct-s2s did not create it for this App Service"
            name = identity.display_name
            yield _explain_allowing(name, "--object-id", identity.id, why, observed)


def _explain_allowing(
    name: str, option: str, identifier: str, why: str, observed: ObservedState
) -> Instruction:
    """Say how to allow a holder of the role; `option`: the one that takes its identifier.

    `why`: what keeps this run from allowing it, as a sentence.
    """
    allowing = observed.command("configure-appservice", option, identifier)
    what = f"'{name}' ({identifier}) holds the app role, but {why}. To allow it:"
    return Instruction(what, allowing)


# What a reader of the plan has to know


def _describe_late_roles(steps: Sequence[AnyChange], observed: ObservedState) -> Iterator[str]:
    """Warn of managed identities whose tokens lack a new role for up to a day."""
    if observed.api.lists:
        return
    # Azure keeps an identity's tokens: docs/azure-contract.md. One that is new has none yet.
    with_identity = {
        str(source.resource)
        for source in observed.identity_resources
        if source.principal_id is not None
    }
    for step in steps:
        if isinstance(step, AssignAppRole) and str(step.identity_resource) in with_identity:
            yield (
                f"If '{step.name}' has asked for a token of {observed.api.called} before, it goes "
                "on without the role for up to 24 hours: Azure keeps its tokens."
            )


def _describe_disabled(desired: Setup, observed: ObservedState) -> Iterator[Instruction]:
    """Say how to enable service principals for which Entra ID issues no token."""
    clients = [client for spec in desired.clients for client in clients_called(spec.name, observed)]
    service_principal = observed.trust.principal if observed.trust.service is not None else None
    principals = dict.fromkeys((service_principal, *(client.principal for client in clients)))
    for principal in principals:
        if principal is None or principal.enabled:
            continue
        # It is never enabled by this run: its owner may have switched it off in an incident.
        client_id = principal.client_id
        enable = az_command("ad sp update", "--id", client_id, "--set", "accountEnabled=true")
        what = (
            f"The service principal of '{principal.display_name}' is disabled, so Entra ID issues "
            "no token for it. It may have been switched off on purpose. To enable it:"
        )
        yield Instruction(what, enable)


def _describe_no_clients(
    desired: Setup, observed: ObservedState, steps: Sequence[AnyChange]
) -> Iterator[str]:
    """Say that nothing can call yet, where neither this setup nor the App Service has a client."""
    site, trust = observed.app_service, observed.trust
    if (
        site is None
        or desired.settings_only
        or not any(isinstance(step, WriteSettings) for step in steps)
    ):
        return
    is_any_named = bool(desired.clients or observed.identity_resources)
    is_any_listed = any(setting.list_in(site.settings).ids for setting in observed.api.lists)
    if is_any_named or is_any_listed or members(observed) or trust.identities:
        return
    is_in_file = observed.file is not None
    more = (
        "The file names none, either." if is_in_file else "To set one up, too, add --client NAME."
    )
    yield f"{NO_CLIENTS_YET.format(site.label)} {more}"
