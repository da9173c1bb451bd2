"""The one entry to planning: `make_plan` turns what is asked for and what is there into a plan."""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mct_s2s.errors import Instruction
from mct_s2s.model.api import Api
from mct_s2s.model.azure_resources import AppService, FunctionApp
from mct_s2s.model.commands import az_command
from mct_s2s.model.desired import Desired, Removal, Restore, Rotation, SettingsScope, Setup
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import (
    ClientId,
    PrincipalId,
    client_id_in,
    client_unique_name,
    is_guid,
    same_id,
)
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import AppSettings, Holds, Setting, spelling_in
from mct_s2s.plain_text import counted
from mct_s2s.planning.belief import Belief, Doubted, client_trust, service_trust
from mct_s2s.planning.changes import (
    AnyChange,
    AssignAppRole,
    Deferred,
    Outputs,
    SettingsChange,
    SettingsSpec,
    WriteSettings,
)
from mct_s2s.planning.client_setup import (
    add_deleted,
    describe_instance_updates,
    plan_client,
    plan_identity,
)
from mct_s2s.planning.clients import (
    clients_called,
    did_you_mean,
    is_allowed,
    members,
    unmatched_entries,
)
from mct_s2s.planning.not_ours import NotOurs, why_doubted
from mct_s2s.planning.plan import ManualStep, Plan
from mct_s2s.planning.pruning import prune
from mct_s2s.planning.removal import plan_removal
from mct_s2s.planning.reports.findings import NO_CLIENTS_YET, diagnose
from mct_s2s.planning.reports.status import ClientStatus, SiteStatus
from mct_s2s.planning.rotation import plan_rotation
from mct_s2s.planning.service_application import (
    PlannedService,
    plan_service,
    refuse_doubted_service,
)
from mct_s2s.planning.service_facts import has_identifier
from mct_s2s.planning.site import (
    check_api,
    check_site,
    merge,
    plan_site,
    refuse_foreign_values,
    settings_of_backup,
    settings_spec,
    swap_note,
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
            return _plan_restore(desired, observed)
        case Setup():
            return _plan_setup(desired, observed)
    return Plan()


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
    """Name who else owns the service application that the settings name and this plan changes."""
    service = observed.trust.service
    if service is None or desired.service is None:
        return
    owner_names = (name for owner, name in observed.trust.owners if owner != observed.caller.id)
    owners = ", ".join(dict.fromkeys(owner_names))
    if owners and service_trust(service, observed, desired.service) is Belief.OWN_SERVICE:
        yield f"The service application '{service.display_name}' is also owned by {owners}."


# A restore of a backup


def _plan_restore(desired: Restore, observed: ObservedState) -> Plan:
    settings = settings_of_backup(desired.backup, observed)
    steps = plan_site(observed, settings, restart=desired.restart)
    losing = tuple(_describe_cut_off(observed, settings))
    gaining = tuple(_describe_switching_on(observed, settings, named=()))
    after = _state_after(observed, settings)
    notes: list[str | Instruction] = [
        *_site_notes(observed, steps),
        *_describe_others_put_back(steps),
        *_describe_deleted(observed, after),
        *_describe_gone(observed, after),
    ]
    return Plan(steps, notes=tuple(notes), losing=losing, gaining=gaining)


def _describe_others_put_back(steps: Sequence[AnyChange]) -> Iterator[str]:
    """Warn of settings that are not the API's and have changed since the backup."""
    writes = [step for step in steps if isinstance(step, WriteSettings)]
    names = [edit.name for write in writes for edit in write.edits if not edit.is_ours]
    if names:
        these = "this setting, which is" if len(names) == 1 else "these settings, which are"
        yield (
            f"Warning: the backup also puts back {these} not for service-to-service "
            f"authentication: {', '.join(names)}. To keep a setting as it is now, remove it from "
            "the backup file."
        )


def _describe_deleted(observed: ObservedState, after: ObservedState) -> Iterator[Instruction]:
    """Say what of a backup's registrations is deleted, and how it comes back."""
    service_named, base = after.service_in_settings, observed.trust.unique_name
    clients = [row for row in observed.trust.deleted if not has_identifier(row, service_named)]
    own_clients = [client for client in clients if _comes_back_by_name(client, base)]
    for service in observed.trust.deleted:
        if service in clients:
            continue
        what = f"The service application '{service.display_name}' is deleted, so no client can call"
        # The command that restores clients restores it, too.
        if service.unique_name == base and not own_clients:
            yield Instruction(f"{what}. To restore it, too:", observed.command("setup"))
        else:
            yield Instruction(f"{what}.")
    for client in clients:
        if client not in own_clients:
            yield Instruction(f"'{client.display_name}' is deleted, so its ID gives no access.")
    names = [client.display_name for client in own_clients]
    if names:
        quoted = ", ".join(f"'{name}'" for name in names)
        what = f"{quoted} are deleted, so their IDs give no access. To restore them, too:"
        if len(names) == 1:
            what = f"{quoted} is deleted, so its ID gives no access. To restore it, too:"
        words = [word for name in names for word in ("--client", name)]
        yield Instruction(what, observed.command("setup", *words))


def _comes_back_by_name(client: Application, base: str) -> bool:
    """Whether a setup that names it means this very one.

    Its owner may have changed its name since, also to the appId of another registration.
    """
    name = client.display_name.strip()
    return not is_guid(name) and client.unique_name == client_unique_name(base, name)


def _describe_gone(observed: ObservedState, after: ObservedState) -> Iterator[str | Instruction]:
    """Say what a backup puts back that nothing in the directory has any more."""
    if observed.tenant is None:  # the directory was not read
        return
    trust, service_id = observed.trust, client_id_in(after.service_in_settings)
    known = [
        *filter(None, (trust.service, *trust.deleted)),
        *(c.application for c in trust.clients),
    ]
    if service_id is not None and not any(same_id(row.client_id, service_id) for row in known):
        what = (
            f"Nothing in this tenant has the appId {service_id} of the backup's service "
            "application, so no client can call. To create another one:"
        )
        yield Instruction(what, observed.command("setup"))
    deleted_ids = {row.client_id for row in trust.deleted}
    gone = [
        entry
        for setting, entry in unmatched_entries(after)
        if is_guid(entry)
        and entry.casefold() not in deleted_ids
        and not setting.list_in(observed.settings).contains(entry)
    ]
    if len(gone) == 1:
        yield f"Nothing in this tenant has the ID {gone[0]}, so it gives no access."
    elif gone:
        yield f"Nothing in this tenant has the IDs {', '.join(gone)}, so they give no access."


# A setup: registrations first, then the settings that name them


@dataclass(frozen=True)
class _Registrations:
    """What a setup does with the service application, its clients and managed identities."""

    service: PlannedService | None
    """`None` where Entra ID is not asked at all."""
    clients: Mapping[Deferred[ClientId], Plan]
    identities: Sequence[tuple[Deferred[PrincipalId], list[AnyChange]]]
    writes_service: bool
    """Whether the service application may be changed, too."""

    @property
    def object_ids(self) -> list[Deferred[PrincipalId]]:
        return [principal for principal, _ in self.identities]

    @property
    def steps(self) -> Iterator[AnyChange]:
        if self.service is not None and self.writes_service:
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
    settings = settings_spec(desired, observed, service, application_ids, registrations.object_ids)
    steps = [*registrations.steps]
    manual_steps = [*registrations.manual_steps]
    if desired.settings is SettingsScope.NONE:
        manual_steps.append(SettingsChange(key=_SETTINGS_LEFT_TO_OTHERS, name="", spec=settings))
    else:
        settings = replace(settings, without=removed_entries)
        steps += plan_site(observed, settings, restart=desired.restart)
    losing = tuple(_describe_losing(desired, observed, settings, registrations))
    gaining: tuple[str | Instruction, ...] = ()
    if any(isinstance(step, WriteSettings) for step in steps):
        gaining = (
            *_describe_switching_on(observed, settings, desired.names),
            *_describe_unset(desired, observed),
            *_describe_still_off(desired, observed),
            *_describe_way_back(desired, observed),
            *(_describe_undoing(desired, observed, settings) if losing else ()),
        )

    plan = Plan(
        (*steps, *pruned.steps),
        tuple(manual_steps),
        notes=(
            *_describe_late_roles(steps, observed),
            *registrations.notes,
            *_describe_disabled(desired, observed),
            *_describe_unknown_role(desired, observed),
            *_describe_no_clients(desired, observed, steps),
            *holders.how_to_allow_others,
            *describe_instance_updates(steps),
            *_site_notes(observed, steps),
            *pruned.notes,
        ),
        adopted=tuple(registrations.adopted),
        left_alone=pruned.left_alone,
        losing=losing,
        gaining=gaining,
        removals=frozenset(step.key for step in pruned.steps),
    )
    refuse_doubted_service(plan, service, observed)
    return plan


def _plan_registrations(desired: Setup, observed: ObservedState) -> _Registrations:
    """Plan what is missing in the directory. Raises NotOurs, NotThere, Refused."""
    service = plan_service(desired.service, observed) if desired.service is not None else None
    clients = _plan_clients(desired, service, observed) if service is not None else {}
    identities = [
        plan_identity(resource, service, observed) for resource in observed.identity_resources
    ]
    # `configure-appservice` writes to the App Service alone.
    writes_service = not desired.settings_only
    return _Registrations(service, clients, identities, writes_service)


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
    lists_holders = desired.settings_only or desired.settings is SettingsScope.NONE
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
            service, registrations.object_ids, observed
        )
    if how_to_allow_others and desired.settings is SettingsScope.NONE:
        # The lists are not read: all of these may be on them.
        holders = counted(len(how_to_allow_others), "other holder")
        what = f"Only the App Service's settings say whether {holders} of the app role may call."
        how_to_allow_others = [Instruction(what)]
    return _RoleHolders(tuple(believed), tuple(how_to_allow_others))


