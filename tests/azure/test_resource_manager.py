"""Azure Resource Manager: its writes one after the other, its lists to their end, its refusals in
their envelopes.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, cast

import httpx
import pytest
from mct_s2s.activity import during
from mct_s2s.azure.retry import Sending, do_nothing
from mct_s2s.errors import ServiceError, SignInFailed
from mct_s2s.model.azure_resources import IdentityResource, Subscription
from mct_s2s.model.resource_id import ResourceId

from tests.azure.raw import (
    JSON,
    SITE,
    SUBSCRIPTION,
    Answer,
    SignedIn,
    Wire,
    arm_session,
    challenge,
    refusal,
    told,
)
from tests.planning.scenarios import guid
from tests.support.listener import Listener

READ, WRITE = "read the application settings", "write the application settings"
IDENTITY = {"type": "SystemAssigned", "principalId": guid("principal")}
NEXT = "https://management.azure.com/next?api-version=2022-12-01&$skiptoken=abc%2Bd"


def test_writes_to_one_resource_leave_one_after_the_other() -> None:
    """The settings, the identity and the restart of a site: a second write is refused while one is
    carried out.
    """
    session = arm_session(Answer(200, {"id": str(SITE), "identity": IDENTITY, "properties": {}}))
    wire = cast("Wire", session.http)
    answer = wire.request
    running = 0

    async def slow(method: str, url: Any, **options: Any) -> Any:
        nonlocal running
        running += 1
        assert running == 1, wire.asked
        await asyncio.sleep(0.01)
        running -= 1
        return await answer(method, url, **options)

    wire.request = slow  # type: ignore[method-assign]

    async def write() -> None:
        await asyncio.gather(
            session.enable_identity(IdentityResource(SITE, None)),
            session.write_settings(SITE, lambda: {"A": "1"}, do_nothing),
            session.restart(SITE),
        )

    heard = Listener()
    with during(heard):
        asyncio.run(write())
    assert len(wire.asked) == 3
    assert heard.told.count("waiting for another write to the same object") == 2


def test_an_operation_is_followed_at_resource_managers_own_address_only() -> None:
    session = arm_session(Answer(200, {}))
    accepted = httpx.Response(
        202, headers={"Location": "https://management.azure.com.evil.example/x"}
    )
    with pytest.raises(ServiceError, match="redirects to an address other than"):
        asyncio.run(session.finish(accepted, "write the application settings"))
    assert cast("Wire", session.http).asked == []


def page(*names: str, link: object = None) -> Answer:
    rows = [
        {"subscriptionId": guid(name), "displayName": name, "tenantId": guid("tenant")}
        for name in names
    ]
    return Answer(200, {"value": rows, "nextLink": link})


def listed(*answers: Answer) -> tuple[list[Subscription], list[str]]:
    """What is listed, and the requests for pages after the first."""
    session = arm_session(*answers)
    subscriptions = asyncio.run(session.subscriptions())
    return subscriptions, cast("Wire", session.http).asked[1:]


def test_a_list_is_read_to_its_end() -> None:
    """What stands on a second page only would be taken for missing: a right, a subscription; or a
    lock overlooked.
    """
    names, more = listed(page("a", "b", link=NEXT), page(link=NEXT), page("c", link=""))
    assert names == listed(page("a", "b", "c"))[0]
    assert more == [f"GET {NEXT}"] * 2


@pytest.mark.parametrize(
    "read", [lambda arm: arm.subscriptions(), lambda arm: arm.sites(guid("x"))]
)
@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/subscriptions", "https://management.azure.com.evil.example/x",
        "https://management.azure.com:8443/subscriptions",
        "http://management.azure.com/subscriptions", 17,
    ],
)  # fmt: skip
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


# --- refusals ---


def test_a_policy_that_names_the_claims_after_long_identifiers_is_understood() -> None:
    message = (
        f"Resource 'x' was disallowed by policy. Policy identifiers: '{'[{}]' * 500}'. Reasons: "
        "'MFA is required'."
    )
    assert (
        told(arm_session, refusal(403, "RequestDisallowedByPolicy", message), READ).code
        == "mfa-required"
    )


def test_claims_that_were_brought_and_did_not_help_are_not_brought_again() -> None:
    asked = refusal(401, "RequestDisallowedByPolicy", "Use MFA.", challenge("e30="))
    session = arm_session(asked, brings=True)
    with pytest.raises(SignInFailed) as raised:
        asyncio.run(session.send("GET", "/subscriptions", READ))
    assert raised.value.code == "mfa-required"
    assert isinstance(session.credential, SignedIn)
    assert len(session.credential.brought) == 1


ODD_CHALLENGES = {
    "no claims": 'Bearer error="insufficient_claims"',
    "claims that are no base64": 'Bearer error="insufficient_claims", claims="eyJ$(touch x)"',
    "claims that are no JSON": 'Bearer error="insufficient_claims", claims="aGVsbG8="',
    "claims that are a list": 'Bearer error="insufficient_claims", claims="W10="',
    "another error": 'Bearer error="invalid_token", claims="eyJhIjp7fX0="',
}


@pytest.mark.parametrize("header", ODD_CHALLENGES.values(), ids=ODD_CHALLENGES.keys())
def test_a_header_that_is_no_challenge_is_a_refused_token(header: str) -> None:
    """Nothing of a header that a proxy may have written goes into a command, unless it is what it
    has to be.
    """
    error = told(
        arm_session, refusal(401, "AuthenticationFailed", "No.", {"WWW-Authenticate": header}), READ
    )
    assert (error.code, "challenge" in error.remedy) == ("arm-sign-in", False)


@pytest.mark.parametrize("extended", ["59203", "59205"])
def test_app_service_says_by_a_code_of_its_own_that_another_operation_runs(extended: str) -> None:
    entity = {"ExtendedCode": extended, "Code": "Conflict", "Message": "Busy."}
    details = [{"Message": "Busy."}, {"Code": "Conflict"}, {"ErrorEntity": entity}]
    body = {
        "Code": "Conflict",
        "Message": "Busy.",
        "Target": None,
        "Details": details,
        "Innererror": None,
    }
    assert told(arm_session, Answer(409, body), WRITE).contention is not None


NAMES = {
    "a plain refusal": ("AppSetting with name 'mail-address' is not allowed.", "mail-address"),
    "a name with quotes in it": ("AppSetting with name 'it's-here' is not allowed.", "it's-here"),
    "the Flex Consumption plan": (
        (
            "The following app setting (Site.SiteConfig.AppSettings.A:B) for Flex Consumption "
            "sites is invalid. Please …"
        ),
        "A:B",
    ),
}


@pytest.mark.parametrize(("message", "name"), NAMES.values(), ids=NAMES.keys())
def test_a_setting_that_blocks_every_write_is_told_by_its_name(message: str, name: str) -> None:
    """App Service says so in an envelope of its own, and of a setting that nobody meant to
    touch.
    """
    own: dict[str, object] = {
        "Code": "BadRequest",
        "Message": message,
        "Target": None,
        "Details": [],
        "Innererror": None,
    }
    error = told(arm_session, Answer(400, own), WRITE)
    assert error.code == "setting-name-refused"
    assert message in error.message
    assert f"'{name}'" in error.remedy
    assert told(arm_session, Answer(400, {**own, "Message": "No."}), WRITE).code == "arm-refused"


ENVELOPES: dict[str, Mapping[str, object]] = {
    "the usual one": {"error": {"code": "Conflict", "message": "Busy."}},
    "of App Service": {
        "Code": "Conflict",
        "Message": "Busy.",
        "Target": None,
        "Details": [],
        "Innererror": None,
    },
    "in other case": {"Error": {"Code": "Conflict", "Message": "Busy."}},
    "with more in it": {
        "error": {
            "code": "Conflict",
            "message": "Busy.",
            "details": [{"code": "X"}],
            "additionalInfo": [{"type": "Y"}],
        }
    },
}


@pytest.mark.parametrize("body", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_the_words_of_an_error_are_found_in_every_envelope(body: Mapping[str, object]) -> None:
    error = told(arm_session, Answer(409, body), READ)
    assert (error.service_code, error.service_message) == ("Conflict", "Busy.")
    assert "Conflict: Busy." in error.message


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"x-ms-request-id": "a", "x-ms-correlation-request-id": "b"}, "a"),
        ({"X-MS-CORRELATION-REQUEST-ID": "b"}, "b"),
        ({}, None),
    ],
)
def test_the_request_id_is_the_services_own(
    headers: Mapping[str, str], request_id: str | None
) -> None:
    body = {"error": {"code": "X", "message": "y"}}
    assert told(arm_session, Answer(500, body, {**JSON, **headers}), READ).request_id == request_id


def test_before_a_write_is_sent_with_the_new_token_its_settings_are_read_again() -> None:
    """What was read before the refusal may be old by the time that the second token is there."""
    session = arm_session(refusal(401, "ExpiredAuthenticationToken", "Expired."), Answer(200, {}))
    events = []

    async def send() -> None:
        events.append("send")
        (await session.exchange("PUT", "https://management.azure.com/x", {}, {})).raise_for_status()

    async def read_again() -> None:
        events.append("read again")

    asyncio.run(session.call(send, WRITE, Sending(before_repeating=read_again)))
    assert events == ["send", "read again", "send"]


@pytest.mark.parametrize(
    "body", [{}, {"error": {"code": "X"}}, {"properties": None}], ids=["empty", "error", "null"]
)
def test_an_answer_without_settings_is_not_taken_for_an_app_without_settings(body: object) -> None:
    """A write replaces all settings: everything that this reading did not show would be erased."""
    with pytest.raises(ServiceError):
        asyncio.run(arm_session(Answer(200, body)).settings(SITE))
    assert asyncio.run(arm_session(Answer(200, {"properties": {}})).settings(SITE)) == {}


# --- refusals that are an answer ---


def test_a_site_that_is_not_there_is_none_and_not_an_error() -> None:
    assert asyncio.run(arm_session(refusal(404, "ResourceNotFound", "Gone.")).site(SITE)) is None


@pytest.mark.parametrize(
    "answer",
    [
        refusal(403, "AuthorizationFailed", "No."),
        refusal(404, "ResourceNotFound", "No."),
        refusal(500, "X", "No."),
    ],
    ids=["forbidden", "missing", "broken"],
)
def test_slots_that_may_not_be_listed_stop_no_command(answer: Answer) -> None:
    """Slots are looked at for a note; whoever may not see them can do the job all the same."""
    assert asyncio.run(arm_session(answer).slots(SITE)) == ([], frozenset())


@pytest.mark.parametrize("slot", [None, "staging"])
def test_a_write_that_is_accepted_and_done_later_is_a_success(slot: str | None) -> None:
    """Flex Consumption and Container Apps answer 202, which the SDK takes for a failure."""
    site = ResourceId.site(SUBSCRIPTION, "mct-prod", "contosolearn", slot)
    session = arm_session(Answer(202, b"", {}))
    asyncio.run(session.write_settings(site, lambda: {"a": "b"}, do_nothing))
    assert len(cast("Wire", session.http).asked) == 1


def test_settings_that_need_no_change_by_now_are_not_written() -> None:
    session = arm_session(AssertionError("something was sent"))
    asyncio.run(session.write_settings(SITE, lambda: None, do_nothing))
