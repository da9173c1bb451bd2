"""The directory of one tenant: applications, service principals, assignments, people, what was deleted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from mct_s2s.sandbox.core.variations import TenantVariations
from mct_s2s.sandbox.entra import assignments, grants, seeding, service_principals
from mct_s2s.sandbox.entra.conditional_access import ConditionalAccess
from mct_s2s.sandbox.entra.defaults import Defaults
from mct_s2s.sandbox.entra.ids import Ids
from mct_s2s.sandbox.entra.key_reads import KeyReads
from mct_s2s.sandbox.entra.policies import Policies
from mct_s2s.sandbox.entra.replication import Replication
from mct_s2s.sandbox.entra.seeding import ManagedIdentity, SeededApp
from mct_s2s.sandbox.entra.sessions import Sessions
from mct_s2s.sandbox.entra.table import Object, Table
from mct_s2s.sandbox.entra.tenant import Tenant
from mct_s2s.sandbox.entra.tokens import SigningKey, TokenService
from mct_s2s.sandbox.entra.validation import timestamp

if TYPE_CHECKING:
    from mct_s2s.sandbox.core.clock import Clock

HOSTED_ISSUERS = "/_sandbox/issuer"
"""Below the sandbox's own origin: where the issuers live that it plays itself."""

__all__ = ["Directory", "ManagedIdentity", "Origins", "PublicCloud", "SeededApp"]


class Origins(Protocol):
    """Where the services of the cloud are reached, e.g. `https://localhost:8443`; never with a slash behind."""

    @property
    def origin(self) -> str:
        """What is the sandbox's own, such as the issuers that it plays."""

    @property
    def login(self) -> str:
        """The token service, also part of version 2 issuers."""

    @property
    def login_hosts(self) -> tuple[str, ...]:
        """Every host name of the token service, the one to use first."""

    @property
    def graph(self) -> str:
        """Microsoft Graph, which is the name of its resource as well."""

    @property
    def arm(self) -> str:
        """Azure Resource Manager, which is the name of its resource as well."""

    @property
    def vault(self) -> str:
        """The name of Key Vault's resource, below which every vault lies."""


@dataclass(frozen=True)
class PublicCloud:
    """Where Azure itself is: what tokens say as long as nobody serves the directory."""

    login: str = "https://login.microsoftonline.com"
    graph: str = "https://graph.microsoft.com"
    arm: str = "https://management.azure.com"
    vault: str = "https://vault.azure.net"

    @property
    def origin(self) -> str:
        """Nobody plays issuers as long as nobody serves the directory; then they are at the token service."""
        return self.login

    @property
    def login_hosts(self) -> tuple[str, ...]:
        """The one name of the token service."""
        return (self.login.removeprefix("https://"),)


