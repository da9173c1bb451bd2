"""Azure's own libraries do the Resource Manager half of the job unchanged."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.identity import ClientSecretCredential, CredentialUnavailableError, ManagedIdentityCredential
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.web import WebSiteManagementClient
from mct_s2s.sandbox.hosting.embedded import Running
from mct_s2s.sandbox.state import seed

from tests.sandbox.test_serving import https

GROUP = f"{seed.SUBSCRIPTION}/resourceGroups/integrations"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/etl-vm"
CONTAINER = f"{GROUP}/providers/Microsoft.App/containerApps/hr-sync"
FUNCTION = f"{seed.SUBSCRIPTION}/resourceGroups/mct-prod/providers/Microsoft.Web/sites/contosolearn-fa-x7k2q"
FUNCTION_APP = ("integrations", "reports-func")
IDENTIFY: Any = {"identity": {"type": "SystemAssigned"}}


@pytest.fixture
def trusted(running: Running, monkeypatch: pytest.MonkeyPatch) -> Running:
    monkeypatch.setenv("SSL_CERT_FILE", str(running.ca_file))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.ca_file))
    return running


def administer(running: Running) -> dict[str, Any]:
    origin, seen = running.resource_manager, dict[str, Any]()
    credential = ClientSecretCredential(
        running.tenant_id, running.client_id, running.client_secret, authority=origin, disable_instance_discovery=True
    )
    options: dict[str, Any] = {"base_url": origin, "credential_scopes": [f"{origin}/.default"], "polling_interval": 0}
    web = WebSiteManagementClient(credential, running.subscription_id, **options)
    resources = ResourceManagementClient(credential, running.subscription_id, **options)
    with credential, web, resources:
        site = (running.resource_group, running.app_service)
        seen["sites"] = [item.name for item in web.web_apps.list()]
        settings = web.web_apps.list_application_settings(*site)
        properties = {**(settings.properties or {}), "ServiceAuthEnabled": "true"}
        web.web_apps.update_application_settings(*site, {"properties": properties})
        web.web_apps.restart(*site)
        seen["settings"] = (web.web_apps.list_application_settings(*site)).properties
        patched: Any = web.web_apps.update(*FUNCTION_APP, IDENTIFY)
        seen["function"] = patched.identity.principal_id
        for path, version in ((VM, "2024-11-01"), (CONTAINER, "2025-01-01")):
            before: Any = resources.resources.get_by_id(path, api_version=version)
            entries: dict[str, Any] = {key: {} for key in before.identity.user_assigned_identities}
            wanted = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": entries}
            poller: Any = resources.resources.begin_update_by_id(
                path, api_version=version, parameters={"identity": wanted}
            )
            seen[path] = poller.result().identity
    return seen


def test_azure_mgmt_does_the_app_service_part(trusted: Running) -> None:
    seen = administer(trusted)
    assert seen["sites"][:2] == ["contosolearn", "contosolearn-fa-x7k2q"]
    assert seen["settings"]["ServiceAuthEnabled"] == "true"
    assert seen["settings"]["BannerText"] == ""
    assert seen["function"]
    for path in (VM, CONTAINER):
        assert seen[path].principal_id
        assert len(seen[path].user_assigned_identities) == 1


def token_inside(running: Running, monkeypatch: pytest.MonkeyPatch, resource: str) -> AccessToken:
    with https(running) as http:
        url = f"{running.resource_manager}/_sandbox/identity-environment"
        environment = http.get(url, params={"resource": resource}).json()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with ManagedIdentityCredential() as credential:
        token: AccessToken = credential.get_token(f"{running.resource_manager}/.default")
        return token


def test_azure_identity_signs_a_function_app_in(trusted: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_inside(trusted, monkeypatch, FUNCTION)
    with https(trusted) as http:
        url = f"{trusted.resource_manager}/subscriptions?api-version=2022-12-01"
        answer = http.get(url, headers={"Authorization": f"Bearer {token.token}"})
    assert (answer.status_code, answer.json()["value"]) == (200, [])


def test_an_app_without_identity_gets_no_token(trusted: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CredentialUnavailableError):
        token_inside(trusted, monkeypatch, f"{GROUP}/providers/Microsoft.Web/sites/partner-portal")
