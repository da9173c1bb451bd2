"""The changes that a plan is made of, as plain frozen data.

A change names the changes whose results it refers to by `Ref`: an appId exists only after its application is created.
What a change does is decided by its type alone, in `engine.apply`; how it reads is decided in `render`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Generic, TypeAlias, TypeVar

from mct_s2s.model.azure_resources import IdentityResource, Site
from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.directory_objects import Application, AppRole, NewApplication
from mct_s2s.model.ids import (
    ApplicationObjectId,
    AppRoleId,
    ClientId,
    KeyId,
    PrincipalId,
)
from mct_s2s.model.resource_id import ResourceId

T = TypeVar("T", bound=str)
Noun_co = TypeVar("Noun_co", bound=str, covariant=True)


class Part(StrEnum):
    """Which of a change's results a reference takes."""

    CLIENT_ID = "client id"
    OBJECT_ID = "application object id"
    PRINCIPAL_ID = "service principal object id"
    KEY_ID = "key id of a credential"
    EXPIRES = "end of a credential, ISO 8601"
    ASSIGNMENT_ID = "app role assignment id"


@dataclass(frozen=True)
class Ref(Generic[Noun_co]):
    """An id that the change `key` will yield. The type parameter says which noun it is an id of."""

    key: str
    part: Part


Later: TypeAlias = T | Ref[T]
"""An id, known now or after a change."""


@dataclass(frozen=True)
class ApiUri:
    """`api://<appId>`, the appId known now or later."""

    client_id: Later[ClientId]


class Action(StrEnum):
    """What a change does to its resource, as the JSON result names it."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One step of a plan."""

    key: str
    name: str
    """What it is called: a display name, a site."""
    detail: str = ""
    after: tuple[str, ...] = ()
    """Changes that have to be done first although nothing of them is referred to."""


@dataclass(frozen=True, kw_only=True)
class AlreadyRight(Change):
    """Nothing to do: said, so that the reader sees that it was looked at."""

    resource: str
    id: str | None = None

    action: ClassVar[Action] = Action.NONE


@dataclass(frozen=True, kw_only=True)
class AssignAppRole(Change):
    """Admin consent.

    Source: learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto; document, step 2.8.
    """

    principal: Later[PrincipalId]
    service: Later[PrincipalId]
    role: AppRoleId
    client_id: Later[ClientId] | None = None
    """Whose consent it is, where that is a client application."""
    identity_resource: ResourceId | None = None
    """Whose managed identity it is."""

    resource: ClassVar[str] = "admin consent"
    action: ClassVar[Action] = Action.CREATE


@dataclass(frozen=True, kw_only=True)
class RevokeAppRole(Change):
    """Admin consent taken back.

    Source: learn.microsoft.com/graph/api/serviceprincipal-delete-approleassignedto.
    """

    service: PrincipalId
    assignment: str

    resource: ClassVar[str] = "admin consent"
    action: ClassVar[Action] = Action.DELETE


@dataclass(frozen=True, kw_only=True)
class EnableIdentity(Change):
    """The system-assigned identity of an Azure resource, beside those that it already has.

    Source: document, approach 1, step 2.
    """

    identity_resource: IdentityResource

    resource: ClassVar[str] = "managed identity"
    action: ClassVar[Action] = Action.UPDATE


@dataclass(frozen=True, kw_only=True)
class DisableIdentity(Change):
    """The system-assigned identity of an Azure resource switched off; identities assigned by users stay."""

    identity_resource: IdentityResource

    resource: ClassVar[str] = "managed identity"
    action: ClassVar[Action] = Action.DELETE


@dataclass(frozen=True, kw_only=True)
class AddCredential(Change):
    """A credential of a client application. Each kind has its own subclass in `planning.credentials`."""

    client: str
    """The client's name as it was typed: its key among the stores."""
    object_id: Later[ApplicationObjectId]
    client_id: Later[ClientId]
    audience: str | ApiUri
    """What the client will ask a token for."""
    credential_name: str
    """Unique to the attempt, where it is stored: how a lost secret is recognized."""
    expires: datetime | None = None
    """`None`: never."""
    instead_of: KeyId | None = None
    """A credential that its store holds although it is good for nothing."""
    verify: bool = False
    """Whether it must have given a token before it replaces another one: callers may read the store at any moment."""

    kind: ClassVar[CredentialKind]
    one_by_one: ClassVar[bool] = False
    """Whether several of them must not be written at once."""

    @property
    def resource(self) -> str:
        """What it is called."""
        return self.kind.noun

    @property
    def action(self) -> Action:
        """`create`, unless the kind says otherwise."""
        return Action.CREATE

    @property
    def needs_store(self) -> bool:
        """Whether something secret is made, which has to be stored."""
        return True

    def registered(self, key_id: KeyId, expires: datetime | None) -> Credential:
        """What the directory holds once it is made."""
        return Credential(self.kind, key_id, self.credential_name, expires)


