"""The changes that a plan is made of, as plain frozen data.

A change names the changes whose results it refers to by `Ref`: an appId exists only after its application is created.
What a change does is decided by its type alone, in `engine.apply`; how it reads is decided in `render`.
"""

from __future__ import annotations

from mct_s2s.planning.changes.access import AssignAppRole, DisableIdentity, EnableIdentity, RevokeAppRole
from mct_s2s.planning.changes.base import Action, AlreadyRight, ApiUri, Change, Later, Part, Ref
from mct_s2s.planning.changes.credentials import (
    AddCredential,
    DeleteStoredSecret,
    RemoveCredential,
    Replacement,
)
from mct_s2s.planning.changes.registrations import (
    ApplicationEdits,
    CreateApplication,
    CreateServicePrincipal,
    DeleteApplication,
    PurgeApplication,
    RestoreApplication,
    UpdateApplication,
)
from mct_s2s.planning.changes.site import (
    ListedId,
    RestartSite,
    SettingEdit,
    SettingSpec,
    SettingsSpec,
    SettingValue,
    WriteSettings,
)

__all__ = [
    "Action",
    "AddCredential",
    "AlreadyRight",
    "AnyChange",
    "ApiUri",
    "ApplicationEdits",
    "AssignAppRole",
    "Change",
    "CreateApplication",
    "CreateServicePrincipal",
    "DeleteApplication",
    "DeleteStoredSecret",
    "DisableIdentity",
    "EnableIdentity",
    "Later",
    "ListedId",
    "Part",
    "PurgeApplication",
    "Ref",
    "RemoveCredential",
    "Replacement",
    "RestartSite",
    "RestoreApplication",
    "RevokeAppRole",
    "SettingEdit",
    "SettingSpec",
    "SettingValue",
    "SettingsSpec",
    "UpdateApplication",
    "WriteSettings",
    "known_id",
]

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
