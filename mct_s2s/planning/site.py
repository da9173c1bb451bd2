"""The App Service: what its settings must say, how that is merged into what is there, and what must not be touched.

Implements the document's step 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from mct_s2s.errors import Refused
from mct_s2s.model.azure_resources import AppService, Site
from mct_s2s.model.commands import command, option, webapp_command
from mct_s2s.model.desired import GivenValues, SettingsScope, Setup
from mct_s2s.model.directory_objects import Tenant
from mct_s2s.model.documents import Backup
from mct_s2s.model.ids import ApplicationIdUri, ClientId, PrincipalId, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import (
    APPLICATION_IDS,
    AUDIENCE,
    ENABLED,
    LISTS,
    NAMES,
    OBJECT_IDS,
    ROLE,
    SETTINGS,
    TENANT_ID,
    TENANT_NAME,
    AppSettings,
    Comparison,
    Required,
    Setting,
    ours,
    required_by,
    spelling_in,
    value_of,
)
from mct_s2s.planning.changes import (
    AnyChange,
    Deferred,
    ListedId,
    Outputs,
    RestartSite,
    SettingEdit,
    SettingSpec,
    SettingsSpec,
    WriteSettings,
    others_unchanged,
)
from mct_s2s.planning.registrations import Service


def right_values(
    tenant: Tenant | None, audience: Deferred[ApplicationIdUri] | None, role: str | None
) -> Mapping[Setting, tuple[Deferred[str], ...]]:
    """What each setting may say: first what is written where it says something else."""
    values: dict[Setting, tuple[Deferred[str], ...]] = {ENABLED: ("true",)}
    if audience is not None:
        values[AUDIENCE] = (audience,)
    if tenant is not None:
        values[TENANT_NAME] = (tenant.name, *sorted(tenant.domains - {tenant.name.casefold()}))
        values[TENANT_ID] = (tenant.id,)
    if role:
        values[ROLE] = (role,)
    return values


def settings_spec(
    desired: Setup,
    observed: ObservedState,
    service: Service | None,
    application_ids: Iterable[Deferred[ClientId]],
    object_ids: Iterable[Deferred[PrincipalId]],
) -> SettingsSpec:
    """What the settings must come to say. Values that the operator gave go before what the directory holds."""
    if desired.settings is SettingsScope.OFF:
        return SettingsSpec(values=(_spec(ENABLED, ("false",)),), tidy=False)
    given, settings = desired.given, observed.settings
    listed: list[ListedId] = [(APPLICATION_IDS.name, one) for one in application_ids]
    listed += [(OBJECT_IDS.name, one) for one in object_ids]
    listed += [(one.name, ClientId(entry)) for one in LISTS for entry in one.list_in(given.settings).ids]
    role = service.role_value if service else ROLE.value_in(settings)
    right = right_values(observed.tenant, service.uri if service else None, role)
    required = required_by(settings, {name for name, _ in listed})
    if desired.settings is SettingsScope.CLIENTS:
        required -= {Required.ALWAYS}
    values = []
    for setting in SETTINGS:
        typed = setting.value_in(given.settings)
        accepted = (typed,) if typed is not None else right.get(setting)
        if accepted and setting.required in required and setting not in LISTS:
            values.append(_spec(setting, accepted))
    return SettingsSpec(tuple(values), tuple(listed))


def _spec(setting: Setting, accepted: tuple[Deferred[str], ...]) -> SettingSpec:
    texts = accepted if setting.comparison is not Comparison.EXACT else ()
    return SettingSpec(setting.name, accepted[0], frozenset(one.casefold() for one in texts if isinstance(one, str)))


def restored(backup: Backup, observed: ObservedState) -> SettingsSpec:
    """Every setting of the backup with its value, and without our settings that are not in it.

    What others have added since is kept. Raises Refused.
    """
    site = observed.app_service
    if site is not None and str(site.site.resource).casefold() != backup.app_service.casefold():
        raise Refused(
            "backup-of-another-site",
            f"The backup is of '{backup.app_service}', not of '{site.site.label}'.",
            remedy=f"To restore it to that App Service, add {option('--app-service', backup.app_service)}",
        )
    held = {name.casefold() for name in backup.settings}
    return SettingsSpec(
        exact=backup.settings,
        without_names=tuple(name for name in NAMES if name.casefold() not in held),
        tidy=False,
    )


def plan_site(
    observed: ObservedState, spec: SettingsSpec, *, restart: bool, first: bool = False
) -> tuple[AnyChange, ...]:
    """One write and one restart, or nothing at all; before everything else where access is revoked."""
    assert observed.app_service is not None  # asked only where a site was looked at
    site, settings = observed.app_service.site, observed.app_service.settings
    changed = changed_names(settings, spec, Outputs())
    if not changed:
        return ()
    write = WriteSettings(
        key="settings",
        name=site.label,
        detail=describe(settings, changed),
        site=site,
        spec=spec,
        changed=changed,
        edits=_edits(settings, spec, changed),
        unchanged=_untouched(settings, changed),
        first=first,
    )
    return (write, RestartSite(key="restart", name=site.label, detail="restart", site=site)) if restart else (write,)


def merge(settings: AppSettings, spec: SettingsSpec, outputs: Outputs) -> dict[str, str | None]:
    """The settings with `spec` merged in: every other setting keeps its exact value, its spelling and its place.

    Ids that are not known yet are left out; `unknown_names` has the settings that wait for one.
    """
    merged = dict(settings)
    for entry in spec.values:
        value = outputs.known(entry.value)
        current = value_of(merged, entry.name)
        if value is not None and not (current == value or (current or "").casefold() in entry.equally_right):
            merged[spelling_in(merged, entry.name)] = value
    for setting in LISTS:
        _merge_ids(merged, setting, spec, outputs)
    for name, as_it_was in spec.exact.items():
        merged[spelling_in(merged, name)] = as_it_was
    for name in spec.without_names:
        merged.pop(spelling_in(merged, name), None)
    return merged


def _merge_ids(merged: dict[str, str | None], setting: Setting, spec: SettingsSpec, outputs: Outputs) -> None:
    ids = (outputs.known(one) for name, one in spec.listed if name == setting.name)
    known = [one for one in ids if one is not None]
    current = setting.list_in(merged)
    removes = any(entry.casefold() in spec.without for entry in current.ids)
    if not removes and all(current.holds(entry) for entry in known) and (current.is_well_formed or not spec.tidy):
        return
    wanted = current.with_ids(known).without(spec.without)
    if removes and not wanted.text:
        del merged[spelling_in(merged, setting.name)]
    else:
        merged[spelling_in(merged, setting.name)] = wanted.text


def unknown_names(spec: SettingsSpec, outputs: Outputs) -> Counter[str]:
    """The settings whose new value waits for ids that are not known yet, and for how many."""
    values = [entry.name for entry in spec.values if outputs.known(entry.value) is None]
    return Counter([*values, *(name for name, one in spec.listed if outputs.known(one) is None)])


def changed_names(settings: AppSettings, spec: SettingsSpec, outputs: Outputs) -> tuple[str, ...]:
    """The settings that would change, those whose new value is not known yet included."""
    merged = merge(settings, spec, outputs)
    changed = {name for name, value in merged.items() if name not in settings or settings[name] != value}
    changed |= set(settings) - set(merged)
    changed |= {spelling_in(settings, name) for name in unknown_names(spec, outputs)}
    return tuple(sorted(changed))


def _edits(settings: AppSettings, spec: SettingsSpec, changed: Collection[str]) -> tuple[SettingEdit, ...]:
    """The changes of our own settings, as far as they are known now. All others may be secret: they are left out."""
    merged, unknown = merge(settings, spec, Outputs()), unknown_names(spec, Outputs())
    return tuple(
        SettingEdit(
            setting.name,
            setting.value_in(settings),
            # Of a list that waits for an id, the rest is known.
            None if setting.name in unknown and setting not in LISTS else setting.value_in(merged),
            pending=unknown[setting.name],
        )
        for setting in SETTINGS
        if spelling_in(settings, setting.name) in changed
    )


def describe(settings: AppSettings, changed: tuple[str, ...]) -> str:
    return f"{', '.join(changed)}; {others_unchanged(_untouched(settings, changed))}"


def _untouched(settings: AppSettings, changed: tuple[str, ...]) -> int:
    return len(settings) - sum(name in settings for name in changed)


def refuse_function_app(site: Site) -> None:
    """The document's warning: the App Service with `-fa-` in its name must not be selected. Raises Refused."""
    if not site.is_function_app:
        return
    website = site.website or site.name.casefold()
    raise Refused(
        "function-app",
        f"'{site.name}' is the function app of an MCT deployment, not its App Service (kind '{site.kind}').",
        remedy=f"Use the App Service that has the website's name: {option('--app-service', website)}",
    )


