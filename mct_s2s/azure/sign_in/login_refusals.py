"""What the login service says, in the user's words; without a row, in its own: the numbers are
diagnostics.

Source: learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

import re
from typing import NamedTuple

from azure.core.exceptions import IncompleteReadError, ServiceRequestError, ServiceResponseError

from mct_s2s.azure.answers import (
    LOGIN,
    UNREADABLE,
    OddAnswer,
    Refusal,
    causes,
    parse_retry_after,
    refusal_of,
)
from mct_s2s.errors import (
    NEVER_CONNECTED,
    ServiceError,
    SignInFailed,
    first_line,
    shortened,
)
from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.model.client_sign_in import ClientRemedy, Method, TokenRefused
from mct_s2s.model.commands import command, own_command
from mct_s2s.waits import LOOP_SECONDS

_NEW = ClientRemedy.NEW_CREDENTIAL
_ADD = ClientRemedy.CLIENT
_ADVICE = {
    ClientRemedy.NEW_CREDENTIAL: "Create a new credential for the client:",
    ClientRemedy.CLIENT: "Add the client again:",
    ClientRemedy.CERTIFICATE: "Add the client again:",
    ClientRemedy.SERVICE_APPLICATION: "Update the service application:",
}
"""What stands before the command."""
_COMPARE = (
    "Compare it with the client's federated credentials: az ad app federated-credential list --id "
    "{client}; then add the missing one: mct-s2s add-client "
    "{client} --credential federated --federated-issuer ISSUER --federated-subject SUBJECT"
)
_GITHUB = (
    "If that is your repository, let its workflows sign in: mct-s2s add-client {client} "
    "--credential federated --github {github}"
)
_BRANCH = re.compile(r"repo:([^:]+):ref:refs/heads/(.+)")
_FEDERATED = (
    "Compare the issuer, subject and audience of the token with the application's federated "
    "credentials: az ad "
    'app federated-credential list --id "$AZURE_CLIENT_ID"'
)
_SUBJECT = (
    "A GitHub repository that was created, renamed or transferred since 2026-07-15 has the IDs of "
    f"its owner and of itself in the subject: repo:OWNER@ID/REPO@ID:…. {_FEDERATED}"
)


class _Row(NamedTuple):
    """Numbers after AADSTS. Without a row, or a remedy in it, the service's own words are shown."""

    numbers: str
    meaning: str
    own: str = ""
    """The remedy for the caller of the command."""
    client: str | ClientRemedy = ""
    """The remedy where a client of the API was refused."""
    lag: bool = False
    """Whether it is said also about something that was made minutes ago."""


