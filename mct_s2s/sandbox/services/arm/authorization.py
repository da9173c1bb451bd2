"""Microsoft.Authorization at any scope: permissions, locks, role assignments.

Source: ARM: permissions - list for resource (group); management locks; role assignments.
"""

from typing import Any

from mct_s2s.sandbox.core.files import document
from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.core.wire_errors import arm_error, service_error
from mct_s2s.sandbox.entra.validation import precise_timestamp
from mct_s2s.sandbox.resources.role_assignments import ROLES, is_within
from mct_s2s.sandbox.services.arm.call import ArmCall, ArmOperation

_PREFIX = "/providers/Microsoft.Authorization"
_NOBODY = "00000000-0000-0000-0000-000000000000"
_ROLES_SINCE = "2015-02-02T21:55:09.8806423Z"


def _list_permissions(call: ArmCall) -> Answer:
    return Answer(
        body={
            "value": call.resources.access.permissions(call.caller.object_id, call.params["scope"])
        }
    )


def _list_locks(call: ArmCall) -> Answer:
    return Answer(
        body={
            "value": [
                _lock(lock) for lock in call.resources.locks.at_or_below(call.params["scope"])
            ]
        }
    )


def _get_lock(call: ArmCall) -> Answer:
    lock = call.resources.locks.get(call.params["scope"], call.params["name"])
    if lock is None:
        raise arm_error(
            404, "LockNotFound", f"The lock '{call.params['name']}' could not be found."
        )
    return Answer(body=_lock(lock))


def _put_lock(call: ArmCall) -> Answer:
    properties = call.body.get("properties")
    if not isinstance(properties, dict) or not isinstance(properties.get("level"), str):
        raise arm_error(400, "InvalidLockLevel", "The lock level is required.")
    lock, fresh = call.resources.locks.put(
        call.params["scope"], call.params["name"], properties["level"], properties.get("notes")
    )
    return Answer(201 if fresh else 200, _lock(lock))


def _delete_lock(call: ArmCall) -> Answer:
    return Answer(
        200 if call.resources.locks.remove(call.params["scope"], call.params["name"]) else 204
    )


def _lock(lock: dict[str, Any]) -> dict[str, Any]:
    properties = {"level": lock["level"], **({"notes": lock["notes"]} if lock["notes"] else {})}
    return {
        "id": f"{lock['scope']}{_PREFIX}/locks/{lock['name']}",
        "type": "Microsoft.Authorization/locks",
        "name": lock["name"],
        "properties": properties,
    }


def _list_role_definitions(call: ArmCall) -> Answer:
    wanted = call.query.get("$filter", "").lower()
    shown = [_role(call, role) for role in ROLES.values()]
    return Answer(
        body={
            "value": [
                r for r in shown if not wanted or r["properties"]["roleName"].lower() in wanted
            ]
        }
    )


def _role(call: ArmCall, role: dict[str, Any]) -> dict[str, Any]:
    rule = {name: role[name] for name in ("actions", "notActions", "dataActions")} | {
        "notDataActions": []
    }
    shown = document("roleDefinition", id=_definition(call.params["scope"], role["id"]), role=role)
    shown["properties"]["permissions"] = [rule]
    return dict(shown)


def _definition(scope: str, role: str) -> str:
    """Return the id of a role as it is answered: at the subscription, whatever the scope."""
    parts = scope.split("/")
    root = "/".join(parts[:3]) if parts[1:2] and parts[1].lower() == "subscriptions" else ""
    return f"{root}{_PREFIX}/roleDefinitions/{role}"


def _list_role_assignments(call: ArmCall) -> Answer:
    scope, wanted = call.params["scope"], call.query.get("$filter", "").lower()
    held = call.resources.access.assignments
    assignments = [a for a in held if is_within(scope, a["scope"]) or is_within(a["scope"], scope)]
    return Answer(
        body={
            "value": [
                _assignment(a)
                for a in assignments
                if "'" not in wanted or a["principalId"] in wanted
            ]
        }
    )


def _get_role_assignment(call: ArmCall) -> Answer:
    wanted = call.params["name"].lower()
    assignment = next(
        (a for a in call.resources.access.assignments if a["name"].lower() == wanted), None
    )
    if assignment is None:
        raise service_error("RoleAssignmentNotFound", name=call.params["name"].replace("-", ""))
    return Answer(body=_assignment(assignment))


def _put_role_assignment(call: ArmCall) -> Answer:
    properties = call.body.get("properties")
    if not isinstance(properties, dict):
        raise arm_error(
            400,
            "InvalidRequestContent",
            "The request content was invalid: 'properties' is missing.",
        )
    role = str(properties.get("roleDefinitionId", "")).rsplit("/", 1)[-1].lower()
    if role not in ROLES:
        raise service_error("RoleDefinitionDoesNotExist", role=role)
    held = call.resources.access.assignments
    principal, scope = str(properties.get("principalId")), call.params["scope"]
    if any(
        (a["principalId"], a["role"], a["scope"].lower()) == (principal, role, scope.lower())
        for a in held
    ):
        raise arm_error(409, "RoleAssignmentExists", "The role assignment already exists.")
    call.state.directory.replication.begin_request()
    if call.state.directory.principal(principal) is None:
        raise service_error(
            "PrincipalNotFound",
            principal=principal.replace("-", ""),
            tenant_id=call.state.directory.tenant_id,
        )
    assignment = call.resources.access.assign(principal, role, scope, name=call.params["name"])
    assignment |= {"on": precise_timestamp(call.state.clock.now()), "by": call.caller.object_id}
    return Answer(201, _assignment(assignment))


def _delete_role_assignment(call: ArmCall) -> Answer:
    access = call.resources.access
    assignment = next(
        (a for a in access.assignments if a["name"].lower() == call.params["name"].lower()), None
    )
    if assignment is None:
        return Answer(204)
    access.assignments.remove(assignment)
    return Answer(200, _assignment(assignment))


def _assignment(a: dict[str, str]) -> dict[str, Any]:
    role, on, by = (
        _definition(a["scope"], a["role"]),
        a.get("on", _ROLES_SINCE),
        a.get("by", _NOBODY),
    )
    return dict(document("roleAssignment", a=a, role=role, on=on, by=by))


def _row(
    method: str, tail: str, kind: str, verb: str, run: Any, fidelity: str = "usual"
) -> ArmOperation:
    name = f"Microsoft.Authorization/{kind}"
    action = f"{name}/{verb}" if verb else ""
    return ArmOperation(
        method, f"{{scope}}{_PREFIX}/{tail}", run, f"ARM: {kind}", fidelity, action, name
    )


OPERATIONS = (
    _row("GET", "permissions", "permissions", "", _list_permissions, "full"),
    _row("GET", "locks", "locks", "read", _list_locks),
    _row("GET", "locks/{name}", "locks", "read", _get_lock),
    _row("PUT", "locks/{name}", "locks", "write", _put_lock),
    _row("DELETE", "locks/{name}", "locks", "delete", _delete_lock),
    _row("GET", "roleDefinitions", "roleDefinitions", "read", _list_role_definitions),
    _row("GET", "roleAssignments", "roleAssignments", "read", _list_role_assignments),
    _row("GET", "roleAssignments/{name}", "roleAssignments", "read", _get_role_assignment),
    _row("PUT", "roleAssignments/{name}", "roleAssignments", "write", _put_role_assignment),
    _row("DELETE", "roleAssignments/{name}", "roleAssignments", "delete", _delete_role_assignment),
)
