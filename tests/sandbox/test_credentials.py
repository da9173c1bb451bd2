"""azure-identity signs in over TLS: by secret, by a foreign issuer's token, as a managed identity."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    ClientAssertionCredential,
    ClientSecretCredential,
    CredentialUnavailableError,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from azure.identity.aio import WorkloadIdentityCredential as AsyncWorkloadIdentityCredential
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.state import seed

from tests.sandbox.test_graph_sdk import AIOHTTP_CLOSES, Cloud
from tests.sandbox.test_serving import https

GROUP = f"{seed.SUBSCRIPTION}/resourceGroups/integrations"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/etl-vm"
FUNCTION = f"{seed.SUBSCRIPTION}/resourceGroups/mct-prod/providers/Microsoft.Web/sites/contosolearn-fa-x7k2q"
SUBJECT = "system:serviceaccount:integrations:sync"
EXCHANGE = "api://AzureADTokenExchange"


@pytest.fixture
def cloud(running: Running) -> Cloud:
    return Cloud(running)


@pytest.fixture
def http(cloud: Cloud) -> Iterator[httpx.Client]:
    with https(cloud.running) as client:
        yield client


def administrator(cloud: Cloud) -> dict[str, str]:
    running = cloud.running
    with ClientSecretCredential(
        running.tenant_id, running.client_id, running.client_secret, **cloud.sync
    ) as credential:
        return {"Authorization": f"Bearer {credential.get_token(f'{cloud.graph}/.default').token}"}


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def issuer_of(cloud: Cloud) -> str:
    return f"{cloud.running.resource_manager.rstrip('/')}/_sandbox/issuer/cluster"


def foreign_token(cloud: Cloud, http: httpx.Client, **sent: Any) -> str:
    answer = http.post(f"{issuer_of(cloud)}/token", json={"subject": SUBJECT, "audience": EXCHANGE, **sent})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


def federated_app(cloud: Cloud, http: httpx.Client) -> str:
    """An application that trusts the issuer; its appId."""
    headers, root = administrator(cloud), f"{cloud.graph}/v1.0"
    body = {"displayName": "federated", "signInAudience": "AzureADMyOrg"}
    app = http.post(f"{root}/applications", json=body, headers=headers).json()
    http.post(f"{root}/servicePrincipals", json={"appId": app["appId"]}, headers=headers).raise_for_status()
    trust = {"name": "cluster", "issuer": issuer_of(cloud), "subject": SUBJECT, "audiences": [EXCHANGE]}
    path = f"{root}/applications/{app['id']}/federatedIdentityCredentials"
    http.post(path, json=trust, headers=headers).raise_for_status()
    return str(app["appId"])


def test_a_secret_signs_in_by_both_kinds_of_client(cloud: Cloud) -> None:
    running, scope = cloud.running, f"{cloud.running.resource_manager.rstrip('/')}/.default"
    who = (running.tenant_id, running.client_id, running.client_secret)

    async def asynchronous() -> str:
        async with AsyncClientSecretCredential(*who, **cloud.sync) as credential:
            token = (await credential.get_token(scope)).token
        await asyncio.sleep(AIOHTTP_CLOSES)
        return token

    with ClientSecretCredential(*who, **cloud.sync) as credential:
        tokens = [credential.get_token(scope).token, asyncio.run(asynchronous())]
    for claims in map(claims_of, tokens):
        assert (claims["appid"], claims["appidacr"], claims["ver"]) == (running.client_id, "1", "1.0")
        assert claims["aud"] == scope.removesuffix("/.default")
        assert claims["oid"] == claims["sub"]


def test_a_foreign_issuer_publishes_what_it_signs_with(cloud: Cloud, http: httpx.Client) -> None:
    issuer = issuer_of(cloud)
    document = http.get(f"{issuer}/.well-known/openid-configuration").json()
    assert document["issuer"] == issuer
    token = foreign_token(cloud, http)
    keys = {key["kid"]: key for key in http.get(document["jwks_uri"]).json()["keys"]}
    key = jwt.PyJWK(keys[jwt.get_unverified_header(token)["kid"]], "RS256")
    claims = jwt.decode(token, key, audience=EXCHANGE, issuer=issuer)
    assert claims["sub"] == SUBJECT


def test_workload_identity_signs_in_with_a_foreign_token(cloud: Cloud, http: httpx.Client, tmp_path: Path) -> None:
    app_id, file, scope = federated_app(cloud, http), tmp_path / "token", f"{cloud.graph}/.default"
    file.write_text(foreign_token(cloud, http))
    options: dict[str, Any] = {"tenant_id": cloud.running.tenant_id, "client_id": app_id, "token_file_path": str(file)}

    async def asynchronous() -> str:
        async with AsyncWorkloadIdentityCredential(**options, **cloud.sync) as credential:
            token = (await credential.get_token(scope)).token
        await asyncio.sleep(AIOHTTP_CLOSES)
        return token

    with WorkloadIdentityCredential(**options, **cloud.sync) as credential:
        tokens = [credential.get_token(scope).token, asyncio.run(asynchronous())]
    for claims in map(claims_of, tokens):
        assert (claims["appid"], claims["appidacr"]) == (app_id, "2")


@pytest.mark.parametrize(
    ("wrong", "aadsts"),
    [
        ({"subject": "somebody else"}, "AADSTS70021"),
        ({"audience": "api://elsewhere"}, "AADSTS70021"),
        ({"claims": {"iss": "https://elsewhere.example"}}, "AADSTS70021"),
        ({"expiresInSeconds": -3600}, "AADSTS700024"),
    ],
)
def test_an_assertion_credential_presents_foreign_tokens(
    cloud: Cloud, http: httpx.Client, wrong: dict[str, Any], aadsts: str
) -> None:
    app_id, tenant, scope = federated_app(cloud, http), cloud.running.tenant_id, f"{cloud.graph}/.default"
    with ClientAssertionCredential(tenant, app_id, lambda: foreign_token(cloud, http), **cloud.sync) as credential:
        assert claims_of(credential.get_token(scope).token)["appid"] == app_id
    with (
        ClientAssertionCredential(
            tenant, app_id, lambda: foreign_token(cloud, http, **wrong), **cloud.sync
        ) as mistaken,
        pytest.raises(ClientAuthenticationError, match=aadsts),
    ):
        mistaken.get_token(scope)


def test_an_issuer_is_kept_with_its_key(cloud: Cloud, http: httpx.Client, state_dir: Path) -> None:
    app_id = federated_app(cloud, http)
    signed = foreign_token(cloud, http)
    cloud.running.close()
    again = start(state_dir)
    try:
        with ClientAssertionCredential(again.tenant_id, app_id, lambda: signed, **cloud.sync) as credential:
            assert credential.get_token(f"{cloud.graph}/.default").token
    finally:
        again.close()


def test_the_code_on_a_machine_signs_in_as_its_identity(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    host = f"{cloud.running.resource_manager.rstrip('/')}/_sandbox/identity{VM}"
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", host)
    with ManagedIdentityCredential(connection_verify=cloud.sync["connection_verify"]) as credential:
        claims = claims_of(credential.get_token(f"{cloud.graph}/.default").token)
    assert claims["xms_mirid"].endswith("/userAssignedIdentities/etl-identity")
    assert (claims["appidacr"], claims["aud"]) == ("2", cloud.graph)
    assert "roles" not in claims
    stranger: dict[str, Any] = {"client_id": seed.ADMINISTRATOR_ID, **cloud.sync}
    with (
        ManagedIdentityCredential(**stranger) as credential,
        pytest.raises((ClientAuthenticationError, CredentialUnavailableError)),
    ):
        credential.get_token(f"{cloud.graph}/.default")


def test_the_code_in_an_app_signs_in_as_its_identity(
    cloud: Cloud, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{cloud.running.resource_manager.rstrip('/')}/_sandbox/identity-environment"
    for name, value in http.get(url, params={"resource": FUNCTION}).json().items():
        monkeypatch.setenv(name, value)
    with ManagedIdentityCredential(connection_verify=cloud.sync["connection_verify"]) as credential:
        claims = claims_of(credential.get_token(f"{cloud.graph}/.default").token)
    assert claims["xms_mirid"].endswith("/sites/contosolearn-fa-x7k2q")
    assert claims["oid"] == claims["sub"]


def test_a_token_outlives_a_reset(cloud: Cloud, http: httpx.Client, state_dir: Path) -> None:
    headers, root = administrator(cloud), f"{cloud.graph}/v1.0"
    before = http.get(f"{root}/servicePrincipals", headers=headers).json()["value"]
    cloud.running.close()
    (state_dir / "world.json").unlink()
    again = start(state_dir)
    try:
        after = http.get(f"{root}/servicePrincipals", headers=headers).json()["value"]
    finally:
        again.close()
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert [one["appId"] for one in after] == [one["appId"] for one in before]