def _describe_unlisted_identities(
    service: PlannedService, object_ids: Container[object], observed: ObservedState
) -> Iterator[Instruction]:
    """Say how to allow managed identities that hold the role and are not on the list."""
    for identity in observed.trust.identities:
        is_listed = identity.id in object_ids or observed.allowed_object_ids.contains(identity.id)
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


def _site_notes(observed: ObservedState, steps: Sequence[AnyChange]) -> tuple[str, ...]:
    """Say what is odd about the App Service, and what a swap of its slots would do."""
    site = observed.app_service
    if site is None:
        return ()
    writes = [step for step in steps if isinstance(step, WriteSettings)]
    notes = [swap_note(site, observed.api, write) for write in writes]
    if site.function_app is not None:
        notes.insert(0, _describe_unlike(site, site.function_app, observed.api))
    return tuple(note for note in notes if note is not None)


def _describe_unlike(site: AppService, function_app: FunctionApp, api: Api) -> str:
    """Say that it may not be the API's site, or what could not be seen of it."""
    beside = f"'{site.name}{api.function_app_mark}…'"
    match function_app:
        case FunctionApp.MISSING:
            return (
                f"Warning: '{site.label}' does not look like an {api.name} site: it has no "
                f"settings of one, and no function app {beside} is beside it."
            )
        case FunctionApp.HIDDEN:
            return (
                f"Check that '{site.label}' is the {api.name} site: it has no settings of one yet, "
                f"and whether a function app {beside} is beside it can't be seen, as you may not "
                f"list the apps of the resource group '{site.resource.resource_group}' "
                "(Microsoft.Web/sites/read)."
            )


