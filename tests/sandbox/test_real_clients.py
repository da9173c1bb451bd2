"""azure-identity over TLS: a foreign issuer's assertion, the code on a machine, and what lasts beyond a start."""

import ssl
from collections.abc import Iterator
from contextlib import closing
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
)
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.state import seed

from tests.conftest import MACHINE

SUBJECT = "system:serviceaccount:integrations:sync"
EXCHANGE = "api://AzureADTokenExchange"


def https(running: Running) -> httpx.Client:
    return httpx.Client(verify=ssl.create_default_context(cafile=str(running.ca_file)))


class Cloud:
    """A running sandbox, for azure-identity."""

    def __init__(self, running: Running) -> None:
        self.running = running
        with https(running) as http:
            found = http.get(f"{running.resource_manager.rstrip('/')}/metadata/endpoints?api-version=2022-09-01").json()
        self.graph = found["microsoftGraphResourceId"].rstrip("/")
        authority, trusted = found["authentication"]["loginEndpoint"], str(running.ca_file)
        self.sync = {"authority": authority, "disable_instance_discovery": True, "connection_verify": trusted}


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


def test_a_foreign_issuer_publishes_what_it_signs_with(cloud: Cloud, http: httpx.Client) -> None:
    issuer = issuer_of(cloud)
    document = http.get(f"{issuer}/.well-known/openid-configuration").json()
    assert document["issuer"] == issuer
    token = foreign_token(cloud, http)
    keys = {key["kid"]: key for key in http.get(document["jwks_uri"]).json()["keys"]}
    key = jwt.PyJWK(keys[jwt.get_unverified_header(token)["kid"]], "RS256")
    claims = jwt.decode(token, key, audience=EXCHANGE, issuer=issuer)
    assert claims["sub"] == SUBJECT


def test_an_issuer_is_kept_with_its_key(cloud: Cloud, http: httpx.Client, state_dir: Path) -> None:
    app_id = federated_app(cloud, http)
    signed = foreign_token(cloud, http)
    cloud.running.close()
    with (
        closing(start(state_dir)) as again,
        ClientAssertionCredential(again.tenant_id, app_id, lambda: signed, **cloud.sync) as credential,
    ):
        assert credential.get_token(f"{cloud.graph}/.default").token


def test_the_code_on_a_machine_signs_in_as_its_identity(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    host = f"{cloud.running.resource_manager.rstrip('/')}/_sandbox/identity{MACHINE}"
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", host)
    with ManagedIdentityCredential(connection_verify=cloud.sync["connection_verify"]) as credential:
        claims = claims_of(credential.get_token(f"{cloud.graph}/.default").token)
    assert claims["xms_mirid"].endswith("/userAssignedIdentities/etl-identity")
    assert (claims["appidacr"], claims["aud"]) == ("2", cloud.graph)
    assert "roles" not in claims
    assert claims["exp"] - claims["iat"] == 86_400
    stranger: dict[str, Any] = {"client_id": seed.ADMINISTRATOR_ID, **cloud.sync}
    with (
        ManagedIdentityCredential(**stranger) as credential,
        pytest.raises((ClientAuthenticationError, CredentialUnavailableError)),
    ):
        credential.get_token(f"{cloud.graph}/.default")


def test_a_token_outlives_a_reset(cloud: Cloud, http: httpx.Client, state_dir: Path) -> None:
    headers, root = administrator(cloud), f"{cloud.graph}/v1.0"
    before = http.get(f"{root}/servicePrincipals", headers=headers).json()["value"]
    cloud.running.close()
    (state_dir / "world.json").unlink()
    with closing(start(state_dir)):
        after = http.get(f"{root}/servicePrincipals", headers=headers).json()["value"]
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert [one["appId"] for one in after] == [one["appId"] for one in before]
