"""The grants of the token endpoint: client credentials here, a person's in `delegated`.

Sources: entra: identity-platform/v2-oauth2-client-creds-grant-flow,
identity-platform/v2-oauth2-device-code.
"""

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mct_s2s.sandbox.core.wire_errors import WireError, service_error
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.registrations import password_credentials
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.tenant import policies
from mct_s2s.sandbox.entra.tenant.organization import Tenant
from mct_s2s.sandbox.entra.tokens import access_tokens, assertions, delegated
from mct_s2s.sandbox.entra.types import PUBLIC_CLIENTS
from mct_s2s.sandbox.entra.validation import as_utc

Form = Mapping[str, str]
ANY_TENANT = frozenset({"common", "organizations"})
"""Where people sign in whose tenant is not known yet."""
_CALLED_EXPIRED = 0.2
_OTHER_GRANTS = frozenset(
    {
        "authorization_code",
        "password",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:saml1_1-bearer",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
    }
)
"""Entra ID supports them. Sources: entra: identity-platform/v2-oauth2-auth-code-flow,
v2-oauth-ropc, v2-oauth2-on-behalf-of-flow, v2-saml-bearer-assertion.
"""
_DEVICE_GRANTS = frozenset({"urn:ietf:params:oauth:grant-type:device_code", "device_code"})


def tenant_named(directory: Directory, name: str, *, error: str = "invalid_request") -> Tenant:
    if name.lower() in ANY_TENANT:
        return directory.tenant
    for tenant in (directory.tenant, directory.subscription_tenant, *directory.foreign_tenants):
        if tenant.is_named(name):
            return tenant
    raise service_error(f"{error} tenant", name)


def token(
    directory: Directory, tenant_name: str, form: Form, *, version: int = 2
) -> dict[str, Any]:
    """Return the body of the answer to a token request.

    Args:
        form: the parameters; `scope` (version 2) or `resource` (version 1) names the resource.
    """
    tenant = tenant_named(directory, tenant_name)
    for name in ("grant_type", "client_id"):
        if not form.get(name):
            raise service_error("missing_parameter", name)
    if tenant is not directory.tenant:
        raise _foreign(tenant, form["client_id"])
    if version == 2 and "resource" in form:
        raise service_error("resource_not_supported")
    if form["grant_type"] == "client_credentials":
        if tenant_name.lower() in ANY_TENANT:
            # Entra looks for the tenant in the resource: MicrosoftDocs/azure-docs#100978, #24064.
            scheme, _, rest = _resource(form).partition("://")
            if scheme == "api":
                raise service_error("no_tenant in the scope", rest.split("/")[0])
            raise service_error("no_tenant")
        return _counted(directory, form)
    if form["grant_type"] in _DEVICE_GRANTS:
        return delegated.redeem_device_code(directory, form)
    if form["grant_type"] == "refresh_token":
        return delegated.refresh(directory, form)
    raise _unsupported(form["grant_type"])


def _unsupported(grant_type: str) -> WireError:
    if grant_type not in _OTHER_GRANTS:
        return service_error("unsupported_grant", grant_type)
    text = f"The sandbox does not support the grant type '{grant_type}' of Entra ID."
    body = {"error": "sandbox_not_implemented", "error_description": text}
    return WireError(501, body, service="entra")


def _foreign(tenant: Tenant, client_id: str) -> WireError:
    """Nobody of this sandbox has an account there; Microsoft's own clients are everywhere."""
    if client_id in PUBLIC_CLIENTS:
        return service_error("blocked by home-tenant", tenant.display_name)
    return service_error("unknown_client", client_id, tenant)


def _counted(directory: Directory, form: Form) -> dict[str, Any]:
    """Answer a client, unless it is refused too often.

    Source: entra: msal client-and-server-throttling.
    """
    refusals, client_id = directory.token_refusals, form["client_id"].lower()
    refusals.check(client_id, as_loop=directory.variations.throttled_as_loop)
    try:
        return _client_credentials(directory, form)
    except WireError:
        refusals.add(client_id, directory.variations.refused_tokens)
        raise


