"""What is asked of a sign-in beside a good token: a second factor for people's writes, and claims of a challenge."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import CLI, SECRET, SETTINGS, Client

ADMIN = "admin@contosolearning.onmicrosoft.com"
MFA = '{"access_token":{"acrs":{"essential":true,"values":["p1"]}}}'
WRITE = {"properties": {"A": "1"}}


def ask(client: Client, endpoint: str, **form: str) -> Any:
    form = {"client_id": CLI, "scope": f"{client.addresses.arm}/.default offline_access", **form}
    return client.request("POST", f"/{seed.TENANT_ID}/oauth2/v2.0/{endpoint}", data=form)


def signed_in(client: Client, claims: str = "") -> Any:
    """What a person gets who signs in with a device code."""
    client.state.directory.sessions.auto_approve = ADMIN
    code = ask(client, "devicecode", **({"claims": claims} if claims else {})).json()["device_code"]
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    answer = ask(client, "token", grant_type=grant, device_code=code)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(("who", "number"), [("conditional-access", 53003), ("security-defaults", 530035)])
def test_a_blocked_device_code_is_given_and_refused_where_it_is_redeemed(client: Client, who: str, number: int) -> None:
    session = signed_in(client)["refresh_token"]
    client.vary(blocked_device_codes=who)
    code = ask(client, "devicecode")
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    answer = ask(client, "token", grant_type=grant, device_code=code.json()["device_code"])
    assert (code.status_code, answer.status_code, answer.json()["error"]) == (200, 400, "invalid_grant")
    assert answer.json()["error_codes"] == [number]
    again = ask(client, "token", grant_type="refresh_token", refresh_token=session)
    assert again.json().get("error_codes") == ([530036] if number == 53003 else None), "az's session began with a code"


def bearer(answer: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer['access_token']}"}


def test_a_write_without_one_is_answered_with_the_claims_that_are_missing(client: Client) -> None:
    """errors/arm-09 of the recorded traffic: the code is the policy's, the status 401."""
    client.vary(sign_in_with_mfa=False)
    person = bearer(signed_in(client))
    refused = client.arm("PUT", SETTINGS, headers=person, json=WRITE)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "RequestDisallowedByPolicy")
    assert "Users must use MFA for Create/Update operations." in refused.json()["error"]["message"]
    header = refused.headers["www-authenticate"]
    (encoded,) = re.findall('error="insufficient_claims", claims="([^"]+)"', header)
    assert json.loads(base64.b64decode(encoded)) == json.loads(MFA)
    for method, path in (("PATCH", seed.SITE), ("DELETE", f"{seed.SITE}/slots/none")):
        assert client.arm(method, path, headers=person, json={}).status_code == 401
    for method, path in (("GET", seed.SITE), ("POST", f"{SETTINGS}/list"), ("POST", f"{seed.SITE}/restart")):
        assert client.arm(method, path, headers=person).status_code == 200
    assert client.arm("PUT", SETTINGS, json=WRITE).status_code == 200, "an application is not asked"
    brought = signed_in(client, MFA)
    assert client.arm("PUT", SETTINGS, headers=bearer(brought), json=WRITE).status_code == 200


@pytest.mark.parametrize(("mode", "status"), [("policy", 403), ("off", 200)])
def test_some_clouds_refuse_without_a_challenge_and_some_do_not_ask(client: Client, mode: str, status: int) -> None:
    client.vary(sign_in_with_mfa=False, mfa_for_writes=mode)
    answer = client.arm("PUT", SETTINGS, headers=bearer(signed_in(client)), json=WRITE)
    assert answer.status_code == status
    assert "www-authenticate" not in answer.headers


def test_a_second_factor_comes_only_from_the_person(client: Client) -> None:
    """A refresh token cannot bring what the sign-in did not; nor can claims that come when the code is redeemed."""
    client.vary(sign_in_with_mfa=False)
    without = signed_in(client)["refresh_token"]
    refused = ask(client, "token", grant_type="refresh_token", refresh_token=without, claims=MFA)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert refused.json()["error_codes"] == [50076]
    with_one = signed_in(client, MFA)["refresh_token"]
    assert ask(client, "token", grant_type="refresh_token", refresh_token=with_one, claims=MFA).status_code == 200
    late = ask(client, "devicecode").json()["device_code"]
    answer = ask(client, "token", grant_type="device_code", device_code=late, claims=MFA)
    assert answer.json()["error_codes"] == [50076]


def test_graph_asks_for_claims_by_a_header_of_two_schemes(client: Client) -> None:
    """errors/graph-15 of the recorded traffic."""
    client.vary(location_challenges=True)
    refused = client.graph("GET", "/organization")
    header = refused.headers["www-authenticate"]
    assert (refused.status_code, header.startswith('Bearer realm=""'), ', PoP realm=""' in header) == (401, True, True)
    claims = base64.b64decode(re.findall('claims="([^"]+)"', header)[0]).decode()
    form = {
        "grant_type": "client_credentials", "client_id": seed.ADMINISTRATOR_ID, "client_secret": SECRET,
        "scope": f"{client.addresses.graph}/.default", "claims": claims,
    }  # fmt: skip
    answer = client.request("POST", f"/{seed.TENANT_ID}/oauth2/v2.0/token", data=form).json()
    assert client.graph("GET", "/organization", headers=bearer(answer)).status_code == 200
