"""An App Service site as Resource Manager shows it.

Source: app-service: web-apps/get; azure-mgmt-web: Site.
"""

from __future__ import annotations

from typing import Any


def show(body: dict[str, Any], host: str, *, listed: bool = False) -> dict[str, Any]:
    """Give a site's body with its host names; settings are never in it.

    Args:
        body: the site as it is stored.
        host: host name and port that answer for it.
        listed: whether it is one of a list, which leaves the configuration out altogether.
    """
    name = body["name"].replace("/", "-")
    own = body["properties"]
    computed = {
        "name": body["name"].split("/")[-1],
        "hostNames": [host],
        "enabledHostNames": [host, f"{name}.scm.azurewebsites.net"],
        "defaultHostName": host,
        "hostNameSslStates": [{"name": host, "sslState": "Disabled", "hostType": "Standard"}],
        "repositorySiteName": name,
        "resourceGroup": body["id"].split("/")[4],
        "availabilityState": "Normal",
        "usageState": "Normal",
        "adminEnabled": True,
        "sku": "Standard",
        "managedEnvironmentId": None,
        "keyVaultReferenceIdentity": own.get("keyVaultReferenceIdentity", "SystemAssigned"),
        "siteConfig": _site_config(own, listed=listed),
    }
    return {**body, "properties": {**own, **computed}}


def _site_config(own: dict[str, Any], *, listed: bool) -> dict[str, Any] | None:
    if listed:
        return None
    return {
        "numberOfWorkers": 1,
        "linuxFxVersion": "DOTNET-ISOLATED|8.0" if own.get("reserved") else "",
        "alwaysOn": True,
        "http20Enabled": True,
        "appSettings": None,
        "connectionStrings": None,
        "minTlsVersion": "1.2",
        "ftpsState": "FtpsOnly",
    }
