"""The login service's refusals: raw answers, our errors; and what a service asks of a sign-in
beside a token.
"""

import asyncio
import base64
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError
from mct_s2s.azure.answers import Refusal
from mct_s2s.azure.clouds import PUBLIC
from mct_s2s.azure.http import Http
from mct_s2s.azure.sign_in import methods
from mct_s2s.azure.sign_in.choice import choose
from mct_s2s.azure.sign_in.login_refusals import (
    PROPAGATING,
    identity_refused,
    raise_if_passing,
    sign_in_refused,
)
from mct_s2s.azure.sign_in.methods import (
    Again,
    CallerCredential,
    Challenge,
    challenge_of,
    service_principal,
    sign_in,
)
from mct_s2s.azure.site_api import EntraTokens
from mct_s2s.errors import NEVER_CONNECTED, PermissionMissing, S2SError, ServiceError, SignInFailed
from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.model.client_sign_in import ApiToken, ClientSignIn, Method, SecretCredential
from mct_s2s.model.ids import ClientId, TenantId

from tests.azure.raw import HTML, PAGE, Answer, connection

TENANT, APP = "3f1d0c52-7a0b-4c1e-8a55-0c6f5d1b2a77", "c1a0be0e-92b5-4f0e-a9c5-3f4f27d1a8a1"
TRACE = "0f4e3b0b-7c1f-4b35-8f9d-4d2f6d0a1b00"
SECRET = "the-secret-itself"
SPLIT = f"\r\nTrace ID: {TRACE}\r\nCorrelation ID: {APP}\r\nTimestamp: 2023-06-30 12:00:00Z"
JOINED = f" Trace ID: {TRACE} Correlation ID: {APP} Timestamp: 2026-09-30 12:00:00Z"
"""How the token service ends a message: on lines of their own until 2023, on one line since 2024.
"""


def refusal(
    status: int, error: str, number: str, words: str, trailer: str = JOINED, **more: object
) -> Answer:
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
    return Answer(
        status, body, {"Content-Type": "application/json; charset=utf-8", "x-ms-request-id": TRACE}
    )


def signing_in(*answers: Answer | Exception) -> S2SError:
    """What the user is told when the login service answers their own sign-in so."""

    async def main() -> None:
        credential = service_principal(TENANT, APP, SecretCredential(SECRET), connection(*answers))
        await credential.get_token("https://graph.microsoft.com/.default")

    with pytest.raises(S2SError) as raised:
        asyncio.run(main())
    return raised.value


def as_client(*answers: Answer | Exception) -> ServiceError:
    """What is told when the login service answers a client of the MCT API so."""

    async def main() -> None:
        tokens = EntraTokens(connection(*answers))
        sign_in = ClientSignIn(TenantId(TENANT), ClientId(APP), SecretCredential(SECRET))
        await tokens.token(sign_in, "api://x/.default", is_new=False, role=None)

    with pytest.raises(ServiceError) as raised:
        asyncio.run(main())
    return raised.value


def test_a_role_that_does_not_come_gives_the_token_without_it() -> None:
    part = (
        base64.urlsafe_b64encode(json.dumps({"aud": "api://x", "roles": ["Other"]}).encode())
        .decode()
        .rstrip("=")
    )
    answer = Answer(
        200, {"access_token": f"a.{part}.c", "expires_in": 3599, "token_type": "Bearer"}
    )

    async def main() -> ApiToken:
        sign_in = ClientSignIn(TenantId(TENANT), ClientId(APP), SecretCredential(SECRET))
        tokens = EntraTokens(connection(answer))
        return await tokens.token(sign_in, "api://x/.default", is_new=True, role="S2SAppRole")

    assert asyncio.run(main()).roles == ("Other",)


@dataclass(frozen=True)
class Case:
    """A refusal, and what it is told as."""

    status: int
    error: str
    number: str
    words: str
    own: str
    """Words of the way out for whoever runs the command."""
    client: str
    """Words of the way out for a client of the API."""
    propagating: bool = False
    """Whether it may be about something that was made minutes ago."""

    @property
    def answer(self) -> Answer:
        return refusal(self.status, self.error, self.number, self.words)


