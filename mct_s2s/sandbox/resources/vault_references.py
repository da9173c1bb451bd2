"""Key Vault references among application settings, and whether App Service could resolve them.

Source: app-service/app-service-key-vault-references; web-apps/get-app-settings-key-vault-references.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mct_s2s.sandbox.resources import vault_access
from mct_s2s.sandbox.resources.store import Resources
from mct_s2s.sandbox.wire_errors import WireError

_PREFIX = "@Microsoft.KeyVault("
_URI = re.compile(r"SecretUri=https://([\w-]+)\.vault\.[\w.:]+/secrets/([\w-]+)/?([\w-]*)/?", re.IGNORECASE)
_NAMES = re.compile(r"VaultName=([\w-]+);SecretName=([\w-]+)(?:;SecretVersion=([\w-]*))?", re.IGNORECASE)


def of(resources: Resources, site: Mapping[str, Any], settings: Mapping[str, str | None]) -> dict[str, dict[str, Any]]:
    """The references among a site's settings, by name."""
    found = {name: value for name, value in settings.items() if value and value.startswith(_PREFIX)}
    return {name: _judged(resources, site, value) for name, value in found.items()}


def _judged(resources: Resources, site: Mapping[str, Any], value: str) -> dict[str, Any]:
    inner = value.removeprefix(_PREFIX).removesuffix(")")
    match = _URI.fullmatch(inner) or _NAMES.fullmatch(inner)
    vault, secret, version = match.groups() if match and value.endswith(")") else (None, None, None)
    identity = site["properties"].get("keyVaultReferenceIdentity", "SystemAssigned")
    shown = {"reference": value, "source": "KeyVault", "vaultName": vault, "secretName": secret}
    status = "InvalidSyntax" if vault is None or secret is None else _status(resources, site, vault, secret, version)
    return {
        **shown,
        "secretVersion": version or None,
        "identityType": {"type": identity},
        "status": status,
        "details": "",
    }


def _status(resources: Resources, site: Mapping[str, Any], name: str, secret: str, version: str | None) -> str:
    principal = _principal(site)
    if principal is None:
        return "MSINotEnabled"
    vault = resources.vault_named(name)
    if vault is None:
        return "VaultNotFound"
    if not vault_access.allows(resources.access, vault, principal, "getSecret/action", secret):
        return "AccessToKeyVaultDenied"
    now, state = resources.clock.timestamp(), resources.vaults[vault["id"].lower()]
    try:
        latest = state.version(secret, "", now)
        found = state.version(secret, version, now) if version else latest
    except WireError:
        return "SecretVersionNotFound" if version and secret.lower() in state.secrets else "SecretNotFound"
    return "Resolved" if found["attributes"]["enabled"] else "OtherReasons"


def _principal(site: Mapping[str, Any]) -> str | None:
    """The identity that the site reads vaults with: its own, or the user-assigned one that it names."""
    identity: Mapping[str, Any] = site.get("identity") or {}
    named = str(site["properties"].get("keyVaultReferenceIdentity", "SystemAssigned"))
    if named.lower() == "systemassigned":
        return identity.get("principalId")
    assigned: Mapping[str, Mapping[str, str]] = identity.get("userAssignedIdentities") or {}
    return next((ids["principalId"] for key, ids in assigned.items() if key.lower() == named.lower()), None)
