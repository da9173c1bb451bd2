"""What the engine asks of the world outside: protocols that `azure` and `stores` fulfil and that name no SDK.

Methods raise `ServiceError` and its kin only. `is_new` says that the object was made by this very command: then an
answer that means *not replicated yet* is waited out; about anything else the same answer is an error at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import IdentityResource, Site, SlotConfig
from mct_s2s.model.caller_rights import Denial, Permission, Person, ResourceLock, RoleAssignment, SecretRule, SignedIn
from mct_s2s.model.client_credentials import Certificate, Credential, Federation, SecretNote
from mct_s2s.model.client_sign_in import ApiAnswer, ApiToken, SignIn
from mct_s2s.model.directory_objects import Application, Assignment, Owner, ServicePrincipal, Tenant
from mct_s2s.model.ids import (
    ApplicationObjectId,
    AppRoleId,
    ClientId,
    KeyId,
    PrincipalId,
    TenantId,
)
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.changes import AnyChange
from mct_s2s.planning.edits import ApplicationPatch


@dataclass(frozen=True)
class Subscription:
    """An Azure subscription and the tenant that it trusts."""

    id: str
    name: str
    tenant_id: TenantId


@dataclass(frozen=True)
class NewSecret:
    """A client secret on its way to its place. The value never shows in a `repr`."""

    key_id: KeyId
    expires: datetime
    value: str = field(repr=False)


@dataclass(frozen=True)
class SecretRecord:
    """Everything that a secret's place writes beside the value, for the program that will use it."""

    tenant_id: TenantId
    client_id: ClientId
    client_name: str
    credential_name: str
    scope: str
    url: str | None
    authority_host: str | None
    """Set where the cloud is not the public one."""


@dataclass(frozen=True)
class StoredCredential:
    """A credential as its place gives it back. The secret never shows in a `repr`."""

    tenant_id: TenantId
    client_id: ClientId
    secret: str = field(repr=False)
    scope: str | None = None
    url: str | None = None
    authority_host: str | None = None
    """Set where the cloud is not the public one."""
    key_id: KeyId | None = None
    """Which of the application's credentials it is; `None` where somebody else wrote it down."""
    version: str | None = None
    """Of a secret in a key vault."""


