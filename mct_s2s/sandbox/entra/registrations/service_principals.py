"""Rules of service principals, of applications and of managed identities, and of what is deleted
for thirty days.

Sources: graph: api/serviceprincipal-post-serviceprincipals, api/serviceprincipal-update,
resources/serviceprincipal, api/directory-deleteditems-list; entra:
managed-identities-azure-resources.
"""

from datetime import timedelta

from mct_s2s.sandbox.core.wire_errors import WireError, graph_error, service_error
from mct_s2s.sandbox.entra.access import app_role_assignments
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.types import blank
from mct_s2s.sandbox.entra.validation import (
    are_tags,
    bad_request,
    clean,
    invalid_value,
    missing,
    password_not_generated,
    read_only,
    timestamp,
)


def create(
    directory: Directory, body: object, *, owner: str | None = None, created_by: str | None = None
) -> Object:
    """Create the service principal of an application; `created_by` is the appId of the program that
    asks for it.
    """
    values = clean("servicePrincipal", body)
    app_id = values.get("appId")
    if not app_id:
        raise missing("appId")
    application = directory.applications.first_seen_by("appId", app_id)
    if application is None:
        raise bad_request(
            f"The appId '{app_id}' of the service principal does not reference a valid application "
            "object.",
            detail="NoBackingApplicationObject",
            target="appId",
        )
    _check_free(directory, app_id, but=None)
    # The replica may know an older state of the application; the newest one arrives in the end.
    principal = of_application(
        directory, directory.applications.latest(application["id"]) or application
    )
    principal |= {"createdByAppId": created_by, "@owners": [owner] if owner else []}
    values.pop("appId")
    return directory.service_principals.put(_checked(principal, values))


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
    directory.service_principals.put(
        {**principal, "deletedDateTime": timestamp(directory.clock.now())}
    )


def not_local() -> WireError:
    """Return the refusal under `…ReadWrite.OwnedBy` of an application that is not, or not yet, in
    the tenant.
    """
    return service_error("Authorization_RequestDenied")


def mirror(directory: Directory, application: Object) -> None:
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
    if not are_tags(new["tags"]):
        raise _invalid("tags")
    if not new["displayName"]:
        raise _invalid("displayName")
    return new


def _check_free(directory: Directory, app_id: str, *, but: str | None) -> None:
    held = directory.service_principals.latest_by("appId", app_id)
    if any(not other["deletedDateTime"] and other["id"] != but for other in held):
        message = (
            "The service principal cannot be created, updated, or restored because the service "
            f"principal name {app_id} is already in use."
        )
        detail = {"code": "ObjectConflict", "message": message, "target": "servicePrincipalNames"}
        raise graph_error(409, "Request_MultipleObjectsWithSameKeyValue", message, details=[detail])


def _invalid(name: str) -> WireError:
    return invalid_value("ServicePrincipal", name)


def create_managed_identity(directory: Directory, display_name: str, *, resource_id: str) -> Object:
    """Create the service principal of a managed identity, as Azure does when one is enabled.

    It has no application.

    Args:
        display_name: the resource's name, which Azure gives the service principal as well.
        resource_id: ARM id of the resource (system-assigned) or of the user-assigned identity
            itself.
    """
    explicit = "/microsoft.managedidentity/userassignedidentities/" in resource_id.lower()
    app_id = directory.ids.new(f"clientId/{resource_id}")
    return directory.service_principals.put(
        blank("servicePrincipal")
        | {
            "id": directory.ids.new(f"principalId/{resource_id}"),
            "accountEnabled": True,
            "alternativeNames": [f"isExplicit={explicit}", resource_id],
            "appDisplayName": None,
            "appId": app_id,
            "appOwnerOrganizationId": None,
            "appRoleAssignmentRequired": False,
            "createdDateTime": timestamp(directory.clock.now()),
            "displayName": display_name,
            "servicePrincipalNames": [app_id],
            "servicePrincipalType": "ManagedIdentity",
            "@owners": [],
        }
    )


def delete_managed_identity(directory: Directory, principal_id: str) -> None:
    """Remove a managed identity's service principal; no error when it is gone already."""
    app_role_assignments.forget(directory, principal_id)
    directory.service_principals.drop(principal_id)


def refuse_deletion(principal: Object) -> None:
    if principal["servicePrincipalType"] == "ManagedIdentity":
        raise graph_error(
            403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
        )


KEPT_FOR = timedelta(days=30)


def expire(directory: Directory) -> None:
    """Purge what was deleted more than thirty days ago."""
    limit = timestamp(directory.clock.now() - KEPT_FOR)
    for table in (directory.applications, directory.service_principals):
        for item in table.dump():
            if item["deletedDateTime"] and item["deletedDateTime"] < limit:
                purge(directory, item["id"])


def purge(directory: Directory, object_id: str) -> None:
    """Delete an application or a service principal permanently, with everything that
    belongs to it.
    """
    app_role_assignments.forget(directory, object_id)
    for granted in directory.grants.latest_by("clientId", object_id):
        directory.grants.drop(granted["id"])
    for held in directory.federated.latest_by("application", object_id):
        directory.federated.drop(held["id"])
    directory.applications.drop(object_id)
    directory.service_principals.drop(object_id)
