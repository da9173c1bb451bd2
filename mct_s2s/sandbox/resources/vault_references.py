"""Key Vault references among application settings, and whether App Service could resolve them.

Source: app-service/app-service-key-vault-references; web-apps/get-app-settings-key-vault-references.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mct_s2s.sandbox.resources.store import Resources

_PREFIX = "@Microsoft.KeyVault("
_URI = re.compile(r"SecretUri=https://([\w-]+)\.vault\.[\w.]+/secrets/([\w-]+)/?([\w-]*)/?", re.IGNORECASE)
_NAMES = re.compile(r"VaultName=([\w-]+);SecretName=([\w-]+)(?:;SecretVersion=([\w-]*))?", re.IGNORECASE)


def of(resources: Resources, site: Mapping[str, Any], settings: Mapping[str, str | None]) -> dict[str, dict[str, Any]]:
    """The references among a site's settings, by name. Which secrets a vault holds nobody knows here: all are there."""
    found = {name: value for name, value in settings.items() if value and value.startswith(_PREFIX)}
    return {name: _judged(resources, site, value) for name, value in found.items()}


def _judged(resources: Resources, site: Mapping[str, Any], value: str) -> dict[str, Any]:
    inner = value.removeprefix(_PREFIX).removesuffix(")")
    match = _URI.fullmatch(inner) or _NAMES.fullmatch(inner)
    vault, secret, version = match.groups() if match and value.endswith(")") else (None, None, None)
    identity = site["properties"].get("keyVaultReferenceIdentity", "SystemAssigned")
    shown = {"reference": value, "source": "KeyVault", "vaultName": vault, "secretName": secret}
    return {
        **shown,
        "secretVersion": version or None,
        "identityType": {"type": identity},
        "status": _status(resources, site, vault),
        "details": "",
    }


def _status(resources: Resources, site: Mapping[str, Any], vault: str | None) -> str:
    if vault is None:
        return "InvalidSyntax"
    if not (site.get("identity") or {}).get("type", "None").replace("None", ""):
        return "MSINotEnabled"
    vaults = (one for one in resources.resources.values() if one["type"] == "Microsoft.KeyVault/vaults")
    return "Resolved" if any(one["name"].lower() == vault.lower() for one in vaults) else "VaultNotFound"
