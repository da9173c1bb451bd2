"""Azure Resource Manager's refusals: each raw answer becomes one error, with the service's words and the way out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError, SignInFailed
from mct_s2s.model.resource_id import ResourceId

from tests.azure.raw import JSON, REQUEST_ID, Answer, Case, SignedIn, arm_session

READ, WRITE, RESTART = "read the application settings", "write the application settings", "restart the App Service"
SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
SITE = ResourceId.site(SUBSCRIPTION, "mct-prod", "contosolearn")
OBJECT_ID = "6d2f7a55-5b61-4c5f-9a4f-1d7f0b7b6c11"
HAS_FINISHED = "Wait until the other operation has finished"
AGAIN = "Run the same command again"
NO_MFA = (
    "Resource was disallowed by policy. Users must use MFA for Create operation. Users must authenticate with "
    "multi-factor authentication to create or update resources."
)
TENANT = "3f1d0c52-7a0b-4c1e-8a55-0c6f5d1b2a77"
CHALLENGE = (
    f'Bearer realm="", authorization_uri="https://login.microsoftonline.com/{TENANT}/oauth2/authorize", '
    'error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6e319fQ=="'
)
REVOKED = 'Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7fX19"'
WEBSITE_CONTRIBUTOR = "the role Website Contributor"


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in the usual envelope."""
    sent = {"Content-Type": "application/json; charset=utf-8", "x-ms-request-id": REQUEST_ID, **(headers or {})}
    return Answer(status, {"error": {"code": code, "message": message}}, sent)


def told(answer: Answer | Exception, step: str = READ) -> S2SError:
    """What the user is told when the request of a step gets that answer."""
    with pytest.raises(S2SError) as raised:
        asyncio.run(arm_session(answer).send("GET", "/subscriptions", step))
    return raised.value


def service_error(answer: Answer | Exception, step: str = READ) -> ServiceError:
    error = told(answer, step)
    assert isinstance(error, ServiceError)
    return error