class Directory(Protocol):
    """Microsoft Graph, as far as this trust needs it."""

    async def tenant(self) -> Tenant:
        """The tenant that the caller is signed in to."""
        ...

    async def application_by_client_id(self, client_id: ClientId) -> Application | None:
        """Read by key."""
        ...

    async def application_by_unique_name(self, unique_name: str) -> Application | None:
        """Read by key."""
        ...

    async def application_by_object_id(self, object_id: ApplicationObjectId, *, is_new: bool) -> Application:
        """Read by key; the object must be there."""
        ...

    async def applications_with_uri(self, uri: str) -> list[Application]:
        """Those with that Application ID URI: at most one in a settled directory."""
        ...

    async def applications(self, client_ids: Iterable[ClientId]) -> list[Application]:
        """Many at once; those that do not exist are left out."""
        ...

    async def principal(self, client_id: ClientId) -> ServicePrincipal | None:
        """An application's service principal."""
        ...

    async def principals_of(self, client_ids: Iterable[ClientId]) -> list[ServicePrincipal]:
        """Many service principals by appId."""
        ...

    async def principals(self, ids: Iterable[PrincipalId]) -> list[ServicePrincipal]:
        """Many service principals by object id."""
        ...

    async def assignments_to(self, client_id: ClientId, *, is_new: bool = False) -> list[Assignment]:
        """Everybody who holds a role of that application."""
        ...

    async def federated_credentials(self, object_id: ApplicationObjectId) -> list[Credential]:
        """An application's federated credentials: no list operation brings them along. None where it is not seen."""
        ...

    async def applications_with_tag(self, tag: str) -> list[Application]:
        """Those with that tag."""
        ...

    async def assignments_of(self, principal: PrincipalId) -> list[Assignment]:
        """Every app role that a service principal holds, of whatever API."""
        ...

    async def owners(self, object_id: ApplicationObjectId, *, is_new: bool) -> tuple[Owner, ...]:
        """Who owns a registration."""
        ...

    async def principal_owners(self, principal: PrincipalId, *, is_new: bool) -> tuple[Owner, ...]:
        """Who owns a service principal."""
        ...

    async def credentials(self, object_id: ApplicationObjectId, *, is_new: bool) -> tuple[Credential, ...]:
        """Everything that signs in as a registration; a certificate's thumbprint is that of its key."""
        ...

    async def principal_credentials(self, principal: PrincipalId, *, is_new: bool) -> tuple[Credential, ...]:
        """Everything that signs in as a service principal beside its registration's credentials."""
        ...

    async def remove_credentials(self, object_id: ApplicationObjectId, keep: Collection[KeyId]) -> None:
        """Take everything off a registration that signs in as it, but these."""
        ...

    async def remove_principal_credentials(self, principal: PrincipalId) -> None:
        """Take everything off a service principal that signs in as it."""
        ...

    async def create_application(
        self,
        unique_name: str,
        display_name: str,
        tags: Sequence[str],
        notes: str | None = None,
        management_reference: str | None = None,
    ) -> tuple[Application, bool]:
        """Create, or return the one that has that `uniqueName` already; and whether it was created just now.

        A creation whose answer was lost comes out as one that stood already.
        """
        ...

    async def register_application(
        self,
        display_name: str,
        tags: Sequence[str],
        notes: str | None,
        owner: PrincipalId | None,
        management_reference: str | None = None,
    ) -> Application:
        """Make one more, without a `uniqueName`; whoever asks owns it. An answer that is lost is never repeated here.

        Args:
            display_name: its name.
            tags: what it is found by as long as it has no other key.
            notes: for whoever looks after it.
            owner: whoever asks, where that is known.
            management_reference: `serviceManagementReference`, where the tenant demands one.
        """
        ...

    async def unnamed_applications(self, tag: str) -> list[Application]:
        """Those with that tag that have no `uniqueName`."""
        ...

    async def name_application(self, object_id: ApplicationObjectId, unique_name: str) -> None:
        """Give a registration that has none its `uniqueName`; it cannot be changed afterwards."""
        ...

    async def add_owner(self, object_id: ApplicationObjectId, owner: PrincipalId) -> None:
        """Add an owner; one that is an owner already is no error."""
        ...

    async def update_application(
        self, object_id: ApplicationObjectId, patch: ApplicationPatch, *, is_new: bool
    ) -> None:
        """Send one PATCH."""
        ...

    async def create_principal(self, client_id: ClientId, *, is_new: bool) -> ServicePrincipal:
        """Create, or return the one that is there."""
        ...

    async def add_secret(
        self, object_id: ApplicationObjectId, name: str, expires: datetime, *, is_new: bool
    ) -> NewSecret:
        """Make a secret. An answer that is lost raises `ServiceError` with `answer_lost`: never repeated blindly."""
        ...

    async def remove_secret(self, object_id: ApplicationObjectId, key_id: KeyId) -> None:
        """Remove a secret; one that is gone already is no error."""
        ...

    async def add_certificate(
        self, object_id: ApplicationObjectId, certificate: Certificate, name: str, *, is_new: bool
    ) -> KeyId:
        """Register a certificate beside those that stand; one that is registered already is no error."""
        ...

    async def put_federated_credential(
        self, object_id: ApplicationObjectId, federation: Federation, *, is_new: bool
    ) -> KeyId:
        """Create the federated credential of that name, or bring the one that is there to this state."""
        ...

    async def assign(
        self, principal: PrincipalId, service: PrincipalId, role: AppRoleId, *, is_new: bool
    ) -> Assignment | None:
        """Grant admin consent; one that stands already is no error and gives `None`."""
        ...

    async def revoke(self, service: PrincipalId, assignment: str) -> None:
        """Take admin consent back; one that is gone already is no error."""
        ...

    async def delete_application(self, object_id: ApplicationObjectId) -> None:
        """Put a registration into the recycle bin; one that is gone already is no error."""
        ...

    async def deleted_applications(self) -> list[Application]:
        """The registrations in the recycle bin, which keep their `uniqueName` and URIs for 30 days; no certificates."""
        ...

    async def deleted_application(self, object_id: ApplicationObjectId) -> Application | None:
        """One of them, with its certificates; `None` where it is not, or not any more, in the recycle bin."""
        ...

    async def deleted_principals(self, client_ids: Iterable[ClientId]) -> list[ServicePrincipal]:
        """The service principals in the recycle bin of these appIds."""
        ...

    async def restore_application(self, object_id: ApplicationObjectId) -> None:
        """Take a registration back out of the recycle bin; one that is there again already is no error."""
        ...

    async def restore_principal(self, principal: PrincipalId) -> bool:
        """Take a service principal back out of the recycle bin; `False` where it is not, or no longer, in there."""
        ...

    async def purge_application(self, object_id: ApplicationObjectId, *, is_new: bool) -> None:
        """Take a registration out of the recycle bin for good; one that is gone already is no error."""
        ...