_TABLE = (
    _Row("7000215", "the client secret is invalid: it was replaced, or it is the secret's ID "
        "instead of its value",
         "Set AZURE_CLIENT_SECRET to the secret's value, not its ID.", _NEW, True),
    _Row("7000222", "the client secret has expired",
         "Create a new secret for this service principal.", _NEW, True),
    _Row("700027", "the certificate does not belong to {who}",
         "Check AZURE_CLIENT_CERTIFICATE_PATH.",
         ClientRemedy.CERTIFICATE, True),
    _Row("700016",
         "{who} does not exist in the tenant: it was deleted, or it belongs to another tenant",
         "Check AZURE_CLIENT_ID and --tenant.", _ADD, True),
    _Row("7000229", "{who} has no service principal in the tenant",
         "Check AZURE_CLIENT_ID and --tenant.", _ADD, True),
    _Row("7000112", "{who} is disabled in Entra ID", "",
         "Enable it again: az ad app update --id {client} --set isDisabled=false; az ad sp update "
         "--id {client} --set accountEnabled=true"),
    _Row("500011", "no service application in the tenant has that Application ID URI", "",
         ClientRemedy.SERVICE_APPLICATION, True),
    _Row("500014", "the service application is disabled in Entra ID", "",
         "Enable it again: az ad sp update --id {resource} --set accountEnabled=true"),
    _Row("501051", "the service application requires assignment, and {who} is not assigned", "",
         _ADD, True),
    _Row("90002 90038", "the tenant does not exist in this cloud",
         "Check --tenant or AZURE_TENANT_ID, and choose the tenant's cloud with --cloud.",
         "Check AZURE_TENANT_ID in the credentials and --cloud."),
    _Row("50059 900023",
         "an application must sign in to a specific tenant, not common or organizations",
         "Set AZURE_TENANT_ID or --tenant to the tenant's ID or one of its domains."),
    _Row("50020 50034 90072", "the account does not exist in the tenant",
         "Sign in with an account of the tenant, or with one that is a guest there. If the Azure "
         "CLI has several: az account set --subscription ID, or az login --tenant ID. If you have "
         "none (Azure Lighthouse), let the tenant's administrator hand over a file, then run "
         "mct-s2s configure-appservice --from FILE"),
    _Row("53003", "a Conditional Access policy blocks the sign-in, for its place, device, app or "
        "way of signing in",
         "Run az login with a browser on a managed Windows or Mac device and use --auth cli there, "
         "or use a service principal. The tenant's sign-in log names the policy, by the request "
         "id.",
         "Ask the owner of the policy for workload identities: it blocks by network or by risk, "
         "and the tenant's sign-in log names it."),
    _Row("530084", "the tenant demands a sign-in that is bound to its device (token protection)",
         "Run az login on Windows, where it signs in by the system, and use --auth cli there, or "
         "use a service principal. azd, the browser and device codes can't."),
    _Row("50005", "the tenant allows no sign-in from this platform",
         "Run az login on a device whose platform the policy allows and use --auth cli there, or "
         "use a service principal."),
    _Row("530035 530036", "the tenant blocks device codes",
         "Sign in with --auth browser or az login on a machine with a browser, or use a service "
         "principal."),
    _Row("53000 530003 50131", "the sign-in must come from a device that the organization manages",
         "Run az login on such a device, then use --auth cli there."),
    _Row("700024", "the token that it presents has expired, or is not valid yet",
         "A pipeline's token lasts minutes: run mct-s2s right after its sign-in (azure/login), or "
         "use --auth workload-identity with a token file that is kept new. Check this machine's "
         "clock, too.",
         "A workflow's or platform's token lasts minutes: get a new one and use it at once. Check "
         "this machine's clock, too."),
    _Row("700023", "the token that it presents was made for another tenant or cloud", "",
         "Check AZURE_TENANT_ID in the credentials and --cloud."),
    _Row("50013", "the token that it presents is not signed by its issuer", "", _COMPARE),
    # With 401 since 2024, by what does not fit; the first one, with 400, before that:
    # docs/azure-contract.md, 2.3.
    _Row("70021", "no federated credential of {who} matches the token", _FEDERATED, _COMPARE, True),
    _Row("70025 7000226", "{who} has no federated credential", _FEDERATED, _COMPARE, True),
    _Row("700211", "no federated credential of {who} has the token's issuer", _FEDERATED, _COMPARE,
         True),
    _Row("700212", "no federated credential of {who} has the token's audience", _FEDERATED,
         _COMPARE, True),
    _Row("700213", "no federated credential of {who} has the token's subject", _SUBJECT, _COMPARE,
         True),
    _Row("7002138", "the federated credential of {who} has the token's subject in another case",
         _FEDERATED, _COMPARE,
         True),
)  # fmt: skip
_ROWS = {number: row for row in _TABLE for number in row.numbers.split()}
PROPAGATING = frozenset(number for number, row in _ROWS.items() if row.lag)
_PRESENTED = re.compile(r"presented assertion (?:issuer|audience|subject) '([^'\r\n]{1,600})'")
"""What of a foreign token does not fit, in Entra's words."""
_SECOND_FACTOR = frozenset({"50072", "50074", "50076", "50078", "50079"})
"""Said where the one that a sign-in brought is missing, too old, or not registered."""

