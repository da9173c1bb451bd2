"""What the login service says, in the user's words, and what to do about it.

Source: learn.microsoft.com/entra/identity-platform/reference-error-codes. The numbers are diagnostics, so every
refusal without a row keeps the service's own words.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from azure.core.exceptions import IncompleteReadError, ServiceRequestError, ServiceResponseError
from azure.identity import CredentialUnavailableError

from mct_s2s.azure.answers import LOGIN, causes, first_line, odd_answer, seconds
from mct_s2s.errors import NEVER_CONNECTED, ServiceError, SignInFailed
from mct_s2s.model.commands import command

_FEDERATED = (
    "Compare the issuer, subject and audience of the token with the application's federated credentials: az ad "
    'app federated-credential list --id "$AZURE_CLIENT_ID"'
)
_SUBJECT = (
    "A GitHub repository that was created, renamed or transferred since 2026-07-15 has the IDs of its owner and of "
    f"itself in the subject: repo:OWNER@ID/REPO@ID:…. {_FEDERATED}"
)
_STALE = (
    "A pipeline's token lasts minutes: run mct-s2s right after its sign-in (azure/login), or use --auth "
    "workload-identity with a token file that is kept new. Check this machine's clock, too."
)
_OWN_TENANT = "Set AZURE_TENANT_ID or --tenant to the tenant's ID or one of its domains."
_NEW = "Create a new credential for the client:\nmct-s2s rotate-secret {client}"
_COMPARE = (
    "Compare it with the client's federated credentials: az ad app federated-credential list --id {client}; then add "
    "the missing one: mct-s2s add-client {client} --credential federated --federated-issuer ISSUER "
    "--federated-subject SUBJECT"
)
_BRANCH = re.compile(r"repo:([^:]+):ref:refs/heads/(.+)")
"""The subject of a GitHub workflow on a branch."""
_GITHUB = (
    "If that is your repository, let its workflows sign in: mct-s2s add-client {client} --credential federated "
    "--github {github}"
)
_ADD = "Add the client again:\nmct-s2s add-client {client}"
_ENABLE = (
    "Enable it again: az ad app update --id {client} --set isDisabled=false; az ad sp update --id {client} --set "
    "accountEnabled=true"
)
_EXPIRED = (
    "A workflow's or platform's token lasts minutes: get a new one and use it at once. Check this machine's clock, too."
)
_TENANT = "Check AZURE_TENANT_ID in the credentials and --cloud."
_SCOPE = "Use the scope that mct-s2s status shows."


class _Row(NamedTuple):
    """A number after AADSTS. Without a row, or a remedy in it, the service's own words are shown."""

    said: str
    own: str = ""
    """What to do about it."""
    client: str = ""
    """What is done about it where a client of the MCT API was refused; one of our commands on a line of its own."""
    lag: bool = False
    """Whether it is said also about something that was made minutes ago."""


