"""An App Service site as Resource Manager shows it.

Source: app-service: web-apps/get; azure-mgmt-web: Site; docs/azure-contract.md, section 4.2.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

_ANYBODY = {
    "ipAddress": "Any",
    "action": "Allow",
    "priority": 1,
    "name": "Allow all",
    "description": "Allow all access",
}
_FIXED: dict[str, Any] = {
    "availabilityState": "Normal",
    "usageState": "Normal",
    "adminEnabled": True,
    "isXenon": False,
    "hyperV": False,
    "slotName": None,
    "sku": "Standard",
    "hostNamesDisabled": False,
    "containerSize": 1536,
    "dailyMemoryTimeQuota": 0,
    "suspendedTill": None,
    "siteDisabledReason": 0,
    "slotSwapStatus": None,
    "redundancyMode": "None",
    "storageAccountRequired": False,
    "managedEnvironmentId": None,
}
_DEFAULTS: dict[str, Any] = {
    "clientCertEnabled": False,
    "clientCertMode": "Required",
    "virtualNetworkSubnetId": None,
    "keyVaultReferenceIdentity": "SystemAssigned",
}


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
    shown = {**body, "properties": {**_FIXED, **_DEFAULTS, **own, **computed}}
    # Members without a value are missing: tags, identity.
    return {member: value for member, value in shown.items() if member != "tags" or value}


def web_config(body: dict[str, Any]) -> dict[str, Any]:
    """Return the site's configuration as `config/web` shows it, without settings."""
    own = body["properties"]
    return {
        **_site_config(own, written=True),
        "netFrameworkVersion": "v8.0",
        "scmType": "None",
        "minTlsVersion": "1.2",
        "scmMinTlsVersion": "1.2",
        "ftpsState": "FtpsOnly",
        "keyVaultReferenceIdentity": own.get("keyVaultReferenceIdentity"),
        "azureStorageAccounts": {},
        "publicNetworkAccess": own.get("publicNetworkAccess"),
    }


def _site_config(own: dict[str, Any], *, written: bool) -> dict[str, Any]:
    return {
        "numberOfWorkers": 1,
        "linuxFxVersion": "DOTNET-ISOLATED|8.0" if own.get("reserved") else "",
        "windowsFxVersion": None,
        "acrUseManagedIdentityCreds": False,
        "alwaysOn": True,
        "http20Enabled": True,
        "appSettings": None,
        "connectionStrings": None,
        "minTlsVersion": None,
        "ftpsState": None,
        "ipSecurityRestrictions": [_ANYBODY] if written else None,
        "functionAppScaleLimit": 0,
        "minimumElasticInstanceCount": 0,
    }


def _without_zone(seconds: float) -> str:
    """Write a moment as .NET does: no zone, and no zeros at the end."""
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds").rstrip("0").rstrip(".")