UNMATCHED = "No matching federated identity record found for presented assertion {}."
LISTED = "federated-credential list"
REFUSALS = {
    "a wrong secret": Case(
        401, "invalid_client", "7000215",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client "
        "secret value, not the client secret ID, for a secret added to app "
        f"'{APP}'.", "AZURE_CLIENT_SECRET",
        "rotate-secret", True,
    ),
    "an expired secret": Case(
        401, "invalid_client", "7000222",
        f"The provided client secret keys for app '{APP}' are expired. Visit the Azure portal to "
        "create new keys.",
        "Create a new secret", "rotate-secret", True,
    ),
    "an unknown application": Case(
        400, "unauthorized_client", "700016",
        f"Application with identifier '{APP}' was not found in the directory 'Contoso'.",
        "AZURE_CLIENT_ID", "add-client", True,
    ),
    "no service principal": Case(
        401, "invalid_client", "7000229",
        f"The client application {APP} is missing service principal in the tenant {TENANT}.",
        "--tenant", "add-client", True,
    ),
    "an unknown tenant": Case(
        400, "invalid_request", "90002", f"Tenant '{TENANT}' not found.", "--cloud",
        "AZURE_TENANT_ID"
    ),
    "no tenant of its own": Case(
        400, "invalid_request", "50059", "No tenant-identifying information found in the request.",
        "the tenant's ID", "error?code=50059",
    ),
    "common for a tenant": Case(
        400, "invalid_request", "900023",
        "Specified tenant identifier 'x' is neither a valid DNS name.",
        "AZURE_TENANT_ID", "error?code=900023",
    ),
    "Conditional Access": Case(
        400, "invalid_grant", "53003", "Access has been blocked by Conditional Access policies.",
        "use a service principal", "Ask the owner of the policy",
    ),
    "token protection": Case(
        400, "invalid_grant", "530084",
        "Access has been blocked by conditional access token protection policy.",
        "az login on Windows", "error?code=530084",
    ),
    "a platform": Case(
        400, "invalid_grant", "50005",
        "User tried to log in to a device from a platform (Unknown).",
        "platform the policy allows", "error?code=50005",
    ),
    "an account of another tenant": Case(
        400, "invalid_grant", "50020",
        "User account 'a@b.example' does not exist in tenant 'Contoso'.",
        "az account set --subscription ID", "error?code=50020",
    ),
    "a tenant of another cloud": Case(
        400, "invalid_request", "90038", "The tenant belongs to another national cloud.", "--cloud",
        "--cloud"
    ),
    "a wrong certificate": Case(
        401, "invalid_client", "700027", "Client assertion failed signature validation.",
        "AZURE_CLIENT_CERTIFICATE_PATH", f"add-client {APP} --credential certificate", True,
    ),
    "no such resource": Case(
        400, "invalid_resource", "500011", "The resource principal named api://x was not found.",
        "Sign in again", "mct-s2s setup", True,
    ),
    "the resource is disabled": Case(
        400, "invalid_client", "500014",
        "The service principal for resource 'api://x' is disabled.",
        "error?code=500014", "az ad sp update --id api://x --set accountEnabled=true",
    ),
    "an assertion that is too old": Case(
        401, "invalid_client", "700024", "Client assertion is not within its valid time range.",
        "right after its sign-in", "get a new one",
    ),
    "an assertion for another tenant": Case(
        401, "invalid_client", "700023",
        "Client assertion audience claim does not match Realm issuer.",
        "error?code=700023", "AZURE_TENANT_ID",
    ),
    "an assertion that somebody else signed": Case(
        401, "invalid_client", "50013", "Assertion failed signature validation.",
        "error?code=50013", LISTED
    ),
    "security defaults": Case(
        400, "invalid_grant", "530035", "Access has been blocked by security defaults.",
        "--auth browser", "error?code=530035",
    ),
    "a device that nobody manages": Case(
        400, "invalid_grant", "530003",
        "Your device is required to be managed to access this resource.",
        "az login on such a device", "error?code=530003",
    ),
    "a number that nobody knows": Case(
        400, "invalid_grant", "7654321", "Something new.",
        "login.microsoftonline.com/error?code=7654321",
        "login.microsoftonline.com/error?code=7654321",
    ),
    "not assigned": Case(
        400, "invalid_grant", "501051", f"Application '{APP}'(Import) is not assigned to a role.",
        "Sign in again", "add-client", True,
    ),
    "disabled": Case(
        400, "unauthorized_client", "7000112", f"Application '{APP}'(Import) is disabled.",
        "Sign in again", f"az ad app update --id {APP}",
    ),
    "no federated credential": Case(
        401, "invalid_client", "70025",
        f"The client '{APP}'(Import) has no configured federated identity credentials.",
        LISTED, f"add-client {APP} --credential federated", True,
    ),
    "another issuer": Case(
        401, "invalid_client", "700211", UNMATCHED.format("issuer 'presented-issuer'"),
        LISTED, "--federated-issuer", True,
    ),
    "another subject": Case(
        401, "invalid_client", "700213", UNMATCHED.format("subject 'presented-subject'"),
        LISTED, "--federated-subject", True,
    ),
    "a subject in another case": Case(
        401, "invalid_client", "7002138", UNMATCHED.format("subject 'presented-subject'"),
        LISTED, "--federated-subject", True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_says_why_in_entras_words_and_what_to_set_or_which_command_mends_it(
    case: Case,
) -> None:
    own = signing_in(case.answer)
    client = as_client(case.answer)
    assert isinstance(own, SignInFailed)
    assert (own.code, own.exit_code, own.request_id) == ("sign-in-failed", 4, TRACE)
    assert f"AADSTS{case.number}: {case.words}"[:200] in own.message
    assert APP in own.message, "as whom"
    assert case.own in own.remedy
    assert (client.code, client.exit_code, client.status) == ("token-refused", 1, case.status)
    assert client.service_code == case.number
    assert f"AADSTS{case.number}" in client.message
    assert case.client in client.remedy
    assert (client.service_code in PROPAGATING) is case.propagating
    assert not client.answer_lost, "a refusal is no answer that was lost"
    assert ("rotate-secret" in client.remedy) is (case.number in {"7000215", "7000222"}), (
        "a new one mends nothing"
    )
    assert SECRET not in own.message + own.remedy + client.message + client.remedy


def test_a_workflow_whose_subject_does_not_fit_is_told_the_command_that_lets_it_in() -> None:
    def remedy(subject: str) -> str:
        return as_client(
            refusal(401, "invalid_client", "700213", UNMATCHED.format(f"subject '{subject}'"))
        ).remedy

    lets_in = f"mct-s2s add-client {APP} --credential federated --github contoso@1/Learn@2:main"
    assert lets_in in remedy("repo:contoso@1/Learn@2:ref:refs/heads/main")
    assert "--github" not in remedy("repo:contoso/Learn:environment:x")


@pytest.mark.parametrize("number", ["50072", "50074", "50076", "50078", "50079"])
def test_a_second_factor_that_entra_asks_for_is_told_with_the_commands(number: str) -> None:
    """`az account get-access-token` fails so; the remedy never is to ask for a permission."""
    error = ClientAuthenticationError(
        f"AADSTS{number}: Due to a configuration change you must use MFA.{JOINED}"
    )
    login = "az logout; az login --scope https://graph.microsoft.com/.default"
    refusal = sign_in_refused(error, CLI, login)
    assert (refusal.code, refusal.exit_code, refusal.request_id) == ("mfa-required", 4, TRACE)
    assert refusal.remedy.endswith(login)
    by_browser = SignedIn("your account (browser)", method=Method.BROWSER)
    assert sign_in_refused(error, by_browser).remedy.startswith("Run the same command again")


@pytest.mark.parametrize("trailer", [SPLIT, JOINED], ids=["on lines of their own", "on one line"])
def test_entras_ids_are_told_apart_from_its_words_also_where_no_header_has_them(
    trailer: str,
) -> None:
    """The form of the message changed between 2023 and 2024."""
    answer = refusal(
        401, "invalid_client", "7000222", "The provided client secret keys are expired.", trailer
    )
    for error in (signing_in(answer), signing_in(Answer(401, answer.body))):
        assert error.message.endswith("AADSTS7000222: The provided client secret keys are expired.")
        assert error.request_id == TRACE


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(
    "body", [b"", b'{"error": "temporarily_unavailable"}'], ids=["empty", "JSON"]
)
def test_an_ailing_login_service_is_no_refusal(status: int, body: bytes) -> None:
    """Nobody has to make a new secret because a gateway is down: the request is repeated."""
    sent = {"Content-Type": "application/json", "Retry-After": "4", "x-ms-request-id": TRACE}
    for refusal in (signing_in(Answer(status, body, sent)), as_client(Answer(status, body, sent))):
        assert isinstance(refusal, ServiceError)
        assert (refusal.code, refusal.exit_code, refusal.request_id) == (
            "login-unreachable",
            1,
            TRACE,
        )
        assert (refusal.status, refusal.retry_after) == (status, 4.0)


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(status, PAGE, HTML) for status in (200, 400, 429, 502)),
        httpx.ConnectError("Cannot connect to host"), httpx.RemoteProtocolError("closed"),
        httpx.ReadTimeout(""),
    ],
)  # fmt: skip
def test_a_gateways_page_or_no_answer_is_no_refusal(answer: Answer | Exception) -> None:
    for refusal in (signing_in(answer), as_client(answer)):
        assert isinstance(refusal, ServiceError)
        assert (refusal.code, refusal.answer_lost) == ("login-unreachable", True)
        assert "network" in refusal.remedy or isinstance(answer, Answer)


