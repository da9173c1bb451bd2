"""The clouds by name, held against what Azure's own SDKs say of them, and by their metadata document."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints
from mct_s2s.adapters import clouds
from mct_s2s.adapters.clouds import CHINA, PUBLIC, US_GOVERNMENT, US_GOVERNMENT_DOD, Cloud
from mct_s2s.errors import UsageError
from mct_s2s.render.next_steps import Call

SDK = {
    "public": (AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD, "graph.microsoft.com"),
    "usgov": (AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT, "graph.microsoft.us"),
    "usgov-dod": (AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT, "dod-graph.microsoft.us"),
    "china": (AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA, "microsoftgraph.chinacloudapi.cn"),
}


@pytest.mark.parametrize("name", SDK)
def test_a_clouds_addresses_are_those_of_azures_own_sdks(name: str) -> None:
    cloud, (setting, authority, graph) = clouds.BY_NAME[name], SDK[name]
    endpoints = get_arm_endpoints(setting)
    assert cloud.arm == endpoints["resource_manager"].rstrip("/")
    assert [cloud.arm_scope] == endpoints["credential_scopes"]
    assert urlsplit(cloud.login).netloc == authority
    assert (cloud.graph, cloud.graph_scope) == (f"https://{graph}", f"https://{graph}/.default")
    assert cloud.is_public == (name == "public"), "only the public cloud's login host goes without saying in a file"
    assert cloud.known_to_msal
    call = Call(cloud.login, "t", "api://x", None)
    assert call.token_endpoint == f"https://{authority}/t/oauth2/v2.0/token"


def test_the_azure_clis_names_mean_the_same() -> None:
    for name, cloud in (("AzureCloud", PUBLIC), ("AzureUSGovernment", US_GOVERNMENT), ("AzureChinaCloud", CHINA)):
        clouds.check_name(name)
        assert clouds.BY_NAME[name.lower()] is cloud


def _document(cloud: Cloud, **changes: Any) -> dict[str, Any]:
    """As `/metadata/endpoints` answers it: `resourceManager` and Graph with a slash, keys in any case."""
    document = {
        "name": "SomeCloud",
        "authentication": {"loginEndpoint": f"{cloud.login}/", "audiences": [cloud.arm_scope.removesuffix(".default")]},
        "microsoftGraphResourceId": f"{cloud.graph}/",
        "resourceManager": f"{cloud.arm}/",
    }
    return {key.lower(): value for key, value in (document | changes).items()}


@pytest.mark.parametrize("cloud", [PUBLIC, US_GOVERNMENT, US_GOVERNMENT_DOD, CHINA])
def test_a_known_cloud_is_known_by_its_metadata(cloud: Cloud) -> None:
    assert clouds._cloud(cloud.arm, _document(cloud)) == cloud


def test_an_unknown_cloud_is_taken_as_its_metadata_says() -> None:
    stack = Cloud(
        "Stack", "https://login.stack.example", "https://graph.stack.example", "https://arm.stack.example", ""
    )
    document = _document(stack, name="Stack")
    document["authentication"]["audiences"] = ["https://audience.stack.example/id", "https://other"]
    found = clouds._cloud("https://arm.stack.example", document)
    assert (found.login, found.graph, found.arm) == (stack.login, stack.graph, stack.arm)
    assert found.arm_scope == "https://audience.stack.example/id/.default"
    assert not found.known_to_msal
    assert not found.is_public
    assert found.label == "arm.stack.example"


@pytest.mark.parametrize("key", ["authentication", "microsoftgraphresourceid"])
def test_metadata_that_lacks_an_address_is_refused(key: str) -> None:
    document = _document(PUBLIC)
    del document[key]
    with pytest.raises(KeyError):
        clouds._cloud(PUBLIC.arm, document)


def test_no_address_but_https_is_taken_from_metadata() -> None:
    with pytest.raises(ValueError, match="https"):
        clouds._cloud(PUBLIC.arm, _document(PUBLIC, microsoftGraphResourceId="http://graph.example/"))


@pytest.mark.parametrize("name", ["germany", "http://arm.example", "https://", "arm.example"])
def test_another_name_is_no_cloud(name: str) -> None:
    with pytest.raises(UsageError, match="neither"):
        clouds.check_name(name)