def _client_credentials(directory: Directory, form: Form) -> dict[str, Any]:
    application = _application(directory, form["client_id"])
    resource = _resource(form)
    acr = _authenticated(directory, application, form)
    principal = directory.service_principals.first_seen_by("appId", application["appId"])
    if principal is None:
        raise service_error("missing_principal", application["appId"], directory.tenant)
    if not principal["accountEnabled"] or application["isDisabled"]:
        raise service_error("disabled", application["appId"], application["displayName"])
    claims = access_tokens.app_only_claims(directory, principal, resource, acr=acr)
    claims |= policies.granted(form.get("claims", ""))
    # Between sixty and ninety minutes, at random, so that clients do not all come back at once.
    lifetime = timedelta(seconds=random.randint(3600, 5400))  # noqa: S311 - nothing is kept secret by it
    token = access_tokens.sign(directory, claims, lifetime)
    seconds = int(lifetime.total_seconds()) - 1
    answer: dict[str, Any] = {
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
    }
    if "resource" in form:
        answer = _version_1(
            answer, token.expires_at, int(directory.clock.now().timestamp()), resource
        )
    return answer | {"access_token": token.access_token}


def _version_1(answer: dict[str, Any], expires: int, now: int, resource: str) -> dict[str, Any]:
    """Return the answer of version 1: it has more members, and numbers as strings.

    Source: entra: azuread-dev/v1-oauth2-client-creds-grant-flow.
    """
    seconds = {name: str(answer[name]) for name in ("expires_in", "ext_expires_in")}
    times = {"expires_on": str(expires), "not_before": str(now - 300)}
    return {"token_type": answer["token_type"], **seconds, **times, "resource": resource}


def _application(directory: Directory, client_id: str) -> Object:
    applications = directory.applications.seen_by("appId", client_id)
    if not applications:
        raise service_error("unknown_client", client_id, directory.tenant)
    return applications[0]


def _resource(form: Form) -> str:
    if "resource" in form:
        return form["resource"]
    scope = form.get("scope", "")
    if not scope:
        raise service_error("missing_parameter", "scope")
    wanted = [
        name
        for name in scope.split()
        if name not in {"openid", "profile", "offline_access", "email"}
    ]
    if len(wanted) > 1:
        raise service_error("several_resources", scope)
    if not wanted or wanted[0] == "/.default":
        raise service_error("no_resource", scope)
    if not wanted[0].endswith("/.default"):
        raise service_error("not_default_scope", scope)
    return wanted[0].removesuffix("/.default")


def _authenticated(directory: Directory, application: Object, form: Form) -> str:
    if form.get("client_assertion"):
        if form.get("client_assertion_type") != assertions.JWT_BEARER:
            raise service_error("missing_parameter", "client_assertion_type")
        assertions.check(directory, application, form["client_assertion"])
        return "2"
    if not form.get("client_secret"):
        raise service_error("no_client_credentials")
    credential = password_credentials.matching(directory, application, form["client_secret"])
    now = directory.clock.now()
    if credential is None and _is_replicating(directory, application, form["client_secret"]):
        raise service_error("expired_secret", application["appId"])
    if credential is None or as_utc(credential["startDateTime"]) > now + timedelta(minutes=5):
        raise service_error("wrong_secret", application["appId"])
    if as_utc(credential["endDateTime"]) <= now:
        raise service_error("expired_secret", application["appId"])
    return "1"


def _is_replicating(directory: Directory, application: Object, secret: str) -> bool:
    """Return whether to call a new secret expired, as Entra has done with some that were not
    replicated yet.

    Seen in Azure-Samples/active-directory-dotnetcore-daemon-v2#87.
    """
    newest = directory.applications.latest(application["id"])
    arriving = (
        newest is not None and password_credentials.matching(directory, newest, secret) is not None
    )
    return arriving and directory.replication.happens(_CALLED_EXPIRED)
