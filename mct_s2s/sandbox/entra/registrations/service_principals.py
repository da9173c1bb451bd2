"""Rules of service principals of applications.

Sources: graph: api/serviceprincipal-post-serviceprincipals, api/serviceprincipal-update,
resources/serviceprincipal.
"""

from __future__ import annotations

from mct_s2s.sandbox.core.wire_errors import WireError, graph_error
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.types import blank
from mct_s2s.sandbox.entra.validation import (
    bad_request,
    clean,
    invalid_value,
    missing,
    password_not_generated,
    read_only,
    timestamp,
)


def create(directory: Directory, body: object, *, owner: str | None = None) -> Object:
    values = clean("servicePrincipal", body)
    app_id = values.get("appId")
    if not app_id:
        raise missing("appId")
    application = directory.applications.first_seen_by("appId", app_id)
    if application is None:
        raise bad_request(
            f"The appId '{app_id}' of the service principal does not reference a valid application object.",
            detail="NoBackingApplicationObject",
            target="appId",
        )
    _check_free(directory, app_id, but=None)
    # The replica may know an older state of the application; the newest one arrives in the end.
    made = of_application(directory, directory.applications.latest(application["id"]) or application)
    made["@owners"] = [owner] if owner else []
    values.pop("appId")
    return directory.service_principals.put(_checked(made, values))


def of_application(directory: Directory, application: Object) -> Object:
    """Return the service principal that an application would get, without storing it."""
    return blank("servicePrincipal") | {
        "id": directory.ids.new(f"servicePrincipal/{application['appId']}"),
        "accountEnabled": True,
        "appId": application["appId"],
        "appOwnerOrganizationId": directory.tenant_id,
        "appRoleAssignmentRequired": False,
        "createdDateTime": timestamp(directory.clock.now()),
        "servicePrincipalType": "Application",
        "@owners": [],
        **_mirrored(application),
    }


def update(directory: Directory, principal: Object, body: object) -> None:
    values = clean("servicePrincipal", body)
    if values.get("appId", principal["appId"]) != principal["appId"]:
        raise read_only("appId")
    values.pop("appId", None)
    directory.service_principals.put(_checked(principal, values))


def delete(directory: Directory, principal: Object) -> None:
    """Soft-delete a service principal; its assignments are hidden with it."""
    directory.service_principals.put({**principal, "deletedDateTime": timestamp(directory.clock.now())})


def not_local() -> WireError:
    """Return the refusal under `…ReadWrite.OwnedBy` of an application that is not, or not yet, in the tenant."""
    return graph_error(
        403,
        "Authorization_RequestDenied",
        "When using this permission, the backing application of the service principal being created must in the "
        "local tenant",
    )


def mirror(directory: Directory, application: Object) -> None:
    """Copy an application's properties to its service principal."""
    for principal in directory.service_principals.latest_by("appId", application["appId"]):
        if not principal["deletedDateTime"]:
            directory.service_principals.put({**principal, **_mirrored(application)})


def catch_up(directory: Directory, principal: Object) -> Object:
    """Copy the application's current properties to a restored service principal; return it."""
    for application in directory.applications.latest_by("appId", principal["appId"]):
        if not application["deletedDateTime"]:
            return directory.service_principals.put({**principal, **_mirrored(application)})
    return principal


def check_restorable(directory: Directory, principal: Object) -> None:
    _check_free(directory, principal["appId"], but=principal["id"])


def _mirrored(application: Object) -> Object:
    return {
        "appDescription": application["description"],
        "appDisplayName": application["displayName"],
        "appRoles": application["appRoles"],
        "displayName": application["displayName"],
        "homepage": application["web"]["homePageUrl"],
        "info": application["info"],
        "isDisabled": application["isDisabled"],
        "oauth2PermissionScopes": application["api"]["oauth2PermissionScopes"],
        "replyUrls": application["web"]["redirectUris"],
        "servicePrincipalNames": [application["appId"], *application["identifierUris"]],
        "signInAudience": application["signInAudience"],
        "verifiedPublisher": application["verifiedPublisher"],
    }


def _checked(old: Object, values: Object) -> Object:
    for name in ("keyCredentials", "passwordCredentials"):
        if values.get(name):
            raise password_not_generated()
    new = {**old, **values}
    allowed = {old["appId"], *old["servicePrincipalNames"]}
    if not old["appId"] or not set(new["servicePrincipalNames"]) <= allowed:
        raise _invalid("servicePrincipalNames")
    if any(not tag or len(tag) > 256 for tag in new["tags"]):
        raise _invalid("tags")
    if not new["displayName"]:
        raise _invalid("displayName")
    return new


def _check_free(directory: Directory, app_id: str, *, but: str | None) -> None:
    held = directory.service_principals.latest_by("appId", app_id)
    if any(not other["deletedDateTime"] and other["id"] != but for other in held):
        message = (
            "The service principal cannot be created, updated, or restored because the service principal name "
            f"{app_id} is already in use."
        )
        detail = {"code": "ObjectConflict", "message": message, "target": "servicePrincipalNames"}
        raise graph_error(409, "Request_MultipleObjectsWithSameKeyValue", message, details=[detail])


def _invalid(name: str) -> WireError:
    return invalid_value("ServicePrincipal", name)
