"""Graph's operations on service principals and app role assignments.

Source: graph: resources/serviceprincipal, resources/approleassignment and the pages of their methods.
"""

from __future__ import annotations

from collections.abc import Callable

from mct_s2s.sandbox.entra.access import app_role_assignments, permissions
from mct_s2s.sandbox.entra.access.directory_roles import roles_of
from mct_s2s.sandbox.entra.registrations import managed_identities, password_credentials, service_principals
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import bad_request, json_object, precise_timestamp
from mct_s2s.sandbox.services.answer import Answer
from mct_s2s.sandbox.services.graph.call import NO_CONTENT, GraphCall, GraphOperation, latest_of, not_found
from mct_s2s.sandbox.services.graph.expand import expanding
from mct_s2s.sandbox.services.graph.owners import owned_by, owner_operations, typed
from mct_s2s.sandbox.services.graph.roles import listed_roles


def _list(call: GraphCall) -> Answer:
    call.require("application.read")
    plain, expand = expanding(call, _EXPANDED)
    answer = plain.listed("servicePrincipal", "servicePrincipals", call.directory.service_principals)
    return expand(answer)


def _count(call: GraphCall) -> Answer:
    call.require("application.read")
    return call.counted("servicePrincipal", call.directory.service_principals)


def _get(call: GraphCall) -> Answer:
    call.require("application.read")
    plain, expand = expanding(call, _EXPANDED)
    return expand(plain.single("servicePrincipal", "servicePrincipals", call.found(call.directory.service_principals)))


_EXPANDED = {
    "appRoleAssignments": app_role_assignments.of_principal,
    "appRoleAssignedTo": app_role_assignments.to_resource,
}


def _post(call: GraphCall) -> Answer:
    return _posted(call, call.body)


def _posted(call: GraphCall, body: object) -> Answer:
    app_id = str(body.get("appId", "")) if isinstance(body, dict) else ""
    application = call.directory.applications.first_seen_by("appId", app_id)
    is_allowed = permissions.may(call.directory, call.caller, "servicePrincipal.create", application)
    if permissions.only_owns(call.caller) and not is_allowed:
        raise service_principals.not_local()
    call.require("servicePrincipal.create", application)
    made = service_principals.create(call.directory, body, owner=call.caller.object_id)
    return _created(call, made)


def _created(call: GraphCall, made: Object) -> Answer:
    headers = call.location("ServicePrincipal", made["id"])
    return call.single("servicePrincipal", "servicePrincipals", made, status=201, headers=headers)


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
    return _posted(call, {**body, "appId": app_id})


def _updated(call: GraphCall, target: Object) -> Answer:
    call.require("servicePrincipal.write", target)
    service_principals.update(call.directory, _latest(call, target), call.body)
    return NO_CONTENT


def _latest(call: GraphCall, target: Object) -> Object:
    return latest_of(call.directory.service_principals, target)


