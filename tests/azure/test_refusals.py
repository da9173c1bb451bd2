"""What Graph, Resource Manager and Key Vault refuse, or answer oddly: one error each, and the way
out.
"""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from mct_s2s.azure.refusals import DELETED, GraphOperation, is_lag
from mct_s2s.azure.sign_in.methods import Challenge
from mct_s2s.errors import (
    NoSuchObject,
    PermissionMissing,
    S2SError,
    ServiceError,
    SignInFailed,
    VaultPermissionMissing,
)
from mct_s2s.model.ids import ClientId

from tests.azure.raw import (
    ODD_BODIES,
    REQUEST_ID,
    SITE,
    SUBSCRIPTION,
    TENANT,
    Answer,
    SignedIn,
    arm_session,
    challenge,
    graph_session,
    refusal,
    told,
    vault_told,
)
from tests.azure.raw import graph_session as graph

# msgraph-sdk's own modules warn of their deprecation when they are imported.
pytestmark = pytest.mark.filterwarnings(
    "ignore:(GetQueryParameters|This class) is deprecated:DeprecationWarning"
)

READ, CREATE, CHANGE = (
    GraphOperation.READ,
    GraphOperation.CREATE_APPLICATION,
    GraphOperation.CHANGE_APPLICATION,
)
PRINCIPAL, CONSENT, SECRET = (
    GraphOperation.CREATE_PRINCIPAL,
    GraphOperation.CONSENT,
    GraphOperation.ADD_SECRET,
)
WRITE = "write the application settings"
OBJECT = "6d2f7a55-5b61-4c5f-9a4f-1d7f0b7b6c11"
AGAIN, RESUME = "Run the same command again", "to resume"
ARM_BUSY, GRAPH_BUSY = "Wait until the other operation has finished", "in a few minutes"
CONCURRENT = (
    "Error due to concurrent requests being made to the tenant. Please wait briefly and retry."
)
IN_PROGRESS = "Cannot modify this site because another operation is in progress."
NO_MFA = (
    "Resource was disallowed by policy. Users must use MFA for Create operation. Users must "
    "authenticate with multi-factor authentication to create or update resources."
)
NOT_PER_POLICY = (
    f"Credential lifetime exceeds the max value allowed as per assigned policy '{OBJECT}'."
)
RBAC = (
    "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny "
    "assignments or role definitions were changed recently, please observe propagation time.\r\n"
    f"Caller: appid={OBJECT};oid={OBJECT};iss=https://sts.windows.net/t/\r\n"
    "Action: 'Microsoft.KeyVault/vaults/secrets/setSecret/action'\r\nAssignment: (not found)\r\n"
    "DecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: contoso;location=westeurope\r\n"
)
MFA, REVOKED = "eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6e319fQ==", "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7fX19"


@dataclass(frozen=True)
class Case:
    """A refusal, and what becomes of it."""

    status: int
    said: str
    """The service's code."""
    message: str
    code: str
    remedy: str
    """Words that the way out has to hold."""
    kind: type[S2SError] = ServiceError
    step: str = WRITE
    lag: bool = False
    """Whether it can mean that an object made moments ago has not reached every replica."""
    inner: str = ""
    """A code within the code."""
    headers: Mapping[str, str] = field(default_factory=dict)


