"""The App Service's settings, merged into what is there: step 3 of the seed document.

Also the refusals of values and sites that must not be touched.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mct_s2s.errors import Refused
from mct_s2s.model.api import Api
from mct_s2s.model.azure_resources import AppService, FunctionApp
from mct_s2s.model.commands import option, own_command, webapp_command
from mct_s2s.model.desired import SettingsScope, Setup
from mct_s2s.model.ids import ApplicationIdUri, ClientId, PrincipalId, Tag, api_in_tag, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.run_files import Backup
from mct_s2s.model.site_settings import AppSettings, Holds, Setting, spelling_in
from mct_s2s.planning.changes import (
    AnyChange,
    Deferred,
    NoChange,
    Outputs,
    RestartSite,
    SettingEdit,
    SettingsSpec,
    WriteSettings,
    others_unchanged,
)
from mct_s2s.planning.service_application import PlannedService


def accepted_values(
    observed: ObservedState,
    audience: Deferred[ApplicationIdUri] | None,
    client_id: Deferred[ClientId] | None,
    role: str | None,
) -> Mapping[Holds, tuple[Deferred[str], ...]]:
    """The values that a setting may have, by what it holds: the first one is written."""
    tenant, login, is_v2 = (
        observed.tenant,
        observed.login.rstrip("/"),
        observed.api.token_version == 2,
    )
    values: dict[Holds, tuple[Deferred[str], ...]] = {
        Holds.SWITCH: ("true",),
        Holds.LOGIN: (login, f"{login}/"),
    }
    if audience is not None:
        values[Holds.URI] = (audience,)
    if client_id is not None:
        values[Holds.APP_ID] = (client_id,)
    of_tokens = client_id if is_v2 else audience
    if of_tokens is not None:
        values[Holds.AUDIENCE] = (of_tokens,)
    if tenant is not None:
        values[Holds.TENANT_NAME] = (
            tenant.name,
            *sorted(tenant.domains - {tenant.name.casefold()}),
        )
        values[Holds.TENANT_ID] = (tenant.id,)
        values[Holds.AUTHORITY] = (f"{login}/{tenant.id}{'/v2.0' if is_v2 else ''}",)
    if role:
        values[Holds.ROLE] = (role,)
    return values


def settings_spec(
    desired: Setup,
    observed: ObservedState,
    service: PlannedService | None,
    application_ids: Iterable[Deferred[ClientId]],
    object_ids: Iterable[Deferred[PrincipalId]],
) -> SettingsSpec:
    """Specify the settings that a setup writes. Raises Refused."""
    api, rows = observed.api, observed.api.rows
    if desired.settings is SettingsScope.OFF:
        switches = tuple((row, ("false",)) for row in rows if row.holds is Holds.SWITCH)
        return SettingsSpec(rows, values=switches, tidy=False)
    listed = _listed_ids(desired, api, application_ids, object_ids)
    # Values that the operator gave go before what the directory holds.
    typed = _typed_values(desired, rows)
    accepted = {**_values_by_setting(observed, service), **typed}
    required = api.required(observed.settings, {setting for setting, _ in listed})
    if desired.settings is SettingsScope.CLIENTS:
        required -= api.always_required
    values = tuple(
        (row, accepted[row])
        for row in rows
        # What the operator gave is written also where no client needs it yet.
        if row in accepted and (row in required or row in typed) and not row.holds.is_list
    )
    written = {row for row, _ in (*values, *listed)} - typed.keys()
    for row in api.hidden(observed.settings):
        if row in written:
            raise _setting_in_use(row)
    return SettingsSpec(rows, values, tuple(listed))


def _listed_ids(
    desired: Setup,
    api: Api,
    application_ids: Iterable[Deferred[ClientId]],
    object_ids: Iterable[Deferred[PrincipalId]],
) -> list[tuple[Setting, Deferred[str]]]:
    """The ids that have to be on the lists: those of clients, then typed ones."""
    ids: dict[Holds, list[Deferred[str]]] = {
        Holds.APPLICATION_IDS: [*application_ids],
        Holds.OBJECT_IDS: [*object_ids],
    }
    listed = [(row, identifier) for row in api.lists for identifier in ids[row.holds]]
    for row in api.lists:
        listed += [(row, ClientId(entry)) for entry in row.list_in(desired.given).ids]
    return listed


def _typed_values(
    desired: Setup, rows: Iterable[Setting]
) -> dict[Setting, tuple[Deferred[str], ...]]:
    typed = dict[Setting, tuple[Deferred[str], ...]]()
    for row in rows:
        value = row.value_in(desired.given)
        if value is not None:
            typed[row] = (value,)
    return typed


def _values_by_setting(
    observed: ObservedState, service: PlannedService | None
) -> dict[Setting, tuple[Deferred[str], ...]]:
    """The values that settings may have, by what the directory holds or will hold."""
    if service is None:
        values = accepted_values(observed, None, None, observed.setting(Holds.ROLE))
    else:
        client_id = service.registration.client_id
        values = accepted_values(observed, service.uri, client_id, service.role.value)
    return {row: values[row.holds] for row in observed.api.rows if row.holds in values}


def _setting_in_use(row: Setting) -> Refused:
    """A description may name a setting that is something else's, by mistake or on purpose."""
    typed = (
        f", or run configure-appservice with {row.word.option}"
        if row.word.option is not None
        else ""
    )
    return Refused(
        "setting-in-use",
        f"{row} has a value that is no ID, no URI and neither true nor false. It may be something "
        "else's, and is not shown.",
        says_unchanged=True,
        remedy=f"Correct the description. If the setting is no longer needed, delete it{typed}.",
    )


