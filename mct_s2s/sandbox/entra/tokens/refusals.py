"""Refusals of the Entra token service, by number. Many are also the answer while something is not replicated yet.

Sources: entra: identity-platform/reference-error-codes; statuses and wording as recorded in public logs.
"""

from __future__ import annotations

from collections.abc import Callable

from mct_s2s.sandbox.core.wire_errors import WireError, entra_error


def _refusal(
    status: int, error: str, aadsts: int, text: str, *, suberror: str | None = None
) -> Callable[..., WireError]:
    def refuse(*values: object) -> WireError:
        return entra_error(status, error, aadsts, text.format(*values), suberror=suberror)

    return refuse


# The request: arguments are the parameter's name, the grant type, the scope.
missing_parameter = _refusal(
    400, "invalid_request", 900144, "The request body must contain the following parameter: '{}'."
)
unsupported_grant = _refusal(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '{}'.")
resource_not_supported = _refusal(400, "invalid_request", 901002, "The 'resource' request parameter is not supported.")
not_default_scope = _refusal(
    400, "invalid_scope", 1002012,
    "The provided value for scope {} is not valid. Client credential flows must have a scope value with /.default "
    "suffixed to the resource identifier (application ID URI).",
)  # fmt: skip
bad_scope = _refusal(
    400, "invalid_scope", 70011,
    "The provided value for the input parameter 'scope' is not valid. The scope '{}' is not valid.",
)  # fmt: skip
several_resources = _refusal(
    400, "invalid_scope", 700022,
    "Provided value for the input parameter scope '{}' is not valid because it contains more than one resource.",
)  # fmt: skip
no_resource = _refusal(
    400, "invalid_scope", 700023,
    "Provided value for the input parameter scope '{}' is not valid because it contains no resource.",
)  # fmt: skip

# The application and the resource: arguments are an appId or a resource's name, then the tenant or a display name.
unknown_client = _refusal(
    400, "unauthorized_client", 700016,
    "Application with identifier '{}' was not found in the directory '{.display_name}'. This can happen if the "
    "application has not been installed by the administrator of the tenant or consented to by any user in the tenant. "
    "You may have sent your authentication request to the wrong tenant.",
)  # fmt: skip
missing_principal = _refusal(
    401, "invalid_client", 7000229,
    "The client application {} is missing service principal in the tenant {.tenant_id}. See instructions here: "
    "https://go.microsoft.com/fwlink/?linkid=2225119",
)  # fmt: skip
disabled = _refusal(400, "unauthorized_client", 7000112, "Application '{}'({}) is disabled.")
unknown_resource = _refusal(
    400, "invalid_resource", 500011,
    "The resource principal named {} was not found in the tenant named {.display_name}. This can happen if the "
    "application has not been installed by the administrator of the tenant or consented to by any user in the tenant. "
    "You might have sent your authentication request to the wrong tenant.",
)  # fmt: skip
# The client, the resource, and the name that it was asked for by.
not_assigned = _refusal(
    400, "invalid_grant", 501051,
    "Application '{0[appId]}'({0[displayName]}) is not assigned to a role for the application "
    "'{2}'({1[displayName]}).",
)  # fmt: skip
no_consent = _refusal(
    400, "invalid_grant", 65001,
    "The user or administrator has not consented to use the application with ID '{}' named '{}'. Send an interactive "
    "authorization request for this user and resource.",
    suberror="consent_required",
)  # fmt: skip

# Credentials: arguments are the appId, then the certificate's thumbprint.
# A person's sign-in to a confidential client has another number than client credentials.
no_credential = _refusal(
    401, "invalid_client", 7000218,
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
)  # fmt: skip
no_client_credentials = _refusal(
    401, "invalid_client", 7000216,
    "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
)  # fmt: skip
wrong_secret = _refusal(
    401, "invalid_client", 7000215,
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the "
    "client secret ID, for a secret added to app '{}'.",
)  # fmt: skip
expired_secret = _refusal(
    401, "invalid_client", 7000222,
    "The provided client secret keys for app '{}' are expired. Visit the Azure portal to create new keys for your "
    "app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: "
    "https://aka.ms/certCreds.",
)  # fmt: skip
unregistered_certificate = _refusal(
    401, "invalid_client", 700027,
    "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - "
    "The key was not found., Thumbprint of key used by client: '{1}', Please visit the Azure Portal to see the keys of "
    "application '{0}'.]",
)  # fmt: skip
bad_signature = _refusal(
    401, "invalid_client", 700027,
    "Client assertion failed signature validation. [Reason - The provided signature value did not match the expected "
    "signature value., Thumbprint of key used by client: '{1}', application '{0}'.]",
)  # fmt: skip
no_federated_credential = _refusal(
    401, "invalid_client", 70025,
    "The client '{0[appId]}'({0[displayName]}) has no configured federated identity credentials.",
)  # fmt: skip
no_second_factor = _refusal(
    400, "invalid_grant", 50076,
    "Due to a configuration change made by your administrator, or because you moved to a new location, you must use "
    "multi-factor authentication to access the resource.",
    suberror="basic_action",
)  # fmt: skip

disabled_resource = _refusal(
    400, "invalid_client", 500014,
    "The service principal for resource '{}' is disabled. This indicate that a subscription within the tenant has "
    "lapsed, or that the administrator for this tenant has disabled the application, preventing tokens from being "
    "issued for it.",
)  # fmt: skip
BLOCKED_DEVICE_CODES = {
    "conditional-access": _refusal(
        400, "invalid_grant", 53003,
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    ),
    "security-defaults": _refusal(400, "invalid_grant", 530035, "Access has been blocked by security defaults."),
}  # fmt: skip
device_session_ended = _refusal(
    400, "invalid_grant", 530036,
    "The refresh token is invalid due to authentication flow checks by Conditional Access.",
)  # fmt: skip


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
