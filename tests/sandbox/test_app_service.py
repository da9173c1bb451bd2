"""App Service's settings over time, and the endpoints inside a resource: whose token they give, what they refuse."""

from typing import Any

import httpx
import pytest
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.conftest import FUNCTION_APP, MACHINE, USER_IDENTITY
from tests.sandbox.conftest import ETL, SETTINGS, Client

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
def test_a_site_takes_no_second_write_while_one_is_carried_out(
    client: Client, state: SandboxState, accepted_first: bool
) -> None:
    """In App Service's own envelope, whatever the second one is; reading goes on: azure-contract.md, section 4.1."""
    state.resources.operation_seconds = 30
    client.vary(settings_accept_202=accepted_first, site_write_seconds=0.0 if accepted_first else 30.0)
    assert client.arm("PUT", SETTINGS, json={"properties": {"A": "1"}}).status_code == (202 if accepted_first else 200)
    identity = {"identity": {"type": "SystemAssigned"}}
    for method, path, body in (
        ("PUT", SETTINGS, {"properties": {}}),
        ("PATCH", seed.SITE, identity),
        ("POST", f"{seed.SITE}/restart", None),
    ):
        refused = client.arm(method, path, json=body)
        entity = refused.json()["Details"][-1]["ErrorEntity"]
        assert (refused.status_code, refused.json()["Code"], entity["ExtendedCode"]) == (409, "Conflict", "59203")
        assert refused.json()["Message"].startswith("Cannot modify this site because another operation is in progress.")
    assert settings(client, seed.SITE) == {"A": "1"}
    assert client.arm("PATCH", SLOT, json=identity).status_code == 200, "a slot is a site of its own"
    state.clock.advance(31)
    assert client.arm("PATCH", seed.SITE, json=identity).status_code == 200


@pytest.mark.parametrize("name", ["hy-phen", "Colon:Section", "ConnectionStrings:MctDatabase"])
def test_some_plans_take_plain_names_only_whoever_wrote_the_others(
    client: Client, state: SandboxState, name: str
) -> None:
    """A write replaces all settings, so that one that is there already blocks every write: azure-contract.md, 4.3."""
    wanted = {"properties": {"A": "1", name: "2"}}
    assert client.arm("PUT", SETTINGS, json=wanted).status_code == 200
    client.vary(strict_setting_names=True)
    refused = client.arm("PUT", SETTINGS, json={"properties": {**wanted["properties"], "B": "3"}})
    assert (refused.status_code, refused.json()["Message"]) == (400, f"AppSetting with name '{name}' is not allowed.")
    assert settings(client, seed.SITE) == wanted["properties"]
    assert client.arm("PUT", SETTINGS, json={"properties": {"A": "1"}}).status_code == 200


@pytest.mark.parametrize(("source", "target"), [(SLOT, "production"), (seed.SITE, "staging")])
def test_a_swap_takes_all_but_the_sticky_settings(client: Client, source: str, target: str) -> None:
    assert client.arm("POST", f"{source}/slotsswap", json={"targetSlot": target}).status_code == 200
    live, staged = settings(client, seed.SITE), settings(client, SLOT)
    for name in ("SlotName", "ConnectionStrings:MctDatabase"):
        assert (live[name], staged[name]) == (seed.SETTINGS["production"][name], seed.SETTINGS["staging"][name])
    assert live["OrganizationName"] == seed.SETTINGS["staging"]["OrganizationName"]
    assert staged["OrganizationName"] == seed.SETTINGS["production"]["OrganizationName"]
    assert "SupportEmail" not in live


def environment_of(client: Client, site: str) -> Any:
    return client.request("GET", "/_sandbox/app-environment", params={"resource": site}).json()


def test_an_app_reads_the_secrets_of_those_references_that_resolve(client: Client, state: SandboxState) -> None:
    (vault,) = [vault_state for key, vault_state in state.resources.vaults.items() if key.endswith("/contosolearn-kv")]
    secret = vault.version("jwt", "", state.clock.timestamp())["value"]
    good = "@Microsoft.KeyVault(VaultName=contosolearn-kv;SecretName=jwt;SecretVersion=0f5c2b1d)"
    bad = {
        "Gone": "@Microsoft.KeyVault(VaultName=contosolearn-kv;SecretName=a)",
        "Older": "@Microsoft.KeyVault(VaultName=contosolearn-kv;SecretName=jwt;SecretVersion=0)",
        "Closed": f"@Microsoft.KeyVault(SecretUri={client.addresses.of_vault(seed.VAULT)}/secrets/a/)",
        "Elsewhere": "@Microsoft.KeyVault(SecretUri=https://other.vault.azure.net/secrets/a/)",
        "Broken": "@Microsoft.KeyVault(contosolearn-kv)",
        "Plain": "x",
    }
    client.arm("PUT", SETTINGS, json={"properties": {"Good": good, **bad}})
    assert environment_of(client, seed.SITE) == {"Good": secret, **bad}
    client.arm("PUT", f"{SLOT}/config/appsettings", json={"properties": {"Good": good}})
    assert environment_of(client, SLOT) == {"Good": good}, "it has no identity"