def settings_of_backup(backup: Backup, observed: ObservedState) -> SettingsSpec:
    """Specify the settings of a backup, without ours that are not in it. Raises Refused.

    What others have added meanwhile is kept.
    """
    site, rows = observed.app_service, observed.api.rows
    if site is not None and str(site.resource).casefold() != backup.app_service.casefold():
        raise Refused(
            "backup-of-another-site",
            f"The backup is of '{backup.app_service}', not of '{site.label}'.",
            remedy="To restore it to that App Service, add "
            f"{option('--app-service', backup.app_service)}",
        )
    removed = tuple(
        row for row in rows if spelling_in(backup.settings, row.name) not in backup.settings
    )
    return SettingsSpec(rows, exact=backup.settings, removed=removed, tidy=False)


def plan_site(
    observed: ObservedState, spec: SettingsSpec, *, restart: bool, revokes_access: bool = False
) -> tuple[AnyChange, ...]:
    """Plan one write of the settings, and the restart after it.

    Where it `revokes_access`, everything else in the plan waits for it.
    """
    assert observed.app_service is not None  # asked only where a site was looked at
    site, settings = observed.app_service, observed.settings
    setting_edits = _masked_edits(observed, spec)
    if not setting_edits:
        return () if revokes_access else (NoChange.of_settings(site),)
    changed = sorted(edit.name for edit in setting_edits)
    existing = [name for name in changed if spelling_in(settings, name) in settings]
    unchanged = len(settings) - len(existing)
    write = WriteSettings(
        key="settings",
        name=site.label,
        detail="; ".join(filter(None, (", ".join(changed), others_unchanged(unchanged)))),
        site=site.resource,
        spec=spec,
        edits=setting_edits,
        unchanged=unchanged,
        first=revokes_access,
    )
    if not restart:
        return (write,)
    detail = "restart: about a minute"
    return write, RestartSite(key="restart", name=site.label, detail=detail, site=site.resource)


def _masked_edits(observed: ObservedState, spec: SettingsSpec) -> tuple[SettingEdit, ...]:
    """The edits as they may be shown: what a backup puts back may be a secret, too."""
    settings = observed.settings
    after = observed.masked(merge(settings, spec, Outputs()), spec.written(Outputs()))
    return tuple(
        edit if edit.after is None else replace(edit, after=after[spelling_in(after, edit.name)])
        for edit in edits(settings, spec, Outputs())
    )


def merge(settings: AppSettings, spec: SettingsSpec, outputs: Outputs) -> AppSettings:
    """Merge our settings into all of a site. Ids that are not known yet are left out.

    Every other setting keeps its value, its spelling and its place. `spec.exact`, which a restore
    alone has, may hold any setting.
    """
    merged = dict(settings)
    for setting, accepted in spec.values:
        _merge_value(merged, setting, accepted, outputs)
    for setting in spec.rows:
        if setting.holds.is_list:
            _merge_list(merged, setting, spec, outputs)
    for name, value in spec.exact.items():
        merged[spelling_in(merged, name)] = value
    for setting in spec.removed:
        merged.pop(spelling_in(merged, setting.name), None)
    return merged


