"""The sandbox's state is arranged from outside: callers, sites, roles, denials, locks, knobs, and back to the seed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from mct_s2s.sandbox.entra.tenant.variations import TENANTS
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import Client
from tests.sandbox.test_serving import arm_headers, https

OTHER = "7c1f4a62-90d3-4a0e-8d1c-5a2d3c4b6e7f"
SETTINGS = f"{seed.SITE}/config/appsettings"


def control(client: Client, method: str, path: str, body: Any = None) -> Any:
    answer = client.request(method, f"/_sandbox/{path}", json=body)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def as_caller(client: Client, caller: dict[str, str], service: str = "arm") -> dict[str, str]:
    origin = getattr(client.addresses, service)
    token = client.token(f"{origin}/.default", caller["clientId"], caller["clientSecret"])
    return {"Authorization": f"Bearer {token}"}


def test_a_caller_may_do_just_what_its_roles_say(client: Client) -> None:
    roles = [{"role": "Website Contributor", "scope": seed.SITE}]
    made = control(client, "POST", "callers", {"name": "limited", "graphRoles": [], "armRoles": roles})
    headers = as_caller(client, made)
    assert client.arm("POST", f"{SETTINGS}/list", headers=headers).status_code == 200
    elsewhere = f"{seed.SUBSCRIPTION}/resourceGroups/integrations"
    assert client.arm("GET", elsewhere, headers=headers, version="2022-09-01").status_code == 403
    graph = client.graph("POST", "/applications", json={"displayName": "x"}, headers=as_caller(client, made, "graph"))
    assert graph.status_code == 403


def test_a_custom_role_lacks_what_it_leaves_out(client: Client) -> None:
    role = {"name": "No secrets", "actions": ["*"], "notActions": ["Microsoft.Web/sites/config/list/action"]}
    made = control(client, "POST", "callers", {"name": "custom", "armRoles": [{"role": role}]})
    headers = as_caller(client, made)
    assert client.arm("POST", f"{SETTINGS}/list", headers=headers).status_code == 403
    assert client.arm("GET", seed.SITE, headers=headers).status_code == 200
    control(client, "DELETE", "role-assignments", {"principalId": made["principalId"]})
    assert client.arm("GET", seed.SITE, headers=headers).status_code == 403
    control(client, "POST", "role-assignments", {"principalId": made["principalId"], "role": "Owner"})
    assert client.arm("POST", f"{SETTINGS}/list", headers=headers).status_code == 200


def test_denials_and_locks_are_set_and_taken_away(client: Client) -> None:
    denial = {"scope": seed.SITE, "actions": ["*/write"]}
    control(client, "POST", "deny-assignments", denial)
    refused = client.arm("PUT", SETTINGS, json={"properties": {}})
    assert refused.json()["error"]["code"] == "DenyAssignmentAuthorizationFailed"
    control(client, "DELETE", "deny-assignments")
    control(client, "POST", "locks", {"scope": seed.SITE, "level": "ReadOnly"})
    assert client.arm("PUT", SETTINGS, json={"properties": {}}).json()["error"]["code"] == "ScopeLocked"
    control(client, "DELETE", "locks")
    assert client.arm("PUT", SETTINGS, json={"properties": {}}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("callers", {}),
        ("callers", {"name": "x", "graphRoles": ["No.Such.Role"]}),
        ("callers", {"name": "x", "armRoles": ["Owner"]}),
        ("callers", {"name": "x", "armRoles": [{"role": "King"}]}),
        ("sites", {}),
        ("sites", {"name": "x", "settings": {"A": 1}}),
        ("role-assignments", {"role": "Owner"}),
        ("deny-assignments", {"scope": "/"}),
        ("locks", {"level": "Tight"}),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(client: Client, path: str, body: Any) -> None:
    before = client.request("GET", "/_sandbox/world").json()
    assert client.request("POST", f"/_sandbox/{path}", json=body).status_code == 400
    assert client.request("GET", "/_sandbox/world").json() == before


def test_a_site_of_the_same_name_elsewhere_answers_at_its_own_address(running: Running) -> None:
    with https(running) as http:
        wanted = {"name": seed.APP_SERVICE, "group": "twin", "subscription": OTHER, "settings": {"A": "1"}}
        made = http.post(f"{running.resource_manager}/_sandbox/sites", json=wanted).json()
        assert made["id"].startswith(f"/subscriptions/{OTHER}/resourceGroups/twin/")
        assert http.get(f"{made['url']}/api/v1/organization").status_code == 401
        url = f"{running.resource_manager}{made['id']}?api-version=2025-05-01"
        seen = http.get(url, headers=arm_headers(running, http)).json()["properties"]["defaultHostName"]
        assert f"https://{seen}" == made["url"]
        listing = f"{running.resource_manager}/subscriptions?api-version=2022-12-01"
        assert len(http.get(listing, headers=arm_headers(running, http)).json()["value"]) == 2
        assert http.post(f"{running.resource_manager}/_sandbox/reset").status_code == 204
        assert http.get(url, headers=arm_headers(running, http)).status_code == 404


def test_a_site_that_came_later_keeps_its_port(running: Running, state_dir: Any) -> None:
    with https(running) as http:
        made = http.post(f"{running.resource_manager}/_sandbox/sites", json={"name": "later"}).json()
    running.close()
    again = start(state_dir)
    try:
        with https(again) as http:
            assert http.get(f"{made['url']}/").status_code == 200
    finally:
        again.close()


def test_reset_goes_back_to_the_seed_without_a_new_start(client: Client) -> None:
    client.arm("PUT", SETTINGS, json={"properties": {}})
    client.graph("POST", "/applications", json={"displayName": "gone"})
    control(client, "PATCH", "knobs", {"latencySeconds": 0.01})
    assert control(client, "PUT", "tenant", {"name": "strict"})["arm_page_size"] == 1
    control(client, "PUT", "faults", [{"match": {"service": "Graph"}, "fault": {"type": "html"}}])
    control(client, "POST", "reset")
    assert control(client, "GET", "faults") == {"value": []}
    assert control(client, "GET", "knobs")["latencySeconds"] == 0
    assert control(client, "GET", "tenant")["tenant"] == "default"
    client.forget_tokens()
    assert "OrganizationName" in client.arm("POST", f"{SETTINGS}/list").json()["properties"]
    found = client.graph("GET", "/applications", params={"$filter": "displayName eq 'gone'"}).json()
    assert found["value"] == []


def test_a_knob_takes_only_what_it_means(client: Client) -> None:
    """And where one of several does not, none is turned."""
    for body in (
        {"latencySeconds": True}, {"latencySeconds": "1"}, {"nope": 1}, {"replicas": 0}, {"replicas": True},
        {"lagMode": "maybe"}, {"lagSeconds": 3, "replicas": 1.5}, {"lagSeconds": 3, "nope": 1},
    ):  # fmt: skip
        before = control(client, "GET", "knobs")
        assert client.request("PATCH", "/_sandbox/knobs", json=body).status_code == 400
        assert control(client, "GET", "knobs") == before


def test_a_tenant_is_one_of_three_and_stays_with_the_state(client: Client) -> None:
    for body in ({"name": "other"}, {"name": 1}, {"arm_page_size": "1"}, {"nope": 1}):
        assert client.request("PUT", "/_sandbox/tenant", json=body).status_code == 400
    control(client, "PUT", "tenant", {"name": "legacy"})
    state = control(client, "GET", "world")
    control(client, "PUT", "tenant", {"name": "default"})
    for nonsense in ({"arm_page_size": True}, {"nope": 1}):
        wrong = {**state, "directory": {**state["directory"], "variations": nonsense}}
        assert client.request("PUT", "/_sandbox/world", json=wrong).status_code == 400
    control(client, "PUT", "world", state)
    assert control(client, "GET", "tenant") == asdict(TENANTS["legacy"])