GRAPH = {
    "no privileges to read": Case(
        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.",
        "permission-missing", "Directory Readers", PermissionMissing, READ,
    ),
    "an object that is not there, or not yet": Case(
        404, "Request_ResourceNotFound",
        f"Resource '{OBJECT}' does not exist or one of its queried reference-property objects are "
        "not present.",
        "graph-refused", AGAIN, step=READ, lag=True,
    ),
    "fresh directory data": Case(
        404, "Directory_ObjectNotFound",
        "Unable to read the company information from the directory.",
        "graph-refused", AGAIN, step=READ, lag=True,
    ),
    "secrets are forbidden by policy": Case(
        400, "CredentialTypeNotAllowedAsPerAppPolicy",
        "Credential type not allowed as per assigned policy 'x'.",
        "secrets-forbidden", "--credential certificate", step=SECRET,
    ),
    "the lifetime is forbidden by policy": Case(
        400, "CredentialInvalidLifetimeAsPerAppPolicy", NOT_PER_POLICY,
        "secret-lifetime-forbidden", "--secret-lifetime", step=SECRET, inner="InvalidKeyEndDate",
    ),
    "a certificate's lifetime is forbidden by policy": Case(
        400, "CredentialInvalidLifetimeAsPerAppPolicy", NOT_PER_POLICY,
        "graph-refused", "--certificate FILE", step=GraphOperation.ADD_CERTIFICATE,
    ),
    "a registration needs to say which service it belongs to": Case(
        400, "ServiceTreeValueMissing",
        "ServiceManagementReference field is required for Create, but is missing in the request. "
        "Refer to the TSG `https://aka.ms/service-management-reference-error` for resolving the "
        "error",
        "management-reference-needed", "--service-management-reference ID", step=CREATE,
    ),
    "it names a service that nobody knows": Case(
        400, "ServiceTreeInvalid",
        "Invalid value provided for property ServiceManagementReference: Service not found for id "
        f"{OBJECT}",
        "management-reference-needed", "--service-management-reference ID", step=CHANGE,
    ),
    "another issuer is forbidden by policy": Case(
        400, "Request_BadRequest",
        "The issuer 'https://ci.example' is not allowed as per assigned policy.",
        "graph-refused", "--credential certificate", step=GraphOperation.ADD_FEDERATED_CREDENTIAL,
    ),
    "a deleted registration keeps its name": Case(
        400, "Request_BadRequest",
        "Another object with the same value for property uniqueName already exists.",
        "name-taken", "deleted registration", step=CREATE,
    ),
    "a name is not one that can be had": Case(
        400, "Request_BadRequest",
        "Invalid value specified for property 'uniqueName' of resource 'Application'.",
        "graph-refused", AGAIN, step=GraphOperation.NAME_APPLICATION,
    ),
    "a URI is taken": Case(
        400, "Request_BadRequest",
        "Another object with the same value for property identifierUris already exists.",
        "uri-taken", "deleted registration", step=CHANGE, inner="ObjectConflict",
    ),
    "a URI on a domain that is not verified, or not yet": Case(
        400, "HostNameNotOnVerifiedDomain",
        "Values of identifierUris property must use a verified domain of the organization: "
        f"'api://{OBJECT}'",
        "graph-refused", AGAIN, step=CHANGE, lag=True,
    ),
    "a URI that the tenant's policy forbids": Case(
        400, "InvalidUniqueTenantIdentifierAsPerAppPolicy",
        "Failed to add identifier URI api://plain-name. All newly added URIs must contain a tenant "
        "verified domain, tenant ID, or app ID, as per the default tenant policy of your "
        "organization.",
        "graph-refused", "without --service-app", step=CHANGE,
    ),
    "the application of a service principal is not known yet": Case(
        400, "Request_BadRequest",
        f"The appId '{OBJECT}' of the service principal does not reference a valid application "
        "object.",
        "graph-refused", AGAIN, step=PRINCIPAL, lag=True, inner="NoBackingApplicationObject",
    ),
    "the same for a caller that owns what it makes": Case(
        403, "Authorization_RequestDenied",
        "When using this permission, the backing application of the service principal being "
        "created must in the local tenant", "graph-refused", AGAIN, step=PRINCIPAL, lag=True,
    ),
    "an assignment whose parts are not known yet": Case(
        400, "Request_BadRequest", "Not a valid reference update.", "graph-refused", AGAIN,
        step=CONSENT, lag=True
    ),
    "a role that the service principal does not show yet": Case(
        400, "Request_BadRequest",
        f"Permission being assigned was not found on application '{OBJECT}'.",
        "graph-refused", AGAIN, step=CONSENT, lag=True,
    ),
    "an assignment that is there": Case(
        400, "Request_BadRequest", "Permission being assigned already exists on the object",
        "graph-refused", "deleted registration", step=CONSENT,
    ),
    "another write is in progress": Case(
        409, "Directory_ConcurrencyViolation", CONCURRENT, "graph-refused", GRAPH_BUSY, step=CHANGE
    ),
    "the same by its words": Case(
        503, "ServiceUnavailable", CONCURRENT, "graph-refused", GRAPH_BUSY, step=SECRET
    ),
    "too many requests": Case(
        429, "TooManyRequests", "Too many requests from Identifier:x under category:throttle",
        "graph-refused", RESUME, step=CREATE,
    ),
    "the service stumbles": Case(
        503, "ServiceUnavailable", "The service is unavailable.", "graph-refused", RESUME,
        step=CREATE
    ),
    "no token": Case(
        401, "InvalidAuthenticationToken", "Access token is empty.", "graph-sign-in", "az login",
        SignInFailed, READ
    ),
}  # fmt: skip
ARM = {
    "a role is missing": Case(
        403, "AuthorizationFailed",
        f"The client '{OBJECT}' with object id '{OBJECT}' does not have authorization to perform "
        "action 'Microsoft.Web/sites/config/list/action' over scope "
        f"'{SITE}/config/appsettings' or the scope is invalid.",
        "permission-missing", "the role Website Contributor", PermissionMissing,
    ),
    "a managed application denies it": Case(
        403, "DenyAssignmentAuthorizationFailed",
        f"The client 'admin@contoso.com' with object id '{OBJECT}' has permission to perform "
        "action 'Microsoft.Web/sites/config/write' on scope "
        f"'{SITE}'; however, the access is denied because of the deny assignment with name 'System "
        f"deny assignment' and Id '{OBJECT}'.",
        "permission-missing", "--no-app-service --handoff", PermissionMissing,
    ),
    "a policy forbids it": Case(
        403, "RequestDisallowedByPolicy",
        "Resource was disallowed by policy. Policy identifiers: 'x'.",
        "permission-missing", "exemption", PermissionMissing,
    ),
    "the site is not there": Case(
        404, "ResourceNotFound", "The Resource 'Microsoft.Web/sites/x' under resource group "
            "'mct-prod' was not found.",
        "not-found", "Check the name", NoSuchObject,
    ),
    "the subscription is not there": Case(
        404, "SubscriptionNotFound", f"The subscription '{SUBSCRIPTION}' could not be found.",
        "not-found", "--cloud", NoSuchObject,
    ),
    "a lock": Case(
        409, "ScopeLocked",
        f"The scope '{SITE}/config/appsettings' cannot perform write operation because following "
        "scope(s) are locked: "
        f"'{str(SITE).lower()}'. Please remove the lock and try again.", "locked",
        "az lock list",
    ),
    "two writes at once": Case(409, "Conflict", IN_PROGRESS, "arm-refused", ARM_BUSY),
    "two writes at once, told as throttling": Case(429, "Conflict", IN_PROGRESS, "arm-refused",
                                                   ARM_BUSY),
    "two writes to a Container App": Case(
        409, "ContainerAppOperationInProgress",
        "Cannot modify a container app 'hr-sync' because another operation is in progress.",
        "arm-refused", ARM_BUSY,
    ),
    "two writes to a virtual machine": Case(
        409, "Conflict", "The request failed due to conflict with a concurrent request.",
        "arm-refused", ARM_BUSY
    ),
    "two writes to a resource": Case(409, "AnotherOperationInProgress", "Please retry.",
                                     "arm-refused", ARM_BUSY),
    "an api-version that this cloud does not know": Case(
        400, "NoRegisteredProviderFound",
        "No registered resource provider found for location 'usgovvirginia' and API version "
        "'2024-11-01' for type 'sites'. The supported api-versions are '2024-04-01, "
        "2023-12-01'.", "arm-refused",
        "as you installed it",
    ),
    "an api-version that does not exist": Case(
        400, "InvalidApiVersionParameter", "The api-version '2023-02-01' is invalid.",
        "arm-refused", "as you installed it",
    ),
    "a principal that is not known yet": Case(
        400, "PrincipalNotFound",
        f"Principal {OBJECT.replace('-', '')} does not exist in the directory.",
        "arm-refused", AGAIN,
    ),
    "too many requests": Case(429, "TooManyRequests", "The request is being throttled.",
                              "arm-refused", RESUME),
    "the service stumbles": Case(500, "InternalServerError", "There was an error.", "arm-refused",
                                 RESUME),
    "a token of another tenant": Case(
        401, "InvalidAuthenticationTokenTenant",
        "The access token is from the wrong issuer 'https://sts.windows.net/a/'. It must match the "
        "tenant 'https://sts.windows.net/b/' associated with this subscription.",
        "arm-sign-in", "--tenant ID", SignInFailed,
    ),
    "an expired token": Case(
        401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than now.",
        "arm-sign-in", "az login", SignInFailed,
    ),
    "a second factor is asked for": Case(
        401, "RequestDisallowedByPolicy", NO_MFA, "mfa-required",
        f"az login --tenant {TENANT} --scope https://management.azure.com/.default "
        f"--claims-challenge {MFA}",
        SignInFailed, headers=challenge(MFA),
    ),
    "a second factor is asked for by a policy alone": Case(
        403, "RequestDisallowedByPolicy", NO_MFA, "mfa-required",
        "az logout; az login --scope https://management.azure.com/.default --claims-challenge "
        "eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlcyI6WyJwMSJdfX19",
        SignInFailed,
    ),
    "a sign-in was revoked": Case(
        401, "AuthenticationFailed", "Revoked.", "sign-in-again", f"--claims-challenge {REVOKED}",
        SignInFailed,
        headers=challenge(REVOKED),
    ),
}  # fmt: skip
VAULT = {
    "no role": Case(
        403, "Forbidden", RBAC, "permission-missing",
        f"--assignee-object-id {OBJECT} --role 'Key Vault Secrets Officer'", VaultPermissionMissing,
        inner="ForbiddenByRbac",
    ),
    "no role, and not said whose": Case(
        403, "Forbidden", "No.", "permission-missing",
        "--assignee-object-id YOUR-OBJECT-ID --role 'Key Vault Secrets Officer'",
        VaultPermissionMissing,
        inner="ForbiddenByRbac",
    ),
    "no access policy": Case(
        403, "Forbidden",
        f"The user, group or application 'appid={OBJECT};oid={OBJECT};iss=x' does not have secrets "
        "set permission on key vault 'contoso;location=westeurope'.",
        "permission-missing", f"az keyvault set-policy --name contoso --object-id {OBJECT}",
        VaultPermissionMissing,
        inner="AccessDenied",
    ),
    "another network": Case(
        403, "Forbidden", "Client address is not authorized and caller is not a trusted service.",
        "vault-network", "az keyvault network-rule add --name contoso", VaultPermissionMissing,
        inner="ForbiddenByFirewall",
    ),
    "only private links": Case(
        403, "Forbidden", "Public network access is disabled.",
        "vault-network", "az keyvault network-rule add", VaultPermissionMissing,
        inner="ForbiddenByConnection",
    ),
    "a disabled secret": Case(
        403, "Forbidden", "Operation get is not allowed on a disabled secret.",
        "vault-refused", "--verbose", inner="SecretDisabled",
    ),
    "a secret that was deleted": Case(
        409, "Conflict", "Secret import is currently in a deleted but recoverable state.",
        "vault-refused", RESUME, inner=DELETED,
    ),
    "a deletion under way": Case(
        409, "Conflict", "Secret import is currently being deleted.", "vault-refused", RESUME,
        inner="ObjectIsBeingDeleted",
    ),
    "a secret that is not there": Case(
        404, "SecretNotFound", "A secret with (name/id) import was not found in this key vault.",
        "not-found", "Check the name", NoSuchObject,
    ),
    "an api-version that the vault does not know": Case(
        400, "BadParameter", "The specified version (7.6) is not recognized.", "vault-refused",
        "--verbose"
    ),
    "too many requests": Case(429, "Throttled", "Too many requests.", "vault-refused", RESUME),
    "the service stumbles": Case(500, "InternalError", "Unexpected.", "vault-refused", RESUME),
    "a token of another tenant": Case(
        401, "Unauthorized",
        "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/t/.",
        "vault-sign-in", "--tenant ID", SignInFailed,
    ),
}  # fmt: skip
ALL = [
    (service, name)
    for service, table in (("graph", GRAPH), ("arm", ARM), ("vault", VAULT))
    for name in table
]


