"""Desired states: what the operator asks for, checked for form."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mct_s2s.model.client_credentials import CredentialKind, CredentialSpec
from mct_s2s.model.run_files import Backup


@dataclass(frozen=True)
class ServiceSpec:
    """The service application that is wanted."""

    display_name: str = ""
    is_name_typed: bool = False
    """Whether the operator or a trust file says `display_name`, so that no other one will do."""
    role: str | None = None
    """`None`: the one that the App Service is set to, else the default."""
    adopt: str | None = None
    """The appId or Application ID URI of a registration to use instead."""
    management_reference: str | None = None
    """Set only where there is none."""
    url: str | None = None
    """The address of the API, as typed.

    `None`: the one from before, else the App Service's host name.
    """
    may_create: bool = True
    is_in_file: bool = False
    """Whether a trust file says `adopt`, each time: the registration need not remember it."""


@dataclass(frozen=True)
class ClientSpec:
    """A client application that is wanted."""

    name: str
    """A display name, or the appId of a registration to adopt."""
    credential: CredentialSpec | None
    consent: bool = True
    management_reference: str | None = None


class SettingsScope(StrEnum):
    """Which application settings are written."""

    ALL = "all"
    CLIENTS = "clients"
    """The allow lists and the role: what one more client needs."""
    OFF = "off"
    NONE = "none"


@dataclass(frozen=True)
class Pruning:
    """What happens to clients that a trust file does not name."""

    removes: bool = False
    """Otherwise they are mentioned."""
    any_number: bool = False
    """Whether they may be more than a third of the clients."""
    named_elsewhere: frozenset[str] = frozenset()
    """As in `Removal.named_elsewhere`."""


@dataclass(frozen=True)
class Desired:
    """What is wanted at one App Service: the common part."""

    service: ServiceSpec | None = None
    """`None`: nothing is planned in Entra ID; it is read for names at most."""
    clients: tuple[ClientSpec | str, ...] = ()
    restart: bool = field(default=True, kw_only=True)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(client if isinstance(client, str) else client.name for client in self.clients)

    @property
    def removes_unnamed(self) -> bool:
        """Whether clients go that are not named, so that all of them have to be found."""
        return False

    @property
    def adopt(self) -> str | None:
        return self.service.adopt if self.service is not None else None


@dataclass(frozen=True)
class Look(Desired):
    """A report, which changes nothing."""

    all_federated: bool = False
    """Whether every client's federated credentials are read."""


@dataclass(frozen=True)
class Setup(Desired):
    """What has to be there. What is there already stays."""

    clients: tuple[ClientSpec, ...] = ()
    settings: SettingsScope = SettingsScope.ALL
    given: Mapping[str, str] = field(default_factory=dict)
    """Settings from the operator or a handoff file, in place of the directory's.

    Ids are joined as on the lists.
    """
    given_for: str | None = None
    """`NAME` or `NAME/SLOT`: the App Service that the handoff file was written for."""
    settings_only: bool = False
    """True for `configure-appservice`: only settings are written.

    Every client that holds the role is allowed then.
    """
    pruning: Pruning | None = None
    """`None` for commands that ignore clients that they do not name."""

    @property
    def removes_unnamed(self) -> bool:
        return self.pruning is not None and self.pruning.removes


@dataclass(frozen=True)
class Restore(Desired):
    """Application settings as a backup has them."""

    backup: Backup = field(kw_only=True)


@dataclass(frozen=True)
class Removal(Desired):
    """The removal of some clients, or with `everything` of the whole trust."""

    service: ServiceSpec = ServiceSpec()
    clients: tuple[str, ...] = ()
    """Names, appIds, object ids, resource ids, or entries of an allow list."""
    everything: bool = False
    ignore_missing: bool = False
    keep_registration: bool = False
    delete_adopted: bool = False
    """Whether key vault secrets of clients go whose registration goes."""
    purge: bool = False
    named_elsewhere: frozenset[str] = frozenset()
    """Registrations that stay, without their access, as the other sites of a file name them, in
    lower case.

    A display name there is that site's own client; only an appId can name one that is removed here.
    """
    is_pruning: bool = False
    """True for `apply --prune`: its notes name no options of `remove-client`."""

    @property
    def removes_unnamed(self) -> bool:
        return self.everything


@dataclass(frozen=True)
class Rotation(Desired):
    """New credentials for clients, and the removal of old ones."""

    service: ServiceSpec = ServiceSpec()
    clients: tuple[str, ...] = ()
    expires: datetime | None = None
    """`None`: each lasts as long as the old one did."""
    expiring_within: timedelta | None = None
    """Only clients whose last credential ends within this time, or with leftovers to remove."""
    only_named: bool = False
    """True for a trust file: only the clients that it names are rotated.

    With `expiring_within`, those that do not exist are left alone, and those that have no
    credential get one.
    """
    keep_old: timedelta = timedelta(0)
    """A replaced secret is removed by the first rotation after this time.

    It is not remembered: each rotation goes by its own value.
    """
    remove_old: bool = False
    place: str | None = None
    """Where the new secret goes, as it was typed.

    The command that removes the old one says it again, or it would judge by another place which one
    is in use.
    """
    shorten: bool = False
    kind: CredentialKind = CredentialKind.SECRET
    """What a client gets that has no credential. One that has gets another of its kind."""
    of_clients: Mapping[str, "ClientRotation"] = field(default_factory=dict)
    """What is wanted of clients otherwise, by the name or appId in `clients`."""

    def of(self, name: str) -> "Rotation":
        """The rotation of one client, with its own lifetime."""
        own = self.of_clients.get(name)
        if own is None:
            return self
        return replace(self, expires=own.expires, shorten=own.shorten, kind=own.kind)


@dataclass(frozen=True)
class ClientRotation:
    """What a trust file wants of one client's new credential: as in `Rotation`."""

    expires: datetime | None
    shorten: bool
    kind: CredentialKind
