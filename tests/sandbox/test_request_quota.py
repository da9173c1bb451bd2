"""Graph's limits: resource units in ten seconds and writes in 150 seconds, for each application of a tenant."""

from __future__ import annotations

import pytest
from mct_s2s.sandbox.entra.tenant.request_quota import cost_of

from tests.sandbox.conftest import Client


@pytest.mark.parametrize(
    ("method", "path", "query", "cost"),
    [
        ("GET", "applications", {}, 2),
        ("GET", "applications", {"$select": "id"}, 1),
        ("GET", "applications(uniqueName='a')", {}, 2),
        ("GET", "applications/1", {"$top": "5", "$select": "id"}, 1),
        ("GET", "servicePrincipals/1/appRoleAssignedTo", {}, 2),
        ("GET", "servicePrincipals", {"$expand": "owners"}, 2),
        ("GET", "organization", {}, 1),
        ("POST", "applications", {}, 1),
    ],
)
def test_a_request_costs_what_the_documentation_says(method: str, path: str, query: dict[str, str], cost: int) -> None:
    assert cost_of(method, path, query) == cost


def test_writes_are_refused_until_the_window_ends_and_reads_are_not(client: Client) -> None:
    client.state.directory.request_quota.change({"graphWrites": 2})
    body = {"displayName": "A"}
    answers = [client.graph("POST", "/applications", json=body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    refused = answers[-1]
    assert refused.json()["error"]["code"] == "TooManyRequests"
    assert refused.headers["Retry-After"] == "150"
    assert refused.headers["x-ms-throttle-information"] == "WriteLimitExceeded"
    assert client.graph("GET", "/organization").status_code == 200
    client.state.clock.advance(150)
    assert client.graph("POST", "/applications", json=body).status_code == 201


def test_resource_units_count_in_a_batch_item_by_item(client: Client) -> None:
    client.state.directory.request_quota.change({"graphUnits": 10})
    steps = [{"id": str(at), "method": "GET", "url": "/organization"} for at in range(12)]
    answer = client.graph("POST", "/$batch", json={"requests": steps}).json()
    assert sorted(row["status"] for row in answer["responses"]) == [200] * 10 + [429] * 2
    refused = next(row for row in answer["responses"] if row["status"] == 429)
    assert refused["headers"]["Retry-After"] == "10"
    client.state.clock.advance(10)
    fine = client.graph("GET", "/organization")
    assert (fine.status_code, fine.headers["x-ms-resource-unit"]) == (200, "1")