@pytest.mark.parametrize(("service", "name"), ALL)
def test_each_refusal_has_its_code_the_services_words_a_way_out_and_whether_to_wait(
    service: str, name: str
) -> None:
    """A real mistake that is waited for costs five minutes; a new object that is not, is refused
    before it is seen.
    """
    case = {"graph": GRAPH, "arm": ARM, "vault": VAULT}[service][name]
    error: Any
    match service:
        case "graph":
            details = (
                {"details": [{"code": case.inner, "message": case.message}]} if case.inner else {}
            )
            error = told(
                graph,
                refusal(case.status, case.said, case.message, case.headers, **details),
                case.step,
            )
            assert f"{case.said}: {case.message}" in error.message
        case "arm":
            error = told(
                arm_session, refusal(case.status, case.said, case.message, case.headers), case.step
            )
            assert f"{case.said}: {case.message}" in error.message
        case _:
            inner = {"innererror": {"code": case.inner}} if case.inner else {}
            error = vault_told(refusal(case.status, case.said, case.message, **inner))
            assert " ".join(case.message.split()) in error.message, (
                "the service's words, on one line"
            )
            assert (case.inner or case.said) in error.message
            assert "contoso" in error.message or "store a secret" in error.message
    assert (type(error), error.code, error.request_id) == (case.kind, case.code, REQUEST_ID)
    assert case.remedy in error.remedy
    assert service == "vault" or case.step in error.message
    if isinstance(error, ServiceError):
        said = case.inner if service == "vault" and case.inner else case.said
        assert (error.status, error.service_code) == (case.status, said)
        assert service != "graph" or is_lag(error) == case.lag
        assert (error.contention is not None) is (case.remedy in {ARM_BUSY, GRAPH_BUSY}), (
            "nothing was applied"
        )
        assert not (error.contention and error.answer_lost)


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


