"""What a write does in Resource Manager, the painful parts included, and the identity endpoints
inside a resource.
"""

from typing import Any

import httpx
import pytest
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.conftest import CONTAINER_APP, FUNCTION_APP, LOGIC_APP, MACHINE, USER_IDENTITY
from tests.sandbox.conftest import ETL, GROUP, SETTINGS, Client

SLOT = f"{seed.SITE}/slots/staging"


def settings(client: Client, site: str) -> Any:
    return client.arm("POST", f"{site}/config/appsettings/list").json()["properties"]


def test_settings_may_be_accepted_first_and_done_later(client: Client, state: SandboxState) -> None:
    client.vary(settings_accept_202=True)
    state.resources.operation_seconds = 30
    accepted = client.arm("PUT", SETTINGS, json={"properties": {"A": "1"}})
    assert (accepted.status_code, accepted.content) == (202, b"")
    where = accepted.headers["location"].removeprefix(client.addresses.arm).split("?")[0]
    assert client.arm("GET", where).status_code == 202
    state.clock.advance(31)
    done = client.arm("GET", where)
    assert (done.status_code, done.json()["properties"]) == (200, {"A": "1"})


@pytest.mark.parametrize("accepted_first", [True, False])
def test_a_site_takes_no_second_write_during_one(
    client: Client, state: SandboxState, accepted_first: bool
) -> None:
    """In App Service's own envelope, whatever the second one is; reading goes on:
    azure-contract.md, section 4.1.
    """
    state.resources.operation_seconds = 30
    client.vary(
        settings_accept_202=accepted_first, site_write_seconds=0.0 if accepted_first else 30.0
    )
    assert client.arm("PUT", SETTINGS, json={"properties": {"A": "1"}}).status_code == (
        202 if accepted_first else 200
    )
    identity = {"identity": {"type": "SystemAssigned"}}
    for method, path, body in (
        ("PUT", SETTINGS, {"properties": {}}),
        ("PATCH", seed.SITE, identity),
        ("POST", f"{seed.SITE}/restart", None),
    ):
        refused = client.arm(method, path, json=body)
        entity = refused.json()["Details"][-1]["ErrorEntity"]
        assert (refused.status_code, refused.json()["Code"], entity["ExtendedCode"]) == (
            409,
            "Conflict",
            "59203",
        )
        assert refused.json()["Message"].startswith(
            "Cannot modify this site because another operation is in progress."
        )
    assert settings(client, seed.SITE) == {"A": "1"}
    assert client.arm("PATCH", SLOT, json=identity).status_code == 200, (
        "a slot is a site of its own"
    )
    state.clock.advance(31)
    assert client.arm("PATCH", seed.SITE, json=identity).status_code == 200


@pytest.mark.parametrize("name", ["hy-phen", "Colon:Section", "ConnectionStrings:MctDatabase"])
def test_some_plans_take_plain_names_only_whoever_wrote_others(
    client: Client, state: SandboxState, name: str
) -> None:
    """A write replaces all settings, so that one that is there already blocks every write:
    azure-contract.md, 4.3.
    """
    wanted = {"properties": {"A": "1", name: "2"}}
    assert client.arm("PUT", SETTINGS, json=wanted).status_code == 200
    client.vary(strict_setting_names=True)
    refused = client.arm("PUT", SETTINGS, json={"properties": {**wanted["properties"], "B": "3"}})
    assert (refused.status_code, refused.json()["Message"]) == (
        400,
        f"AppSetting with name '{name}' is not allowed.",
    )
    assert settings(client, seed.SITE) == wanted["properties"]
    assert client.arm("PUT", SETTINGS, json={"properties": {"A": "1"}}).status_code == 200


@pytest.mark.parametrize(("source", "target"), [(SLOT, "production"), (seed.SITE, "staging")])
def test_a_swap_takes_all_but_the_sticky_settings(client: Client, source: str, target: str) -> None:
    assert client.arm("POST", f"{source}/slotsswap", json={"targetSlot": target}).status_code == 200
    live, staged = settings(client, seed.SITE), settings(client, SLOT)
    for name in ("SlotName", "ConnectionStrings:MctDatabase"):
        assert (live[name], staged[name]) == (
            seed.SETTINGS["production"][name],
            seed.SETTINGS["staging"][name],
        )
    assert live["OrganizationName"] == seed.SETTINGS["staging"]["OrganizationName"]
    assert staged["OrganizationName"] == seed.SETTINGS["production"]["OrganizationName"]
    assert "SupportEmail" not in live


