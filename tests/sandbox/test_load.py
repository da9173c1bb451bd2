"""A large tenant and many requests at once: no errors, and nobody waits for the state to be written."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from mct_s2s.sandbox.core.files import replace_file
from mct_s2s.sandbox.entra.registrations import applications
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.hosting.state_directory import StateDirectory
from mct_s2s.sandbox.state.state import SandboxState

from tests.sandbox.test_serving import arm_headers, https

MANY, AT_ONCE = 20_000, 200


@pytest.fixture(scope="module")
def made() -> list[int]:
    """What was answered to those that were created: the tests may be run by different workers."""
    return []


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory, made: list[int]) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("crowded")
    state = StateDirectory(folder).state()
    for number in range(MANY):
        body = {"displayName": f"App {number}", "signInAudience": "AzureADMyOrg"}
        applications.create(state.directory, body)
    state.save()
    running = start(folder)
    yield running
    running.close()
    assert len(SandboxState.load(folder / "world.json").directory.applications.dump()) == MANY + 5 + len(made)


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


async def at_once(running: Running) -> list[int]:
    graph, headers = graph_token(running)
    trusted = ssl.create_default_context(cafile=str(running.ca_file))
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)

    async with httpx.AsyncClient(verify=trusted, limits=limits, timeout=300, headers=headers) as http:

        async def ask(number: int) -> int:
            if number % 2:
                answer = await http.post(f"{graph}/applications", json={"displayName": f"New {number}"})
            else:
                query = {"$filter": f"displayName eq 'App {number}'", "$select": "id"}
                answer = await http.get(f"{graph}/applications", params=query)
            return answer.status_code

        return await asyncio.gather(*(ask(number) for number in range(AT_ONCE)))


def test_many_requests_at_once_meet_no_error(crowded: Running, made: list[int]) -> None:
    answers = asyncio.run(at_once(crowded))
    made += [status for status in answers if status == 201]
    assert set(answers) == {200, 201}


def test_a_write_does_not_wait_for_a_large_state(crowded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    may_write = threading.Event()

    def write(path: Path, content: bytes) -> None:
        assert may_write.wait(60)
        replace_file(path, content)

    monkeypatch.setattr("mct_s2s.sandbox.state.state.replace_file", write)
    try:
        with https(crowded) as http:
            headers = arm_headers(crowded, http)
            for _ in range(20):
                url = f"{crowded.resource_manager}/subscriptions/{crowded.subscription_id}/resourceGroups/mct-prod"
                path = f"/providers/Microsoft.Web/sites/{crowded.app_service}/config/appsettings"
                sent = {"properties": {"A": "1"}}
                answer = http.put(url + path, params={"api-version": "2025-05-01"}, json=sent, headers=headers)
                assert answer.status_code == 200
    finally:
        may_write.set()
