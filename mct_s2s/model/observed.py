"""What is there: one snapshot of the directory and the App Service, as far as this trust is concerned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeGuard

from mct_s2s.model.client_credentials import Certificate, Federation
from mct_s2s.model.ids import (
    ApplicationObjectId,
    AppRoleId,
    ClientId,
    KeyId,
    PrincipalId,
    TenantId,
    same_id,
)
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import APPLICATION_IDS, OBJECT_IDS, AllowList, AppSettings

EXPIRING_WITHIN = timedelta(days=30)
"""A credential that ends so soon is told, and is to be replaced."""

OUR_CREDENTIALS = "mct-s2s "
"""How the name of every credential begins that this tool makes."""
YOUNG = timedelta(minutes=10)
"""For so long an object may still be on its way to every replica of the directory."""


@dataclass(frozen=True)
class Tenant:
    """The directory. `name` is its initial domain, the document's *Tenant Name*."""

    id: TenantId
    name: str
    domains: frozenset[str] = frozenset()
    """Every verified domain, in lower case."""

    def is_called(self, name: str) -> bool:
        """Whether `name` is one of the tenant's verified domains or its id."""
        return name.casefold() in self.domains or same_id(name, self.id)


@dataclass(frozen=True)
class AppRole:
    """An entry of `appRoles`. Source: learn.microsoft.com/graph/api/resources/approle."""

    id: AppRoleId
    value: str | None
    display_name: str
    description: str
    enabled: bool
    member_types: tuple[str, ...]

    @property
    def is_for_applications(self) -> bool:
        """Whether a client application can be given it."""
        return "Application" in self.member_types


class CredentialKind(StrEnum):
    """The three lists in which Entra ID keeps what an application signs in with."""

    SECRET = "secret"  # noqa: S105  # the word, not a secret
    CERTIFICATE = "certificate"
    FEDERATED = "federated"

    @property
    def noun(self) -> str:
        """What a person calls it: `federated credential`."""
        return "federated credential" if self is CredentialKind.FEDERATED else self.value


NEVER = datetime(2299, 12, 31, tzinfo=UTC)
"""The far end that the portal's *Never* stood for: Graph keeps a date in any case."""


def has_end(expires: datetime | None) -> TypeGuard[datetime]:
    """Whether a credential ends at a moment that is more than a way of saying never."""
    return expires is not None and expires.year < NEVER.year


def ending(expires: datetime | None) -> str:
    """`expires 2027-11-24`, or `does not expire`."""
    return f"expires {expires:%Y-%m-%d}" if has_end(expires) else "does not expire"


