"""Microsoft Graph: the directory, and what the caller may do in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from mct_s2s.model.caller_rights import Person, RoleAssignment, SecretRule, SignedIn
from mct_s2s.model.client_credentials import Certificate, Credential, Federation
from mct_s2s.model.directory_objects import Application, Assignment, NewApplication, Owner, ServicePrincipal, Tenant
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, KeyId, PrincipalId
from mct_s2s.planning.edits import ApplicationPatch
from mct_s2s.ports.secret_stores import NewSecret


class Directory(Protocol):
    """Microsoft Graph, as far as this trust needs it."""

    async def tenant(self) -> Tenant:
        """The tenant that the caller is signed in to."""

    async def application_by_client_id(self, client_id: ClientId) -> Application | None:
        """Read by key."""

    async def application_by_unique_name(self, unique_name: str) -> Application | None:
        """Read by key."""

    async def applications_by_unique_name(self, unique_names: Sequence[str]) -> list[Application | None]:
        """Several by key, in order."""

    async def application_by_object_id(self, object_id: ApplicationObjectId, *, is_new: bool) -> Application:
        """Read by key; the object must be there."""

    async def applications_with_uri(self, uri: str) -> list[Application]:
        """Those with that Application ID URI: at most one in a settled directory."""

    async def applications(self, client_ids: Iterable[ClientId]) -> list[Application]:
        """Many at once; those that do not exist are left out."""

    async def principal(self, client_id: ClientId) -> ServicePrincipal | None:
        """An application's service principal."""

    async def principals_of(self, client_ids: Iterable[ClientId]) -> list[ServicePrincipal]:
        """Many service principals by appId."""

    async def principals(self, ids: Iterable[PrincipalId]) -> list[ServicePrincipal]:
        """Many service principals by object id."""

    async def assignments_to(self, client_id: ClientId, *, is_new: bool = False) -> list[Assignment]:
        """Everyone who holds a role of that application."""

    async def federated_credentials(self, object_id: ApplicationObjectId) -> list[Credential]:
        """An application's federated credentials: no list operation brings them along. None where it is not seen."""

    async def applications_with_tag(self, tag: str) -> list[Application]:
        """Those with that tag."""

    async def assignments_of(self, principal: PrincipalId) -> list[Assignment]:
        """Every app role that a service principal holds, of whatever API."""

    async def owners(self, object_id: ApplicationObjectId, *, is_new: bool) -> tuple[Owner, ...]:
        """Who owns a registration."""

    async def principal_owners(self, principal: PrincipalId, *, is_new: bool) -> tuple[Owner, ...]:
        """Who owns a service principal."""

    async def credentials(self, object_id: ApplicationObjectId, *, is_new: bool) -> tuple[Credential, ...]:
        """Everything that signs in as a registration; a certificate's thumbprint is that of its key."""

    async def principal_credentials(self, principal: PrincipalId, *, is_new: bool) -> tuple[Credential, ...]:
        """Everything that signs in as a service principal beside its registration's credentials."""

    async def remove_credentials(self, object_id: ApplicationObjectId, keep: Collection[KeyId]) -> None:
        """Take everything off a registration that signs in as it, but these."""

    async def remove_principal_credentials(self, principal: PrincipalId) -> None:
        """Take everything off a service principal that signs in as it."""

    async def create_application(self, new: NewApplication) -> tuple[Application, bool]:
        """Create, or return the one that has that `uniqueName` already; and whether it was created just now.

        A creation whose answer was lost comes out as one that was there already.
        """

    async def register_application(self, new: NewApplication, owner: PrincipalId | None) -> Application:
        """Make one more, without its `uniqueName` for now: its tags are what it is found by.

        The caller, `owner` where that is known, owns it. An answer that is lost is never repeated here.
        """

    async def name_application(self, object_id: ApplicationObjectId, unique_name: str) -> None:
        """Give a registration that has none its `uniqueName`; it cannot be changed afterwards."""

    async def add_owner(self, object_id: ApplicationObjectId, owner: PrincipalId) -> None:
        """Add an owner; one that is an owner already is no error."""

    async def update_application(
        self, object_id: ApplicationObjectId, patch: ApplicationPatch, *, is_new: bool
    ) -> None:
        """Send one PATCH."""

    async def accepts_writes(self, application: Application) -> bool:
        """Whether it is there for a write that changes nothing: `False` alone is certain of its answer's moment.

        Reads may show what was deleted moments ago.

        Raises:
            PermissionMissing: the caller may not write it.
        """

    async def create_principal(self, client_id: ClientId, *, is_new: bool) -> ServicePrincipal:
        """Create, or return the one that is there."""

    async def add_secret(
        self, object_id: ApplicationObjectId, name: str, expires: datetime, *, is_new: bool
    ) -> NewSecret:
        """Make a secret. An answer that is lost raises `ServiceError` with `answer_lost`: never repeated blindly."""

    async def remove_secret(self, object_id: ApplicationObjectId, key_id: KeyId) -> None:
        """Remove a secret; one that is gone already is no error."""

    async def remove_certificate(
        self, object_id: ApplicationObjectId, key_id: KeyId, replaced_by: KeyId | None
    ) -> None:
        """Remove a certificate; the list is written only once it shows the one that replaces it."""

    async def add_certificate(
        self, object_id: ApplicationObjectId, certificate: Certificate, name: str, *, is_new: bool
    ) -> KeyId:
        """Register a certificate beside the existing ones; one that is registered already is no error."""

    async def put_federated_credential(
        self, object_id: ApplicationObjectId, federation: Federation, *, is_new: bool
    ) -> KeyId:
        """Create the federated credential of that name, or bring the one that is there to this state."""

    async def assign(
        self, principal: PrincipalId, service: PrincipalId, role: AppRoleId, *, is_new: bool
    ) -> Assignment | None:
        """Grant admin consent; one that exists already is no error and gives `None`."""

    async def revoke(self, service: PrincipalId, assignment: str) -> None:
        """Take admin consent back; one that is gone already is no error."""

    async def delete_application(self, object_id: ApplicationObjectId) -> None:
        """Put a registration into the recycle bin; one that is gone already is no error."""

    async def deleted_applications(self) -> list[Application]:
        """The registrations in the recycle bin, which keep their `uniqueName` and URIs for 30 days; no certificates."""

    async def deleted_principals(self, client_ids: Iterable[ClientId]) -> list[ServicePrincipal]:
        """The service principals in the recycle bin of these appIds."""

    async def restore_application(self, object_id: ApplicationObjectId) -> None:
        """Take a registration back out of the recycle bin; one that is there again already is no error."""

    async def restore_principal(self, principal: PrincipalId) -> bool:
        """Take a service principal back out of the recycle bin; `False` where it is not, or no longer, in there."""

    async def purge_application(self, object_id: ApplicationObjectId, *, is_new: bool) -> None:
        """Take a registration out of the recycle bin permanently; one that is gone already is no error."""


