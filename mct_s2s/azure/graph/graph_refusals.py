"""Graph's refusals: translated once, and recognised by the exact words that Microsoft uses for *not replicated yet*.

Sources: learn.microsoft.com/graph/errors; the answers that terraform-provider-azuread and the Azure CLI wait out.
"""

from __future__ import annotations

from kiota_abstractions.api_error import APIError

from mct_s2s.azure.graph.graph_operations import GraphOperation
from mct_s2s.azure.services import GRAPH, LATER, Refusal
from mct_s2s.errors import Contention, MissingRight, PermissionMissing, S2SError, ServiceError
from mct_s2s.planning.secrets.secret_policy import LIFETIME_FORBIDDEN

REFERENCE = "servicemanagementreference"
"""In refusals of a registration that lacks what this tenant demands, or has one that the tenant does not know.

Source: docs/azure-contract.md, section 3.2.
"""
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

_CONTENTION_SECONDS = 90.0
"""An object, or a tenant, can stay busy for the better part of a minute: docs/azure-contract.md, 3.1."""

_WHO_GRANTS = {
    GraphOperation.READ: ("Application.Read.All and Organization.Read.All", "Directory Readers"),
    GraphOperation.CREATE_APPLICATION: ("Application.ReadWrite.OwnedBy", "Application Developer"),
    GraphOperation.RESTORE: ("Application.ReadWrite.All", "Cloud Application Administrator"),
    GraphOperation.CONSENT: (
        "AppRoleAssignment.ReadWrite.All and Application.Read.All",
        "Cloud Application Administrator",
    ),
    GraphOperation.REVOKE: ("AppRoleAssignment.ReadWrite.All", "Cloud Application Administrator"),
}
_ELSE = ("Application.ReadWrite.OwnedBy", "Cloud Application Administrator")
"""The application permission and the role that are enough. Source: learn.microsoft.com/graph/permissions-reference."""


def is_lag(error: ServiceError) -> bool:
    """Whether the answer is one that an object made moments ago gets until all replicas know it."""
    text = error.service_message.casefold()
    return error.status in {400, 403, 404} and (error.status == 404 or any(words in text for words in _NOT_REPLICATED))


def already_there(error: ServiceError) -> bool:
    """Whether a creation was refused because what it would create exists: 409, and for assignments 400."""
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


def _contention(refusal: Refusal, operation: GraphOperation) -> Contention | None:
    """Whether another write to the same object is in progress. It comes as 409, 503 and 400."""
    busy = "concurrent requests being made to the tenant" in refusal.message.casefold()
    if refusal.code != "Directory_ConcurrencyViolation" and not busy:
        return None
    is_consent = operation in {GraphOperation.CONSENT, GraphOperation.REVOKE}
    written = "the service application" if is_consent else "the same app registration"
    return Contention(f"Entra ID is still busy with another write to {written}", _CONTENTION_SECONDS)


def refusal_of(error: Exception) -> Refusal | None:
    """The answer that an error was made from."""
    if not isinstance(error, APIError):
        return None
    headers = {str(name).lower(): str(value) for name, value in dict(error.response_headers or {}).items()}
    inner = getattr(error, "error", None)
    code, message = str(getattr(inner, "code", "") or ""), str(getattr(inner, "message", "") or "")[:500]
    return Refusal(error.response_status_code or 0, code, message, headers)


def translate(error: Exception, operation: GraphOperation) -> S2SError:
    """The error for a failed request to Graph.

    Args:
        error: what the SDK or its transport raised.
        operation: what Graph was asked to do.
    """
    refusal = refusal_of(error)
    if refusal is None:
        return GRAPH.unanswered(error, operation)
    if refusal.status == 401:
        remedy = "Sign in again (az login), then run the same command again to resume."
        return GRAPH.sign_in_refused(refusal, operation, "graph-sign-in", remedy)
    if refusal.status == 403 and "local tenant" not in refusal.message:
        permission, role = _WHO_GRANTS.get(operation, _ELSE)
        either = f"{role} (for a person) or {permission} (for a service principal)"
        return PermissionMissing(
            "permission-missing",
            f"You can't {operation}.",
            answer=refusal.said,
            remedy=f"Ask a Privileged Role Administrator for the role {role} (for a person) or the application "
            f"permission {permission} (for a service principal), then run the same command again.",
            request_id=refusal.request_id,
            missing=(MissingRight(str(operation), either, "a Privileged Role Administrator"),),
        )
    details = getattr(getattr(error, "error", None), "details", None) or ()
    return GRAPH.refused(
        refusal,
        operation,
        _code(refusal, operation),
        _remedy(refusal, operation),
        details=tuple(str(detail.code) for detail in details),
        contention=_contention(refusal, operation),
    )


def recycle_bin_empty(object_id: str) -> ServiceError:
    """A registration was to be restored that is neither in the recycle bin nor out of it."""
    return ServiceError(
        "not-in-recycle-bin",
        f"The app registration {object_id} is no longer in the recycle bin: someone purged it.",
        remedy="Run the same command again to create a new one.",
        status=404,
    )


def _code(refusal: Refusal, operation: GraphOperation) -> str:
    text = refusal.message.casefold()
    if operation is GraphOperation.ADD_SECRET and "credential type not allowed" in text:
        return "secrets-forbidden"
    if operation is GraphOperation.ADD_SECRET and "lifetime" in text and "policy" in text:
        return LIFETIME_FORBIDDEN
    if refusal.status == 400 and "already exists" in text and "uniquename" in text:
        return NAME_TAKEN
    if refusal.status == 400 and "already exists" in text and "identifieruris" in text:
        return URI_TAKEN
    if REFERENCE in text:
        return REFERENCE_NEEDED
    return "graph-refused"


def _remedy(refusal: Refusal, operation: GraphOperation) -> str:
    text = refusal.message.casefold()
    if (contention := _contention(refusal, operation)) is not None:
        return f"{contention.reason}. Run the same command again in a few minutes to resume."
    policy = _policys_remedy(text, operation)
    if policy is not None:
        return policy
    if "already exists" in text:
        return "A deleted registration may still use it. Run the same command again in a minute."
    if refusal.status >= 500 or refusal.status == 429:
        return LATER
    return "Run the same command again. If it fails again, send the request id to Microsoft support."


def _policys_remedy(text: str, operation: GraphOperation) -> str | None:
    """The way out where the tenant's own rules said no."""
    if REFERENCE in text:
        return (
            "This tenant requires a service management reference on every app registration. Ask your "
            "organization's service or asset management for the ID, then run the same command again with "
            "--service-management-reference ID."
        )
    if "identifier uri" in text and "policy" in text:
        return (
            "The tenant's policy does not let a registration with such an Application ID URI issue the v1 tokens that "
            "the MCT API needs. Use another service application (without --service-app, one of its own), or ask an "
            "administrator to exempt this one: https://aka.ms/identifier-uri-addition-error"
        )
    if "policy" in text and "credential" in text and operation is GraphOperation.ADD_CERTIFICATE:
        return (
            "The tenant's policy limits the lifetime of certificates. Use a shorter --secret-lifetime, a "
            "certificate that expires sooner (--certificate FILE), or --credential federated"
        )
    if operation is GraphOperation.ADD_FEDERATED_CREDENTIAL and "not allowed" in text:
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