@dataclass(frozen=True)
class Credential:
    """A credential's public part. `expires` is `None` for federated credentials, which do not expire."""

    kind: CredentialKind
    key_id: KeyId
    name: str | None
    expires: datetime | None
    begins: datetime | None = None
    thumbprint: str | None = None
    """Of a certificate: SHA-1 in upper-case hexadecimal."""
    federation: Federation | None = None
    """Of a federated credential: whose tokens it takes."""

    @property
    def is_ours(self) -> bool:
        """Whether this tool made it, by its name."""
        return (self.name or "").startswith(OUR_CREDENTIALS)

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether it can be used at `moment`."""
        return self.expires is None or self.expires > moment


@dataclass(frozen=True)
class Owner:
    """Somebody who may change a registration, and sign in as it with a credential of their own making."""

    id: PrincipalId
    name: str
    """A person's `userPrincipalName`, or an application's display name."""


@dataclass(frozen=True)
class Custody:
    """In whose hands a registration is: who owns it or its service principal, and everything that signs in as it."""

    owners: tuple[Owner, ...] = ()
    credentials: tuple[Credential, ...] = ()
    """Of both halves, federated ones among them. A certificate's thumbprint is that of its key, not what was written
    beside it."""


@dataclass(frozen=True)
class RequiredAccess:
    """One entry of `requiredResourceAccess`: what an application declares that it needs of one API."""

    resource_client_id: ClientId
    permissions: tuple[tuple[str, str], ...]
    """(permission id, `Role` or `Scope`), each exactly as it stands."""


@dataclass(frozen=True)
class Application:
    """An app registration."""

    object_id: ApplicationObjectId
    client_id: ClientId
    display_name: str
    unique_name: str | None = None
    sign_in_audience: str | None = None
    identifier_uris: tuple[str, ...] = ()
    app_roles: tuple[AppRole, ...] = ()
    required_access: tuple[RequiredAccess, ...] = ()
    credentials: tuple[Credential, ...] = ()
    token_version: int | None = None
    created: datetime | None = None
    tags: tuple[str, ...] = ()
    notes: str | None = None
    """For whoever looks after it."""
    management_reference: str | None = None
    """The service that it belongs to, in the organization's own asset management."""
    deleted: datetime | None = None
    """Since when it is in the recycle bin, where it is."""

    def role(self, value: str) -> AppRole | None:
        """The app role of that value, disabled or not."""
        return next((role for role in self.app_roles if role.value == value), None)

    def declares(self, resource: ClientId, role: AppRoleId) -> bool:
        """Whether `requiredResourceAccess` already names the role."""
        return any(
            same_id(access.resource_client_id, resource)
            and any(same_id(permission, role) and kind == "Role" for permission, kind in access.permissions)
            for access in self.required_access
        )


class PrincipalKind(StrEnum):
    """`servicePrincipalType`, as far as it matters here."""

    APPLICATION = "Application"
    MANAGED_IDENTITY = "ManagedIdentity"


@dataclass(frozen=True)
class ServicePrincipal:
    """An application's or a managed identity's presence in the tenant."""

    id: PrincipalId
    client_id: ClientId
    display_name: str
    kind: PrincipalKind = PrincipalKind.APPLICATION
    resource_id: str | None = None
    """The Azure resource that a managed identity belongs to."""
    assignment_required: bool = False
    """Whether Entra refuses tokens to callers without an assignment (AADSTS501051)."""


@dataclass(frozen=True)
class Assignment:
    """An app role assignment: what the portal calls admin consent."""

    id: str
    principal_id: PrincipalId
    resource_id: PrincipalId
    role_id: AppRoleId


@dataclass(frozen=True)
class IdentityUse:
    """A resource whose managed identity this tool switched on, and what else that identity is known to be good for."""

    holder: IdentityResource
    others: tuple[str, ...] | None
    """What else relies on it, in words; `None` where that cannot be read."""


@dataclass(frozen=True)
class IdentityResource:
    """An Azure resource that can carry a managed identity, or a user-assigned identity itself."""

    resource: ResourceId
    principal_id: PrincipalId | None
    identity_type: str = "None"
    user_assigned: tuple[str, ...] = ()
    api_version: str | None = None
    location: str | None = None

    @property
    def display_name(self) -> str:
        """The resource's own name."""
        return self.resource.name


@dataclass(frozen=True)
class Site:
    """The MCT App Service, or one of its slots."""

    resource: ResourceId
    kind: str
    state: str
    host_names: tuple[str, ...]
    """Every host name that ARM lists, the default one first: the only ones a token may be sent to."""

    @property
    def name(self) -> str:
        """The App Service's name, without the slot."""
        return self.resource.names[0]

    @property
    def url(self) -> str:
        """Where the MCT API answers."""
        return f"https://{self.host_names[0]}"

    @property
    def label(self) -> str:
        """What a person calls it: `contosolearn`, or `contosolearn/staging`."""
        return self.resource.name


@dataclass(frozen=True)
class ClientApplication:
    """Approach 2: an app registration, its service principal and its way onto the allow list."""

    application: Application | None
    principal: ServicePrincipal | None

    @property
    def client_id(self) -> ClientId:
        """`appId`, from whichever half is there."""
        if self.application is not None:
            return self.application.client_id
        assert self.principal is not None  # noqa: S101  # never built from nothing
        return self.principal.client_id

    @property
    def display_name(self) -> str:
        """The name in the portal."""
        if self.application is not None:
            return self.application.display_name
        assert self.principal is not None  # noqa: S101
        return self.principal.display_name


