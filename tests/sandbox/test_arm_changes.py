"""What a write does in Resource Manager is what it does in Azure, the painful parts included."""

from typing import Any

import httpx
import pytest
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.conftest import CONTAINER_APP, FUNCTION_APP, LOGIC_APP, MACHINE, USER_IDENTITY
from tests.sandbox.conftest import ETL, GROUP, Client


def identify(client: Client, path: str, identity: dict[str, Any], version: str = "2025-05-01") -> Any:
    answer = client.arm("PATCH", path, version=version, json={"identity": identity})
    assert answer.status_code in (200, 202), answer.text
    return client.arm("GET", path, version=version).json().get("identity")


def test_a_slot_has_settings_of_its_own_and_no_sticky_names(client: Client) -> None:
    slot = f"{seed.SITE}/slots/staging"
    settings = client.arm("POST", f"{slot}/config/appsettings/list").json()
    assert settings["properties"]["SlotName"] == "staging"
    assert client.arm("GET", f"{slot}/config/slotConfigNames").status_code == 404
    sticky = client.arm("GET", f"{seed.SITE}/config/slotConfigNames").json()["properties"]
    assert "SlotName" in sticky["appSettingNames"]
    sticky["appSettingNames"].append("ServiceAuthEnabled")
    assert client.arm("PUT", f"{seed.SITE}/config/slotConfigNames", json={"properties": sticky}).status_code == 200
    again = client.arm("GET", f"{seed.SITE}/config/slotConfigNames").json()["properties"]
    assert again["appSettingNames"][-1] == "ServiceAuthEnabled"
    assert [s["name"] for s in client.arm("GET", f"{seed.SITE}/slots").json()["value"]] == ["contosolearn/staging"]


def test_a_system_identity_is_new_each_time_and_lives_in_the_directory(client: Client, state: SandboxState) -> None:
    first = identify(client, FUNCTION_APP, {"type": "systemassigned"})
    assert first["type"] == "SystemAssigned"
    principal = state.directory.principal(first["principalId"])
    assert principal is not None
    assert (principal["displayName"], principal["servicePrincipalType"]) == ("reports-func", "ManagedIdentity")
    assert identify(client, FUNCTION_APP, {"type": "SystemAssigned"}) == first
    assert identify(client, FUNCTION_APP, {"type": "None"}) == {"type": "None"}
    assert state.directory.principal(first["principalId"]) is None
    second = identify(client, FUNCTION_APP, {"type": "SystemAssigned"})
    assert second["principalId"] != first["principalId"]


def test_the_type_is_not_merged(client: Client) -> None:
    both = identify(client, MACHINE, {"type": "SystemAssigned, UserAssigned"}, "2024-11-01")
    assert list(both["userAssignedIdentities"]) == [ETL]
    alone = identify(client, MACHINE, {"type": "SystemAssigned"}, "2024-11-01")
    assert "userAssignedIdentities" not in alone
    assert alone["principalId"] == both["principalId"]


def test_user_assigned_identities_are_added_and_removed_one_by_one(client: Client) -> None:
    kind = {"type": "UserAssigned"}
    added = identify(client, MACHINE, {**kind, "userAssignedIdentities": {USER_IDENTITY: {}}}, "2024-11-01")
    assert sorted(added["userAssignedIdentities"]) == sorted([ETL, USER_IDENTITY])
    assert added["userAssignedIdentities"][USER_IDENTITY]["principalId"]
    removed = identify(client, MACHINE, {**kind, "userAssignedIdentities": {ETL.upper(): None}}, "2024-11-01")
    assert list(removed["userAssignedIdentities"]) == [USER_IDENTITY]


def test_app_service_keeps_only_the_identities_that_are_sent(client: Client) -> None:
    kind = {"type": "UserAssigned"}
    identify(client, FUNCTION_APP, {**kind, "userAssignedIdentities": {USER_IDENTITY: {}}})
    only = identify(client, FUNCTION_APP, {**kind, "userAssignedIdentities": {ETL: {}}})
    assert list(only["userAssignedIdentities"]) == [ETL]


def test_a_virtual_machine_takes_its_time(client: Client, state: SandboxState) -> None:
    state.resources.operation_seconds = 30
    answer = client.arm("PATCH", MACHINE, version="2024-11-01", json={"identity": {"type": "SystemAssigned"}})
    assert answer.status_code == 200
    assert answer.json()["properties"]["provisioningState"] == "Updating"
    status = answer.headers["azure-asyncoperation"].removeprefix(client.addresses.arm).split("?")[0]
    assert client.arm("GET", status, version="2024-11-01").json()["status"] == "InProgress"
    busy = client.arm("PATCH", MACHINE, version="2024-11-01", json={"identity": {"type": "SystemAssigned"}})
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "OperationNotAllowed")
    state.clock.advance(31)
    assert client.arm("GET", status, version="2024-11-01").json()["status"] == "Succeeded"
    done = client.arm("GET", MACHINE, version="2024-11-01").json()
    assert done["properties"]["provisioningState"] == "Succeeded"
    assert done["identity"]["type"] == "SystemAssigned"


