"""The changes that a plan is made of; `engine.apply` carries them out.

The steps that docstrings name are those of the seed document: docs/azure-contract.md, section 1.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Generic, NamedTuple, TypeAlias, TypeVar

from mct_s2s.model.azure_resources import IdentityResource, Site
from mct_s2s.model.client_credentials import CredentialKind, CredentialSpec
from mct_s2s.model.directory_objects import Application, AppRole
from mct_s2s.model.ids import (
    ApplicationIdUri,
    ApplicationObjectId,
    AppRoleId,
    ClientId,
    KeyId,
    PrincipalId,
    Tag,
)
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AppSettings, Holds, Setting
from mct_s2s.planning.permissions.rights import Right

T = TypeVar("T", bound=str)
Noun_co = TypeVar("Noun_co", bound=str, covariant=True)


class Output(StrEnum):
    """What a change yields, for changes after it."""

    CLIENT_ID = "client id"
    OBJECT_ID = "application object id"
    URI = "Application ID URI"
    PRINCIPAL_ID = "service principal object id"
    KEY_ID = "key id of a credential"
    EXPIRES = "end of a credential, ISO 8601"
    ASSIGNMENT_ID = "app role assignment id"


@dataclass(frozen=True)
class OutputRef(Generic[Noun_co]):
    """An id that the change `key` will yield. The type parameter says of what."""

    key: str
    output: Output


Deferred: TypeAlias = T | OutputRef[T]
"""An id, known now or after a change."""


class Outputs(dict[tuple[str, Output], str]):
    """Ids that applied changes have yielded so far, by the change's key."""

    def resolve(self, deferred: Deferred[T]) -> T:
        """The id itself.

        Raises KeyError: the change that yields it has not been applied, a bug in the plan's order.
        """
        if isinstance(deferred, OutputRef):
            return self[deferred.key, deferred.output]  # type: ignore[return-value]  # recorded under its noun
        return deferred

    def known(self, deferred: Deferred[T]) -> T | None:
        """The id, or `None` where it is not known yet."""
        is_unknown = isinstance(deferred, OutputRef) and (deferred.key, deferred.output) not in self
        return None if is_unknown else self.resolve(deferred)


class Action(StrEnum):
    """What is done with an object, as the JSON result names it."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A step of a plan.

    The names of a change's class and fields are in its fingerprint, but for the fields that
    `_NOT_REVIEWED` of `planning/reviewed.py` names.
    """

    key: str
    name: str
    """The name of what is changed: a display name, a site."""
    detail: str = ""
    after: tuple[str, ...] = ()
    """Keys of changes that have to be done first although none of their ids is used.

    A key that no change of the plan has is ignored, so that what may be missing can be named:
    `Plan.waits_for`.
    """

    verb: ClassVar[str] = ""
    """Where it is not the action."""
    right: ClassVar[Right | None] = None
    """`None` where it only looks, or a key vault decides."""


@dataclass(frozen=True, kw_only=True)
class NoChange(Change):
    """A step without anything to do: the reader sees that it was checked."""

    resource: str
    id: str | None = None
    object_id: str | None = None
    is_kept: bool = False
    """Whether it stays although its removal was asked for; `detail` says why."""

    action, verb = Action.NONE, "check"

    @classmethod
    def of(cls, application: Application, key: str, resource: str, detail: str = "") -> "NoChange":
        name, client_id, object_id = (
            application.display_name,
            application.client_id,
            application.object_id,
        )
        return cls(
            key=key, resource=resource, name=name, detail=detail, id=client_id, object_id=object_id
        )

    @classmethod
    def kept(cls, application: Application, key: str, resource: str, why: str) -> "NoChange":
        return replace(cls.of(application, key, resource, why), is_kept=True)

    @classmethod
    def of_settings(cls, site: Site, detail: str = "") -> "NoChange":
        resource, settings_id = WriteSettings.resource, _settings_id(site.resource)
        return cls(
            key="settings", resource=resource, name=site.label, detail=detail, id=settings_id
        )


@dataclass(frozen=True, kw_only=True)
class AssignAppRole(Change):
    """Grant admin consent: step 2.8.

    Source: learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto.
    """

    principal: Deferred[PrincipalId]
    service: Deferred[PrincipalId]
    role: AppRoleId
    client_id: Deferred[ClientId] | None = None
    identity_resource: ResourceId | None = None
    asks_for_more: bool = False
    """Whether the registration requests more than this role.

    A page of Entra ID would consent to all of it.
    """
    service_app: Deferred[ClientId] | None = None
    """The service application, and the value of its role: for a command of someone else's."""
    role_value: str = ""

    resource, action, verb, right = "admin consent", Action.CREATE, "grant", Right.CONSENT


