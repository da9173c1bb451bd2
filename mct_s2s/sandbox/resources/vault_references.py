"""Key Vault references among application settings, and whether App Service could resolve them.

A resolved reference is cached for 24 hours: a newer version of the secret reaches the app after that time, when the
settings change, or when a refresh is requested. One that could not be resolved is tried again at each request.
Source: app-service/app-service-key-vault-references ("Understand rotation"); web-apps/
get-app-settings-key-vault-references.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mct_s2s.sandbox.core.wire_errors import WireError
from mct_s2s.sandbox.resources import vault_access
from mct_s2s.sandbox.resources.sites import SiteState
from mct_s2s.sandbox.resources.store import Resources

_PREFIX = "@Microsoft.KeyVault("
_URI = re.compile(r"SecretUri=https://([\w-]+)\.vault\.[\w.:]+/secrets/([\w-]+)/?([\w-]*)/?", re.IGNORECASE)
_NAMES = re.compile(r"VaultName=([\w-]+);SecretName=([\w-]+)(?:;SecretVersion=([\w-]*))?", re.IGNORECASE)


KEPT_SECONDS = 24 * 3600.0


def of(resources: Resources, site: Mapping[str, Any], site_state: SiteState) -> dict[str, dict[str, Any]]:
    """Return the references among a site's settings, by name, resolved where they are due."""
    now = resources.clock.timestamp()
    if site_state.refresh_due and now >= site_state.refresh_due:
        site_state.references.clear()
        site_state.refresh_due = 0.0
        site_state.recycles += 1  # the process gets its environment when it starts
        site_state.start_over(now, resources.restart_seconds)
    found = {name: value for name, value in site_state.settings.items() if value and value.startswith(_PREFIX)}
    return {name: _resolved(resources, site, site_state, name, value) for name, value in found.items()}


def ask_to_refresh(resources: Resources, site_state: SiteState) -> None:
    """Request that all references are resolved again, which takes `operation_seconds`."""
    site_state.refresh_due = resources.clock.timestamp() + resources.operation_seconds


def environment(resources: Resources, site: Mapping[str, Any], site_state: SiteState) -> dict[str, str]:
    """Return what the running app reads: settings, with the secrets of its references."""
    found = of(resources, site, site_state)
    values = {name: value for name, value in site_state.settings.items() if value is not None}
    for name, shown in found.items():
        kept = site_state.references.get(name)
        vault = resources.vault_named(shown["vaultName"] or "")
        if kept is not None and vault is not None:
            held = resources.vaults[vault["id"].lower()]
            values[name] = held.version(shown["secretName"], kept["version"], resources.clock.timestamp())["value"]
    return values


def _resolved(
    resources: Resources, site: Mapping[str, Any], site_state: SiteState, name: str, value: str
) -> dict[str, Any]:
    now, kept = resources.clock.timestamp(), site_state.references.get(name)
    shown = _described(resources, site, value)
    if kept is not None and kept["reference"] == value and now - kept["at"] < KEPT_SECONDS:
        return {**shown, "status": "Resolved", "activeVersion": kept["version"]}
    if shown["status"] == "Resolved":
        site_state.references[name] = {"reference": value, "version": shown["activeVersion"], "at": now}
    else:
        site_state.references.pop(name, None)
    return shown


def _described(resources: Resources, site: Mapping[str, Any], value: str) -> dict[str, Any]:
    inner = value.removeprefix(_PREFIX).removesuffix(")")
    match = _URI.fullmatch(inner) or _NAMES.fullmatch(inner)
    vault, secret, version = match.groups() if match and value.endswith(")") else (None, None, None)
    identity = site["properties"].get("keyVaultReferenceIdentity", "SystemAssigned")
    shown = {"reference": value, "source": "KeyVault", "vaultName": vault, "secretName": secret}
    status, active = ("InvalidSyntax", None)
    if vault is not None and secret is not None:
        status, active = _status(resources, site, vault, secret, version)
    return {
        **shown,
        "secretVersion": version or None,
        "identityType": {"type": identity},
        "status": status,
        "details": "",
        "activeVersion": active,
    }


def _status(
    resources: Resources, site: Mapping[str, Any], name: str, secret: str, version: str | None
) -> tuple[str, str | None]:
    principal = _principal(site)
    if principal is None:
        return "MSINotEnabled", None
    vault = resources.vault_named(name)
    if vault is None:
        return "VaultNotFound", None
    if not vault_access.allows(resources.access, vault, principal, "getSecret/action", secret):
        return "AccessToKeyVaultDenied", None
    now, vault_state = resources.clock.timestamp(), resources.vaults[vault["id"].lower()]
    try:
        latest = vault_state.version(secret, "", now)
        found = vault_state.version(secret, version, now) if version else latest
    except WireError:
        return (
            "SecretVersionNotFound" if version and secret.lower() in vault_state.secrets else "SecretNotFound"
        ), None
    return ("Resolved", str(found["version"])) if found["attributes"]["enabled"] else ("OtherReasons", None)


def _principal(site: Mapping[str, Any]) -> str | None:
    identity: Mapping[str, Any] = site.get("identity") or {}
    named = str(site["properties"].get("keyVaultReferenceIdentity", "SystemAssigned"))
    if named.lower() == "systemassigned":
        return identity.get("principalId")
    assigned: Mapping[str, Mapping[str, str]] = identity.get("userAssignedIdentities") or {}
    return next((ids["principalId"] for key, ids in assigned.items() if key.lower() == named.lower()), None)
