"""What a PUT or PATCH of a site changes: writable properties; those that App Service computes are ignored.

Source: app-service: web-apps/create-or-update, /update; settings are also sent in `siteConfig.appSettings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mct_s2s.sandbox.resources.sites import SiteState, bad_request
from mct_s2s.sandbox.resources.store import Resources

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


def fresh_properties() -> dict[str, Any]:
    return {"state": "Running", "enabled": True, "reserved": False, "httpsOnly": False, "clientAffinityEnabled": True}


def write(resources: Resources, body: dict[str, Any], sent: Mapping[str, Any]) -> None:
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
    if not isinstance(pairs, list) or not all(isinstance(p, Mapping) and "name" in p for p in pairs):
        raise bad_request("The parameter appSettings has an invalid value.")
    properties = {str(pair["name"]): pair.get("value") for pair in pairs}
    strict = resources.directory.variations.strict_setting_names
    site_state.replace_settings(properties, resources.clock.timestamp(), resources.restart_seconds, strict=strict)