@dataclass(frozen=True)
class Replacement:
    """The credential that replaces an old one: it has given a token before the old one is removed."""

    client: str
    """Its key among the stores."""
    client_id: ClientId
    scope: str


@dataclass(frozen=True, kw_only=True)
class RemoveCredential(Change):
    """A secret or certificate that no one is to use any more: lost on the way, replaced, or its client goes.

    Source: learn.microsoft.com/graph/api/application-removepassword; certificates: application-update.
    """

    object_id: ApplicationObjectId
    key_id: KeyId
    kind: CredentialKind = CredentialKind.SECRET
    replaced_by: Replacement | None = None

    action: ClassVar[Action] = Action.DELETE

    @property
    def resource(self) -> str:
        """What it is called."""
        return self.kind.noun


@dataclass(frozen=True, kw_only=True)
class DeleteStoredSecret(Change):
    """What a key vault holds for a client that goes. The vault keeps it recoverable for as long as it is set to.

    Source: learn.microsoft.com/azure/key-vault/general/soft-delete-overview.
    """

    place: str
    """`VAULT/NAME`."""
    client_id: ClientId
    """Whose it must be, by what the vault itself says."""

    resource: ClassVar[str] = "key vault secret"
    action: ClassVar[Action] = Action.DELETE


@dataclass(frozen=True, kw_only=True)
class CreateApplication(Change):
    """An app registration, keyed by `uniqueName`, for this organizational directory only, with v1 tokens.

    Source: learn.microsoft.com/graph/api/application-upsert; document, steps 1.4 to 1.6 and 2.4.
    """

    resource: str
    new: NewApplication
    option: str
    """How one of that name is adopted by its appId, should someone else have been faster: `--client`."""

    action: ClassVar[Action] = Action.CREATE


@dataclass(frozen=True, kw_only=True)
class RestoreApplication(Change):
    """A registration out of the recycle bin, with its service principal and all that both had, and then planned anew.

    Source: learn.microsoft.com/graph/api/directory-deleteditems-restore.
    """

    resource: str
    application: Application
    keep: tuple[KeyId, ...] = ()
    """The credentials that stay on it: no one knows who holds the others that come back with it."""
    option: str | None = None
    """How it is adopted by its appId, where nothing but its name speaks for it: it must turn out to be ours."""

    action: ClassVar[Action] = Action.CREATE

    @property
    def object_id(self) -> ApplicationObjectId:
        """The `id` that it keeps."""
        return self.application.object_id

    @property
    def client_id(self) -> ClientId:
        """The `appId` that it keeps."""
        return self.application.client_id


@dataclass(frozen=True)
class ApplicationEdits:
    """What one PATCH brings to an application. Lists are extended, never replaced."""

    uri: ApiUri | None = None
    role: AppRole | None = None
    """An app role to add, or, where one of that id is there, to enable."""
    token_version: int | None = None
    access_to: Later[ClientId] | None = None
    access_role: AppRoleId | None = None
    no_access_to: ClientId | None = None
    """An API whose permissions are no longer asked for."""
    tags: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()
    """Tags that are to go."""
    management_reference: str | None = None
    unique_name: str | None = None
    """It can be set once."""
    notes: str | None = None

    @property
    def only_removes(self) -> bool:
        """Whether it is done where the application is gone."""
        return self == ApplicationEdits(no_access_to=self.no_access_to, forget=self.forget)


@dataclass(frozen=True, kw_only=True)
class UpdateApplication(Change):
    """All that has to change on an application goes in one PATCH, except a switch of the token version."""

    resource: str
    object_id: Later[ApplicationObjectId]
    edits: ApplicationEdits
    is_new: bool = False
    """Whether the application is created in this very plan: then replicas may not know it yet."""

    @property
    def action(self) -> Action:
        """`create` where the application itself is being created."""
        return Action.CREATE if self.is_new else Action.UPDATE


