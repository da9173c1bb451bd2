"""Microsoft Graph's refusals: each raw answer becomes one error of ours, with the service's words and the way out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from mct_s2s.azure.graph.directory import GraphDirectory
from mct_s2s.azure.refusals import GraphOperation, is_lag
from mct_s2s.errors import PermissionMissing, S2SError, ServiceError, SignInFailed
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, KeyId, PrincipalId

from tests.azure.raw import JSON, PAGE, REQUEST_ID, Answer, graph_session
from tests.planning.scenarios import guid

# msgraph-sdk's own modules warn of their deprecation when they are imported.
pytestmark = pytest.mark.filterwarnings("ignore:(GetQueryParameters|This class) is deprecated:DeprecationWarning")

READ, CREATE, CHANGE = GraphOperation.READ, GraphOperation.CREATE_APPLICATION, GraphOperation.CHANGE_APPLICATION
RESTORE, PRINCIPAL, CONSENT = GraphOperation.RESTORE, GraphOperation.CREATE_PRINCIPAL, GraphOperation.CONSENT
SECRET, CERTIFICATE = GraphOperation.ADD_SECRET, GraphOperation.ADD_CERTIFICATE
FEDERATED = GraphOperation.ADD_FEDERATED_CREDENTIAL
OBJECT = ApplicationObjectId("6d2f7a55-5b61-4c5f-9a4f-1d7f0b7b6c11")
NOT_FOUND = f"Resource '{OBJECT}' does not exist or one of its queried reference-property objects are not present."
LOCAL_TENANT = (
    "When using this permission, the backing application of the service principal being created must in the local "
    "tenant"
)
CONCURRENT = "Error due to concurrent requests being made to the tenant. Please wait briefly and retry."
AGAIN = "Run the same command again"


def refusal(
    status: int, code: str, message: str, *details: str, headers: Mapping[str, str] | None = None, **more: object
) -> Answer:
    """An answer in the envelope that Graph uses."""
    inner = {"date": "2026-11-24T12:00:00", "request-id": REQUEST_ID, "client-request-id": REQUEST_ID}
    error: dict[str, object] = {"code": code, "message": message, "innerError": inner, **more}
    if details:
        error["details"] = [{"code": detail, "message": message, "target": "appId"} for detail in details]
    return Answer(status, {"error": error}, {**JSON, "request-id": REQUEST_ID, **(headers or {})})


def told(answer: Answer | Exception, step: GraphOperation = READ) -> S2SError:
    """What the user is told when the request of a step gets that answer."""
    with pytest.raises(S2SError) as raised:
        asyncio.run(graph_session(answer).send("GET", "/applications", step))
    return raised.value


def service_error(answer: Answer | Exception, step: GraphOperation = READ) -> ServiceError:
    error = told(answer, step)
    assert isinstance(error, ServiceError)
    return error


@dataclass(frozen=True)
class Case:
    """A raw answer, and what becomes of it."""

    step: GraphOperation
    answer: Answer
    code: str
    remedy: str
    """Words that the way out has to hold."""
    kind: type[S2SError] = ServiceError
    lag: bool = False
    """Whether it can mean that an object made moments ago has not reached every replica."""


REFUSALS = {
    "no privileges to read": Case(
        READ,
        refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
        "permission-missing", "Directory Readers", PermissionMissing,
    ),
    "an object that is not there, or not yet": Case(
        READ, refusal(404, "Request_ResourceNotFound", NOT_FOUND), "graph-refused", AGAIN, lag=True
    ),
    "fresh directory data": Case(
        READ,
        refusal(404, "Directory_ObjectNotFound", "Unable to read the company information from the directory."),
        "graph-refused", AGAIN, lag=True,
    ),
    "secrets are forbidden by policy": Case(
        SECRET,
        refusal(
            400, "CredentialTypeNotAllowedAsPerAppPolicy",
            f"Credential type not allowed as per assigned policy '{OBJECT}'.",
        ),
        "secrets-forbidden", "--credential certificate",
    ),
    "the lifetime is forbidden by policy": Case(
        SECRET,
        refusal(
            400, "CredentialInvalidLifetimeAsPerAppPolicy",
            f"Credential lifetime exceeds the max value allowed as per assigned policy '{OBJECT}'.",
            "InvalidKeyEndDate",
        ),
        "secret-lifetime-forbidden", "--secret-lifetime",
    ),
    "a certificate's lifetime is forbidden by policy": Case(
        CERTIFICATE,
        refusal(
            400, "CredentialInvalidLifetimeAsPerAppPolicy",
            f"Credential lifetime exceeds the max value allowed as per assigned policy '{OBJECT}'.",
        ),
        "graph-refused", "--certificate FILE",
    ),
    "a registration needs to say which service it belongs to": Case(
        CREATE,
        refusal(
            400, "ServiceTreeValueMissing",
            "ServiceManagementReference field is required for Create, but is missing in the request. Refer to the TSG "
            "`https://aka.ms/service-management-reference-error` for resolving the error",
        ),
        "management-reference-needed", "--service-management-reference ID",
    ),
    "it names a service that nobody knows": Case(
        CHANGE,
        refusal(
            400, "ServiceTreeInvalid",
            f"Invalid value provided for property ServiceManagementReference: Service not found for id {OBJECT}",
        ),
        "management-reference-needed", "--service-management-reference ID",
    ),
    "another issuer is forbidden by policy": Case(
        FEDERATED,
        refusal(400, "Request_BadRequest", "The issuer 'https://ci.example' is not allowed as per assigned policy."),
        "graph-refused", "--credential certificate",
    ),
    "a deleted registration keeps its name": Case(
        CREATE,
        refusal(
            400, "Request_BadRequest", "Another object with the same value for property uniqueName already exists."
        ),
        "name-taken", "deleted registration",
    ),
    "a URI is taken": Case(
        CHANGE,
        refusal(
            400, "Request_BadRequest",
            "Another object with the same value for property identifierUris already exists.", "ObjectConflict",
        ),
        "uri-taken", "deleted registration",
    ),
    "a URI on a domain that is not verified, or not yet": Case(
        CHANGE,
        refusal(
            400, "HostNameNotOnVerifiedDomain",
            "Values of identifierUris property must use a verified domain of the organization or its subdomain: "
            f"'api://{OBJECT}'",
        ),
        "graph-refused", AGAIN, lag=True,
    ),
    "a URI that the tenant's policy forbids": Case(
        CHANGE,
        refusal(
            400, "InvalidUniqueTenantIdentifierAsPerAppPolicy",
            "Failed to add identifier URI api://plain-name. All newly added URIs must contain a tenant verified "
            "domain, tenant ID, or app ID, as per the default tenant policy of your organization.",
        ),
        "graph-refused", "without --service-app",
    ),
    "the application of a service principal is not known yet": Case(
        PRINCIPAL,
        refusal(
            400, "Request_BadRequest",
            f"The appId '{OBJECT}' of the service principal does not reference a valid application object.",
            "NoBackingApplicationObject",
        ),
        "graph-refused", AGAIN, lag=True,
    ),
    "the same for a caller that owns what it makes": Case(
        PRINCIPAL, refusal(403, "Authorization_RequestDenied", LOCAL_TENANT), "graph-refused", AGAIN, lag=True
    ),
    "an assignment whose parts are not known yet": Case(
        CONSENT, refusal(400, "Request_BadRequest", "Not a valid reference update."), "graph-refused", AGAIN, lag=True
    ),
    "a role that the service principal does not show yet": Case(
        CONSENT,
        refusal(400, "Request_BadRequest", f"Permission being assigned was not found on application '{OBJECT}'."),
        "graph-refused", AGAIN, lag=True,
    ),
    "an assignment that is there": Case(
        CONSENT,
        refusal(400, "Request_BadRequest", "Permission being assigned already exists on the object"),
        "graph-refused", "deleted registration",
    ),
    "another write is in progress": Case(
        CHANGE, refusal(409, "Directory_ConcurrencyViolation", CONCURRENT), "graph-refused", "in a few minutes"
    ),
    "the same by its words": Case(
        SECRET, refusal(503, "ServiceUnavailable", CONCURRENT), "graph-refused", "in a few minutes"
    ),
    "too many requests": Case(
        CREATE,
        refusal(429, "TooManyRequests", "Too many requests from Identifier:x under category:throttle"),
        "graph-refused", "to resume",
    ),
    "the service stumbles": Case(
        CREATE, refusal(503, "ServiceUnavailable", "The service is unavailable."), "graph-refused", "to resume"
    ),
    "no token": Case(
        READ,
        refusal(401, "InvalidAuthenticationToken", "Access token is empty."),
        "graph-sign-in", "az login", SignInFailed,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_each_refusal_has_its_code_the_services_words_a_way_out_and_whether_it_is_waited_for(case: Case) -> None:
    """A real mistake that is waited for costs five minutes; a new object that is not, is refused before it is seen."""
    error = told(case.answer, case.step)
    assert (type(error), error.code) == (case.kind, case.code)
    said = case.answer.body["error"]
    assert f"{said['code']}: {said['message']}" in error.message
    assert case.step in error.message
    assert case.remedy in error.remedy
    assert error.request_id == REQUEST_ID
    if isinstance(error, ServiceError):
        kept = (error.status, error.service_code, error.service_message)
        assert kept == (case.answer.status, said["code"], said["message"])
        assert (is_lag(error), error.contention is not None) == (case.lag, CONCURRENT in said["message"])
        assert not (error.contention and error.answer_lost)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1", 1.0), ("0.249", 0.249), ("0", 0.0), ("", None), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        (None, None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_a_date_or_nothing(header: str | None, seconds: float | None) -> None:
    headers = {} if header is None else {"Retry-After": header}
    assert service_error(refusal(429, "TooManyRequests", "", headers=headers)).retry_after == seconds


def test_a_retry_after_that_is_a_date_is_waited_for() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    dated = service_error(refusal(429, "TooManyRequests", "", headers={"Retry-After": moment})).retry_after
    assert dated is not None
    assert 55 < dated <= 60


LEAST = {
    READ: ("Application.Read.All and Organization.Read.All", "Directory Readers"),
    CREATE: ("Application.ReadWrite.OwnedBy", "Application Developer"),
    CHANGE: ("Application.ReadWrite.OwnedBy", "Cloud Application Administrator"),
    RESTORE: ("Application.ReadWrite.All", "Cloud Application Administrator"),
    PRINCIPAL: ("Application.ReadWrite.OwnedBy", "Cloud Application Administrator"),
    SECRET: ("Application.ReadWrite.OwnedBy", "Cloud Application Administrator"),
    GraphOperation.REMOVE_CREDENTIAL: ("Application.ReadWrite.OwnedBy", "Cloud Application Administrator"),
    CERTIFICATE: ("Application.ReadWrite.OwnedBy", "Cloud Application Administrator"),
    FEDERATED: ("Application.ReadWrite.OwnedBy", "Cloud Application Administrator"),
    CONSENT: ("AppRoleAssignment.ReadWrite.All and Application.Read.All", "Cloud Application Administrator"),
    GraphOperation.REVOKE: ("AppRoleAssignment.ReadWrite.All", "Cloud Application Administrator"),
    GraphOperation.DELETE_APPLICATION: ("Application.ReadWrite", "Cloud Application Administrator"),
    GraphOperation.PURGE_APPLICATION: ("Application.ReadWrite", "Cloud Application Administrator"),
}


@pytest.mark.parametrize(("step", "least"), LEAST.items(), ids=LEAST.keys())
def test_a_missing_permission_names_the_least_role_and_the_least_permission(
    step: GraphOperation, least: tuple[str, str]
) -> None:
    denied = refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    error = told(denied, step)
    assert isinstance(error, PermissionMissing)
    assert (error.code, error.exit_code) == ("permission-missing", 4)
    permission, role = least
    assert f"the role {role} (for a person)" in error.remedy
    assert permission in error.remedy
    assert "Privileged Role Administrator" in error.remedy


@pytest.mark.parametrize(("status", "lost"), [(408, True), (500, True), (502, True), (503, True), (504, True),
                                              (400, False), (404, False), (409, False), (429, False)])  # fmt: skip
def test_whether_a_request_may_have_taken_effect_is_told_by_its_status(status: int, lost: bool) -> None:
    assert service_error(Answer(status, PAGE, {"Content-Type": "text/html"}), SECRET).answer_lost is lost


@pytest.mark.parametrize(
    "body", [b"{", PAGE, b"\xff\xfe", b'{"value": [{"id": "6d2f'], ids=["brace", "page", "bytes", "cut"]
)
def test_a_success_that_was_cut_off_counts_as_lost(body: bytes) -> None:
    error = service_error(Answer(200, body), SECRET)
    assert (error.code, error.answer_lost) == ("graph-unreachable", True)
    assert SECRET in error.message


def test_a_success_without_a_body_is_none() -> None:
    assert asyncio.run(graph_session(Answer(204, b"", {})).send("GET", "/applications", CHANGE)) is None


def test_an_error_that_is_nobodys_refusal_is_not_hidden() -> None:
    """A bug of ours must not be told as Microsoft's refusal."""
    with pytest.raises(ZeroDivisionError):
        asyncio.run(graph_session(ZeroDivisionError()).send("GET", "/applications", CREATE))