@pytest.mark.parametrize("number", ["53003", "530035", "530036"])
def test_a_blocked_device_code_is_told_with_the_ways_that_are_open(number: str) -> None:
    refusal = sign_in_refused(
        ClientAuthenticationError(f"AADSTS{number}: Access has been blocked.{JOINED}"),
        SignedIn("you", method=Method.DEVICE_CODE),
    )
    assert "blocks device codes" in refusal.message
    assert "--auth browser" in refusal.remedy


OFFLINE_AZ = (
    "ERROR: HTTPSConnectionPool(host='login.microsoftonline.com', port=443): Max retries exceeded "
    "with url: /x (Caused by "
    "NameResolutionError(\"HTTPSConnection(host='login.microsoftonline.com', port=443): Failed "
    'to resolve"))'
)


YOU = SignedIn("you")
CLI = SignedIn("Azure CLI", method=Method.CLI)
AZD = SignedIn("Azure Developer CLI", method=Method.AZD)
MACHINE = SignedIn("managed identity of this machine", method=Method.MANAGED_IDENTITY)
SIGNED_OUT, AZD_SIGNED_OUT = (
    "Please run 'az login' to set up an account",
    "Please run 'azd auth login' from a prompt",
)


@pytest.mark.parametrize(
    ("signed_in", "says", "told", "remedy"),
    [
        (CLI, "Azure CLI not found on path", "not installed",
         "Install it (https://aka.ms/azure-cli) and run az login"),
        (CLI, SIGNED_OUT, SIGNED_OUT, "Run az login,"),
        (AZD, "Azure Developer CLI could not be found. Please", "not installed",
         "Install it (https://aka.ms/azure-dev)"),
        (AZD, AZD_SIGNED_OUT, AZD_SIGNED_OUT, "Run azd auth login,"),
        (CLI, OFFLINE_AZ, "did not respond", "Check the network"),
        (MACHINE, "no response from the IMDS endpoint.", "no response",
         "Run it in an Azure resource"),
    ],
)  # fmt: skip
def test_a_tool_that_is_absent_signed_out_or_offline_is_told_as_such(
    signed_in: SignedIn, says: str, told: str, remedy: str
) -> None:
    async def ask(scope: str, /, *, claims: str | None = None) -> Any:
        raise ClientAuthenticationError(says)

    with pytest.raises(S2SError) as raised:
        asyncio.run(CallerCredential(ask, signed_in, connection()).get_token("a/.default"))
    error = raised.value
    assert (told in error.message, remedy in error.remedy, "HTTPSConnection" in error.message) == (
        True,
        True,
        False,
    )
    assert error.code == ("login-unreachable" if says == OFFLINE_AZ else "sign-in-failed")