@dataclass(frozen=True, kw_only=True)
class CreateServicePrincipal(Change):
    """The application's presence in the tenant; without it no token names it.

    Source: learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals.
    """

    client_id: Later[ClientId]

    resource: ClassVar[str] = "service principal"
    action: ClassVar[Action] = Action.CREATE


@dataclass(frozen=True, kw_only=True)
class DeleteApplication(Change):
    """A registration into the recycle bin, with its service principal; it can be restored for 30 days.

    Source: learn.microsoft.com/graph/api/application-delete.
    """

    resource: str
    object_id: ApplicationObjectId
    client_id: ClientId

    action: ClassVar[Action] = Action.DELETE


@dataclass(frozen=True, kw_only=True)
class PurgeApplication(Change):
    """A registration out of the recycle bin, permanently: its `uniqueName` and its URI are free at once.

    Source: learn.microsoft.com/graph/api/directory-deleteditems-delete.
    """

    object_id: ApplicationObjectId
    is_new: bool
    """Whether it is deleted in this very plan: then the recycle bin may not show it yet."""

    resource: ClassVar[str] = "recycle bin"
    action: ClassVar[Action] = Action.DELETE


ListedId: TypeAlias = tuple[str, Later[str]]
"""The name of a list, and an id that has to be on it."""


SettingValue: TypeAlias = str | ApiUri | Ref[ClientId]
"""The text of a setting, known now or later."""


@dataclass(frozen=True)
class SettingSpec:
    """A value for one setting; a value that is in `equally_right` (lower case) is left as it is."""

    name: str
    value: SettingValue
    equally_right: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SettingsSpec:
    """What the site's settings must come to say: a few values, and ids added to the allow lists."""

    values: tuple[SettingSpec, ...] = ()
    listed: tuple[ListedId, ...] = ()
    tidy: bool = True
    """Whether blanks, doubles and empty entries of the lists are cleared away."""
    without: frozenset[str] = frozenset()
    """Entries, in lower case, that leave the allow lists; a list that is empty then goes as a whole."""
    without_names: tuple[str, ...] = ()
    """Our settings, which are removed as a whole."""
    exact: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    """Settings that are put back as they were: they hold secrets."""


@dataclass(frozen=True)
class SettingEdit:
    """One of our settings before and after: all of them may be shown, for none is secret."""

    name: str
    before: str | None
    """`None`: it is not there, or null."""
    after: str | None
    """`None`: it goes, or is not known yet."""
    pending: int = 0
    """How many of its values are not known yet: an id is not before what bears it is made."""


def others_unchanged(count: int) -> str:
    """`42 others unchanged`."""
    return f"{count} other{'' if count == 1 else 's'} unchanged"


@dataclass(frozen=True, kw_only=True)
class WriteSettings(Change):
    """All application settings, ours merged in, by one PUT after everything else. Source: document, step 3."""

    site: Site
    spec: SettingsSpec
    changed: tuple[str, ...]
    """The names that will change, as far as is known now."""
    edits: tuple[SettingEdit, ...] = ()
    """What becomes of those that are ours."""
    unchanged: int = 0
    """How many settings stay as they are."""
    first: bool = False
    """Whether everything else waits for it: access is revoked before anything is deleted."""

    resource: ClassVar[str] = "application settings"
    action: ClassVar[Action] = Action.UPDATE


@dataclass(frozen=True, kw_only=True)
class RestartSite(Change):
    """One restart, only after settings were written. Source: document, step 3.6."""

    site: Site

    resource: ClassVar[str] = "App Service"
    action: ClassVar[Action] = Action.UPDATE


AnyChange = (
    AlreadyRight
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
    | DisableIdentity
    | WriteSettings
    | DeleteStoredSecret
    | RestartSite
)


def known_id(change: AnyChange) -> str | None:  # noqa: C901, PLR0911  # a flat table
    """The id of what a change is about, where it exists before the plan is applied."""
    match change:
        case AlreadyRight():
            return change.id
        case RemoveCredential():
            return change.key_id
        case DeleteStoredSecret():
            return change.place
        case RevokeAppRole():
            return change.assignment
        case RestoreApplication() | DeleteApplication():
            return change.client_id
        case PurgeApplication():
            return change.object_id
        case DisableIdentity():
            return change.identity_resource.principal_id
        case UpdateApplication():
            return change.object_id if isinstance(change.object_id, str) else None
        case WriteSettings():
            return f"{change.site.resource}/config/appsettings"
        case RestartSite():
            return str(change.site.resource)
        case _:
            return None
