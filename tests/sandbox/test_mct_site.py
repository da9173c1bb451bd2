"""The MCT site accepts whom its settings allow, as of its last restart; azure-identity gets the
tokens, over TLS.
"""

import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
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
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.entra.tokens import access_tokens
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.conftest import ANSWER_SECONDS, MACHINE
from tests.sandbox.conftest import SETTINGS, Client, grant, make_service


class Job:
    """The document's result, made by hand: a service application and a client with the role."""

    def __init__(self, client: Client) -> None:
        self.client = client
        service = make_service(client)
        self.audience, self.site = (
            f"api://{service['appId']}",
            f"https://{client.addresses.of_site(seed.SITE)}",
        )
        self.caller, principal = seeding.add_application(
            client.state.directory, "caller", secret="s"
        )
        grant(client, service, principal["id"])
        self.settings = {
            "ServiceAuthEnabled": "true",
            "ServiceAuthAudience": self.audience,
            "ServiceAuthTenantName": "contosolearning.onmicrosoft.com",
            "ServiceAuthTenantId": seed.TENANT_ID,
            "ServiceApplicationIds": self.caller["appId"],
            "ServiceAuthRole": "S2SAppRole",
        }

    def configure(self, **changes: str) -> None:
        answer = self.client.arm("PUT", SETTINGS, json={"properties": {**self.settings, **changes}})
        assert answer.status_code == 200

    def token(self) -> str:
        return self.client.token(f"{self.audience}/.default", self.caller["appId"], "s")

    def call(self, token: str | None = None, **headers: str) -> httpx.Response:
        claims = {
            "ClientType": "Service",
            "Authorization": f"Bearer {token or self.token()}",
            **headers,
        }
        return self.client.request("GET", f"{self.site}/api/v1/organization", headers=claims)

    def reason(self) -> str:
        return str(self.client.log.to_list(service="site")[-1]["note"])


@pytest.fixture
def job(client: Client) -> Job:
    return Job(client)


def test_a_client_with_the_role_on_the_allow_list_is_answered(job: Job) -> None:
    job.configure()
    answer = job.call(ClientType="service")
    assert answer.status_code == 200, job.reason()
    assert isinstance(answer.json(), list)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ServiceAuthEnabled": "false"}, "ServiceAuthEnabled"),
        ({"ServiceAuthAudience": "api://other"}, "aud"),
        ({"ServiceAuthTenantId": "00000000-0000-0000-0000-000000000001"}, "tid"),
        ({"ServiceAuthTenantName": "fabrikam.onmicrosoft.com"}, "ServiceAuthTenantName"),
        ({"ServiceApplicationIds": ""}, "allow list"),
        ({"ServiceAuthRole": "Other"}, "role"),
    ],
)
def test_a_wrong_value_of_any_setting_refuses_the_call(
    job: Job, change: dict[str, str], why: str
) -> None:
    job.configure(**change)
    answer = job.call()
    assert (answer.status_code, answer.content) == (401, b"")
    assert why in job.reason()


def test_a_call_needs_the_header_and_a_genuine_token(job: Job, state: SandboxState) -> None:
    job.configure()
    assert job.call(ClientType="User").status_code == 401
    head, payload, _ = job.token().split(".")
    claims = {**claims_of(job.token()), "iss": "https://sts.windows.net/other/"}
    foreign = access_tokens.sign(state.directory, claims, timedelta(hours=1)).access_token
    for wrong in (f"{head}.{payload}.AAAA", "no-token", foreign):
        assert job.call(wrong).status_code == 401
    assert "iss is" in job.reason()


def test_an_object_id_needs_no_role(job: Job, state: SandboxState) -> None:
    body = state.resources.find(f"{seed.SITE}-fa-x7k2q")
    assert body is not None
    principal = body["identity"]["principalId"]
    environment = job.client.request(
        "GET", "/_sandbox/identity-environment", params={"resource": body["id"]}
    ).json()
    answer = job.client.request(
        "GET",
        environment["IDENTITY_ENDPOINT"],
        params={"api-version": "2019-08-01", "resource": job.audience},
        headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
    )
    assert answer.status_code == 200, answer.text
    job.configure(ServiceObjectIds=f"x; {principal.upper()} ;", ServiceApplicationIds="")
    accepted = job.call(answer.json()["access_token"])
    assert accepted.status_code == 200, job.reason()