def _delete(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("servicePrincipal.write", target)
    managed_identities.refuse_deletion(target)
    service_principals.delete(call.directory, _latest(call, target))
    return NO_CONTENT


def _add_password(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("servicePrincipal.write", target)
    return call.new_password(password_credentials.add_password(call.directory, _latest(call, target), call.body))


def _remove_password(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("servicePrincipal.write", target)
    password_credentials.remove_password(call.directory, _latest(call, target), call.body)
    return NO_CONTENT


def _member_of(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("directory.read")
    return listed_roles(call, roles_of(call.directory, target, transitive="transitive" in call.path))


def _owned(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("application.read")
    tables = (call.directory.applications, call.directory.service_principals)
    held = [typed(one) for table in tables for one in owned_by(table, target["id"])]
    return Answer(200, {"@odata.context": f"{call.root}/$metadata#directoryObjects", "value": held})


def _owned_applications(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("application.read")
    return call.listed("application", "applications", owned_by(call.directory.applications, target["id"]))


OPERATIONS: tuple[GraphOperation, ...] = (
    GraphOperation("GET", "servicePrincipals", _list, "api/serviceprincipal-list"),
    GraphOperation("GET", "servicePrincipals/$count", _count, "concepts/aad-advanced-queries"),
    GraphOperation("POST", "servicePrincipals", _post, "api/serviceprincipal-post-serviceprincipals"),
    GraphOperation("GET", "{principal}", _get, "api/serviceprincipal-get"),
    GraphOperation("PATCH", "{principal}", _patch, "api/serviceprincipal-update, api/serviceprincipal-upsert"),
    GraphOperation("DELETE", "{principal}", _delete, "api/serviceprincipal-delete"),
    *(
        GraphOperation("POST", f"{{principal}}/{prefix}{action}", run, f"api/serviceprincipal-{action.lower()}")
        for prefix in ("", "microsoft.graph.")
        for action, run in (("addPassword", _add_password), ("removePassword", _remove_password))
    ),
    GraphOperation("GET", "{principal}/memberOf", _member_of, "api/serviceprincipal-list-memberof"),
    GraphOperation("GET", "{principal}/transitiveMemberOf", _member_of, "api/serviceprincipal-list-transitivememberof"),
    GraphOperation(
        "GET",
        "{principal}/transitiveMemberOf/microsoft.graph.directoryRole",
        _member_of,
        "api/serviceprincipal-list-transitivememberof",
    ),
    GraphOperation("GET", "{principal}/ownedObjects", _owned, "api/serviceprincipal-list-ownedobjects"),
    GraphOperation(
        "GET",
        "{principal}/ownedObjects/microsoft.graph.application",
        _owned_applications,
        "api/serviceprincipal-list-ownedobjects",
    ),
    *owner_operations("{principal}", "servicePrincipal"),
)


def _resource(call: GraphCall) -> Object | None:
    """Return the resource of an assignment: its owner needs no role (api/serviceprincipal-post-approleassignedto)."""
    named = call.body.get("resourceId") if isinstance(call.body, dict) else None
    return call.directory.service_principals.latest(str(named))


def _assignment_operations(
    collection: str, end: str, held: Callable[[GraphCall, Object], list[Object]], page: str
) -> tuple[GraphOperation, ...]:
    """Return the operations on assignments from one end: the principal's or the resource's."""

    def context(target: Object) -> str:
        return f"servicePrincipals('{target['id']}')/{collection}"

    def named(call: GraphCall, target: Object) -> Object:
        for one in held(call, target):
            if one["id"] == call.params["assignment"]:
                return one
        raise not_found(call.params["assignment"])

    def list_them(call: GraphCall) -> Answer:
        target = call.found(call.directory.service_principals)
        call.require("assignment.read")
        return call.listed("appRoleAssignment", context(target), held(call, target))

    def create(call: GraphCall) -> Answer:
        target = call.found(call.directory.service_principals)
        body = call.body
        call.require("assignment.write", _resource(call))
        sent = str(body.get(end, "")) if isinstance(body, dict) else ""
        if sent.lower() != target["id"]:
            raise bad_request(f"The value of property '{end}' does not match the object in the address.")
        permissions.require_assignable(call.directory, call.caller, str(body.get("resourceId", "")))
        made = app_role_assignments.create(call.directory, body)
        shown = {**made, "createdDateTime": precise_timestamp(call.directory.clock.now())}
        return call.single("appRoleAssignment", context(target), shown, status=201)

    def get(call: GraphCall) -> Answer:
        target = call.found(call.directory.service_principals)
        call.require("assignment.read")
        return call.single("appRoleAssignment", context(target), named(call, target))

    def delete(call: GraphCall) -> Answer:
        target = call.found(call.directory.service_principals)
        call.require("assignment.write", target if end == "resourceId" else None)
        app_role_assignments.delete(call.directory, held(call, target), call.params["assignment"])
        return NO_CONTENT

    template = f"{{principal}}/{collection}"
    return (
        GraphOperation("GET", template, list_them, f"api/serviceprincipal-list-{page}"),
        GraphOperation("POST", template, create, f"api/serviceprincipal-post-{page}"),
        GraphOperation("GET", f"{template}/{{assignment}}", get, "api/approleassignment-get"),
        GraphOperation("DELETE", f"{template}/{{assignment}}", delete, f"api/serviceprincipal-delete-{page}"),
    )


OPERATIONS += _assignment_operations(
    "appRoleAssignedTo",
    "resourceId",
    lambda call, target: app_role_assignments.to_resource(call.directory, target["id"]),
    "approleassignedto",
)
OPERATIONS += _assignment_operations(
    "appRoleAssignments",
    "principalId",
    lambda call, target: app_role_assignments.of_principal(call.directory, target["id"]),
    "approleassignments",
)