def _merge_value(
    merged: dict[str, str | None],
    setting: Setting,
    accepted: tuple[Deferred[str], ...],
    outputs: Outputs,
) -> None:
    """Write the first of the accepted values, unless the setting has one of them."""
    value = outputs.known(accepted[0])
    if value is None:
        return
    current = setting.value_in(merged)
    known = [text for text in map(outputs.known, accepted) if text is not None]
    # A value that means the same stays as someone has written it.
    if current is None or not setting.word.comparison.is_among(current, known):
        merged[spelling_in(merged, setting.name)] = value


def _merge_list(
    merged: dict[str, str | None], setting: Setting, spec: SettingsSpec, outputs: Outputs
) -> None:
    """Add and remove ids of an allow list. Others' entries stay, in their order."""
    listed = setting.list_in(merged)
    entries = [outputs.known(entry) for row, entry in spec.listed if row is setting]
    added = [entry for entry in entries if entry is not None]
    loses = any(map(listed.contains, spec.without))
    is_untidy = spec.tidy and not listed.is_well_formed
    if not loses and not is_untidy and all(map(listed.contains, added)):
        return
    name = spelling_in(merged, setting.name)
    text = listed.with_ids(added).without(spec.without).text
    if loses and not text:
        del merged[name]
    else:
        merged[name] = text


def pending(spec: SettingsSpec, outputs: Outputs) -> Counter[Setting]:
    """Count the ids of each setting that are not known yet."""
    first_values = [(setting, accepted[0]) for setting, accepted in spec.values]
    return Counter(
        setting for setting, value in (*first_values, *spec.listed) if outputs.known(value) is None
    )


def edits(settings: AppSettings, spec: SettingsSpec, outputs: Outputs) -> tuple[SettingEdit, ...]:
    """What the write changes, as far as it is known now: ours first.

    Settings that are not ours may be secret: their names alone.
    """
    merged = merge(settings, spec, outputs)
    waiting = pending(spec, outputs)
    names = {name for name, _ in settings.items() ^ merged.items()}
    names |= {spelling_in(settings, setting.name) for setting in waiting}
    of_api = list[SettingEdit]()
    for setting in spec.rows:
        name = spelling_in(settings, setting.name)
        if name not in names:
            continue
        count = waiting[setting]
        # Of a list that waits for an id, the rest is known.
        is_known = setting.holds.is_list or not count
        before = setting.value_in(settings)
        after = setting.value_in(merged) if is_known else None
        of_api.append(SettingEdit(setting.name, before, after, count, setting.holds))
        names.remove(name)
    return (*of_api, *(SettingEdit(name) for name in sorted(names)))


def refuse_foreign_values(desired: Setup, observed: ObservedState) -> None:
    """Refuse values that were written for another App Service or tenant. Raises Refused.

    They may be a mistake, or an attacker's.
    """
    site = observed.app_service
    if site is None:
        return
    if desired.given_for is not None and desired.given_for.casefold() != site.label.casefold():
        name, _, slot = desired.given_for.partition("/")
        site_options = ["--app-service", name, *(["--slot", slot] if slot else [])]
        raise Refused(
            "handoff-of-another-site",
            f"The handoff file is for '{desired.given_for}', not for '{site.label}'.",
            says_unchanged=True,
            remedy="Use it for that App Service:",
            command=own_command("configure-appservice", "--from", "FILE", *site_options),
        )
    tenant_id = observed.api.value(Holds.TENANT_ID, desired.given)
    if tenant_id is not None and not same_id(tenant_id, site.tenant_id):
        raise Refused(
            "other-tenant",
            f"The values are for the tenant '{tenant_id}', and would give its clients access to "
            "the App Service "
            f"'{site.label}' of the tenant '{site.tenant_id}'.",
            says_unchanged=True,
            remedy="Use values from a service application in the App Service's own tenant.",
        )


_NO_ACCOUNT = (
    "If you have no account there (Azure Lighthouse), let its administrator run this command. For "
    "a setup, they can run mct-s2s setup --no-app-service --handoff FILE, and you then run mct-s2s "
    "configure-appservice --from FILE"
)
"""Lighthouse delegates Resource Manager alone.

Source: learn.microsoft.com/azure/lighthouse/concepts/architecture.
"""


