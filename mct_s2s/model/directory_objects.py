"""Objects of the directory."""

from dataclasses import dataclass
from datetime import datetime

from mct_s2s.model.client_credentials import Credential
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, KeyId, PrincipalId, TenantId


@dataclass(frozen=True)
class Tenant:
    """A tenant; `name`: its initial domain, the document's *Tenant Name*."""

    id: TenantId
    name: str
    domains: frozenset[str] = frozenset()
    """The verified ones, in lower case."""


@dataclass(frozen=True)
class AppRole:
    """An entry of `appRoles`: learn.microsoft.com/graph/api/resources/approle."""

    id: AppRoleId
    value: str
    """Empty where it has none."""
    display_name: str
    description: str
    enabled: bool
    member_types: tuple[str, ...]

    @property
    def is_for_applications(self) -> bool:
        return "Application" in self.member_types


Owner = tuple[PrincipalId, str]
"""Object ID and name of an owner: `userPrincipalName`, or display name and appId."""


@dataclass(frozen=True)
class Custody:
    """The owners of a registration and of its service principal, and what signs in as it."""

    owners: tuple[Owner, ...] = ()
    credentials: tuple[Credential, ...] = ()
    """Those of both halves, federated ones included.

    A thumbprint is computed from the key itself.
    """


@dataclass(frozen=True)
class RequiredAccess:
    """An entry of `requiredResourceAccess`."""

    resource_client_id: ClientId
    permissions: tuple[tuple[str, str], ...]
    """(permission id, `Role` or `Scope`)."""


_NO_OBJECT, _NO_CLIENT = ApplicationObjectId(""), ClientId("")


@dataclass(frozen=True)
class Application:
    """An app registration; its ids are empty until it is created."""

    object_id: ApplicationObjectId = _NO_OBJECT
    client_id: ClientId = _NO_CLIENT
    display_name: str = ""
    unique_name: str | None = None
    identifier_uris: tuple[str, ...] = ()
    app_roles: tuple[AppRole, ...] = ()
    required_access: tuple[RequiredAccess, ...] = ()
    credentials: tuple[Credential, ...] = ()
    undelivered: frozenset[KeyId] = frozenset()
    """Key ids of secrets an attempt at which is noted, and whose arrival is not known.

    They count for nothing: no one may have them.
    """
    token_version: int | None = None
    created: datetime | None = None
    created_by: ClientId | None = None
    """`createdByAppId`: the program that registered it.

    No one can write it; everyone who uses az has the same.
    """
    extras: tuple[str, ...] = ()
    """Names of properties that are set and that this tool never sets.

    Redirect URIs, scopes and their like.
    """
    tags: tuple[str, ...] = ()
    notes: str | None = None
    management_reference: str | None = None
    deleted: datetime | None = None
    """Since when it is in the recycle bin; `None`: it is not."""

    def role(self, value: str) -> AppRole | None:
        return next((role for role in self.app_roles if role.value == value), None)

    def declares(self, resource: ClientId, role: AppRoleId) -> bool:
        return any(
            access.resource_client_id == resource and (role, "Role") in access.permissions
            for access in self.required_access
        )


@dataclass(frozen=True)
class ServicePrincipal:
    """The identity of an application in the tenant, or a managed identity."""

    id: PrincipalId
    client_id: ClientId
    display_name: str
    is_identity: bool = False
    resource_id: str | None = None
    assignment_required: bool = False
    """Whether Entra refuses tokens to callers without an assignment (AADSTS501051)."""
    enabled: bool = True
    """Whether Entra issues tokens for it and to it: its owner may switch that off.

    AADSTS500014, AADSTS7000112.
    """


@dataclass(frozen=True)
class Assignment:
    """An app role assignment: what the portal calls admin consent."""

    id: str
    principal_id: PrincipalId
    resource_id: PrincipalId
    role_id: AppRoleId
    principal_name: str = ""