@dataclass(frozen=True, kw_only=True)
class RevokeAppRole(Change):
    """Revoke admin consent.

    Source: learn.microsoft.com/graph/api/serviceprincipal-delete-approleassignedto.
    """

    service: PrincipalId
    assignment: str

    resource, action, verb, right = "admin consent", Action.DELETE, "revoke", Right.REVOKE


@dataclass(frozen=True, kw_only=True)
class EnableIdentity(Change):
    """Enable the system-assigned identity of a resource, beside those that it has.

    Approach 1, step 2.
    """

    identity_resource: IdentityResource

    resource, action, verb, right = (
        "managed identity",
        Action.UPDATE,
        "enable",
        Right.ENABLE_IDENTITY,
    )


@dataclass(frozen=True, kw_only=True)
class AddCredential(Change):
    """Add a secret, certificate or federated credential: step 2.6.

    Graph: application-addpassword, application-update, federatedidentitycredential-upsert.
    """

    object_id: Deferred[ApplicationObjectId]
    client_id: Deferred[ClientId]
    audience: Deferred[ApplicationIdUri]
    """What the client will ask a token for."""
    spec: CredentialSpec
    exists: bool = False
    """Whether a federated credential of that name exists, for another audience."""
    verify: bool = False
    """Whether it replaces another one, and so has to give a token.

    A secret before it is stored, unless its store gives it away: clients may read the store at any
    moment. `Request.verify` is another test: of the clients, once everything is done.
    """

    right = Right.CHANGE_APPLICATION

    @property
    def kind(self) -> CredentialKind:
        return self.spec.kind

    @property
    def resource(self) -> str:
        return self.kind.noun

    @property
    def action(self) -> Action:
        return Action.UPDATE if self.exists else Action.CREATE

    def ends(self, outputs: Outputs) -> datetime | None:
        """The tenant may have allowed less than was planned."""
        end = outputs.get((self.key, Output.EXPIRES))
        return datetime.fromisoformat(end) if end else self.spec.expires


@dataclass(frozen=True, kw_only=True)
class RemoveCredential(Change):
    """Remove a secret or certificate: graph/api/application-removepassword."""

    object_id: ApplicationObjectId
    key_id: KeyId
    kind: CredentialKind = CredentialKind.SECRET
    replaced_for: tuple[ClientId, str] | None = None
    """The client and the scope for which the new credential must have given a token before."""
    staying: KeyId | None = None
    """The one that its users have by now, where this run makes none."""

    action, right = Action.DELETE, Right.CHANGE_APPLICATION

    @property
    def resource(self) -> str:
        return self.kind.noun


@dataclass(frozen=True, kw_only=True)
class CreateApplication(Change):
    """Create an app registration, keyed by `uniqueName`: steps 1.4 and 2.4.

    Graph: application-upsert.
    """

    resource: str
    application: Application

    action, right = Action.CREATE, Right.CREATE_APPLICATION


@dataclass(frozen=True, kw_only=True)
class RestoreApplication(CreateApplication):
    """Restore one from the recycle bin, with its service principal and recorded credentials."""

    is_sure: bool
    """Whether more than its name speaks for it; else it must turn out to be ours."""

    verb, right = "restore", Right.CHANGE_APPLICATION


@dataclass(frozen=True)
class ApplicationEdits:
    """The properties that one PATCH brings to an application. Lists keep the entries of others."""

    uri: Deferred[ApplicationIdUri] | None = None
    role: AppRole | None = None
    """To add, or, where one of that id exists, to enable."""
    token_version: int | None = None
    access_to: Deferred[ClientId] | None = None
    access_role: AppRoleId | None = None
    no_access_to: ClientId | None = None
    """An API whose permissions are no longer requested."""
    tags: tuple[str, ...] = ()
    no_tags: tuple[str, ...] = ()
    """Tags that are taken off."""
    management_reference: str | None = None
    unique_name: str | None = None
    notes: str | None = None
    """Written only where there are none."""

    @property
    def only_removes(self) -> bool:
        """Whether nothing is to be done where the application is gone."""
        return self == ApplicationEdits(no_access_to=self.no_access_to, no_tags=self.no_tags)

    @property
    def only_notes_users(self) -> bool:
        """Whether they say only who uses it: who may not write that goes on without it."""
        is_all = self == ApplicationEdits(tags=self.tags, no_tags=self.no_tags)
        return is_all and all(tag.startswith(Tag.USED) for tag in (*self.tags, *self.no_tags))


