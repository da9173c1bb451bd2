"""The changes that a plan is made of, as plain frozen data.

A change names the changes whose results it refers to by `Ref`: an appId exists only after its application is created.
What a change does is decided by its type alone, in `flows.apply`; how it reads is decided in `render`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Generic, TypeAlias, TypeVar

from mct_s2s.model.ids import (
    ApplicationObjectId,
    AppRoleId,
    ClientId,
    KeyId,
    PrincipalId,
)
from mct_s2s.model.observed import Application, AppRole, IdentityHolder, ServicePrincipal, Site
from mct_s2s.model.proofs import Certificate, Federation
from mct_s2s.model.resource_id import ResourceId

T = TypeVar("T", bound=str)


class Part(StrEnum):
    """Which of a change's results a reference takes."""

    CLIENT_ID = "client id"
    OBJECT_ID = "application object id"
    PRINCIPAL_ID = "service principal object id"
    KEY_ID = "key id of a credential"
    EXPIRES = "end of a credential, ISO 8601"
    ASSIGNMENT_ID = "app role assignment id"


@dataclass(frozen=True)
class Ref(Generic[T]):
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
    """Changes that have to be done first although nothing of theirs is referred to."""


@dataclass(frozen=True, kw_only=True)
class AlreadyRight(Change):
    """Nothing to do: said, so that the reader sees that it was looked at."""

    resource: str
    id: str | None = None

    action: ClassVar[Action] = Action.NONE


@dataclass(frozen=True, kw_only=True)
class CreateApplication(Change):
    """An app registration, keyed by `uniqueName`, for this organizational directory only, with v1 tokens.

    Source: learn.microsoft.com/graph/api/application-upsert; document, steps 1.4 to 1.6 and 2.4.
    """

    resource: str
    unique_name: str
    tags: tuple[str, ...] = ()

    action: ClassVar[Action] = Action.CREATE


@dataclass(frozen=True, kw_only=True)
class RestoreApplication(Change):
    """A registration out of the recycle bin, with the ids, the URI and the roles that it had.

    Source: learn.microsoft.com/graph/api/directory-deleteditems-restore.
    """

    resource: str
    application: Application

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
    """An app role to add, or, where one of that id stands there, to switch on."""
    token_version: int | None = None
    access_to: Later[ClientId] | None = None
    access_role: AppRoleId | None = None
    no_access_to: ClientId | None = None
    """An API whose permissions are no longer asked for."""
    tags: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()
    """Tags that are to go."""


@dataclass(frozen=True, kw_only=True)
class UpdateApplication(Change):
    """One writer per application: all that has to change on it goes in one PATCH."""

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
class RestoreServicePrincipal(Change):
    """A service principal out of the recycle bin, with the consents that it gave or holds.

    It does not come back with its application. Source: learn.microsoft.com/graph/api/directory-deleteditems-restore.
    """

    principal: ServicePrincipal

    resource: ClassVar[str] = "service principal"
    action: ClassVar[Action] = Action.CREATE

    @property
    def client_id(self) -> ClientId:
        """Its application's `appId`."""
        return self.principal.client_id


@dataclass(frozen=True, kw_only=True)
class AddSecret(Change):
    """A client secret, stored at its place before anything else happens to it.

    Source: learn.microsoft.com/graph/api/application-addpassword; document, step 2.6.
    """

    client: str
    """The client's name in the wish: its key among the secret places."""
    object_id: Later[ApplicationObjectId]
    client_id: Later[ClientId]
    credential_name: str
    """Unique to the attempt: how an orphan is told from a delivered secret."""
    expires: datetime
    audience: str | ApiUri
    """What the client will ask a token for."""
    prove: bool = False
    """Whether it must have given a token before it takes another one's place: callers read that place all the time."""
    instead_of: KeyId | None = None
    """A secret that its place holds although it is good for nothing."""
    shorten: bool = False
    """Whether a lifetime that the tenant forbids may become the longest that it allows."""

    resource: ClassVar[str] = "secret"
    action: ClassVar[Action] = Action.CREATE


@dataclass(frozen=True)
class Replacement:
    """The secret that takes an old one's place: it is proved by a token before the old one goes."""

    client: str
    """Its key among the secret places."""
    client_id: ClientId
    scope: str


@dataclass(frozen=True, kw_only=True)
class RemoveSecret(Change):
    """A secret that nobody is to use any more: its value was lost on the way, it was replaced, or its client goes.

    Source: learn.microsoft.com/graph/api/application-removepassword.
    """

    object_id: ApplicationObjectId
    key_id: KeyId
    replaced_by: Replacement | None = None

    resource: ClassVar[str] = "secret"
    action: ClassVar[Action] = Action.DELETE


@dataclass(frozen=True, kw_only=True)
class AddCertificate(Change):
    """A certificate beside those that are registered. The key of one that is made is at its place before that.

    Source: learn.microsoft.com/graph/api/application-update (`keyCredentials`).
    """

    client: str
    """The client's name in the wish: its key among the secret places."""
    object_id: Later[ApplicationObjectId]
    client_id: Later[ClientId]
    credential_name: str
    starts: datetime
    expires: datetime
    audience: str | ApiUri
    """What the client will ask a token for."""
    given: Certificate | None = None
    """A certificate whose key is somebody else's; without it, a key pair is made."""
    pending: Certificate | None = None
    """Of a key pair that an attempt made and did not deliver: it is taken up again."""
    instead_of: KeyId | None = None
    """A certificate that its place holds although it is good for nothing."""

    resource: ClassVar[str] = "certificate"
    action: ClassVar[Action] = Action.CREATE


