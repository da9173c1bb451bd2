"""Graph's refusals: translated once, and recognised by the exact words that Microsoft uses for *not replicated yet*.

Sources: learn.microsoft.com/graph/errors; the answers that terraform-provider-azuread and the Azure CLI wait out.
"""

from __future__ import annotations

import httpx
from kiota_abstractions.api_error import APIError

from mct_s2s.azure.answers import GRAPH, odd_answer, seconds
from mct_s2s.azure.graph.operations import Operation
from mct_s2s.azure.sign_in.claims import Challenge, challenge_in
from mct_s2s.errors import PermissionMissing, S2SError, ServiceError, SignInFailed
from mct_s2s.planning.secret_policy import LIFETIME_FORBIDDEN

REFERENCE_NEEDED = "management-reference-needed"
NAME_TAKEN = "name-taken"
URI_TAKEN = "uri-taken"
"""Codes of a creation or a change that was refused because another object holds what has to be unique."""

_NOT_REPLICATED = (
    "does not exist or one of its queried reference-property objects are not present",
    "does not reference a valid application object",
    "not a valid reference update",
    "service principal being created must in the local tenant",
    "values of identifieruris property must use a verified domain",
    "permission being assigned was not found on application",
    "unable to read the company information from the directory",
)

_ALREADY_ASSIGNED = ("permission being assigned already exists", "entitlementgrant entry already exists")
"""Graph uses both texts. Source: msgraph-sdk-dotnet#968."""

_WHO_GRANTS = {
    Operation.READ: ("Application.Read.All and Organization.Read.All", "Directory Readers"),
    Operation.CREATE_APPLICATION: ("Application.ReadWrite.OwnedBy", "Application Developer"),
    Operation.RESTORE: ("Application.ReadWrite.All", "Cloud Application Administrator"),
    Operation.CONSENT: ("AppRoleAssignment.ReadWrite.All and Application.Read.All", "Cloud Application Administrator"),
    Operation.REVOKE: ("AppRoleAssignment.ReadWrite.All", "Cloud Application Administrator"),
}
_ELSE = ("Application.ReadWrite.OwnedBy", "Cloud Application Administrator")
"""The application permission and the role that are enough. Source: learn.microsoft.com/graph/permissions-reference."""


def is_lag(error: ServiceError) -> bool:
    """Whether the answer is one that an object made moments ago gets until all replicas know it."""
    text = error.service_message.casefold()
    return error.status in {400, 403, 404} and (error.status == 404 or any(words in text for words in _NOT_REPLICATED))


def already_there(error: ServiceError) -> bool:
    """Whether a creation was refused because what it would create stands: 409, and for assignments 400."""
    text = error.service_message.casefold()
    return (error.status == 409 and "already" in text) or (
        error.status == 400 and any(words in text for words in _ALREADY_ASSIGNED)
    )


def already_gone(error: ServiceError) -> bool:
    """Whether a deletion was refused because there is nothing to delete: 404, and for assignments 400."""
    text = error.service_message.casefold()
    return error.status == 404 or (
        error.status == 400 and "entitlementgrant being updated or deleted is not found" in text
    )


def challenge_of(error: APIError) -> Challenge | None:
    """What a refusal asks of the sign-in: Continuous Access Evaluation, or an authentication context.

    Source: learn.microsoft.com/entra/identity-platform/app-resilience-continuous-access-evaluation.
    """
    if error.response_status_code not in {401, 403}:
        return None
    return challenge_in(_headers(error).get("www-authenticate", ""))


def words_of(error: APIError) -> tuple[str, str | None]:
    """What a refusal says, code first, and its request id."""
    code, message = _body(error)
    said = f"{code}: {message}" if code else f"HTTP {error.response_status_code or 0}"
    return said, _headers(error).get("request-id")


