"""An App Service site as Resource Manager shows it.

Source: app-service: web-apps/get; azure-mgmt-web: Site; docs/azure-contract.md, section 4.2.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from mct_s2s.sandbox.core.data import data

_SITE: dict[str, Any] = data("site.json")


def show(
    body: dict[str, Any], host: str, *, changed: float = 0.0, listed: bool = False, written: bool = False
) -> dict[str, Any]:
    """Return a site's body with its host names; settings are never in it.

    Args:
        body: the site as it is stored.
        host: its host name and port.
        changed: time of the last write, in seconds since 1970.
        listed: whether it is in a list, which has no configuration.
        written: whether it answers a PUT or PATCH, in which two members differ from a GET.
    """
    name = body["name"].replace("/", "-")
    own = body["properties"]
    computed = {
        "name": body["name"].split("/")[-1],
        "kind": body.get("kind"),
        "tags": body.get("tags") or None,
        "hostNames": [host],
        "enabledHostNames": [host, f"{name}.scm.azurewebsites.net"],
        "defaultHostName": host,
        "hostNameSslStates": [{"name": host, "sslState": "Disabled", "hostType": "Standard"}],
        "repositorySiteName": name,
        "deploymentId": name,
        "resourceGroup": body["id"].split("/")[4],
        "lastModifiedTimeUtc": _without_zone(changed),
        "customDomainVerificationId": hashlib.sha256(body["id"].split("/")[2].encode()).hexdigest().upper(),
        "privateEndpointConnections": None if written else [],
        "siteConfig": None if listed else _site_config(own, written=written),
    }
    shown = {**body, "properties": {**_SITE["properties"], **own, **computed}}
    # Members without a value are missing: tags, identity.
    return {member: value for member, value in shown.items() if member != "tags" or value}


def web_config(body: dict[str, Any]) -> dict[str, Any]:
    own = body["properties"]
    return {
        **_site_config(own, written=True),
        **_SITE["webConfig"],
        "keyVaultReferenceIdentity": own.get("keyVaultReferenceIdentity"),
        "publicNetworkAccess": own.get("publicNetworkAccess"),
    }


def _site_config(own: dict[str, Any], *, written: bool) -> dict[str, Any]:
    return {
        **_SITE["siteConfig"],
        "linuxFxVersion": "DOTNET-ISOLATED|8.0" if own.get("reserved") else "",
        "ipSecurityRestrictions": _SITE["ipSecurityRestrictions"] if written else None,
    }


def _without_zone(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds").rstrip("0").rstrip(".")
