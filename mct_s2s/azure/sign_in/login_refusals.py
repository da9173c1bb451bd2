"""What the login service says, in the user's words, and what to do about it.

Source: learn.microsoft.com/entra/identity-platform/reference-error-codes. The numbers are diagnostics, so every
refusal without a row keeps the service's own words.
"""

from __future__ import annotations

import re
from typing import Any

from azure.core.exceptions import IncompleteReadError, ServiceRequestError, ServiceResponseError
from azure.identity import CredentialUnavailableError

from mct_s2s.azure.clouds import NEVER_CONNECTED
from mct_s2s.azure.json_values import seconds
from mct_s2s.azure.services import LOGIN, causes, first_line, odd_answer
from mct_s2s.errors import ServiceError, SignInFailed

_FEDERATED = (
    "Compare the issuer, subject and audience of the token with the application's federated credentials: az ad "
    'app federated-credential list --id "$AZURE_CLIENT_ID"'
)
_SUBJECT = (
    "A GitHub repository that was created, renamed or transferred since 2026-07-15 has the IDs of its owner and of "
    f"itself in the subject: repo:OWNER@ID/REPO@ID:…. {_FEDERATED}"
)
_NO_DEVICE_CODE = (
    "The tenant blocks device codes.",
    "Sign in with --auth browser or az login on a machine with a browser, or use a service principal.",
)
_DEVICE = (
    "The sign-in must come from a device that the organization manages.",
    "Run az login on such a device, then use --auth cli there.",
)
_STALE = (
    "A pipeline's token lasts minutes: run mct-s2s right after its sign-in (azure/login), or use --auth "
    "workload-identity with a token file that is kept new. Check this machine's clock, too."
)
_OWN_TENANT = "Set AZURE_TENANT_ID or --tenant to the tenant's ID or one of its domains."
_EXPLAINED = {
    "7000215": ("The client secret is invalid.", "Set AZURE_CLIENT_SECRET to the secret's value, not its ID."),
    "7000222": ("The client secret has expired.", "Create a new secret for this service principal."),
    "700016": ("The application does not exist in this tenant.", "Check AZURE_CLIENT_ID and --tenant."),
    "7000229": ("The application has no service principal in this tenant.", "Check AZURE_CLIENT_ID and --tenant."),
    "90002": ("The tenant does not exist.", "Check --tenant or AZURE_TENANT_ID, and --cloud."),
    "700027": ("The certificate does not belong to the application.", "Check AZURE_CLIENT_CERTIFICATE_PATH."),
    "53003": ("A Conditional Access policy blocks this sign-in.", "Sign in from a location that the policy allows."),
    "530035": _NO_DEVICE_CODE,
    "530036": _NO_DEVICE_CODE,
    "53000": _DEVICE,
    "530003": _DEVICE,
    "50131": _DEVICE,
    "700024": ("The token that it signs in with has expired, or is not valid yet.", _STALE),
    "70021": ("No federated credential of the application matches the token.", _FEDERATED),
    "7000226": ("The application has no federated credential.", _FEDERATED),
    "70025": ("The application has no federated credential.", _FEDERATED),
    "700211": ("No federated credential of the application has that issuer.", _FEDERATED),
    "700212": ("No federated credential of the application has that audience.", _FEDERATED),
    "700213": ("No federated credential of the application has that subject.", _SUBJECT),
    "7002138": ("The subject of the application's federated credential differs in case.", _FEDERATED),
    "50059": ("An application must sign in to a specific tenant, not common or organizations.", _OWN_TENANT),
    "900023": (
        "The tenant is not an ID or a domain. An application cannot use common or organizations.",
        _OWN_TENANT,
    ),
    "90038": ("The tenant belongs to another national cloud.", "Choose that cloud with --cloud."),
}
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
    """The refusal of a sign-in.

    Args:
        error: what azure-identity raised.
        description: as whom.
        login: the commands for signing in again, if there are any.
    """
    text = str(error)
    code = match.group(1) if (match := re.search(r"AADSTS(\d+)", text)) else ""
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
    said, remedy = _EXPLAINED.get(code, ("", ""))
    if code == "53003" and DEVICE_CODE in description:
        said, remedy = _NO_DEVICE_CODE
    answer = _entras_words(text) if said else ""
    if not said:
        said, (again, home) = first_line(error), _TOOLS.get(description, ("", ""))
        first = f"Run {again}" if again else _FIRST.get(description, "Sign in again")
        remedy = f"{first}, or choose another --auth."
        if again and any(words in text for words in _NOT_INSTALLED):
            said = "it is not installed."
            remedy = f"Install it ({home}) and run {again}, or choose another --auth."
        elif code:
            remedy += f" {explained_at(code)}"
    return SignInFailed(
        "sign-in-failed",
        f"Sign-in with {description} failed: {said}",
        answer=answer,
        remedy=remedy,
        request_id=request_id_of(error),
    )


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


def explained_at(code: str) -> str:
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