AT_GRAPH = Service(
    graph_session, lambda session: session.send("GET", "/applications", CREATE), "graph", CREATE
)
AT_ARM = Service(
    arm_session, lambda session: session.send("GET", "/subscriptions", WRITE), "arm", WRITE
)
BY_SDK = Service(
    arm_session,
    lambda session: session.call(
        lambda: session.client(SUBSCRIPTION).web_apps.get("mct-prod", "contosolearn"), WRITE
    ),
    "arm",
    WRITE,
)
ODD = [
    (service, odd)
    for service in (AT_GRAPH, AT_ARM, BY_SDK)
    for odd in ODD_BODIES
    if service is AT_GRAPH or odd != UNDECODABLE
]
both = pytest.mark.parametrize("service", [AT_GRAPH, AT_ARM], ids=["Graph", "Resource Manager"])


MACHINE = f"{SITE.group}/providers/Microsoft.Compute/virtualMachines/etl"
LIST = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Web/sites"


@pytest.mark.parametrize(
    ("path", "action", "scope", "role"),
    [
        (f"{SITE}/config/appsettings", "Microsoft.Web/sites/config/write", SITE,
         "Website Contributor"),
        (f"{SITE}/slots", "Microsoft.Web/sites/slots/read", SITE, "Website Contributor"),
        (f"{SITE}/slots/new/restart", "Microsoft.Web/sites/slots/restart/action",
         f"{SITE}/slots/new", "Website Contributor"),
        (MACHINE, "Microsoft.Compute/virtualMachines/write", MACHINE,
         "Virtual Machine Contributor"),
        (f"/subscriptions/{SUBSCRIPTION}", "Microsoft.Resources/subscriptions/read",
         f"/subscriptions/{SUBSCRIPTION}", "Reader"),
        (LIST, "Microsoft.Web/sites/read", "", ""),
        (MACHINE, "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", "", ""),
    ],
    ids=["settings", "slots", "a slot", "a machine", "a subscription", "a list",
         "another resource than was meant"],
)  # fmt: skip
def test_a_refused_role_comes_with_the_command_that_assigns_it_at_the_resource(
    path: str, action: str, scope: object, role: str
) -> None:
    """The scope is that of the request; the service's words name the caller alone."""
    words = (
        f"The client 'x' with object id '{OBJECT}' does not have authorization to perform action "
        f"'{action}' over scope '/subscriptions/{OBJECT}' or the scope is invalid."
    )
    session = arm_session(refusal(403, "AuthorizationFailed", words))
    with pytest.raises(PermissionMissing) as refused:
        asyncio.run(session.send("GET", path, WRITE))
    command = ""
    if scope:
        command = (
            f"az role assignment create --assignee-object-id {OBJECT} --role {shlex.quote(role)} "
            f"--scope {scope}"
        )
    (missing,) = refused.value.missing
    assert (refused.value.command, missing.command) == (command, command)
    assert refused.value.advice.endswith("They run:") is bool(command)


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
    return {"request-id" if service is AT_GRAPH else "x-ms-request-id": REQUEST_ID}


