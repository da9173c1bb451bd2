"""Key Vault beyond the recorded traffic: what is kept, who may read it, and requests that no SDK
would send.
"""

from pathlib import Path
from typing import Any

import pytest
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.resources.role_assignments import (
    CONTRIBUTOR,
    SECRETS_OFFICER,
    SECRETS_USER,
    VAULT_CONTRIBUTOR,
    VAULT_READER,
)
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import OWN, Client

VAULT = (
    f"{seed.SUBSCRIPTION}/resourceGroups/integrations/providers/Microsoft.KeyVault/vaults/"
    f"{seed.VAULT}"
)


class Vault:
    """One vault, asked without an SDK."""

    def __init__(self, client: Client, name: str = seed.VAULT) -> None:
        self._client = client
        self.url = client.addresses.of_vault(name)

    def ask(
        self,
        method: str,
        path: str,
        *,
        version: str | None = "7.6",
        token: str | None = None,
        **options: Any,
    ) -> Any:
        bearer = token or self._client.token(f"{self._client.addresses.vault}/.default")
        query = f"{'&' if '?' in path else '?'}api-version={version}" if version else ""
        headers = {"Authorization": f"Bearer {bearer}"}
        return self._client.request(method, self.url + path + query, headers=headers, **options)


@pytest.fixture
def vault(client: Client) -> Vault:
    return Vault(client)


def test_a_secret_has_versions_and_a_name_without_case_until_it_is_purged(vault: Vault) -> None:
    first, second = (
        vault.ask("PUT", f"/secrets/{name}", json={"value": name}).json() for name in ("Key", "key")
    )
    vault.ask("PUT", "/secrets/other", json={"value": "x"})
    page = vault.ask("GET", "/secrets?maxresults=1").json()
    rest = vault.ask("GET", page["nextLink"].removeprefix(vault.url), version=None).json()
    assert [item["id"].rpartition("/")[2] for item in (*page["value"], *rest["value"])] == [
        "Key",
        "other",
    ]
    listed = vault.ask("GET", "/secrets/KEY/versions").json()["value"]
    older, newer = (version["id"].rpartition("/")[2] for version in (first, second))
    assert {item["id"].rpartition("/")[2] for item in listed} == {older, newer}
    assert [
        vault.ask("GET", f"/secrets/key/{version}").json()["value"] for version in (older, "")
    ] == [
        "Key",
        "key",
    ]
    changed = vault.ask(
        "PATCH",
        f"/secrets/key/{newer}",
        json={"tags": {"a": "b"}, "attributes": {"enabled": False}},
    )
    assert changed.json()["tags"] == {"a": "b"}
    disabled = vault.ask("GET", "/secrets/key")
    assert (disabled.status_code, "not allowed on a disabled secret" in disabled.text) == (
        403,
        True,
    )
    vault.ask("DELETE", "/secrets/key")
    assert vault.ask("DELETE", "/deletedsecrets/key").status_code == 204
    assert vault.ask("PUT", "/secrets/key", json={"value": "new"}).status_code == 200


BAD: dict[str, dict[str, Any]] = {
    "no value": {},
    "a number": {"value": 1},
    "too long": {"value": "x" * 25_601},
    "many tags": {"value": "x", "tags": {str(n): "" for n in range(16)}},
    "a long tag": {"value": "x", "tags": {"a": "x" * 257}},
    "a date in words": {"value": "x", "attributes": {"exp": "2030-01-01"}},
    "half enabled": {"value": "x", "attributes": {"enabled": 1}},
    "a stranger": {"value": "x", "secret": "x"},
}


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_secret_is_refused(name: str, vault: Vault) -> None:
    answer = vault.ask("PUT", "/secrets/x", json=BAD[name])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")
    assert vault.ask("GET", "/secrets/x").status_code == 404


@pytest.mark.parametrize("path", ["/secrets/a_b", "/secrets/a.b", "/secrets/" + "a" * 128])
def test_an_invalid_name_of_a_secret_is_refused(path: str, vault: Vault) -> None:
    assert vault.ask("PUT", path, json={"value": "x"}).json()["error"]["code"] == "BadParameter"