REFUSALS = {
    "a role is missing": Case(
        refusal(
            403, "AuthorizationFailed",
            f"The client '{OBJECT_ID}' with object id '{OBJECT_ID}' does not have authorization to perform action "
            f"'Microsoft.Web/sites/config/list/action' over scope '{SITE}/config/appsettings' or the scope is invalid. "
            "If access was recently granted, please refresh your credentials.",
        ),
        "permission-missing", WEBSITE_CONTRIBUTOR, PermissionMissing,
    ),
    "a managed application denies it": Case(
        refusal(
            403, "DenyAssignmentAuthorizationFailed",
            f"The client 'admin@contoso.com' with object id '{OBJECT_ID}' has permission to perform action "
            f"'Microsoft.Web/sites/config/write' on scope '{SITE}'; however, the access is denied because of the deny "
            f"assignment with name 'System deny assignment' and Id '{OBJECT_ID}'.",
        ),
        "permission-missing", "--no-app-service --handoff", PermissionMissing,
    ),
    "a policy forbids it": Case(
        refusal(403, "RequestDisallowedByPolicy", "Resource was disallowed by policy. Policy identifiers: 'x'."),
        "permission-missing", "exemption", PermissionMissing,
    ),
    "the site is not there": Case(
        refusal(
            404, "ResourceNotFound",
            "The Resource 'Microsoft.Web/sites/contosolearn' under resource group 'mct-prod' was not found. For more "
            "details please go to https://aka.ms/ARMResourceNotFoundFix",
            {"x-ms-failure-cause": "gateway"},
        ),
        "not-found", "Check the name", NotThere,
    ),
    "the subscription is not there": Case(
        refusal(404, "SubscriptionNotFound", f"The subscription '{SUBSCRIPTION}' could not be found."),
        "not-found", "--cloud", NotThere,
    ),
    "a lock": Case(
        refusal(
            409, "ScopeLocked",
            f"The scope '{SITE}/config/appsettings' cannot perform write operation because following scope(s) are "
            f"locked: '{str(SITE).lower()}'. Please remove the lock and try again.",
        ),
        "locked", "az lock list",
    ),
    "two writes at once": Case(
        refusal(409, "Conflict", "Cannot modify this site because another operation is in progress."),
        "arm-refused", HAS_FINISHED,
    ),
    "two writes at once, told as throttling": Case(
        refusal(429, "Conflict", "Cannot modify this site because another operation is in progress."),
        "arm-refused", HAS_FINISHED,
    ),
    "two writes to a Container App": Case(
        refusal(
            409, "ContainerAppOperationInProgress",
            "Cannot modify a container app 'hr-sync' because another operation is in progress.",
        ),
        "arm-refused", HAS_FINISHED,
    ),
    "two writes to a virtual machine": Case(
        refusal(
            409, "Conflict",
            "The request failed due to conflict with a concurrent request. To resolve it, please refer to "
            "https://aka.ms/activitylog to get more details on the conflicting requests.",
        ),
        "arm-refused", HAS_FINISHED,
    ),
    "two writes to a resource": Case(
        refusal(409, "AnotherOperationInProgress", "Please retry."), "arm-refused", HAS_FINISHED
    ),
    "an api-version that this cloud does not know": Case(
        refusal(
            400, "NoRegisteredProviderFound",
            "No registered resource provider found for location 'usgovvirginia' and API version '2024-11-01' for type "
            "'sites'. The supported api-versions are '2024-04-01, 2023-12-01'. The supported locations are "
            "'usgovvirginia, usgovarizona'.",
        ),
        "arm-refused", "pip install -U mct-s2s",
    ),
    "an api-version that does not exist": Case(
        refusal(400, "InvalidApiVersionParameter", "The api-version '2023-02-01' is invalid."),
        "arm-refused", "pip install -U mct-s2s",
    ),
    "a principal that is not known yet": Case(
        refusal(400, "PrincipalNotFound", f"Principal {OBJECT_ID.replace('-', '')} does not exist in the directory."),
        "arm-refused", AGAIN,
    ),
    "too many requests": Case(
        refusal(429, "TooManyRequests", "The request is being throttled.", {"Retry-After": "5"}),
        "arm-refused", "to resume",
    ),
    "the service stumbles": Case(
        refusal(500, "InternalServerError", "There was an unexpected error."), "arm-refused", "to resume"
    ),
    "a token of another tenant": Case(
        refusal(
            401, "InvalidAuthenticationTokenTenant",
            "The access token is from the wrong issuer 'https://sts.windows.net/a/'. It must match the tenant "
            "'https://sts.windows.net/b/' associated with this subscription.",
        ),
        "arm-sign-in", "--tenant ID", SignInFailed,
    ),
    "an expired token": Case(
        refusal(401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than now."),
        "arm-sign-in", "az login", SignInFailed,
    ),
    "a second factor is asked for": Case(
        refusal(401, "RequestDisallowedByPolicy", NO_MFA, {"WWW-Authenticate": CHALLENGE}),
        "mfa-required", f"az login --tenant {TENANT} --scope https://management.azure.com/.default "
        "--claims-challenge eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6e319fQ==", SignInFailed,
    ),
    "a second factor is asked for by a policy alone": Case(
        refusal(403, "RequestDisallowedByPolicy", NO_MFA), "mfa-required",
        "az logout; az login --scope https://management.azure.com/.default --claims-challenge "
        "eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlcyI6WyJwMSJdfX19", SignInFailed,
    ),
    "a sign-in was revoked": Case(
        refusal(401, "AuthenticationFailed", "Revoked.", {"WWW-Authenticate": REVOKED}),
        "sign-in-again", "--claims-challenge eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7fX19", SignInFailed,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_each_refusal_has_its_code_the_services_words_and_a_way_out(case: Case) -> None:
    error = told(case.answer, WRITE)
    assert (type(error), error.code) == (case.kind, case.code)
    said = case.answer.body["error"]
    assert f"{said['code']}: {said['message']}" in error.message
    assert WRITE in error.message
    assert case.remedy in error.remedy
    assert error.request_id == REQUEST_ID
    assert (getattr(error, "contention", None) is not None) is (case.remedy == HAS_FINISHED), "nothing was applied"


def test_a_policy_that_speaks_of_it_after_long_identifiers_is_understood() -> None:
    message = (
        f"Resource 'x' was disallowed by policy. Policy identifiers: '{'[{}]' * 500}'. Reasons: 'MFA is required'."
    )
    assert told(refusal(403, "RequestDisallowedByPolicy", message)).code == "mfa-required"


def test_what_was_brought_and_did_not_help_is_not_brought_again() -> None:
    asked = refusal(401, "RequestDisallowedByPolicy", NO_MFA, {"WWW-Authenticate": CHALLENGE})
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
def test_what_is_no_challenge_is_a_refused_token(header: str) -> None:
    """Nothing of a header that a proxy may have written goes into a command, unless it is what it has to be."""
    error = told(refusal(401, "AuthenticationFailed", "No.", {"WWW-Authenticate": header}))
    assert (error.code, "challenge" in error.remedy) == ("arm-sign-in", False)


@pytest.mark.parametrize("extended", ["59203", "59205"])
def test_app_service_says_by_a_code_of_its_own_that_another_operation_runs(extended: str) -> None:
    entity = {"ExtendedCode": extended, "Code": "Conflict", "Message": "Busy."}
    details = [{"Message": "Busy."}, {"Code": "Conflict"}, {"ErrorEntity": entity}]
    body = {"Code": "Conflict", "Message": "Busy.", "Target": None, "Details": details, "Innererror": None}
    assert service_error(Answer(409, body), WRITE).contention is not None


NAMES = {
    "a plain refusal": ("AppSetting with name 'mail-address' is not allowed.", "mail-address"),
    "a name with quotes in it": ("AppSetting with name 'it's-here' is not allowed.", "it's-here"),
    "the Flex Consumption plan": (
        "The following app setting (Site.SiteConfig.AppSettings.A:B) for Flex Consumption sites is invalid. Please …",
        "A:B",
    ),
}


@pytest.mark.parametrize(("message", "name"), NAMES.values(), ids=NAMES.keys())
def test_a_setting_that_blocks_every_write_is_told_by_its_name(message: str, name: str) -> None:
    """App Service says so in an envelope of its own, and of a setting that nobody meant to touch."""
    own: dict[str, object] = {
        "Code": "BadRequest",
        "Message": message,
        "Target": None,
        "Details": [],
        "Innererror": None,
    }
    error = service_error(Answer(400, own), WRITE)
    assert error.code == "setting-name-refused"
    assert message in error.message
    assert f"'{name}'" in error.remedy
    assert service_error(Answer(400, {**own, "Message": "No."}), WRITE).code == "arm-refused"


ENVELOPES: dict[str, Mapping[str, object]] = {
    "the usual one": {"error": {"code": "Conflict", "message": "Busy."}},
    "of App Service": {"Code": "Conflict", "Message": "Busy.", "Target": None, "Details": [], "Innererror": None},
    "in other case": {"Error": {"Code": "Conflict", "Message": "Busy."}},
    "with more in it": {
        "error": {"code": "Conflict", "message": "Busy.", "details": [{"code": "X"}], "additionalInfo": [{"type": "Y"}]}
    },
}


@pytest.mark.parametrize("body", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_the_words_are_found_in_every_envelope(body: Mapping[str, object]) -> None:
    error = service_error(Answer(409, body))
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
def test_the_request_id_is_the_services_own(headers: Mapping[str, str], request_id: str | None) -> None:
    assert told(Answer(500, {"error": {"code": "X", "message": "y"}}, {**JSON, **headers})).request_id == request_id


def test_before_a_write_is_sent_with_the_new_token_its_settings_are_read_again() -> None:
    """What was read before the refusal may be old by the time that the second token is there."""
    session, events = arm_session(refusal(401, "ExpiredAuthenticationToken", "Expired."), Answer(200, {})), []

    async def send() -> None:
        events.append("send")
        (await session.exchange("PUT", "https://management.azure.com/x", {}, {})).raise_for_status()

    async def read_again() -> None:
        events.append("read again")

    asyncio.run(session.call(send, WRITE, before_repeating=read_again))
    assert events == ["send", "read again", "send"]


def settings_of(answer: Answer) -> object:
    return asyncio.run(arm_session(answer).settings(SITE))


@pytest.mark.parametrize("body", [{}, {"error": {"code": "X"}}, {"properties": None}], ids=["empty", "error", "null"])
def test_an_answer_without_settings_is_not_taken_for_an_app_without_settings(body: object) -> None:
    """A write replaces all settings: everything that this reading did not show would be erased."""
    with pytest.raises(ServiceError):
        settings_of(Answer(200, body))


def test_an_app_without_settings_has_none() -> None:
    assert settings_of(Answer(200, {"properties": {}})) == {}


# --- refusals that are an answer ---


def test_a_site_that_is_not_there_is_none_and_not_an_error() -> None:
    assert asyncio.run(arm_session(refusal(404, "ResourceNotFound", "Gone.")).site(SITE)) is None


@pytest.mark.parametrize(
    "answer",
    [refusal(403, "AuthorizationFailed", "No."), refusal(404, "ResourceNotFound", "No."), refusal(500, "X", "No.")],
    ids=["forbidden", "missing", "broken"],
)
def test_what_only_serves_a_warning_stops_nobody(answer: Answer) -> None:
    """Slots are looked at for a note; whoever may not see them can do the job all the same."""
    assert asyncio.run(arm_session(answer).slots(SITE)) == ([], frozenset())


@pytest.mark.parametrize(
    "resource", [SITE, ResourceId.site(SUBSCRIPTION, "mct-prod", "contosolearn", "staging")], ids=str
)
def test_a_write_that_is_accepted_and_done_later_is_a_success(resource: ResourceId) -> None:
    """Flex Consumption and Container Apps answer 202, which the SDK takes for a failure."""

    async def nothing() -> None:
        raise AssertionError("there was nothing to repeat")

    async def main() -> None:
        await arm_session(Answer(202, b"", {})).write_settings(resource, lambda: {"a": "b"}, nothing)

    asyncio.run(main())


def test_nothing_is_sent_where_there_is_nothing_to_send_any_more() -> None:
    async def main() -> None:
        session = arm_session(AssertionError("something was sent"))
        await session.write_settings(SITE, lambda: None, lambda: asyncio.sleep(0))

    asyncio.run(main())
