"""A large tenant and many requests at once: no errors, and nobody waits for the world to be written."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator

import httpx
import pytest
from mct_s2s.sandbox.directory import applications
from mct_s2s.sandbox.embedded import Running, start
from mct_s2s.sandbox.state import State
from mct_s2s.sandbox.world import World

from tests.sandbox.test_serving import arm_headers, https

MANY, AT_ONCE = 20_000, 200


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("crowded")
    world = State(folder).world()
    for number in range(MANY):
        body = {"displayName": f"App {number}", "signInAudience": "AzureADMyOrg"}
        applications.create(world.directory, body)
    world.save()
    running = start(folder)
    yield running
    running.close()
    assert len(World.load(folder / "world.json").directory.applications.dump()) == MANY + 5 + AT_ONCE // 2


def graph_token(running: Running) -> tuple[str, dict[str, str]]:
    with https(running) as http:
        origin: str = http.get(f"{running.resource_manager}/_sandbox/health").json()["graph"]
        form = {
            "grant_type": "client_credentials",
            "client_id": running.client_id,
            "client_secret": running.client_secret,
            "scope": f"{origin}/.default",
        }
        answer = http.post(f"{running.resource_manager}/{running.tenant_id}/oauth2/v2.0/token", data=form)
        return f"{origin}/v1.0", {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def at_once(running: Running) -> list[tuple[int, float]]:
    graph, headers = graph_token(running)
    trusted = ssl.create_default_context(cafile=str(running.ca_file))
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)

    async with httpx.AsyncClient(verify=trusted, limits=limits, timeout=30, headers=headers) as http:

        async def ask(number: int) -> tuple[int, float]:
            began = time.perf_counter()
            if number % 2:
                answer = await http.post(f"{graph}/applications", json={"displayName": f"New {number}"})
            else:
                query = {"$filter": f"displayName eq 'App {number}'", "$select": "id"}
                answer = await http.get(f"{graph}/applications", params=query)
            return answer.status_code, time.perf_counter() - began

        return await asyncio.gather(*(ask(number) for number in range(AT_ONCE)))


def test_many_requests_at_once_meet_no_error_and_one_alone_is_quick(crowded: Running) -> None:
    answers = asyncio.run(at_once(crowded))
    assert sorted({status for status, _ in answers}) == [200, 201]
    assert max(seconds for _, seconds in answers) < 10
    graph, headers = graph_token(crowded)
    taken = []
    with https(crowded) as http:
        for number in range(100):
            began = time.perf_counter()
            query = {"$filter": f"displayName eq 'App {number}'"}
            assert http.get(f"{graph}/applications", params=query, headers=headers).status_code == 200
            taken.append(time.perf_counter() - began)
    assert sorted(taken)[50] < 0.03
    assert max(taken) < 1


def test_a_write_does_not_wait_for_a_large_world(crowded: Running) -> None:
    with https(crowded) as http:
        headers = arm_headers(crowded, http)
        taken = []
        for _ in range(20):
            began = time.perf_counter()
            url = f"{crowded.resource_manager}/subscriptions/{crowded.subscription_id}/resourceGroups/mct-prod"
            path = f"/providers/Microsoft.Web/sites/{crowded.app_service}/config/appsettings?api-version=2025-05-01"
            assert http.put(url + path, json={"properties": {"A": "1"}}, headers=headers).status_code == 200
            taken.append(time.perf_counter() - began)
    assert sorted(taken)[10] < 0.05
