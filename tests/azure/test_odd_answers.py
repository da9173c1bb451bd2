"""What is no answer of the service, or not its last word: told alike of Microsoft Graph and Azure Resource Manager."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from mct_s2s.azure.refusals import GraphOperation
from mct_s2s.azure.sign_in.methods import Challenge
from mct_s2s.errors import S2SError, ServiceError

from tests.azure.raw import (
    ODD_BODIES,
    REQUEST_ID,
    SUBSCRIPTION,
    TENANT,
    Answer,
    SignedIn,
    arm_session,
    challenge,
    graph_session,
)

# msgraph-sdk's own modules warn of their deprecation when they are imported.
pytestmark = pytest.mark.filterwarnings("ignore:(GetQueryParameters|This class) is deprecated:DeprecationWarning")

CREATE, WRITE = GraphOperation.CREATE_APPLICATION, "write the application settings"
UNDECODABLE = "of an unknown type"


@dataclass(frozen=True)
class Service:
    """How a service is asked, and what its errors are called."""

    session: Callable[..., Any]
    ask: Callable[[Any], Awaitable[object]]
    name: str
    step: str

    def told(self, answer: Answer | Exception) -> S2SError:
        with pytest.raises(S2SError) as raised:
            asyncio.run(self._asked(answer))
        return raised.value

    async def _asked(self, answer: Answer | Exception) -> object:
        return await self.ask(self.session(answer))


GRAPH = Service(graph_session, lambda session: session.send("GET", "/applications", CREATE), "graph", CREATE)
ARM = Service(arm_session, lambda session: session.send("GET", "/subscriptions", WRITE), "arm", WRITE)
BY_SDK = Service(
    arm_session,
    lambda session: session.call(lambda: session.client(SUBSCRIPTION).web_apps.get("mct-prod", "contosolearn"), WRITE),
    "arm",
    WRITE,
)
ODD = [(one, odd) for one in (GRAPH, ARM, BY_SDK) for odd in ODD_BODIES if one is GRAPH or odd != UNDECODABLE]
both = pytest.mark.parametrize("service", [GRAPH, ARM], ids=["Graph", "Resource Manager"])


@pytest.mark.parametrize(("service", "odd"), ODD)
def test_an_odd_body_is_an_error_of_ours_with_its_status(service: Service, odd: str) -> None:
    """And never a traceback, nor a page that fills the screen."""
    body, headers = ODD_BODIES[odd]
    codes = {403: "permission-missing", **({404: "not-found"} if service.name == "arm" else {})}
    for status in (400, 403, 404, 409, 429, 500, 502, 503, 504):
        error = service.told(Answer(status, body, {**headers, **_ids(service)}))
        assert error.code == codes.get(status, f"{service.name}-refused")
        assert not isinstance(error, ServiceError) or error.status == status
        assert error.request_id == REQUEST_ID
        assert service.step in error.message
        assert error.remedy.strip()
        assert len(error.message) < 1000
        assert "<html" not in error.message


def _ids(service: Service) -> Mapping[str, str]:
    return {"request-id" if service is GRAPH else "x-ms-request-id": REQUEST_ID}


def test_a_body_of_an_unknown_type_leaves_its_status() -> None:
    """A refused restart counts as one whose answer was lost: `not restarted` is told as `asked for`."""
    error = ARM.told(Answer(400, *ODD_BODIES[UNDECODABLE]))
    assert isinstance(error, ServiceError)
    assert not error.answer_lost


@both
@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("All connection attempts failed"),
        httpx.ConnectTimeout(""),
        httpx.ReadTimeout(""),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.ProxyError("403 Forbidden"),
        httpx.DecodingError("Error -3 while decompressing data: incorrect header check"),
        httpx.TooManyRedirects("Exceeded maximum allowed redirects."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_answer_at_all_may_have_taken_effect(service: Service, error: httpx.HTTPError) -> None:
    """A secret that was perhaps made is looked for only if the error says so; a restart is not asked for again."""
    told = service.told(error)
    assert isinstance(told, ServiceError)
    assert (told.code, told.status, told.answer_lost) == (f"{service.name}-unreachable", 0, True)
    assert service.step in told.message
    assert (str(error).rstrip(".") or "no response in time") in told.message
    assert "to resume" in told.remedy


def repeated(service: Service, refused: Answer, **signed_in: bool) -> SignedIn:
    """Who is signed in after a request that is refused once, and then answered."""

    async def main() -> SignedIn:
        session = service.session(refused, Answer(200, {"value": [1]}), **signed_in)
        assert await service.ask(session) == {"value": [1]}
        assert isinstance(session.credential, SignedIn)
        return session.credential

    return asyncio.run(main())


@both
def test_a_refused_token_is_replaced_once_before_it_is_called_a_failure(service: Service) -> None:
    """A token that was revoked, or expired early, must not end a command that a new one would let go on."""
    refused = Answer(401, {"error": {"code": "ExpiredAuthenticationToken", "message": "The token is expired."}})
    assert repeated(service, refused).forgotten == 1


@both
@pytest.mark.parametrize("status", [401, 403])
def test_what_is_asked_for_is_brought_and_the_request_is_sent_once_more(service: Service, status: int) -> None:
    asked = challenge("eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6e319fQ==")
    signed_in = repeated(service, Answer(status, b"", asked), brings=True)
    (brought,) = signed_in.brought
    assert brought == Challenge('{"access_token":{"acrs":{}}}', TENANT, second_factor=True)
    assert signed_in.forgotten == 0