def environment_of(client: Client, site: str) -> Any:
    return client.request("GET", "/_sandbox/app-environment", params={"resource": site}).json()


def test_an_app_reads_the_secrets_of_those_references_that_resolve(
    client: Client, state: SandboxState
) -> None:
    (vault,) = [
        vault_state
        for key, vault_state in state.resources.vaults.items()
        if key.endswith("/contosolearn-kv")
    ]
    secret = vault.version("jwt", "", state.clock.timestamp())["value"]
    good = "@Microsoft.KeyVault(VaultName=contosolearn-kv;SecretName=jwt;SecretVersion=0f5c2b1d)"
    bad = {
        "Gone": "@Microsoft.KeyVault(VaultName=contosolearn-kv;SecretName=a)",
        "Older": "@Microsoft.KeyVault(VaultName=contosolearn-kv;SecretName=jwt;SecretVersion=0)",
        "Closed": (
            f"@Microsoft.KeyVault(SecretUri={client.addresses.of_vault(seed.VAULT)}/secrets/a/)"
        ),
        "Elsewhere": "@Microsoft.KeyVault(SecretUri=https://other.vault.azure.net/secrets/a/)",
        "Broken": "@Microsoft.KeyVault(contosolearn-kv)",
        "Plain": "x",
    }
    client.arm("PUT", SETTINGS, json={"properties": {"Good": good, **bad}})
    assert environment_of(client, seed.SITE) == {"Good": secret, **bad}
    client.arm("PUT", f"{SLOT}/config/appsettings", json={"properties": {"Good": good}})
    assert environment_of(client, SLOT) == {"Good": good}, "it has no identity"


def test_a_reference_follows_a_new_version_within_a_day_or_with_any_write(
    client: Client, state: SandboxState
) -> None:
    (vault,) = [
        vault_state
        for key, vault_state in state.resources.vaults.items()
        if key.endswith("/contosolearn-kv")
    ]

    def store(value: str) -> None:
        vault.set("key", {"value": value}, state.clock.timestamp())

    def read() -> Any:
        return environment_of(client, seed.SITE)["Key"]

    store("one")
    uri = f"{client.addresses.of_vault('contosolearn-kv')}/secrets/key/"
    wanted = {"Key": f"@Microsoft.KeyVault(SecretUri={uri})"}
    client.arm("PUT", SETTINGS, json={"properties": wanted})
    state.clock.advance(60)
    store("two")
    assert read() == "one"
    state.clock.advance(24 * 3600)
    client.forget_tokens()
    assert read() == "two"
    store("three")
    assert read() == "two"
    client.arm("PUT", SETTINGS, json={"properties": {**wanted, "Other": "x"}})
    assert read() == "three"


def identify(
    client: Client, path: str, identity: dict[str, Any], version: str = "2025-05-01"
) -> Any:
    answer = client.arm("PATCH", path, version=version, json={"identity": identity})
    assert answer.status_code in (200, 202), answer.text
    return client.arm("GET", path, version=version).json().get("identity")


def assign(
    client: Client, resource: str, *identities: str, kind: str = "UserAssigned", **more: str
) -> None:
    identify(
        client,
        resource,
        {"type": kind, "userAssignedIdentities": {identity: {} for identity in identities}},
        **more,
    )


def from_app(client: Client, *, version: str = "2019-08-01", **query: str) -> httpx.Response:
    answer = client.request(
        "GET", "/_sandbox/identity-environment", params={"resource": FUNCTION_APP}
    ).json()
    header = (
        {"secret": answer["MSI_SECRET"]}
        if version == "2017-09-01"
        else {"X-IDENTITY-HEADER": answer["IDENTITY_HEADER"]}
    )
    params = {"api-version": version, "resource": client.addresses.graph, **query}
    return client.request("GET", answer["IDENTITY_ENDPOINT"], params=params, headers=header)


def from_machine(client: Client, *, resource: str | None = None, **headers: str) -> httpx.Response:
    params = {"api-version": "2018-02-01", "resource": resource or client.addresses.graph}
    path = f"/_sandbox/identity{MACHINE}/metadata/identity/oauth2/token"
    return client.request("GET", path, params=params, headers={"Metadata": "true", **headers})


def client_id(client: Client, identity: str) -> str:
    return str(client.arm("GET", identity, version="2023-01-31").json()["properties"]["clientId"])


