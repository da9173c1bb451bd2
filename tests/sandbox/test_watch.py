"""A secret that appears where it must not is found, however it is spelled, and listed; it is nowhere repeated."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mct_s2s.sandbox.observability.secret_watch import FEW, KEPT, KnownSecrets
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import OWN, SECRET, SETTINGS, Client
from tests.support.sampling import cases

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a path": quote,
    "in a form": quote_plus,
    "in JSON": lambda text: json.dumps({"a": text}),
}
LETTERS = st.text(st.sampled_from('ab~"é+% \\'), min_size=8, max_size=10)


def leaks(client: Client) -> list[tuple[str, str, str]]:
    found: list[dict[str, Any]] = client.request("GET", "/_sandbox/leaks").json()["value"]
    return [(leak["service"], leak["where"], leak["kind"]) for leak in found]


def new_secret(client: Client) -> str:
    made = client.create("/applications", **OWN)
    answer = client.graph("POST", f"/applications/{made['id']}/addPassword", json={"passwordCredential": {}})
    secret: str = answer.json()["secretText"]
    return secret


def test_the_usual_ways_of_a_secret_are_no_leaks(client: Client) -> None:
    settings = client.arm("POST", f"{SETTINGS}/list").json()["properties"]
    secret = new_secret(client)
    client.arm("PUT", SETTINGS, json={"properties": {**settings, "MyClientSecret": secret}})
    form = {"client_id": "x", "client_secret": secret, "grant_type": "client_credentials"}
    client.request("POST", f"/{seed.TENANT_ID}/oauth2/v2.0/token", data=form)
    assert leaks(client) == []


def test_a_secret_in_an_address_is_found_and_not_logged(client: Client) -> None:
    secret = new_secret(client)
    client.arm("GET", seed.SITE, params={"note": f"x{secret}y"})
    client.arm("GET", f"{seed.SITE}{secret}")
    assert leaks(client) == [("arm", "query", "client secret"), ("arm", "path", "client secret")]
    everything = json.dumps(client.log.to_list()) + client.request("GET", "/_sandbox/leaks").text
    assert secret not in everything


def test_a_secret_in_a_header_is_found(client: Client) -> None:
    secret = new_secret(client)
    bearer = f"Bearer {client.token(client.addresses.arm + '/.default')}"
    client.arm("GET", seed.SITE, headers={"Authorization": bearer, "User-Agent": f"tool/1 ({secret})"})
    client.arm("GET", seed.SITE, headers={"Authorization": f"Bearer {secret}"})
    assert leaks(client) == [("arm", "header user-agent", "client secret"), ("arm", "authorization", "client secret")]


def test_a_secret_in_a_body_that_is_not_about_it_is_found(client: Client) -> None:
    secret = new_secret(client)
    client.graph("POST", "/applications", json={"displayName": secret})
    listed = client.arm("POST", f"{SETTINGS}/list").json()["properties"]
    client.graph("POST", "/applications", json={"displayName": listed["ConnectionStrings:MctDatabase"]})
    token = client.token(client.addresses.arm + "/.default")
    client.arm("PUT", SETTINGS, json={"properties": {"Token": token}})
    assert leaks(client) == [
        ("graph", "body", "client secret"),
        ("graph", "body", "application setting"),
        ("arm", "body", "access token"),
    ]


def test_a_secret_that_signs_in_is_known_from_then_on(client: Client) -> None:
    client.arm("GET", seed.SITE, params={"a": SECRET})
    assert leaks(client) == [("arm", "query", "client secret")]


@pytest.mark.parametrize("service", ["graph", "site"])
def test_a_token_for_one_service_at_another_is_found(client: Client, service: str) -> None:
    headers = {"Authorization": f"Bearer {client.token(client.addresses.arm + '/.default')}"}
    host = client.addresses.graph if service == "graph" else f"https://{client.addresses.of_site(seed.SITE)}"
    client.request("GET", f"{host}/v1.0/organization", headers=headers)
    assert leaks(client) == [(service, f"authorization of a call to {service}", "access token")]
    assert client.request("DELETE", "/_sandbox/leaks").status_code == 204
    assert leaks(client) == []


def test_the_log_says_who_called_and_what_was_written(client: Client) -> None:
    client.arm("POST", f"{SETTINGS}/list")
    client.arm("PUT", SETTINGS, json={"properties": {}})
    client.arm("PUT", SETTINGS, json={"properties": []})
    client.graph("POST", "/applications", json={"displayName": "A"})
    batch = {"requests": [{"id": "1", "method": "GET", "url": "/organization"}]}
    client.graph("POST", "/$batch", json=batch)
    created = {"id": "2", "method": "POST", "url": "/applications", "body": {"displayName": "B"}}
    batch["requests"].append({**created, "headers": {"Content-Type": "application/json"}})  # type: ignore[dict-item]
    client.graph("POST", "/$batch", json=batch)
    rows = [row for row in client.log.to_list() if row["service"] in {"arm", "graph"}]
    assert [row["wrote"] for row in rows] == [False, True, False, True, False, True]
    assert {row["app_id"] for row in rows} == {seed.ADMINISTRATOR_ID}
    assert client.log.to_list(service="entra")[0]["app_id"] == seed.ADMINISTRATOR_ID
    assert client.token(client.addresses.arm + "/.default") not in json.dumps(client.log.to_list())


def _known(*secrets: str) -> KnownSecrets:
    known = KnownSecrets()
    for secret in secrets:
        known.add(secret, "client secret")
    return known


def _others(count: int) -> list[str]:
    return [f"other~{at:06d}" for at in range(count)]


@pytest.mark.parametrize("others", [0, FEW + 1])
@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(max_examples=cases(50, 100))
@given(secret=LETTERS, around=st.text(st.sampled_from("ab%7E"), max_size=6))
def test_a_secret_is_found_however_it_is_spelled(others: int, spelling: str, secret: str, around: str) -> None:
    known, spelled = _known(secret, *_others(others)), SPELLINGS[spelling](secret)
    assert [found for found, _ in known.found_in(f"{around} {spelled} {around}")] == [secret]


@settings(max_examples=cases(25, 100))
@given(secrets=st.lists(LETTERS, min_size=FEW + 1, max_size=FEW + 9, unique=True), text=st.text(max_size=40))
def test_among_many_the_same_are_found_as_one_by_one(secrets: list[str], text: str) -> None:
    held = secrets[0] + text + secrets[-1]
    one_by_one = {secret for secret in secrets if _known(secret).found_in(held)}
    assert {secret for secret, _ in _known(*secrets).found_in(held)} == one_by_one


def test_what_is_too_short_is_no_secret() -> None:
    assert _known("short").found_in("short short") == []


def test_the_oldest_is_forgotten_and_leaves_nothing_behind() -> None:
    known = _known("first~secret", "first~sibling", *_others(KEPT - 1))
    assert known.found_in("first~secret") == []
    assert known.found_in("first~sibling") == [("first~sibling", "client secret")]