def test_no_network_is_told_as_that_and_in_no_librarys_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a device code: MSAL words it as a failed sign-in, httpx as an attempt."""
    monkeypatch.setattr("azure.core.pipeline.policies.RetryPolicy.sleep", lambda *_: None)

    async def main() -> None:
        nowhere = replace(PUBLIC, login="https://127.0.0.1:1", domains=())
        async with Http(ssl.create_default_context()) as http:
            to_nowhere = replace(connection(), cloud=nowhere, http=http)
            await methods.person(Method.DEVICE_CODE, to_nowhere).get_token("a/.default")

    with pytest.raises(ServiceError) as raised:
        asyncio.run(main())
    error = raised.value
    assert (error.code, error.status) == ("login-unreachable", NEVER_CONNECTED)
    assert error.message.endswith("did not respond to the request to sign in: Connection refused.")
    assert "the proxy (https://127.0.0.1:1 has to pass)" in error.remedy


@pytest.mark.parametrize(
    ("method", "told"),
    [
        (Method.CLI, f"sign in again first: az logout; az login --tenant {TENANT}"),
        (Method.AZD, f"sign in again first: azd auth logout; azd auth login --tenant-id {TENANT}"),
        (Method.MANAGED_IDENTITY, "counts from its next one."),
        (Method.BROWSER, "Ask."),
    ],
)
@pytest.mark.parametrize("command", ["", "az role assignment create"])
def test_a_missing_right_is_told_with_what_brings_one_granted_since(
    method: Method, told: str, command: str, tmp_path: Path
) -> None:
    """A person's browser signs in anew each time; the tools and machines hand out what they have.

    It is told once, also where several ask for it, and after the command that grants the right.
    """
    environ = {"AZURE_CONFIG_DIR": str(tmp_path)}

    async def main() -> S2SError:
        refused = PermissionMissing(
            "permission-missing", "You can't.", remedy="Ask.", command=command
        )
        signed_in = sign_in(method, replace(connection(), tenant=TENANT, environ=environ)).signed_in
        signed_in.remind(refused)
        signed_in.remind(refused)
        return refused

    remedy = asyncio.run(main()).remedy
    assert remedy.startswith(f"Ask. {command}".strip())
    assert remedy.removesuffix(command).strip().endswith(told)
    assert remedy.count(told) == 1


@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"])
def test_auto_takes_a_device_code_without_browser(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    bare = {"PATH": "", "AZURE_CONFIG_DIR": str(tmp_path), "AZD_CONFIG_DIR": str(tmp_path)}
    assert choose(Method.AUTO, bare, on_terminal=True) is Method.DEVICE_CODE
    assert choose(Method.AUTO, {**bare, name: "x"}, on_terminal=True) is Method.BROWSER


AZD_USER = {"auth": {"account": {"currentUser": {"homeAccountId": "x.y"}}}}


@pytest.mark.parametrize("place", ["AZD_CONFIG_DIR", "the user's home"])
@pytest.mark.parametrize(
    ("noted", "method"),
    [
        pytest.param(json.dumps(AZD_USER), Method.AZD, id="signed in"),
        pytest.param('{"auth": {"account": {}}}', Method.DEVICE_CODE, id="signed out again"),
        pytest.param(None, Method.DEVICE_CODE, id="never signed in"),
        pytest.param('{"auth": []}', Method.DEVICE_CODE, id="no such document"),
        pytest.param("{", Method.DEVICE_CODE, id="no JSON"),
    ],
)
def test_auto_takes_azd_where_it_has_a_user(
    noted: str | None, method: Method, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folders are there from the first command on, whoever is signed in."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    stub = tmp_path / "bin" / "azd"
    folder = tmp_path / ".azd"
    for directory in (stub.parent, folder / "auth" / "msal"):
        directory.mkdir(parents=True)
    stub.touch(mode=0o755)
    if noted is not None:
        (folder / "auth.json").write_text(noted)
    named = {"AZD_CONFIG_DIR": str(folder)} if place == "AZD_CONFIG_DIR" else {}
    environ = {"PATH": str(stub.parent), "AZURE_CONFIG_DIR": str(tmp_path), **named}
    assert choose(Method.AUTO, environ, on_terminal=True) is method


def test_only_the_beginning_of_a_long_message_is_told() -> None:
    assert len(sign_in_refused(ClientAuthenticationError("word " * 10_000), YOU).message) < 400
    assert sign_in_refused(ClientAuthenticationError(""), YOU).message.strip()


def test_a_long_answer_of_entra_is_cut_between_words() -> None:
    said = "AADSTS50076: " + "application " * 100
    answer = sign_in_refused(ClientAuthenticationError(said), YOU).answer
    assert len(answer) <= 300
    assert answer.endswith(" application…")


@pytest.mark.parametrize("again", [Again.PERSON, Again.AZURE_CLI, Again.AZD])
def test_a_person_who_did_not_sign_in_is_asked_once(again: Again) -> None:
    """A second browser window, or `az`, for the next service would say the same thing again."""
    asked: list[str] = []

    async def ask(scope: str, /, *, claims: str | None = None) -> Any:
        del claims
        asked.append(scope)
        raise ClientAuthenticationError("The window was closed.")

    async def main() -> None:
        credential = CallerCredential(ask, SignedIn("somebody"), connection(), again)
        for scope in ("a/.default", "b/.default"):
            with pytest.raises(SignInFailed):
                await credential.get_token(scope)

    asyncio.run(main())
    assert asked == ["a/.default"]


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (
            (
                "ManagedIdentityCredential authentication unavailable, no response from the IMDS "
                "endpoint."
            ),
            "",
        ),
        (
            "AADSTS500011: The resource principal named api://x was not found in the tenant.",
            "500011",
        ),
    ],
)
def test_a_managed_identitys_refusal_keeps_the_endpoints_words(words: str, number: str) -> None:
    """azure-identity words every one of them as a missing configuration."""
    error = identity_refused(CredentialUnavailableError(words))
    assert (error.code, error.service_code, error.exit_code) == (
        "identity-token-refused",
        number,
        1,
    )
    assert words in error.message
    assert "AZURE_CLIENT_ID" in error.remedy


SCOPE, OTHER = "https://management.azure.com/.default", "https://graph.microsoft.com/.default"
MFA = '{"access_token":{"acrs":{"essential":true,"values":["p1"]}}}'
SECOND_FACTOR = Challenge(MFA, TENANT, second_factor=True)
ANEW = Challenge("{}")
REFUSED = Refusal(401, "", "")


def encode(claims: str) -> str:
    return base64.b64encode(claims.encode()).decode()


class Login:
    """A login service that gives numbered tokens, and remembers what it was asked for."""

    def __init__(self, fails: bool = False) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.at_once = self.most_at_once = 0
        self._fails = fails

    async def ask(self, scope: str, /, *, claims: str | None = None) -> AccessToken:
        self.asked.append((scope, claims))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if claims and self._fails:
            raise ClientAuthenticationError("The window was closed.")
        return AccessToken(f"token {len(self.asked)}", int(time.time()) + 3600)


def with_login(
    again: Again,
    run: Callable[[CallerCredential], Awaitable[Any]],
    *,
    fails: bool = False,
    told: list[str] | None = None,
) -> list[tuple[str, str | None]]:
    """What the login service is asked for while that runs."""
    login = Login(fails)
    said = told if told is not None else []

    async def main() -> None:
        where = replace(connection(), tenant=TENANT, say=said.append)
        await run(CallerCredential(login.ask, SignedIn("somebody"), where, again))

    asyncio.run(main())
    return login.asked


async def challenged(credential: CallerCredential, challenge: Challenge) -> bool:
    """A request is sent with a token, and refused."""
    began = time.monotonic()
    await credential.get_token(SCOPE)
    return await credential.bring(SCOPE, challenge, began)


@pytest.mark.parametrize(
    ("again", "second_factor", "anew"),
    [
        (Again.PERSON, True, True),
        (Again.AZD, True, True),
        (Again.AZURE_CLI, False, False),
        (Again.APPLICATION, False, True),
    ],
)
def test_each_kind_of_caller_brings_the_claims_that_it_can(
    again: Again, second_factor: bool, anew: bool
) -> None:
    """An application has no second factor, and the Azure CLI gives out what it has until somebody
    signs in anew.
    """

    async def run(credential: CallerCredential) -> None:
        assert await challenged(credential, SECOND_FACTOR) is second_factor

    async def run_anew(credential: CallerCredential) -> None:
        assert await challenged(credential, ANEW) is anew

    with_login(again, run)
    asked = with_login(again, run_anew)
    assert [claims for _, claims in asked] == [None, *(["{}"] if anew else [])]


def test_a_person_is_told_why_and_asked_once() -> None:
    told: list[str] = []

    async def run(credential: CallerCredential) -> None:
        assert await challenged(credential, SECOND_FACTOR)
        assert not await challenged(credential, SECOND_FACTOR)

    asked = with_login(Again.PERSON, run, told=told)
    assert asked == [(SCOPE, None), (SCOPE, MFA)]
    assert told == ["Azure requires a second factor. Sign in again."]


def test_requests_that_are_refused_at_once_ask_a_person_once() -> None:
    async def run(credential: CallerCredential) -> None:
        await credential.get_token(SCOPE)
        began = time.monotonic()
        brought = await asyncio.gather(
            *(credential.bring(SCOPE, SECOND_FACTOR, began) for _ in range(5))
        )
        assert brought == [True] * 5

    assert with_login(Again.PERSON, run) == [(SCOPE, None), (SCOPE, MFA)]


def test_claims_for_one_service_leave_the_token_of_another_alone() -> None:
    async def run(credential: CallerCredential) -> None:
        other = await credential.get_token(OTHER)
        assert await challenged(credential, SECOND_FACTOR)
        assert await credential.get_token(OTHER) == other
        assert (await credential.get_token(SCOPE)).token == "token 3"

    with_login(Again.PERSON, run)


def test_a_person_who_does_not_bring_the_claims_is_told_so() -> None:
    async def run(credential: CallerCredential) -> None:
        with pytest.raises(SignInFailed, match="The window was closed"):
            await challenged(credential, SECOND_FACTOR)

    with_login(Again.PERSON, run, fails=True)


def test_the_azure_cli_is_told_by_commands_that_hold_everything() -> None:
    async def run(credential: CallerCredential) -> None:
        for challenge in (SECOND_FACTOR, Challenge(MFA, None, second_factor=True)):
            login = (
                f"az logout; az login --tenant {TENANT} --scope {SCOPE} --claims-challenge "
                f"{encode(MFA)}"
            )
            assert credential.demanded("Azure", "read", SCOPE, challenge, REFUSED).command == login

    with_login(Again.AZURE_CLI, run)


@pytest.mark.parametrize("again", Again)
def test_the_remedy_of_a_challenge_never_is_to_ask_for_a_permission(again: Again) -> None:
    async def run(credential: CallerCredential) -> None:
        for challenge in (SECOND_FACTOR, ANEW):
            told = credential.demanded("Azure", "read", SCOPE, challenge, REFUSED)
            assert told.advice
            assert not {"Ask", "permission", "role"} & set(told.remedy.split())

    with_login(again, run)


@pytest.mark.parametrize(
    ("header", "said", "claims", "second_factor"),
    [
        ("", "RequestDisallowedByPolicy: Reasons: MFA is required.", MFA, True),
        (
            "",
            "RequestDisallowedByPolicy: must authenticate with multi-factor authentication",
            MFA,
            True,
        ),
        ("", "RequestDisallowedByAzure: disallowed by Azure. Reasons: MFA is required.", MFA, True),
        ("", "RequestDisallowedByAzure: The region is not allowed.", None, False),
        ("", "RequestDisallowedByPolicy: Policy identifiers: 'allowed locations'", None, False),
        ("", "AuthorizationFailed: MFA", None, False),
        (f'Bearer error="insufficient_claims", claims="{encode(MFA)}"', "", MFA, True),
        ('Bearer error="insufficient_claims", claims="e30"', "", "{}", False),
        (
            'Bearer error="insufficient_claims", claims="e30="',
            "RequestDisallowedByPolicy: MFA",
            "{}",
            True,
        ),
    ],
)
def test_claims_are_read_from_a_header_or_from_the_words_of_a_refusal(
    header: str, said: str, claims: str | None, second_factor: bool
) -> None:
    challenge = challenge_of(Refusal(401, "", "", {"www-authenticate": header}, said))
    assert (challenge is None) == (claims is None)
    if challenge is not None and claims is not None:
        assert challenge.claims.replace(" ", "") == claims
        assert challenge.second_factor is second_factor


@pytest.mark.parametrize(
    ("again", "most"), [(Again.AZURE_CLI, 1), (Again.AZD, 1), (Again.APPLICATION, 2)]
)
def test_a_command_line_tool_is_asked_for_one_token_after_the_other(
    again: Again, most: int
) -> None:
    """Two `az` at once meet in the cache of its tokens, and one of them says that nobody is signed
    in.
    """
    login = Login()

    async def main() -> None:
        credential = CallerCredential(login.ask, SignedIn("somebody"), connection(), again)
        await asyncio.gather(credential.get_token(SCOPE), credential.get_token(OTHER))

    asyncio.run(main())
    assert login.most_at_once == most


def test_a_loop_of_the_same_request_is_waited_for() -> None:
    """AADSTS50196: the credential is not at fault, and a new one would ask as often."""
    with pytest.raises(ServiceError) as raised:
        raise_if_passing(
            ClientAuthenticationError(f"AADSTS50196: The server terminated an operation.{JOINED}"),
            PUBLIC.login,
        )
    assert (raised.value.status, raised.value.retry_after) == (429, 60.0)
