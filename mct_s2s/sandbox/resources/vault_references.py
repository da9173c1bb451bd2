"""Key Vault references among application settings, and what the app gets in their place.

A resolved reference is cached for 24 hours: a newer version of the secret reaches the app after that time, or when the
settings change. One that could not be resolved is tried again at each request.
Source: app-service/app-service-key-vault-references ("Understand rotation").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mct_s2s.sandbox.core.wire_errors import WireError
from mct_s2s.sandbox.resources import vault_access
from mct_s2s.sandbox.resources.sites import SiteState
from mct_s2s.sandbox.resources.store import Resources

_URI = re.compile(
    r"@Microsoft\.KeyVault\(SecretUri=https://([\w-]+)\.vault\.[\w.:]+/secrets/([\w-]+)/?([\w-]*)/?\)", re.IGNORECASE
)
_NAMES = re.compile(
    r"@Microsoft\.KeyVault\(VaultName=([\w-]+);SecretName=([\w-]+)(?:;SecretVersion=([\w-]*))?\)", re.IGNORECASE
)
_KEPT_SECONDS = 24 * 3600.0


def environment(resources: Resources, site: Mapping[str, Any], site_state: SiteState) -> dict[str, str]:
    """Return what the running app reads: settings, with the secrets of those references that can be resolved."""
    values = {name: value for name, value in site_state.settings.items() if value is not None}
    return {name: _resolved(resources, site, site_state, name, value) for name, value in values.items()}


def _resolved(resources: Resources, site: Mapping[str, Any], site_state: SiteState, name: str, value: str) -> str:
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
    if not vault_access.allows(resources.access, vault, principal, "getSecret/action", secret):
        return None
    try:
        found = resources.vaults[vault["id"].lower()].version(secret, version, resources.clock.timestamp())
    except WireError:
        return None
    return str(found["value"]) if found["attributes"]["enabled"] else None


def _principal(site: Mapping[str, Any]) -> str | None:
    identity: Mapping[str, Any] = site.get("identity") or {}
    named = str(site["properties"].get("keyVaultReferenceIdentity", "SystemAssigned"))
    if named.lower() == "systemassigned":
        return identity.get("principalId")
    assigned: Mapping[str, Mapping[str, str]] = identity.get("userAssignedIdentities") or {}
    return next((ids["principalId"] for key, ids in assigned.items() if key.lower() == named.lower()), None)
