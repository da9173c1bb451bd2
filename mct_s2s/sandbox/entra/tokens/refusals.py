"""Refusals of the Entra token service, by number. Many are also the answer while something is not replicated yet.

Sources: entra: identity-platform/reference-error-codes; statuses and wording as recorded in public logs.
"""

from __future__ import annotations

from mct_s2s.sandbox.core.wire_errors import WireError, entra_error


def unknown_tenant(name: str, *, error: str = "invalid_request") -> WireError:
    """Refuse a tenant that does not exist; discovery says `invalid_tenant`, the token endpoint otherwise."""
    text = (
        f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant."
    )
    return entra_error(400, error, 90002, text)


def no_tenant(resource: str) -> WireError:
    """Refuse client credentials at `common`: Entra looks for the tenant in the resource.

    Source: MicrosoftDocs/azure-docs#100978, #24064.
    """
    scheme, _, rest = resource.partition("://")
    if scheme == "api":
        name = rest.split("/")[0]
        text = f"Specified tenant identifier '{name}' is neither a valid DNS name, nor a valid external domain."
        return entra_error(400, "invalid_request", 900023, text)
    text = "No tenant-identifying information found in either the request or implied by any provided credentials."
    return entra_error(400, "invalid_request", 50059, text)


def bad_assertion(reason: str, aadsts: int = 50027) -> WireError:
    """Refuse a client assertion that is unreadable or has wrong claims."""
    return entra_error(401, "invalid_client", aadsts, reason)


_MISMATCHES = {"issuer": 700211, "audience": 700212, "subject": 700213}
_ANOTHER_CASE = 7002138


def no_federated_match(what: str, presented: str, *, in_other_case: bool = False) -> WireError:
    """Refuse a foreign token that matches no federated credential.

    Args:
        what: the claim without a match: `issuer`, `audience` or `subject`.
    """
    near = (
        "The subject matches with case-insensitive comparison, but not with case-sensitive comparison. "
        if in_other_case
        else ""
    )
    text = (
        f"No matching federated identity record found for presented assertion {what} '{presented}'. {near}Please check "
        "your federated identity credential Subject, Audience and Issuer against the presented assertion. "
        "https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
    )
    return entra_error(401, "invalid_client", _ANOTHER_CASE if in_other_case else _MISMATCHES[what], text)