LOOP = "50196"
"""The number that ends a loop of the same request.

Source: learn.microsoft.com/entra/msal/dotnet/advanced/client-and-server-throttling.
"""
ODD = (ValueError, *UNREADABLE)
"""What azure-identity raises of its own arguments and of JSON of another shape; each may be an
answer's fault.
"""
_TO_SIGN_IN = {
    Method.CLI: ("Run az login", "https://aka.ms/azure-cli"),
    Method.AZD: ("Run azd auth login", "https://aka.ms/azure-dev"),
    Method.MANAGED_IDENTITY: ("Run it in an Azure resource that has a managed identity", ""),
}
"""What to do first, and where a tool is to be had."""
_OFFLINE = re.compile(
    r"Max retries exceeded|Failed to (?:resolve|establish)|NewConnectionError|dial tcp"
)
"""What a tool that cannot reach the login service says, in the words of its libraries."""
_SILENT = (ServiceRequestError, ServiceResponseError, IncompleteReadError)
_PASSING = ("temporarily_unavailable", "Unexpected response from Microsoft Entra ID")
"""What the SDK says of an ailing service: the second of an answer that is no JSON, a gateway's
page.
"""


def sign_in_refused(error: Exception, signed_in: SignedIn, login: str = "") -> SignInFailed:
    """Make the error of a failed sign-in.

    `login`: the command to sign in again, where a person has to type it.
    """
    number = _number(error)
    description, method = signed_in.description, signed_in.method
    if number in _SECOND_FACTOR:
        return SignInFailed(
            "mfa-required",
            f"Sign-in with {description} needs a second factor.",
            answer=_service_words(error),
            remedy="Sign in with the second factor, then run the same command again:"
            if login
            else "Run the same command again and sign in with the second factor.",
            command=login,
            request_id=request_id_of(error),
        )
    # Of device codes, the tenant's policy is mostly about the code itself.
    is_blocked_code = number == "53003" and method is Method.DEVICE_CODE
    row = _ROWS.get("530035" if is_blocked_code else number)
    if row is not None and row.own:
        meaning = row.meaning.format(who="the application")
        return SignInFailed(
            "sign-in-failed",
            f"Sign-in with {description} failed: {meaning[0].upper()}{meaning[1:]}.",
            answer=_service_words(error),
            remedy=row.own,
            request_id=request_id_of(error),
        )
    meaning = first_line(error)
    first_step, home = "Sign in again", ""
    if method in _TO_SIGN_IN:
        first_step, home = _TO_SIGN_IN[method]
    text = str(error)
    if home and ("not found on path" in text or "could not be found" in text):
        meaning = "it is not installed."
        first_step = f"Install it ({home}) and {first_step[0].lower()}{first_step[1:]}"
    remedy = f"{first_step}, or choose another --auth."
    if number:
        remedy += f" {_explained_at(number)}"
    return SignInFailed(
        "sign-in-failed",
        f"Sign-in with {description} failed: {meaning}",
        remedy=remedy,
        request_id=request_id_of(error),
    )


def _service_words(error: Exception) -> str:
    """The first line of what the login service says, without its ids, which are reported apart."""
    text = str(error)
    message, _, _ = text[max(0, text.find("AADSTS")) :].partition("Trace ID:")
    lines = message.splitlines() or [""]
    return shortened(lines[0])


def token_refused(error: Exception, client_id: str, scope: str) -> TokenRefused:
    """Make the error of a client that gets no token.

    Its `service_code` is the number after AADSTS, empty where there is none.
    """
    number = _number(error)
    row = _ROWS.get(number)
    github = ""
    # An unknown refusal is not the credential's fault: a new one would only stop the client for
    # longer.
    meaning = first_line(error)
    remedied_by: ClientRemedy | None = None
    template = "Check the client's credential and tenant ID."
    if row is not None and row.client:
        meaning = row.meaning.format(who="the client")
        if isinstance(row.client, ClientRemedy):
            remedied_by = row.client
        else:
            template = row.client
        presented = _PRESENTED.search(str(error))
        if presented is not None:
            meaning = f"{meaning}, '{presented[1]}'"
            branch = _BRANCH.fullmatch(presented[1])
            if number == "700213" and branch is not None:
                github = f"{branch[1]}:{branch[2]}"
                template = _GITHUB
        meaning = f"{meaning} (AADSTS{number})"
    elif number:
        template = _explained_at(number)
    names = {"client": client_id, "github": github, "resource": scope.removesuffix("/.default")}
    quoted = {name: command(value) for name, value in names.items()}
    refusal = TokenRefused(
        "token-refused",
        f"Entra ID refused to issue a token: {meaning}.",
        remedy=template.format(**quoted),
        status=_answer(error).status or 401,
        service_code=number,
        service_message=first_line(error),
    )
    if remedied_by is not None:
        refusal.remedied_by = remedied_by
        refusal.advise(_ADVICE[remedied_by], _command_of(remedied_by, client_id))
    return refusal