class Sites(Protocol):
    """Azure Resource Manager: subscriptions and App Service."""

    async def subscriptions(self) -> list[Subscription]:
        """Those that the caller sees."""
        ...

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """One by id."""
        ...

    async def sites(self, subscription_id: str, group: str | None = None) -> list[Site]:
        """Web and function apps, without slots."""
        ...

    async def site(self, resource: ResourceId) -> Site | None:
        """One site or slot."""
        ...

    async def settings(
        self, resource: ResourceId, *, leaves: Callable[[], None] = lambda: None
    ) -> dict[str, str | None]:
        """All application settings: secrets among them.

        Args:
            resource: the site or slot.
            leaves: called whenever the request is sent, so that what it is waited for is not taken for its duration.
        """
        ...

    async def slot_config(self, resource: ResourceId) -> SlotConfig | None:
        """The App Service's slots and slot settings; `None` where it has none, or they cannot be read."""
        ...

    async def write_settings(
        self,
        resource: ResourceId,
        merged: Callable[[], Mapping[str, str | None] | None],
        read_again: Callable[[], Awaitable[None]],
    ) -> None:
        """Replace all application settings.

        Args:
            resource: the site or slot.
            merged: what to send, asked whenever the request is sent; `None` where there is nothing to send any more.
            read_again: called before a repetition, so that it does not write back what was read before the first
                attempt: `merged` is then asked anew.
        """
        ...

    async def reference_status(self, resource: ResourceId, name: str) -> str | None:
        """How App Service fares with the key vault reference in a setting: `Resolved`, or why not.

        `None` where the setting holds no reference, or the caller may not know.
        """
        ...

    async def active_version(self, resource: ResourceId, name: str) -> str | None:
        """The version of the secret that the reference in a setting was resolved to; `None` where that is not told."""
        ...

    async def refresh_references(self, resource: ResourceId) -> None:
        """Have all key vault references resolved anew; App Service does so by itself within 24 hours."""
        ...

    async def restart(self, resource: ResourceId) -> None:
        """Restart the site."""
        ...


class Identities(Protocol):
    """Managed identities on whatever type of Azure resource."""

    async def holder(self, resource: ResourceId) -> IdentityResource | None:
        """The resource with the identities that it has."""
        ...

    async def enable(self, holder: IdentityResource) -> PrincipalId:
        """Switch the system-assigned identity on, keeping the identities that are there."""
        ...

    async def disable(self, holder: IdentityResource) -> None:
        """Switch the system-assigned identity off, keeping the identities that users assigned."""
        ...

    async def roles_of(self, holder: IdentityResource) -> list[str]:
        """The scopes at which the identity holds an Azure role, in its own subscription."""
        ...


class DirectoryAccess(Protocol):
    """What the caller may do in the directory, found out by asking Microsoft Graph."""

    @property
    def signed_in(self) -> SignedIn:
        """What is known without asking."""
        ...

    @property
    def address(self) -> str:
        """Where the directory is asked: `https://graph.microsoft.com/v1.0`."""
        ...

    async def person(self) -> Person | None:
        """Who signed in, where that is a person."""
        ...

    async def principal(self) -> ServicePrincipal | None:
        """Who signed in, where that is an application that is known."""
        ...

    async def roles(self) -> frozenset[str] | None:
        """Template ids of the caller's built-in directory roles for the whole tenant."""
        ...

    async def assignments(self, principal: PrincipalId) -> tuple[RoleAssignment, ...]:
        """Every directory role that somebody holds, at whatever scope, themselves or by a group."""
        ...

    async def permissions(self) -> frozenset[str] | None:
        """Values of the Graph app roles that the calling application was granted; `None` for a person."""
        ...

    async def owned(self) -> frozenset[ApplicationObjectId] | None:
        """The registrations that the caller owns."""
        ...

    async def secret_rules(self) -> tuple[SecretRule, ...]:
        """What the tenant's default app management policy says about secrets."""
        ...

    async def secret_rules_of(self, object_id: ApplicationObjectId) -> tuple[SecretRule, ...] | None:
        """What a registration's own policy says instead; `None` where it has none."""
        ...


class ResourceAccess(Protocol):
    """What the caller may do to an Azure resource, found out by asking Azure Resource Manager."""

    async def permissions(self, resource: ResourceId) -> tuple[Permission, ...]:
        """What the caller's roles allow there."""
        ...

    async def locks(self, resource: ResourceId) -> tuple[ResourceLock, ...]:
        """The locks on it and on what contains it."""
        ...

    async def denials(self, resource: ResourceId) -> tuple[Denial, ...]:
        """The deny assignments that reach it."""
        ...


