"""The token service: discovery, a token of the throwaway client for the throwaway API, and what it refuses."""

from __future__ import annotations

from typing import Any

from conformance.steps import Service, Table
from conformance.story.registrations import NOBODY

_TOKEN, _V1 = "/{tenantId}/oauth2/v2.0/token", "/{tenantId}/oauth2/token"  # paths
_OPERATION, _V1_OPERATION = "/{tenant}/oauth2/v2.0/token", "/{tenant}/oauth2/token"
_DISCOVERY = "/{tenant}/v2.0/.well-known/openid-configuration"
_FORM = {
    "grant_type": "client_credentials",
    "client_id": "{clientAppId}",
    "client_secret": "{clientSecret}",
    "scope": "api://{apiAppId}/.default",
}


def _form(**changed: str | None) -> dict[str, Any]:
    """The usual form with some fields replaced, those that are None left out."""
    return {name: value for name, value in {**_FORM, **changed}.items() if value is not None}


_steps = Table("token-service", Service.LOGIN, is_anonymous=True)
_ask = _steps.ask
_ask("GET", "/{tenantId}/v2.0/.well-known/openid-configuration", _DISCOVERY)
_ask("GET", f"/{NOBODY}/v2.0/.well-known/openid-configuration", _DISCOVERY)
_ask(
    "POST",
    _TOKEN,
    _OPERATION,
    body=_form(),
    is_form=True,
    has_token=True,
    binds={"clientToken": "/access_token"},
)
_ask(
    "POST",
    _V1,
    _V1_OPERATION,
    body=_form(scope=None, resource="api://{apiAppId}"),
    is_form=True,
    has_token=True,
    binds={"clientTokenByV1": "/access_token"},
)
for _changed in (
    {"client_secret": "wrong~{name}"},
    {"client_secret": None},
    {"client_id": NOBODY},
    {"scope": "api://{name}-none/.default"},
    {"scope": "api://{apiAppId}/S2SAppRole"},
    {"scope": None},
    {"grant_type": "{name}"},
    {"grant_type": None},
):
    _ask("POST", _TOKEN, _OPERATION, body=_form(**_changed), is_form=True)
_ask("POST", f"/{NOBODY}/oauth2/v2.0/token", _OPERATION, body=_form(), is_form=True)
_ask("POST", "/organizations/oauth2/v2.0/token", _OPERATION, body=_form(), is_form=True)
# Not a signed token: what is said of its issuer comes before its signature, and is what is compared.
_ask(
    "POST",
    _TOKEN,
    _OPERATION,
    body=_form(
        client_secret=None,
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion="{unsignedAssertion}",
    ),
    is_form=True,
)
_ask("GET", "/{tenantId}/discovery/v2.0/keys", "/{tenant}/discovery/v2.0/keys", shows_others=True)
_ask(
    "GET",
    "/common/discovery/instance",
    "/common/discovery/instance",
    query={"api-version": "1.1", "authorization_endpoint": "{login}/{tenantId}/oauth2/v2.0/authorize"},
)

STEPS = _steps.steps
