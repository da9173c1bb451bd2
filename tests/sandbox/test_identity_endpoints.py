"""The endpoints inside a resource: whose token they give out, and what they refuse."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.sandbox.conftest import ETL, FUNCTION, SYNC, VM, Client


def identify(client: Client, resource: str, kind: str, *identities: str, version: str = "2025-05-01") -> None:
    identity: dict[str, Any] = {"type": kind}
    if identities:
        identity["userAssignedIdentities"] = {one: {} for one in identities}
    answer = client.arm("PATCH", resource, json={"identity": identity}, version=version)
    assert answer.is_success, answer.text
    client.arm("GET", resource, version=version)  # some providers take until the next look


def from_app(client: Client, *, version: str = "2019-08-01", **query: str) -> httpx.Response:
    found = client.request("GET", "/_sandbox/identity-environment", params={"resource": FUNCTION}).json()
    header = (
        {"secret": found["MSI_SECRET"]} if version == "2017-09-01" else {"X-IDENTITY-HEADER": found["IDENTITY_HEADER"]}
    )
    params = {"api-version": version, "resource": client.addresses.graph, **query}
    return client.request("GET", found["IDENTITY_ENDPOINT"], params=params, headers=header)


def from_machine(client: Client, *, resource: str | None = None, **headers: str) -> httpx.Response:
    params = {"api-version": "2018-02-01", "resource": resource or client.addresses.graph}
    path = f"/_sandbox/identity{VM}/metadata/identity/oauth2/token"
    return client.request("GET", path, params=params, headers={"Metadata": "true", **headers})


def client_id(client: Client, identity: str) -> str:
    return str(client.arm("GET", identity, version="2023-01-31").json()["properties"]["clientId"])


def test_an_app_with_identities_of_others_only_must_name_one(client: Client) -> None:
    identify(client, FUNCTION, "UserAssigned", SYNC)
    answer = from_app(client)
    assert (answer.status_code, answer.json()["message"]) == (400, "Unable to load the proper Managed Identity.")
    assert from_app(client, client_id=client_id(client, SYNC)).status_code == 200
    identify(client, FUNCTION, "SystemAssigned, UserAssigned", SYNC)
    assert from_app(client).status_code == 200


def test_the_protocol_of_2017_has_other_names_and_writes_the_time_out(client: Client) -> None:
    identify(client, FUNCTION, "UserAssigned", SYNC)
    body = from_app(client, version="2017-09-01", clientid=client_id(client, SYNC)).json()
    assert set(body) == {"access_token", "expires_on", "resource", "token_type"}
    assert body["expires_on"].endswith("M +00:00")


def test_a_machine_with_one_identity_need_not_name_it_and_with_two_must(client: Client) -> None:
    assert from_machine(client).status_code == 200
    identify(client, VM, "UserAssigned", ETL, SYNC, version="2024-07-01")
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
