"""Signing in: who gets a token, what it says, and how everybody else is refused."""

import base64
import datetime as dt
import json
import re
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from mct_s2s.sandbox.entra.sessions import SigningKey
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import CLI, SETTINGS, Client, grant, make_app, make_service
from tests.sandbox.sign_ins import (
    GRAPH,
    KEY,
    ask,
    ask_with,
    asked,
    assertion,
    begin,
    certificate,
    poll,
    with_certificate,
)

OTHER_KEY = rsa.generate_private_key(65537, 2048)


def claims_of(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    """Check the signature with the published keys alone, as any resource does."""
    keys = client.request("GET", f"/{seed.TENANT_ID}/discovery/v2.0/keys").json()["keys"]
    token = body["access_token"]
    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWK(next(key for key in keys if key["kid"] == kid), "RS256")
    claims: dict[str, Any] = jwt.decode(token, key, options={"verify_aud": False})
    return claims


@pytest.mark.parametrize(
    "grant_type",
    ["authorization_code", "password", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
)
def test_a_grant_that_entra_has_and_the_sandbox_does_not_is_answered_501(
    client: Client, grant_type: str
) -> None:
    status, body = ask(client, grant_type=grant_type)
    assert (status, body["error"]) == (501, "sandbox_not_implemented")
    assert grant_type in body["error_description"]
    assert "error_codes" not in body, "Entra ID refuses nothing"


def test_discovery_knows_a_tenant_by_id_and_domain(client: Client) -> None:
    for name in (seed.TENANT_ID, "contosolearning.onmicrosoft.com", "contosolearning.com"):
        document = client.request("GET", f"/{name}/v2.0/.well-known/openid-configuration").json()
        assert document["issuer"] == f"https://localhost:8443/{seed.TENANT_ID}/v2.0"
        assert document["token_endpoint"].endswith("/oauth2/v2.0/token")
    anywhere = client.request("GET", "/common/v2.0/.well-known/openid-configuration").json()
    assert anywhere["issuer"] == "https://localhost:8443/{tenantid}/v2.0"
    old = client.request("GET", f"/{seed.TENANT_ID}/.well-known/openid-configuration").json()
    assert old["issuer"] == f"https://sts.windows.net/{seed.TENANT_ID}/"


def test_the_resource_decides_on_the_version_of_its_tokens(client: Client) -> None:
    service = make_service(client)
    uri = f"api://{service['appId']}"
    _, body = ask(client, scope=f"{uri}/.default")
    first = claims_of(client, body)
    assert (first["ver"], first["aud"], first["appid"]) == ("1.0", uri, seed.ADMINISTRATOR_ID)
    assert first["iss"] == f"https://sts.windows.net/{seed.TENANT_ID}/"
    client.graph(
        "PATCH", f"/applications/{service['id']}", json={"api": {"requestedAccessTokenVersion": 2}}
    )
    _, body = ask(client, scope=f"{uri}/.default")
    second = claims_of(client, body)
    assert (second["ver"], second["aud"], second["azp"]) == (
        "2.0",
        service["appId"],
        seed.ADMINISTRATOR_ID,
    )
    assert second["iss"] == f"https://localhost:8443/{seed.TENANT_ID}/v2.0"
    assert "appid" not in second


def test_roles_are_in_a_token_only_if_assigned_and_enabled(client: Client) -> None:
    service = make_service(client)
    scope = f"api://{service['appId']}/.default"
    assert "roles" not in claims_of(client, ask(client, scope=scope)[1])
    grant(
        client,
        service,
        client.graph("GET", f"/servicePrincipals(appId='{seed.ADMINISTRATOR_ID}')").json()["id"],
    )
    assert claims_of(client, ask(client, scope=scope)[1])["roles"] == ["S2SAppRole"]
    disabled = [{**service["appRoles"][0], "isEnabled": False}]
    for role in disabled:
        role.pop("origin")
    answer = client.graph("PATCH", f"/applications/{service['id']}", json={"appRoles": disabled})
    assert answer.status_code == 204, answer.text
    assert "roles" not in claims_of(client, ask(client, scope=scope)[1])


def test_a_resource_that_is_disabled_gets_no_tokens(client: Client) -> None:
    service = make_service(client)
    client.graph(
        "PATCH", f"/servicePrincipals/{service['principal']}", json={"accountEnabled": False}
    )
    status, body = ask(client, scope=f"api://{service['appId']}/.default")
    assert (status, body["error_codes"]) == (400, [500014])


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
def test_a_registered_certificate_signs_in(client: Client, algorithm: str) -> None:
    der = certificate(KEY)
    application = with_certificate(client, der)
    status, body = ask_with(
        client,
        application["appId"],
        assertion(application["appId"], der, algorithm=algorithm, floats=True),
    )
    assert status == 200, body
    assert claims_of(client, body)["appidacr"] == "2"


@pytest.mark.parametrize(
    ("changes", "aadsts"),
    [
        ({"key": OTHER_KEY}, 700027),
        ({"aud": "https://localhost:8443/elsewhere"}, 700023),
        ({"exp": 1_000_000_000}, 700024),
        ({"sub": "somebody"}, 700021),
    ],
)
def test_a_client_assertion_must_be_true(
    client: Client, changes: dict[str, Any], aadsts: int
) -> None:
    der = certificate(KEY)
    application = with_certificate(client, der)
    status, body = ask_with(
        client, application["appId"], assertion(application["appId"], der, **changes)
    )
    assert (status, body["error_codes"]) == (401, [aadsts])


ISSUER = "https://issuer.example"
SUBJECT = "repo:contoso/app:ref:refs/heads/main"


@pytest.mark.parametrize(
    ("claims", "key", "aadsts"),
    [
        ({}, KEY, None),
        ({}, OTHER_KEY, 50013),
        ({"sub": "somebody else"}, KEY, 700213),
        ({"sub": SUBJECT.upper()}, KEY, 7002138),
        ({"aud": "api://AzureADTokenExchange/"}, KEY, 700212),
        ({"iss": ISSUER + "/"}, KEY, 700211),
        ({"exp": 1_000_000_000}, KEY, 700024),
    ],
)
def test_a_foreign_token_is_its_issuer_s_and_matched_to_the_letter(
    client: Client, claims: dict[str, Any], key: Any, aadsts: int | None
) -> None:
    client.state.directory.foreign_issuers[ISSUER] = SigningKey(KEY.private_bytes(*PEM))
    application = make_app(client)
    trust = {
        "name": "github",
        "issuer": ISSUER,
        "subject": SUBJECT,
        "audiences": ["api://AzureADTokenExchange"],
    }
    client.create(f"/applications/{application['id']}/federatedIdentityCredentials", **trust)
    now = int(dt.datetime.now(dt.UTC).timestamp())
    says = {
        "iss": ISSUER,
        "sub": SUBJECT,
        "aud": "api://AzureADTokenExchange",
        "exp": now + 600,
        **claims,
    }
    status, body = ask_with(client, application["appId"], jwt.encode(says, key, algorithm="RS256"))
    assert (status, (body.get("error_codes") or [None])[0]) == (401 if aadsts else 200, aadsts)


ADMIN = "admin@contosolearning.onmicrosoft.com"
PEM = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def signed_in(client: Client, **form: str) -> Any:
    """What a person gets who signs in with a device code."""
    client.state.directory.sessions.auto_approve = ADMIN
    return poll(client, begin(client, **form))


def test_a_device_code_waits_for_a_person(client: Client) -> None:
    begun = begin(client, scope=f"{GRAPH} openid")
    assert poll(client, begun)["error"] == "authorization_pending"
    typed = {"user_code": begun["user_code"], "user": ADMIN}
    assert client.request("POST", "/devicelogin", data=typed).status_code == 200
    body = poll(client, begun)
    claims = claims_of(client, body)
    assert "Application.ReadWrite.All" in claims["scp"].split()
    assert claims["upn"] == ADMIN
    assert poll(client, begun)["error"] == "bad_verification_code"
    again = ask(
        client, grant_type="refresh_token", client_id=CLI, refresh_token=body["refresh_token"]
    )
    assert again[0] == 200


def test_the_answer_names_the_scope_that_was_asked_for_as_it_was(client: Client) -> None:
    """Azure CLI writes an address that ends with a slash as such; without it, its cache never has
    the token.
    """
    scope = f"{client.addresses.arm}//.default"
    begun = begin(client, scope=f"{scope} openid")
    client.request("POST", "/devicelogin", data={"user_code": begun["user_code"], "user": ADMIN})
    assert scope in poll(client, begun)["scope"].split()


def test_a_device_code_can_be_declined_and_expires(client: Client) -> None:
    declined, late = begin(client), begin(client)
    client.request(
        "POST", "/devicelogin", data={"user_code": declined["user_code"], "action": "decline"}
    )
    assert poll(client, declined)["error"] == "authorization_declined"
    client.state.clock.advance(timedelta(minutes=16).total_seconds())
    assert poll(client, late)["error"] == "expired_token"


def test_a_token_for_graph_names_the_application(client: Client) -> None:
    """The CLI for Microsoft 365 refuses to sign in by a token that says no name."""
    status, body = ask(client)
    assert (status, claims_of(client, body)["app_displayname"]) == (200, "Deployment pipeline")
    _, other = ask(client, scope="https://localhost:8443/.default")
    assert "app_displayname" not in claims_of(client, other)


# What is asked of a sign-in beside a good token: a second factor for people's writes, and claims of
# a challenge

MFA = '{"access_token":{"acrs":{"essential":true,"values":["p1"]}}}'
WRITE = {"properties": {"A": "1"}}


@pytest.mark.parametrize(
    ("who", "number"), [("conditional-access", 53003), ("security-defaults", 530035)]
)
def test_a_blocked_device_code_is_given_and_refused_where_it_is_redeemed(
    client: Client, who: str, number: int
) -> None:
    session = signed_in(client)["refresh_token"]
    client.vary(blocked_device_codes=who)
    answer = poll(client, begin(client))
    assert (answer["error"], answer["error_codes"]) == ("invalid_grant", [number])
    again = asked(client, "token", grant_type="refresh_token", refresh_token=session)
    assert again.json().get("error_codes") == ([530036] if number == 53003 else None), (
        "az's session began with a code"
    )


@pytest.mark.parametrize(
    ("who", "number"),
    [
        ("conditional-access", 53003),
        ("token-protection", 530084),
        ("platform", 50005),
        ("home-tenant", 50020),
    ],
)
def test_a_blocked_person_gets_no_token_however_they_signed_in(
    client: Client, who: str, number: int
) -> None:
    session = signed_in(client)["refresh_token"]
    client.vary(blocked_people=who)
    assert poll(client, begin(client))["error_codes"] == [number]
    again = asked(client, "token", grant_type="refresh_token", refresh_token=session)
    assert again.json()["error_codes"] == [number]


def bearer(answer: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer['access_token']}"}


def test_a_write_without_a_second_factor_is_answered_with_the_missing_claims(
    client: Client,
) -> None:
    """errors/arm-09 of the recorded traffic: the code is the policy's, the status 401."""
    client.vary(sign_in_with_mfa=False)
    person = bearer(signed_in(client))
    refused = client.arm("PUT", SETTINGS, headers=person, json=WRITE)
    header = refused.headers["www-authenticate"]
    (encoded,) = re.findall('error="insufficient_claims", claims="([^"]+)"', header)
    assert json.loads(base64.b64decode(encoded)) == json.loads(MFA)
    for method, path in (("PATCH", seed.SITE), ("DELETE", f"{seed.SITE}/slots/none")):
        assert client.arm(method, path, headers=person, json={}).status_code == 401
    for method, path in (
        ("GET", seed.SITE),
        ("POST", f"{SETTINGS}/list"),
        ("POST", f"{seed.SITE}/restart"),
    ):
        assert client.arm(method, path, headers=person).status_code == 200
    assert client.arm("PUT", SETTINGS, json=WRITE).status_code == 200, "an application is not asked"
    brought = signed_in(client, claims=MFA)
    assert client.arm("PUT", SETTINGS, headers=bearer(brought), json=WRITE).status_code == 200


@pytest.mark.parametrize(("mode", "status"), [("policy", 403), ("off", 200)])
def test_some_clouds_refuse_without_a_challenge_and_some_do_not_ask(
    client: Client, mode: str, status: int
) -> None:
    client.vary(sign_in_with_mfa=False, mfa_for_writes=mode)
    answer = client.arm("PUT", SETTINGS, headers=bearer(signed_in(client)), json=WRITE)
    assert answer.status_code == status
    assert "www-authenticate" not in answer.headers


def test_a_second_factor_comes_only_from_the_person(client: Client) -> None:
    """A refresh token cannot bring what the sign-in did not; nor can claims that come when the code
    is redeemed.
    """
    client.vary(sign_in_with_mfa=False)
    without = signed_in(client)["refresh_token"]
    refused = asked(client, "token", grant_type="refresh_token", refresh_token=without, claims=MFA)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert refused.json()["error_codes"] == [50076]
    with_one = signed_in(client, claims=MFA)["refresh_token"]
    assert (
        asked(
            client, "token", grant_type="refresh_token", refresh_token=with_one, claims=MFA
        ).status_code
        == 200
    )
    assert poll(client, begin(client), claims=MFA)["error_codes"] == [50076]


def test_graph_takes_a_token_with_the_claims_that_it_asked_for(client: Client) -> None:
    """By a header as in errors/graph-15 of the recorded traffic."""
    client.vary(location_challenges=True)
    header = client.graph("GET", "/organization").headers["www-authenticate"]
    claims = base64.b64decode(re.findall('claims="([^"]+)"', header)[0]).decode()
    _, answer = ask(client, claims=claims)
    assert client.graph("GET", "/organization", headers=bearer(answer)).status_code == 200
