"""The directory's side of a trust: the service application and everyone who is, or may become, its client."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.directory_objects import Application, Assignment, PrincipalKind, ServicePrincipal
from mct_s2s.model.ids import AppRoleId, ClientId, PrincipalId, same_id


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
class Trust:
    """The directory's side: the service application and everyone who is, or may become, its client."""

    service: Application | None = None
    """The one that is named, by the operator or the settings, or else this App Service's own."""
    principal: ServicePrincipal | None = None
    assignments: tuple[Assignment, ...] = ()
    clients: tuple[ClientApplication, ...] = ()
    identities: tuple[ServicePrincipal, ...] = ()
    """Managed identities on the allow list or holding the role."""
    own: Application | None = None
    """The one that was created for this App Service, where `service` is another one."""
    deleted: tuple[Application, ...] = ()
    """Registrations in the recycle bin that have a name or URI that this trust needs, or that were named. Looked for
    only where a wanted registration or URI is missing."""

    def is_assigned(self, principal: PrincipalId, role: AppRoleId) -> bool:
        """Whether the role is consented to."""
        return (principal.casefold(), role.casefold()) in self._assigned

    @cached_property
    def _assigned(self) -> frozenset[tuple[str, str]]:
        """Principal and role of each assignment: asked about for each of a thousand clients."""
        return frozenset((one.principal_id.casefold(), one.role_id.casefold()) for one in self.assignments)

    @cached_property
    def held_roles(self) -> frozenset[str]:
        """The ids, in lower case, of the roles that someone has been given."""
        return frozenset(one.role_id.casefold() for one in self.assignments)

    def identities_with(self, identity_resources: Iterable[IdentityResource]) -> tuple[ServicePrincipal, ...]:
        """The managed identities, and those of `identity_resources` that the directory has not shown."""
        known = {identity.id.casefold() for identity in self.identities}
        more = tuple(
            ServicePrincipal(
                identity_resource.principal_id,
                ClientId(""),
                identity_resource.display_name,
                PrincipalKind.MANAGED_IDENTITY,
                str(identity_resource.resource),
            )
            for identity_resource in identity_resources
            if identity_resource.principal_id is not None and identity_resource.principal_id.casefold() not in known
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
