"""The directory of one tenant as data: applications, service principals, assignments, people, what
was deleted.

The rules are functions of the packages above, which take a directory as their first argument.
"""

import functools
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from mct_s2s.sandbox.core.addresses import PORT, Addresses, RealNames
from mct_s2s.sandbox.core.clock import Clock
from mct_s2s.sandbox.entra.replication import Replication
from mct_s2s.sandbox.entra.sessions import Sessions, SigningKey
from mct_s2s.sandbox.entra.table import Object, Table
from mct_s2s.sandbox.entra.tenant.organization import CUSTOMER, Tenant
from mct_s2s.sandbox.entra.tenant.policies import Policies
from mct_s2s.sandbox.entra.tenant.recent_writes import (
    GraphWrites,
    KeyReads,
    RecentWrites,
    TokenRefusals,
)
from mct_s2s.sandbox.entra.tenant.variations import Variations
from mct_s2s.sandbox.entra.validation import timestamp


class ObjectIds:
    """Creates ids.

    With a namespace they follow from the name and from how often it was used before.

    Two states of one seed then have the same ids, and what a client remembers of the first, a token
    included, is valid for the second.
    """

    def __init__(self, namespace: str | None = None) -> None:
        self._namespace = uuid.UUID(namespace) if namespace else None
        self._used: Counter[str] = Counter()

    def new(self, name: str) -> str:
        """Return a GUID for an object described by a name, e.g. `application/Payroll export`."""
        if self._namespace is None:
            return str(uuid.uuid4())
        self._used[name] += 1
        return str(uuid.uuid5(self._namespace, f"{name}/{self._used[name]}"))

    def be_random(self) -> None:
        """Return random ids from now on: the seed is done."""
        self._namespace = None


@dataclass(frozen=True)
class Caller:
    """Who sends a request, read from a valid token.

    `scopes` are empty for an application that acts as itself.
    """

    tenant_id: str
    object_id: str
    app_id: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Directory:
    """One tenant of Entra ID.

    Attributes:
        tenant: the tenant that everything here belongs to.
        foreign_tenants: tenants that exist elsewhere, so that a sign-in there is not "not found".
        applications, service_principals, assignments, federated, grants, users: the objects.
        secret_hashes: SHA-256 of each secret by its key id.
        policies: the tenant's app management policy.
        sessions: people who are signing in or signed in.
        foreign_issuers: signing keys of other identity providers, by issuer.
        hosted_issuers: signing keys of those that the sandbox hosts, by name; see `services.login`.
        replication: how far behind the newest state reads are.
        variations: in what this tenant differs from most.
        key_reads: the budget for reading the keys of certificates.
        graph_writes: the budget of each application for writes.
        token_refusals: which clients ask for tokens too often.
        recent_writes: which objects are still locked by a write.
        ids: ids of new objects.
        addresses: where the cloud is served, Azure's own as long as it is not; not saved with the
            rest.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.replication = Replication(clock)
        self.variations = Variations()
        self.ids = ObjectIds()
        self.tenant = Tenant(
            str(uuid.uuid4()), "", ("example.onmicrosoft.com",), timestamp(clock.now())
        )
        self.foreign_tenants: list[Tenant] = []
        self.applications = Table(
            self.replication,
            appId=lambda item: [item["appId"]],
            displayName=lambda item: [item["displayName"]],
            identifierUris=lambda item: item["identifierUris"],
            uniqueName=lambda item: [item["uniqueName"]] if item["uniqueName"] else [],
        )
        self.service_principals = Table(
            self.replication,
            appId=lambda item: [item["appId"]],
            displayName=lambda item: [item["displayName"]],
            servicePrincipalNames=lambda item: item["servicePrincipalNames"],
        )
        self.assignments = Table(
            self.replication,
            principal=lambda item: [item["principalId"]],
            resource=lambda item: [item["resourceId"]],
        )
        self.federated = Table(self.replication, application=lambda item: [item["@application"]])
        self.grants = Table(self.replication, clientId=lambda item: [item["clientId"]])
        self.users = Table(
            self.replication, userPrincipalName=lambda item: [item["userPrincipalName"]]
        )
        self.secret_hashes: dict[str, str] = {}
        self.policies = Policies()
        self.key_reads = KeyReads(clock)
        self.graph_writes = GraphWrites(clock)
        self.token_refusals = TokenRefusals(clock)
        self.recent_writes = RecentWrites(clock)
        self.addresses: Addresses = RealNames(PORT, ())
        self.sessions = Sessions()
        self.foreign_issuers: dict[str, SigningKey] = {}
        self.hosted_issuers: dict[str, SigningKey] = {}

    @functools.cached_property
    def signing_key(self) -> SigningKey:
        """The key of the tenant's tokens; made on first need unless one was set.

        Not saved with the rest.
        """
        return SigningKey()

    @property
    def tenant_id(self) -> str:
        return self.tenant.tenant_id

    @property
    def subscription_tenant(self) -> Tenant:
        """The one that the subscriptions trust: this one, or the customer's who delegated them."""
        return CUSTOMER if self.variations.delegated_subscriptions else self.tenant

    def principal(self, object_id: str) -> Object | None:
        return self.service_principals.seen(object_id) or self.users.seen(object_id)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole tenant as JSON values.

        Secrets appear hashed only; the signing key not at all.

        Keys of hosted issuers are included: they open nothing but the sandbox.
        """
        tables = self._tables()
        held = (*self.applications.dump(), *self.service_principals.dump())
        known = {
            credential["keyId"] for holder in held for credential in holder["passwordCredentials"]
        }
        return {
            "tenant": self.tenant.to_dict(),
            "foreignTenants": [tenant.to_dict() for tenant in self.foreign_tenants],
            **{name: table.dump() for name, table in tables.items()},
            "secretHashes": {
                key_id: text for key_id, text in self.secret_hashes.items() if key_id in known
            },
            "hostedIssuers": {
                name: key.pem().decode() for name, key in self.hosted_issuers.items()
            },
            "sessions": self.sessions.to_dict(),
            "variations": asdict(self.variations),
            "young": {name: table.dump_young() for name, table in tables.items()},
            "defaultAppManagementPolicy": self.policies.document,
        }

    @classmethod
    def from_dict(cls, clock: Clock, data: Mapping[str, Any]) -> Self:
        """Restore what `to_dict` returned; members that an older sandbox did not save have their
        defaults.
        """
        directory = cls(clock)
        directory.tenant = Tenant.from_dict(data["tenant"])
        directory.foreign_tenants = [Tenant.from_dict(tenant) for tenant in data["foreignTenants"]]
        for name, table in directory._tables().items():
            table.load(data.get(name, []), data.get("young", {}).get(name, {}))
        directory.variations = Variations.of(data.get("variations", {}))
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
