"""Puts objects into a directory that were there before anybody signed in."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mct_s2s.sandbox.entra import applications, assignments, credentials, service_principals
from mct_s2s.sandbox.entra.types import blank
from mct_s2s.sandbox.entra.well_known import (
    DIRECTORY_ROLES,
    GRAPH_APP_ID,
    GRAPH_ROLES,
    MICROSOFT_TENANT_ID,
    NAMES,
    URIS,
)

if TYPE_CHECKING:
    from mct_s2s.sandbox.entra.store import Directory
    from mct_s2s.sandbox.entra.table import Object

_GRAPH_OFFERS = {
    "oauth2PermissionScopes": [
        {
            "adminConsentDescription": "Allows users to sign in, and the app to read their profile.",
            "adminConsentDisplayName": "Sign in and read user profile",
            "id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
            "isEnabled": True,
            "type": "User",
            "userConsentDescription": "Allows you to sign in, and the app to read your profile.",
            "userConsentDisplayName": "Sign you in and read your profile",
            "value": "User.Read",
        }
    ],
    "resourceSpecificApplicationPermissions": [
        {
            "description": "Allows the app to read this team's settings.",
            "displayName": "Read this team's settings",
            "id": "87909ea6-7b83-41c7-8d3b-7e6e3a3d5e0b",
            "isEnabled": True,
            "value": "TeamSettings.Read.Group",
        }
    ],
}
"""Of the hundreds that Microsoft Graph has, one of each kind."""

SEED_CREDENTIAL = "sandbox"


@dataclass(frozen=True)
class SeededApp:
    """Ids of an application put into the directory by the seed: three different things."""

    app_id: str
    object_id: str
    service_principal_id: str


@dataclass(frozen=True)
class ManagedIdentity:
    """Ids of a managed identity's service principal: ARM's `principalId` and `clientId`."""

    principal_id: str
    client_id: str


def add_microsoft(directory: Directory) -> None:
    """Add the service principals of Microsoft Graph, of Azure's management API and of Microsoft's tools."""
    for app_id, name in NAMES.items():
        directory.service_principals.put(
            blank("servicePrincipal")
            | {
                "id": _stable_id(directory, app_id),
                "accountEnabled": True,
                "appDisplayName": name,
                "appId": app_id,
                "appOwnerOrganizationId": MICROSOFT_TENANT_ID,
                "appRoles": [_role(value, role_id) for value, role_id in GRAPH_ROLES.items()]
                if app_id == GRAPH_APP_ID
                else [],
                "createdDateTime": None,
                "displayName": name,
                **(_GRAPH_OFFERS if app_id == GRAPH_APP_ID else {}),
                "servicePrincipalNames": [app_id, *URIS.get(app_id, ())],
                "servicePrincipalType": "Application",
                "signInAudience": "AzureADMultipleOrgs",
                "@owners": [],
            }
        )


def add_people(directory: Directory) -> None:
    """Add an administrator and somebody without any role, who can sign in with a device code."""
    for local, name, roles in (
        ("admin", "Ada Admin", ["Global Administrator"]),
        ("lee", "Lee Learner", []),
    ):
        add_person(directory, local, name, {"@roles": [DIRECTORY_ROLES[role] for role in roles]})


def add_person(directory: Directory, local: str, display_name: str, held: Object) -> Object:
    """Add somebody by the part of the address before the @; `held` are template ids of roles, own and by group."""
    return directory.users.put(
        blank("user")
        | {
            "id": _stable_id(directory, local),
            "accountEnabled": True,
            "displayName": display_name,
            "userPrincipalName": f"{local}@{directory.tenant.initial_domain}",
            "userType": "Member",
            **held,
        }
    )


def add_application(
    directory: Directory,
    display_name: str,
    *,
    app_id: str | None,
    secret: str | None,
    graph_roles: Iterable[str],
    identifier_uris: Iterable[str],
) -> SeededApp:
    """Add an application with its service principal, its secret and what Graph allows it."""
    body = {"displayName": display_name, "signInAudience": "AzureADMyOrg"}
    fixed = {"appId": app_id.lower()} if app_id else {}
    made = applications.create(directory, {**body, "identifierUris": list(identifier_uris)}, **fixed)
    principal = service_principals.create(directory, {"appId": made["appId"]})
    graph = directory.service_principals.latest_by("appId", GRAPH_APP_ID)[0]
    for value in graph_roles:
        grant = {
            "principalId": principal["id"],
            "resourceId": graph["id"],
            "appRoleId": GRAPH_ROLES[value],
        }
        assignments.create(directory, grant)
    if secret is not None:
        set_secret(directory, made["appId"], secret)
    return SeededApp(made["appId"], made["id"], principal["id"])


def set_secret(directory: Directory, app_id: str, secret: str) -> None:
    """Give an application a secret that is known beforehand, in place of the one it had from here."""
    holder = directory.applications.latest_by("appId", app_id)[0]
    credentials.put_known_password(directory, directory.applications, holder, SEED_CREDENTIAL, secret)


def _role(value: str, role_id: str) -> Object:
    return {
        "allowedMemberTypes": ["Application"],
        "description": f"Allows the app the permission {value} without a signed-in user.",
        "displayName": value,
        "id": role_id,
        "isEnabled": True,
        "origin": "Application",
        "value": value,
    }


def _stable_id(directory: Directory, name: str) -> str:
    # The same ids in the same tenant, so that a reset world is the world that scripts know.
    return str(uuid.uuid5(uuid.UUID(directory.tenant_id), name))