def _describe_losing(
    desired: Setup, observed: ObservedState, settings: SettingsSpec, registrations: _Registrations
) -> Iterator[Instruction]:
    """Say who loses access by this setup."""
    if desired.settings is SettingsScope.OFF:
        yield from _describe_cut_off(observed, settings)
    elif observed.app_service is not None:
        yield from _describe_mismatched(desired, observed, settings, registrations)


def _describe_mismatched(
    desired: Setup, observed: ObservedState, spec: SettingsSpec, registrations: _Registrations
) -> Iterator[Instruction]:
    """Say who loses access because the operator typed another role, value or service application.

    What is typed is written as it is, whatever the directory holds.
    """
    after = _state_after(observed, spec)
    replaced = _replaced_settings(desired, observed, after)
    changed = list(dict.fromkeys([*replaced, *_settings_of_another_service(observed, after)]))
    if not changed:
        return
    values = _values(changed, after)
    service = registrations.service
    if service is None:
        whose = f"Clients whose tokens do not match {values}"
        yield _loss(whose, ". The directory was not asked which.")
        return
    before = _switched_on(observed)
    is_on = before is observed
    predecessor = observed.trust.predecessor
    # Who calls now holds a role of that one, where another service application is named.
    before = before if predecessor is None else replace(before, trust=predecessor)
    callers = [client for client in _statuses(before) if client.can_call]
    may_call: set[object] = {
        client.id for client in _statuses(after) if client.can_call is not False
    }
    may_call |= {*registrations.clients, *registrations.object_ids}  # they are set up again
    refused = [client for client in callers if client.id not in may_call]
    if refused:
        why = f"{'its' if len(refused) == 1 else 'their'} tokens do not match {values}."
        yield _loss_of(refused, f": {why}", is_on=is_on)
    # They may call, and ask for tokens of the earlier one until someone tells them the other scope.
    asking = [client for client in callers if client.id in may_call]
    if predecessor is not None and asking:
        they = "it asks" if len(asking) == 1 else "they ask"
        until = f" until {they} for the scope {service.uri}/.default."
        yield _loss_of(asking, until, is_on=is_on)


