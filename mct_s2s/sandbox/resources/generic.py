"""Reading and writing any resource by its id, by the description of its type, now or by an
operation that takes time.

Operations are applied by `apply_due` when a request arrives after their time; nothing runs in the
background. Properties of a site that App Service computes are ignored. Source: ARM: resources -
get/update/create-or-update/delete by id; resource-manager/management/async-operations; app-service:
web-apps/create-or-update, /update (settings are also sent in `siteConfig.appSettings`).
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from mct_s2s.sandbox.core.wire_errors import WireError, arm_error, service_error
from mct_s2s.sandbox.resources import identities, providers, sites, vaults
from mct_s2s.sandbox.resources.providers import LOCATIONS, ResourceType
from mct_s2s.sandbox.resources.role_assignments import ResourceId
from mct_s2s.sandbox.resources.sites import SiteState, bad_request
from mct_s2s.sandbox.resources.store import Body, Resources


def begin_operation(resources: Resources, resource_id: ResourceId, change: dict[str, Any]) -> str:
    """Accept a change of a resource; return the operation's id."""
    if any(
        o["target"] == resource_id.key and o["status"] == "InProgress"
        for o in resources.operations.values()
    ):
        raise service_error("OperationNotAllowed", resource_id=resource_id)
    resources.resources[resource_id.key]["properties"]["provisioningState"] = "Updating"
    return _add_operation(resources, resource_id, change, "InProgress")


def add_done(resources: Resources, resource_id: ResourceId) -> str:
    """Record a change that is made already and reported as done later; return the
    operation's id.
    """
    return _add_operation(resources, resource_id, {}, "Succeeded")


def _add_operation(
    resources: Resources, resource_id: ResourceId, change: dict[str, Any], status: str
) -> str:
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


def _due(resources: Resources) -> list[Body]:
    now = resources.clock.timestamp()
    return [
        o
        for o in resources.operations.values()
        if o["status"] == "InProgress" and o["ready"] <= now
    ]


def operation_named(resources: Resources, name: str) -> Body:
    operation = resources.operations.get(name.lower())
    if operation is None:
        raise arm_error(404, "OperationNotFound", f"The operation '{name}' could not be found.")
    return operation


_WRITABLE = (
    ("clientAffinityEnabled", bool),
    ("clientCertEnabled", bool),
    ("enabled", bool),
    ("httpsOnly", bool),
    ("keyVaultReferenceIdentity", str),
    ("publicNetworkAccess", str),
    ("reserved", bool),
    ("serverFarmId", str),
    ("virtualNetworkSubnetId", str),
)


def fresh_site() -> dict[str, Any]:
    return {
        "state": "Running",
        "enabled": True,
        "reserved": False,
        "httpsOnly": False,
        "clientAffinityEnabled": True,
    }


def write_site(resources: Resources, body: dict[str, Any], sent: Mapping[str, Any]) -> None:
    changed = {}
    for name, kind in _WRITABLE:
        if sent.get(name) is not None:
            if not isinstance(sent[name], kind):
                raise bad_request(f"The parameter {name} has an invalid value.")
            changed[name] = sent[name]
    config = sent.get("siteConfig")
    settings = config.get("appSettings") if isinstance(config, Mapping) else None
    if settings is not None:
        _replace_settings(resources, resources.sites[body["id"].lower()], settings)
    body["properties"].update(changed)


def _replace_settings(resources: Resources, site_state: SiteState, pairs: object) -> None:
    if not isinstance(pairs, list) or not all(
        isinstance(p, Mapping) and "name" in p for p in pairs
    ):
        raise bad_request("The parameter appSettings has an invalid value.")
    properties = {str(pair["name"]): pair.get("value") for pair in pairs}
    strict = resources.directory.variations.strict_setting_names
    site_state.replace_settings(
        properties, resources.clock.timestamp(), resources.restart_seconds, strict=strict
    )


_MEMBERS = frozenset(
    {
        "id",
        "name",
        "type",
        "location",
        "tags",
        "kind",
        "sku",
        "plan",
        "identity",
        "properties",
        "managedBy",
        "zones",
    }
    | {"etag", "extendedLocation", "systemData", "apiVersion", "scale", "resources"}
)

_SITES = ("Microsoft.Web/sites", "Microsoft.Web/sites/slots")


def check_members(sent: Mapping[str, Any]) -> None:
    """Refuse members that no resource has, as Resource Manager does before it asks the provider."""
    unknown = next((name for name in sent if name not in _MEMBERS), None)
    if unknown is not None:
        raise service_error(
            "InvalidRequestContent member", unknown=unknown, position=len(unknown) + 4
        )


def patch(
    resources: Resources, kind: ResourceType, resource_id: ResourceId, sent: dict[str, Any]
) -> str | None:
    """Merge a change into a resource; return the operation's id where the provider applies it
    later.
    """
    body = resources.get(resource_id)
    check_members(sent)
    _check_patchable(resources, kind, sent)
    ignores = (
        resources.directory.variations.identity_patch == "ignored" and kind.full_name not in _SITES
    )
    if ignores or not kind.patches_identity:
        sent = {name: value for name, value in sent.items() if name != "identity"}
    if kind.update == "done":
        change(resources, kind, body, sent)
        return None
    if sent.get("identity") is not None:
        # What would fail later is refused now: providers validate before they accept.
        identities.check(resources, kind, body, sent["identity"])
    return begin_operation(resources, resource_id, sent)