def test_an_app_with_identities_of_others_only_must_name_one(client: Client) -> None:
    assign(client, FUNCTION_APP, USER_IDENTITY)
    answer = from_app(client)
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "Unable to load the proper Managed Identity.",
    )
    assert from_app(client, client_id=client_id(client, USER_IDENTITY)).status_code == 200
    assign(client, FUNCTION_APP, USER_IDENTITY, kind="SystemAssigned, UserAssigned")
    assert from_app(client).status_code == 200
    identify(client, FUNCTION_APP, {"type": "None"})
    assert from_app(client).status_code == 400


def test_the_protocol_of_2017_has_other_names_and_writes_the_time_out(client: Client) -> None:
    assign(client, FUNCTION_APP, USER_IDENTITY)
    body = from_app(client, version="2017-09-01", clientid=client_id(client, USER_IDENTITY)).json()
    assert set(body) == {"access_token", "expires_on", "resource", "token_type"}
    assert body["expires_on"].endswith("M +00:00")


def test_a_machine_with_one_identity_need_not_name_it_and_with_two_must(client: Client) -> None:
    assert from_machine(client).status_code == 200
    assign(client, MACHINE, ETL, USER_IDENTITY, version="2024-07-01")
    body = from_machine(client).json()
    assert body["error_description"].startswith("Multiple user assigned identities exist")


@pytest.mark.parametrize("value", ["10.0.0.1", ""])
def test_a_machine_gives_nothing_to_what_was_forwarded(client: Client, value: str) -> None:
    answer = from_machine(client, **{"X-Forwarded-For": value})
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (
        400,
        "application/xml",
    )
    assert "X-Forwarded-For" in answer.text


def test_a_machine_calls_an_unknown_resource_by_its_own_name(client: Client) -> None:
    body = from_machine(client, resource="api://nobody").json()
    assert (body["error"], "AADSTS500011" in body["error_description"]) == (
        "invalid_resource",
        True,
    )


def test_a_slot_has_settings_of_its_own_and_no_sticky_names(client: Client) -> None:
    slot = f"{seed.SITE}/slots/staging"
    settings = client.arm("POST", f"{slot}/config/appsettings/list").json()
    assert settings["properties"]["SlotName"] == "staging"
    assert client.arm("GET", f"{slot}/config/slotConfigNames").status_code == 404
    sticky = client.arm("GET", f"{seed.SITE}/config/slotConfigNames").json()["properties"]
    assert "SlotName" in sticky["appSettingNames"]
    sticky["appSettingNames"].append("ServiceAuthEnabled")
    assert (
        client.arm(
            "PUT", f"{seed.SITE}/config/slotConfigNames", json={"properties": sticky}
        ).status_code
        == 200
    )
    again = client.arm("GET", f"{seed.SITE}/config/slotConfigNames").json()["properties"]
    assert again["appSettingNames"][-1] == "ServiceAuthEnabled"
    assert [s["name"] for s in client.arm("GET", f"{seed.SITE}/slots").json()["value"]] == [
        "contosolearn/staging"
    ]


def test_a_system_identity_is_new_each_time_and_lives_in_the_directory(
    client: Client, state: SandboxState
) -> None:
    first = identify(client, FUNCTION_APP, {"type": "systemassigned"})
    assert first["type"] == "SystemAssigned"
    principal = state.directory.principal(first["principalId"])
    assert principal is not None
    assert (principal["displayName"], principal["servicePrincipalType"]) == (
        "reports-func",
        "ManagedIdentity",
    )
    assert identify(client, FUNCTION_APP, {"type": "SystemAssigned"}) == first
    assert identify(client, FUNCTION_APP, {"type": "None"}) == {"type": "None"}
    assert state.directory.principal(first["principalId"]) is None
    second = identify(client, FUNCTION_APP, {"type": "SystemAssigned"})
    assert second["principalId"] != first["principalId"]


def test_the_type_of_an_identity_is_not_merged(client: Client) -> None:
    both = identify(client, MACHINE, {"type": "SystemAssigned, UserAssigned"}, "2024-11-01")
    assert list(both["userAssignedIdentities"]) == [ETL]
    alone = identify(client, MACHINE, {"type": "SystemAssigned"}, "2024-11-01")
    assert "userAssignedIdentities" not in alone
    assert alone["principalId"] == both["principalId"]


