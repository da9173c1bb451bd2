"""The login service's refusals, of whoever runs a command and of the MCT API's clients: raw answers, our errors."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity import CredentialUnavailableError
from mct_s2s.azure.clouds import PUBLIC
from mct_s2s.azure.sign_in.caller_credential import Again, CallerCredential
from mct_s2s.azure.sign_in.client_refusals import PROPAGATING, identity_refused
from mct_s2s.azure.sign_in.client_tokens import EntraTokens
from mct_s2s.azure.sign_in.login_refusals import refused
from mct_s2s.azure.sign_in.methods import service_principal
from mct_s2s.azure.trace import silent
from mct_s2s.errors import S2SError, ServiceError, SignInFailed
from mct_s2s.model.client_sign_in import ClientSignIn, SecretCredential
from mct_s2s.model.ids import ClientId, TenantId

from tests.azure.raw import HTML, PAGE, Answer, Once, Wire, connection

TENANT, APP = "3f1d0c52-7a0b-4c1e-8a55-0c6f5d1b2a77", "c1a0be0e-92b5-4f0e-a9c5-3f4f27d1a8a1"
TRACE = "0f4e3b0b-7c1f-4b35-8f9d-4d2f6d0a1b00"
SECRET = "the-secret-itself"
SPLIT = f"\r\nTrace ID: {TRACE}\r\nCorrelation ID: {APP}\r\nTimestamp: 2023-06-30 12:00:00Z"
JOINED = f" Trace ID: {TRACE} Correlation ID: {APP} Timestamp: 2026-09-30 12:00:00Z"
"""How the token service ends a message: on lines of their own until 2023, on one line since 2024."""


def refusal(status: int, error: str, number: str, words: str, trailer: str = JOINED, **more: object) -> Answer:
    """An answer of the token service."""
    body = {
        "error": error,
        "error_description": f"AADSTS{number}: {words}{trailer}",
        "error_codes": [int(number)],
        "timestamp": "2026-09-30 12:00:00Z",
        "trace_id": TRACE,
        "correlation_id": APP,
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
        **more,
    }
    return Answer(status, body, {"Content-Type": "application/json; charset=utf-8", "x-ms-request-id": TRACE})


def mismatch(number: str, what: str) -> Answer:
    """A foreign token that no federated credential fits."""
    words = f"No matching federated identity record found for presented assertion {what} 'presented-{what}'."
    return refusal(401, "invalid_client", number, words)


def transport(*answers: Answer | Exception) -> AioHttpTransport:
    return AioHttpTransport(session=cast("Any", Wire(*answers)), session_owner=False)


def signing_in(*answers: Answer | Exception) -> S2SError:
    """What the user is told when the login service answers their own sign-in so."""

    async def main() -> None:
        credential = service_principal(TENANT, APP, SECRET, connection(*answers))
        await credential.get_token("https://graph.microsoft.com/.default")

    with pytest.raises(S2SError) as raised:
        asyncio.run(main())
    return raised.value


def as_client(*answers: Answer | Exception) -> ServiceError:
    """What is told when the login service answers a client of the MCT API so."""

    async def main() -> None:
        tokens = EntraTokens(PUBLIC.login, transport(*answers), Once(), silent)
        sign_in = ClientSignIn(TenantId(TENANT), ClientId(APP), SecretCredential(SECRET))
        await tokens.token(sign_in, "api://x/.default", is_new=False, role=None)

    with pytest.raises(ServiceError) as raised:
        asyncio.run(main())
    return raised.value


@dataclass(frozen=True)
class Case:
    """A refusal, and what it is told as."""

    answer: Answer
    own: str
    """Words of the way out for whoever runs the command."""
    client: str
    """Words of the way out for a client of the API."""
    propagating: bool
    """Whether it may be about something that was made minutes ago."""


REFUSALS = {
    "a wrong secret": Case(
        refusal(
            401, "invalid_client", "7000215",
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{APP}'.",
        ),
        "AZURE_CLIENT_SECRET", "rotate-secret", True,
    ),
    "an expired secret": Case(
        refusal(
            401, "invalid_client", "7000222",
            f"The provided client secret keys for app '{APP}' are expired. Visit the Azure portal to create new keys.",
        ),
        "Create a new secret", "rotate-secret", True,
    ),
    "an unknown application": Case(
        refusal(
            400, "unauthorized_client", "700016",
            f"Application with identifier '{APP}' was not found in the directory 'Contoso'.",
        ),
        "AZURE_CLIENT_ID", "add-client", True,
    ),
    "no service principal": Case(
        refusal(
            401, "invalid_client", "7000229",
            f"The client application {APP} is missing service principal in the tenant {TENANT}.",
        ),
        "--tenant", "add-client", True,
    ),
    "an unknown tenant": Case(
        refusal(400, "invalid_request", "90002", f"Tenant '{TENANT}' not found."), "--cloud", "AZURE_TENANT_ID", False
    ),
    "no tenant of its own": Case(
        refusal(400, "invalid_request", "50059", "No tenant-identifying information found in the request."),
        "the tenant's ID", "rotate-secret", False,
    ),
    "common for a tenant": Case(
        refusal(400, "invalid_request", "900023", "Specified tenant identifier 'x' is neither a valid DNS name."),
        "AZURE_TENANT_ID", "rotate-secret", False,
    ),
    "Conditional Access": Case(
        refusal(400, "invalid_grant", "53003", "Access has been blocked by Conditional Access policies."),
        "policy allows", "policy allows", False,
    ),
    "a tenant of another cloud": Case(
        refusal(400, "invalid_request", "90038", "The tenant belongs to another national cloud."),
        "--cloud", "--cloud", False,
    ),
    "a wrong certificate": Case(
        refusal(401, "invalid_client", "700027", "Client assertion failed signature validation."),
        "AZURE_CLIENT_CERTIFICATE_PATH", "rotate-secret", True,
    ),
    "no such resource": Case(
        refusal(400, "invalid_resource", "500011", "The resource principal named api://x was not found."),
        "Sign in again", "mct-s2s setup", True,
    ),
    "not assigned": Case(
        refusal(400, "invalid_grant", "501051", f"Application '{APP}'(Import) is not assigned to a role."),
        "Sign in again", "add-client", True,
    ),
    "disabled": Case(
        refusal(400, "unauthorized_client", "7000112", f"Application '{APP}'(Import) is disabled."),
        "Sign in again", f"az ad app update --id {APP}", False,
    ),
    "no federated credential": Case(
        refusal(
            401, "invalid_client", "70025",
            f"The client '{APP}'(Import) has no configured federated identity credentials.",
        ),
        "federated-credential list", f"add-client {APP} --credential federated", True,
    ),
    "another issuer": Case(mismatch("700211", "issuer"), "federated-credential list", "--federated-issuer", True),
    "another audience": Case(mismatch("700212", "audience"), "federated-credential list", "--federated", True),
    "another subject": Case(mismatch("700213", "subject"), "federated-credential list", "--federated-subject", True),
    "a subject in another case": Case(
        mismatch("7002138", "subject"), "federated-credential list", "--federated-subject", True
    ),
    "consent is missing": Case(
        refusal(
            400, "invalid_grant", "65001",
            f"The user or administrator has not consented to use the application with ID '{APP}' named 'Import'.",
            suberror="consent_required",
        ),
        "--auth", "rotate-secret", False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refused_sign_in_says_why_in_entras_words_and_what_to_set(case: Case) -> None:
    error = signing_in(case.answer)
    assert isinstance(error, SignInFailed)
    assert (error.code, error.exit_code, error.request_id) == ("sign-in-failed", 4, TRACE)
    assert case.answer.body["error_description"].split(" Trace ID")[0][:200] in error.message
    assert APP in error.message, "as whom"
    assert case.own in error.remedy
    assert SECRET not in error.message + error.remedy


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refused_client_says_why_and_which_command_mends_it(case: Case) -> None:
    error = as_client(case.answer)
    number = str(case.answer.body["error_codes"][0])
    assert (error.code, error.exit_code, error.status) == ("token-refused", 1, case.answer.status)
    assert error.service_code == number
    assert f"AADSTS{number}" in error.message
    assert case.client in error.remedy
    assert (error.service_code in PROPAGATING) is case.propagating
    assert not error.answer_lost, "a refusal is no answer that was lost"
    assert SECRET not in error.message + error.remedy


def test_a_workflow_whose_subject_does_not_fit_is_told_the_command_that_lets_it_in() -> None:
    said = "No matching federated identity record found for presented assertion subject '{}'."
    immutable = as_client(
        refusal(401, "invalid_client", "700213", said.format("repo:contoso@1/Learn@2:ref:refs/heads/main"))
    )
    assert f"mct-s2s add-client {APP} --credential federated --github contoso@1/Learn@2:main" in immutable.remedy
    other = as_client(refusal(401, "invalid_client", "700213", said.format("repo:contoso/Learn:environment:x")))
    assert "--github" not in other.remedy


@pytest.mark.parametrize("number", ["50072", "50074", "50076", "50078", "50079"])
def test_a_second_factor_that_entra_asks_for_is_told_with_the_commands(number: str) -> None:
    """`az account get-access-token` fails so; the remedy never is to ask for a permission."""
    error = ClientAuthenticationError(f"AADSTS{number}: Due to a configuration change you must use MFA.{JOINED}")
    login = "az logout; az login --scope https://graph.microsoft.com/.default"
    told = refused(error, "Azure CLI", login)
    assert (told.code, told.exit_code, told.request_id) == ("mfa-required", 4, TRACE)
    assert told.remedy.endswith(login)
    assert refused(error, "your account (browser)").remedy.startswith("Run the same command again")


@pytest.mark.parametrize("trailer", [SPLIT, JOINED], ids=["on lines of their own", "on one line"])
def test_entras_ids_are_told_apart_from_its_words(trailer: str) -> None:
    """The form of the message changed between 2023 and 2024."""
    answer = refusal(401, "invalid_client", "7000222", "The provided client secret keys are expired.", trailer)
    error = signing_in(answer)
    assert error.message.endswith("AADSTS7000222: The provided client secret keys are expired.")
    assert error.request_id == TRACE


def test_the_request_id_is_found_in_the_words_where_no_header_has_it() -> None:
    body = REFUSALS["a wrong secret"].answer.body
    assert signing_in(Answer(401, body)).request_id == TRACE


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"", b'{"error": "temporarily_unavailable"}'], ids=["empty", "JSON"])
def test_an_ailing_login_service_is_no_refusal(status: int, body: bytes) -> None:
    """Nobody has to make a new secret because a gateway is down: the request is repeated."""
    sent = {"Content-Type": "application/json", "Retry-After": "4", "x-ms-request-id": TRACE}
    for told in (signing_in(Answer(status, body, sent)), as_client(Answer(status, body, sent))):
        assert isinstance(told, ServiceError)
        assert (told.code, told.exit_code, told.request_id) == ("login-unreachable", 1, TRACE)
        assert (told.status, told.retry_after) == (status, 4.0)


@pytest.mark.parametrize("status", [200, 400, 429, 502])
def test_a_gateways_page_is_no_refusal(status: int) -> None:
    for told in (signing_in(Answer(status, PAGE, HTML)), as_client(Answer(status, PAGE, HTML))):
        assert isinstance(told, ServiceError)
        assert (told.code, told.answer_lost) == ("login-unreachable", True)


@pytest.mark.parametrize(
    "failure",
    [aiohttp.ClientConnectionError("Cannot connect to host"), aiohttp.ServerDisconnectedError(), TimeoutError()],
    ids=["no connection", "closed without a word", "no answer in time"],
)
def test_a_login_service_that_does_not_answer_is_no_refusal(failure: Exception) -> None:
    for told in (signing_in(failure), as_client(failure)):
        assert isinstance(told, ServiceError)
        assert (told.code, told.answer_lost) == ("login-unreachable", True)
        assert "network" in told.remedy


def test_what_the_azure_cli_says_is_kept_and_its_remedy_is_its_own() -> None:
    error = refused(CredentialUnavailableError("Please run 'az login' to set up an account"), "Azure CLI")
    assert (error.code, error.exit_code) == ("sign-in-failed", 4)
    assert "Please run 'az login' to set up an account" in error.message
    assert "az login" in error.remedy


def test_an_untrusted_certificate_authority_is_told_with_the_variable_that_names_it() -> None:
    why = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
    why.verify_code = 18
    told = ClientAuthenticationError("Authentication failed")
    told.__cause__ = why
    assert "export SSL_CERT_FILE=FILE" in refused(told, "you").remedy


def test_only_the_beginning_of_a_long_message_is_told() -> None:
    assert len(refused(ClientAuthenticationError("word " * 10_000), "you").message) < 400
    assert refused(ClientAuthenticationError(""), "you").message.strip()


def test_a_person_who_did_not_sign_in_is_asked_once() -> None:
    """A second browser window for the next service would ask the same thing again."""
    asked: list[str] = []

    async def ask(scope: str, /, *, claims: str | None = None) -> Any:
        del claims
        asked.append(scope)
        raise ClientAuthenticationError("The window was closed.")

    async def main() -> None:
        credential = CallerCredential(ask, "your account (browser)", Once(), again=Again.PERSON)
        for scope in ("a/.default", "b/.default"):
            with pytest.raises(SignInFailed):
                await credential.get_token(scope)

    asyncio.run(main())
    assert asked == ["a/.default"]


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("ManagedIdentityCredential authentication unavailable, no response from the IMDS endpoint.", ""),
        ("AADSTS500011: The resource principal named api://x was not found in the tenant.", "500011"),
    ],
)
def test_a_managed_identitys_refusal_keeps_the_endpoints_words(words: str, number: str) -> None:
    """azure-identity words every one of them as a missing configuration."""
    error = identity_refused(CredentialUnavailableError(words))
    assert (error.code, error.service_code, error.exit_code) == ("identity-token-refused", number, 1)
    assert words in error.message
    assert "AZURE_CLIENT_ID" in error.remedy