def _check_patchable(resources: Resources, kind: ResourceType, sent: Mapping[str, Any]) -> None:
    if kind.patchable is not None and not sent.keys() <= {*kind.patchable}:
        raise service_error("InvalidPatchWorkflowRequest")
    if (
        "identity" in sent
        and resources.directory.variations.identity_patch == "refused"
        and kind.full_name not in _SITES
    ):
        raise sites.wrong_method("PATCH")


def put(
    resources: Resources, kind: ResourceType, resource_id: ResourceId, sent: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    resources.group(resource_id.subscription, resource_id.group)
    check_members(sent)
    body = resources.find(resource_id.key)
    if not sent.get("location"):
        raise _location_required()
    if body is None:
        return _create(resources, kind, resource_id, sent), True
    if _plain(sent["location"]) != _plain(body["location"]):
        here, wanted = _plain(body["location"]), _plain(sent["location"])
        raise service_error("InvalidResourceLocation", at=resource_id, location=here, wanted=wanted)
    change(resources, kind, body, sent)
    return body, False


_NEVER_IN_GROUPS = re.compile(r"[^-\w.()]|\.\Z")


def put_group(
    resources: Resources, subscription: str, name: str, sent: Mapping[str, Any]
) -> tuple[Body, bool]:
    """Create a resource group, or replace its tags; returns it, and whether it is new.

    Source: ARM: resource groups - create or update; Azure/azure-cli#22242.
    """
    check_members(sent)
    unfit = _NEVER_IN_GROUPS.findall(name)
    if unfit:
        raise service_error("InvalidResourceGroup", name=name, characters="".join(unfit))
    if not sent.get("location"):
        raise _location_required()
    location, places = _plain(str(sent["location"])), [_plain(place) for place in LOCATIONS]
    if location not in places:
        raise service_error(
            "LocationNotAvailableForResourceGroup", location=location, places=",".join(places)
        )
    root = str(resources.subscription(subscription)["id"])
    known = resources.groups.get(f"{root}/resourceGroups/{name}".lower())
    if known is not None and known["location"] != location:
        raise service_error(
            "InvalidResourceGroupLocation", wanted=location, location=known["location"]
        )
    tags = sent.get("tags") or {}
    if not isinstance(tags, Mapping):
        raise service_error("InvalidRequestContent unreadable", why="'tags' is not an object.")
    return resources.add_group(root, name, tags, location), known is None


def _location_required() -> WireError:
    return arm_error(
        400, "LocationRequired", "The location property is required for this definition."
    )


def _create(
    resources: Resources, kind: ResourceType, resource_id: ResourceId, sent: dict[str, Any]
) -> dict[str, Any]:
    parent = resource_id.parent
    if parent is not None:
        resources.get(parent)
    fresh: dict[str, Any] = {
        "id": str(resource_id),
        "name": resource_id.name,
        "type": kind.full_name,
        "location": _display(sent["location"]) if kind.full_name in _SITES else sent["location"],
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    }
    if sent.get("identity") is not None:
        identities.check(resources, kind, fresh, sent["identity"])
    if kind.full_name in _SITES:
        fresh.update(kind="app", properties=fresh_site())
    if kind.full_name == vaults.TYPE:
        vaults.check_vault(
            resource_id, sent, name_used=resources.vault_named(resource_id.name) is not None
        )
    if kind.full_name == "Microsoft.ManagedIdentity/userAssignedIdentities":
        fresh["properties"] = identities.for_user_assigned(resources, resource_id)
    resources.add(fresh)
    change(resources, kind, fresh, sent)
    return fresh


def change(
    resources: Resources, kind: ResourceType, body: dict[str, Any], sent: Mapping[str, Any]
) -> None:
    """Change a resource's body: the identity by its own rules, the rest member by member."""
    if "identity" in sent:
        identities.apply(resources, kind, body, sent["identity"])
    for member in ("tags", "kind", "sku", "plan", "managedBy"):
        if sent.get(member) is not None:
            body[member] = sent[member]
    properties = sent.get("properties")
    if not isinstance(properties, Mapping):
        return
    if kind.full_name in _SITES:
        write_site(resources, body, properties)
    elif kind.full_name != "Microsoft.ManagedIdentity/userAssignedIdentities":
        body["properties"].update(
            {k: v for k, v in properties.items() if k not in {"provisioningState", "vaultUri"}}
        )


def apply_due(resources: Resources) -> bool:
    due = _due(resources)
    for operation in due:
        _apply(resources, operation)
    return bool(due)


def _apply(resources: Resources, operation: dict[str, Any]) -> None:
    body = resources.resources.get(operation["target"])
    if body is None:
        operation["status"] = "Canceled"
        return
    try:
        change(resources, providers.find(body["type"]), body, operation["change"])
    except WireError as refused:
        operation["status"], operation["error"] = "Failed", refused.body.get("error", refused.body)
    else:
        operation["status"] = "Succeeded"
    body["properties"]["provisioningState"] = operation["status"]


def delete(resources: Resources, resource_id: ResourceId) -> bool:
    resources.group(resource_id.subscription, resource_id.group)
    if resources.find(resource_id.key) is None:
        return False
    resources.remove(resource_id.key)
    return True


def _display(location: str) -> str:
    """Return the display name of a region, which App Service answers whatever was sent."""
    return next((name for name in LOCATIONS if _plain(name) == _plain(location)), location)


def _plain(location: str) -> str:
    return location.replace(" ", "").lower()
