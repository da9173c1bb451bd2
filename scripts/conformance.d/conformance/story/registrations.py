"""App registrations: the service application's, made by upsert as the program does, and a client's, made by POST."""

from __future__ import annotations

from conformance.steps import Kind, Service, Table

NOBODY = "00000000-0000-4000-8000-00000000c0de"
"""An id that nothing has."""
ROLE = {
    "id": "{roleId}",
    "value": "S2SAppRole",
    "displayName": "S2SAppRole",
    "description": "Apps in this role can consume the web api.",
    "isEnabled": True,
    "allowedMemberTypes": ["Application"],
}

_FIELDS = "id,appId,displayName,uniqueName,identifierUris,appRoles,signInAudience,api,tags,requiredResourceAccess"
_CREATE = {
    "displayName": "{name}-api",
    "signInAudience": "AzureADMyOrg",
    "api": {"requestedAccessTokenVersion": 1},
    "tags": ["{name}"],
}
_ONE, _ALL = "/v1.0/{application}", "/v1.0/applications"
_BY_NAME, _IF_MISSING = "/v1.0/applications(uniqueName='{name}-api')", {"Prefer": "create-if-missing"}

_steps = Table("registrations", Service.GRAPH)
_ask = _steps.ask
_ask(
    "PATCH",
    _BY_NAME,
    _ONE,
    headers=_IF_MISSING,
    body=_CREATE,
    makes=Kind.APPLICATION,
    binds={"apiObjectId": "/id", "apiAppId": "/appId"},
)
_ask("PATCH", _BY_NAME, _ONE, headers=_IF_MISSING, body=_CREATE, needs=(1,))
_ask("GET", "/v1.0/applications/{apiObjectId}", _ONE)
_ask("GET", "/v1.0/applications(uniqueName='{name}-api')", _ONE, query={"$select": _FIELDS})
_ask("GET", "/v1.0/applications(appId='{apiAppId}')", _ONE, query={"$select": _FIELDS})
_ask("GET", "/v1.0/applications", _ALL, query={"$filter": "appId in ('{apiAppId}')", "$select": _FIELDS})
_ask("GET", "/v1.0/applications", _ALL, query={"$filter": "tags/any(t:t eq '{name}')", "$select": "id,appId,tags"})
_ask("GET", "/v1.0/applications", _ALL, query={"$filter": "displayName eq '{name}-none'", "$select": "id"})
_ask(
    "PATCH",
    "/v1.0/applications/{apiObjectId}",
    _ONE,
    body={"identifierUris": ["api://{apiAppId}"], "appRoles": [ROLE]},
)
_ask("GET", "/v1.0/applications/{apiObjectId}", _ONE, query={"$select": "id,identifierUris,appRoles"}, needs=(9,))
_ask(
    "GET",
    "/v1.0/applications",
    _ALL,
    query={"$filter": "identifierUris/any(u:u eq 'api://{apiAppId}')", "$select": "id,appId"},
    needs=(9,),
)
_ask(
    "POST",
    "/v1.0/applications",
    _ALL,
    body={"displayName": "{name}-client", "signInAudience": "AzureADMyOrg"},
    makes=Kind.APPLICATION,
    binds={"clientObjectId": "/id", "clientAppId": "/appId"},
)
_ask(
    "PATCH",
    "/v1.0/applications/{clientObjectId}",
    _ONE,
    body={
        "requiredResourceAccess": [
            {"resourceAppId": "{apiAppId}", "resourceAccess": [{"id": "{roleId}", "type": "Role"}]}
        ]
    },
)
_ask(
    "GET", "/v1.0/applications/{clientObjectId}", _ONE, query={"$select": "id,requiredResourceAccess,tags"}, needs=(13,)
)
_ask("GET", "/v1.0/applications/{apiObjectId}/owners", f"{_ONE}/owners", query={"$select": "id"}, shows_others=True)
_ask("GET", "/v1.0/applications/{apiObjectId}/appManagementPolicies", f"{_ONE}/appManagementPolicies")
# What is refused.
_ask("GET", f"/v1.0/applications/{NOBODY}", _ONE)
_ask("GET", "/v1.0/applications(uniqueName='{name}-none')", _ONE)
_ask("GET", "/v1.0/applications(appId='{apiObjectId}')", _ONE)
_ask("GET", "/v1.0/applications", _ALL, query={"$filter": "displayName eq {name}"})
_ask("GET", "/v1.0/applications/{apiObjectId}", _ONE, is_anonymous=True)
_ask("PATCH", "/v1.0/applications/{apiObjectId}", _ONE, body={"appRoles": []}, needs=(9,))
_ask("PATCH", "/v1.0/applications/{apiObjectId}", _ONE, body={"identifierUris": ["https://unverified.example/{name}"]})
_ask("PATCH", "/v1.0/applications/{clientObjectId}", _ONE, body={"identifierUris": ["api://{apiAppId}"]}, needs=(9,))
_ask("PATCH", "/v1.0/applications/{apiObjectId}", _ONE, body={"appId": NOBODY})
_ask("PATCH", "/v1.0/applications/{apiObjectId}", _ONE, body={"noSuchMember": True})
_ask("PATCH", "/v1.0/applications/{apiObjectId}", _ONE, body={"tags": "{name}"})
_ask("POST", "/v1.0/applications", _ALL, body={"displayName": "{name}-odd", "noSuchMember": 1}, makes=Kind.APPLICATION)
_ask(
    "POST",
    "/v1.0/applications",
    _ALL,
    body={"displayName": "{name}-bad", "signInAudience": "Nobody"},
    makes=Kind.APPLICATION,
)

STEPS = _steps.steps
