"""Managed identities on resources: what a write of `identity` does.

`type` decides: identities that it does not name are removed, the user-assigned map included. Azure
chooses the ids. Source: entra: managed-identities-azure-resources/qs-configure-rest-vm;
app-service/overview-managed-identity.
"""

from collections.abc import Mapping
from typing import Any

from mct_s2s.sandbox.core.wire_errors import arm_error, service_error
from mct_s2s.sandbox.entra.registrations import service_principals
from mct_s2s.sandbox.resources.providers import ResourceType
from mct_s2s.sandbox.resources.role_assignments import ResourceId
from mct_s2s.sandbox.resources.store import Resources

_KINDS = {"systemassigned": "system", "userassigned": "user"}


def kinds_in(text: object) -> frozenset[str]:
    """Read an identity's `type`, e.g.

    "SystemAssigned, UserAssigned" or "None", without case or spaces.
    """
    words = [word.strip().lower() for word in text.split(",")] if isinstance(text, str) else [""]
    if words == ["none"]:
        return frozenset()
    if not all(word in _KINDS for word in words):
        raise service_error("InvalidIdentityType", text=text)
    return frozenset(_KINDS[word] for word in words)


def apply(resources: Resources, kind: ResourceType, body: dict[str, Any], wanted: object) -> None:
    if wanted is None:
        return
    kinds, entries = check(resources, kind, body, wanted)
    before = dict(body.get("identity") or {})
    fresh: dict[str, Any] = _system_part(resources, body, before, "system" in kinds)
    if entries:
        fresh["userAssignedIdentities"] = entries
    names = [
        name
        for part, name in (("system", "SystemAssigned"), ("user", "UserAssigned"))
        if part in kinds
    ]
    body["identity"] = {"type": kind.separator.join(names), **fresh} if names else {"type": "None"}


def for_user_assigned(resources: Resources, resource_id: ResourceId) -> dict[str, str]:
    """Create the service principal of a new user-assigned identity; return the properties of its
    resource.
    """
    principal = service_principals.create_managed_identity(
        resources.directory, resource_id.names[-1], resource_id=str(resource_id)
    )
    tenant = resources.directory.subscription_tenant.tenant_id
    return {"tenantId": tenant, "principalId": principal["id"], "clientId": principal["appId"]}


def check(
    resources: Resources, kind: ResourceType, body: dict[str, Any], wanted: object
) -> tuple[frozenset[str], dict[str, dict[str, str]]]:
    """Check a change of identity without making it; return the kinds and the resulting
    user-assigned map.
    """
    if not isinstance(wanted, Mapping):
        raise arm_error(
            400,
            "InvalidRequestContent",
            "The request content was invalid: 'identity' is no object.",
        )
    kinds = kinds_in(wanted.get("type"))
    if not kinds <= set(kind.identity):
        raise service_error("ManagedIdentityNotSupported", full_name=kind.full_name)
    kept = dict((body.get("identity") or {}).get("userAssignedIdentities") or {})
    return kinds, _entries(
        resources, kept, wanted.get("userAssignedIdentities"), kinds, kind.merges_identities
    )


def _system_part(
    resources: Resources, body: dict[str, Any], before: dict[str, Any], wanted: bool
) -> dict[str, str]:
    principal_id = before.get("principalId")
    if not wanted:
        if principal_id:
            service_principals.delete_managed_identity(resources.directory, principal_id)
        return {}
    if principal_id is None:
        name = ResourceId.parse(body["id"])
        shown = (
            "/slots/".join(name.names) if name.type.lower().endswith("/slots") else name.names[-1]
        )
        principal_id = service_principals.create_managed_identity(
            resources.directory, shown, resource_id=body["id"]
        )["id"]
    return {
        "principalId": principal_id,
        "tenantId": resources.directory.subscription_tenant.tenant_id,
    }


def _entries(
    resources: Resources, kept: dict[str, Any], sent: object, kinds: frozenset[str], merges: bool
) -> dict[str, dict[str, str]]:
    """Return the user-assigned map after the write: null removes an entry, everything else adds
    one.

    A type without UserAssigned clears the map. Entries that are not sent stay only where the
    provider merges; App Service is not documented to, so that an entry left out is lost here.
    """
    if sent is not None and not isinstance(sent, Mapping):
        raise arm_error(400, "InvalidRequestContent", "'userAssignedIdentities' is no object.")
    if "user" not in kinds:
        if any(value is not None for value in (sent or {}).values()):
            raise _values("The identity type does not allow user assigned identities.")
        return {}
    entries = kept if merges or sent is None else {}
    for identity_id, value in (sent or {}).items():
        known = next((key for key in kept if key.lower() == identity_id.lower()), None)
        if value is None:
            entries.pop(known or "", None)
        else:
            _check_entry(value)
            entries[known or identity_id] = _ids_of(resources, identity_id)
    if not entries:
        raise _values(
            "The associated identity ids must not be null or empty for 'UserAssigned' identity "
            "type."
        )
    return entries


def _check_entry(value: object) -> None:
    if not isinstance(value, Mapping) or set(value) - {"principalId", "clientId"}:
        raise _values("The value of a user assigned identity must be an empty object or null.")


def _values(message: str) -> Exception:
    return arm_error(400, "InvalidIdentityValues", message)


def _ids_of(resources: Resources, identity_id: str) -> dict[str, str]:
    identity = resources.find(identity_id)
    if identity is None or not identity["type"].lower().endswith("/userassignedidentities"):
        raise service_error("FailedIdentityOperation", identity_id=identity_id)
    properties = identity["properties"]
    return {"principalId": properties["principalId"], "clientId": properties["clientId"]}