def translate(error: Exception, operation: Operation) -> S2SError:
    """What the user is told of a failed request to Graph.

    Args:
        error: what the SDK or its transport raised.
        operation: what Graph was asked to do.
    """
    odd = odd_answer(error)
    if odd is not None:
        return GRAPH.refused(odd, operation)
    if isinstance(error, httpx.HTTPError):
        return ServiceError(
            "graph-unreachable",
            f"Microsoft Graph did not respond to the request to {operation}: {str(error) or type(error).__name__}",
            remedy="Check the network and the proxy, then run the same command again to resume.",
        )
    if not isinstance(error, APIError):
        raise error
    status = error.response_status_code or 0
    headers, inner = _headers(error), getattr(error, "error", None)
    code, message = _body(error)
    said, request_id = words_of(error)
    if status == 401:
        return SignInFailed(
            "graph-sign-in",
            f"Microsoft Graph refused the sign-in while trying to {operation}.",
            answer=said,
            remedy="Sign in again (az login), then run the same command again to resume.",
            request_id=request_id,
        )
    if status == 403 and "local tenant" not in message:
        permission, role = _WHO_GRANTS.get(operation, _ELSE)
        return PermissionDenied(
            f"You can't {operation}.",
            answer=said,
            remedy=f"Ask a Privileged Role Administrator for the role {role} (for a person) or the application "
            f"permission {permission} (for a service principal), then run the same command again.",
            request_id=request_id,
        )
    return ServiceError(
        _code(status, message, operation),
        f"Microsoft Graph refused to {operation}.",
        answer=said,
        remedy=_remedy(status, message, operation),
        request_id=request_id,
        status=status,
        service_code=code,
        service_message=message,
        details=tuple(str(detail.code) for detail in getattr(inner, "details", None) or []),
        retry_after=seconds(headers.get("retry-after")),
        headers=headers,
    )


def _headers(error: APIError) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in dict(error.response_headers or {}).items()}


def _body(error: APIError) -> tuple[str, str]:
    inner = getattr(error, "error", None)
    return str(getattr(inner, "code", "") or ""), str(getattr(inner, "message", "") or "")[:500]


def recycle_bin_empty(object_id: str) -> ServiceError:
    """A registration was to be restored that is neither in the recycle bin nor out of it."""
    return ServiceError(
        "not-in-recycle-bin",
        f"The app registration {object_id} is no longer in the recycle bin: someone purged it.",
        remedy="Run the same command again to create a new one.",
        status=404,
    )


def _code(status: int, message: str, operation: Operation) -> str:
    text = message.casefold()
    if operation is Operation.ADD_SECRET and "credential type not allowed" in text:
        return "secrets-forbidden"
    if operation is Operation.ADD_SECRET and "lifetime" in text and "policy" in text:
        return LIFETIME_FORBIDDEN
    if status == 400 and "already exists" in text and "uniquename" in text:
        return NAME_TAKEN
    if status == 400 and "already exists" in text and "identifieruris" in text:
        return URI_TAKEN
    if _is_about_reference(text):
        return REFERENCE_NEEDED
    return "graph-refused"


class PermissionDenied(PermissionMissing):
    """Graph answered 403."""

    def __init__(self, message: str, *, remedy: str, request_id: str | None) -> None:
        super().__init__("permission-missing", message, remedy=remedy, request_id=request_id)


def _is_about_reference(text: str) -> bool:
    """Whether a registration lacks what this tenant demands, or has one that it does not know.

    Source: docs/azure-contract.md, section 3.2.
    """
    return "servicemanagementreference" in text


def _remedy(status: int, message: str, operation: Operation) -> str:
    text = message.casefold()
    policy = _policys_remedy(text, operation)
    if policy is not None:
        return policy
    if "already exists" in text:
        return "A deleted registration may still use it. Run the same command again in a minute."
    if status >= 500 or status == 429:
        return "Run the same command again to resume."
    return "Run the same command again. If it fails again, send the request id to Microsoft support."


def _policys_remedy(text: str, operation: Operation) -> str | None:
    """The way out where the tenant's own rules said no."""
    if _is_about_reference(text):
        return (
            "This tenant requires a service management reference on every app registration. Ask your "
            "organization's service or asset management for the ID, then run the same command again with "
            "--service-management-reference ID."
        )
    if "policy" in text and "credential" in text and operation is Operation.ADD_CERTIFICATE:
        return (
            "The tenant's policy limits the lifetime of certificates. Use a shorter --secret-lifetime, a "
            "certificate that expires sooner (--certificate FILE), or --credential federated"
        )
    if operation is Operation.ADD_FEDERATED_CREDENTIAL and "not allowed" in text:
        return (
            "The tenant's policy does not allow this issuer. Ask an administrator of the tenant to allow it, or "
            "use --credential certificate"
        )
    if "credential type not allowed" in text or ("policy" in text and "credential" in text):
        return (
            "The tenant's policy forbids this secret. Use a shorter --secret-lifetime, or no secret: --credential "
            "certificate, --credential federated, or mct-s2s add-client --managed-identity RESOURCE"
        )
    return None