class SecretStore(Protocol):
    """Where one client's secret goes. It is told of an attempt before the secret is made."""

    @property
    def label(self) -> str:
        """How the result names it: `file:…`."""
        ...

    @property
    def is_shown(self) -> bool:
        """Whether it is shown once and kept nowhere: no caller reads it there, and no later run can know of it."""
        ...

    async def note(self) -> SecretNote:
        """What the place remembers."""
        ...

    async def check(self, client_id: ClientId | None) -> None:
        """Make sure that it can be written to, before anything is made.

        Args:
            client_id: whose secret it will be, where the client exists already.

        Raises:
            UsageError: it cannot.
        """
        ...

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """Remember an attempt of a client, so that a later run can tell an orphan from a delivered secret."""
        ...

    async def deliver(self, record: SecretRecord, secret: NewSecret) -> None:
        """Store the secret and forget the attempt.

        Raises:
            NotShown: it was to be shown, and there is nobody who could see it.
            S2SError: it cannot be stored.
        """
        ...

    async def read(self) -> StoredCredential | None:
        """The credential that is stored there; `None` where there is none, or none that can be read again."""
        ...


class Tokens(Protocol):
    """The login service, as the clients of the MCT API use it for themselves."""

    async def token(self, sign_in: SignIn, scope: str, *, is_new: bool, role: str | None, at_once: int = 1) -> ApiToken:
        """A token got by the client's own credential, fresh each time.

        Args:
            sign_in: who asks, and by what.
            scope: `api://<appId>/.default`.
            is_new: whether the credential, the client or the service application was made minutes ago: then a refusal
                that may mean *not replicated yet* is waited out.
            role: the app role to wait for, where consent to it was granted minutes ago. When patience ends, the token
                comes without it.
            at_once: how many are asked for at the same moment, all of which must be given: one that is given says
                little about the next, as several replicas answer.

        Raises:
            ServiceError: `token-refused` or `identity-token-refused`, with the number after AADSTS as `service_code`;
                or the login service does not answer.
        """
        ...


class Api(Protocol):
    """The MCT API of one App Service. A token that is given to it goes to that App Service and nowhere else."""

    async def get(
        self, path: str, headers: Mapping[str, str], token: ApiToken | None, *, just_restarted: bool
    ) -> ApiAnswer:
        """GET `path`; redirects are not followed. While the site is starting (502, 503, 504), it is waited for.

        Args:
            path: begins with `/`.
            headers: beside `Authorization`.
            token: sent as `Authorization: Bearer`, if there is one.
            just_restarted: whether the site was told to restart by this very run: then a 401 may come from the process
                that ran before, and is waited out, too.

        Raises:
            UsageError: the path leads to another host.
            ServiceError: `site-unreachable`.
        """


@dataclass(frozen=True)
class KeySpec:
    """A key pair that is wanted."""

    name: str
    """What its certificate is made out to."""
    starts: datetime
    expires: datetime
    pending: Certificate | None = None
    """Of a key pair that is to be taken up again, if it is still there."""


@runtime_checkable
class KeyStore(SecretStore, Protocol):
    """A place that keeps private keys, too. They are made there and never leave it."""

    async def key_pair(self, wanted: KeySpec) -> Certificate:
        """The certificate of a key pair whose private key is on disk before this returns."""
        ...

    async def deliver_certificate(self, record: SecretRecord, certificate: Certificate) -> None:
        """Bring key and certificate to where the client reads them, and forget the attempt."""
        ...


class StoredSecrets(Protocol):
    """Key vaults, as far as a removal needs them."""

    async def delete(self, store: str, client_id: ClientId) -> bool:
        """Delete the secret `VAULT/NAME`, gone already or not; `False` where it is not that client's."""
        ...


class Departures(Protocol):
    """Identities that a removal has taken off an App Service's allow list and has yet to switch off."""

    def of(self, what: str) -> frozenset[str]:
        """Their object ids, in lower case; `what` is the App Service's resource id."""
        ...

    def begin(self, what: str, identities: Iterable[str]) -> None:
        """Note them, before the allow list is written."""
        ...

    def end(self, what: str, identities: Iterable[str]) -> None:
        """They are switched off."""
        ...


class Progress(Protocol):
    """Whoever watches."""

    def started(self, change: AnyChange) -> None:
        """Its first request goes out now."""
        ...

    def finished(self, change: AnyChange, detail: str) -> None:
        """It is done."""
        ...

    def skipped(self, change: AnyChange, why: str) -> None:
        """It was left for a later run, or for someone else."""
        ...

    def failed(self, change: AnyChange, error: S2SError) -> None:
        """It could not be done."""
        ...


@dataclass(frozen=True)
class Azure:
    """One signed-in session with one cloud."""

    cloud: str
    authority_host: str | None
    """The login host where it is not the public cloud's."""
    graph: str
    """Microsoft Graph's address."""
    directory: Directory
    sites: Sites
    identities: Identities
    directory_access: DirectoryAccess
    resource_access: ResourceAccess
    write_refusal: S2SError | None = None
    """Why Azure Resource Manager will refuse this caller's writes, where the sign-in shows that beforehand."""
