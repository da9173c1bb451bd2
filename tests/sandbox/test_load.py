"""A large tenant and many requests at once: no errors, and nothing is lost."""

import asyncio
from pathlib import Path

import httpx
from mct_s2s.sandbox.entra.registrations import applications
from mct_s2s.sandbox.state.state import SandboxState

from tests.sandbox.conftest import Client
from tests.support.sampling import cases

MANY, AT_ONCE = cases(3_000, 20_000), 200


def test_many_requests_at_once_meet_no_error(client: Client, tmp_path: Path) -> None:
    for number in range(MANY):
        body = {"displayName": f"App {number}", "signInAudience": "AzureADMyOrg"}
        applications.create(client.state.directory, body)
    before = len(client.state.directory.applications.dump())
    headers = {"Authorization": f"Bearer {client.token(client.addresses.graph + '/.default')}"}

    async def at_once() -> list[int]:
        transport, base = httpx.ASGITransport(client.app), f"{client.addresses.graph}/v1.0"
        async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as http:

            async def ask(number: int) -> int:
                if number % 2:
                    return (await http.post("/applications", json={"displayName": f"New {number}"})).status_code
                query = {"$filter": f"displayName eq 'App {number}'", "$select": "id"}
                return (await http.get("/applications", params=query)).status_code

            return await asyncio.gather(*map(ask, range(AT_ONCE)))

    answers = asyncio.run(at_once())
    assert sorted(answers) == [200] * (AT_ONCE // 2) + [201] * (AT_ONCE // 2)
    client.state.save(tmp_path / "world.json")
    assert len(SandboxState.load(tmp_path / "world.json").directory.applications.dump()) == before + AT_ONCE // 2