# --- refusals that mean that the work is done ---


def directory(act: Callable[[GraphDirectory], Awaitable[object]], *answers: Answer) -> object:
    """What the directory makes of these answers."""

    async def main() -> object:
        return await act(GraphDirectory(graph_session(*answers)))

    return asyncio.run(main())


def assign(to: GraphDirectory) -> Awaitable[object]:
    return to.assign(PrincipalId(OBJECT), PrincipalId(OBJECT), AppRoleId(OBJECT), is_new=False)


def revoke(at: GraphDirectory) -> Awaitable[object]:
    return at.revoke(PrincipalId("s"), "assignment")


@pytest.mark.parametrize(
    ("act", "answer"),
    [
        (assign, refusal(400, "Request_BadRequest", "Permission being assigned already exists on the object")),
        (assign, refusal(400, "Request_MultipleObjectsWithSameKeyValue", "EntitlementGrant entry already exists.")),
        (revoke, refusal(404, "Request_ResourceNotFound", NOT_FOUND)),
        (revoke, refusal(400, "Request_BadRequest", "EntitlementGrant being updated or deleted is not found")),
        (
            lambda directory: directory.application_by_client_id(ClientId(guid("c"))),
            refusal(404, "Request_ResourceNotFound", NOT_FOUND),
        ),
    ],
)
def test_what_is_so_already_is_no_error(act: Callable[[GraphDirectory], Awaitable[object]], answer: Answer) -> None:
    """All texts are in use: some come for a repetition whose first answer was lost, or has not replicated yet."""
    assert directory(act, answer) is None


