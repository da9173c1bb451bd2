"""Run once, everything is there; run again, nothing is written; what is foreign stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
from mct_s2s.model.ids import api_uri
from mct_s2s.sandbox.core.wire_errors import arm_error, graph_error

from tests.conftest import (
    CONTAINER_APP,
    FUNCTION_APP,
    LOGIC_APP,
    MACHINE,
    SITE,
    SLOT,
    USER_IDENTITY,
    Json,
    Sandbox,
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


def by_hand(azure: Sandbox) -> str:
    """The document, followed in the portal: other names, no `uniqueName`, settings in the portal's way; the appId."""
    role = {
        "allowedMemberTypes": ["Application"], "description": "Our own words", "displayName": "S2S", "isEnabled": True,
        "id": "0f6f2c53-43a6-4a8c-a39d-6a9f2f1f7b10", "value": "S2SAppRole",
    }  # fmt: skip
    mine = {"signInAudience": "AzureADMyOrg"}
    api = azure.graph("POST", "/applications", json={**mine, "displayName": "Learning API", "appRoles": [role]})
    azure.graph("PATCH", f"/applications/{api['id']}", json={"identifierUris": [f"api://{api['appId']}"]})
    service = azure.graph("POST", "/servicePrincipals", json={"appId": api["appId"]})
    access = [{"resourceAppId": api["appId"], "resourceAccess": [{"id": role["id"], "type": "Role"}]}]
    made = azure.graph(
        "POST", "/applications", json={**mine, "displayName": "Importer", "requiredResourceAccess": access}
    )
    azure.graph("POST", f"/applications/{made['id']}/addPassword", json={"passwordCredential": {"displayName": "x"}})
    principal = azure.graph("POST", "/servicePrincipals", json={"appId": made["appId"]})
    consent = {"principalId": principal["id"], "resourceId": service["id"], "appRoleId": role["id"]}
    azure.graph("POST", f"/servicePrincipals/{service['id']}/appRoleAssignedTo", json=consent)
    azure.write_settings(
        {
            **azure.settings(),
            "ServiceAuthEnabled": "True",
            "ServiceAuthAudience": f"api://{api['appId']}",
            "ServiceAuthTenantName": "contosolearning.com",
            "ServiceAuthTenantId": azure.tenant_id.upper(),
            "ServiceApplicationIds": str(made["appId"]).upper(),
            "ServiceAuthRole": "S2SAppRole",
        }
    )
    azure.forget()
    return str(made["appId"])


@pytest.mark.parametrize("named", ["by name", "by appId"])
def test_what_was_made_by_hand_in_the_portal_is_taken_up_and_not_written(bench: Bench, named: str) -> None:
    app_id = by_hand(bench.azure)
    done = bench.setup("Importer" if named == "by name" else app_id)
    assert done.plan.is_empty
    assert bench.azure.writes() == []


def test_a_namesake_elsewhere_in_the_tenant_is_never_taken_over(bench: Bench) -> None:
    before = {row["id"]: row for row in bench.azure.applications("Library kiosk")}
    assert len(before) == 2
    theirs = bench.azure.graph("POST", "/applications", json={"displayName": "MCT service (contosolearn)"})
    bench.setup("Library kiosk")
    after = {row["id"]: row for row in bench.azure.applications("Library kiosk")}
    assert len(after) == 3
    assert {key: after[key] for key in before} == before
    assert bench.azure.graph("GET", f"/applications/{theirs['id']}")["appRoles"] == []
    assert len(bench.azure.applications("MCT service (contosolearn)")) == 2