@dataclass(frozen=True)
class SecretNote:
    """What a credential's place remembers: attempts that were begun there, and the one that arrived."""

    attempts: tuple[str, ...] = ()
    """Credential names, told to the place before the secret was made."""
    delivered: KeyId | None = None
    client_id: ClientId | None = None
    """Whose secret it is that arrived."""
    delivered_at: datetime | None = None
    kind: CredentialKind = CredentialKind.SECRET
    """What it is that arrived."""
    pending: Certificate | None = None
    """Of a key pair that was made there and has not arrived: it may be registered, or not."""
    held: tuple[KeyId, ...] = ()
    """Those that arrived there, the last one included: whoever reads the place has gone on to the last one."""
    vault: str | None = None
    """`VAULT/NAME`, where the place is a key vault: references to it lag behind by up to a day."""
    begun_for: Mapping[str, ClientId] = field(default_factory=dict)
    """Whose secret each attempt was for, where the place is not one client's by itself."""

    def is_about(self, credential: Credential, client_id: str) -> bool:
        """Whether an attempt was for that client's credential: one of another name than ours can never have been."""
        owner = self.begun_for.get(credential.name or "")
        return credential.is_ours and credential.name in self.attempts and (owner is None or same_id(owner, client_id))

    def is_fresh(self, client_id: str, now: datetime, kind: CredentialKind = CredentialKind.SECRET) -> bool:
        """Whether such a credential of that client arrived so lately that replicas may not show it yet."""
        if self.delivered_at is None or self.kind is not kind or not same_id(self.client_id, client_id):
            return False
        return now - self.delivered_at < YOUNG


@dataclass(frozen=True)
class Trust:
    """The directory's side: the service application and everybody who is, or may become, its client."""

    service: Application | None = None
    principal: ServicePrincipal | None = None
    assignments: tuple[Assignment, ...] = ()
    clients: tuple[ClientApplication, ...] = ()
    identities: tuple[ServicePrincipal, ...] = ()
    """Managed identities on the allow list or holding the role."""
    deleted: tuple[Application, ...] = ()
    """Registrations in the recycle bin that this trust would take up again, or that stand in its way. Looked for only
    where a wanted registration or URI is missing."""
    deleted_principals: tuple[ServicePrincipal, ...] = ()
    """Service principals in the recycle bin whose applications are here, or can be restored."""

    def deleted_principal_of(self, client_id: str) -> ServicePrincipal | None:
        """The service principal in the recycle bin of that appId."""
        return next((one for one in self.deleted_principals if same_id(one.client_id, client_id)), None)

    def is_assigned(self, principal: PrincipalId, role: AppRoleId) -> bool:
        """Whether admin consent to the role stands."""
        return any(same_id(a.principal_id, principal) and same_id(a.role_id, role) for a in self.assignments)

    def identities_with(self, holders: Iterable[IdentityResource]) -> tuple[ServicePrincipal, ...]:
        """The managed identities, and those of `holders` that the directory has not shown."""
        known = {identity.id.casefold() for identity in self.identities}
        more = tuple(
            ServicePrincipal(
                holder.principal_id,
                ClientId(""),
                holder.display_name,
                PrincipalKind.MANAGED_IDENTITY,
                str(holder.resource),
            )
            for holder in holders
            if holder.principal_id is not None and holder.principal_id.casefold() not in known
        )
        return (*self.identities, *more)

    def without(self, client_id: str) -> Trust:
        """The trust as it is where that registration is not there."""
        if self.service is not None and same_id(self.service.client_id, client_id):
            return replace(self, service=None, principal=None, assignments=())
        return replace(self, clients=tuple(one for one in self.clients if not same_id(one.client_id, client_id)))

    def client_of_id(self, client_id: str) -> ClientApplication | None:
        """The client of that appId."""
        return next((client for client in self.clients if same_id(client.client_id, client_id)), None)

    def client_of_unique_name(self, unique_name: str) -> ClientApplication | None:
        """The client of that `uniqueName`."""
        for client in self.clients:
            if client.application is not None and client.application.unique_name == unique_name:
                return client
        return None