@dataclass(frozen=True, kw_only=True)
class UpdateApplication(Change):
    """Update an application by one PATCH; a switch of the token version is a second one."""

    resource: str
    object_id: Deferred[ApplicationObjectId]
    client_id: Deferred[ClientId] | None = None
    edits: ApplicationEdits
    is_new: bool
    """Whether the application is created in this very plan: then replicas may not know it yet."""

    right = Right.CHANGE_APPLICATION

    @property
    def action(self) -> Action:
        return Action.CREATE if self.is_new else Action.UPDATE

    def named(self, outputs: Outputs) -> "UpdateApplication":
        """The change with its resource's name as it is now.

        An Application ID URI is known once its appId is.
        """
        uri = outputs.known(self.edits.uri) if self.is_new and self.edits.uri else None
        return replace(self, name=uri) if uri else self


def only_notes_use(change: Change) -> bool:
    """Whether a change only notes which App Services use a registration: it can be left out."""
    return isinstance(change, UpdateApplication) and change.edits.only_notes_users


@dataclass(frozen=True, kw_only=True)
class CreateServicePrincipal(Change):
    """Create its service principal: without one, Entra ID issues no token for it."""

    client_id: Deferred[ClientId]

    resource, action, right = "service principal", Action.CREATE, Right.CREATE_PRINCIPAL


@dataclass(frozen=True, kw_only=True)
class DeleteApplication(Change):
    """Move it to the recycle bin, with its service principal, for 30 days."""

    resource: str
    object_id: ApplicationObjectId
    client_id: ClientId

    action, right = Action.DELETE, Right.DELETE_APPLICATION


@dataclass(frozen=True, kw_only=True)
class PurgeApplication(Change):
    """Delete it from the recycle bin, permanently.

    Its `uniqueName` and its URI are free at once.
    """

    object_id: ApplicationObjectId
    client_id: ClientId
    resource, action, verb, right = "recycle bin", Action.DELETE, "purge", Right.DELETE_APPLICATION


@dataclass(frozen=True)
class SettingsSpec:
    """Which application settings are written, and how."""

    rows: tuple[Setting, ...]
    """Every setting of the API."""
    values: tuple[tuple[Setting, tuple[Deferred[str], ...]], ...] = ()
    """What each may say: the first is written where it says something else."""
    listed: tuple[tuple[Setting, Deferred[str]], ...] = ()
    """Lists, and ids that have to be on them."""
    tidy: bool = True
    """Whether blanks, duplicates and empty entries of the lists are removed."""
    without: frozenset[str] = frozenset()
    """Entries, in lower case, that leave the allow lists; a list that is then empty is removed."""
    removed: tuple[Setting, ...] = ()
    exact: AppSettings = field(default_factory=dict, repr=False)
    """Settings that are put back as they were: they hold secrets."""

    def written(self, outputs: "Outputs") -> tuple[str, ...]:
        """Values, and entries of lists, as far as they are known."""
        values = [value for _, accepted in self.values for value in accepted]
        values += [identifier for _, identifier in self.listed]
        return tuple(text for value in values if (text := outputs.known(value)) is not None)


@dataclass(frozen=True)
class SettingEdit:
    """What becomes of one setting.

    Of settings that are not ours, which may be secret, no value is known here.
    """

    name: str
    before: str | None = None
    """`None`: it is not there, or null."""
    after: str | None = None
    """`None`: it is removed, or not known yet."""
    pending: int = 0
    """How many of its ids are not known yet."""
    holds: Holds | None = None
    """`None`: it is not one of the API's."""

    @property
    def is_ours(self) -> bool:
        return self.holds is not None

    @property
    def is_list(self) -> bool:
        return self.holds is not None and self.holds.is_list

    @property
    def is_removal(self) -> bool:
        """Whether one of the API's settings goes; of others that is not known here."""
        return self.is_ours and self.after is None and not self.pending


def others_unchanged(count: int) -> str:
    """How many settings of others stay: `12 others unchanged`; empty where there are none."""
    return f"{count} other{'' if count == 1 else 's'} unchanged" if count else ""


