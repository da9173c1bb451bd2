"""Service principals, the tenant, and its policy."""

from __future__ import annotations

from conformance.steps import Kind, Service, Table
from conformance.story.registrations import NOBODY

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
_OWN = "/v1.0/servicePrincipals/{clientPrincipalId}"
_ask(
    "GET",
    f"{_OWN}/transitiveMemberOf/microsoft.graph.directoryRole",
    f"{_ONE}/transitiveMemberOf/microsoft.graph.directoryRole",
    query={"$count": "true", "$select": "id,roleTemplateId"},
    headers={"ConsistencyLevel": "eventual"},
)
_ask(
    "GET",
    f"{_OWN}/ownedObjects/microsoft.graph.application",
    f"{_ONE}/ownedObjects/microsoft.graph.application",
    query={"$select": "id"},
)
_ask(
    "POST",
    f"{_OWN}/addPassword",
    f"{_ONE}/addPassword",
    body={"passwordCredential": {"displayName": "{name}"}},
    binds={"principalsSecretId": "/keyId", "principalsSecret": "/secretText"},
)
_ask("POST", f"{_OWN}/removePassword", f"{_ONE}/removePassword", body={"keyId": "{principalsSecretId}"})
# The client becomes an owner of the service application, and stops being one.
_OWNERS, _OWNERS_OPERATION = "/v1.0/applications/{apiObjectId}/owners", "/v1.0/{application}/owners"
_OWNER = {"@odata.id": "{graph}/v1.0/directoryObjects/{clientPrincipalId}"}
_ask("POST", f"{_OWNERS}/$ref", f"{_OWNERS_OPERATION}/$ref", body=_OWNER)
_ask("POST", f"{_OWNERS}/$ref", f"{_OWNERS_OPERATION}/$ref", body=_OWNER, needs=(20,))
_ask("DELETE", f"{_OWNERS}/{{clientPrincipalId}}/$ref", f"{_OWNERS_OPERATION}/{{owner}}/$ref", needs=(20,))
_ask("DELETE", f"{_OWNERS}/{{clientPrincipalId}}/$ref", f"{_OWNERS_OPERATION}/{{owner}}/$ref", needs=(22,))

STEPS = _steps.steps
