"""The directory of one tenant: applications, service principals, assignments, what was deleted."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mct_s2s.sandbox.directory.tokens import TokenService

if TYPE_CHECKING:
    from mct_s2s.sandbox.clock import Clock


@dataclass(frozen=True)
class SeededApp:
    """Ids of an application put into the directory by the seed: three different things."""

    app_id: str
    object_id: str
    service_principal_id: str


@dataclass(frozen=True)
class ManagedIdentity:
    """Ids of a managed identity's service principal: ARM's `principalId` and `clientId`."""

    principal_id: str
    client_id: str


class Directory:
    """One tenant of Entra ID."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tenant_id = str(uuid.uuid4())
        self.organization: dict[str, Any] = {}
        self.tokens = TokenService(clock, self.tenant_id)
        self._identities: dict[str, dict[str, Any]] = {}
        self._secrets: dict[str, str] = {}

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
        """Make a tenant that holds Microsoft's own service principals and nothing else yet.

        Args:
            clock: the sandbox's time.
            tenant_id: the tenant's GUID.
            display_name: the organisation's name.
            initial_domain: e.g. `contoso.onmicrosoft.com`.
            verified_domains: further domains; the first becomes the default one.
        """
        directory = cls(clock)
        directory.tenant_id = tenant_id
        directory.tokens = TokenService(clock, tenant_id)
        directory.organization = {
            "displayName": display_name,
            "domains": [initial_domain, *verified_domains],
        }
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
        del display_name, graph_roles, identifier_uris
        app = SeededApp(app_id or str(uuid.uuid4()), str(uuid.uuid4()), str(uuid.uuid4()))
        if secret is not None:
            self.set_seed_secret(app.app_id, secret)
        return app

    def set_seed_secret(self, app_id: str, secret: str) -> None:
        """Replace the credential named "sandbox" of an application, keeping only the secret's hash."""
        self._secrets[app_id] = hashlib.sha256(secret.encode()).hexdigest()

    def add_managed_identity(self, display_name: str, *, resource_id: str) -> ManagedIdentity:
        """Make the service principal of a managed identity, as Azure does when one is switched on.

        Args:
            display_name: the resource's name, which Azure gives the service principal as well.
            resource_id: ARM id of the resource (system-assigned) or of the user-assigned identity itself.
        """
        made = ManagedIdentity(str(uuid.uuid4()), str(uuid.uuid4()))
        self._identities[made.principal_id] = {"displayName": display_name, "resourceId": resource_id}
        return made

    def remove_managed_identity(self, principal_id: str) -> None:
        """Take away a managed identity's service principal; no error when it is gone already."""
        self._identities.pop(principal_id, None)

    def to_dict(self) -> dict[str, Any]:
        """Give the whole tenant as JSON values. Secrets appear hashed only; the signing key not at all."""
        return {
            "tenantId": self.tenant_id,
            "organization": self.organization,
            "identities": self._identities,
            "secrets": self._secrets,
        }

    @classmethod
    def from_dict(cls, clock: Clock, data: Mapping[str, Any]) -> Self:
        """Make the tenant that `to_dict` described."""
        directory = cls(clock)
        directory.tenant_id = data["tenantId"]
        directory.tokens = TokenService(clock, directory.tenant_id)
        directory.organization = dict(data["organization"])
        directory._identities = dict(data["identities"])
        directory._secrets = dict(data["secrets"])
        return directory