def refuse_foreign_values(given: GivenValues, app_service: AppService) -> None:
    """Values that someone wrote down, perhaps for another App Service, or an attacker for this one. Raises Refused."""
    site = app_service.site
    if given.app_service is not None and given.app_service.casefold() != site.label.casefold():
        name, _, slot = given.app_service.partition("/")
        there = command("--app-service", name, *(["--slot", slot] if slot else []))
        raise Refused(
            "handoff-of-another-site",
            f"The handoff file is for '{given.app_service}', not for '{site.label}'. Nothing was changed.",
            remedy="Use it for that App Service:",
            command=f"mct-s2s configure-appservice --from FILE {there}",
        )
    tenant_id = TENANT_ID.value_in(given.settings)
    if tenant_id is not None and not same_id(tenant_id, app_service.tenant_id):
        raise Refused(
            "other-tenant",
            f"The values are for the tenant '{tenant_id}', but the App Service '{site.label}' belongs to the "
            f"tenant '{app_service.tenant_id}': they would give access to clients of the other tenant. Nothing "
            "was changed.",
            remedy="Use values from a service application in the App Service's own tenant.",
        )


def check_site(observed: ObservedState) -> None:
    """Refuse a function app, and, the document's note, to register in another tenant than that of the MCT instance."""
    app_service, tenant = observed.app_service, observed.tenant
    if app_service is None:
        return
    refuse_function_app(app_service.site)
    if tenant is not None and not same_id(tenant.id, app_service.tenant_id):
        raise Refused(
            "other-tenant",
            f"You are signed in to the tenant '{tenant.name}' ({tenant.id}), but the App Service "
            f"'{app_service.site.name}' belongs to the tenant '{app_service.tenant_id}'. Nothing was changed.",
            remedy=f"Sign in to the App Service's tenant: add {option('--tenant', app_service.tenant_id)}",
        )