_NO_DEVICE_CODE = _Row(
    "the tenant blocks device codes",
    "Sign in with --auth browser or az login on a machine with a browser, or use a service principal.",
)
_DEVICE = _Row(
    "the sign-in must come from a device that the organization manages",
    "Run az login on such a device, then use --auth cli there.",
)
_ROWS = {
    "7000215": _Row(
        "the client secret is invalid: it was replaced, or it is the secret's ID instead of its value",
        "Set AZURE_CLIENT_SECRET to the secret's value, not its ID.", _NEW, True,
    ),
    "7000222": _Row("the client secret has expired", "Create a new secret for this service principal.", _NEW, True),
    "700027": _Row(
        "the certificate does not belong to {who}", "Check AZURE_CLIENT_CERTIFICATE_PATH.",
        f"{_ADD} --credential certificate", True,
    ),
    "700016": _Row(
        "{who} does not exist in the tenant: it was deleted, or it belongs to another tenant",
        "Check AZURE_CLIENT_ID and --tenant.", _ADD, True,
    ),
    "7000229": _Row(
        "{who} has no service principal in the tenant", "Check AZURE_CLIENT_ID and --tenant.", _ADD, True
    ),
    "7000112": _Row("{who} is disabled in Entra ID", "", _ENABLE),
    "500011": _Row(
        "no service application in the tenant has that Application ID URI", "",
        "Update the service application:\nmct-s2s setup", True,
    ),
    "500014": _Row(
        "the service application is disabled in Entra ID", "",
        "Enable it again: az ad sp update --id {resource} --set accountEnabled=true",
    ),
    "501051": _Row("the service application requires assignment, and {who} is not assigned", "", _ADD, True),
    "1002012": _Row("it cannot ask for that scope", "", _SCOPE),
    "70011": _Row("it cannot ask for that scope", "", _SCOPE),
    "90002": _Row(
        "the tenant does not exist in this cloud", "Check --tenant or AZURE_TENANT_ID, and --cloud.", _TENANT
    ),
    "90038": _Row("the tenant belongs to another national cloud", "Choose that cloud with --cloud.", _TENANT),
    "50059": _Row("an application must sign in to a specific tenant, not common or organizations", _OWN_TENANT),
    "900023": _Row(
        "the tenant is not an ID or a domain. An application cannot use common or organizations", _OWN_TENANT
    ),
    "53003": _Row(
        "a Conditional Access policy blocks the sign-in", "Sign in from a location that the policy allows.",
        "Run it from a location that the policy allows, or ask its owner for an exemption.",
    ),
    "530035": _NO_DEVICE_CODE,
    "530036": _NO_DEVICE_CODE,
    "53000": _DEVICE,
    "530003": _DEVICE,
    "50131": _DEVICE,
    "700024": _Row("the token that it presents has expired, or is not valid yet", _STALE, _EXPIRED),
    "700023": _Row("the token that it presents was made for another tenant or cloud", "", _TENANT),
    "50013": _Row("the token that it presents is not signed by its issuer", "", _COMPARE),
    # With 401 since 2024, by what does not fit; the first one, with 400, before that: docs/azure-contract.md, 2.3.
    "70021": _Row("no federated credential of {who} matches the token", _FEDERATED, _COMPARE, True),
    "70025": _Row("{who} has no federated credential", _FEDERATED, _COMPARE, True),
    "7000226": _Row("{who} has no federated credential", _FEDERATED, _COMPARE, True),
    "700211": _Row("no federated credential of {who} has the token's issuer", _FEDERATED, _COMPARE, True),
    "700212": _Row("no federated credential of {who} has the token's audience", _FEDERATED, _COMPARE, True),
    "700213": _Row("no federated credential of {who} has the token's subject", _SUBJECT, _COMPARE, True),
    "7002138": _Row(
        "the federated credential of {who} has the token's subject in another case", _FEDERATED, _COMPARE, True
    ),
}  # fmt: skip
PROPAGATING = frozenset(number for number, row in _ROWS.items() if row.lag)
_PRESENTED = re.compile(r"presented assertion (?:issuer|audience|subject) '([^'\r\n]{1,600})'")
"""What of a foreign token does not fit, in Entra's words."""
_SECOND_FACTOR = frozenset({"50072", "50074", "50076", "50078", "50079"})
"""Said where the one that a sign-in brought is missing, too old, or not registered."""

