"""A large tenant and many requests at once: no errors, and nothing is lost."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator

import httpx
import pytest
from mct_s2s.sandbox.entra.registrations import applications
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.hosting.state_directory import StateDirectory
from mct_s2s.sandbox.state.state import SandboxState

from tests.sandbox.test_serving import https
from tests.support.sampling import cases

MANY, AT_ONCE = cases(3_000, 20_000), 200


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