@dataclass(frozen=True)
class SlotConfig:
    """The other slots of an App Service, and the settings that stay where they are when slots are swapped.

    Source: learn.microsoft.com/azure/app-service/deploy-staging-slots, "Which settings are swapped".
    """

    slots: tuple[str, ...] = ()
    """Deployment slots beside production."""
    sticky: frozenset[str] = frozenset()
    """Names of slot settings, in lower case."""


@dataclass(frozen=True)
class AppService:
    """The site's side."""

    site: Site
    settings: AppSettings
    tenant_id: TenantId
    """The tenant that the site's subscription trusts: the document's *same Azure tenant*."""
    slot_config: SlotConfig | None = None
    """What a swap would do; `None` where nobody may look, or nothing can be swapped."""

    @property
    def allowed_client_ids(self) -> AllowList:
        """The client applications that are allowed."""
        return APPLICATION_IDS.list_in(self.settings)

    @property
    def allowed_object_ids(self) -> AllowList:
        """The service principals that are allowed."""
        return OBJECT_IDS.list_in(self.settings)


@dataclass(frozen=True)
class WiredApp:
    """The web or function app, or slot, that is to call the API and finds what it needs in its own settings."""

    site: Site
    settings: AppSettings
    holder: IdentityResource | None
    reference: str | None = None
    """What App Service says of the reference in its setting `AZURE_CLIENT_SECRET`: `Resolved`, or why not."""


@dataclass(frozen=True)
class ObservedState:
    """Everything that a plan or a diagnosis rests on. `None` means: not looked at, because nothing asks for it."""

    cloud: str
    tenant: Tenant | None
    app_service: AppService | None
    trust: Trust = field(default_factory=Trust)
    holders: tuple[IdentityResource, ...] = ()
    """The resources named as callers, in the order they were named."""
    secrets: Mapping[str, SecretNote] = field(default_factory=dict)
    """What the secret places know, by the client's name in the wish."""
    wired: WiredApp | None = None
    wired_before: tuple[WiredApp, ...] = ()
    """The apps that earlier runs wired, where a command asks for them."""
    wired_unread: tuple[ResourceId, ...] = ()
    """Those of them that may not be looked at, or could not be."""
    identity_uses: tuple[IdentityUse, ...] = ()
    """Looked at only where an identity may have to be switched off."""
    departing: frozenset[str] = frozenset()
    """Object ids, in lower case, that an earlier run took off the allow list and did not come to switch off."""
    graph: str = "https://graph.microsoft.com"
    """Microsoft Graph's address in this cloud, for commands that a person has to type."""
    authority_host: str | None = None
    """The login host where it is not the public cloud's."""
    caller: PrincipalId | None = None
    """Who signed in. Looked at only where a registration is in question."""
    custody: Mapping[str, Custody] = field(default_factory=dict)
    """By appId in lower case: of the registrations that nothing but their names speaks for, or that are adopted."""

    @property
    def settings(self) -> AppSettings:
        """The App Service's application settings; empty where no App Service was looked at."""
        return self.app_service.settings if self.app_service is not None else {}

    def custody_of(self, application: Application) -> Custody:
        """In whose hands a registration is, as far as that was in question."""
        return self.custody.get(application.client_id.lower(), Custody())

    def with_settings(self, settings: Mapping[str, str | None]) -> ObservedState:
        """The same world with other application settings."""
        assert self.app_service is not None  # noqa: S101  # settings are only ever written to a site
        return replace(self, app_service=replace(self.app_service, settings=dict(settings)))