def _function_app_refusal(site: AppService, api: Api) -> Refused:
    if website := site.website(api.function_app_mark):
        return Refused(
            "function-app",
            f"'{site.name}' is the function app of an {api.name} deployment, not its App Service "
            f"(kind '{site.kind}').",
            remedy="Use the App Service that has the website's name: "
            f"{option('--app-service', website)}",
        )
    listed = f"{api.name} sites here: {', '.join(site.siblings)}. "
    listed = listed if site.siblings else f"Use the name of the {api.name} website. "
    return Refused(
        "function-app",
        f"'{site.name}' is a function app (kind '{site.kind}'), and {api.name} runs on a web app.",
        remedy=f"{listed}As a client of an {api.name} site, it is named by "
        f"{option('--managed-identity', site.name)}",
    )


def check_api(observed: ObservedState) -> None:
    """Refuse to set up an App Service for another API than its registration remembers.

    Only a setup asks: the owner of a registration writes its tags, and must not keep anyone from
    revoking access.
    """
    refusal = other_api_refusal(observed)
    if refusal is not None:
        raise refusal


def other_api_refusal(observed: ObservedState) -> Refused | None:
    """The refusal to set up for another API than the registration remembers, where it does."""
    trust, api, service = observed.trust, observed.api, observed.trust.service
    if service is None or service.unique_name != trust.unique_name or service.deleted is not None:
        return None
    remembered = next(iter(Tag.API.values(service.tags)), None)
    if remembered == (None if api.is_default else api_in_tag(api.name)):
        return None
    name = "MCT" if remembered is None else remembered.replace("%20", " ")
    served = f"the {name} API"
    remedy = (
        f"Name the description of {served}: --api FILE"
        if remembered is not None
        else f"Leave {'api' if observed.file is not None else '--api'} out."
    )
    return Refused(
        "other-api",
        f"'{service.display_name}' is the service application of this App Service for {served}, "
        f"not for {api.called}.",
        says_unchanged=True,
        remedy=remedy,
    )


def check_clients_api(observed: ObservedState) -> None:
    """Refuse to look for the clients of an API that the App Service does not serve.

    Only where it has none of that API's settings, so that nothing of it is there to be removed: the
    owner of a registration writes its tags, and must not keep anyone from revoking access.
    """
    refusal = other_api_refusal(observed)
    if refusal is not None and observed.api.rows and observed.own_settings == {}:
        raise refusal


def check_site(observed: ObservedState) -> None:
    """Refuse a function app, and a tenant that the App Service does not trust. Raises Refused."""
    site, tenant = observed.app_service, observed.tenant
    if site is not None and site.is_function_app(observed.api.function_app_mark):
        raise _function_app_refusal(site, observed.api)
    if site is not None and tenant is not None and tenant.id != site.tenant_id:
        raise Refused(
            "other-tenant",
            f"You are signed in to the tenant '{tenant.name}' ({tenant.id}), but the App Service "
            f"'{site.name}' belongs to the tenant '{site.tenant_id}'.",
            says_unchanged=True,
            remedy="Sign in to the App Service's tenant: add "
            f"{option('--tenant', site.tenant_id)}. {_NO_ACCOUNT}",
        )


def not_sticky(site: AppService, names: Iterable[str]) -> tuple[str, ...]:
    """The settings that a swap would move to the other slot."""
    return tuple(name for name in names if name.lower() not in site.sticky) if site.slots else ()


def site_notes(observed: ObservedState, steps: Sequence[AnyChange]) -> tuple[str, ...]:
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


def swap_note(site: AppService, api: Api, write: WriteSettings) -> str | None:
    """The note that a swap moves the written settings, where the site has slots."""
    names = not_sticky(site, (edit.name for edit in write.edits))
    if not names or api.shown(site.settings):
        return None  # said once, when the site is set up; `status` of a slot goes on saying it
    other = "production" if site.resource.slot else ", ".join(site.slots)
    what = (
        f"these {len(names)} settings" if 1 < len(names) == len(write.edits) else ", ".join(names)
    )
    return (
        f"Note: swapping with {other} would move {what} away. If they should stay here, make them "
        "slot settings (in the portal: Environment variables, Deployment slot setting)."
    )


def pinning_command(site: AppService, api: Api) -> str:
    """The command that pins our settings to their slot.

    It has their values: none of them is secret.
    """
    resource = site.resource
    values = api.legible(site.settings)
    sticky = [f"{name}={values[name]}" for name in not_sticky(site, values)]
    where = ["--subscription", resource.subscription_id]
    return webapp_command("config appsettings set", resource, *where, "--slot-settings", *sticky)