class DirectoryAccess(Protocol):
    """What the caller may do in the directory, found out by asking Microsoft Graph."""

    @property
    def signed_in(self) -> SignedIn:
        """What is known without asking."""

    @property
    def address(self) -> str:
        """Where the directory is asked: `https://graph.microsoft.com/v1.0`."""

    async def person(self) -> Person | None:
        """Who signed in, where that is a person."""

    async def principal(self) -> ServicePrincipal | None:
        """Who signed in, where that is an application that is known."""

    async def roles(self) -> frozenset[str] | None:
        """Template ids of the caller's built-in directory roles for the whole tenant."""

    async def assignments(self, principal: PrincipalId) -> tuple[RoleAssignment, ...]:
        """Every directory role that someone holds, at whatever scope, themselves or by a group."""

    async def permissions(self) -> frozenset[str] | None:
        """Values of the Graph app roles that the calling application was granted; `None` for a person."""

    async def owned(self) -> frozenset[ApplicationObjectId] | None:
        """The registrations that the caller owns."""

    async def secret_rules(self) -> tuple[SecretRule, ...]:
        """What the tenant's default app management policy says about secrets."""

    async def secret_rules_of(self, object_id: ApplicationObjectId) -> tuple[SecretRule, ...] | None:
        """What a registration's own policy says instead; `None` where it has none."""
