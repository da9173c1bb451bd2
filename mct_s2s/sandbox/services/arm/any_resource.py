"""Any resource by its id, lists by type, and operations in progress.

Source: ARM: resources - get/update/create-or-update/delete by id; management/async-operations.
"""

from __future__ import annotations

from typing import Any

from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.resources import generic, operations, providers, site_bodies, vaults
from mct_s2s.sandbox.resources.resource_id import ResourceId
from mct_s2s.sandbox.services.arm.call import ArmAnswer, ArmCall, ArmOperation


def show(call: ArmCall, body: dict[str, Any], *, listed: bool = False, written: bool = False) -> dict[str, Any]:
    """Return a resource's body as it is shown, with the host names of sites and vaults."""
    site = call.resources.sites.get(body["id"].lower())
    if site is not None:
        host = call.addresses.of_site(body["id"])
        return site_bodies.show(body, host, changed=site.changed, listed=listed, written=written)
    if body["type"] == vaults.TYPE:
        return vaults.shown(body, call.addresses.of_vault(body["name"]))
    return body


def get_resource(call: ArmCall) -> ArmAnswer:
    """One resource."""
    if call.method == "HEAD":
        call.resources.get(call.resource_id)
        return ArmAnswer(204)
    return ArmAnswer(body=show(call, call.resources.get(call.resource_id)), headers=_etag(call))


def patch_resource(call: ArmCall) -> ArmAnswer:
    """Merge a change; some providers accept it now and apply it later."""
    kind = providers.find(call.resource_id.type)
    _check_assign(call)
    before = _etag(call)
    name = generic.patch(call.resources, kind, call.resource_id, call.body)
    body = call.resources.get(call.resource_id)
    if name is None:
        _touch(call)
        return ArmAnswer(body=show(call, body, written=True), headers=before)
    base = (
        f"{call.addresses.arm}/subscriptions/{call.resource_id.subscription}/providers/{kind.namespace}"
        f"/locations/westeurope"
    )
    version = f"?{call.version}"
    headers = {"Azure-AsyncOperation": f"{base}/operationStatuses/{name}{version}", "Retry-After": "1"}
    if kind.update == "operation":
        return ArmAnswer(200, show(call, body), headers)
    return ArmAnswer(202, None, {**headers, "Location": f"{base}/operationResults/{name}{version}"})


def put_resource(call: ArmCall) -> ArmAnswer:
    """Create or replace a resource."""
    _check_assign(call)
    before = _etag(call)
    body, fresh = generic.put(call.resources, providers.find(call.resource_id.type), call.resource_id, call.body)
    _touch(call)
    return ArmAnswer(201 if fresh else 200, show(call, body, written=True), before or _etag(call))


def _etag(call: ArmCall) -> dict[str, str]:
    """Return the ETag of a site; the answer to a write has the one from before: docs/azure-contract.md, section 4.2."""
    site = call.resources.sites.get(call.resource_id.key)
    return {"ETag": site.etag} if site is not None else {}


def _touch(call: ArmCall) -> None:
    site = call.resources.sites.get(call.resource_id.key)
    if site is not None:
        site.touch(call.resources.clock.timestamp())


def delete_resource(call: ArmCall) -> ArmAnswer:
    """Delete a resource; 204 where there is none."""
    return ArmAnswer(200 if generic.delete(call.resources, call.resource_id) else 204)


def list_by_type(call: ArmCall) -> ArmAnswer:
    """List the resources of one type in a subscription or group that the caller may read."""
    kind = providers.find(f"{call.params['namespace']}/{call.params['type']}")
    scope = call.path.rstrip("/").rsplit("/providers/", 1)[0]
    if "group" in call.params:
        call.resources.group(call.params["subscription"], call.params["group"])
    allows, principal = call.resources.access.allows, call.caller.object_id
    found = call.resources.under(scope, of_type=kind.full_name)
    readable = [r for r in found if allows(principal, f"{kind.full_name}/read", r["id"])]
    return ArmAnswer(body={"value": [show(call, r, listed=True) for r in readable], "nextLink": None})


def get_operation_status(call: ArmCall) -> ArmAnswer:
    """Return the status of an asynchronous change."""
    operation = operations.get(call.resources, call.params["operation"])
    body = {"name": call.params["operation"], "status": operation["status"]}
    if operation["error"]:
        body["error"] = operation["error"]
    waiting = {"Retry-After": "1"} if operation["status"] == "InProgress" else {}
    return ArmAnswer(200, body, waiting)


def get_operation_result(call: ArmCall) -> ArmAnswer:
    """Return the result of an asynchronous change: 202 until it is done, then the resource."""
    operation = operations.get(call.resources, call.params["operation"])
    if operation["status"] == "InProgress":
        again = f"{call.addresses.arm}{call.path}?{call.version}"
        return ArmAnswer(202, None, {"Location": again, "Retry-After": "1"})
    body = call.resources.find(operation["target"])
    if body is None or operation["error"]:
        error = operation["error"] or {"code": "Canceled", "message": "The resource was deleted."}
        raise arm_error(409, error["code"], error["message"])
    return ArmAnswer(200, show(call, body))


def _check_assign(call: ArmCall) -> None:
    """Check the permission on each user-assigned identity that is added to a resource.

    Source: entra: managed-identities-azure-resources/qs-configure-rest-vm (assign/action).
    """
    identity = call.body.get("identity")
    entries = identity.get("userAssignedIdentities") if isinstance(identity, dict) else None
    for identity_id, value in (entries or {}).items() if isinstance(entries, dict) else ():
        if value is not None:
            kind = ResourceId.parse(identity_id).type
            call.resources.access.check(call.caller, f"{kind}/assign/action", identity_id)


_S = "/subscriptions/{subscription}"
_BY_ID = ("{id}", "{type}")
_STATUS = _S + "/providers/{namespace}/locations/{location}"
OPERATIONS = (
    ArmOperation(
        "GET", _STATUS + "/operationStatuses/{operation}", "", "",
        get_operation_status, "ARM: async operations",
    ),
    ArmOperation(
        "GET", _STATUS + "/operationResults/{operation}", "", "",
        get_operation_result, "ARM: async operations",
    ),
    ArmOperation(
        "GET", _S + "/providers/{namespace}/{type}", "", "{type}", list_by_type, "ARM: list by subscription"
    ),
    ArmOperation(
        "GET", _S + "/resourceGroups/{group}/providers/{namespace}/{type}", "", "{type}", list_by_type,
        "ARM: list by resource group",
    ),
    ArmOperation("GET", "{id}", "{type}/read", "{type}", get_resource, "ARM: resources - get by id"),
    ArmOperation("PATCH", "{id}", "{type}/write", "{type}", patch_resource, "ARM: resources - update by id"),
    ArmOperation("PUT", "{id}", "{type}/write", "{type}", put_resource, "ARM: resources - create or update by id"),
    ArmOperation("DELETE", "{id}", "{type}/delete", "{type}", delete_resource, "ARM: resources - delete by id"),
)  # fmt: skip
