"""The end of the run's registrations: recycle bin, restoring, purging."""

from __future__ import annotations

from conformance.steps import Kind, Service, Table

_CLIENT, _ONE = "/v1.0/applications/{clientObjectId}", "/v1.0/{application}"
_API = "/v1.0/applications/{apiObjectId}"
_BIN = "/v1.0/directory/deletedItems"
_OBJECT = f"{_BIN}/{{object}}"

_steps = Table("removal", Service.GRAPH)
_ask = _steps.ask
_ask("DELETE", f"{_CLIENT}/federatedIdentityCredentials/{{federatedId}}", f"{_ONE}/{{credential}}")
_ask("DELETE", f"{_CLIENT}/federatedIdentityCredentials/{{federatedId}}", f"{_ONE}/{{credential}}", needs=(1,))
_ask("DELETE", _CLIENT, _ONE)
_ask("GET", _CLIENT, _ONE, needs=(3,))
_ask("GET", f"{_BIN}/{{clientObjectId}}", _OBJECT, query={"$select": "id,appId,displayName"}, needs=(3,))
_ask("GET", "/v1.0/servicePrincipals(appId='{clientAppId}')", "/v1.0/{principal}", query={"$select": "id"}, needs=(3,))
_ask("POST", f"{_BIN}/{{clientObjectId}}/restore", f"{_OBJECT}/restore", needs=(3,))
_ask("POST", f"{_BIN}/{{clientObjectId}}/restore", f"{_OBJECT}/restore", needs=(7,))
_ask("DELETE", _CLIENT, _ONE, needs=(7,))
_ask("DELETE", f"{_BIN}/{{clientObjectId}}", _OBJECT, needs=(9,))
_ask("DELETE", f"{_BIN}/{{clientObjectId}}", _OBJECT, needs=(10,))
_ask("DELETE", _API, _ONE)
_ask("DELETE", _API, _ONE, needs=(12,))
_ask(
    "PATCH",
    "/v1.0/applications(uniqueName='{name}-api')",
    _ONE,
    headers={"Prefer": "create-if-missing"},
    body={"displayName": "{name}-api"},
    makes=Kind.APPLICATION,
    needs=(12,),
)
_ask("DELETE", f"{_BIN}/{{apiObjectId}}", _OBJECT, needs=(12,))
_ask(
    "GET",
    f"{_BIN}/microsoft.graph.servicePrincipal",
    f"{_BIN}/microsoft.graph.{{kind}}",
    query={"$filter": "appId eq '{apiAppId}'", "$select": "id,appId"},
    needs=(12,),
)
_ask(
    "GET",
    f"{_BIN}/microsoft.graph.application",
    f"{_BIN}/microsoft.graph.{{kind}}",
    query={"$select": "id,appId,displayName"},
    shows_others=True,
)

STEPS = _steps.steps
