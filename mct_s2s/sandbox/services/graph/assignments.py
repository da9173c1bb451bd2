"""Graph's operations on app role assignments, from either end.

Source: graph: resources/approleassignment and the pages of its methods.
"""

from collections.abc import Callable

from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.entra.access import app_role_assignments, permissions
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import bad_request, precise_timestamp
from mct_s2s.sandbox.services.graph.call import NO_CONTENT, GraphCall, GraphOperation, not_found


def _resource(call: GraphCall) -> Object | None:
    named = call.body.get("resourceId") if isinstance(call.body, dict) else None
    return call.directory.service_principals.latest(str(named))


def _resource_of(call: GraphCall, listed: list[Object]) -> Object | None:
    """Return the resource of the assignment in the path: its owner decides, from whichever end it
    is revoked.
    """
    named = (
        assignment["resourceId"]
        for assignment in listed
        if assignment["id"] == call.params["assignment"]
    )
    return call.directory.service_principals.latest(next(named, ""))


def _operations(
    collection: str, end: str, held: Callable[[GraphCall, Object], list[Object]], page: str
) -> tuple[GraphOperation, ...]:
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
            raise bad_request(
                f"The value of property '{end}' does not match the object in the address."
            )
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
        listed = held(call, target)
        call.require(
            "assignment.write", target if end == "resourceId" else _resource_of(call, listed)
        )
        app_role_assignments.delete(call.directory, listed, call.params["assignment"])
        return NO_CONTENT

    template = f"{{principal}}/{collection}"
    return (
        GraphOperation("GET", template, list_them, f"api/serviceprincipal-list-{page}"),
        GraphOperation("POST", template, create, f"api/serviceprincipal-post-{page}"),
        GraphOperation("GET", f"{template}/{{assignment}}", get, "api/approleassignment-get"),
        GraphOperation(
            "DELETE", f"{template}/{{assignment}}", delete, f"api/serviceprincipal-delete-{page}"
        ),
    )


OPERATIONS = (
    *_operations(
        "appRoleAssignedTo",
        "resourceId",
        lambda call, target: app_role_assignments.to_resource(call.directory, target["id"]),
        "approleassignedto",
    ),
    *_operations(
        "appRoleAssignments",
        "principalId",
        lambda call, target: app_role_assignments.of_principal(call.directory, target["id"]),
        "approleassignments",
    ),
)
