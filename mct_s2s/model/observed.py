"""A snapshot of the directory and the App Service, as far as this trust is concerned."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from mct_s2s.errors import S2SError
from mct_s2s.model.api import Api
from mct_s2s.model.azure_resources import AppService, IdentityResource
from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.model.client_credentials import Credential, CredentialSpec, SecretNote
from mct_s2s.model.commands import command, own_command
from mct_s2s.model.directory_objects import (
    Application,
    AppRole,
    Assignment,
    Custody,
    Owner,
    ServicePrincipal,
    Tenant,
)
from mct_s2s.model.ids import ClientId, same_id
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.model.site_settings import AllowList, AppSettings, Holds


@dataclass(frozen=True)
class ClientApplication:
    """Approach 2: an app registration and its service principal, one of which may be missing."""

    application: Application = field(default_factory=Application)
    principal: ServicePrincipal | None = None

    @property
    def is_registered_here(self) -> bool:
        return bool(self.application.object_id)

    @property
    def _half(self) -> Application | ServicePrincipal:
        return (
            self.application
            if self.is_registered_here or self.principal is None
            else self.principal
        )

    @property
    def client_id(self) -> ClientId:
        return self._half.client_id

    @property
    def display_name(self) -> str:
        return self._half.display_name

    @property
    def counted_credentials(self) -> tuple[Credential, ...]:
        """The credentials, without undelivered ones, which count for nothing."""
        undelivered = self.application.undelivered
        return tuple(
            credential
            for credential in self.application.credentials
            if credential.key_id not in undelivered
        )

    @property
    def principal_id(self) -> str:
        """The object ID of its service principal; empty where there is none."""
        return self.principal.id if self.principal is not None else ""


_BY_FILE = {
    "setup": "apply",
    "configure-appservice": "apply",
    "status": "status",
    "verify": "verify",
    "doctor": "doctor",
}
"""The commands that do the same for a site of a trust file."""
_TAKING_URL = frozenset({"setup", "add-client", "snippet", "export", "verify"})


@dataclass(frozen=True)
class SiteOfFile:
    """A site of a trust file: as commands name it, and whom the file names there."""

    where: str
    """`-f trust.toml --only learn`, and how to sign in."""
    clients: tuple[str, ...] = ()
    """Display names and appIds, as the file has them."""
    lifetimes: Mapping[str, str] = field(default_factory=dict)
    """The `secret-lifetime` of each client that the file says one of."""
    credentials: Mapping[str, tuple[CredentialSpec, ...]] = field(default_factory=dict)
    """What each client is to sign in with, at any site of the file."""

    def command(self, verb: str, *words: str, about: str | None = None) -> str:
        """A command of mct-s2s about this site, by the file."""
        return own_command(
            verb, about=about, where=" ".join(filter(None, (self.where, command(*words))))
        )

    def name_of(self, client: ClientApplication | Application) -> str | None:
        """The name that the file has for a client; `None` where it does not name it."""
        names = {client.display_name.casefold(), client.client_id.casefold()}
        return next((name for name in self.clients if name.casefold() in names), None)

    def lifetime_of(self, client: ClientApplication) -> str | None:
        """How long a client's secret lasts, where the file says it."""
        return self.lifetimes.get(self.name_of(client) or "")


