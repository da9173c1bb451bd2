"""What the operator asks for, checked for form, before anything is known of what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mct_s2s.model.client_credentials import CredentialSpec
from mct_s2s.model.documents import Backup
from mct_s2s.model.site_settings import SETTINGS, Required


@dataclass(frozen=True)
class ServiceSpec:
    """The service application."""

    unique_name: str = ""
    """Its key in the directory, should it have to be created or be found by it; empty until it is known whose it is."""
    display_name: str = ""
    role: str | None = None
    """The app role's value; `None` takes the one the App Service is set to, else the default."""
    adopt: str | None = None
    """The appId or Application ID URI of a registration to use instead of the one that is found."""
    management_reference: str | None = None
    """What the tenant demands on registrations; one that is set already stays."""
    may_create: bool = True
    """False for commands that add to a trust which has to be there."""
    is_in_file: bool = False
    """Whether a trust file says `adopt`: it does so each time, so that the registration need not remember it."""


@dataclass(frozen=True)
class ClientSpec:
    """One client application: its display name, or the appId of a registration to adopt."""

    name: str
    credential: CredentialSpec | None
    consent: bool = True
    management_reference: str | None = None


class SettingsScope(StrEnum):
    """How much of the App Service's settings a command answers for."""

    ALL = "all"
    CLIENTS = "clients"
    """The allow lists and the role: what one more client needs."""
    OFF = "off"
    NONE = "none"


@dataclass(frozen=True)
class GivenValues:
    """Values of the settings that the operator, or a handoff file, gives instead of the directory."""

    settings: Mapping[str, str] = field(default_factory=dict)
    """By name, checked; ids are joined as on the lists."""
    app_service: str | None = None
    """The App Service that a handoff file was written for, slot included, where it says one."""

    @property
    def need_no_directory(self) -> bool:
        """Whether everything that only the directory knows is given."""
        needed = (one for one in SETTINGS if one.required is Required.ALWAYS and one.option is not None)
        return all(one.name in self.settings for one in needed)


@dataclass(frozen=True)
class Pruning:
    """What is done with a trust's clients that are not asked for."""

    removes: bool = False
    """Whether they are removed; otherwise they are mentioned and left alone."""
    any_number: bool = False
    """Whether they may be more than a third of the clients."""
    kept: frozenset[str] = frozenset()
    """The appIds, in lower case, of registrations that stay, as another App Service's client has to be there."""


@dataclass(frozen=True)
class Desired:
    """Everything that one command asks for: one of the classes below."""

    service: ServiceSpec | None = None
    """`None` where Entra ID is not asked at all."""
    clients: tuple[ClientSpec | str, ...] = ()
    """Those that it is about, by name or id."""
    restart: bool = field(default=True, kw_only=True)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one if isinstance(one, str) else one.name for one in self.clients)

    @property
    def removes_unnamed(self) -> bool:
        """Whether clients go that are not named, so that all of them have to be found."""
        return False

    @property
    def unique_name(self) -> str:
        return self.service.unique_name if self.service is not None else ""

    @property
    def adopt(self) -> str | None:
        return self.service.adopt if self.service is not None else None


@dataclass(frozen=True)
class Look(Desired):
    """Nothing: what is there is only looked at."""

    all_federated: bool = False
    """Whether the federated credentials of every client are asked for."""


@dataclass(frozen=True)
class Setup(Desired):
    """What has to be there."""

    clients: tuple[ClientSpec, ...] = ()
    settings: SettingsScope = SettingsScope.ALL
    given: GivenValues = field(default_factory=GivenValues)
    settings_only: bool = False
    """Whether nothing else is written, and every client that holds the role is allowed (`configure-appservice`)."""
    pruning: Pruning | None = None
    """`None` for commands that have nothing to say about clients that they do not name."""

    @property
    def removes_unnamed(self) -> bool:
        return self.pruning is not None and self.pruning.removes


@dataclass(frozen=True)
class Restore(Desired):
    """Settings of a backup that are put back."""

    backup: Backup = field(kw_only=True)


@dataclass(frozen=True)
class Removal(Desired):
    """What is to be gone: some clients, or with `everything` the whole trust."""

    clients: tuple[str, ...] = ()
    """Names, appIds, object ids, resource ids, or entries of an allow list exactly as they are there."""
    everything: bool = False
    ignore_missing: bool = False
    keep_registration: bool = False
    delete_adopted: bool = False
    delete_secrets: bool = False
    """Whether what is in a key vault for a client whose registration goes is deleted there, too."""
    purge: bool = False
    kept: frozenset[str] = frozenset()
    """The appIds, in lower case, of registrations that stay, without the access that this trust gave them."""
    is_pruning: bool = False
    """Whether no one named whom it removes: options of `remove-client` are no help then."""

    @property
    def removes_unnamed(self) -> bool:
        return self.everything


@dataclass(frozen=True)
class Rotation(Desired):
    """New secrets or certificates for clients that have one: for those named, or for all whose credential ends soon."""

    clients: tuple[str, ...] = ()
    expires: datetime | None = None
    """`None`: each lasts as long as the old one did."""
    expiring_within: timedelta | None = None
    """Clients whose last secret ends within this time, or has ended: of those named, or of the whole site."""
    only_named: bool = False
    """Whether it is only about those named, of whom some may not be there, or have no secret."""
    keep_old: timedelta = timedelta(0)
    """For how long a secret that was replaced stays good: it is removed by the first rotation after that."""
    remove_old: bool = False
    shorten: bool = False
    own: Mapping[str, tuple[datetime | None, bool]] = field(default_factory=dict)
    """`expires` and `shorten` of clients that have their own, by the name or appId in `clients`."""

    def of(self, name: str) -> Rotation:
        expires, shorten = self.own.get(name, (self.expires, self.shorten))
        return replace(self, expires=expires, shorten=shorten)