UNREADABLE = (TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What azure-identity raises where it looks into a JSON answer without asking what it is."""
ODD = (ValueError, *UNREADABLE)
"""The same, and what it raises of its own arguments; each may be an answer's fault."""

_TOOLS = {
    "Azure CLI": ("az login", "https://aka.ms/azure-cli"),
    "Azure Developer CLI": ("azd auth login", "https://aka.ms/azure-dev"),
}
"""How to sign in to a tool, and where it is to be had."""
MACHINE = "managed identity of this machine"
_FIRST = {MACHINE: "Run it in an Azure resource that has a managed identity"}
_NOT_INSTALLED = ("not found on path", "could not be found")
_OFFLINE = re.compile(r"Max retries exceeded|Failed to (?:resolve|establish)|NewConnectionError|dial tcp")
"""What a tool that cannot reach the login service says, in the words of its libraries."""
_SILENT = (ServiceRequestError, ServiceResponseError, IncompleteReadError)
DEVICE_CODE = "(device code)"
"""The end of how such a sign-in is described."""
_PASSING = ("temporarily_unavailable", "Unexpected response from Microsoft Entra ID")
"""What the SDK says of an ailing service: the second of an answer that is no JSON, a gateway's page."""


def refused(error: Exception, description: str, login: str = "") -> SignInFailed:
    """The refusal of a sign-in."""
    text, code = str(error), _number(error)
    if code in _SECOND_FACTOR:
        return SignInFailed(
            "mfa-required",
            f"Sign-in with {description} needs a second factor.",
            answer=_entras_words(text),
            remedy="Sign in with the second factor, then run the same command again:"
            if login
            else "Run the same command again and sign in with the second factor.",
            command=login,
            request_id=request_id_of(error),
        )
    is_blocked = code == "53003" and DEVICE_CODE in description
    row = _ROWS.get("530035" if is_blocked else code, _Row(""))
    if row.own:
        said, remedy, answer = row.said.format(who="the application"), row.own, _entras_words(text)
        said = f"{said[0].upper()}{said[1:]}."
    else:
        said, answer, (again, home) = first_line(error), "", _TOOLS.get(description, ("", ""))
        first = f"Run {again}" if again else _FIRST.get(description, "Sign in again")
        remedy = f"{first}, or choose another --auth."
        if again and any(words in text for words in _NOT_INSTALLED):
            said = "it is not installed."
            remedy = f"Install it ({home}) and run {again}, or choose another --auth."
        elif code:
            remedy += f" {_explained_at(code)}"
    return SignInFailed(
        "sign-in-failed",
        f"Sign-in with {description} failed: {said}",
        answer=answer,
        remedy=remedy,
        request_id=request_id_of(error),
    )


def token_refused(error: Exception, client_id: str, scope: str) -> ServiceError:
    """The refusal of a client's token; `service_code` is the number after AADSTS, empty where there is none."""
    code, github = _number(error), ""
    row = _ROWS.get(code, _Row(""))
    # What is not known is not the credential's fault: a new one would only stop the client for longer.
    said, remedy = first_line(error), _explained_at(code) if code else "Check the client's credential and tenant ID."
    if row.client:
        said, remedy = row.said.format(who="the client"), row.client
        if presented := _PRESENTED.search(str(error)):
            said = f"{said}, '{presented[1]}'"
            if code == "700213" and (branch := _BRANCH.fullmatch(presented[1])):
                github, remedy = f"{branch[1]}:{branch[2]}", _GITHUB
    resource = command(scope.removesuffix("/.default"))
    remedy = remedy.format(client=command(client_id), github=command(github), resource=resource)
    advice, _, own = remedy.partition("\n")
    return ServiceError(
        "token-refused",
        f"Entra ID refused to issue a token: {said}{f' (AADSTS{code})' if row.client else ''}.",
        remedy=advice,
        command=own,
        status=int(getattr(getattr(error, "response", None), "status_code", 0) or 0) or 401,
        service_code=code,
        service_message=first_line(error),
    )


def identity_refused(error: Exception) -> ServiceError:
    """The refusal of a managed identity's token, in the endpoint's words: azure-identity blames the configuration."""
    return ServiceError(
        "identity-token-refused",
        f"Could not get a token for the managed identity: {first_line(error)}",
        remedy="Run it inside an Azure resource with a managed identity. For a user-assigned identity, set "
        "AZURE_CLIENT_ID to its client ID.",
        status=401,
        service_code=_number(error),
        service_message=first_line(error),
    )


def _number(error: Exception) -> str:
    match = re.search(r"AADSTS(\d+)", str(error))
    return match[1] if match else ""


def raise_if_passing(error: Exception) -> None:
    """Tell a login service that is ailing, busy or silent from a refusal: it says nothing about the sign-in itself.

    Raises:
        ServiceError: it is the service; the request can be repeated, unless the answer was an odd one.
    """
    remedy = "Check the network, the proxy and --cloud, then run the same command again."
    if isinstance(error, _SILENT) or odd_answer(error) is not None:
        raise LOGIN.unanswered(error, "sign in", remedy) from error
    by_tool = _OFFLINE.search(str(error)) is not None
    without_tool = not isinstance(error, CredentialUnavailableError) and any(
        isinstance(cause, _SILENT) for cause in causes(error)
    )
    if by_tool or without_tool:
        cause = error if without_tool else ConnectionError("it could not connect")
        failure = LOGIN.unanswered(cause, "sign in", remedy)
        failure.status = NEVER_CONNECTED  # azure-identity, or the tool that it asks, has repeated it
        raise failure from error
    response: Any = getattr(error, "response", None)
    status = int(getattr(response, "status_code", 0) or 0)
    unreadable = isinstance(error, UNREADABLE)
    passing = unreadable or any(words in str(error) for words in _PASSING)
    if status not in {408, 429, 500, 502, 503, 504} and not passing:
        return
    asked = str(response.headers.get("Retry-After", "")) if response is not None else ""
    raise ServiceError(
        "login-unreachable",
        f"The login service is unavailable (HTTP {status or 'unknown'}).",
        remedy="Run the same command again in a minute.",
        request_id=request_id_of(error),
        status=status or 503,
        retry_after=seconds(asked),
    ) from error


def _explained_at(code: str) -> str:
    """Where Microsoft explains a number after AADSTS."""
    return f"What it means: https://login.microsoftonline.com/error?code={code}"


def request_id_of(error: Exception) -> str | None:
    """The login service's own id of a request that it refused."""
    response: Any = getattr(error, "response", None)
    sent = response.headers.get("x-ms-request-id") if response is not None else None
    if sent:
        return str(sent)
    found = re.search(r"Trace ID: ([0-9a-f-]{36})", str(error))
    return found.group(1) if found else None


def _entras_words(text: str) -> str:
    """From `AADSTS…` up to the ids, which are reported apart."""
    return re.split(r"\s*Trace ID:", text[text.index("AADSTS") :])[0].splitlines()[0].strip()[:300]