@dataclass(frozen=True)
class Trust:
    """The service application of an App Service, and who may call its API."""

    service: Application | None = None
    """The one that the operator or the settings name, or else this App Service's own."""
    principal: ServicePrincipal | None = None
    assignments: tuple[Assignment, ...] = ()
    clients: tuple[ClientApplication, ...] = ()
    identities: tuple[ServicePrincipal, ...] = ()
    """Managed identities that are on the allow list or hold the role."""
    owners: tuple[Owner, ...] = ()
    """The owners of `service` and its service principal: read for commands that write."""
    own_unused: Application | None = None
    """This App Service's own, by its `uniqueName`, where `service` is another one.

    Its name alone speaks for it, and anyone may register that: no one is offered it.
    """
    predecessor: "Trust | None" = None
    """The trust of the service application in the settings, where a setup names another one.

    Who calls now holds a role of that one.
    """
    deleted: tuple[Application, ...] = ()
    """Deleted registrations with a name or URI that is needed.

    The recycle bin is read only where a registration is missing.
    """
    unique_name: str = ""
    """The name of this App Service's own service application, whether or not there is one."""
    tagged_with: Mapping[str, tuple[Application, ...]] = field(default_factory=dict)
    """Registrations by the `uniqueName` that their tag says, for names that none has.

    Looked for where the caller may have registered one of them without naming it.
    """

    def has_role(self, principal_id: str, role: AppRole | None) -> bool:
        """Whether a principal holds a role."""
        return role is not None and (principal_id, role.id) in self._assigned

    def has_any_role(self, principal_id: str) -> bool:
        """Whether a principal holds any role of the service application."""
        return any(assignment.principal_id == principal_id for assignment in self.assignments)

    @cached_property
    def _assigned(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            (assignment.principal_id, assignment.role_id) for assignment in self.assignments
        )

    @cached_property
    def held_roles(self) -> frozenset[str]:
        return frozenset(assignment.role_id for assignment in self.assignments)

    def without(self, client_id: str) -> "Trust":
        """The trust without a registration that turns out to be gone."""
        if self.service is not None and self.service.client_id == client_id:
            return replace(self, service=None, principal=None, assignments=())
        return replace(
            self, clients=tuple(client for client in self.clients if client.client_id != client_id)
        )

    def client_of_id(self, client_id: str) -> ClientApplication | None:
        return next(
            (client for client in self.clients if same_id(client.client_id, client_id)), None
        )

    def client_of_unique_name(self, unique_name: str) -> ClientApplication | None:
        return next(
            (client for client in self.clients if client.application.unique_name == unique_name),
            None,
        )


