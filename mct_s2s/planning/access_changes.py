"""Who loses access by other settings, who gets it back, and how that is undone."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from mct_s2s.errors import Instruction
from mct_s2s.model.desired import SettingsScope, Setup
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import AppSettings, Holds, Setting, spelling_in
from mct_s2s.plain_text import counted
from mct_s2s.planning.changes import Outputs, SettingsSpec
from mct_s2s.planning.clients import (
    did_you_mean,
    has_unique_name_below,
    has_wanted_role,
    is_allowed,
    members,
)
from mct_s2s.planning.reports.findings import diagnose
from mct_s2s.planning.reports.status import ClientStatus, SiteStatus
from mct_s2s.planning.service_application import PlannedService
from mct_s2s.planning.site import merge


def describe_losing(
    desired: Setup,
    observed: ObservedState,
    settings: SettingsSpec,
    service: PlannedService | None,
    set_up_again: Collection[object],
) -> Iterator[Instruction]:
    """Say who loses access by this setup.

    `service`: `None` where the directory is not asked. `set_up_again`: ids of clients and managed
    identities to which this setup gives access anew.
    """
    if desired.settings is SettingsScope.OFF:
        yield from describe_losing_callers(observed, settings)
    elif observed.app_service is not None:
        yield from _describe_mismatched(desired, observed, settings, service, set_up_again)


def _describe_mismatched(
    desired: Setup,
    observed: ObservedState,
    spec: SettingsSpec,
    service: PlannedService | None,
    set_up_again: Collection[object],
) -> Iterator[Instruction]:
    """Say who loses access because the operator typed another role, value or service application.

    What is typed is written as it is, whatever the directory holds.
    """
    after = state_after(observed, spec)
    replaced = _replaced_settings(desired, observed, after)
    changed = list(dict.fromkeys([*replaced, *_settings_of_another_service(observed, after)]))
    if not changed:
        return
    values = _values(changed, after)
    if service is None:
        whose = f"Clients whose tokens do not match {values}"
        yield _loss(whose, ". The directory was not asked which.")
        return
    before = _switched_on(observed)
    is_on = not _is_off(observed)
    predecessor = observed.trust.predecessor
    # Who calls now holds a role of that one, where another service application is named.
    before = before if predecessor is None else replace(before, trust=predecessor)
    callers = [client for client in _statuses(before) if client.can_call]
    may_call: set[object] = {
        client.id for client in _statuses(after) if client.can_call is not False
    }
    may_call |= {*set_up_again}
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
        and _takes_another_value(setting, observed.settings, after.settings)
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
        if _takes_another_value(setting, observed.settings, after.settings)
        and setting.value_in(typed)
    ]


def describe_unknown_role(desired: Setup, observed: ObservedState) -> Iterator[str]:
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


def _takes_another_value(setting: Setting, before: AppSettings, after: AppSettings) -> bool:
    """Whether another value takes the place of the one before."""
    if setting.holds.is_list:
        return False
    old, new = setting.value_in(before), setting.value_in(after)
    return bool(old) and bool(new) and old != new


def describe_losing_callers(observed: ObservedState, spec: SettingsSpec) -> Iterator[Instruction]:
    """Say who loses access by settings that are switched off, or put back as they were."""
    after = state_after(observed, spec)
    if not observed.is_directory_read:
        yield from _describe_unnamed_losing_callers(observed, after)
        return
    names = [f"'{client.name}'" for client in _callers_only_in(observed, after)]
    if names:
        is_one = len(names) == 1
        these = "This client" if is_one else "These clients"
        yield _loss(these, f": {', '.join(names)}.", is_one=is_one)


def _describe_unnamed_losing_callers(
    before: ObservedState, after: ObservedState
) -> Iterator[Instruction]:
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
        if _takes_another_value(setting, before.settings, after.settings)
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


def describe_way_back(desired: Setup, observed: ObservedState) -> Iterator[Instruction]:
    """Say how to switch the site on again, where this run switches it off."""
    if desired.settings is not SettingsScope.OFF:
        return
    if observed.is_directory_read:
        what = "To switch it on again:"
        # One of them may be what a removal has left that was cut off.
        added = [
            f"'{client.display_name}'"
            for client in members(observed)
            if has_wanted_role(client, observed)
            and not is_allowed(client, observed)
            and has_unique_name_below(client.application, observed.trust.unique_name)
        ]
        if added:
            names = ", ".join(added)
            what = (
                "To switch it on again, and allow who holds the app role and is not on the allow "
                f"list now ({names}):"
            )
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


def describe_undoing(
    desired: Setup, observed: ObservedState, spec: SettingsSpec
) -> Iterator[Instruction]:
    """Say how to write again what a typed value replaces, where that takes access."""
    is_switching_off = desired.settings is SettingsScope.OFF
    if not desired.settings_only or is_switching_off or observed.app_service is None:
        return
    # No value undoes another service application: it is named again by its own option.
    if observed.trust.predecessor is not None:
        return
    replaced = _replaced_settings(desired, observed, state_after(observed, spec))
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


def describe_still_off(desired: Setup, observed: ObservedState) -> Iterator[Instruction]:
    """Say how to switch the site on again, where this setup leaves it switched off."""
    # What adds a client alone does not undo what someone has switched off, perhaps in an incident.
    if desired.settings is SettingsScope.CLIENTS and _is_off(observed):
        what = (
            "Service-to-service authentication is switched off, so no client can call. "
            "To switch it on again:"
        )
        yield Instruction(what, observed.command("configure-appservice"))


def describe_unset(desired: Setup, observed: ObservedState) -> Iterator[Instruction]:
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


def describe_switching_on(
    observed: ObservedState, spec: SettingsSpec, set_up_again: Collection[object]
) -> Iterator[Instruction]:
    """Say that the site is switched on again, and for whom beside those that are set up again.

    `set_up_again`: as in `describe_losing`.
    """
    if not (_is_off(observed) and observed.is_set_up):
        return
    after = state_after(observed, spec)
    if not observed.api.is_enabled(after.settings):
        return
    # Those that can call once the site is on, and cannot now.
    clients = _callers_only_in(after, observed)
    others = [f"'{client.name}'" for client in clients if client.id not in set_up_again]
    again = f"again{', too' if set_up_again else ''}: {', '.join(others)}."
    planned = "This switches service-to-service authentication on again."
    done = "Service-to-service authentication is switched on again."
    if others:
        planned += f" It lets these clients call {again}"
        done += f" These clients can call {again}"
    yield Instruction(planned, once_done=done)


def state_after(observed: ObservedState, spec: SettingsSpec) -> ObservedState:
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
