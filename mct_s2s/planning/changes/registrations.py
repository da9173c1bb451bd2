"""App registrations and their service principals: made, brought back, changed, deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mct_s2s.model.directory_objects import Application, AppRole, NewApplication
from mct_s2s.model.ids import (
    ApplicationObjectId,
    AppRoleId,
    ClientId,
    KeyId,
)
from mct_s2s.planning.changes.base import Action, ApiUri, Change, Later


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
