"""Removal: access first, by one write of the settings and one restart; then what this trust owns in the directory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mct_s2s.errors import Instruction, Refused
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.client_credentials import secrets_among
from mct_s2s.model.commands import command
from mct_s2s.model.desired import Removal, SettingsScope, Setup
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import DEFAULT_ROLE, Tag, client_unique_name, same_id
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.site_settings import LISTS, ROLE, SETTINGS
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
    CLIENT,
    SERVICE,
    another_site,
    clients_called,
    everyone,
    foreign_service,
    identities_called,
    ids_of,
    is_allowed,
    is_another_sites,
    is_below,
    is_consented_to,
    new_role,
    refuse_several,
    service_not_ours,
    trusted_role,
    unknown,
)
from mct_s2s.planning.plan import Plan, Registration
from mct_s2s.planning.registrations import CREATE, EXPOSE
from mct_s2s.planning.site import plan_site

LARGEST_SHARE = 3
"""`--prune` removes one of so many at most: a file that lost half of its lines must not cut off half of the callers."""
AS_ASKED = "kept: --keep-registration"
_ADOPTED = "kept: mct-s2s did not create it"
_FOR_ANOTHER_SITE = "kept: another App Service's client has to be there"

Target = ClientApplication | ServicePrincipal | IdentityResource | Application
"""A client, a managed identity, a resource whose identity was enabled for this trust and is disabled by now, or the
deleted registration of a client."""


def plan_removal(removal: Removal, observed: ObservedState) -> Plan:
    settings = SettingsSpec(removed=SETTINGS, tidy=False)
    if removal.everything:
        targets: list[Target] = [*_everyone(observed), *_switched_off(observed)]
    else:
        called = {name: _called(name, observed) for name in removal.clients}
        targets = list(dict.fromkeys(target for found in called.values() for target in found))
        entries = _entries(targets, observed, removal.clients)
        for name, found in called.items():
            if not (found or _entries((), observed, [name]) or removal.ignore_missing):
                raise unknown(name, observed, "If it may already be removed, add --ignore-missing.")
        settings = SettingsSpec(without=entries, tidy=False)
    plan = _Removal(removal, observed, targets).plan()
    if observed.app_service is not None:
        plan = replace(plan, steps=(*plan_site(observed, settings, restart=removal.restart, first=True), *plan.steps))
    service = observed.trust.service
    if service is not None and plan.changes and (why := foreign_service(service, observed, removal.service)):
        raise service_not_ours(service, observed, why)
    return plan


def prune(desired: Setup, observed: ObservedState, added: Iterable[AnyChange]) -> tuple[frozenset[str], Plan]:
    """The entries, in lower case, that leave the allow lists, and the steps or the note. Raises Refused."""
    pruning, spec = desired.pruning, desired.service
    if pruning is None or spec is None or desired.settings is SettingsScope.NONE:
        return frozenset(), Plan()
    there = _everyone(observed)
    ids = {resource.principal_id for resource in observed.identity_resources}
    named: set[object] = {one for one in there if isinstance(one, ServicePrincipal) and one.id in ids}
    named.update(one for client in desired.clients for one in clients_called(client.name, observed))
    if observed.trust.has_another_service:  # other sites of the file may use it, too
        others = (one for one in observed.trust.clients if not is_allowed(one, observed))
        named.update(one for one in others if pruning.kept & {one.client_id, one.display_name.casefold()})
    targets = [one for one in there if one not in named]
    called = [one.display_name for one in targets]
    if not called:
        return frozenset(), Plan()
    if not pruning.removes:
        told = ", ".join(f"'{name}'" for name in called)
        note = f"Left alone, as nothing names them: {told}. To remove them, add --prune."
        return frozenset(), Plan(notes=(note,))
    if len(called) > len(there) // LARGEST_SHARE and not pruning.any_number:
        site = observed.app_service.label if observed.app_service is not None else "this App Service"
        raise Refused(
            "too-many-removals",
            f"--prune would remove {len(called)} of the {len(there)} clients of {site}, which is more than a third. "
            "Nothing was changed. It would remove:",
            remedy="If the file is complete, add --allow-removals. Otherwise add to it what is missing: mct-s2s export",
            items=called,
        )
    tags = next((one.edits.tags for one in added if isinstance(one, UpdateApplication) and one.key == EXPOSE), ())
    removal = Removal(spec, kept=pruning.kept, is_pruning=True)
    return _entries(targets, observed), _Removal(removal, observed, targets, tags).plan()


# Whom and what it is about: never a guess between two


def _everyone(observed: ObservedState) -> list[ClientApplication | ServicePrincipal]:
    service, clients = observed.trust.service, everyone(observed, observed.trust.unique_name)
    others = (client for client in clients if service is None or client.client_id != service.client_id)
    return [
        *(client for client in others if not is_another_sites(client, observed)),
        *observed.trust.identities_with(observed.enabled),
    ]


def _called(name: str, observed: ObservedState) -> list[Target]:
    service, word, base = observed.trust.service, name.strip().casefold(), observed.trust.base
    if service is not None and word in {service.client_id, f"api://{service.client_id}"}:
        raise Refused(
            "not-a-client",
            f"'{name}' is the service application, not a client.",
            remedy="To remove everything, run mct-s2s teardown with the same options.",
        )
    clients = clients_called(name, observed)
    identities = identities_called(name, observed.trust.identities_with(observed.enabled))
    refuse_several(name, (*clients, *identities))
    off = (
        one for one in _switched_off(observed) if word in {one.display_name.casefold(), str(one.resource).casefold()}
    )
    made = client_unique_name(base, name)
    deleted = (
        row
        for row in (observed.trust.deleted if not clients else ())
        if is_below(row, base) and (same_id(row.client_id, name.strip()) or row.unique_name == made)
    )
    return [*clients, *identities, *off, *deleted]


def _switched_off(observed: ObservedState) -> list[IdentityResource]:
    return [one for one in observed.enabled if one.principal_id is None]


def _entries(targets: Iterable[object], observed: ObservedState, typed: Iterable[str] = ()) -> frozenset[str]:
    """The entries of the allow lists, in lower case, that name the targets, or that were typed as they are there."""
    meant = {name.strip().casefold() for name in typed}
    for target in targets:
        if isinstance(target, ClientApplication):
            meant |= ids_of(target)
        elif isinstance(target, ServicePrincipal):
            meant.add(target.id)
    return frozenset(meant & {entry.casefold() for one in LISTS for entry in one.list_in(observed.settings).ids})


# What is done with them


@dataclass(frozen=True)
class _Removal:
    """What follows once the App Service no longer allows the targets; `tags` are those that the plan adds."""

    removal: Removal
    observed: ObservedState
    targets: Sequence[Target]
    tags: tuple[str, ...] = ()

    def plan(self) -> Plan:
        service, steps = self.observed.trust.service, [step for one in self.targets for step in self.removed(one)]
        kept = self.why_service_kept() if self.removal.everything else AS_ASKED
        if service is not None and kept:
            steps += self.forgotten(service)
        if service is not None and self.removal.everything:
            # Last of all: until then it is what a second run finds everything by.
            gone = self.deleted(SERVICE, service, CREATE, [step.key for step in steps])
            steps += [NoChange.of(service, CREATE, SERVICE, kept)] if kept else list(gone)
        return Plan(tuple(steps), notes=tuple(self.notes(steps)))

    def removed(self, target: Target) -> Iterator[AnyChange]:
        match target:
            case ClientApplication():
                yield from self.client(target)
            case ServicePrincipal():
                yield from self.consent_revoked(target, _identity_key(target.id), target.display_name)
                yield self.identity(target)
            case Application() if self.removal.purge:
                yield _purged(target, f"client:{target.client_id}")
            case Application():  # an earlier run has deleted it
                since = f" since {target.deleted:%Y-%m-%d}" if target.deleted else ""
                detail = f"already deleted{since}; still in the recycle bin"
                yield NoChange.of(target, f"client:{target.client_id}", CLIENT, detail)

    def client(self, client: ClientApplication) -> Iterator[AnyChange]:
        key, app = f"client:{client.client_id}", client.application
        called, service = {client.client_id, client.display_name.casefold()}, self.observed.trust.service
        if self.is_shared and (called & self.removal.kept or not is_allowed(client, self.observed)):
            return  # another App Service's client: it only leaves the list
        revoked = list(self.consent_revoked(client.principal, key, client.display_name))
        if not client.is_registered:
            yield from revoked
            return
        named = {name.strip().casefold() for name in self.removal.clients}
        is_ours = is_below(app, self.observed.trust.unique_name)
        # More than an allow list makes it a client.
        is_known = client.client_id in named or is_consented_to(client, self.observed, self.removal.service)
        kept = self.why_client_kept(app, is_ours, is_known)
        if not kept:
            yield from revoked
            secrets = [*self.secrets(app, key, is_ours)]
            yield from secrets
            yield from self.deleted(CLIENT, app, key, [one.key for one in (*revoked, *secrets)])
            return
        declared = [one.resource_client_id for one in app.required_access]
        if service is not None and (is_ours or is_known) and service.client_id in declared:
            edits, told = ApplicationEdits(no_access_to=service.client_id), "no longer requests the MCT API"
            registration = Registration(key, CLIENT, app, client.principal)
            yield registration.updated(f"{key}:access", "API permission", app.display_name, told, edits)
        yield from revoked
        # What it goes on signing in with, elsewhere.
        held = [f"{c.kind.noun} '{c.name}'" if c.name else f"{c.kind.noun} {c.key_id}" for c in app.credentials]
        told = f"; it keeps its {', '.join(held)}" if held else ""
        yield NoChange.of(app, key, CLIENT, f"{kept}{told}")

    @property
    def owns_service(self) -> bool:
        """Whether it was created for this App Service, so that all that it grants is this trust's."""
        service, name = self.observed.trust.service, self.observed.trust.unique_name
        return service is not None and service.unique_name == name and Tag.ADOPTED.of(name) not in service.tags

    @property
    def is_shared(self) -> bool:
        """Whether the service application is another App Service's, too."""
        service = self.observed.trust.service
        return service is not None and another_site(service, self.observed) is not None

    @property
    def hint(self) -> str:
        return "" if self.removal.is_pruning else " (to delete it, add --delete-adopted)"

    def why_service_kept(self) -> str:
        """Empty where it is deleted, or is not there."""
        if self.removal.keep_registration:
            return AS_ASKED
        if self.is_shared:
            return _FOR_ANOTHER_SITE
        return "" if self.owns_service or self.removal.delete_adopted else f"{_ADOPTED}{self.hint}"

    def why_client_kept(self, application: Application, is_ours: bool, is_known: bool) -> str:
        if self.removal.keep_registration:
            return AS_ASKED
        if application.client_id in self.removal.kept:
            return _FOR_ANOTHER_SITE
        if self.removal.delete_adopted and (is_ours or is_known):
            return ""
        if not is_ours:
            return f"{_ADOPTED}{self.hint if is_known else ''}"
        trust = self.observed.trust
        roles = (self.removal.service.role, ROLE.value_in(self.observed.settings), DEFAULT_ROLE)
        # A service application that is gone is known by its role.
        own = {new_role(self.observed, trust.unique_name, one).id for one in roles if one}
        others = [one for one in application.required_access if not {granted for granted, _ in one.permissions} <= own]
        if trust.service is None:
            return f"kept: it requests an API that may not be the MCT API{self.hint}" if others else ""
        serves_others = any(one.resource_client_id != trust.service.client_id for one in others)
        return f"kept: it also requests other APIs{self.hint}" if serves_others else ""

    def consent_revoked(self, principal: ServicePrincipal | None, key: str, name: str) -> Iterator[RevokeAppRole]:
        trust, role = self.observed.trust, trusted_role(self.observed, self.removal.service)
        if trust.principal is None or principal is None:
            return
        for assignment in trust.assignments:
            is_ours = self.owns_service or (role is not None and assignment.role_id == role.id)
            if is_ours and assignment.principal_id == principal.id:
                yield RevokeAppRole(
                    key=f"{key}:consent:{assignment.id}",
                    name=name,
                    service=trust.principal.id,
                    assignment=assignment.id,
                    # Until it is revoked, the directory still knows a registration that is kept for a client.
                    after=(f"{key}:access",),
                )

    def secrets(self, application: Application, key: str, is_ours: bool) -> Iterator[AnyChange]:
        """Our secrets; then what key vaults hold: deleted, or named, never left unmentioned."""
        ours = [one for one in secrets_among(application.credentials) if one.is_ours and is_ours]
        for credential in ours:
            yield RemoveCredential(
                key=f"{key}:secret:{credential.key_id}",
                name=application.display_name,
                detail=credential.name or "",
                object_id=application.object_id,
                key_id=credential.key_id,
            )
        for place in dict.fromkeys(Tag.VAULT.values(application.tags)):
            stored = f"{key}:stored:{place}"
            if self.removal.delete_secrets:
                yield DeleteStoredSecret(
                    key=stored,
                    name=place,
                    detail="recoverable during the vault's retention period",
                    place=place,
                    client_id=application.client_id,
                    after=tuple(f"{key}:secret:{credential.key_id}" for credential in ours),
                )
            else:
                yield NoChange(key=stored, resource=DeleteStoredSecret.resource, name=place, detail="kept", id=place)

    def deleted(self, kind: str, application: Application, key: str, after: Sequence[str]) -> Iterator[AnyChange]:
        yield DeleteApplication(
            key=key,
            resource=kind,
            name=application.display_name,
            detail="permanently" if self.removal.purge else "can be restored for 30 days",
            object_id=application.object_id,
            client_id=application.client_id,
            after=tuple(after),
        )
        if self.removal.purge:
            yield _purged(application, key, after=(key,))

    def identity(self, identity: ServicePrincipal) -> AnyChange:
        """The App Service must name it, now or before: anyone who can write to the registration can write its tags."""
        found = next((one for one in self.observed.enabled if one.principal_id == identity.id), None)
        is_listed = self.observed.allowed_object_ids.holds(identity.id)
        key, name = _identity_key(identity.id), identity.display_name
        if found is None:
            why = "mct-s2s did not enable it"
        elif not is_listed and identity.id not in self.observed.departing:
            why = "it is not on this App Service's allow list"
        elif found.used_by is None:
            why = "could not read what else uses it"
        elif found.used_by:
            why = f"it is also used elsewhere ({', '.join(found.used_by[:3])})"
        else:
            return DisableIdentity(key=key, name=name, detail="system-assigned", identity_resource=found)
        return NoChange(key=key, resource=DisableIdentity.resource, name=name, detail=f"kept: {why}", id=identity.id)

    def forgotten(self, service: Application) -> Iterator[UpdateApplication]:
        """Tags are written whole, and a replica may be behind: what the plan adds is added here."""
        ids = {target.id for target in self.targets if isinstance(target, ServicePrincipal)}
        gone = {
            Tag.IDENTITY.of(str(one.resource)): _identity_key(one.principal_id)
            for one in self.observed.enabled
            if one in self.targets or one.principal_id in ids
        }
        if gone:
            edits = ApplicationEdits(tags=self.tags, forget=tuple(gone))
            told, after = "removes the tag of the enabled identity", tuple(gone.values())
            registration = Registration(CREATE, SERVICE, service, None)
            yield registration.updated(f"{CREATE}:forget", SERVICE, service.display_name, told, edits, after)

    def notes(self, steps: Iterable[AnyChange]) -> Iterator[str | Instruction]:
        off = [str(step.identity_resource.resource) for step in steps if isinstance(step, DisableIdentity)]
        if off:
            yield (
                f"Disables the system-assigned identity of {', '.join(off)}. Its roles in other subscriptions cannot "
                "be checked: if it is used there, cancel."
            )
        for step in steps:
            if isinstance(step, NoChange) and step.resource == DeleteStoredSecret.resource:
                vault, _, name = step.name.partition("/")
                delete = command("az", "keyvault", "secret", "delete", "--vault-name", vault, "--name", name)
                way = "run:" if self.removal.is_pruning else "add --delete-secrets, or run:"
                yield Instruction(f"The key vault keeps the secret '{step.name}'. To delete it, {way}", delete)


def _identity_key(principal_id: str | None) -> str:
    return f"identity:{principal_id}"


def _purged(application: Application, key: str, after: tuple[str, ...] = ()) -> PurgeApplication:
    return PurgeApplication(
        key=f"{key}:purge",
        name=application.display_name,
        detail="frees its name and its URI",
        object_id=application.object_id,
        client_id=application.client_id,
        after=after,
    )