def test_a_body_of_an_unknown_type_leaves_its_status() -> None:
    """A refused restart counts as one whose answer was lost: `not restarted` is told as `asked
    for`.
    """
    error = AT_ARM.told(Answer(400, *ODD_BODIES[UNDECODABLE]))
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
    """A secret that was perhaps made is looked for only if the error says so; a restart is not
    asked for again.
    """
    result = service.told(error)
    assert isinstance(result, ServiceError)
    assert (result.code, result.status, result.answer_lost) == (
        f"{service.name}-unreachable",
        0,
        True,
    )
    assert service.step in result.message
    assert (str(error).rstrip(".") or "no response in time") in result.message
    assert "to resume" in result.remedy


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
    """A token that was revoked, or expired early, must not end a command that a new one would let
    go on.
    """
    refused = Answer(
        401, {"error": {"code": "ExpiredAuthenticationToken", "message": "The token is expired."}}
    )
    assert repeated(service, refused).forgotten == 1


@both
@pytest.mark.parametrize("status", [401, 403])
def test_claims_that_a_service_asks_for_are_brought_and_the_request_is_sent_once_more(
    service: Service, status: int
) -> None:
    asked = challenge("eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6e319fQ==")
    signed_in = repeated(service, Answer(status, b"", asked), brings=True)
    (brought,) = signed_in.brought
    assert brought == Challenge('{"access_token":{"acrs":{}}}', TENANT, second_factor=True)
    assert signed_in.forgotten == 0


def test_a_vault_that_does_not_say_whom_it_refused_is_opened_to_the_application_signed_in() -> None:
    signed_in = SignedIn(client_id=ClientId(OBJECT))
    refused = vault_told(refusal(403, "Forbidden", "No."), signed_in)
    assert f"az role assignment create --assignee {OBJECT} --role " in refused.remedy