class Directory:
    """One tenant of Entra ID.

    Attributes:
        tenant: the tenant that everything here belongs to.
        foreign_tenants: tenants that exist elsewhere, so that a sign-in there is not "not found".
        applications, service_principals, assignments, federated, grants, users: the objects.
        secret_hashes: SHA-256 of each secret by its key id.
        policies: the tenant's app management policy.
        conditional_access: what is asked of a sign-in beside a good token.
        defaults: what new objects get where nothing is said.
        tokens: signs and checks.
        sessions: people who are signing in or signed in.
        foreign_issuers: signing keys of other identity providers, by issuer.
        hosted_issuers: signing keys of those that the sandbox plays itself, by name; see `foreign_issuer`.
        replication: how far behind the newest state reads are.
        variations: in what this tenant differs from most.
        key_reads: the budget for reading the keys of certificates.
        ids: gives new objects their ids.
        origins: where the cloud is served; not part of the world, and so not saved with it.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.replication = Replication(clock)
        self.variations = TenantVariations()
        self.ids = Ids()
        self.tenant = Tenant(str(uuid.uuid4()), "", ("example.onmicrosoft.com",), timestamp(clock.now()))
        self.foreign_tenants: list[Tenant] = []
        self.applications = Table(
            self.replication,
            appId=lambda one: [one["appId"]],
            displayName=lambda one: [one["displayName"]],
            identifierUris=lambda one: one["identifierUris"],
            uniqueName=lambda one: [one["uniqueName"]] if one["uniqueName"] else [],
        )
        self.service_principals = Table(
            self.replication,
            appId=lambda one: [one["appId"]],
            displayName=lambda one: [one["displayName"]],
            servicePrincipalNames=lambda one: one["servicePrincipalNames"],
        )
        self.assignments = Table(
            self.replication,
            principal=lambda one: [one["principalId"]],
            resource=lambda one: [one["resourceId"]],
        )
        self.federated = Table(self.replication, application=lambda one: [one["@application"]])
        self.grants = Table(self.replication, clientId=lambda one: [one["clientId"]])
        self.users = Table(self.replication, userPrincipalName=lambda one: [one["userPrincipalName"]])
        self.secret_hashes: dict[str, str] = {}
        self.policies = Policies()
        self.conditional_access = ConditionalAccess()
        self.key_reads = KeyReads(clock)
        self.defaults = Defaults()
        self.origins: Origins = PublicCloud()
        self.tokens = TokenService(self)
        self.sessions = Sessions()
        self.foreign_issuers: dict[str, SigningKey] = {}
        self.hosted_issuers: dict[str, SigningKey] = {}

    @property
    def tenant_id(self) -> str:
        """The tenant's GUID."""
        return self.tenant.tenant_id

    @classmethod
    def seeded(
        cls,
        clock: Clock,
        *,
        tenant_id: str,
        display_name: str,
        initial_domain: str,
        verified_domains: Iterable[str],
    ) -> Self:
        """Make a tenant that holds Microsoft's own service principals and two people, and nothing else yet.

        Until `ids.be_random`, ids follow from names, so that the same seed makes the same objects.

        Args:
            clock: the sandbox's time.
            tenant_id: the tenant's GUID.
            display_name: the organisation's name.
            initial_domain: e.g. `contoso.onmicrosoft.com`.
            verified_domains: further domains; the first becomes the default one.
        """
        directory = cls(clock)
        directory.ids = Ids(tenant_id)
        others = [domain for domain in verified_domains if domain != initial_domain]
        directory.tenant = Tenant(tenant_id.lower(), display_name, (initial_domain, *others), timestamp(clock.now()))
        seeding.add_microsoft(directory)
        seeding.add_people(directory)
        return directory

    def add_seed_application(
        self,
        display_name: str,
        *,
        app_id: str | None = None,
        secret: str | None = None,
        graph_roles: Iterable[str] = (),
        identifier_uris: Iterable[str] = (),
    ) -> SeededApp:
        """Put an application and its service principal into the directory, past all permissions.

        `secret` becomes its credential named "sandbox"; only its hash is kept. `graph_roles` are values of
        Microsoft Graph's app roles, e.g. `Application.ReadWrite.All`, granted at once.
        """
        return seeding.add_application(
            self,
            display_name,
            app_id=app_id,
            secret=secret,
            graph_roles=graph_roles,
            identifier_uris=identifier_uris,
        )

    def add_person(self, name: str, held: Object) -> Object:
        """Put a person into the directory; `held` are template ids of directory roles, own and by group."""
        return seeding.add_person(self, name.lower(), name, held)

    def set_seed_secret(self, app_id: str, secret: str) -> None:
        """Replace the credential named "sandbox" of an application, keeping only the secret's hash."""
        seeding.set_secret(self, app_id, secret)

    def add_managed_identity(self, display_name: str, *, resource_id: str) -> ManagedIdentity:
        """Make the service principal of a managed identity, as Azure does when one is switched on.

        Args:
            display_name: the resource's name, which Azure gives the service principal as well.
            resource_id: ARM id of the resource (system-assigned) or of the user-assigned identity itself.
        """
        explicit = "/microsoft.managedidentity/userassignedidentities/" in resource_id.lower()
        made = service_principals.of_managed_identity(self, display_name, resource_id, explicit=explicit)
        self.service_principals.put(made)
        return ManagedIdentity(made["id"], made["appId"])

    def remove_managed_identity(self, principal_id: str) -> None:
        """Take away a managed identity's service principal; no error when it is gone already."""
        assignments.forget(self, principal_id)
        self.service_principals.drop(principal_id)

    def move_login(self, origin: str) -> None:
        """Change where the token service is reached, leaving the other services where they are."""
        self.origins = PublicCloud(origin, self.origins.graph, self.origins.arm, self.origins.vault)

    def principal(self, object_id: str) -> Object | None:
        """Find a service principal or a user by object id, as a replica has it."""
        return self.service_principals.seen(object_id) or self.users.seen(object_id)

    def issuer_key(self, issuer: str) -> SigningKey | None:
        """Find the key that an issuer of federated tokens signs with: the tenant itself, or a foreign one."""
        if issuer in {grants.issuer(self, 1), grants.issuer(self, 2)}:
            return self.tokens.signing_key
        name = issuer.removeprefix(f"{self.origins.origin}{HOSTED_ISSUERS}/")
        return self.hosted_issuers.get(name) or self.foreign_issuers.get(issuer)

    def to_dict(self) -> dict[str, Any]:
        """Give the whole tenant as JSON values. Secrets appear hashed only; the signing key not at all.

        Keys of issuers that the sandbox plays are in it: they open nothing but the sandbox.
        """
        tables = self._tables()
        held = (*self.applications.dump(), *self.service_principals.dump())
        known = {credential["keyId"] for holder in held for credential in holder["passwordCredentials"]}
        return {
            "tenant": self.tenant.to_dict(),
            "foreignTenants": [tenant.to_dict() for tenant in self.foreign_tenants],
            **{name: table.dump() for name, table in tables.items()},
            "secretHashes": {key_id: text for key_id, text in self.secret_hashes.items() if key_id in known},
            "hostedIssuers": {name: key.pem().decode() for name, key in self.hosted_issuers.items()},
            "sessions": self.sessions.to_dict(),
            "conditionalAccess": self.conditional_access.settings(),
            "replication": self.replication.settings(),
            "variations": self.variations.settings(),
            "defaults": self.defaults.settings(),
            "young": {name: table.dump_young() for name, table in tables.items()},
            "defaultAppManagementPolicy": self.policies.document,
        }

    @classmethod
    def from_dict(cls, clock: Clock, data: Mapping[str, Any]) -> Self:
        """Make the tenant that `to_dict` described."""
        directory = cls(clock)
        directory.tenant = Tenant.from_dict(data["tenant"])
        directory.foreign_tenants = [Tenant.from_dict(one) for one in data["foreignTenants"]]
        for name, table in directory._tables().items():
            table.load(data.get(name, []), data.get("young", {}).get(name, {}))
        directory.replication.change(data.get("replication", {}))
        directory.conditional_access.change(data.get("conditionalAccess", {}))
        directory.variations.change(data.get("variations", {}))
        directory.defaults.change(data.get("defaults", {}))
        directory.sessions = Sessions.from_dict(data.get("sessions", {}))
        for name, pem in data.get("hostedIssuers", {}).items():
            directory.hosted_issuers[name] = SigningKey(pem.encode())
        directory.secret_hashes = dict(data["secretHashes"])
        directory.policies = Policies(data["defaultAppManagementPolicy"])
        return directory

    def _tables(self) -> dict[str, Table]:
        return {
            "applications": self.applications,
            "servicePrincipals": self.service_principals,
            "appRoleAssignments": self.assignments,
            "federatedIdentityCredentials": self.federated,
            "oauth2PermissionGrants": self.grants,
            "users": self.users,
        }
