"""Key Vault by its own SDK, and by requests that no SDK would send."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline.policies import AsyncRetryPolicy
from azure.identity.aio import ClientSecretCredential
from mct_s2s.azure.http import Http, Transport, tls_context
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.hosting.embedded import Running
from mct_s2s.sandbox.resources.role_assignments import (
    CONTRIBUTOR,
    SECRETS_OFFICER,
    SECRETS_USER,
    VAULT_CONTRIBUTOR,
    VAULT_READER,
)
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import OWN, Client

if TYPE_CHECKING:
    from azure.keyvault.secrets.aio import SecretClient

VAULT = f"{seed.SUBSCRIPTION}/resourceGroups/integrations/providers/Microsoft.KeyVault/vaults/{seed.VAULT}"
WHEN = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)

Work = Callable[["SecretClient"], Awaitable[None]]


def with_sdk(running: Running, work: Work) -> None:
    """Do something with the real client; its check of the challenge is on, as it is by default."""
    from azure.keyvault.secrets._shared import http_challenge_cache  # noqa: PLC0415
    from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415

    async def body() -> None:
        async with Http(tls_context(running.environment)) as http:
            transport = Transport(http, "Vault")
            credential = ClientSecretCredential(
                running.tenant_id,
                running.client_id,
                running.client_secret,
                authority=running.resource_manager,
                disable_instance_discovery=True,
                transport=transport,
            )
            port = running.resource_manager.rsplit(":", 1)[1]
            url = f"https://{seed.VAULT}.vault.localhost:{port}"
            policy = AsyncRetryPolicy.no_retries()
            http_challenge_cache.clear()  # kept by address, for the whole process
            async with SecretClient(url, credential, transport=transport, retry_policy=policy) as client:
                await work(client)

    asyncio.run(body())


def test_the_sdk_sets_reads_lists_and_changes_secrets(running: Running) -> None:
    async def work(client: SecretClient) -> None:
        for number in range(27):
            await client.set_secret(f"s{number:02}", "value")
        names = [s.name async for s in client.list_properties_of_secrets()]
        assert names == [f"s{number:02}" for number in range(27)], "more than one answer holds"
        first = await client.set_secret(
            "Report-Key", "one", tags={"a": "b"}, content_type="text/plain", expires_on=WHEN
        )
        assert (first.value, first.properties.expires_on, first.properties.tags) == ("one", WHEN, {"a": "b"})
        second = await client.set_secret("report-key", "two", enabled=True)
        assert (await client.get_secret("Report-Key")).value == "two"
        old = await client.get_secret("report-key", first.properties.version)
        assert (old.value, old.properties.content_type) == ("one", "text/plain")
        versions = [v.version async for v in client.list_properties_of_secret_versions("report-key")]
        assert sorted(map(str, versions)) == sorted([str(first.properties.version), str(second.properties.version)])
        changed = await client.update_secret_properties("report-key", tags={"c": "d"})
        assert (changed.version, changed.tags) == (second.properties.version, {"c": "d"})
        assert "Report-Key" in [s.name async for s in client.list_properties_of_secrets()]
        await client.update_secret_properties("report-key", enabled=False)
        with pytest.raises(HttpResponseError, match="not allowed on a disabled secret") as refused:
            await client.get_secret("report-key")
        assert refused.value.status_code == 403
        with pytest.raises(ResourceNotFoundError):
            await client.get_secret("nobody")

    with_sdk(running, work)


def test_a_deleted_secret_holds_its_name_until_it_is_recovered_or_purged(running: Running) -> None:
    async def work(client: SecretClient) -> None:
        await client.set_secret("gone", "value")
        deleted = await client.delete_secret("gone", _polling_interval=0.1)
        assert deleted.name == "gone"
        with pytest.raises(ResourceNotFoundError):
            await client.get_secret("gone")
        with pytest.raises(ResourceExistsError, match="deleted but recoverable") as refused:
            await client.set_secret("gone", "again")
        assert refused.value.error is not None
        assert "ObjectIsDeletedButRecoverable" in str(refused.value)
        assert [s.name async for s in client.list_deleted_secrets()] == ["gone"]
        recovered = await client.recover_deleted_secret("gone", _polling_interval=0.1)
        assert recovered.name == "gone"
        assert (await client.get_secret("gone")).value == "value"
        await client.delete_secret("gone", _polling_interval=0.1)
        await client.purge_deleted_secret("gone")
        assert (await client.set_secret("gone", "new")).value == "new"

    with_sdk(running, work)


class Vault:
    """One vault, asked without an SDK."""

    def __init__(self, client: Client, name: str = seed.VAULT) -> None:
        self._client = client
        self.url = client.addresses.of_vault(name)

    def ask(
        self, method: str, path: str, *, version: str | None = "7.6", token: str | None = None, **options: Any
    ) -> Any:
        bearer = token or self._client.token(f"{self._client.addresses.vault}/.default")
        params = {"api-version": version} if version else {}
        headers = {"Authorization": f"Bearer {bearer}"}
        return self._client.request(method, self.url + path, params=params, headers=headers, **options)


@pytest.fixture
def vault(client: Client) -> Vault:
    return Vault(client)


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
def test_a_secret_that_cannot_be_is_refused(name: str, vault: Vault) -> None:
    answer = vault.ask("PUT", "/secrets/x", json=BAD[name])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")
    assert vault.ask("GET", "/secrets/x").status_code == 404


@pytest.mark.parametrize("path", ["/secrets/a_b", "/secrets/a.b", "/secrets/" + "a" * 128])
def test_a_name_that_cannot_be_is_refused(path: str, vault: Vault) -> None:
    assert vault.ask("PUT", path, json={"value": "x"}).json()["error"]["code"] == "BadParameter"


@pytest.mark.parametrize(("version", "status"), [(None, 400), ("1.0", 400), ("7.4", 404), ("2025-07-01", 404)])
def test_the_api_version_is_judged(version: str | None, status: int, vault: Vault) -> None:
    assert vault.ask("GET", "/secrets/x", version=version).status_code == status


def test_a_token_for_another_service_is_refused(client: Client, vault: Vault) -> None:
    refused = vault.ask("GET", "/secrets/x", token=client.token(f"{client.addresses.arm}/.default"))
    assert (refused.status_code, "AKV10022" in refused.text) == (401, True)


def test_what_a_vault_does_not_know_is_501(vault: Vault) -> None:
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
def test_each_role_opens_what_it_says(role: str, client: Client, vault: Vault) -> None:
    vault.ask("PUT", "/secrets/x", json={"value": "x"})
    made, principal = seeding.add_application(client.state.directory, "somebody", secret="somebody's secret")
    client.state.resources.access.assign(principal["id"], role, VAULT)
    token = client.token(f"{client.addresses.vault}/.default", made["appId"], "somebody's secret")
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
    principal = client.state.directory.service_principals.latest_by("appId", seed.ADMINISTRATOR_ID)[0]["id"]
    policy = {"tenantId": seed.TENANT_ID, "objectId": principal, "permissions": {"secrets": ["Set", "List"]}}
    body = {
        "location": "westeurope",
        "properties": {
            "tenantId": seed.TENANT_ID,
            "sku": {"family": "A", "name": "standard"},
            "accessPolicies": [policy],
        },
    }
    made = client.arm("PUT", path, version="2024-11-01", json=body)
    assert made.status_code == 201
    assert made.json()["properties"]["vaultUri"] == f"{client.addresses.of_vault('older-vault')}/"
    assert (
        client.arm("PUT", path.replace("integrations/", "mct-prod/"), version="2024-11-01", json=body).status_code
        == 409
    )
    older = Vault(client, "older-vault")
    assert older.ask("PUT", "/secrets/x", json={"value": "x"}).status_code == 200
    refused = older.ask("GET", "/secrets/x")
    assert refused.status_code == 403
    assert refused.json()["error"]["innererror"]["code"] == "AccessDenied"
    assert "does not have secrets get permission on key vault 'older-vault;location=westeurope'" in refused.text


def test_vaults_are_listed_and_kept_with_the_state(client: Client, vault: Vault, tmp_path: Path) -> None:
    vault.ask("PUT", "/secrets/x", json={"value": "x"})
    path = f"{seed.SUBSCRIPTION}/providers/Microsoft.KeyVault/vaults"
    listed = client.arm("GET", path, version="2024-11-01").json()["value"]
    assert {one["name"]: one["properties"]["enableRbacAuthorization"] for one in listed} == {
        "contosolearn-kv": True,
        seed.VAULT: True,
    }
    client.state.save(tmp_path / "world.json")
    client.state.replace_with(type(client.state).load(tmp_path / "world.json"))
    assert vault.ask("GET", "/secrets/x").json()["value"] == "x"


def test_a_secret_in_a_vault_is_no_leak_and_one_in_a_tag_is(client: Client, vault: Vault) -> None:
    app = client.create("/applications", **OWN)
    made = client.graph("POST", f"/applications/{app['id']}/addPassword", json={"passwordCredential": {}}).json()
    vault.ask("PUT", "/secrets/x", json={"value": made["secretText"]})
    assert client.request("GET", "/_sandbox/leaks").json()["value"] == []
    vault.ask("PATCH", "/secrets/x", json={"tags": {"value": made["secretText"]}})
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
    assert inner(vault.ask("PUT", "/secrets/x", json={"value": "y"})) == "ObjectIsDeletedButRecoverable"
    assert vault.ask("POST", "/deletedsecrets/x/recover").status_code == 200
    assert vault.ask("GET", "/secrets/x").status_code == 404
    assert inner(vault.ask("PUT", "/secrets/x", json={"value": "y"})) == "ObjectIsBeingRecovered"
    client.state.clock.advance(31)
    assert vault.ask("GET", "/secrets/x").json()["value"] == "x"


def test_faults_and_revocation_reach_vaults_too(client: Client, vault: Vault) -> None:
    rule = {"match": {"service": "KeyVault"}, "fault": {"type": "status", "status": 503, "retryAfter": 2}, "times": 1}
    client.control("PUT", "faults", [rule])
    refused = vault.ask("GET", "/secrets")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert refused.json()["error"]["code"] == "ServiceUnavailable"
    rule = {"match": {"service": "KeyVault"}, "fault": {"type": "revokeSignIn"}, "nth": 1}
    client.control("PUT", "faults", [rule])
    revoked = vault.ask("GET", "/secrets")
    assert revoked.status_code == 401
    assert 'claims="' in revoked.headers["www-authenticate"]
