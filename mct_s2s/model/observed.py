"""What is there: one snapshot of the directory and the App Service, as far as this trust is concerned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from mct_s2s.model.azure_resources import AppService, IdentityResource
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.directory_objects import Application, Assignment, Custody, ServicePrincipal, Tenant
from mct_s2s.model.ids import AppRoleId, ClientId, PrincipalId, same_id
from mct_s2s.model.site_settings import AppSettings


@dataclass(frozen=True)
class ClientApplication:
    """Approach 2: an app registration, its service principal and its way onto the allow list."""

    application: Application | None
    principal: ServicePrincipal | None

    @property
    def _half(self) -> Application | ServicePrincipal:
        half = self.application or self.principal
        assert half is not None  # never built from nothing
        return half

    @property
    def client_id(self) -> ClientId:
        return self._half.client_id

    @property
    def display_name(self) -> str:
        return self._half.display_name


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

    def base(self, unique_name: str) -> str:
        """What the `uniqueName` of each client starts with; `unique_name` where the service application has none."""
        return (self.service.unique_name if self.service is not None else None) or unique_name

    def is_assigned(self, principal: PrincipalId, role: AppRoleId) -> bool:
        return (principal.casefold(), role.casefold()) in self._assigned

    def holds(self, principal: ServicePrincipal | None, role: AppRoleId | None) -> bool:
        return principal is not None and role is not None and self.is_assigned(principal.id, role)

    @cached_property
    def _assigned(self) -> frozenset[tuple[str, str]]:
        """Principal and role of each assignment: asked about for each of a thousand clients."""
        return frozenset((one.principal_id.casefold(), one.role_id.casefold()) for one in self.assignments)

    @cached_property
    def held_roles(self) -> frozenset[str]:
        """The ids, in lower case, of the roles that someone has been given."""
        return frozenset(one.role_id.casefold() for one in self.assignments)

    def identities_with(self, resources: Iterable[IdentityResource]) -> tuple[ServicePrincipal, ...]:
        """The managed identities, and those of `resources` that the directory has not shown."""
        known = {identity.id.casefold() for identity in self.identities}
        more = (
            ServicePrincipal(one.principal_id, ClientId(""), one.display_name, True, str(one.resource))
            for one in resources
            if one.principal_id is not None and one.principal_id.casefold() not in known
        )
        return (*self.identities, *more)

    def without(self, client_id: str) -> Trust:
        if self.service is not None and same_id(self.service.client_id, client_id):
            return replace(self, service=None, principal=None, assignments=())
        return replace(self, clients=tuple(one for one in self.clients if not same_id(one.client_id, client_id)))

    def client_of_id(self, client_id: str) -> ClientApplication | None:
        return next((client for client in self.clients if same_id(client.client_id, client_id)), None)

    def client_of_unique_name(self, unique_name: str) -> ClientApplication | None:
        made = (one for one in self.clients if one.application and one.application.unique_name == unique_name)
        return next(made, None)


@dataclass(frozen=True)
class ObservedState:
    """Everything that a plan or a diagnosis rests on. `None` means: not looked at, because nothing asks for it."""

    cloud: str
    tenant: Tenant | None
    app_service: AppService | None
    trust: Trust = field(default_factory=Trust)
    identity_resources: tuple[IdentityResource, ...] = ()
    """The resources named as callers, in the order they were named."""
    secrets: Mapping[str, SecretNote] = field(default_factory=dict)
    """What the secret stores remember, by the client's name as it was asked for."""
    enabled: tuple[IdentityResource, ...] = ()
    """Those whose identity this tool switched on: looked at only where one may have to be switched off."""
    departing: frozenset[str] = frozenset()
    """Object ids, in lower case, that an earlier run took off the allow list and did not come to switch off."""
    graph: str = "https://graph.microsoft.com"
    """Microsoft Graph's address in this cloud, for commands that a person has to type."""
    authority_host: str | None = None
    """The login host where it is not the public cloud's."""
    caller: PrincipalId | None = None
    custody: Mapping[str, Custody] = field(default_factory=dict)
    """By appId in lower case: of the registrations that are in question."""

    @property
    def settings(self) -> AppSettings:
        """The App Service's application settings; empty where no App Service was looked at."""
        return self.app_service.settings if self.app_service is not None else {}

    @property
    def settings_unread(self) -> bool:
        """Whether the App Service was looked at, but not its settings: who is allowed is not known then."""
        return self.app_service is not None and self.app_service.refusal is not None

    def custody_of(self, application: Application) -> Custody | None:
        """Who controls a registration; `None` where that was not looked at."""
        return self.custody.get(application.client_id.lower())

    def with_settings(self, settings: Mapping[str, str | None]) -> ObservedState:
        assert self.app_service is not None  # settings are only ever written to a site
        return replace(self, app_service=replace(self.app_service, settings=dict(settings)))
