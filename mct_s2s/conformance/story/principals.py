"""Service principals, the tenant, and its policy."""

from __future__ import annotations

from mct_s2s.conformance.steps import Kind, Service, Table
from mct_s2s.conformance.story.registrations import NOBODY

_FIELDS = "id,appId,displayName,servicePrincipalType,appRoleAssignmentRequired,accountEnabled,appRoles,tags"
_TAG = "WindowsAzureActiveDirectoryIntegratedApp"
_ONE, _ALL = "/v1.0/{principal}", "/v1.0/servicePrincipals"

_steps = Table("principals", Service.GRAPH)
_ask = _steps.ask
_ask(
    "POST",
    "/v1.0/servicePrincipals",
    _ALL,
    body={"appId": "{apiAppId}", "tags": [_TAG]},
    makes=Kind.PRINCIPAL,
    binds={"apiPrincipalId": "/id"},
)
_ask("POST", "/v1.0/servicePrincipals", _ALL, body={"appId": "{apiAppId}", "tags": [_TAG]}, needs=(1,))
_ask(
    "POST",
    "/v1.0/servicePrincipals",
    _ALL,
    body={"appId": "{clientAppId}", "tags": [_TAG]},
    makes=Kind.PRINCIPAL,
    binds={"clientPrincipalId": "/id"},
)
_ask("GET", "/v1.0/servicePrincipals(appId='{apiAppId}')", _ONE, query={"$select": _FIELDS})
_ask("GET", "/v1.0/servicePrincipals/{clientPrincipalId}", _ONE, query={"$select": _FIELDS})
_ask(
    "GET",
    "/v1.0/servicePrincipals",
    _ALL,
    query={"$filter": "appId in ('{apiAppId}','{clientAppId}')", "$select": "id,appId,displayName"},
)
_ask("GET", "/v1.0/servicePrincipals", _ALL, query={"$filter": "id in ('{apiPrincipalId}')", "$select": "id,appId"})
_ask(
    "GET",
    "/v1.0/servicePrincipals/{apiPrincipalId}/owners",
    f"{_ONE}/owners",
    query={"$select": "id"},
    shows_others=True,
)
_ask("PATCH", "/v1.0/servicePrincipals/{clientPrincipalId}", _ONE, body={"notes": "{name}"})
_ask("POST", "/v1.0/servicePrincipals", _ALL, body={"appId": NOBODY}, makes=Kind.PRINCIPAL)
_ask("POST", "/v1.0/servicePrincipals", _ALL, body={"appId": "no-id"}, makes=Kind.PRINCIPAL)
_ask("GET", f"/v1.0/servicePrincipals(appId='{NOBODY}')", _ONE)
_ask("GET", f"/v1.0/servicePrincipals/{NOBODY}", _ONE)
_ask(
    "GET",
    "/v1.0/organization",
    "/v1.0/organization",
    query={"$select": "id,displayName,verifiedDomains"},
    shows_others=True,
)
_ask(
    "GET",
    "/v1.0/policies/defaultAppManagementPolicy",
    "/v1.0/policies/defaultAppManagementPolicy",
    shows_others=True,
)

STEPS = _steps.steps