@pytest.mark.parametrize(
    ("version", "status"), [(None, 400), ("1.0", 400), ("7.4", 404), ("2025-07-01", 404)]
)
def test_a_vault_takes_the_api_versions_that_it_knows_alone(
    version: str | None, status: int, vault: Vault
) -> None:
    assert vault.ask("GET", "/secrets/x", version=version).status_code == status


def test_a_token_for_another_service_is_refused(client: Client, vault: Vault) -> None:
    refused = vault.ask("GET", "/secrets/x", token=client.token(f"{client.addresses.arm}/.default"))
    assert (refused.status_code, "AKV10022" in refused.text) == (401, True)


def test_an_operation_that_a_vault_does_not_know_is_501(vault: Vault) -> None:
    assert vault.ask("GET", "/keys").status_code == 501
    assert vault.ask("POST", "/secrets/x/backup").status_code == 501


ROLES = {
    SECRETS_OFFICER: {"PUT": 200, "GET": 200, "VERSIONS": 200},
    SECRETS_USER: {"PUT": 403, "GET": 200, "VERSIONS": 200},
    VAULT_READER: {"PUT": 403, "GET": 403, "VERSIONS": 200},
    VAULT_CONTRIBUTOR: {"PUT": 403, "GET": 403, "VERSIONS": 403},
    CONTRIBUTOR: {"PUT": 403, "GET": 403, "VERSIONS": 403},
}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_allows_its_own_operations_on_secrets(
    role: str, client: Client, vault: Vault
) -> None:
    vault.ask("PUT", "/secrets/x", json={"value": "x"})
    caller, principal = seeding.add_application(
        client.state.directory, "somebody", secret="somebody's secret"
    )
    client.state.resources.access.assign(principal["id"], role, VAULT)
    token = client.token(f"{client.addresses.vault}/.default", caller["appId"], "somebody's secret")
    answers = {
        "PUT": vault.ask("PUT", "/secrets/x", token=token, json={"value": "y"}),
        "GET": vault.ask("GET", "/secrets/x", token=token),
        "VERSIONS": vault.ask("GET", "/secrets/x/versions", token=token),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == ROLES[role]
    for answer in answers.values():
        if answer.status_code == 403:
            assert answer.json()["error"]["innererror"]["code"] == "ForbiddenByRbac"


def test_a_vault_with_access_policies_goes_by_them_alone(client: Client) -> None:
    path = VAULT.replace(seed.VAULT, "older-vault")
    principal = client.state.directory.service_principals.latest_by("appId", seed.ADMINISTRATOR_ID)[
        0
    ]["id"]
    policy = {
        "tenantId": seed.TENANT_ID,
        "objectId": principal,
        "permissions": {"secrets": ["Set", "List"]},
    }
    body = {
        "location": "westeurope",
        "properties": {
            "tenantId": seed.TENANT_ID,
            "sku": {"family": "A", "name": "standard"},
            "accessPolicies": [policy],
        },
    }
    answer = client.arm("PUT", path, version="2024-11-01", json=body)
    assert answer.status_code == 201
    assert answer.json()["properties"]["vaultUri"] == f"{client.addresses.of_vault('older-vault')}/"
    assert (
        client.arm(
            "PUT", path.replace("integrations/", "mct-prod/"), version="2024-11-01", json=body
        ).status_code
        == 409
    )
    older = Vault(client, "older-vault")
    assert older.ask("PUT", "/secrets/x", json={"value": "x"}).status_code == 200
    refused = older.ask("GET", "/secrets/x")
    assert refused.status_code == 403
    assert refused.json()["error"]["innererror"]["code"] == "AccessDenied"
    assert (
        "does not have secrets get permission on key vault 'older-vault;location=westeurope'"
        in refused.text
    )


SET_ONLY = {
    "name": "set alone",
    "actions": [],
    "dataActions": ["Microsoft.KeyVault/vaults/secrets/setSecret/action"],
}


def test_who_may_set_a_secret_writes_any_tags_without_reading_it(
    client: Client, vault: Vault
) -> None:
    tags = {
        "made-by": "mct-s2s",
        "appId": seed.ADMINISTRATOR_ID,
        "keyId": "7b5e1f8e-1111-4c3d-9a6e-000000000009",
    }
    vault.ask("PUT", "/secrets/x", json={"value": "x", "tags": {"made-by": "somebody"}})
    held = [{"role": SET_ONLY, "scope": VAULT}]
    caller = client.control("POST", "callers", {"name": "somebody", "armRoles": held})
    token = client.token(
        f"{client.addresses.vault}/.default", caller["clientId"], caller["clientSecret"]
    )
    for name in ("x", "new"):
        answer = vault.ask(
            "PUT", f"/secrets/{name}", token=token, json={"value": "y", "tags": tags}
        )
        assert (answer.status_code, answer.json()["tags"]) == (200, tags)
        assert vault.ask("GET", f"/secrets/{name}", token=token).status_code == 403
        assert vault.ask("GET", f"/secrets/{name}").json()["tags"] == tags


def test_vaults_are_listed_and_kept_with_the_state(
    client: Client, vault: Vault, tmp_path: Path
) -> None:
    vault.ask("PUT", "/secrets/x", json={"value": "x"})
    path = f"{seed.SUBSCRIPTION}/providers/Microsoft.KeyVault/vaults"
    listed = client.arm("GET", path, version="2024-11-01").json()["value"]
    assert {
        listed_vault["name"]: listed_vault["properties"]["enableRbacAuthorization"]
        for listed_vault in listed
    } == {
        "contosolearn-kv": True,
        seed.VAULT: True,
    }
    client.state.save(tmp_path / "world.json")
    client.state.replace_with(type(client.state).load(tmp_path / "world.json"))
    assert vault.ask("GET", "/secrets/x").json()["value"] == "x"


def test_a_secret_in_a_vault_is_no_leak_and_one_in_a_tag_is(client: Client, vault: Vault) -> None:
    app = client.create("/applications", **OWN)
    secret = client.graph(
        "POST", f"/applications/{app['id']}/addPassword", json={"passwordCredential": {}}
    ).json()
    vault.ask("PUT", "/secrets/x", json={"value": secret["secretText"]})
    assert client.request("GET", "/_sandbox/leaks").json()["value"] == []
    vault.ask("PATCH", "/secrets/x", json={"tags": {"value": secret["secretText"]}})
    (leak,) = client.request("GET", "/_sandbox/leaks").json()["value"]
    assert (leak["service"], leak["where"]) == ("vault", "body")


def test_deletion_and_recovery_take_a_moment(client: Client, vault: Vault) -> None:
    client.state.resources.operation_seconds = 30
    vault.ask("PUT", "/secrets/x", json={"value": "x"})
    vault.ask("DELETE", "/secrets/x")

    def inner(answer: Any) -> str:
        return str(answer.json()["error"]["innererror"]["code"])

    assert vault.ask("GET", "/deletedsecrets/x").status_code == 404
    assert inner(vault.ask("PUT", "/secrets/x", json={"value": "y"})) == "ObjectIsBeingDeleted"
    client.state.clock.advance(31)
    assert vault.ask("GET", "/deletedsecrets/x").status_code == 200
    assert (
        inner(vault.ask("PUT", "/secrets/x", json={"value": "y"}))
        == "ObjectIsDeletedButRecoverable"
    )
    assert vault.ask("POST", "/deletedsecrets/x/recover").status_code == 200
    assert vault.ask("GET", "/secrets/x").status_code == 404
    assert inner(vault.ask("PUT", "/secrets/x", json={"value": "y"})) == "ObjectIsBeingRecovered"
    client.state.clock.advance(31)
    assert vault.ask("GET", "/secrets/x").json()["value"] == "x"


def test_faults_and_revocation_reach_vaults_too(client: Client, vault: Vault) -> None:
    rule = {
        "match": {"service": "KeyVault"},
        "fault": {"type": "status", "status": 503, "retryAfter": 2},
        "times": 1,
    }
    client.control("PUT", "faults", [rule])
    refused = vault.ask("GET", "/secrets")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert refused.json()["error"]["code"] == "ServiceUnavailable"
    rule = {"match": {"service": "KeyVault"}, "fault": {"type": "revokeSignIn"}, "nth": 1}
    client.control("PUT", "faults", [rule])
    revoked = vault.ask("GET", "/secrets")
    assert revoked.status_code == 401
    assert 'claims="' in revoked.headers["www-authenticate"]
