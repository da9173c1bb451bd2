"""What becomes of app registrations when clients, or the whole trust, are removed: deleted, or kept and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mct_s2s.model.desired import Removal
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import PrincipalId, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.changes import (
    AlreadyRight,
    AnyChange,
    ApplicationEdits,
    DeleteApplication,
    PurgeApplication,
    RemoveSecret,
    RevokeAppRole,
    UpdateApplication,
)
from mct_s2s.planning.credentials.secret import secrets_among
from mct_s2s.planning.registrations.clients import ABOUT as CLIENT
from mct_s2s.planning.registrations.service import ABOUT as SERVICE
from mct_s2s.planning.removing.removal_targets import made_for
from mct_s2s.planning.removing.stored_secrets import stored_secrets

AS_ASKED = "kept: --keep-registration"
_ADOPTED = "kept: mct-s2s did not create it"
_FOR_OTHERS = "kept: it also requests other APIs"
_HOW_TO_DELETE = " (to delete it, add --delete-adopted)"
_FOR_ANOTHER_SITE = "kept: another App Service's client has to be there"


def consent_revoked(
    principal: ServicePrincipal | None, key: str, name: str, observed: ObservedState
) -> Iterator[RevokeAppRole]:
    """The steps that take back what was consented to a principal; `key` is its client's."""
    service = observed.trust.principal
    if principal is None or service is None:
        return
    for assignment in observed.trust.assignments:
        if same_id(assignment.principal_id, principal.id):
            yield RevokeAppRole(
                key=f"{key}:consent:{assignment.id}",
                name=name,
                service=PrincipalId(service.id),
                assignment=assignment.id,
                # Until it is revoked, the directory still knows a registration that is kept for a client.
                after=(f"{key}:access",),
            )


@dataclass(frozen=True)
class RegistrationRemoval:
    """What becomes of app registrations."""

    removal: Removal
    observed: ObservedState
    base: str
    """The `uniqueName` of the service application."""

    def client(self, client: ClientApplication) -> Iterator[AnyChange]:
        """Access first, then what is ours of the registration."""
        key, application = f"client:{client.client_id}", client.application
        revoked = list(consent_revoked(client.principal, key, client.display_name, self.observed))
        if application is None:
            yield from revoked
            return
        kept = self.why_kept(application)
        if kept:
            yield from self._undeclared(application, key)
            yield from revoked
            yield _kept(CLIENT, application, f"{kept}{_with_credentials(application)}", key)
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
        return _kept(CLIENT, row, f"already deleted{since}; still in the recycle bin", key)

    def service(self, service: Application, why_kept: str, after: Sequence[str]) -> Iterator[AnyChange]:
        """The service application, last of all: until then it is what a second run finds everything by."""
        if why_kept:
            yield _kept(SERVICE, service, why_kept, "service-application")
        else:
            yield from self._deleted(SERVICE, service, "service-application", after)

    def why_kept(self, application: Application) -> str:
        """Why a client's registration is not deleted; empty where it is."""
        if self.removal.keep_registration:
            return AS_ASKED
        if application.client_id.casefold() in self.removal.kept:
            return _FOR_ANOTHER_SITE
        if self.removal.delete_adopted:
            return ""
        if not made_for(application, self.base):
            return f"{_ADOPTED}{self._hint}"
        service = self.observed.trust.service
        others = (one.resource_client_id for one in application.required_access)
        serves_others = service is not None and any(not same_id(one, service.client_id) for one in others)
        return f"{_FOR_OTHERS}{self._hint}" if serves_others else ""

    @property
    def _hint(self) -> str:
        return "" if self.removal.is_pruning else _HOW_TO_DELETE

    def why_service_kept(self, unique_name: str) -> str:
        """Why the service application is not deleted; empty where it is, or is not there."""
        service = self.observed.trust.service
        if service is None:
            return ""
        if self.removal.keep_registration:
            return AS_ASKED
        return "" if service.unique_name == unique_name or self.removal.delete_adopted else f"{_ADOPTED}{self._hint}"

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
                edits=ApplicationEdits(no_access_to=service.client_id),
            )

    def _secrets(self, application: Application, key: str) -> Iterator[AnyChange]:
        if not made_for(application, self.base):
            return
        for credential in secrets_among(application.credentials):
            if credential.is_ours:
                yield RemoveSecret(
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
            is_new=bool(after),
            after=after,
        )


def _kept(about: str, application: Application, why: str, key: str) -> AlreadyRight:
    return AlreadyRight(key=key, resource=about, name=application.display_name, detail=why, id=application.client_id)


def _with_credentials(application: Application) -> str:
    """What a registration that is kept goes on signing in with, elsewhere."""
    held = [f"{c.kind.value} '{c.name}'" if c.name else f"{c.kind.value} {c.key_id}" for c in application.credentials]
    return f"; it keeps its {', '.join(held)}" if held else ""
