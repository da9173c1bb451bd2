"""Graph's operations on service principals.

Source: graph: resources/serviceprincipal and the pages of its methods.
"""

from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.entra.access import permissions
from mct_s2s.sandbox.entra.access.permissions import roles_of
from mct_s2s.sandbox.entra.registrations import service_principals
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import bad_request, json_object
from mct_s2s.sandbox.services.graph.call import NO_CONTENT, GraphCall, latest_of, operations
from mct_s2s.sandbox.services.graph.objects import object_operations, owned_by, typed
from mct_s2s.sandbox.services.graph.tenant import listed_roles


def _post(call: GraphCall, sent: object = None) -> Answer:
    body = call.body if sent is None else sent
    app_id = str(body.get("appId", "")) if isinstance(body, dict) else ""
    application = call.directory.applications.first_seen_by("appId", app_id)
    is_allowed = permissions.may(
        call.directory, call.caller, "servicePrincipal.create", application
    )
    if permissions.only_owns(call.caller) and not is_allowed:
        raise service_principals.not_local()
    call.require("servicePrincipal.create", application)
    caller = call.caller
    principal = service_principals.create(
        call.directory, body, owner=caller.object_id, created_by=caller.app_id
    )
    headers = call.location("ServicePrincipal", principal["id"])
    return call.single(
        "servicePrincipal", "servicePrincipals", principal, status=201, headers=headers
    )


def _patch(call: GraphCall) -> Answer:
    if call.key == "appId" and call.creates_if_missing:
        return _upserted(call)
    return _updated(call, call.found(call.directory.service_principals))


def _upserted(call: GraphCall) -> Answer:
    app_id = call.params["value"]
    for existing in call.directory.service_principals.latest_by("appId", app_id):
        if not existing["deletedDateTime"]:
            return _updated(call, existing)
    body = json_object(call.body)
    if str(body.get("appId", app_id)).lower() != app_id.lower():
        raise bad_request("The value of property 'appId' does not match the key in the address.")
    return _post(call, {**body, "appId": app_id})


def _updated(call: GraphCall, target: Object) -> Answer:
    call.require("servicePrincipal.write", target)
    service_principals.update(
        call.directory, latest_of(call.directory.service_principals, target), call.body
    )
    return NO_CONTENT


def _delete(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("servicePrincipal.write", target)
    service_principals.refuse_deletion(target)
    service_principals.delete(call.directory, latest_of(call.directory.service_principals, target))
    return NO_CONTENT


def _member_of(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("directory.read")
    return listed_roles(
        call, roles_of(call.directory, target, transitive="transitive" in call.path)
    )


def _owned(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("application.read")
    tables = (call.directory.applications, call.directory.service_principals)
    held = [typed(item) for table in tables for item in owned_by(table, target["id"])]
    return Answer(200, {"@odata.context": f"{call.root}/$metadata#directoryObjects", "value": held})


def _owned_applications(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("application.read")
    return call.listed(
        "application", "applications", owned_by(call.directory.applications, target["id"])
    )


_TRANSITIVE, _OWNED = (
    f"api/serviceprincipal-list-{name}" for name in ("transitivememberof", "ownedobjects")
)
OPERATIONS = object_operations(
    "{principal}", "servicePrincipal", "appRoles", "oauth2PermissionScopes"
) + operations(
    ("POST", "servicePrincipals", _post, "api/serviceprincipal-post-serviceprincipals"),
    ("PATCH", "{principal}", _patch, "api/serviceprincipal-update, api/serviceprincipal-upsert"),
    ("DELETE", "{principal}", _delete, "api/serviceprincipal-delete"),
    ("GET", "{principal}/memberOf", _member_of, "api/serviceprincipal-list-memberof"),
    ("GET", "{principal}/transitiveMemberOf", _member_of, _TRANSITIVE),
    (
        "GET",
        "{principal}/transitiveMemberOf/microsoft.graph.directoryRole",
        _member_of,
        _TRANSITIVE,
    ),
    ("GET", "{principal}/ownedObjects", _owned, _OWNED),
    ("GET", "{principal}/ownedObjects/microsoft.graph.application", _owned_applications, _OWNED),
)
