"""Run once, everything is there; run again, nothing is written; what is foreign stays as it was."""

from __future__ import annotations

import pytest
from mct_s2s.model.ids import api_uri

from tests.conftest import (
    CONTAINER_APP,
    FUNCTION_APP,
    LOGIC_APP,
    MACHINE,
    SLOT,
    USER_IDENTITY,
    Json,
)
from tests.engine.conftest import Bench

# msgraph-sdk's own modules warn of their deprecation when they are imported.
pytestmark = pytest.mark.filterwarnings("ignore:(GetQueryParameters|This class) is deprecated:DeprecationWarning")

OURS = {
    "ServiceAuthEnabled", "ServiceAuthAudience", "ServiceAuthTenantName", "ServiceAuthTenantId", "ServiceObjectIds",
    "ServiceApplicationIds", "ServiceAuthRole",
}  # fmt: skip
VERSIONS = {
    FUNCTION_APP: "2025-05-01",
    MACHINE: "2024-11-01",
    LOGIC_APP: "2019-05-01",
    CONTAINER_APP: "2025-01-01",
    USER_IDENTITY: "2023-01-31",
}


def foreign(settings: dict[str, str | None]) -> dict[str, str | None]:
    return {name: value for name, value in settings.items() if name not in OURS}


def test_the_seed_is_set_up_once_restarted_once_and_then_left_alone(bench: Bench) -> None:
    azure = bench.azure
    before = azure.settings()
    azure.forget()
    done = bench.setup("S2S-client", identities=["reports-func"])
    assert azure.restarts() == 1
    assert sum("config/appsettings" in write for write in azure.writes()) == 1
    settings = azure.settings()
    assert foreign(settings) == before
    assert list(foreign(settings)) == list(before)
    service, client_id = done.after.trust.service, done.client_id("S2S-client")
    assert service is not None
    assert {name: settings[name] for name in OURS} == {
        "ServiceAuthEnabled": "true",
        "ServiceAuthAudience": api_uri(service.client_id),
        "ServiceAuthTenantName": "contosolearning.onmicrosoft.com",
        "ServiceAuthTenantId": azure.tenant_id,
        "ServiceObjectIds": azure.arm("GET", FUNCTION_APP)["identity"]["principalId"],
        "ServiceApplicationIds": client_id,
        "ServiceAuthRole": "S2SAppRole",
    }
    azure.forget()
    again = bench.setup("S2S-client", identities=["reports-func"])
    assert again.plan.is_empty
    assert azure.writes() == []


def test_the_service_application_is_as_the_document_says(bench: Bench) -> None:
    bench.setup("S2S-client")
    (service,) = bench.azure.applications("MCT service (contosolearn)")
    assert service["signInAudience"] == "AzureADMyOrg"
    assert service["identifierUris"] == [api_uri(service["appId"])]
    (role,) = service["appRoles"]
    assert role["allowedMemberTypes"] == ["Application"]
    assert role["description"] == "Apps in this role can consume the web api."
    assert (role["displayName"], role["value"], role["isEnabled"]) == ("S2SAppRole", "S2SAppRole", True)
    assert service["api"]["requestedAccessTokenVersion"] in {None, 1}
    (client,) = bench.azure.applications("S2S-client")
    assert client["signInAudience"] == "AzureADMyOrg"
    (access,) = client["requiredResourceAccess"]
    assert access["resourceAppId"] == service["appId"]
    assert access["resourceAccess"] == [{"id": role["id"], "type": "Role"}]
    assert len(client["passwordCredentials"]) == 1


CALLERS = {
    "function app by name": ("reports-func", FUNCTION_APP),
    "function app by id in another case": (FUNCTION_APP.upper(), FUNCTION_APP),
    "virtual machine": (MACHINE, MACHINE),
    "Logic App": (LOGIC_APP, LOGIC_APP),
    "Container App": (CONTAINER_APP, CONTAINER_APP),
}


@pytest.mark.parametrize(("named", "resource"), CALLERS.values(), ids=CALLERS.keys())
def test_any_resource_gets_an_identity_and_keeps_those_it_has(bench: Bench, named: str, resource: str) -> None:
    version = VERSIONS[resource]
    had: Json = bench.azure.arm("GET", resource, version=version).get("identity") or {}
    bench.setup(identities=[named])
    identity = bench.azure.arm("GET", resource, version=version)["identity"]
    assert "SystemAssigned" in identity["type"]
    assert set(identity.get("userAssignedIdentities") or {}) == set(had.get("userAssignedIdentities") or {})
    assert bench.azure.settings()["ServiceObjectIds"] == identity["principalId"]
    bench.azure.forget()
    assert bench.setup(identities=[named]).plan.is_empty
    assert bench.azure.writes() == []


def test_a_user_assigned_identity_is_allowed_as_it_is(bench: Bench) -> None:
    bench.setup(identities=[USER_IDENTITY])
    identity = bench.azure.arm("GET", USER_IDENTITY, version=VERSIONS[USER_IDENTITY])
    assert bench.azure.settings()["ServiceObjectIds"] == identity["properties"]["principalId"]
    assert "ServiceApplicationIds" not in bench.azure.settings()


def test_a_slot_is_set_up_beside_production(bench: Bench) -> None:
    azure = bench.azure
    production, slot = azure.settings(), azure.settings(SLOT)
    azure.forget()
    bench.setup("S2S-client", slot="staging")
    assert [write for write in azure.writes() if "/restart" in write] == [f"POST {SLOT}/restart"]
    assert azure.settings() == production
    assert foreign(azure.settings(SLOT)) == slot
    assert azure.applications("MCT service (contosolearn/staging)")
    azure.forget()
    assert bench.setup("S2S-client", slot="staging").plan.is_empty
    assert azure.writes() == []