def _settings_of_another_service(observed: ObservedState, after: ObservedState) -> list[Setting]:
    """The settings that name a service application, where the operator names another one."""
    if observed.trust.predecessor is None:
        return []
    return [
        setting
        for setting in observed.api.rows
        if setting.holds in {Holds.URI, Holds.AUDIENCE, Holds.APP_ID}
        and _is_replaced(setting, after.settings, observed.settings, after.settings)
    ]


def _loss_of(clients: Sequence[ClientStatus], more: str, *, is_on: bool) -> Instruction:
    """Say that these clients lose access; `is_on`: whether anyone has it now."""
    names = ", ".join(f"'{client.name}'" for client in clients)
    if is_on:
        return _loss(names, more, is_one=len(clients) == 1)
    return Instruction(f"{names} cannot call when it is on again{more}")


def _loss(who: str, more: str = ".", *, is_one: bool = False) -> Instruction:
    """Say that clients lose access, and in the result that they have lost it."""
    lose, have_lost = ("loses", "has lost") if is_one else ("lose", "have lost")
    return Instruction(
        f"{who} {lose} access{more}",
        once_done=f"{who} {have_lost} access{more}",
    )


def _replaced_settings(
    desired: Setup, observed: ObservedState, after: ObservedState
) -> list[Setting]:
    """The settings in which a typed value takes the place of another one."""
    role = desired.service.role if desired.service is not None else None
    typed = {observed.api.name_of(Holds.ROLE): role, **desired.given}
    return [
        setting
        for setting in observed.api.rows
        if _is_replaced(setting, typed, observed.settings, after.settings)
    ]


def _describe_unknown_role(desired: Setup, observed: ObservedState) -> Iterator[str]:
    """Warn of a typed role that the service application lacks, where this run does not add it."""
    service, value = observed.trust.service, observed.api.value(Holds.ROLE, desired.given)
    is_read = desired.settings_only and desired.service is not None
    if not is_read or service is None or not value or service.role(value) is not None:
        return
    values = [role.value for role in service.app_roles if role.value and role.is_for_applications]
    nearest = did_you_mean(value, values)
    what = f"Warning: '{service.display_name}' has no app role '{value}'."
    yield f"{what} {nearest}" if nearest else what


def _switched_on(observed: ObservedState) -> ObservedState:
    """The state as if the App Service were switched on: what it is, where it is on."""
    switch = observed.api.setting(Holds.SWITCH)
    if switch is None or not _is_off(observed):
        return observed
    settings = {**observed.settings}
    settings[spelling_in(settings, switch.name)] = "true"
    return observed.with_settings(settings, ("true",))