def test_settings_take_effect_when_the_restart_is_over(job: Job, state: SandboxState) -> None:
    state.resources.restart_seconds = 30
    job.configure()
    assert job.call().status_code == 503
    state.clock.advance(31)
    assert job.call().status_code == 200
    site_state: Any = state.resources.sites[seed.SITE.lower()]
    site_state.settings = {}
    assert job.call().status_code == 200
    assert job.client.arm("POST", f"{seed.SITE}/restart").status_code == 200
    state.clock.advance(31)
    assert job.call().status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/API/V1/Organization", 200),
        ("GET", "/api/v1/courses", 200),
        ("GET", "/api/v2/Profile", 200),
        ("PUT", "/api/v1/Course/7/Lesson/ImportProgress", 200),
        ("POST", "/api/v4/Courses/7/Content", 200),
        ("DELETE", "/api/v1/organization", 405),
        ("GET", "/api/v1/organisation", 404),
        ("GET", "/api/v9/Profile", 404),
    ],
)
def test_documented_paths_are_there_in_any_case_and_no_others(
    job: Job, method: str, path: str, status: int
) -> None:
    job.configure()
    accepted = {"ClientType": "Service", "Authorization": f"Bearer {job.token()}"}
    assert job.client.request(method, job.site + path, headers=accepted).status_code == status
    assert job.client.request(method, job.site + path).status_code == 401


def test_organizations_are_a_list_and_other_pages_need_no_token(job: Job) -> None:
    job.configure(OrganizationName="Contoso Learning")
    assert [item["name"] for item in job.call().json()] == ["Contoso Learning"]
    statuses = [
        job.client.request("GET", job.site + path).status_code
        for path in ("/", "/swagger", "/apiary", "/x")
    ]
    assert statuses == [200, 200, 404, 404]


SUBJECT = "system:serviceaccount:integrations:sync"
EXCHANGE = "api://AzureADTokenExchange"


def https(running: Running) -> httpx.Client:
    trusted = ssl.create_default_context(cafile=str(running.ca_file))
    return httpx.Client(verify=trusted, timeout=ANSWER_SECONDS)


class Cloud:
    """A running sandbox, for azure-identity."""

    def __init__(self, running: Running) -> None:
        self.running = running
        with https(running) as http:
            endpoints = http.get(
                f"{running.resource_manager.rstrip('/')}/metadata/endpoints?api-version=2022-09-01"
            ).json()
        self.graph = endpoints["microsoftGraphResourceId"].rstrip("/")
        authority = endpoints["authentication"]["loginEndpoint"]
        trusted = str(running.ca_file)
        self.sync = {
            "authority": authority,
            "disable_instance_discovery": True,
            "connection_verify": trusted,
        }


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
    ) as signed_in:
        return {"Authorization": f"Bearer {signed_in.get_token(f'{cloud.graph}/.default').token}"}


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def issuer_of(cloud: Cloud) -> str:
    return f"{cloud.running.resource_manager.rstrip('/')}/_sandbox/issuer/cluster"


def foreign_token(cloud: Cloud, http: httpx.Client, **sent: Any) -> str:
    answer = http.post(
        f"{issuer_of(cloud)}/token", json={"subject": SUBJECT, "audience": EXCHANGE, **sent}
    )
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


def federated_app(cloud: Cloud, http: httpx.Client) -> str:
    """An application that trusts the issuer; its appId."""
    headers = administrator(cloud)
    root = f"{cloud.graph}/v1.0"
    body = {"displayName": "federated", "signInAudience": "AzureADMyOrg"}
    app = http.post(f"{root}/applications", json=body, headers=headers).json()
    http.post(
        f"{root}/servicePrincipals", json={"appId": app["appId"]}, headers=headers
    ).raise_for_status()
    trust = {
        "name": "cluster",
        "issuer": issuer_of(cloud),
        "subject": SUBJECT,
        "audiences": [EXCHANGE],
    }
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
        ClientAssertionCredential(
            again.tenant_id, app_id, lambda: signed, **cloud.sync
        ) as credential,
    ):
        assert credential.get_token(f"{cloud.graph}/.default").token


def test_the_code_on_a_machine_signs_in_as_its_identity(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    headers = administrator(cloud)
    root = f"{cloud.graph}/v1.0"
    before = http.get(f"{root}/servicePrincipals", headers=headers).json()["value"]
    cloud.running.close()
    (state_dir / "world.json").unlink()
    with closing(start(state_dir)):
        after = http.get(f"{root}/servicePrincipals", headers=headers).json()["value"]
    assert [row["id"] for row in after] == [row["id"] for row in before]
    assert [row["appId"] for row in after] == [row["appId"] for row in before]