@pytest.mark.parametrize("act", [assign, revoke])
def test_any_other_refusal_is_an_error(act: Callable[[GraphDirectory], Awaitable[object]]) -> None:
    with pytest.raises(ServiceError):
        directory(act, refusal(400, "Request_BadRequest", "Not a valid reference update."))


def test_a_service_principal_that_is_there_is_read() -> None:
    conflict = refusal(409, "Request_MultipleObjectsWithSameKeyValue", "The name is already in use.", "ObjectConflict")
    row = {"id": guid("p"), "appId": guid("c"), "displayName": "Import", "servicePrincipalType": "Application"}
    found = directory(lambda one: one.create_principal(ClientId(guid("c")), is_new=False), conflict, Answer(200, row))
    assert getattr(found, "id", None) == guid("p")


@pytest.mark.parametrize(
    "act",
    [
        lambda directory: directory.restore_application(Application(OBJECT)),
        lambda directory: directory.register_application(
            Application(display_name="n", unique_name="u"), PrincipalId(OBJECT)
        ),
        lambda directory: directory.remove_secret(OBJECT, KeyId(OBJECT)),
        lambda directory: directory.create_principal(ClientId(OBJECT), is_new=False),
        assign,
    ],
    ids=["restore", "register", "remove secret", "principal", "assign"],
)
@pytest.mark.parametrize("status", [400, 409])
def test_nothing_is_concluded_from_a_write_that_another_one_was_in_the_way_of(
    act: Callable[[GraphDirectory], Awaitable[object]], status: int
) -> None:
    busy, found = refusal(status, "Directory_ConcurrencyViolation", CONCURRENT), Answer(200, {"id": OBJECT})
    with pytest.raises(ServiceError) as told:
        directory(act, busy, found)
    assert told.value.contention is not None