def _command_of(remedy: ClientRemedy, client_id: str) -> str:
    about = None if remedy is ClientRemedy.SERVICE_APPLICATION else client_id
    return own_command(remedy.verb, *remedy.options, about=about)


def identity_refused(error: Exception) -> ServiceError:
    """Make the error of a managed identity that gets no token.

    It has the endpoint's words: azure-identity blames the configuration.
    """
    return ServiceError(
        "identity-token-refused",
        f"Could not get a token for the managed identity: {first_line(error)}",
        remedy="Run it inside an Azure resource with a managed identity. For a user-assigned "
        "identity, set AZURE_CLIENT_ID to its client ID.",
        status=401,
        service_code=_number(error),
        service_message=first_line(error),
    )


def raise_if_passing(error: Exception, login: str) -> None:
    """Raise ServiceError where the login service is ailing, busy or silent.

    That says nothing about the sign-in. `login`: its address, which a proxy or firewall has to let
    pass.
    """
    from azure.identity import CredentialUnavailableError  # noqa: PLC0415  # only after a refusal

    is_silent = isinstance(error, _SILENT) or bool(causes(error, OddAnswer))
    # azure-identity says the same of a tool that it cannot ask: that has no connection behind it.
    is_of_tool = isinstance(error, CredentialUnavailableError)
    is_caused_by_silence = not is_of_tool and any(causes(error, kind) for kind in _SILENT)
    if is_silent or is_caused_by_silence or _OFFLINE.search(str(error)):
        has_cause = is_silent or is_caused_by_silence
        cause = error if has_cause else ConnectionError("it could not connect")
        remedy = (
            f"Check the network, the proxy ({login} has to pass) and --cloud, then run the same "
            "command again."
        )
        failure = LOGIN.unanswered(cause, "sign in", remedy)
        if not is_silent:
            # azure-identity, or the tool that it asks, has repeated it.
            failure.status = NEVER_CONNECTED
        raise failure from error
    answer = _answer(error)
    is_unreadable = isinstance(error, UNREADABLE) or any(words in str(error) for words in _PASSING)
    if _number(error) == LOOP:
        raise ServiceError(
            "login-unreachable",
            "The login service refuses requests that came too often.",
            remedy="Run the same command again in a few minutes.",
            request_id=request_id_of(error),
            status=429,
            retry_after=parse_retry_after(answer.headers.get("retry-after")) or LOOP_SECONDS,
        ) from error
    if answer.status in {408, 429, 500, 502, 503, 504} or is_unreadable:
        raise ServiceError(
            "login-unreachable",
            f"The login service is unavailable (HTTP {answer.status or 'unknown'}).",
            remedy="Run the same command again in a minute.",
            request_id=request_id_of(error),
            status=answer.status or 503,
            retry_after=parse_retry_after(answer.headers.get("retry-after")),
        ) from error


def request_id_of(error: Exception) -> str | None:
    trace_id = re.search(r"Trace ID: ([0-9a-f-]{36})", str(error))
    return _answer(error).request_id or (trace_id and trace_id[1])


def _answer(error: Exception) -> Refusal:
    return refusal_of(error) or Refusal(0, "", "")


def _number(error: Exception) -> str:
    match = re.search(r"AADSTS(\d+)", str(error))
    return match[1] if match else ""


def _explained_at(number: str) -> str:
    return f"What it means: https://login.microsoftonline.com/error?code={number}"
