"""Removal: some clients, the whole trust, or beside what is added, the clients that nothing asks for.

Access is revoked first, by one write of the settings and one restart. Then the directory is cleaned of what this trust
owns: consent, secrets, registrations. What was there before is only left, never deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mct_s2s.errors import Item, Refused
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.client_credentials import secrets_among
from mct_s2s.model.commands import command
from mct_s2s.model.desired import Pruning, Removal, ServiceSpec, SettingsScope, Setup
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import adopted_tag, client_unique_name, identity_tag, place_in_tag, same_id
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.site_settings import LISTS, SETTINGS
from mct_s2s.planning.changes import (
    AnyChange,
    ApplicationEdits,
    DeleteApplication,
    DeleteStoredSecret,
    DisableIdentity,
    NoChange,
    PurgeApplication,
    RemoveCredential,
    RevokeAppRole,
    SettingsSpec,
    UpdateApplication,
)
from mct_s2s.planning.ownership import (
    another_site,
    clients_called,
    everyone,
    foreign_service,
    identities_called,
    ids_of,
    is_allowed,
    is_below,
    is_consented_to,
    refuse_several,
    service_not_ours,
    trusted_role,
    unknown,
)
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.registrations import CLIENT, EXPOSE, SERVICE
from mct_s2s.planning.site import plan_site

LARGEST_SHARE = 3
"""`--prune` may remove one client of so many at once, rounded down: a file that lost half of its lines must not cut off
half of the callers."""
VAULT_SECRET = DeleteStoredSecret.resource
AS_ASKED = "kept: --keep-registration"
_ADOPTED = "kept: mct-s2s did not create it"
_FOR_OTHERS = "kept: it also requests other APIs"
_FOR_ANOTHER_SITE = "kept: another App Service's client has to be there"


@dataclass(frozen=True)
class Targets:
    """Everything that a removal is about, as far as it is there."""

    clients: tuple[ClientApplication, ...] = ()
    identities: tuple[ServicePrincipal, ...] = ()
    entries: frozenset[str] = frozenset()
    """Entries of the allow lists, in lower case; of no account where all that is ours goes."""
    off: tuple[IdentityResource, ...] = ()
    """Resources whose identity was switched on for this trust and is off by now."""
    deleted: tuple[Application, ...] = ()
    """Registrations of clients that are in the recycle bin already."""


def plan_removal(removal: Removal, observed: ObservedState, spec: ServiceSpec, *, restart: bool) -> Plan:
    """What is removed, in the order in which it is. Raises NotThere, Refused."""
    targets = _everything(observed, spec) if removal.everything else _named(removal, observed, spec)
    plan = _after_access(removal, targets, observed, spec)
    if observed.app_service is not None:
        settings = SettingsSpec(without=targets.entries, tidy=False)
        if removal.everything:
            settings = SettingsSpec(removed=SETTINGS, tidy=False)
        plan = replace(plan, steps=(*plan_site(observed, settings, restart=restart, first=True), *plan.steps))
    service = observed.trust.service
    if service is not None and plan.changes and (why := foreign_service(service, observed, spec)):
        raise service_not_ours(service, observed, spec, why)
    return plan


def prune(desired: Setup, observed: ObservedState, added: Iterable[AnyChange]) -> tuple[frozenset[str], Plan]:
    """The clients that `desired` does not name: mentioned, or removed beside the steps that add.

    First the entries, in lower case, that leave the allow lists.
    """
    pruning, spec = desired.pruning, desired.service
    if pruning is None or spec is None or desired.settings is SettingsScope.NONE:
        return frozenset(), Plan()
    there = _everything(observed, spec)
    named = {
        client.client_id.casefold()
        for one in desired.clients
        for client in clients_called(one.name, observed, spec.unique_name)
    }
    principals = {(resource.principal_id or "").casefold() for resource in observed.identity_resources}
    clients = tuple(client for client in there.clients if client.client_id.casefold() not in named)
    identities = tuple(one for one in there.identities if one.id.casefold() not in principals)
    called = [*(client.display_name for client in clients), *(one.display_name for one in identities)]
    if not called:
        return frozenset(), Plan()
    if not pruning.removes:
        told = ", ".join(f"'{name}'" for name in called)
        note = f"Left alone, as nothing names them: {told}. To remove them, add --prune."
        return frozenset(), Plan(notes=(note,))
    _check_number(called, len(there.clients) + len(there.identities), pruning, observed)
    targets = Targets(clients, identities, _entries_of(clients, identities, observed))
    tags = next((s.edits.tags for s in added if isinstance(s, UpdateApplication) and s.key == EXPOSE), ())
    removal = Removal(kept=pruning.kept, is_pruning=True)
    return targets.entries, _after_access(removal, targets, observed, spec, tags)


def _check_number(called: list[str], number: int, pruning: Pruning, observed: ObservedState) -> None:
    if pruning.any_number or len(called) <= number // LARGEST_SHARE:
        return
    site = observed.site.label if observed.site is not None else "this App Service"
    raise Refused(
        "too-many-removals",
        f"--prune would remove {len(called)} of the {number} clients of {site}, which is more than a third. "
        "Nothing was changed. It would remove:",
        remedy="If the file is complete, add --allow-removals. Otherwise add to it what is missing: mct-s2s export",
        items=called,
    )


# Whom and what it is about: never a guess between two


def _everything(observed: ObservedState, spec: ServiceSpec) -> Targets:
    service, clients = observed.trust.service, everyone(observed, spec.unique_name)
    others = tuple(client for client in clients if service is None or client.client_id != service.client_id)
    return Targets(others, _known_identities(observed), off=_switched_off(observed))


def _named(removal: Removal, observed: ObservedState, spec: ServiceSpec) -> Targets:
    """Those that are named: by name, appId, object id, resource id, or as an allow list has them."""
    base = observed.trust.base(spec.unique_name)
    found = [_called(name, observed, base) for name in removal.clients]
    for name, one in zip(removal.clients, found, strict=True):
        if one == Targets() and not removal.ignore_missing:
            raise unknown(name, observed, "If it may already be removed, add --ignore-missing.")
    return Targets(
        tuple(dict.fromkeys(client for one in found for client in one.clients)),
        tuple(dict.fromkeys(identity for one in found for identity in one.identities)),
        frozenset().union(*(one.entries for one in found)),
        tuple(dict.fromkeys(resource for one in found for resource in one.off)),
        tuple(dict.fromkeys(row for one in found for row in one.deleted)),
    )


def _called(name: str, observed: ObservedState, base: str) -> Targets:
    service, word = observed.trust.service, name.strip().casefold()
    if service is not None and word in {service.client_id.casefold(), f"api://{service.client_id}".casefold()}:
        raise Refused(
            "not-a-client",
            f"'{name}' is the service application, not a client.",
            remedy="To remove everything, run mct-s2s teardown with the same options.",
        )
    clients = clients_called(name, observed, base)
    identities = identities_called(name, _known_identities(observed))
    refuse_several(name, (*clients, *identities))
    off = (
        one for one in _switched_off(observed) if word in {one.display_name.casefold(), str(one.resource).casefold()}
    )
    called = client_unique_name(base, name)
    deleted = (
        row
        for row in (observed.trust.deleted if not clients else ())
        if is_below(row, base) and (same_id(row.client_id, name.strip()) or row.unique_name == called)
    )
    entries = _entries_of(clients, identities, observed, word)
    return Targets(clients, identities, entries, tuple(off), tuple(deleted))


def _entries_of(
    clients: Iterable[ClientApplication], identities: Iterable[ServicePrincipal], observed: ObservedState, *also: str
) -> frozenset[str]:
    meant = frozenset({*also, *(one.id.casefold() for one in identities)}).union(*map(ids_of, clients))
    return meant & {entry.casefold() for setting in LISTS for entry in setting.list_in(observed.settings).ids}


def _known_identities(observed: ObservedState) -> tuple[ServicePrincipal, ...]:
    """Those that are allowed, and those that were switched on for this trust and are no longer allowed."""
    return observed.trust.identities_with(observed.enabled)


def _switched_off(observed: ObservedState) -> tuple[IdentityResource, ...]:
    return tuple(one for one in observed.enabled if one.principal_id is None)


# What is done with them


def _after_access(
    removal: Removal, targets: Targets, observed: ObservedState, spec: ServiceSpec, tags: tuple[str, ...] = ()
) -> Plan:
    """What is removed once the App Service no longer allows the targets; `tags` are those that the plan adds."""
    service = observed.trust.service
    remover = _Remover(removal, observed, spec)
    steps: list[AnyChange] = [step for client in targets.clients for step in remover.client(client)]
    for identity in targets.identities:
        steps += remover.consent_revoked(identity, _identity_key(identity.id), identity.display_name)
        steps.append(_switched_off_or_kept(identity, observed))
    steps += [remover.deleted_before(row) for row in targets.deleted]
    why_kept = remover.why_service_kept() if removal.everything else AS_ASKED
    if why_kept and service is not None:
        steps += _forgotten(service, targets, observed, tags)
    if removal.everything and service is not None and why_kept:
        steps.append(NoChange.of(service, "service-application", SERVICE, why_kept))
    elif removal.everything and service is not None:
        # Last of all: until then it is what a second run finds everything by.
        steps += remover.deleted(SERVICE, service, "service-application", [step.key for step in steps])
    return Plan(tuple(steps), notes=tuple(_notes(steps, removal)))


def _forgotten(
    service: Application, targets: Targets, observed: ObservedState, tags: tuple[str, ...]
) -> Iterator[UpdateApplication]:
    """Without the service application's tags for identities that are not this trust's any more.

    Tags are written whole, and a replica that is asked for them may be behind: what the plan adds is added here, too.
    """
    ids = {identity.id.casefold() for identity in targets.identities}
    gone = {
        identity_tag(str(one.resource)): _identity_key(one.principal_id)
        for one in observed.enabled
        if one in targets.off or (one.principal_id or "").casefold() in ids
    }
    if gone:
        yield UpdateApplication(
            key="service-application:forget",
            resource=SERVICE,
            name=service.display_name,
            detail="removes the tag of the enabled identity",
            object_id=service.object_id,
            client_id=service.client_id,
            edits=ApplicationEdits(tags=tags, forget=tuple(gone)),
            after=tuple(gone.values()),
        )


def _identity_key(principal_id: str | None) -> str:
    return f"identity:{principal_id}"


def _switched_off_or_kept(identity: ServicePrincipal, observed: ObservedState) -> AnyChange:
    """An identity is switched off only if it is there for this trust alone.

    The App Service itself must say that it is its client, or have said so before this removal began: anyone who can
    write to the registration can name any resource in its tags.
    """
    found = next((one for one in observed.enabled if same_id(one.principal_id, identity.id)), None)
    site = observed.app_service
    is_listed = site is not None and site.allowed_object_ids.holds(identity.id)
    key, name = _identity_key(identity.id), identity.display_name
    if found is None:
        why = "mct-s2s did not enable it"
    elif not is_listed and identity.id.casefold() not in observed.departing:
        why = "it is not on this App Service's allow list"
    elif found.used_by is None:
        why = "could not read what else uses it"
    elif found.used_by:
        why = f"it is also used elsewhere ({', '.join(found.used_by[:3])})"
    else:
        return DisableIdentity(key=key, name=name, detail="system-assigned", identity_resource=found)
    return NoChange(key=key, resource=DisableIdentity.resource, name=name, detail=f"kept: {why}", id=identity.id)


def _notes(steps: Iterable[AnyChange], removal: Removal) -> Iterator[Item]:
    """What the person who confirms must know: which identities are switched off, and what key vaults keep."""
    off = [str(step.identity_resource.resource) for step in steps if isinstance(step, DisableIdentity)]
    if off:
        yield (
            f"Disables the system-assigned identity of {', '.join(off)}. Its roles in other subscriptions cannot "
            "be checked: if it is used there, cancel."
        )
    for step in steps:
        if isinstance(step, NoChange) and step.resource == VAULT_SECRET:
            vault, _, name = step.name.partition("/")
            delete = command("az", "keyvault", "secret", "delete", "--vault-name", vault, "--name", name)
            way = "run:" if removal.is_pruning else "add --delete-secrets, or run:"
            yield f"The key vault keeps the secret '{step.name}'. To delete it, {way}", delete


@dataclass(frozen=True)
class _Remover:
    """What is done with app registrations."""

    removal: Removal
    observed: ObservedState
    spec: ServiceSpec

    @property
    def _owns_service(self) -> bool:
        """Whether the service application was created for this App Service, so that all that it grants is its own."""
        service, name = self.observed.trust.service, self.spec.unique_name
        return service is not None and service.unique_name == name and adopted_tag(name) not in service.tags

    @property
    def _is_shared(self) -> bool:
        """Whether the service application is another App Service's, too."""
        service = self.observed.trust.service
        return service is not None and another_site(service, self.observed, self.spec.unique_name) is not None

    def why_service_kept(self) -> str:
        """Why the service application is not deleted; empty where it is, or is not there."""
        if self.observed.trust.service is None:
            return ""
        if self.removal.keep_registration:
            return AS_ASKED
        if self._is_shared:
            return _FOR_ANOTHER_SITE
        return "" if self._owns_service or self.removal.delete_adopted else f"{_ADOPTED}{self._hint}"

    def consent_revoked(self, principal: ServicePrincipal | None, key: str, name: str) -> Iterator[RevokeAppRole]:
        """The steps that take back what was consented to a principal; `key` is its client's."""
        trust, role = self.observed.trust, trusted_role(self.observed, self.spec)
        for assignment in trust.assignments if principal is not None else ():
            is_ours = self._owns_service or (role is not None and same_id(assignment.role_id, role.id))
            if trust.principal and principal and is_ours and same_id(assignment.principal_id, principal.id):
                yield RevokeAppRole(
                    key=f"{key}:consent:{assignment.id}",
                    name=name,
                    service=trust.principal.id,
                    assignment=assignment.id,
                    # Until it is revoked, the directory still knows a registration that is kept for a client.
                    after=(f"{key}:access",),
                )

    def client(self, client: ClientApplication) -> Iterator[AnyChange]:
        """Access first, then what is ours of the registration."""
        key, app, site = f"client:{client.client_id}", client.application, self.observed.app_service
        called = {client.client_id.casefold(), client.display_name.casefold()}
        if self._is_shared and (called & self.removal.kept or site is None or not is_allowed(client, site)):
            return  # another App Service's client: it only leaves the list
        revoked = list(self.consent_revoked(client.principal, key, client.display_name))
        kept = self._why_kept(client, app) if app is not None else ""
        if app is not None and kept and (self._is_ours(app) or self._is_known(client)):
            yield from self._undeclared(app, key)
        yield from revoked
        if app is None:
            return
        if kept:
            # What it goes on signing in with, elsewhere.
            held = [f"{c.kind.value} '{c.name}'" if c.name else f"{c.kind.value} {c.key_id}" for c in app.credentials]
            told = f"; it keeps its {', '.join(held)}" if held else ""
            yield NoChange.of(app, key, CLIENT, f"{kept}{told}")
            return
        secrets: list[AnyChange] = list(self._secrets(app, key))
        secrets += self._stored_secrets(app, key, tuple(one.key for one in secrets))
        yield from secrets
        yield from self.deleted(CLIENT, app, key, [one.key for one in (*revoked, *secrets)])

    def _why_kept(self, client: ClientApplication, application: Application) -> str:
        """Why a client's registration is not deleted; empty where it is."""
        if self.removal.keep_registration:
            return AS_ASKED
        if application.client_id.casefold() in self.removal.kept:
            return _FOR_ANOTHER_SITE
        is_ours, is_known = self._is_ours(application), self._is_known(client)
        if self.removal.delete_adopted and (is_ours or is_known):
            return ""
        if not is_ours:
            return f"{_ADOPTED}{self._hint if is_known else ''}"
        service = self.observed.trust.service
        others = (one.resource_client_id for one in application.required_access)
        serves_others = service is not None and any(not same_id(one, service.client_id) for one in others)
        return f"{_FOR_OTHERS}{self._hint}" if serves_others else ""

    def _is_ours(self, application: Application) -> bool:
        return is_below(application, self.spec.unique_name)

    def _is_known(self, client: ClientApplication) -> bool:
        """Whether more than an allow list makes it a client."""
        named = {name.strip().casefold() for name in self.removal.clients}
        return client.client_id.casefold() in named or is_consented_to(client, self.observed, self.spec)

    @property
    def _hint(self) -> str:
        return "" if self.removal.is_pruning else " (to delete it, add --delete-adopted)"

    def _undeclared(self, application: Application, key: str) -> Iterator[AnyChange]:
        service, declared = self.observed.trust.service, application.required_access
        if service is not None and any(same_id(one.resource_client_id, service.client_id) for one in declared):
            yield UpdateApplication(
                key=f"{key}:access",
                resource="API permission",
                name=application.display_name,
                detail="no longer requests the MCT API",
                object_id=application.object_id,
                client_id=application.client_id,
                edits=ApplicationEdits(no_access_to=service.client_id),
            )

    def _secrets(self, application: Application, key: str) -> Iterator[AnyChange]:
        for credential in secrets_among(application.credentials) if self._is_ours(application) else ():
            if credential.is_ours:
                yield RemoveCredential(
                    key=f"{key}:secret:{credential.key_id}",
                    name=application.display_name,
                    detail=credential.name or "",
                    object_id=application.object_id,
                    key_id=credential.key_id,
                )

    def _stored_secrets(self, application: Application, key: str, after: tuple[str, ...]) -> Iterator[AnyChange]:
        """What key vaults hold for it: deleted after the secrets themselves, or named, never left unmentioned."""
        for place in dict.fromkeys(filter(None, map(place_in_tag, application.tags))):
            stored = f"{key}:stored:{place}"
            if self.removal.delete_secrets:
                yield DeleteStoredSecret(
                    key=stored,
                    name=place,
                    detail="recoverable during the vault's retention period",
                    place=place,
                    client_id=application.client_id,
                    after=after,
                )
            else:
                yield NoChange(key=stored, resource=VAULT_SECRET, name=place, detail="kept", id=place)

    def deleted_before(self, row: Application) -> AnyChange:
        """A client whose registration an earlier run has deleted: nothing is left to do but to purge it."""
        key = f"client:{row.client_id}"
        if self.removal.purge:
            return self._purged(row, key)
        since = f" since {row.deleted:%Y-%m-%d}" if row.deleted else ""
        return NoChange.of(row, key, CLIENT, f"already deleted{since}; still in the recycle bin")

    def deleted(self, about: str, application: Application, key: str, after: Sequence[str]) -> Iterator[AnyChange]:
        """A registration that goes into the recycle bin, or is purged."""
        yield DeleteApplication(
            key=key,
            resource=about,
            name=application.display_name,
            detail="permanently" if self.removal.purge else "can be restored for 30 days",
            object_id=application.object_id,
            client_id=application.client_id,
            after=tuple(after),
        )
        if self.removal.purge:
            yield self._purged(application, key, after=(key,))

    def _purged(self, application: Application, key: str, after: tuple[str, ...] = ()) -> PurgeApplication:
        return PurgeApplication(
            key=f"{key}:purge",
            name=application.display_name,
            detail="frees its name and its URI",
            object_id=application.object_id,
            client_id=application.client_id,
            is_new=bool(after),
            after=after,
        )