@dataclass(frozen=True)
class ObservedState:
    """A snapshot of what is there; `None`: not looked at, because nothing asks for it."""

    now: datetime
    """The time at which the command began: what has expired, and what is young, is judged by it."""
    cloud: str
    tenant: Tenant | None
    app_service: AppService | None
    api: Api = field(kw_only=True)
    trust: Trust = field(default_factory=Trust)
    identity_resources: tuple[IdentityResource, ...] = ()
    """The resources that are named as callers, in that order."""
    secrets: Mapping[str, SecretNote] = field(default_factory=dict)
    """What the place of each client's credential remembers, by the client's typed name."""
    graph: str = "https://graph.microsoft.com"
    """For commands that a person types."""
    login: str = "https://login.microsoftonline.com"
    """The cloud's login service."""
    caller: SignedIn = field(default_factory=lambda: SignedIn(""))
    custody: Mapping[str, Custody] = field(default_factory=dict)
    """Owners and credentials by appId, for the registrations that they decide about."""
    local_notes: Mapping[str, tuple[SecretNote, ...]] = field(default_factory=dict)
    """Notes on this machine about credentials of those registrations, by appId."""
    placed_credentials: Mapping[ClientId, Credential] = field(default_factory=dict)
    """The credential that the trust file's place of a client got last, where that was read."""
    missing_secrets: Mapping[ClientId, SecretPlace] = field(default_factory=dict)
    """The places that should have a client's secret and do not, by appId.

    As far as this machine and its caller can see.
    """
    unreadable_stores: Mapping[str, S2SError] = field(default_factory=dict)
    """Errors of places that could not be read, by client as `secrets`.

    A rotation of several clients leaves these alone.
    """
    unfinished: frozenset[str] = frozenset()
    """Object ids of registrations that an earlier run on this machine began to create or change,
    and did not end.
    """
    deleted_here: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Ids of the owners of registrations that an earlier run on this machine deleted, as it read
    them; by object id.

    They can restore them, and give them other credentials and owners.
    """
    sole_here: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Ids of credentials whose predecessors a run on this machine began to remove; by object id."""
    twins: tuple[str, ...] = ()
    """Other App Services of this name, as far as they decide and the caller sees them."""
    where: str = ""
    """The options that name the App Service on a command line: `-a contosolearn -g mct-prod`."""
    file: SiteOfFile | None = None
    """`None` where no trust file named the App Service."""
    typed_url: str | None = None
    """Where the API is reached, by the command line or the trust file."""

    def note_of(self, client: str) -> SecretNote:
        """The note about a client's credential, by its typed name; empty where there is none."""
        return self.secrets.get(client, SecretNote())

    @property
    def is_directory_read(self) -> bool:
        """Whether Entra ID was read, so that `trust` says what there is and clients have names."""
        return self.tenant is not None

    def command(self, verb: str, *words: str, about: str | None = None) -> str:
        """One of mct-s2s, about this App Service.

        What a trust file describes is set up by `apply`: another command knows nothing of where its
        secrets go.
        """
        by_file = _BY_FILE.get(verb)
        if self.file is not None and by_file is not None and not words and about is None:
            return self.file.command(by_file)
        if verb in _TAKING_URL and self.typed_url is not None:
            words = (*words, "--url", self.typed_url)
        return own_command(verb, *words, about=about, where=self.where)

    def setting_up(self, client: ClientApplication) -> str:
        """The command that completes a client."""
        if self.file is not None and self.file.name_of(client) is not None:
            return self.file.command("apply")
        return self.command("add-client", about=client.client_id)

    def listing(self, client: ClientApplication) -> str:
        """The command that puts a client that holds the role on the allow list."""
        # `apply` lists no one whom the file does not name.
        if self.file is not None and self.file.name_of(client) is None:
            return own_command("configure-appservice", where=self.where)
        return self.command("configure-appservice")

    def rotating(self, client: ClientApplication, *words: str) -> str:
        """The command that replaces a client's credential: by the trust file, if one names it."""
        name = self.file.name_of(client) if self.file is not None else None
        if self.file is not None and name is not None:
            return self.file.command("rotate-secret", *words, about=name)
        return self.command("rotate-secret", *words, about=client.client_id)

    @property
    def subject(self) -> str:
        """The key of what two runs must not change at once: the App Service or the registration."""
        if self.app_service is not None:
            return str(self.app_service.resource)
        return f"{self.tenant.id if self.tenant else ''}/{self.trust.unique_name}"

    @property
    def settings(self) -> AppSettings:
        """All application settings; empty where no App Service was looked at."""
        return self.app_service.settings if self.app_service is not None else {}

    def setting(self, holds: Holds) -> str | None:
        """The value of the setting that holds this; `None` where there is none."""
        return self.api.value(holds, self.settings)

    @property
    def is_set_up(self) -> bool:
        """Whether anything of service-to-service authentication is there.

        Half of it counts.
        """
        return self.trust.service is not None or self.api.is_begun(self.settings)

    @property
    def own_settings(self) -> dict[str, str] | None:
        """The settings that the API's description names; `None` where they could not be read."""
        return None if self.settings_unread else self.api.shown(self.settings)

    @property
    def service_in_settings(self) -> str:
        """The service application that the settings name, by its appId or URI; empty where they
        name none.
        """
        return self.api.service_in(self.settings)

    @property
    def allowed_client_ids(self) -> AllowList:
        return self.api.list_in(Holds.APPLICATION_IDS, self.settings)

    @property
    def allowed_object_ids(self) -> AllowList:
        return self.api.list_in(Holds.OBJECT_IDS, self.settings)

    @property
    def settings_unread(self) -> bool:
        """Whether the site was found, but its settings could not be read.

        Who is allowed is not known then.
        """
        return self.app_service is not None and self.app_service.refusal is not None

    def custody_of(self, application: Application) -> Custody | None:
        """Owners and credentials of a registration; `None` where they were not read."""
        return self.custody.get(application.client_id)

    def with_settings(self, settings: AppSettings, written: Iterable[str] = ()) -> "ObservedState":
        """The state with other settings; `written`: values that may be shown in them."""
        assert self.app_service is not None  # settings are only ever written to a site
        masked = self.masked(settings, written)
        return replace(self, app_service=replace(self.app_service, settings=dict(masked)))

    def masked(self, settings: AppSettings, written: Iterable[str] = ()) -> AppSettings:
        """These settings without what may be a secret.

        `written`: values that this command writes, or was given.
        """
        return self.api.masked(settings, (*self._known_values(), *written))

    def _known_values(self) -> Iterator[str]:
        """Names that the directory shows: none of them is a secret."""
        trust, tenant = self.trust, self.tenant
        earlier = trust.predecessor.service if trust.predecessor is not None else None
        for service in filter(None, (trust.service, earlier)):
            yield from (role.value for role in service.app_roles)
        if tenant is not None:
            yield from (tenant.name, *tenant.domains)
