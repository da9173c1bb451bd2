"""What is there: one snapshot of the directory and the App Service, as far as this trust is concerned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mct_s2s.model.azure_resources import AppService, IdentityResource, IdentityUse, Site
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.directory_objects import Application, Custody, Tenant
from mct_s2s.model.ids import PrincipalId
from mct_s2s.model.site_settings import AppSettings
from mct_s2s.model.trust import Trust


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
    """By appId in lower case: of the registrations that are in question."""

    @property
    def settings(self) -> AppSettings:
        """The App Service's application settings; empty where no App Service was looked at."""
        return self.app_service.settings if self.app_service is not None else {}

    @property
    def site(self) -> Site | None:
        """The App Service; `None` where it was not looked at."""
        return self.app_service.site if self.app_service is not None else None

    @property
    def settings_unread(self) -> bool:
        """Whether the App Service was looked at, but not its settings: who is allowed is not known then."""
        return self.app_service is not None and self.app_service.refusal is not None

    def custody_of(self, application: Application) -> Custody | None:
        """In whose hands a registration is; `None` where that was not looked at."""
        return self.custody.get(application.client_id.lower())

    def with_settings(self, settings: Mapping[str, str | None]) -> ObservedState:
        """The same state with other application settings."""
        assert self.app_service is not None  # noqa: S101  # settings are only ever written to a site
        return replace(self, app_service=replace(self.app_service, settings=dict(settings)))