def test_user_assigned_identities_are_added_and_removed_one_by_one(client: Client) -> None:
    kind = {"type": "UserAssigned"}
    added = identify(
        client, MACHINE, {**kind, "userAssignedIdentities": {USER_IDENTITY: {}}}, "2024-11-01"
    )
    assert sorted(added["userAssignedIdentities"]) == sorted([ETL, USER_IDENTITY])
    assert added["userAssignedIdentities"][USER_IDENTITY]["principalId"]
    removed = identify(
        client, MACHINE, {**kind, "userAssignedIdentities": {ETL.upper(): None}}, "2024-11-01"
    )
    assert list(removed["userAssignedIdentities"]) == [USER_IDENTITY]


def test_app_service_keeps_only_the_identities_that_are_sent(client: Client) -> None:
    kind = {"type": "UserAssigned"}
    identify(client, FUNCTION_APP, {**kind, "userAssignedIdentities": {USER_IDENTITY: {}}})
    only = identify(client, FUNCTION_APP, {**kind, "userAssignedIdentities": {ETL: {}}})
    assert list(only["userAssignedIdentities"]) == [ETL]


def test_a_virtual_machine_takes_its_time(client: Client, state: SandboxState) -> None:
    state.resources.operation_seconds = 30
    answer = client.arm(
        "PATCH", MACHINE, version="2024-11-01", json={"identity": {"type": "SystemAssigned"}}
    )
    assert answer.status_code == 200
    assert answer.json()["properties"]["provisioningState"] == "Updating"
    status = answer.headers["azure-asyncoperation"].removeprefix(client.addresses.arm).split("?")[0]
    assert client.arm("GET", status, version="2024-11-01").json()["status"] == "InProgress"
    busy = client.arm(
        "PATCH", MACHINE, version="2024-11-01", json={"identity": {"type": "SystemAssigned"}}
    )
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
    assert (
        client.arm("GET", result, version="2025-01-01").json()["identity"]["type"]
        == "SystemAssigned,UserAssigned"
    )


@pytest.mark.parametrize(("choice", "status"), [("ignored", 200), ("refused", 405)])
def test_a_patch_of_identity_may_come_to_nothing(
    client: Client, state: SandboxState, choice: str, status: int
) -> None:
    """Not every resource provider implements it; App Service does."""
    client.vary(identity_patch=choice)
    wanted = {"identity": {"type": "SystemAssigned"}}
    assert client.arm("PATCH", LOGIC_APP, version="2019-05-01", json=wanted).status_code == status
    assert "principalId" not in (
        client.arm("GET", LOGIC_APP, version="2019-05-01").json().get("identity") or {}
    )
    assert identify(client, FUNCTION_APP, wanted["identity"])["principalId"]


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("Microsoft.Web/staticSites", "2023-12-01"),
        ("Microsoft.ContainerInstance/containerGroups", "2023-05-01"),
    ],
)
def test_some_types_take_a_patch_of_identity_and_ignore_it(
    client: Client, kind: str, version: str
) -> None:
    """azure-contract.md, section 4.4."""
    path = f"{GROUP}/providers/{kind}/portal"
    wanted = {"identity": {"type": "SystemAssigned"}}
    resource = client.arm(
        "PUT", path, version=version, json={"location": "West Europe", "properties": {}}
    ).json()
    answer = client.arm("PATCH", path, version=version, json=wanted)
    assert (answer.status_code, "identity" in answer.json()) == (200, False)
    assert client.arm("PUT", path, version=version, json={**resource, **wanted}).json()["identity"][
        "principalId"
    ]


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
    items = page["value"]
    while "nextLink" in page:
        assert len(page["value"]) == 2
        where = httpx.URL(page["nextLink"])
        page = client.arm("GET", where.path, version=None, params=dict(where.params)).json()
        items += page["value"]
    assert (items, "nextLink" in whole) == (whole["value"], False)
    spoilt = client.arm("GET", path, version="2022-09-01", params={"$skiptoken": "x"})
    assert (spoilt.status_code, spoilt.json()["error"]["code"]) == (400, "InvalidSkipToken")


def test_a_provider_shows_the_api_versions_that_are_taken(client: Client) -> None:
    client.vary(api_versions={"Microsoft.App": ["2023-05-01", "2024-02-02-preview"]})
    shown = client.arm(
        "GET", f"{seed.SUBSCRIPTION}/providers/Microsoft.App", version="2021-04-01"
    ).json()
    assert shown["resourceTypes"][0]["apiVersions"] == ["2024-02-02-preview", "2023-05-01"]
    assert shown["resourceTypes"][0]["defaultApiVersion"] == "2023-05-01"
