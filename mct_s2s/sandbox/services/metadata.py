"""`/metadata/endpoints`: the addresses of the cloud, for clients that know Resource Manager's only.

Source: ARM: metadata/endpoints 2022-09-01 (one object) and earlier (a list of clouds); read by az and Terraform.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.resources import providers
from mct_s2s.sandbox.state.state import SandboxState

_SUFFIXES = {
    "acrLoginServer": "azurecr.io",
    "sqlServerHostname": "database.windows.net",
    "storage": "core.windows.net",
    "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
    "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
    "azureFrontDoorEndpointSuffix": "azurefd.net",
    "storageSyncEndpointSuffix": "afs.azure.net",
    "mhsmDns": "managedhsm.azure.net",
    "mysqlServerEndpoint": "mysql.database.azure.com",
    "postgresqlServerEndpoint": "postgres.database.azure.com",
    "mariadbServerEndpoint": "mariadb.database.azure.com",
    "synapseAnalytics": "dev.azuresynapse.net",
    "attestationEndpoint": "attest.azure.net",
}


def document(addresses: Addresses) -> dict[str, Any]:
    """Return the description of the cloud; services that the sandbox does not have point at it, too."""
    origin = addresses.arm
    return {
        "portal": origin,
        "authentication": {
            "loginEndpoint": addresses.login,
            "audiences": [name for name in addresses.arm_audiences if name.endswith("/")],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "media": origin,
        "graphAudience": addresses.graph + "/",
        "graph": addresses.graph + "/",
        "name": addresses.cloud_name,
        "suffixes": {**_SUFFIXES, "keyVaultDns": addresses.vault_suffix},
        "batch": origin + "/",
        "resourceManager": origin + "/",
        "vmImageAliasDoc": origin + "/",
        "activeDirectoryDataLake": origin + "/",
        "sqlManagement": origin + "/",
        "microsoftGraphResourceId": addresses.graph + "/",
        "appInsightsResourceId": origin,
        "appInsightsTelemetryChannelResourceId": origin,
        "attestationResourceId": origin,
        "synapseAnalyticsResourceId": origin,
        "logAnalyticsResourceId": origin,
        "ossrDbmsResourceId": origin,
    }


def routes(state: SandboxState, addresses: Addresses) -> list[Route]:
    del state

    async def endpoints(request: Request) -> Response:
        version = providers.require_version(request.query_params.get("api-version"))
        described = document(addresses)
        return JSONResponse(described if version >= "2022-09-01" else [described])

    return [Route("/metadata/endpoints", endpoints)]
