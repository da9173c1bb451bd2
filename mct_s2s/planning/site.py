"""The App Service's settings: what they must say, and how that is merged into what stands there.

Implements the document's step 3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mct_s2s.errors import Refused
from mct_s2s.model.commands import option
from mct_s2s.model.desired import Desired, GivenValues, SettingsScope
from mct_s2s.model.directory_objects import Tenant
from mct_s2s.model.ids import ClientId, PrincipalId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.settings_backup import Backup
from mct_s2s.model.site_settings import (
    APPLICATION_IDS,
    AUDIENCE,
    ENABLED,
    NAMES,
    OBJECT_IDS,
    ROLE,
    TENANT_ID,
    TENANT_NAME,
    AppSettings,
    allow_list,
    spelling_in,
    value_of,
)
from mct_s2s.planning.changes import (
    AnyChange,
    ApiUri,
    Later,
    RestartSite,
    SettingEdit,
    SettingSpec,
    SettingsSpec,
    WriteSettings,
)
from mct_s2s.planning.plan import Results
from mct_s2s.planning.service import Service


def settings_wish(
    desired: Desired,
    observed: ObservedState,
    service: Service | None,
    application_ids: Iterable[Later[ClientId]],
    object_ids: Iterable[Later[PrincipalId]],
) -> SettingsSpec:
    """What the settings must come to say. Values that the operator gave go before what the directory holds."""
    if desired.backup is not None:
        return _put_back(desired.backup, observed)
    if desired.settings is SettingsScope.OFF:
        return SettingsSpec(values=(SettingSpec(ENABLED, "false", frozenset({"false"})),), tidy=False)
    allowed_clients = (*application_ids, *desired.given.application_ids)
    allowed_objects = (*object_ids, *desired.given.object_ids)
    values: list[SettingSpec] = []
    if desired.settings is SettingsScope.ALL:
        values += _values(desired.given, observed.tenant, service)
    settings = observed.app_service.settings if observed.app_service else {}
    if allowed_clients or allow_list(settings, APPLICATION_IDS).ids:
        role = desired.given.role or (service.role_value if service else value_of(settings, ROLE))
        values += [SettingSpec(ROLE, role)] if role else []
    return SettingsSpec(tuple(values), allowed_clients, allowed_objects)


def _put_back(backup: Backup, observed: ObservedState) -> SettingsSpec:
    """Every setting of the backup with its value, and none of ours that is not in it. What others added since stays.

    Raises:
        Refused: the backup is another App Service's.
    """
    site = observed.app_service
    if site is not None and str(site.site.resource).casefold() != backup.app_service.casefold():
        raise Refused(
            "backup-of-another-site",
            f"The backup holds the settings of {backup.app_service}, not those of '{site.site.label}'.",
            remedy=f"Restore it where it belongs: add {option('--app-service', backup.app_service)}",
        )
    held = {name.casefold() for name in backup.settings}
    return SettingsSpec(
        exact=backup.settings,
        without_names=tuple(name for name in NAMES if name.casefold() not in held),
        tidy=False,
    )


def _values(given: GivenValues, tenant: Tenant | None, service: Service | None) -> list[SettingSpec]:
    audience: str | ApiUri | None = given.audience or (service.uri if service else None)
    tenant_id = given.tenant_id or (tenant.id if tenant else None)
    specs = [SettingSpec(ENABLED, "true", frozenset({"true"}))]
    if audience is not None:
        specs.append(SettingSpec(AUDIENCE, audience))
    if given.tenant_name is not None:
        specs.append(SettingSpec(TENANT_NAME, given.tenant_name, frozenset({given.tenant_name.lower()})))
    elif tenant is not None:
        specs.append(SettingSpec(TENANT_NAME, tenant.name, tenant.domains))
    if tenant_id is not None:
        specs.append(SettingSpec(TENANT_ID, tenant_id, frozenset({tenant_id.lower()})))
    return specs


def plan_site(
    observed: ObservedState, spec: SettingsSpec, *, restart: bool, first: bool = False
) -> tuple[AnyChange, ...]:
    """One write and one restart, or nothing at all; before everything else where somebody is shut out."""
    assert observed.app_service is not None  # noqa: S101  # asked only where a site was looked at
    site, settings = observed.app_service.site, observed.app_service.settings
    changed = changed_names(settings, spec, Results())
    if not changed:
        return ()
    write = WriteSettings(
        key="settings",
        name=site.label,
        detail=describe(settings, changed),
        site=site,
        spec=spec,
        changed=changed,
        edits=edits_of(settings, spec, changed),
        first=first,
    )
    return (write, RestartSite(key="restart", name=site.label, detail="restart", site=site)) if restart else (write,)


def merge(settings: AppSettings, spec: SettingsSpec, results: Results) -> dict[str, str | None]:
    """The settings with the wish merged in: every other setting keeps its exact value, its spelling and its place.

    Ids that are not known yet are left out; `changed_names` accounts for them.
    """
    merged = dict(settings)
    for entry in spec.values:
        value = results.text(entry.value)
        current = value_of(merged, entry.name)
        if value is not None and not (current == value or (current or "").casefold() in entry.equally_right):
            merged[spelling_in(merged, entry.name)] = value
    _merge_ids(merged, APPLICATION_IDS, [results.known(later) for later in spec.application_ids], spec)
    _merge_ids(merged, OBJECT_IDS, [results.known(later) for later in spec.object_ids], spec)
    for name, as_it_was in spec.exact.items():
        merged[spelling_in(merged, name)] = as_it_was
    for name, as_written in spec.undo.items():
        if value_of(merged, name) == as_written:
            del merged[spelling_in(merged, name)]
    for name in spec.without_names:
        merged.pop(spelling_in(merged, name), None)
    return merged


def changed_names(settings: AppSettings, spec: SettingsSpec, results: Results) -> tuple[str, ...]:
    """The settings that would change, those whose new value is not known yet included."""
    merged = merge(settings, spec, results)
    changed = {name for name, value in merged.items() if name not in settings or settings[name] != value}
    changed |= set(settings) - set(merged)
    changed |= {spelling_in(settings, entry.name) for entry in spec.values if results.text(entry.value) is None}
    if any(results.known(later) is None for later in spec.application_ids):
        changed.add(spelling_in(settings, APPLICATION_IDS))
    if any(results.known(later) is None for later in spec.object_ids):
        changed.add(spelling_in(settings, OBJECT_IDS))
    return tuple(sorted(changed))


def edits_of(settings: AppSettings, spec: SettingsSpec, changed: Collection[str]) -> tuple[SettingEdit, ...]:
    """What becomes of our own settings, as far as it is known now. All others hold secrets: they are left out.

    Of a backup nothing is told but the names: what it puts back was there before, and is secret as a whole.
    """
    if spec.exact:
        return ()
    nothing = Results()
    merged = merge(settings, spec, nothing)
    pending = {entry.name for entry in spec.values if nothing.text(entry.value) is None}
    pending |= {APPLICATION_IDS} if any(nothing.known(later) is None for later in spec.application_ids) else set()
    pending |= {OBJECT_IDS} if any(nothing.known(later) is None for later in spec.object_ids) else set()
    return tuple(
        SettingEdit(
            name,
            value_of(settings, name),
            None if name in pending and name not in {APPLICATION_IDS, OBJECT_IDS} else value_of(merged, name),
            is_known=name not in pending,
        )
        for name in NAMES
        if spelling_in(settings, name) in changed
    )


def _merge_ids(
    merged: dict[str, str | None],
    name: str,
    wanted: list[ClientId | None] | list[PrincipalId | None],
    spec: SettingsSpec,
) -> None:
    known = [entry for entry in wanted if entry is not None]
    current = allow_list(merged, name)
    leaving = any(entry.casefold() in spec.without for entry in current.ids)
    if not leaving and all(current.holds(entry) for entry in known) and (current.is_well_formed or not spec.tidy):
        return
    wanted_list = current.with_ids(known).without(spec.without)
    if leaving and not wanted_list.text:
        del merged[spelling_in(merged, name)]
    else:
        merged[spelling_in(merged, name)] = wanted_list.text


def describe(settings: AppSettings, changed: tuple[str, ...]) -> str:
    """Which settings change, and how many do not."""
    untouched = len(settings) - sum(name in settings for name in changed)
    return f"{', '.join(changed)}; {untouched} others unchanged"
