"""Who may read a vault's secrets, and Key Vault references among application settings, which read
them for an app.

Secrets are opened by data actions of roles or by access policies: Owner of the vault in Resource
Manager is not enough. A resolved reference is cached for 24 hours: a newer version of the secret
reaches the app after that time, or when the settings change. One that could not be resolved is
tried again at each request. Sources: key-vault: general/rbac-guide, general/assign-access-policy,
general/rest-error-codes; app-service/app-service-key-vault-references ("Understand rotation").
"""

import re
from collections.abc import Mapping
from typing import Any

from mct_s2s.sandbox.core.wire_errors import WireError, vault_error
from mct_s2s.sandbox.entra.directory import Caller
from mct_s2s.sandbox.resources.role_assignments import RoleAssignments
from mct_s2s.sandbox.resources.sites import SiteState
from mct_s2s.sandbox.resources.store import Resources

_RECENTLY = (
    "If role assignments, deny assignments or role definitions were changed recently, please "
    "observe propagation time."
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


def check(
    access: RoleAssignments, vault: Mapping[str, Any], caller: Caller, verb: str, secret: str
) -> None:
    """Refuse what the caller may not do; `verb` is a data action below
    `Microsoft.KeyVault/vaults/secrets/`.
    """
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
        f"The user, group or application '{who};numgroups=0;iss={issuer}' does not have secrets "
        f"{POLICY_WORDS[verb]} permission on key vault "
        f"'{place}'. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125287",
        inner="AccessDenied",
    )


def allows(
    access: RoleAssignments, vault: Mapping[str, Any], principal_id: str, verb: str, secret: str
) -> bool:
    if vault["properties"].get("enableRbacAuthorization"):
        action = f"Microsoft.KeyVault/vaults/secrets/{verb}"
        return access.allows_data(principal_id, action, _scope(vault, secret))
    policies = vault["properties"].get("accessPolicies") or []
    granted = [
        policy
        for policy in policies
        if str(policy.get("objectId", "")).lower() == principal_id.lower()
    ]
    words = {
        str(word).lower()
        for policy in granted
        for word in (policy.get("permissions") or {}).get("secrets") or ()
    }
    return bool(words & {POLICY_WORDS[verb], "all"})


def _scope(vault: Mapping[str, Any], secret: str) -> str:
    return f"{vault['id']}/secrets/{secret}" if secret else str(vault["id"])


_URI = re.compile(
    r"@Microsoft\.KeyVault\(SecretUri=https://([\w-]+)\.vault\.[\w.:]+/secrets/([\w-]+)/?([\w-]*)/?\)",
    re.IGNORECASE,
)
_NAMES = re.compile(
    r"@Microsoft\.KeyVault\(VaultName=([\w-]+);SecretName=([\w-]+)(?:;SecretVersion=([\w-]*))?\)",
    re.IGNORECASE,
)
_KEPT_SECONDS = 24 * 3600.0


def environment(
    resources: Resources, site: Mapping[str, Any], site_state: SiteState
) -> dict[str, str]:
    """Return what the running app reads: settings, with the secrets of those references that can be
    resolved.
    """
    values = {name: value for name, value in site_state.settings.items() if value is not None}
    return {
        name: _resolved(resources, site, site_state, name, value) for name, value in values.items()
    }


def _resolved(
    resources: Resources, site: Mapping[str, Any], site_state: SiteState, name: str, value: str
) -> str:
    now, kept = resources.clock.timestamp(), site_state.references.get(name)
    if kept is None or kept["reference"] != value or now - kept["at"] >= _KEPT_SECONDS:
        site_state.references.pop(name, None)
        secret = _secret(resources, site, value)
        if secret is None:
            return value
        kept = site_state.references[name] = {"reference": value, "secret": secret, "at": now}
    return str(kept["secret"])


def _secret(resources: Resources, site: Mapping[str, Any], value: str) -> str | None:
    match = _URI.fullmatch(value) or _NAMES.fullmatch(value)
    if match is None:
        return None
    name, secret, version = match.groups(default="")
    principal, vault = _principal(site), resources.vault_named(name)
    if principal is None or vault is None:
        return None
    if not allows(resources.access, vault, principal, "getSecret/action", secret):
        return None
    try:
        stored = resources.vaults[vault["id"].lower()].version(
            secret, version, resources.clock.timestamp()
        )
    except WireError:
        return None
    return str(stored["value"]) if stored["attributes"]["enabled"] else None


def _principal(site: Mapping[str, Any]) -> str | None:
    identity: Mapping[str, Any] = site.get("identity") or {}
    named = str(site["properties"].get("keyVaultReferenceIdentity", "SystemAssigned"))
    if named.lower() == "systemassigned":
        return identity.get("principalId")
    assigned: Mapping[str, Mapping[str, str]] = identity.get("userAssignedIdentities") or {}
    return next(
        (ids["principalId"] for key, ids in assigned.items() if key.lower() == named.lower()), None
    )