def test_a_container_app_answers_later(client: Client, state: SandboxState) -> None:
    state.resources.operation_seconds = 30
    wanted = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {USER_IDENTITY: {}}}
    answer = client.arm("PATCH", CONTAINER_APP, version="2025-01-01", json={"identity": wanted})
    assert (answer.status_code, answer.content) == (202, b"")
    result = answer.headers["location"].removeprefix(client.addresses.arm).split("?")[0]
    assert client.arm("GET", result, version="2025-01-01").status_code == 202
    state.clock.advance(31)
    assert client.arm("GET", result, version="2025-01-01").json()["identity"]["type"] == "SystemAssigned,UserAssigned"


@pytest.mark.parametrize(("choice", "status"), [("ignored", 200), ("refused", 405)])
def test_a_patch_of_identity_may_come_to_nothing(client: Client, state: SandboxState, choice: str, status: int) -> None:
    """Not every resource provider implements it; App Service does."""
    client.vary(identity_patch=choice)
    wanted = {"identity": {"type": "SystemAssigned"}}
    assert client.arm("PATCH", LOGIC_APP, version="2019-05-01", json=wanted).status_code == status
    assert "principalId" not in (client.arm("GET", LOGIC_APP, version="2019-05-01").json().get("identity") or {})
    assert identify(client, FUNCTION_APP, wanted["identity"])["principalId"]


@pytest.mark.parametrize(
    ("kind", "version"),
    [("Microsoft.Web/staticSites", "2023-12-01"), ("Microsoft.ContainerInstance/containerGroups", "2023-05-01")],
)
def test_some_types_take_a_patch_of_identity_and_ignore_it(client: Client, kind: str, version: str) -> None:
    """azure-contract.md, section 4.4."""
    path, wanted = f"{GROUP}/providers/{kind}/portal", {"identity": {"type": "SystemAssigned"}}
    made = client.arm("PUT", path, version=version, json={"location": "West Europe", "properties": {}}).json()
    answer = client.arm("PATCH", path, version=version, json=wanted)
    assert (answer.status_code, "identity" in answer.json()) == (200, False)
    assert client.arm("PUT", path, version=version, json={**made, **wanted}).json()["identity"]["principalId"]


def test_a_logic_app_takes_its_identity_by_either_method(client: Client) -> None:
    """It takes nothing else but tags and SKU by PATCH: azure-contract.md, section 4.4."""
    assert identify(client, LOGIC_APP, {"type": "SystemAssigned"}, "2019-05-01")["principalId"]
    assert identify(client, LOGIC_APP, {"type": "None"}, "2019-05-01") == {"type": "None"}
    body = client.arm("GET", LOGIC_APP, version="2019-05-01").json()
    body["identity"] = {"type": "SystemAssigned"}
    answer = client.arm("PUT", LOGIC_APP, version="2019-05-01", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["identity"]["principalId"]
    assert answer.json()["properties"]["state"] == "Enabled"


def test_lists_come_in_pages_of_any_length(client: Client, state: SandboxState) -> None:
    """`nextLink` leads to the next page: azure-contract.md, section 4.1."""
    path = f"{seed.SUBSCRIPTION}/resources"
    whole = client.arm("GET", path, version="2022-09-01").json()
    client.vary(arm_page_size=2)
    page = client.arm("GET", path, version="2022-09-01").json()
    found = page["value"]
    while "nextLink" in page:
        assert len(page["value"]) == 2
        where = httpx.URL(page["nextLink"])
        page = client.arm("GET", where.path, version=None, params=dict(where.params)).json()
        found += page["value"]
    assert (found, "nextLink" in whole) == (whole["value"], False)
    spoilt = client.arm("GET", path, version="2022-09-01", params={"$skiptoken": "x"})
    assert (spoilt.status_code, spoilt.json()["error"]["code"]) == (400, "InvalidSkipToken")


def test_a_provider_shows_those_that_are_taken(client: Client) -> None:
    client.vary(api_versions={"Microsoft.App": ["2023-05-01", "2024-02-02-preview"]})
    shown = client.arm("GET", f"{seed.SUBSCRIPTION}/providers/Microsoft.App", version="2021-04-01").json()
    assert shown["resourceTypes"][0]["apiVersions"] == ["2024-02-02-preview", "2023-05-01"]
    assert shown["resourceTypes"][0]["defaultApiVersion"] == "2023-05-01"
