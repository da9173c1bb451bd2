"""Writes that Azure Resource Manager takes time for: one after the other at a resource, and followed to their end."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx
import pytest
from mct_s2s.activity import during
from mct_s2s.azure.arm.resource_manager import ResourceManager
from mct_s2s.errors import ServiceError
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.resource_id import ResourceId

from tests.azure.raw import Answer, Wire, arm_session
from tests.azure.test_retry_policy import Listener
from tests.planning.scenarios import guid

SITE = ResourceId.site(guid("subscription"), "mct-prod", "contosolearn")
IDENTITY = {"type": "SystemAssigned", "principalId": guid("principal")}


def test_writes_to_one_resource_leave_one_after_the_other() -> None:
    """The settings, the identity and the restart of a site: a second write is refused while one is carried out."""
    session = arm_session(Answer(200, {"id": str(SITE), "identity": IDENTITY, "properties": {}}))
    wire = cast("Wire", session.http)
    answer, running = wire.request, 0

    async def slow(method: str, url: Any, **options: Any) -> Any:
        nonlocal running
        running += 1
        assert running == 1, wire.asked
        await asyncio.sleep(0.01)
        running -= 1
        return await answer(method, url, **options)

    wire.request = slow  # type: ignore[method-assign]
    arm = ResourceManager(session)

    async def read_again() -> None:
        """Nothing is repeated."""

    async def write() -> None:
        await asyncio.gather(
            arm.set_identity(IdentityResource(SITE, None), on=True),
            arm.write_settings(SITE, lambda: {"A": "1"}, read_again),
            arm.restart(SITE),
        )

    heard = Listener()
    with during(heard):
        asyncio.run(write())
    assert len(wire.asked) == 3
    assert heard.told.count("waiting for another change of it") == 2


def test_what_an_accepted_write_points_to_is_asked_at_its_own_address_only() -> None:
    session = arm_session(Answer(200, {}))
    accepted = httpx.Response(202, headers={"Location": "https://management.azure.com.evil.example/x"})
    with pytest.raises(ServiceError) as raised:
        asyncio.run(session.finish(accepted, "write the application settings"))
    assert "redirects to an address other than" in raised.value.message
    wire = cast("Wire", session.http)
    assert wire.asked == []
