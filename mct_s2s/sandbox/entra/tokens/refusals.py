"""Refusals of the Entra token service, by number.

Sources: entra: identity-platform/reference-error-codes; statuses and wording as recorded in public logs.
"""

from __future__ import annotations

from mct_s2s.sandbox.core.wire_errors import WireError, entra_error
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.tenant.organization import Tenant


def missing_parameter(name: str) -> WireError:
    """Refuse a request that lacks a parameter."""
    text = f"The request body must contain the following parameter: '{name}'."
    return entra_error(400, "invalid_request", 900144, text)


def unknown_tenant(name: str, *, error: str = "invalid_request") -> WireError:
    """Refuse a tenant that does not exist; discovery says `invalid_tenant`, the token endpoint otherwise."""
    text = (
        f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant."
    )
    return entra_error(400, error, 90002, text)


def unknown_client(app_id: str, tenant: Tenant) -> WireError:
    """Refuse an application that the directory does not know, or not yet."""
    text = (
        f"Application with identifier '{app_id}' was not found in the directory '{tenant.display_name}'. This can "
        "happen if the application has not been installed by the administrator of the tenant or consented to by "
        "any user in the tenant. You may have sent your authentication request to the wrong tenant."
    )
    return entra_error(400, "unauthorized_client", 700016, text)


def missing_principal(app_id: str, tenant: Tenant) -> WireError:
    """Refuse an application without a service principal in the tenant."""
    text = (
        f"The client application {app_id} is missing service principal in the tenant {tenant.tenant_id}. See "
        "instructions here: https://go.microsoft.com/fwlink/?linkid=2225119"
    )
    return entra_error(401, "invalid_client", 7000229, text)


def disabled(app_id: str, name: str) -> WireError:
    """Refuse a disabled application."""
    return entra_error(400, "unauthorized_client", 7000112, f"Application '{app_id}'({name}) is disabled.")


def no_credential() -> WireError:
    """Refuse a confidential client without a credential."""
    text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
    return entra_error(401, "invalid_client", 7000218, text)


def no_client_credentials() -> WireError:
    """Refuse a client credentials request without a credential: another number than for a person's sign-in."""
    text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."
    return entra_error(401, "invalid_client", 7000216, text)


def resource_not_supported() -> WireError:
    """Refuse the parameter that version 1 had in place of the scope."""
    return entra_error(400, "invalid_request", 901002, "The 'resource' request parameter is not supported.")


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


def wrong_secret(app_id: str) -> WireError:
    """Refuse a secret that the application does not have, or not yet."""
    text = (
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
        f"not the client secret ID, for a secret added to app '{app_id}'."
    )
    return entra_error(401, "invalid_client", 7000215, text)


def expired_secret(app_id: str) -> WireError:
    """Refuse an expired secret."""
    text = (
        f"The provided client secret keys for app '{app_id}' are expired. Visit the Azure portal to create new "
        "keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added "
        "security: https://aka.ms/certCreds."
    )
    return entra_error(401, "invalid_client", 7000222, text)


def not_default_scope(scope: str) -> WireError:
    """Refuse a scope other than `/.default` for client credentials."""
    text = (
        f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
        "/.default suffixed to the resource identifier (application ID URI)."
    )
    return entra_error(400, "invalid_scope", 1002012, text)


def bad_scope(scope: str) -> WireError:
    """Refuse a scope that names no resource."""
    text = f"The provided value for the input parameter 'scope' is not valid. The scope '{scope}' is not valid."
    return entra_error(400, "invalid_scope", 70011, text)


def several_resources(scope: str) -> WireError:
    """Refuse scopes of more than one resource."""
    text = f"Provided value for the input parameter scope '{scope}' is not valid because it contains more than "
    return entra_error(400, "invalid_scope", 700022, text + "one resource.")


def no_resource(scope: str) -> WireError:
    """Refuse scopes of no resource at all."""
    text = f"Provided value for the input parameter scope '{scope}' is not valid because it contains no resource."
    return entra_error(400, "invalid_scope", 700023, text)


def unknown_resource(resource: str, tenant: Tenant) -> WireError:
    """Refuse a resource without a service principal, or a URI of no application (or not yet)."""
    text = (
        f"The resource principal named {resource} was not found in the tenant named {tenant.display_name}. This "
        "can happen if the application has not been installed by the administrator of the tenant or consented to "
        "by any user in the tenant. You might have sent your authentication request to the wrong tenant."
    )
    return entra_error(400, "invalid_resource", 500011, text)


def not_assigned(client: Object, resource: Object, named: str) -> WireError:
    """Refuse a client without a role where the resource requires an assignment."""
    text = (
        f"Application '{client['appId']}'({client['displayName']}) is not assigned to a role for the application "
        f"'{named}'({resource['displayName']})."
    )
    return entra_error(400, "invalid_grant", 501051, text)


def unsupported_grant(grant_type: str) -> WireError:
    """Refuse a grant type that is not offered."""
    text = f"The app requested an unsupported grant type '{grant_type}'."
    return entra_error(400, "unsupported_grant_type", 70003, text)


def bad_assertion(reason: str, aadsts: int = 50027) -> WireError:
    """Refuse a client assertion that is unreadable or has wrong claims."""
    return entra_error(401, "invalid_client", aadsts, reason)


def unregistered_certificate(app_id: str, thumbprint: str) -> WireError:
    """Refuse an assertion signed by a key that the application does not have, or not yet."""
    text = (
        "The certificate with identifier used to sign the client assertion is not registered on application. "
        f"[Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}', Please visit the "
        f"Azure Portal to see the keys of application '{app_id}'.]"
    )
    return entra_error(401, "invalid_client", 700027, text)


def bad_signature(app_id: str, thumbprint: str) -> WireError:
    """Refuse an assertion whose signature does not fit the registered certificate."""
    text = (
        "Client assertion failed signature validation. [Reason - The provided signature value did not match the "
        f"expected signature value., Thumbprint of key used by client: '{thumbprint}', application '{app_id}'.]"
    )
    return entra_error(401, "invalid_client", 700027, text)


_MISMATCHES = {"issuer": 700211, "audience": 700212, "subject": 700213}
_ANOTHER_CASE = 7002138


def no_federated_credential(application: Object) -> WireError:
    """Refuse a foreign token where the application has no federated credential, or not yet."""
    text = (
        f"The client '{application['appId']}'({application['displayName']}) has no configured federated identity "
        "credentials."
    )
    return entra_error(401, "invalid_client", 70025, text)


def no_federated_match(what: str, presented: str, *, in_other_case: bool = False) -> WireError:
    """Refuse a foreign token that matches no federated credential, or not yet.

    Args:
        what: the claim without a match: `issuer`, `audience` or `subject`.
        presented: its value.
        in_other_case: whether a credential has it in another case.
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


def no_second_factor() -> WireError:
    """Refuse a silent token request for which a second factor is required."""
    text = (
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must "
        "use multi-factor authentication to access the resource."
    )
    return entra_error(400, "invalid_grant", 50076, text, suberror="basic_action")


def no_consent(app_id: str, name: str) -> WireError:
    """Refuse a person's sign-in to an application that nobody consented to."""
    text = (
        f"The user or administrator has not consented to use the application with ID '{app_id}' named '{name}'. "
        "Send an interactive authorization request for this user and resource."
    )
    return entra_error(400, "invalid_grant", 65001, text, suberror="consent_required")