@dataclass(frozen=True, kw_only=True)
class AddFederatedCredential(Change):
    """Another issuer's tokens in place of a secret, keyed by the name made of issuer and subject.

    Source: learn.microsoft.com/graph/api/federatedidentitycredential-upsert.
    """

    client: str
    object_id: Later[ApplicationObjectId]
    client_id: Later[ClientId]
    federation: Federation
    stands: bool = False
    """Whether one of that name stands there, for another audience."""

    resource: ClassVar[str] = "federated credential"

    @property
    def action(self) -> Action:
        """`update` where only the audience changes."""
        return Action.UPDATE if self.stands else Action.CREATE


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
    holder: ResourceId | None = None
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
    """A registration out of the recycle bin, for good: its `uniqueName` and its URI are free at once.

    Source: learn.microsoft.com/graph/api/directory-deleteditems-delete.
    """

    object_id: ApplicationObjectId
    is_new: bool
    """Whether it is deleted in this very plan: then the recycle bin may not show it yet."""

    resource: ClassVar[str] = "recycle bin"
    action: ClassVar[Action] = Action.DELETE


@dataclass(frozen=True, kw_only=True)
class DisableIdentity(Change):
    """The system-assigned identity of an Azure resource switched off; identities assigned by users stay."""

    holder: IdentityHolder

    resource: ClassVar[str] = "managed identity"
    action: ClassVar[Action] = Action.DELETE


@dataclass(frozen=True, kw_only=True)
class EnableIdentity(Change):
    """The system-assigned identity of an Azure resource, beside those that it already has.

    Source: document, approach 1, step 2.
    """

    holder: IdentityHolder

    resource: ClassVar[str] = "managed identity"
    action: ClassVar[Action] = Action.UPDATE


@dataclass(frozen=True)
class ScopeOf:
    """`<Application ID URI>/.default`: what a token is asked for."""

    uri: str | ApiUri


SettingValue: TypeAlias = str | ApiUri | ScopeOf | Ref[ClientId]
"""The text of a setting, known now or later."""


@dataclass(frozen=True)
class SettingWish:
    """A value for one setting; a value that is in `equally_right` (lower case) is left as it stands."""

    name: str
    value: SettingValue
    equally_right: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SettingsWish:
    """What the site's settings must come to say: a few values, and ids added to the allow lists."""

    values: tuple[SettingWish, ...] = ()
    application_ids: tuple[Later[ClientId], ...] = ()
    object_ids: tuple[Later[PrincipalId], ...] = ()
    tidy: bool = True
    """Whether blanks, doubles and empty entries of the lists are cleared away."""
    without: frozenset[str] = frozenset()
    """Entries, in lower case, that leave the allow lists; a list that is empty then goes as a whole."""
    without_names: tuple[str, ...] = ()
    """Settings of ours that go as a whole."""
    exact: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    """Settings that are put back as they were: they hold secrets."""


@dataclass(frozen=True, kw_only=True)
class WriteSettings(Change):
    """All application settings, ours merged in, by one PUT after everything else. Source: document, step 3."""

    site: Site
    wish: SettingsWish
    changed: tuple[str, ...]
    """The names that will change, as far as is known now."""
    first: bool = False
    """Whether everything else waits for it: who is to be let in no more is shut out before anything is deleted."""

    resource: ClassVar[str] = "application settings"
    action: ClassVar[Action] = Action.UPDATE


@dataclass(frozen=True, kw_only=True)
class WireApp(Change):
    """The application settings of an app that calls the MCT API. App Service restarts it by itself.

    Source: learn.microsoft.com/azure/app-service/configure-common, "Configure app settings".
    """

    site: Site
    wish: SettingsWish
    changed: tuple[str, ...]
    """The names that will change, as far as is known now."""

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
    | RestoreServicePrincipal
    | AddSecret
    | RemoveSecret
    | AddCertificate
    | AddFederatedCredential
    | AssignAppRole
    | RevokeAppRole
    | DeleteApplication
    | PurgeApplication
    | EnableIdentity
    | DisableIdentity
    | WriteSettings
    | WireApp
    | RestartSite
)


def known_id(change: AnyChange) -> str | None:  # noqa: C901, PLR0911  # a flat table
    """The id of what a change is about, where it exists before the plan is applied."""
    match change:
        case AlreadyRight():
            return change.id
        case RemoveSecret():
            return change.key_id
        case RevokeAppRole():
            return change.assignment
        case RestoreApplication():
            return change.client_id
        case RestoreServicePrincipal():
            return change.principal.id
        case DeleteApplication() | PurgeApplication():
            return change.object_id
        case DisableIdentity():
            return change.holder.principal_id
        case UpdateApplication():
            return change.object_id if isinstance(change.object_id, str) else None
        case WriteSettings() | WireApp():
            return f"{change.site.resource}/config/appsettings"
        case RestartSite():
            return str(change.site.resource)
        case _:
            return None
