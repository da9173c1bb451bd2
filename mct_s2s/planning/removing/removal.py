"""Removal: some clients, or the whole trust.

Access is revoked first, by one write of the settings and one restart. Then the directory is cleaned of what this trust
owns: consent, secrets, registrations. What was there before is only left, never deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mct_s2s.errors import Item
from mct_s2s.model.azure_resources import IdentityUse
from mct_s2s.model.client_credentials import secrets_among
from mct_s2s.model.desired import Removal, ServiceSpec
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import PrincipalId, adopted_tag, identity_tag, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import NAMES
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.app_service.site import plan_site
from mct_s2s.planning.changes import (
    AlreadyRight,
    AnyChange,
    ApplicationEdits,
    DeleteApplication,
    DisableIdentity,
    PurgeApplication,
    RemoveCredential,
    RevokeAppRole,
    SettingsSpec,
    UpdateApplication,
)
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.registrations.app_role import trusted_role
from mct_s2s.planning.registrations.clients import ABOUT as CLIENT
from mct_s2s.planning.registrations.membership import is_allowed
from mct_s2s.planning.registrations.ownership import (
    another_site,
    is_below,
    is_consented_to,
    of_service,
    service_not_ours,
)
from mct_s2s.planning.registrations.service import ABOUT as SERVICE
from mct_s2s.planning.removing.removal_targets import RemovalTargets, removal_targets
from mct_s2s.planning.removing.stored_secrets import kept_secret_notes, stored_secrets


def plan_removal(removal: Removal, observed: ObservedState, spec: ServiceSpec, *, restart: bool) -> Plan:
    """What is removed, in the order in which it is.

    Raises:
        NotThere: a name that means no one, or two clients.
        Refused: the service application, named as a client; or one that is not this App Service's.
    """
    targets = removal_targets(removal, observed, spec)
    rest = after_access(removal, targets, observed, spec)
    plan = replace(rest, steps=(*_revoked_access(removal, targets, observed, restart=restart), *rest.steps))
    service = observed.trust.service
    ownership = of_service(service, observed, spec) if service is not None and plan.changes else None
    if service is not None and ownership is not None and ownership.is_foreign:
        raise service_not_ours(service, observed, spec, ownership.reason)
    return plan


def after_access(removal: Removal, targets: RemovalTargets, observed: ObservedState, spec: ServiceSpec) -> Plan:
    """What is removed once the App Service no longer allows the targets."""
    service = observed.trust.service
    registrations = RegistrationRemoval(removal, observed, spec)
    steps: list[AnyChange] = []
    for client in targets.clients:
        steps += registrations.client(client)
    for identity in targets.identities:
        steps += registrations.consent_revoked(identity, identity_key(identity.id), identity.display_name)
        steps.append(switched_off_or_kept(identity, observed))
    for row in targets.deleted:
        steps.append(registrations.deleted_before(row))
    why_kept = registrations.why_service_kept() if removal.everything else AS_ASKED
    if why_kept:
        steps += _forgotten(targets, observed)
    if removal.everything and service is not None:
        steps += registrations.service(service, why_kept, after=[step.key for step in steps])
    notes: tuple[Item, ...] = (*switching_off_note(steps), *kept_secret_notes(steps, removal))
    return Plan(tuple(steps), notes=notes)


def _revoked_access(
    removal: Removal, targets: RemovalTargets, observed: ObservedState, *, restart: bool
) -> tuple[AnyChange, ...]:
    if observed.app_service is None:
        return ()
    if removal.everything:
        spec = SettingsSpec(without_names=NAMES, tidy=False)
    else:
        spec = SettingsSpec(without=frozenset(entry.casefold() for entry in targets.entries), tidy=False)
    return plan_site(observed, spec, restart=restart, first=True)


def _forgotten(targets: RemovalTargets, observed: ObservedState) -> Iterator[UpdateApplication]:
    """The service application's tags for identities that are not this trust's any more."""
    service = observed.trust.service
    ids = {identity.id.casefold() for identity in targets.identities}
    gone = {
        identity_tag(str(use.identity_resource.resource)): identity_key(use.identity_resource.principal_id)
        for use in observed.identity_uses
        if use.identity_resource in targets.off or (use.identity_resource.principal_id or "").casefold() in ids
    }
    if service is not None and gone:
        yield UpdateApplication(
            key="service-application:forget",
            resource=SERVICE,
            name=service.display_name,
            detail="removes the tag of the enabled identity",
            object_id=service.object_id,
            client_id=service.client_id,
            edits=ApplicationEdits(forget=tuple(gone)),
            after=tuple(gone.values()),
        )


def identity_key(principal_id: str | None) -> str:
    """The key of the step that is about an identity."""
    return f"identity:{principal_id}"


def switched_off_or_kept(identity: ServicePrincipal, observed: ObservedState) -> AnyChange:
    """The step for one identity: it is switched off only if it is there for this trust alone."""
    use = next((u for u in observed.identity_uses if same_id(u.identity_resource.principal_id, identity.id)), None)
    is_client = _is_client(identity, observed)
    key, name = identity_key(identity.id), identity.display_name
    if use is not None and use.others == () and is_client:
        return DisableIdentity(key=key, name=name, detail="system-assigned", identity_resource=use.identity_resource)
    detail = _why_left_on(use, is_client=is_client)
    return AlreadyRight(key=key, resource="managed identity", name=name, detail=detail, id=identity.id)


def _is_client(identity: ServicePrincipal, observed: ObservedState) -> bool:
    """Whether the App Service itself says that the identity is its client, or did before this removal began.

    The tag alone does not: anyone who can write to the registration can name any resource in it.
    """
    site = observed.app_service
    listed = site is not None and site.allowed_object_ids.holds(identity.id)
    return listed or identity.id.casefold() in observed.departing


def _why_left_on(use: IdentityUse | None, *, is_client: bool) -> str:
    if use is None:
        return "kept: mct-s2s did not enable it"
    if not is_client:
        return "kept: it is not on this App Service's allow list"
    if use.others is None:
        return "kept: could not read what else uses it"
    return f"kept: it is also used elsewhere ({', '.join(use.others[:3])})"


def switching_off_note(steps: Iterable[AnyChange]) -> Iterator[str]:
    """What the person who confirms the plan must know about identities that are switched off."""
    off = [str(step.identity_resource.resource) for step in steps if isinstance(step, DisableIdentity)]
    if off:
        yield (
            f"Disables the system-assigned identity of {', '.join(off)}. Its roles in other subscriptions cannot "
            "be checked: if it is used there, cancel."
        )


AS_ASKED = "kept: --keep-registration"
_ADOPTED = "kept: mct-s2s did not create it"
_FOR_OTHERS = "kept: it also requests other APIs"
_HOW_TO_DELETE = " (to delete it, add --delete-adopted)"
_FOR_ANOTHER_SITE = "kept: another App Service's client has to be there"


@dataclass(frozen=True)
class RegistrationRemoval:
    """What becomes of app registrations."""

    removal: Removal
    observed: ObservedState
    spec: ServiceSpec

    @property
    def is_own(self) -> bool:
        """Whether the service application was created for this App Service, so that all that it grants is its own."""
        service, name = self.observed.trust.service, self.spec.unique_name
        return service is not None and service.unique_name == name and adopted_tag(name) not in service.tags

    def consent_revoked(self, principal: ServicePrincipal | None, key: str, name: str) -> Iterator[RevokeAppRole]:
        """The steps that take back what was consented to a principal; `key` is its client's."""
        service, role = self.observed.trust.principal, trusted_role(self.observed, self.spec)
        if principal is None or service is None:
            return
        for assignment in self.observed.trust.assignments:
            is_ours = self.is_own or (role is not None and same_id(assignment.role_id, role.id))
            if is_ours and same_id(assignment.principal_id, principal.id):
                yield RevokeAppRole(
                    key=f"{key}:consent:{assignment.id}",
                    name=name,
                    service=PrincipalId(service.id),
                    assignment=assignment.id,
                    # Until it is revoked, the directory still knows a registration that is kept for a client.
                    after=(f"{key}:access",),
                )

    def client(self, client: ClientApplication) -> Iterator[AnyChange]:
        """Access first, then what is ours of the registration."""
        key, application = f"client:{client.client_id}", client.application
        if self._is_another_sites(client):
            return
        revoked = list(self.consent_revoked(client.principal, key, client.display_name))
        if application is None:
            yield from revoked
            return
        kept = self.why_kept(client, application)
        if kept:
            if self._is_ours(application) or self._is_known(client):
                yield from self._undeclared(application, key)
            yield from revoked
            yield AlreadyRight.of(application, key, CLIENT, f"{kept}{_with_credentials(application)}")
            return
        yield from revoked
        secrets: list[AnyChange] = list(self._secrets(application, key))
        removed = tuple(one.key for one in secrets)
        secrets += stored_secrets(application, key, removed, delete=self.removal.delete_secrets)
        yield from secrets
        yield from self._deleted(CLIENT, application, key, [one.key for one in (*revoked, *secrets)])

    def deleted_before(self, row: Application) -> AnyChange:
        """A client whose registration an earlier run has deleted: nothing is left to do but to purge it."""
        key = f"client:{row.client_id}"
        if self.removal.purge:
            return self._purged(row, key)
        since = f" since {row.deleted:%Y-%m-%d}" if row.deleted else ""
        return AlreadyRight.of(row, key, CLIENT, f"already deleted{since}; still in the recycle bin")

    def service(self, service: Application, why_kept: str, after: Sequence[str]) -> Iterator[AnyChange]:
        """The service application, last of all: until then it is what a second run finds everything by."""
        if why_kept:
            yield AlreadyRight.of(service, "service-application", SERVICE, why_kept)
        else:
            yield from self._deleted(SERVICE, service, "service-application", after)

    def _is_another_sites(self, client: ClientApplication) -> bool:
        """Whether the service application is shared, and another App Service's client: it only leaves the list."""
        service, site = self.observed.trust.service, self.observed.app_service
        if service is None or not another_site(service, self.observed, self.spec.unique_name):
            return False
        called = {client.client_id.casefold(), client.display_name.casefold()}
        return not called.isdisjoint(self.removal.kept) or site is None or not is_allowed(client, site)

    def why_kept(self, client: ClientApplication, application: Application) -> str:
        """Why a client's registration is not deleted; empty where it is."""
        if self.removal.keep_registration:
            return AS_ASKED
        if application.client_id.casefold() in self.removal.kept:
            return _FOR_ANOTHER_SITE
        if self.removal.delete_adopted and (self._is_ours(application) or self._is_known(client)):
            return ""
        if not self._is_ours(application):
            return f"{_ADOPTED}{self._hint if self._is_known(client) else ''}"
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
        return "" if self.removal.is_pruning else _HOW_TO_DELETE

    def why_service_kept(self) -> str:
        """Why the service application is not deleted; empty where it is, or is not there."""
        service = self.observed.trust.service
        if service is None:
            return ""
        if self.removal.keep_registration:
            return AS_ASKED
        if another_site(service, self.observed, self.spec.unique_name):
            return _FOR_ANOTHER_SITE
        return "" if self.is_own or self.removal.delete_adopted else f"{_ADOPTED}{self._hint}"

    def _undeclared(self, application: Application, key: str) -> Iterator[AnyChange]:
        service = self.observed.trust.service
        if service is not None and any(
            same_id(access.resource_client_id, service.client_id) for access in application.required_access
        ):
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
        if not self._is_ours(application):
            return
        for credential in secrets_among(application.credentials):
            if credential.is_ours:
                yield RemoveCredential(
                    key=f"{key}:secret:{credential.key_id}",
                    name=application.display_name,
                    detail=credential.name or "",
                    object_id=application.object_id,
                    key_id=credential.key_id,
                )

    def _deleted(self, about: str, application: Application, key: str, after: Sequence[str]) -> Iterator[AnyChange]:
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


def _with_credentials(application: Application) -> str:
    """What a registration that is kept goes on signing in with, elsewhere."""
    held = [f"{c.kind.value} '{c.name}'" if c.name else f"{c.kind.value} {c.key_id}" for c in application.credentials]
    return f"; it keeps its {', '.join(held)}" if held else ""