@dataclass(frozen=True, kw_only=True)
class SettingsChange(Change):
    """Settings to write at an App Service that this run does not read: a manual step."""

    spec: SettingsSpec

    resource, action, right = "application settings", Action.UPDATE, Right.WRITE_SETTINGS


@dataclass(frozen=True, kw_only=True)
class WriteSettings(SettingsChange):
    """Write all application settings, ours merged in, by one PUT: step 3."""

    site: ResourceId
    edits: tuple[SettingEdit, ...]
    """As far as is known now: ours first."""
    unchanged: int = 0
    first: bool
    """Whether everything else waits for it: access is revoked before anything is deleted."""


def _settings_id(site: ResourceId) -> str:
    return f"{site}/config/appsettings"


@dataclass(frozen=True, kw_only=True)
class RestartSite(Change):
    """Restart it once, and only after settings were written: step 3.6."""

    site: ResourceId

    resource, action, verb, right = "App Service", Action.UPDATE, "restart", Right.RESTART


AnyChange = (
    NoChange
    | CreateApplication
    | RestoreApplication
    | UpdateApplication
    | CreateServicePrincipal
    | AddCredential
    | RemoveCredential
    | AssignAppRole
    | RevokeAppRole
    | DeleteApplication
    | PurgeApplication
    | EnableIdentity
    | WriteSettings
    | RestartSite
)


def changed_registration(change: Change) -> ApplicationObjectId | None:
    """The object id of the registration that a change writes to; `None` while it has none."""
    match change:
        case (
            UpdateApplication(object_id=object_id)
            | AddCredential(object_id=object_id)
            | RemoveCredential(object_id=object_id)
            | DeleteApplication(object_id=object_id)
            | PurgeApplication(object_id=object_id)
        ):
            return None if isinstance(object_id, OutputRef) else object_id
        case _:
            return None


def changed_client_id(change: Change) -> ClientId | None:
    """The appId of the registration that a change is about, where it says it and it is known."""
    match change:
        case (
            UpdateApplication(client_id=client_id)
            | CreateServicePrincipal(client_id=client_id)
            | AddCredential(client_id=client_id)
            | AssignAppRole(client_id=client_id)
            | DeleteApplication(client_id=client_id)
            | PurgeApplication(client_id=client_id)
        ):
            return None if isinstance(client_id, OutputRef) else client_id
        case _:
            return None


def noun_of(change: AnyChange) -> str:
    """What is changed, for people: a rotation creates a secret and removes an old one."""
    is_replaced = isinstance(change, RemoveCredential) and change.replaced_for is not None
    return f"old {change.resource}" if is_replaced else change.resource


class Identifiers(NamedTuple):
    """The ids of what a change is about, as results show them."""

    id: str | None = None
    """The appId of a registration, the object ID of a service principal."""
    app_id: str | None = None
    object_id: str | None = None


def identify(change: AnyChange, outputs: Outputs) -> Identifiers:  # noqa: C901, PLR0911  # a flat table
    """The ids of what a change is about, as far as they are known."""

    def registration(
        client_id: Deferred[ClientId] | None, object_id: Deferred[ApplicationObjectId]
    ) -> Identifiers:
        known = outputs.known(client_id) if client_id else None
        return Identifiers(known, known, outputs.known(object_id))

    match change:
        case RestoreApplication(application=one):
            return registration(one.client_id, one.object_id)
        case CreateApplication(key=key):
            return registration(OutputRef(key, Output.CLIENT_ID), OutputRef(key, Output.OBJECT_ID))
        case UpdateApplication() | DeleteApplication() | PurgeApplication():
            return registration(change.client_id, change.object_id)
        case CreateServicePrincipal():
            principal_id = outputs.get((change.key, Output.PRINCIPAL_ID))
            return Identifiers(principal_id, outputs.known(change.client_id), principal_id)
        case NoChange():
            return Identifiers(change.id, change.id if change.object_id else None, change.object_id)
        case RemoveCredential(key_id=known) | RevokeAppRole(assignment=known):
            return Identifiers(known)
        case WriteSettings(site=site):
            return Identifiers(_settings_id(site))
        case RestartSite(site=site):
            return Identifiers(str(site))
        case AssignAppRole() | EnableIdentity() | AddCredential():
            parts = (Output.ASSIGNMENT_ID, Output.PRINCIPAL_ID, Output.KEY_ID)
            return Identifiers(
                next(filter(None, (outputs.get((change.key, part)) for part in parts)), None)
            )
