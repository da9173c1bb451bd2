"""Changes that take time: accepted now, applied later, polled in between.

They are applied by `generic.apply_due` when a request arrives after their time; nothing runs in the background.
Source: ARM: resource-manager/management/async-operations (Azure-AsyncOperation, Location, Retry-After).
"""

from __future__ import annotations

import uuid
from typing import Any

from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.resources.resource_id import ResourceId
from mct_s2s.sandbox.resources.store import Body, Resources


def begin(resources: Resources, resource_id: ResourceId, change: dict[str, Any]) -> str:
    """Accept a change of a resource; return the operation's id."""
    if any(o["target"] == resource_id.key and o["status"] == "InProgress" for o in resources.operations.values()):
        raise arm_error(
            409,
            "OperationNotAllowed",
            f"Another operation on the resource '{resource_id}' is in progress. Try again when it has finished.",
        )
    resources.resources[resource_id.key]["properties"]["provisioningState"] = "Updating"
    return _add(resources, resource_id, change, "InProgress")


def add_done(resources: Resources, resource_id: ResourceId) -> str:
    """Record a change that is made already and reported as done later; return the operation's id."""
    return _add(resources, resource_id, {}, "Succeeded")


def _add(resources: Resources, resource_id: ResourceId, change: dict[str, Any], status: str) -> str:
    name, now = str(uuid.uuid4()), resources.clock.timestamp()
    resources.operations[name] = {
        "target": resource_id.key,
        "change": change,
        "status": status,
        "began": now,
        "ready": now + resources.operation_seconds,
        "error": None,
    }
    return name


def due(resources: Resources) -> list[Body]:
    """Return the operations in progress whose time has come."""
    now = resources.clock.timestamp()
    return [o for o in resources.operations.values() if o["status"] == "InProgress" and o["ready"] <= now]


def get(resources: Resources, name: str) -> Body:
    found = resources.operations.get(name.lower())
    if found is None:
        raise arm_error(404, "OperationNotFound", f"The operation '{name}' could not be found.")
    return found
