"""What is asked, in its order: the requests that the program itself makes, and the mistakes next to
them.

Whatever a request makes is named after the run, and nothing is changed that the run has not made,
but for one application setting, which is added and taken back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = Any
SETTING = "MCT_S2S_CONFORMANCE"
"""The one application setting that a run adds; its value is the run's name."""
SITES_API, IDENTITIES_API, VAULT_API = "2024-04-01", "2023-01-31", "7.4"
SUBSCRIPTIONS_API = "2022-12-01"


class Service(StrEnum):
    """The service of a request, named as in the tables of recorded traffic."""

    GRAPH = "graph"
    ARM = "arm"
    LOGIN = "login"
    VAULT = "vault"
    SITE = "site"


class Settings(StrEnum):
    """How a request uses the application settings of a site, which are other people's."""

    READ = "read"
    ADD = "add"
    TAKE_BACK = "take back"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A request. `{name}` stands for what an earlier answer, or the run, has bound to that name.

    `id` is `table/number`; the path is below the service's root; the body of a request to the login
    service is a form.
    """

    id: str
    service: Service
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None
    anonymous: bool = False
    bearer: str | None = None
    """The name of the token, where it is not that of the signed-in account."""
    binds: Mapping[str, str] = field(default_factory=dict)
    """Names, and JSON pointers to their values in a successful answer."""
    others: bool = False
    """Whether the answer shows objects of others: only its shape is compared."""
    settings: Settings | None = None

    @property
    def reads(self) -> bool:
        """Whether it changes nothing, so that it can be sent again."""
        return (
            self.method == "GET" or self.settings is Settings.READ or self.service is Service.LOGIN
        )


STEPS: list[Step] = []


def _table(name: str, service: Service, root: str = "", **common: Any) -> Callable[..., None]:
    """Begin a table; a request is `METHOD PATH?QUERY`, what its answer binds is
    `NAME=POINTER …`.
    """
    numbers = iter(range(1, 100))

    def ask(request: str, body: Json = None, *, binds: str = "", **more: Any) -> None:
        method, _, url = request.partition(" ")
        path, _, query = url.partition("?")
        asked = dict(part.split("=", 1) for part in query.split("&") if part)
        rest = {**common, **more, "query": {**common.get("query", {}), **asked}}
        rest["binds"] = dict(pair.split("=") for pair in binds.split())
        STEPS.append(
            Step(
                id=f"{name}/{next(numbers):02}",
                service=service,
                method=method,
                path=root + path,
                body=body,
                **rest,
            )
        )

    return ask


NOBODY = "00000000-0000-4000-8000-00000000c0de"
"""An id that nothing has."""
_IF_MISSING = {"Prefer": "create-if-missing"}

# Azure Resource Manager: the App Service and what is around it.
_SUBSCRIPTION, _GROUP = (
    "/subscriptions/{subscriptionId}",
    "/subscriptions/{subscriptionId}/resourceGroups/{group}",
)
_SITE, _RULES = "{sitePath}", "{sitePath}/providers/Microsoft.Authorization"
_RESOURCES, _SITES = "api-version=2021-04-01", f"api-version={SITES_API}"
_ask = _table("resource-manager", Service.ARM, others=True)
_ask(f"GET {_SUBSCRIPTION}?api-version={SUBSCRIPTIONS_API}")
_ask(f"GET /subscriptions?api-version={SUBSCRIPTIONS_API}")
_ask(f"GET {_GROUP}?{_RESOURCES}", binds="location=/location")
_ask(f"GET {_SITE}?{_SITES}", binds="siteHost=/properties/defaultHostName")
_ask(f"GET {_GROUP}/providers/Microsoft.Web/sites?{_SITES}")
_ask(f"GET {_SITE}/slots?{_SITES}")
_ask(f"GET {_SITE}/config/slotConfigNames?{_SITES}")
_ask(f"GET {_RULES}/permissions?api-version=2022-04-01")
_ask(f"GET {_RULES}/locks?api-version=2020-05-01")
_ask(f"GET {_SUBSCRIPTION}/providers/Microsoft.ManagedIdentity?{_RESOURCES}")
_ask("GET /metadata/endpoints?api-version=2022-09-01", anonymous=True)
_ask = _table("refused", Service.ARM)
_ask(f"GET {_SITE}?{_SITES}", anonymous=True)
_ask(f"GET {_SITE}")
_ask(f"GET {_SITE}?api-version=2001-01-01")
_ask(f"GET {_SITE}?api-version={{name}}")
_ask(f"GET /subscriptions/{NOBODY}?api-version={SUBSCRIPTIONS_API}")
_ask(f"GET {_SUBSCRIPTION}/resourceGroups/{{name}}-none?{_RESOURCES}")
_ask(f"GET {_GROUP}/providers/Microsoft.Web/sites/{{name}}-none?{_SITES}")
_ask(f"GET {_SITE}/slots/{{name}}-none?{_SITES}")

# App registrations: the service application's, made by upsert as the program does, and a client's,
# made by POST.
_FIELDS = (
    "id,appId,displayName,uniqueName,identifierUris,appRoles,signInAudience,api,tags,"
    "requiredResourceAccess"
)
_API, _CLIENT = "/applications/{apiObjectId}", "/applications/{clientObjectId}"
_NAMED = "/applications(uniqueName='{name}-api')"
_ROLE = {"id": "{roleId}", "value": "S2SAppRole", "displayName": "S2SAppRole", "isEnabled": True}
_ROLE |= {
    "description": "Apps in this role can consume the web api.",
    "allowedMemberTypes": ["Application"],
}
_CREATE: dict[str, Json] = {
    "displayName": "{name}-api",
    "signInAudience": "AzureADMyOrg",
    "tags": ["{name}"],
}
_CREATE |= {"api": {"requestedAccessTokenVersion": 1}}
_ACCESS = [{"resourceAppId": "{apiAppId}", "resourceAccess": [{"id": "{roleId}", "type": "Role"}]}]
_ask = _table("registrations", Service.GRAPH, "/v1.0")
_ask(f"PATCH {_NAMED}", _CREATE, headers=_IF_MISSING, binds="apiObjectId=/id apiAppId=/appId")
_ask(f"PATCH {_NAMED}", _CREATE, headers=_IF_MISSING)
_ask(f"GET {_API}")
_ask(f"GET {_NAMED}?$select={_FIELDS}")
_ask(f"GET /applications(appId='{{apiAppId}}')?$select={_FIELDS}")
_ask(f"GET /applications?$filter=appId in ('{{apiAppId}}')&$select={_FIELDS}")
_ask("GET /applications?$filter=tags/any(t:t eq '{name}')&$select=id,appId,tags")
_ask("GET /applications?$filter=displayName eq '{name}-none'&$select=id")
_ask(f"PATCH {_API}", {"identifierUris": ["api://{apiAppId}"], "appRoles": [_ROLE]})
_ask(f"GET {_API}?$select=id,identifierUris,appRoles")
_ask("GET /applications?$filter=identifierUris/any(u:u eq 'api://{apiAppId}')&$select=id,appId")
_ask(
    "POST /applications",
    {"displayName": "{name}-client", "signInAudience": "AzureADMyOrg"},
    binds="clientObjectId=/id clientAppId=/appId",
)
_ask(f"PATCH {_CLIENT}", {"requiredResourceAccess": _ACCESS})
_ask(f"GET {_CLIENT}?$select=id,requiredResourceAccess,tags")
_ask(f"GET {_API}/owners?$select=id", others=True)
_ask(f"GET {_API}/appManagementPolicies")
_ask(f"GET /applications/{NOBODY}")
_ask("GET /applications(uniqueName='{name}-none')")
_ask("GET /applications(appId='{apiObjectId}')")
_ask("GET /applications?$filter=displayName eq {name}")
_ask(f"GET {_API}", anonymous=True)
_ask(f"PATCH {_API}", {"appRoles": []})
_ask(f"PATCH {_API}", {"identifierUris": ["https://unverified.example/{name}"]})
_ask(f"PATCH {_CLIENT}", {"identifierUris": ["api://{apiAppId}"]})
_ask(f"PATCH {_API}", {"appId": NOBODY})
_ask(f"PATCH {_API}", {"noSuchMember": True})
_ask(f"PATCH {_API}", {"tags": "{name}"})
_ask("POST /applications", {"displayName": "{name}-odd", "noSuchMember": 1})
_ask("POST /applications", {"displayName": "{name}-bad", "signInAudience": "Nobody"})

# Service principals, the tenant, and its policy. The client becomes an owner of the service
# application for a moment.
_FIELDS = (
    "id,appId,displayName,servicePrincipalType,appRoleAssignmentRequired,accountEnabled,"
    "appRoles,tags"
)
_TAGS = ["WindowsAzureActiveDirectoryIntegratedApp"]
_PRINCIPAL, _OWN = "/servicePrincipals/{apiPrincipalId}", "/servicePrincipals/{clientPrincipalId}"
_OWNER = {"@odata.id": "{graph}/v1.0/directoryObjects/{clientPrincipalId}"}


def _password(name: str, **more: str) -> Json:
    return {"passwordCredential": {"displayName": name, **more}}


_ask = _table("principals", Service.GRAPH, "/v1.0")
_ask("POST /servicePrincipals", {"appId": "{apiAppId}", "tags": _TAGS}, binds="apiPrincipalId=/id")
_ask("POST /servicePrincipals", {"appId": "{apiAppId}", "tags": _TAGS})
_ask(
    "POST /servicePrincipals",
    {"appId": "{clientAppId}", "tags": _TAGS},
    binds="clientPrincipalId=/id",
)
_ask(f"GET /servicePrincipals(appId='{{apiAppId}}')?$select={_FIELDS}")
_ask(f"GET {_OWN}?$select={_FIELDS}")
_ask(
    "GET /servicePrincipals?$filter=appId in "
    "('{apiAppId}','{clientAppId}')&$select=id,appId,displayName"
)
_ask("GET /servicePrincipals?$filter=id in ('{apiPrincipalId}')&$select=id,appId")
_ask(f"GET {_PRINCIPAL}/owners?$select=id", others=True)
_ask(f"PATCH {_OWN}", {"notes": "{name}"})
_ask("POST /servicePrincipals", {"appId": NOBODY})
_ask("POST /servicePrincipals", {"appId": "no-id"})
_ask(f"GET /servicePrincipals(appId='{NOBODY}')")
_ask(f"GET /servicePrincipals/{NOBODY}")
_ask("GET /organization?$select=id,displayName,verifiedDomains", others=True)
_ask("GET /policies/defaultAppManagementPolicy", others=True)
_ask(
    f"GET {_OWN}/transitiveMemberOf/"
    "microsoft.graph.directoryRole?$count=true&$select=id,roleTemplateId",
    headers={"ConsistencyLevel": "eventual"},
)
_ask(f"GET {_OWN}/ownedObjects/microsoft.graph.application?$select=id")
_ask(
    f"POST {_OWN}/addPassword",
    _password("{name}"),
    binds="principalsSecretId=/keyId principalsSecret=/secretText",
)
_ask(f"POST {_OWN}/removePassword", {"keyId": "{principalsSecretId}"})
_ask(f"POST {_API}/owners/$ref", _OWNER)
_ask(f"POST {_API}/owners/$ref", _OWNER)
_ask(f"DELETE {_API}/owners/{{clientPrincipalId}}/$ref")
_ask(f"DELETE {_API}/owners/{{clientPrincipalId}}/$ref")

# Credentials of a client: secrets, certificates, federated credentials.
_FEDERATED = f"{_CLIENT}/federatedIdentityCredentials"
_ONE = f"{_FEDERATED}(name='pipeline')"
_TRUST = {
    "issuer": "https://token.actions.githubusercontent.com",
    "subject": "repo:contoso/{name}:ref:refs/heads/main",
}
_TRUSTED = {**_TRUST, "audiences": ["api://AzureADTokenExchange"]}
_CERTIFICATE = {
    "type": "AsymmetricX509Cert",
    "usage": "Verify",
    "keyId": "{certificateId}",
    "displayName": "{name}",
}
_CERTIFICATE |= {
    "startDateTime": "{certificateBegins}",
    "endDateTime": "{certificateEnds}",
    "key": "{certificate}",
}


_ask = _table("credentials", Service.GRAPH, "/v1.0")
_ask(
    f"POST {_CLIENT}/addPassword",
    _password("{name}", endDateTime="{secretEnds}"),
    binds="secretId=/keyId clientSecret=/secretText",
)
_ask(
    f"POST {_CLIENT}/addPassword",
    _password("second"),
    binds="secondId=/keyId secondSecret=/secretText",
)
_ask(f"GET {_CLIENT}?$select=id,passwordCredentials")
_ask(f"POST {_CLIENT}/removePassword", {"keyId": "{secondId}"})
_ask(f"POST {_CLIENT}/removePassword", {"keyId": "{secondId}"})
_ask(f"POST {_CLIENT}/removePassword", {"keyId": NOBODY})
_ask(f"POST {_CLIENT}/addPassword", _password("{name}", endDateTime="2001-01-01T00:00:00Z"))
_ask(f"PATCH {_CLIENT}", {"keyCredentials": [_CERTIFICATE]})
_ask(f"GET {_CLIENT}?$select=id,keyCredentials")
_ask(f"PATCH {_CLIENT}", {"keyCredentials": []})
_ask(f"PATCH {_ONE}", _TRUSTED, headers=_IF_MISSING)
_ask(f"PATCH {_ONE}", _TRUSTED, headers=_IF_MISSING)
_ask(f"POST {_FEDERATED}", {"name": "other", **_TRUSTED})
_ask(f"POST {_FEDERATED}", {"name": "bad", **_TRUST, "audiences": []})
_ask(f"GET {_ONE}", binds="federatedId=/id")
_ask(f"GET {_FEDERATED}")

# Admin consent: an app role assignment, granted here and revoked near the end.
_GRANT = {
    "principalId": "{clientPrincipalId}",
    "resourceId": "{apiPrincipalId}",
    "appRoleId": "{roleId}",
}
_TO = f"{_PRINCIPAL}/appRoleAssignedTo"
_ask = _table("consent", Service.GRAPH, "/v1.0")
_ask(f"POST {_TO}", _GRANT, binds="assignmentId=/id")
_ask(f"POST {_TO}", _GRANT)
_ask(f"GET {_TO}")
_ask(f"GET {_OWN}/appRoleAssignments")
_ask("GET /servicePrincipals(appId='{apiAppId}')/appRoleAssignedTo?$top=999")
_ask(f"POST {_TO}", {**_GRANT, "appRoleId": NOBODY})
_ask(f"POST {_TO}", {**_GRANT, "principalId": NOBODY})
_ask(f"POST {_TO}", {**_GRANT, "principalId": "{clientAppId}"})

# The token service: discovery, a token of the throwaway client for the throwaway API, and what it
# refuses.
_TOKEN = "/{tenantId}/oauth2/v2.0/token"  # a path
_FORM = {
    "grant_type": "client_credentials",
    "client_id": "{clientAppId}",
    "client_secret": "{clientSecret}",
}
_FORM |= {"scope": "api://{apiAppId}/.default"}


def _form(**changed: str | None) -> dict[str, str]:
    """The usual form with some fields replaced, those that are None left out."""
    return {name: value for name, value in {**_FORM, **changed}.items() if value is not None}


_ask = _table("token-service", Service.LOGIN, anonymous=True)
_ask("GET /{tenantId}/v2.0/.well-known/openid-configuration")
_ask(f"GET /{NOBODY}/v2.0/.well-known/openid-configuration")
_ask(f"POST {_TOKEN}", _form(), binds="clientToken=/access_token")
_ask(
    "POST /{tenantId}/oauth2/token",
    _form(scope=None, resource="api://{apiAppId}"),
    binds="clientTokenByV1=/access_token",
)
_ask(f"POST {_TOKEN}", _form(client_secret="wrong~{name}"))
_ask(f"POST {_TOKEN}", _form(client_secret=None))
_ask(f"POST {_TOKEN}", _form(client_id=NOBODY))
_ask(f"POST {_TOKEN}", _form(scope="api://{name}-none/.default"))
_ask(f"POST {_TOKEN}", _form(scope="api://{apiAppId}/S2SAppRole"))
_ask(f"POST {_TOKEN}", _form(scope=None))
_ask(f"POST {_TOKEN}", _form(grant_type="{name}"))
_ask(f"POST {_TOKEN}", _form(grant_type=None))
_ask(f"POST /{NOBODY}/oauth2/v2.0/token", _form())
_ask("POST /organizations/oauth2/v2.0/token", _form())
# Not a signed token: what is said of its issuer comes before its signature, and is what is
# compared.
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SIGNED = {"client_assertion_type": _ASSERTION, "client_assertion": "{unsignedAssertion}"}
_ask(f"POST {_TOKEN}", _form(client_secret=None, **_SIGNED))
_ask("GET /{tenantId}/discovery/v2.0/keys", others=True)
_AUTHORIZE = "{login}/{tenantId}/oauth2/v2.0/authorize"
_ask(f"GET /common/discovery/instance?api-version=1.1&authorization_endpoint={_AUTHORIZE}")

# The MCT site: what it says to somebody whom it does not know. The token is the throwaway client's:
# it opens nothing.
_ask = _table("mct-site", Service.SITE, anonymous=True)
_ask("GET /api/v1/organization")
_ask("GET /api/v1/organization", headers={"ClientType": "Service"})
_ask("GET /api/v1/organization", headers={"ClientType": "Service"}, bearer="clientToken")

# An identity of the run's own, and one setting.
IDENTITY = f"{_GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{{name}}"
_ask = _table("identity", Service.ARM, query={"api-version": IDENTITIES_API})
_ask(f"GET {IDENTITY}")
_ask(
    f"PUT {IDENTITY}",
    {"location": "{location}"},
    binds="identityPrincipalId=/properties/principalId identityClientId=/properties/clientId",
)
_ask(f"GET {IDENTITY}")
_ask(f"PUT {IDENTITY}", {"location": "{location}"})
_ask(f"DELETE {IDENTITY}")
_ask(f"GET {IDENTITY}")
_ask(f"DELETE {IDENTITY}")

_THEIRS = {"<those that are there>": "<string>"}
_ask = _table(
    "settings", Service.ARM, f"{_SITE}/config/appsettings", query={"api-version": SITES_API}
)
_ask("POST /list", settings=Settings.READ)
_ask("PUT ", {"properties": {**_THEIRS, SETTING: "{name}"}}, settings=Settings.ADD)
_ask("POST /list", settings=Settings.READ)
_ask("PUT ", {"properties": _THEIRS}, settings=Settings.TAKE_BACK)
_ask("POST /list", settings=Settings.READ)

# A key vault: the life of one secret of the run's own. Other secrets are neither read nor listed.
_SECRET, _DELETED = "/secrets/{name}", "/deletedsecrets/{name}"
_BODY = {"value": "nothing to hide", "contentType": "text/plain", "tags": {"run": "{name}"}}
_ask = _table("key-vault-refused", Service.VAULT)
_ask(f"GET {_SECRET}?api-version={VAULT_API}", anonymous=True)
_ask(f"GET {_SECRET}")
_ask = _table("key-vault", Service.VAULT, query={"api-version": VAULT_API})
_ask(f"GET {_SECRET}")
_ask(f"PUT {_SECRET}", {"value": 1})
_ask(f"PUT {_SECRET}", _BODY)
_ask(f"GET {_SECRET}")
_ask(f"GET {_SECRET}/versions")
_ask(f"DELETE {_SECRET}")
_ask(f"GET {_DELETED}")
_ask(f"PUT {_SECRET}", _BODY)
_ask(f"GET {_SECRET}")
_ask(f"POST {_DELETED}/recover")
_ask(f"GET {_SECRET}")
_ask(f"DELETE {_SECRET}")
_ask(f"GET {_DELETED}")
_ask(f"DELETE {_DELETED}")
_ask(f"GET {_DELETED}")

_ask = _table("consent-revoked", Service.GRAPH, "/v1.0")
_ask(f"DELETE {_TO}/{{assignmentId}}")
_ask(f"DELETE {_TO}/{{assignmentId}}")
_ask(f"GET {_TO}")

# The end of the run's registrations: recycle bin, restoring, purging.
_BIN = "/directory/deletedItems"
_ask = _table("removal", Service.GRAPH, "/v1.0")
_ask(f"DELETE {_FEDERATED}/{{federatedId}}")
_ask(f"DELETE {_FEDERATED}/{{federatedId}}")
_ask(f"DELETE {_CLIENT}")
_ask(f"GET {_CLIENT}")
_ask(f"GET {_BIN}/{{clientObjectId}}?$select=id,appId,displayName")
_ask("GET /servicePrincipals(appId='{clientAppId}')?$select=id")
_ask(f"POST {_BIN}/{{clientObjectId}}/restore")
_ask(f"POST {_BIN}/{{clientObjectId}}/restore")
_ask(f"DELETE {_CLIENT}")
_ask(f"DELETE {_BIN}/{{clientObjectId}}")
_ask(f"DELETE {_BIN}/{{clientObjectId}}")
_ask(f"DELETE {_API}")
_ask(f"DELETE {_API}")
_ask(f"PATCH {_NAMED}", {"displayName": "{name}-api"}, headers=_IF_MISSING)
_ask(f"DELETE {_BIN}/{{apiObjectId}}")
_ask(
    f"GET {_BIN}/microsoft.graph.servicePrincipal?$filter=appId eq '{{apiAppId}}'&$select=id,appId"
)
_ask(f"GET {_BIN}/microsoft.graph.application?$select=id,appId,displayName", others=True)
