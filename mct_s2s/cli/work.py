"""What a command is to do at one App Service, checked before anyone signs in, and how far it has come."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.cli.options import ChangingOptions, CredentialOptions
from mct_s2s.cli.requests import named_target, request_for
from mct_s2s.cli.session import Services
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Session
from mct_s2s.inputs.documents import SettingsFile
from mct_s2s.inputs.secret_to import ClientPlaces
from mct_s2s.model.desired import Desired, Removal, SettingsScope, Setup
from mct_s2s.model.documents import Backup
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.stores.store import Show

if TYPE_CHECKING:
    from mct_s2s.model.trust_file import Profile, SiteEntry


@dataclass(frozen=True)
class Work:
    options: ChangingOptions
    desired: Desired
    """Its service application is named after the App Service, which may have to be picked first."""
    places: ClientPlaces = field(default_factory=ClientPlaces)
    identities: tuple[str | ResourceId, ...] = ()
    now: datetime = field(default_factory=clock.now)

    @property
    def setup(self) -> Setup:
        assert isinstance(self.desired, Setup)  # asked of `setup`, `add-client` and trust files alone
        return self.desired

    @property
    def needs(self) -> Services:
        has_site = not (isinstance(self.desired, Setup) and self.desired.settings is SettingsScope.NONE)
        deletes = isinstance(self.desired, Removal) and self.desired.delete_secrets
        return Services(
            directory=self.desired.service is not None,
            arm=has_site or bool(self.identities),
            target=has_site,
            key_vault=bool(self.places.vaults) or deletes,
        )

    def request(self, session: Session, show: Show, note: Callable[[str], None]) -> Request:
        options, is_setup = self.options, isinstance(self.desired, Setup)
        for vault in self.places.vaults:
            session.connection.cloud.vault(vault)  # before anything is looked at
        return request_for(
            session,
            self.desired,
            self.now,
            named=named_target(options),
            attempt=token_hex(4),
            identities=self.identities,
            backup=SettingsFile(options.backup, Backup, note) if options.backup is not None else None,
            preflight=not options.no_preflight,
            dry_run=options.dry_run,
            without_settings=options.dry_run and is_setup,
            verify=is_setup and self.needs.target and isinstance(options, CredentialOptions) and options.verifies,
            places=self.places,
            show=show,
        )


@dataclass(frozen=True, kw_only=True)
class SiteWork(Work):
    key: str
    """What the trust file calls the site."""
    entry: "SiteEntry"
    profile: "Profile"
    target: SiteTarget

    @property
    def sign_in(self) -> tuple[str | None, ...]:
        one = self.options
        return one.cloud, one.tenant, one.subscription, one.auth.value, self.profile.client_id
