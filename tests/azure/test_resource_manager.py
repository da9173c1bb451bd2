"""Azure Resource Manager: writes one after the other, followed to their end; lists read to theirs, from there alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest
from mct_s2s.activity import during
from mct_s2s.errors import ServiceError
from mct_s2s.model.azure_resources import IdentityResource, Subscription
from mct_s2s.model.resource_id import ResourceId

from tests.azure.raw import Answer, Wire, arm_session
from tests.azure.test_retry_policy import Listener
from tests.planning.scenarios import guid

SITE = ResourceId.site(guid("subscription"), "mct-prod", "contosolearn")
IDENTITY = {"type": "SystemAssigned", "principalId": guid("principal")}
NEXT = "https://management.azure.com/next?api-version=2022-12-01&$skiptoken=abc%2Bd"


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

    async def read_again() -> None:
        """Nothing is repeated."""

    async def write() -> None:
        await asyncio.gather(
            session.set_identity(IdentityResource(SITE, None), on=True),
            session.write_settings(SITE, lambda: {"A": "1"}, read_again),
            session.restart(SITE),
        )

    heard = Listener()
    with during(heard):
        asyncio.run(write())
    assert len(wire.asked) == 3
    assert heard.told.count("waiting for another write to the same object") == 2


def test_what_an_accepted_write_points_to_is_asked_at_its_own_address_only() -> None:
    session = arm_session(Answer(200, {}))
    accepted = httpx.Response(202, headers={"Location": "https://management.azure.com.evil.example/x"})
    with pytest.raises(ServiceError, match="redirects to an address other than"):
        asyncio.run(session.finish(accepted, "write the application settings"))
    assert cast("Wire", session.http).asked == []


def page(*names: str, link: object = None) -> Answer:
    rows = [{"subscriptionId": guid(one), "displayName": one, "tenantId": guid("tenant")} for one in names]
    return Answer(200, {"value": rows, "nextLink": link})


def listed(*answers: Answer) -> tuple[list[Subscription], list[str]]:
    """What is listed, and the requests for pages after the first."""
    session = arm_session(*answers)
    found = asyncio.run(session.subscriptions())
    return found, cast("Wire", session.http).asked[1:]


def test_a_list_is_read_to_its_end() -> None:
    """What stands on a second page only would be taken for missing: a right, a subscription; or a lock overlooked."""
    found, more = listed(page("a", "b", link=NEXT), page(link=NEXT), page("c", link=""))
    assert found == listed(page("a", "b", "c"))[0]
    assert more == [f"GET {NEXT}"] * 2


@pytest.mark.parametrize("read", [lambda arm: arm.subscriptions(), lambda arm: arm.sites(guid("x"))])
@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/subscriptions",
        "https://management.azure.com.evil.example/x",
        "https://management.azure.com:8443/subscriptions",
        "http://management.azure.com/subscriptions",
        17,
    ],
)
def test_a_list_goes_on_at_its_own_address_only(link: object, read: Callable[..., Any]) -> None:
    """By our own requests and by azure-mgmt-web's: a token goes nowhere else."""
    session = arm_session(page(link=link), page())
    with pytest.raises(ServiceError) as raised:
        asyncio.run(read(session))
    is_address = isinstance(link, str)
    assert ("redirects to an address other than" in raised.value.message) or not is_address
    assert (raised.value.code == "arm-unreachable") or not is_address
    assert len(cast("Wire", session.http).asked) == 1


def test_an_answer_without_a_list_is_no_empty_list() -> None:
    with pytest.raises(ServiceError):
        listed(Answer(200, {}))