def _is_replaced(
    setting: Setting, typed: AppSettings, before: AppSettings, after: AppSettings
) -> bool:
    """Whether a typed value takes the place of another one."""
    if setting.holds.is_list or not setting.value_in(typed):
        return False
    value = setting.value_in(before)
    return bool(value) and value != setting.value_in(after)


def _describe_cut_off(observed: ObservedState, spec: SettingsSpec) -> Iterator[Instruction]:
    """Say who loses access by settings that are switched off, or put back as they were."""
    after = _state_after(observed, spec)
    if observed.tenant is None:  # the directory, which has their names
        yield from _describe_unnamed_cut_off(observed, after)
        return
    names = [f"'{client.name}'" for client in _callers_only_in(observed, after)]
    if names:
        is_one = len(names) == 1
        these = "This client" if is_one else "These clients"
        yield _loss(these, f": {', '.join(names)}.", is_one=is_one)


def _describe_unnamed_cut_off(before: ObservedState, after: ObservedState) -> Iterator[Instruction]:
    """Say who loses access, as far as the settings alone tell it."""
    api = before.api
    unnamed = ". The directory could not be read, so no names are known."
    if not _lets_anyone_in(before):
        return
    if not _lets_anyone_in(after):
        count = sum(len(setting.list_in(before.settings).ids) for setting in api.lists)
        who = f"{counted(count, 'client')} on the allow lists" if count else "Every client"
        yield _loss(who, unnamed, is_one=count <= 1)
        return
    removed = sum(
        not setting.list_in(after.settings).contains(identifier)
        for setting in api.lists
        for identifier in setting.list_in(before.settings).ids
    )
    if removed:
        is_one = removed == 1
        leave, have_left = ("leaves", "has left") if is_one else ("leave", "have left")
        loss = _loss("so its client" if is_one else "so their clients", unnamed, is_one=is_one)
        ids = counted(removed, "ID")
        yield Instruction(
            f"{ids} {leave} the allow lists, {loss.what}",
            once_done=f"{ids} {have_left} the allow lists, {loss.once_done}",
        )
    changed = [
        setting
        for setting in api.rows
        if _is_replaced(setting, after.settings, before.settings, after.settings)
    ]
    if changed:
        yield _loss(f"Clients whose tokens do not match {_values(changed, after)}", unnamed)


def _lets_anyone_in(observed: ObservedState) -> bool:
    """Whether the settings are such that a client can call."""
    api, settings = observed.api, observed.settings
    is_listed = not api.lists or any(setting.list_in(settings).ids for setting in api.lists)
    has_values = all((setting.value_in(settings) or "").strip() for setting in api.always_required)
    return is_listed and has_values and api.is_enabled(settings)


def _values(changed: Iterable[Setting], after: ObservedState) -> str:
    """Name the settings, each with the value that it gets."""
    return " and ".join(f"{setting} '{setting.value_in(after.settings)}'" for setting in changed)


def _describe_way_back(desired: Setup, observed: ObservedState) -> Iterator[Instruction]:
    """Say how to switch the site on again, where this run switches it off."""
    if desired.settings is not SettingsScope.OFF:
        return
    if observed.tenant is not None:
        what = "To switch it on again:"
        yield Instruction(what, observed.command("configure-appservice"))
        return
    # Without the directory, the values have to be given: those that are there now.
    values = observed.api.legible(observed.settings)
    words = _typed_again(observed.api.rows, observed)
    if observed.api.need_no_directory(values):
        what = "To switch it on again, run this, or use --from handoff.json if you have that file:"
        yield Instruction(what, observed.command("configure-appservice", *words))
        return
    what = "To switch it on again, with the file of mct-s2s setup --handoff:"
    yield Instruction(what, observed.command("configure-appservice", "--from", "handoff.json"))


