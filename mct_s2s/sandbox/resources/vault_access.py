"""Who may do what with a vault's secrets: by data actions of roles, or by access policies.

Owner of the vault in Resource Manager is not enough.
Sources: key-vault: general/rbac-guide, general/assign-access-policy, general/rest-error-codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mct_s2s.sandbox.core.wire_errors import vault_error
from mct_s2s.sandbox.entra.caller import Caller
from mct_s2s.sandbox.resources.role_assignments import RoleAssignments

_RECENTLY = (
    "If role assignments, deny assignments or role definitions were changed recently, please observe propagation time."
)
# The name of each data action in an access policy.
POLICY_WORDS = {
    "getSecret/action": "get",
    "setSecret/action": "set",
    "update/action": "set",
    "readMetadata/action": "list",
    "delete": "delete",
    "recover/action": "recover",
    "purge/action": "purge",
}


def check(access: RoleAssignments, vault: Mapping[str, Any], caller: Caller, verb: str, secret: str) -> None:
    """Refuse what the caller may not do; `verb` is a data action below `Microsoft.KeyVault/vaults/secrets/`."""
    if allows(access, vault, caller.object_id, verb, secret):
        return
    place = f"{vault['name']};location={vault['location']}"
    issuer = f"https://sts.windows.net/{caller.tenant_id}/"
    who = f"appid={caller.app_id};oid={caller.object_id}"
    if vault["properties"].get("enableRbacAuthorization"):
        lines = (
            "Caller is not authorized to perform action on resource.",
            _RECENTLY,
            f"Caller: {who};iss={issuer}",
            f"Action: 'Microsoft.KeyVault/vaults/secrets/{verb}'",
            f"Resource: '{_scope(vault, secret).lower()}'",
            "Assignment: (not found)",
            "DenyAssignmentId: null",
            "DecisionReason: 'DeniedWithNoValidRBAC' ",
            f"Vault: {place}",
            "",
        )
        raise vault_error(403, "Forbidden", "\r\n".join(lines), inner="ForbiddenByRbac")
    raise vault_error(
        403,
        "Forbidden",
        f"The user, group or application '{who};numgroups=0;iss={issuer}' does not have secrets {POLICY_WORDS[verb]} "
        f"permission on key vault '{place}'. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125287",
        inner="AccessDenied",
    )


def allows(access: RoleAssignments, vault: Mapping[str, Any], principal_id: str, verb: str, secret: str) -> bool:
    if vault["properties"].get("enableRbacAuthorization"):
        action = f"Microsoft.KeyVault/vaults/secrets/{verb}"
        return access.allows_data(principal_id, action, _scope(vault, secret))
    policies = vault["properties"].get("accessPolicies") or []
    granted = [policy for policy in policies if str(policy.get("objectId", "")).lower() == principal_id.lower()]
    words = {str(word).lower() for policy in granted for word in (policy.get("permissions") or {}).get("secrets") or ()}
    return bool(words & {POLICY_WORDS[verb], "all"})


def _scope(vault: Mapping[str, Any], secret: str) -> str:
    return f"{vault['id']}/secrets/{secret}" if secret else str(vault["id"])