def not_sticky(site: AppService, names: Iterable[str] | None = None) -> tuple[str, ...]:
    """Those of some settings, our own by default, that a swap would move to the other slot."""
    if site.slot_config is None:
        return ()
    wanted = ours(site.settings) if names is None else names
    return tuple(name for name in wanted if name.lower() not in site.slot_config.sticky)


def swap_note(site: AppService, changed: tuple[str, ...]) -> str | None:
    """What the reader of a plan that writes settings should know of swaps; `None` where nothing would move."""
    names = not_sticky(site, changed)
    if site.slot_config is None or not names:
        return None
    other = "production" if site.site.resource.slot else ", ".join(site.slot_config.slots)
    what = f"these {len(names)} settings" if 1 < len(names) == len(changed) else ", ".join(names)
    it, setting = ("it", "a slot setting") if len(names) == 1 else ("them", "slot settings")
    return (
        f"Note: swapping with {other} would move {what} away from '{site.site.label}'. To keep {it} "
        f"there, make {it} {setting} (Environment variables, Deployment slot setting)."
    )


def make_sticky(site: AppService) -> str:
    """The command that makes our settings slot settings, with the values that they have: none of them is secret."""
    resource, values = site.site.resource, ours(site.settings)
    sticky = [f"{name}={values[name]}" for name in not_sticky(site)]
    where = ["--subscription", resource.subscription_id]
    return webapp_command("config appsettings set", resource, *where, "--slot-settings", *sticky)