def _describe_undoing(
    desired: Setup, observed: ObservedState, spec: SettingsSpec
) -> Iterator[Instruction]:
    """Say how to write again what a typed value replaces, where that takes access."""
    is_switching_off = desired.settings is SettingsScope.OFF
    if not desired.settings_only or is_switching_off or observed.app_service is None:
        return
    # No value undoes another service application: it is named again by its own option.
    if observed.trust.predecessor is not None:
        return
    replaced = _replaced_settings(desired, observed, _state_after(observed, spec))
    values = observed.api.legible(observed.settings)
    to_type = replaced
    if desired.service is None:
        # Without the directory, all values have to be given.
        to_type = [row for row in observed.api.rows if row.name in values]
    is_typable = all(row.name in values and row.word.option is not None for row in replaced)
    is_enough = desired.service is not None or observed.api.need_no_directory(values)
    if not (is_typable and is_enough):
        return
    what = "To write the previous value again:"
    if len(replaced) > 1:
        what = "To write the previous values again:"
    words = _typed_again(to_type, observed)
    yield Instruction(what, observed.command("configure-appservice", *words))


def _typed_again(settings: Iterable[Setting], observed: ObservedState) -> list[str]:
    """The options of `configure-appservice` that write what these settings hold now."""
    values = observed.api.legible(observed.settings)
    return [
        word
        for setting in settings
        if setting.word.option is not None and not setting.holds.is_list and setting.name in values
        for word in (setting.word.option, values[setting.name])
    ]


def _describe_still_off(desired: Setup, observed: ObservedState) -> Iterator[Instruction]:
    """Say how to switch the site on again, where this setup leaves it switched off."""
    # What adds a client alone does not undo what someone has switched off, perhaps in an incident.
    if desired.settings is SettingsScope.CLIENTS and _is_off(observed):
        what = (
            "Service-to-service authentication is switched off, so no client can call. "
            "To switch it on again:"
        )
        yield Instruction(what, observed.command("configure-appservice"))


def _describe_unset(desired: Setup, observed: ObservedState) -> Iterator[Instruction]:
    """Say how to write the settings that every call needs, where this setup leaves them unset."""
    if desired.settings is not SettingsScope.CLIENTS:
        return
    required = observed.api.always_required
    unset = [
        setting.name
        for setting in observed.api.rows
        if setting in required and not (setting.value_in(observed.settings) or "").strip()
    ]
    if unset:
        what = (
            f"Warning: no client can call, as these settings have no value: {', '.join(unset)}. "
            "Write them first:"
        )
        yield Instruction(what, observed.command("configure-appservice"))


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


def _describe_switching_on(
    observed: ObservedState, spec: SettingsSpec, named: Collection[str]
) -> Iterator[Instruction]:
    """Say that the site is switched on again, and for whom beside the clients that are `named`."""
    if not (_is_off(observed) and observed.is_set_up):
        return
    after = _state_after(observed, spec)
    if not observed.api.is_enabled(after.settings):
        return
    # Those that can call once the site is on, and cannot now.
    clients = _callers_only_in(after, observed)
    others = [f"'{client.name}'" for client in clients if client.name not in named]
    again = f"again{', too' if named else ''}: {', '.join(others)}."
    planned = "This switches service-to-service authentication on again."
    done = "Service-to-service authentication is switched on again."
    if others:
        planned += f" It lets these clients call {again}"
        done += f" These clients can call {again}"
    yield Instruction(planned, once_done=done)


def _state_after(observed: ObservedState, spec: SettingsSpec) -> ObservedState:
    """The state once the settings are written, as far as their values are known before."""
    settings = merge(observed.settings, spec, Outputs())
    return observed.with_settings(settings, spec.written(Outputs()))


def _callers_only_in(first: ObservedState, second: ObservedState) -> list[ClientStatus]:
    """The clients that can call in the first state, and cannot in the second one.

    Where `can_call` is `None`, it is not known: such a client neither gains nor loses.
    """
    may_call = {client.id for client in _statuses(second) if client.can_call is not False}
    return [client for client in _statuses(first) if client.can_call and client.id not in may_call]


def _statuses(observed: ObservedState) -> tuple[ClientStatus, ...]:
    return SiteStatus(observed, diagnose(observed)).clients


def _is_off(observed: ObservedState) -> bool:
    return (observed.setting(Holds.SWITCH) or "").strip().casefold() == "false"
