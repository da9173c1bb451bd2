"""Changes that take time: accepted now, done later, asked about in between.

They finish when somebody asks after their time has come; nothing runs in the background.
Source: ARM: resource-manager/management/async-operations (Azure-AsyncOperation, Location, Retry-After).
"""

from __future__ import annotations

import uuid
from typing import Any

from mct_s2s.sandbox.core.wire_errors import WireError, arm_error
from mct_s2s.sandbox.resources.ids import ResourceId
from mct_s2s.sandbox.resources.store import Resources


def begin(resources: Resources, resource_id: ResourceId, change: dict[str, Any]) -> str:
    """Accept a change of a resource; give the operation's id.

    Raises:
        WireError: 409 OperationNotAllowed, another change of it is in progress.
    """
    if any(o["target"] == resource_id.key and o["status"] == "InProgress" for o in resources.operations.values()):
        raise arm_error(
            409,
            "OperationNotAllowed",
            f"Another operation on the resource '{resource_id}' is in progress. Try again when it has finished.",
        )
    name = str(uuid.uuid4())
    now = resources.clock.timestamp()
    resources.operations[name] = {
        "target": resource_id.key,
        "change": change,
        "status": "InProgress",
        "began": now,
        "ready": now + resources.operation_seconds,
        "error": None,
    }
    resources.resources[resource_id.key]["properties"]["provisioningState"] = "Updating"
    return name


def remember(resources: Resources, resource_id: ResourceId) -> str:
    """Note a change that was made at once but is said to be done later; give the operation's id."""
    name, now = str(uuid.uuid4()), resources.clock.timestamp()
    ready = now + resources.operation_seconds
    resources.operations[name] = {
        "target": resource_id.key, "change": {}, "status": "Succeeded", "began": now, "ready": ready, "error": None,
    }  # fmt: skip
    return name


def settle(resources: Resources) -> bool:
    """Finish every operation whose time has come; whether there was one."""
    now = resources.clock.timestamp()
    due = [o for o in resources.operations.values() if o["status"] == "InProgress" and o["ready"] <= now]
    for operation in due:
        _finish(resources, operation)
    return bool(due)


def get(resources: Resources, name: str) -> dict[str, Any]:
    """The operation of that id.

    Raises:
        WireError: 404 OperationNotFound.
    """
    found = resources.operations.get(name.lower())
    if found is None:
        raise arm_error(404, "OperationNotFound", f"The operation '{name}' could not be found.")
    return found


def _finish(resources: Resources, operation: dict[str, Any]) -> None:
    from mct_s2s.sandbox.resources import generic, providers  # noqa: PLC0415 - they begin what ends here

    body = resources.resources.get(operation["target"])
    operation["status"] = "Succeeded"
    if body is None:
        operation["status"] = "Canceled"
        return
    body["properties"]["provisioningState"] = "Succeeded"
    try:
        generic.change(resources, providers.find(body["type"]), body, operation["change"])
    except WireError as refused:
        operation["status"], operation["error"] = "Failed", refused.body.get("error", refused.body)
        body["properties"]["provisioningState"] = "Failed"
