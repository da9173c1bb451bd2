"""What a PUT or PATCH of a site changes: what may be written is taken, what App Service computes is ignored.

Source: app-service: web-apps/create-or-update, /update; settings also travel in `siteConfig.appSettings`.
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
    """What a new site begins with."""
    return {"state": "Running", "enabled": True, "reserved": False, "httpsOnly": False, "clientAffinityEnabled": True}


def write(resources: Resources, body: dict[str, Any], sent: Mapping[str, Any]) -> None:
    """Write a site's properties.

    Raises:
        WireError: 400, a value is of the wrong type; nothing is written then.
    """
    taken = {}
    for name, kind in _WRITABLE:
        if sent.get(name) is not None:
            if not isinstance(sent[name], kind):
                raise bad_request(f"The parameter {name} has an invalid value.")
            taken[name] = sent[name]
    config = sent.get("siteConfig")
    settings = config.get("appSettings") if isinstance(config, Mapping) else None
    if settings is not None:
        _replace_settings(resources, resources.sites[body["id"].lower()], settings)
    body["properties"].update(taken)


def _replace_settings(resources: Resources, site_state: SiteState, pairs: object) -> None:
    """The array form replaces all settings as well, which is why nobody should use it to add one."""
    if not isinstance(pairs, list) or not all(isinstance(p, Mapping) and "name" in p for p in pairs):
        raise bad_request("The parameter appSettings has an invalid value.")
    properties = {str(pair["name"]): pair.get("value") for pair in pairs}
    strict = resources.variations.strict_setting_names
    site_state.replace_settings(properties, resources.clock.timestamp(), resources.restart_seconds, strict=strict)