def test_foreign_entries_of_registrations_stay(bench: Bench) -> None:
    bench.setup("Importer")
    azure = bench.azure
    (service,) = azure.applications("MCT service (contosolearn)")
    (client,) = azure.applications("Importer")
    reader = {**service["appRoles"][0], "id": "7c2c6b5d-8c3f-4d55-9a0e-0b0a8a1c2d3e", "value": "Reader"}
    reader.pop("origin", None)
    graph = {
        "resourceAppId": "00000003-0000-0000-c000-000000000000",
        "resourceAccess": [{"id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "type": "Scope"}],
    }
    azure.graph("PATCH", f"/applications/{service['id']}", json={"identifierUris": ["https://contosolearning.com/x"]})
    roles = [{key: value for key, value in service["appRoles"][0].items() if key != "origin"}, reader]
    azure.graph("PATCH", f"/applications/{service['id']}", json={"appRoles": roles})
    azure.graph("PATCH", f"/applications/{client['id']}", json={"requiredResourceAccess": [graph]})
    bench.setup("Importer")
    (service,) = azure.applications("MCT service (contosolearn)")
    (client,) = azure.applications("Importer")
    assert set(service["identifierUris"]) == {"https://contosolearning.com/x", api_uri(service["appId"])}
    assert {role["value"] for role in service["appRoles"]} == {"S2SAppRole", "Reader"}
    assert graph in client["requiredResourceAccess"]
    assert len(client["requiredResourceAccess"]) == 2


def is_settings_write(entry: Any) -> bool:
    return entry.method == "PUT" and str(entry.path).endswith("/config/appsettings")


def is_settings_reading(entry: Any) -> bool:
    return str(entry.path).endswith("/config/appsettings/list")


def test_an_edit_between_our_reading_and_our_writing_is_kept(bench: Bench) -> None:
    """A second administrator adds a client and a setting after the plan was made."""
    state, readings = bench.state.resources.sites[SITE.lower()], 0
    other = "11111111-2222-3333-4444-555555555555"

    async def second_administrator(entry: Any) -> None:
        nonlocal readings
        readings += is_settings_reading(entry)
        if readings == 2 and is_settings_reading(entry):
            state.settings["ServiceApplicationIds"] = other
            state.settings["SupportEmail"] = "new@contosolearning.com"

    bench.before(second_administrator)
    done = bench.setup("Importer")
    settings = bench.azure.settings()
    assert settings["SupportEmail"] == "new@contosolearning.com"
    assert settings["ServiceApplicationIds"] == f"{other};{done.client_id('Importer')}"


def test_what_somebody_erased_at_our_moment_is_merged_again(bench: Bench) -> None:
    """Another run has read before we wrote and writes after us: ours is gone, and comes back beside theirs."""
    state, writes = bench.state.resources.sites[SITE.lower()], 0
    other = "11111111-2222-3333-4444-555555555555"

    async def other_run(entry: Any) -> None:
        nonlocal writes
        if is_settings_write(entry):
            writes += 1
            if writes == 1:
                state.settings["ServiceApplicationIds"] = other

    bench.after(other_run)
    done = bench.setup("Importer")
    assert writes == 2
    ours = done.client_id("Importer")
    assert bench.azure.settings()["ServiceApplicationIds"] == f"{other};{ours}"
    assert bench.azure.restarts() == 1


def test_a_service_that_asks_for_patience_or_stumbles_is_asked_again(bench: Bench) -> None:
    seen: set[str] = set()

    async def stumble(entry: Any) -> None:
        kind = f"{entry.service} {entry.method}"
        if kind in seen or entry.service not in {"arm", "graph"} or "addPassword" in entry.path:
            return
        if "restart" in entry.path or entry.path.startswith("/metadata"):
            return
        seen.add(kind)
        if entry.service == "arm":
            raise arm_error(503 if entry.method == "PUT" else 429, "Busy", "Later.", headers={"Retry-After": "0"})
        raise graph_error(504, "UnknownError", "")

    bench.before(stumble)
    bench.setup("Importer")
    bench.inside.leave_alone()
    assert {"arm GET", "arm PUT", "graph GET", "graph POST", "graph PATCH"} <= seen
    assert len(bench.azure.applications("Importer")) == 1
    assert len(bench.azure.applications("MCT service (contosolearn)")) == 1
    bench.azure.forget()
    assert bench.setup("Importer").plan.is_empty
    assert bench.azure.writes() == []
