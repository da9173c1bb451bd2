"""Query options as Graph takes them: what is counted, filtered, selected and spelled otherwise."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Client

EVENTUAL = {"ConsistencyLevel": "eventual"}


def test_a_count_is_given_to_those_who_accept_an_old_one(client: Client) -> None:
    path = "/applications/$count"
    assert client.graph("GET", path).json()["error"]["message"] == "$count is not currently supported."
    counted = client.graph("GET", path, headers=EVENTUAL)
    assert (counted.headers["content-type"], counted.text) == ("text/plain; charset=utf-8", "5")
    some = client.graph("GET", path, headers=EVENTUAL, params={"$filter": "startswith(displayName,'lib')"})
    assert some.text == "2"
    assert client.graph("GET", "/servicePrincipals/$count", headers=EVENTUAL).text.isdecimal()


def test_a_count_without_the_header_is_left_out_in_silence(client: Client) -> None:
    answer = client.graph("GET", "/applications", params={"$count": "true"})
    assert (answer.status_code, "@odata.count" in answer.json()) == (200, False)
    answer = client.graph("GET", "/applications", params={"$count": "true"}, headers=EVENTUAL)
    assert answer.json()["@odata.count"] == 5


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("createdDateTime ge 2020-01-01T00:00:00Z", 5),
        ("createdDateTime le 2020-01-01T00:00:00Z", 0),
        ("createdDateTime ge 2020-01-01T00:00:00+02:00", 5),
    ],
)
def test_moments_are_compared_without_quotes_and_without_an_advanced_query(
    client: Client, text: str, found: int
) -> None:
    assert len(client.graph("GET", "/applications", params={"$filter": text}).json()["value"]) == found


def test_names_of_members_and_segments_have_no_case(client: Client) -> None:
    one = client.graph("GET", "/Applications", params={"$select": "Id,DISPLAYNAME"}).json()
    assert one["@odata.context"].endswith("#applications(id,displayName)")
    assert set(one["value"][0]) == {"id", "displayName"}
    app_id = client.graph("GET", "/applications").json()["value"][0]["appId"]
    assert client.graph("GET", f"/applications(APPID='{app_id}')").json()["appId"] == app_id


def test_owners_are_shown_as_far_as_they_are_selected(client: Client) -> None:
    made = client.graph("POST", "/applications", json={"displayName": "made"}).json()
    owners = client.graph("GET", f"/applications/{made['id']}/owners", params={"$select": "id"}).json()
    assert owners["@odata.context"].endswith("#directoryObjects(id)")
    assert [set(one) for one in owners["value"]] == [{"@odata.type", "id"}]


def test_some_members_are_shown_on_request_only(client: Client) -> None:
    path = "/users"
    caller = client.request("POST", "/_sandbox/callers", json={"name": "r", "graphRoles": ["User.Read.All"]}).json()
    token = client.token(f"{client.addresses.graph}/.default", caller["clientId"], caller["clientSecret"])
    headers = {"Authorization": f"Bearer {token}"}
    plain = client.graph("GET", path, headers=headers).json()["value"][0]
    assert {"jobTitle", "businessPhones"} <= set(plain)
    assert "accountEnabled" not in plain
    asked = client.graph("GET", path, headers=headers, params={"$select": "accountEnabled"}).json()["value"][0]
    assert asked == {"accountEnabled": True}
