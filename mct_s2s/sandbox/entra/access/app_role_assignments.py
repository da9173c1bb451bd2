"""App role assignments (who has which app role; admin consent is stored as one), and delegated
permission grants.

Source: graph: api/serviceprincipal-post-approleassignedto, resources/approleassignment,
resources/oauth2permissiongrant; docs/azure-contract.md, section 3.6.
"""

import uuid
from collections.abc import Iterable

from mct_s2s.sandbox.core.encoding import base64url
from mct_s2s.sandbox.core.wire_errors import WireError, graph_error
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import bad_request, clean, invalid_value, missing, timestamp

DEFAULT_ACCESS = str(uuid.UUID(int=0))
"""The default role of a resource without app roles."""

_DUPLICATE = {
    False: ("Request_BadRequest", "Permission being assigned already exists on the object"),
    True: ("Request_MultipleObjectsWithSameKeyValue", "EntitlementGrant entry already exists."),
}
"""By the option `duplicateConsentAsGrant`: tenants answer in either way, with 400 in both
(docs/azure-contract.md, section 3.1).
"""


def create(directory: Directory, body: object) -> Object:
    """Assign a role of a resource to a principal; all three are named by object or role ids."""
    values = clean("appRoleAssignment", body)
    for name in ("principalId", "resourceId", "appRoleId"):
        if not values.get(name):
            raise missing(name)
    principal = directory.principal(values["principalId"])
    resource = directory.service_principals.seen(values["resourceId"])
    if (
        principal is None
        or resource is None
        or not _grants(resource, principal, values["appRoleId"])
    ):
        raise bad_request("Not a valid reference update.")
    if _exists(directory, values):
        code, message = _DUPLICATE[directory.variations.duplicate_consent_as_grant]
        raise bad_request(message, code=code)
    return directory.assignments.put(
        {
            "id": _new_id(
                directory, f"assignment/{principal['id']}/{resource['id']}/{values['appRoleId']}"
            ),
            "deletedDateTime": None,
            "appRoleId": values["appRoleId"],
            "createdDateTime": timestamp(directory.clock.now()),
            "principalDisplayName": principal["displayName"],
            "principalId": principal["id"],
            "principalType": "User" if "userPrincipalName" in principal else "ServicePrincipal",
            "resourceDisplayName": resource["displayName"],
            "resourceId": resource["id"],
        }
    )


def delete(directory: Directory, held: Iterable[Object], assignment: str) -> None:
    if all(holding["id"] != assignment for holding in held):
        raise bad_request("EntitlementGrant being updated or deleted is not found")
    directory.assignments.drop(assignment)


def of_principal(directory: Directory, principal_id: str) -> list[Object]:
    return [
        assignment
        for assignment in directory.assignments.seen_by("principal", principal_id)
        if _is_visible(directory, assignment)
    ]


def to_resource(directory: Directory, resource_id: str) -> list[Object]:
    return [
        assignment
        for assignment in directory.assignments.seen_by("resource", resource_id)
        if _is_visible(directory, assignment)
    ]


def role_values(directory: Directory, principal_id: str, resource: Object) -> list[str]:
    """Return the values of the enabled roles that a principal holds on a resource: a token's
    `roles`.
    """
    held = {
        assignment["appRoleId"]
        for assignment in of_principal(directory, principal_id)
        if assignment["resourceId"] == resource["id"]
    }
    return [
        role["value"]
        for role in resource["appRoles"]
        if role["id"] in held and role["isEnabled"] and role["value"]
    ]


def forget(directory: Directory, object_id: str) -> None:
    for index in ("principal", "resource"):
        for assignment in directory.assignments.latest_by(index, object_id):
            directory.assignments.drop(assignment["id"])


def _grants(resource: Object, principal: Object, role_id: str) -> bool:
    if role_id == DEFAULT_ACCESS:
        return True
    wanted = "User" if "userPrincipalName" in principal else "Application"
    return any(
        role["id"] == role_id and role["isEnabled"] and wanted in role["allowedMemberTypes"]
        for role in resource["appRoles"]
    )


def _exists(directory: Directory, values: Object) -> bool:
    held = directory.assignments.latest_by("principal", values["principalId"])
    return any(
        assignment["resourceId"] == values["resourceId"]
        and assignment["appRoleId"] == values["appRoleId"]
        for assignment in held
    )


def _is_visible(directory: Directory, assignment: Object) -> bool:
    return (
        directory.principal(assignment["principalId"]) is not None
        and directory.service_principals.seen(assignment["resourceId"]) is not None
    )


def _new_id(directory: Directory, name: str) -> str:
    # Not a GUID but a text fit for URLs, 43 characters long; clients must not parse it.
    raw = uuid.UUID(directory.ids.new(name)).bytes + uuid.UUID(directory.ids.new(name)).bytes
    return base64url(raw)


_TYPE = "oAuth2PermissionGrant"


def create_grant(directory: Directory, body: object) -> Object:
    """Grant an application scopes of an API, for all users or for one.

    Scopes are not checked against the API.
    """
    values = {"principalId": None, "scope": None, **clean(_TYPE, body)}
    if values.get("consentType") not in {"AllPrincipals", "Principal"}:
        raise _invalid("consentType")
    if (values["consentType"] == "Principal") != bool(values["principalId"]):
        raise _invalid("principalId")
    for name in ("clientId", "resourceId"):
        if directory.service_principals.seen(values.get(name) or "") is None:
            raise _invalid(name)
    grant_id = _grant_id(values)
    if directory.grants.latest(grant_id) is not None:
        raise graph_error(
            409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists."
        )
    return directory.grants.put({**values, "id": grant_id})


def update_grant(directory: Directory, grant: Object, body: object) -> None:
    """Change the scopes of a grant; nothing else can change."""
    values = clean(_TYPE, body)
    if any(grant[name] != value for name, value in values.items() if name != "scope"):
        raise bad_request(
            "Only the property 'scope' of resource 'OAuth2PermissionGrant' can be updated."
        )
    directory.grants.put({**grant, **values})


def _invalid(name: str) -> WireError:
    return invalid_value("OAuth2PermissionGrant", name, detailed=False)


def _grant_id(grant: Object) -> str:
    """The id is derived from the members, so that a grant that is created again has the
    same one.
    """
    parts = (grant[name] for name in ("clientId", "resourceId", "principalId") if grant[name])
    data = b"".join(uuid.UUID(part).bytes_le for part in parts)
    return base64url(data)
