"""Every list of Azure Resource Manager is read to its end, and nowhere but where it began."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from mct_s2s.azure.arm.resource_manager import ResourceManager
from mct_s2s.azure.arm.session import ArmSession
from mct_s2s.errors import ServiceError
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.ids import PrincipalId
from mct_s2s.model.resource_id import ResourceId

from tests.azure.raw import Answer, Wire, arm_session
from tests.planning.scenarios import guid

SITE = ResourceId.site(guid("subscription"), "mct-prod", "contosolearn")
HOLDER = IdentityResource(SITE, PrincipalId(guid("principal")))
ORIGIN = "https://management.azure.com"
NEXT = f"{ORIGIN}/next?api-version=2022-12-01&$skiptoken=abc%2Bd"


def _assigned(name: str) -> dict[str, Any]:
    return {"id": f"/x/{name}", "properties": {"scope": f"/scopes/{name}"}}


def _lock(name: str) -> dict[str, Any]:
    lock = f"{SITE}/providers/Microsoft.Authorization/locks/{name}"
    return {"id": lock, "name": name, "properties": {"level": "ReadOnly"}}


def _subscription(name: str) -> dict[str, Any]:
    return {"subscriptionId": guid(name), "displayName": name, "tenantId": guid("tenant")}


Read = Callable[[ArmSession], Awaitable[Any]]
LISTS: dict[str, tuple[Read, Callable[[str], dict[str, Any]]]] = {
    "subscriptions": (lambda session: ResourceManager(session).subscriptions(), _subscription),
    "permissions": (lambda session: ResourceManager(session).permissions(SITE), lambda name: {"actions": [name]}),
    "locks": (lambda session: ResourceManager(session)._locks(str(SITE)), _lock),
    "role assignments": (lambda session: ResourceManager(session).roles_of(replace(HOLDER)), _assigned),
}
EACH = pytest.mark.parametrize(("read", "row"), LISTS.values(), ids=LISTS.keys())


@EACH
def test_a_list_is_read_to_its_end(read: Read, row: Callable[[str], dict[str, Any]]) -> None:
    """What stands on a second page only would be taken for missing: a right, a subscription; or a lock overlooked."""
    pages = [
        Answer(200, {"value": [row("a"), row("b")], "nextLink": NEXT}),
        Answer(200, {"value": [], "nextLink": NEXT}),
        Answer(200, {"value": [row("c")], "nextLink": ""}),
    ]
    whole = Answer(200, {"value": [row("a"), row("b"), row("c")], "nextLink": None})
    session = arm_session(*pages)
    found = asyncio.run(_do(read, session))
    assert len(found) == 3
    assert found == asyncio.run(_do(read, arm_session(whole)))
    wire = cast("Wire", session.http)
    assert wire.asked[1:] == [f"GET {NEXT}"] * 2


ELSEWHERE = {
    "another host": "https://evil.example/subscriptions",
    "a host that looks alike": "https://management.azure.com.evil.example/x",
    "another port": "https://management.azure.com:8443/subscriptions",
    "another scheme": "http://management.azure.com/subscriptions",
    "no address": 17,
}


@EACH
@pytest.mark.parametrize("link", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_a_list_goes_on_at_its_own_address_only(read: Read, row: Callable[[str], dict[str, Any]], link: object) -> None:
    session = arm_session(Answer(200, {"value": [row("a")], "nextLink": link}), Answer(200, {"value": []}))
    with pytest.raises(ServiceError) as raised:
        asyncio.run(_do(read, session))
    assert raised.value.code == "arm-unreachable"
    assert "redirects to an address other than" in raised.value.message
    wire = cast("Wire", session.http)
    assert len(wire.asked) == 1


@EACH
def test_an_answer_without_a_list_is_no_empty_list(read: Read, row: Callable[[str], dict[str, Any]]) -> None:
    del row
    with pytest.raises(ServiceError):
        asyncio.run(_do(read, arm_session(Answer(200, {}))))


async def _do(read: Read, session: ArmSession) -> Any:
    return await read(session)