def test_a_reference_follows_a_new_version_within_a_day_or_with_any_change_of_the_settings(
    client: Client, state: SandboxState
) -> None:
    (vault,) = [vault_state for key, vault_state in state.resources.vaults.items() if key.endswith("/contosolearn-kv")]

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


def identify(client: Client, resource: str, kind: str, *identities: str, version: str = "2025-05-01") -> None:
    identity: dict[str, Any] = {"type": kind}
    if identities:
        identity["userAssignedIdentities"] = {one: {} for one in identities}
    answer = client.arm("PATCH", resource, json={"identity": identity}, version=version)
    assert answer.is_success, answer.text
    client.arm("GET", resource, version=version)  # some providers take until the next look


def from_app(client: Client, *, version: str = "2019-08-01", **query: str) -> httpx.Response:
    found = client.request("GET", "/_sandbox/identity-environment", params={"resource": FUNCTION_APP}).json()
    header = (
        {"secret": found["MSI_SECRET"]} if version == "2017-09-01" else {"X-IDENTITY-HEADER": found["IDENTITY_HEADER"]}
    )
    params = {"api-version": version, "resource": client.addresses.graph, **query}
    return client.request("GET", found["IDENTITY_ENDPOINT"], params=params, headers=header)


def from_machine(client: Client, *, resource: str | None = None, **headers: str) -> httpx.Response:
    params = {"api-version": "2018-02-01", "resource": resource or client.addresses.graph}
    path = f"/_sandbox/identity{MACHINE}/metadata/identity/oauth2/token"
    return client.request("GET", path, params=params, headers={"Metadata": "true", **headers})


def client_id(client: Client, identity: str) -> str:
    return str(client.arm("GET", identity, version="2023-01-31").json()["properties"]["clientId"])


def test_an_app_with_identities_of_others_only_must_name_one(client: Client) -> None:
    identify(client, FUNCTION_APP, "UserAssigned", USER_IDENTITY)
    answer = from_app(client)
    assert (answer.status_code, answer.json()["message"]) == (400, "Unable to load the proper Managed Identity.")
    assert from_app(client, client_id=client_id(client, USER_IDENTITY)).status_code == 200
    identify(client, FUNCTION_APP, "SystemAssigned, UserAssigned", USER_IDENTITY)
    assert from_app(client).status_code == 200
    identify(client, FUNCTION_APP, "None")
    assert from_app(client).status_code == 400


def test_the_protocol_of_2017_has_other_names_and_writes_the_time_out(client: Client) -> None:
    identify(client, FUNCTION_APP, "UserAssigned", USER_IDENTITY)
    body = from_app(client, version="2017-09-01", clientid=client_id(client, USER_IDENTITY)).json()
    assert set(body) == {"access_token", "expires_on", "resource", "token_type"}
    assert body["expires_on"].endswith("M +00:00")


def test_a_machine_with_one_identity_need_not_name_it_and_with_two_must(client: Client) -> None:
    assert from_machine(client).status_code == 200
    identify(client, MACHINE, "UserAssigned", ETL, USER_IDENTITY, version="2024-07-01")
    body = from_machine(client).json()
    assert body["error_description"].startswith("Multiple user assigned identities exist")


@pytest.mark.parametrize("value", ["10.0.0.1", ""])
def test_a_machine_gives_nothing_to_what_was_forwarded(client: Client, value: str) -> None:
    answer = from_machine(client, **{"X-Forwarded-For": value})
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (400, "application/xml")
    assert "X-Forwarded-For" in answer.text


def test_a_machine_calls_an_unknown_resource_by_its_own_name(client: Client) -> None:
    body = from_machine(client, resource="api://nobody").json()
    assert (body["error"], "AADSTS500011" in body["error_description"]) == ("invalid_resource", True)
