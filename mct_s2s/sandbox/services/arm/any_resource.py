"""Any resource by its id, lists by type, and operations in progress.

Source: ARM: resources - get/update/create-or-update/delete by id; management/async-operations.
"""

from typing import Any

from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.resources import generic, providers, sites, vaults
from mct_s2s.sandbox.resources.role_assignments import ResourceId
from mct_s2s.sandbox.services.arm.call import ArmCall, ArmOperation


def show(
    call: ArmCall, body: dict[str, Any], *, listed: bool = False, written: bool = False
) -> dict[str, Any]:
    site = call.resources.sites.get(body["id"].lower())
    if site is not None:
        host = call.addresses.of_site(body["id"])
        deployment = call.addresses.of_deployment(body["id"])
        return sites.shown_site(
            body, host, deployment, changed=site.changed, listed=listed, written=written
        )
    if body["type"] == vaults.TYPE:
        return vaults.shown(body, call.addresses.of_vault(body["name"]))
    return body


def _get_resource(call: ArmCall) -> Answer:
    if call.method == "HEAD":
        call.resources.get(call.resource_id)
        return Answer(204)
    return Answer(body=show(call, call.resources.get(call.resource_id)), headers=_etag(call))


def _patch_resource(call: ArmCall) -> Answer:
    kind = providers.find(call.resource_id.type)
    _check_assign(call)
    before = _etag(call)
    name = generic.patch(call.resources, kind, call.resource_id, call.body)
    body = call.resources.get(call.resource_id)
    if name is None:
        _touch(call)
        return Answer(body=show(call, body, written=True), headers=before)
    base = (
        f"{call.addresses.arm}/subscriptions/{call.resource_id.subscription}/providers/{kind.namespace}"
        f"/locations/westeurope"
    )
    version = f"?{call.version}"
    headers = {
        "Azure-AsyncOperation": f"{base}/operationStatuses/{name}{version}",
        "Retry-After": "1",
    }
    if kind.update == "operation":
        return Answer(200, show(call, body), headers)
    return Answer(202, None, {**headers, "Location": f"{base}/operationResults/{name}{version}"})


def _put_resource(call: ArmCall) -> Answer:
    _check_assign(call)
    before = _etag(call)
    body, fresh = generic.put(
        call.resources, providers.find(call.resource_id.type), call.resource_id, call.body
    )
    if call.resource_id.key in call.resources.sites:
        call.open_port(call.resource_id.key)
    _touch(call)
    return Answer(201 if fresh else 200, show(call, body, written=True), before or _etag(call))


def _etag(call: ArmCall) -> dict[str, str]:
    site = call.resources.sites.get(call.resource_id.key)
    return {"ETag": site.etag} if site is not None else {}


def _touch(call: ArmCall) -> None:
    site = call.resources.sites.get(call.resource_id.key)
    if site is not None:
        site.touch(call.resources.clock.timestamp())


def _delete_resource(call: ArmCall) -> Answer:
    return Answer(200 if generic.delete(call.resources, call.resource_id) else 204)


def _list_by_type(call: ArmCall) -> Answer:
    kind = providers.find(f"{call.params['namespace']}/{call.params['type']}")
    scope = call.path.rstrip("/").rsplit("/providers/", 1)[0]
    if "group" in call.params:
        call.resources.group(call.params["subscription"], call.params["group"])
    allows, principal = call.resources.access.allows, call.caller.object_id
    resources = call.resources.under(scope, of_type=kind.full_name)
    readable = [r for r in resources if allows(principal, f"{kind.full_name}/read", r["id"])]
    return Answer(body={"value": [show(call, r, listed=True) for r in readable], "nextLink": None})


_MACHINE = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"


def _list_machines(call: ArmCall) -> Answer:
    """List a scale set's machines, which show the set's identity once they have its newest model.

    Source: ARM: virtual machine scale sets - update instances.
    """
    scale_set = call.resources.get(call.resource_id)
    found = call.resources.under(scale_set["id"], of_type=_MACHINE)
    return Answer(body={"value": list(found)})


def _update_machines(call: ArmCall) -> Answer:
    scale_set = call.resources.get(call.resource_id)
    for machine in call.resources.under(scale_set["id"], of_type=_MACHINE):
        machine["identity"] = scale_set.get("identity")
    return Answer(200)


def _get_operation_status(call: ArmCall) -> Answer:
    operation = generic.operation_named(call.resources, call.params["operation"])
    body = {"name": call.params["operation"], "status": operation["status"]}
    if operation["error"]:
        body["error"] = operation["error"]
    waiting = {"Retry-After": "1"} if operation["status"] == "InProgress" else {}
    return Answer(200, body, waiting)


def _get_operation_result(call: ArmCall) -> Answer:
    operation = generic.operation_named(call.resources, call.params["operation"])
    if operation["status"] == "InProgress":
        again = f"{call.addresses.arm}{call.path}?{call.version}"
        return Answer(202, None, {"Location": again, "Retry-After": "1"})
    body = call.resources.find(operation["target"])
    if body is None or operation["error"]:
        error = operation["error"] or {"code": "Canceled", "message": "The resource was deleted."}
        raise arm_error(409, error["code"], error["message"])
    return Answer(200, show(call, body))


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


def _row(method: str, path: str, verb: str, run: Any, page: str) -> ArmOperation:
    return ArmOperation(
        method, path, run, f"ARM: {page}", "usual", f"{{type}}/{verb}" if verb else "", "{type}"
    )


_S = "/subscriptions/{subscription}"
_GROUP = _S + "/resourceGroups/{group}"
_STATUS = _S + "/providers/{namespace}/locations/{location}"
OPERATIONS = (
    ArmOperation(
        "GET",
        _STATUS + "/operationStatuses/{operation}",
        _get_operation_status,
        "ARM: async operations",
    ),
    ArmOperation(
        "GET",
        _STATUS + "/operationResults/{operation}",
        _get_operation_result,
        "ARM: async operations",
    ),
    _row("GET", _S + "/providers/{namespace}/{type}", "", _list_by_type, "list by subscription"),
    _row(
        "GET", _GROUP + "/providers/{namespace}/{type}", "", _list_by_type, "list by resource group"
    ),
    ArmOperation(
        "GET",
        "{scaleSet}/virtualMachines",
        _list_machines,
        "ARM: virtual machine scale set VMs - list",
        action="{type}/virtualMachines/read",
        versions="{type}",
    ),
    ArmOperation(
        "POST",
        "{scaleSet}/manualupgrade",
        _update_machines,
        "ARM: virtual machine scale sets - update instances",
        action="{type}/manualUpgrade/action",
        versions="{type}",
    ),
    _row("GET", "{id}", "read", _get_resource, "resources - get by id"),
    _row("PATCH", "{id}", "write", _patch_resource, "resources - update by id"),
    _row("PUT", "{id}", "write", _put_resource, "resources - create or update by id"),
    _row("DELETE", "{id}", "delete", _delete_resource, "resources - delete by id"),
)
