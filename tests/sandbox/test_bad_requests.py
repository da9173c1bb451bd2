"""One table of bad requests, and the exact status and code that each gets, in all services.

Statuses and codes are those of Graph, Resource Manager and Entra as recorded from the real services
and their SDKs. The rows share one state, as none of them may leave a trace in it; the fixture looks
at the end whether one did.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.resources import role_assignments
from mct_s2s.sandbox.state import seed

from tests.conftest import LOGIC_APP, MACHINE
from tests.sandbox.conftest import (
    CLI,
    GROUP,
    OWN,
    ROLE,
    SECRET,
    SETTINGS,
    Client,
    client_of,
    seeded,
)

NOBODY = "00000000-0000-0000-0000-000000000005"
TAKEN = "https://contosolearning.com/taken"
FEDERATED = {"name": "main", "issuer": "https://issuer.example", "subject": "s", "audiences": ["a"]}
WRONG_SECRETS: tuple[Any, ...] = (
    {"passwordCredential": {"secretText": "mine"}}, {"passwordCredential": {"hint": "abc"}},
    {"passwordCredential": {"endDateTime": "2020-01-01T00:00:00Z"}},  # past
    {"passwordCredential": {"endDateTime": "2099-01-01T00:00:00"}},  # without a zone
    {"passwordCredential": {"name": "x"}}, {"displayName": "x"}, [],
)  # fmt: skip
ASSIGNMENT = {"principalId": "<sp>", "resourceId": "<sp>", "appRoleId": ROLE["id"]}
ITEM = {"id": "1", "method": "GET", "url": "/organization"}

SITE, SUBSCRIPTION = seed.SITE, seed.SUBSCRIPTION
WEB = f"{GROUP}/providers/Microsoft.Web/sites"
LOCKED = f"{WEB}/partner-portal"
MSI = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
AUTHORIZATION = "providers/Microsoft.Authorization"

TOKEN, DEVICE = f"/{seed.TENANT_ID}/oauth2/v2.0/token", f"/{seed.TENANT_ID}/oauth2/v2.0/devicecode"
GRAPH_SCOPE = "https://localhost:8444/.default"
ASSERTED = {
    "client_secret": "",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
}


@dataclass(frozen=True)
class Row:
    """A bad request and its answer; `<name>` in a path or a body stands for something that the
    state holds.

    Attributes:
        code: Graph's or Resource Manager's `error.code`, or Entra's `error`.
        aadsts: the one number in Entra's `error_codes`.
        body: JSON for Graph and Resource Manager unless bytes; for Entra what differs from a good
            form.
        caller: whose token is sent, see `bearers`.
        version: Resource Manager's `api-version`.
        detail: code and target of Graph's first `error.details`, where they tell one conflict from
            another.
        message: how Graph's own words begin; of a new application, the same for a change of what is
            there.
    """

    name: str
    service: str
    method: str
    path: str
    status: int
    code: str
    aadsts: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    caller: str = "administrator"
    version: str | None = "2025-05-01"
    detail: tuple[str, str] | None = None
    message: str = ""


def graph(
    name: str, method: str, path: str, status: int, code: str, body: Any = None, **more: Any
) -> Row:
    return Row(f"graph: {name}", "graph", method, path, status, code, body=body, **more)


def make(
    name: str, body: Any, code: str = "Request_BadRequest", message: str = "", **more: Any
) -> Row:
    """A new application with something wrong."""
    return graph(name, "POST", "/applications", 400, code, {**OWN, **body}, message=message, **more)


def arm(
    name: str, method: str, path: str, status: int, code: str, body: Any = None, **more: Any
) -> Row:
    return Row(f"arm: {name}", "arm", method, path, status, code, body=body, **more)


def entra(
    name: str, form: dict[str, str], status: int, error: str, aadsts: int, path: str = TOKEN
) -> Row:
    return Row(f"entra: {name}", "entra", "POST", path, status, error, aadsts, form)


BAD, MISSING, DENIED = (
    "Request_BadRequest",
    "Request_ResourceNotFound",
    "Authorization_RequestDenied",
)
UNREADABLE, UNQUERIED, BAD_TOKEN = (
    "BadRequest",
    "Request_UnsupportedQuery",
    "InvalidAuthenticationToken",
)
INVALID = "Invalid value specified for property"
SAME_KEY = "Request_MultipleObjectsWithSameKeyValue"
APP, SP, CREDENTIALS = (
    "/applications/<app>",
    "/servicePrincipals/<sp>",
    "/applications/<app>/federatedIdentityCredentials",
)

SCOPE = {
    "id": "5c2d8a2e-7d52-4d8d-9a57-3a1b2c3d4e5f",
    "adminConsentDescription": "May call.",
    "adminConsentDisplayName": "Call",
    "isEnabled": True,
    "type": "Admin",
    "value": ROLE["value"],
}

ROWS = [
    # Graph: who asks.
    graph("token is rubbish", "GET", "/organization", 401, BAD_TOKEN, caller="rubbish",
          message="CompactToken parsing failed"),
    graph("token is forged", "GET", "/organization", 401, BAD_TOKEN, caller="forged",
          message="Signature is invalid."),
    graph("token is expired", "GET", "/organization", 401, BAD_TOKEN, caller="expired",
          message="Lifetime validation failed, the token is expired."),
    graph("token is for Resource Manager", "GET", "/organization", 401, BAD_TOKEN,
          caller="other audience",
          message="Access token validation failure. Invalid audience."),
    graph("an application that is elsewhere", "POST", "/servicePrincipals", 403, DENIED,
          {"appId": NOBODY},
          caller="owner of none"),
    graph("asking who an application is", "GET", "/me", 400, "BadRequest"),
    # Graph: where.
    graph("id is no guid", "GET", "/applications/no-guid", 400, BAD),
    graph("the application's id in place of the object's", "GET", "/applications/<appId>", 404,
          MISSING),
    graph("no such appId", "GET", f"/applications(appId='{NOBODY}')", 404, MISSING),
    graph("no such uniqueName", "PATCH", "/applications(uniqueName='none')", 404, MISSING,
          {"notes": "x"}),
    graph("no such service principal", "DELETE", f"/servicePrincipals/{NOBODY}", 404, MISSING),
    graph("no such deleted item", "POST", f"/directory/deletedItems/{NOBODY}/restore", 404,
          MISSING),
    graph("a deleted application", "GET", "/applications/<deleted>", 404, MISSING),
    graph("no such assignment", "GET", f"{SP}/appRoleAssignedTo/none", 404, MISSING),
    graph("no assignment to delete", "DELETE", f"{SP}/appRoleAssignedTo/none", 400, BAD),
    graph("no such federated credential", "GET", f"{CREDENTIALS}/{NOBODY}", 404, MISSING),
    graph("method on one", "PUT", APP, 405, BAD, {}),
    graph("method on all", "DELETE", "/applications", 405, BAD),
    graph("what the sandbox does not know", "GET", "/groups", 501, "NotImplemented"),
    graph("page too large", "GET", "/applications?$top=1000", 400, UNQUERIED),
    graph("page is no number", "GET", "/applications?$top=x", 400, UNREADABLE),
    graph("unknown property selected", "GET", "/applications?$select=colour", 400, UNREADABLE),
    graph("unknown property in a filter", "GET", "/applications?$filter=colour eq 'red'", 400,
          UNREADABLE),
    graph("filter is not closed", "GET", "/applications?$filter=displayName eq 'red", 400,
          UNREADABLE),
    graph("ne without ConsistencyLevel", "GET", "/applications?$filter=displayName ne 'x'", 400,
          UNQUERIED),
    graph("$count without ConsistencyLevel", "GET", "/applications/$count", 400, BAD),
    graph("filter by what is not filtered by", "GET", "/applications?$filter=notes eq 'x'", 400,
          UNQUERIED),
    graph("end of a name", "GET", "/applications?$filter=endswith(displayName,'x')", 400,
          UNQUERIED),
    graph("text without quotes", "GET", "/applications?$filter=displayName eq x", 400, UNREADABLE),
    graph("skipping", "GET", "/applications?$skip=1", 400, UNREADABLE),
    graph("a filter that ends early", "GET", "/applications?$filter=displayName eq", 400,
          UNREADABLE),
    graph("unknown operator", "GET", "/applications?$filter=displayName like 'x'", 400, UNREADABLE),
    graph("part of a name", "GET", "/applications?$filter=contains(displayName,'x')", 400,
          UNQUERIED),
    graph("a moment that is none", "GET", "/applications?$filter=createdDateTime ge yesterday", 400,
          UNREADABLE),
    graph("what the sandbox does not know of one", "GET", "/applications/x/logo", 501,
          "NotImplemented"),
    graph("page token is rubbish", "GET", "/applications?$skiptoken=rubbish", 400,
          "Directory_ExpiredPageToken"),
    # Graph: what.
    graph("no body", "POST", "/applications", 400, UNREADABLE),
    graph("body is no JSON", "POST", "/applications", 400, UNREADABLE, b"{",
          headers={"Content-Type": "application/json"}),
    graph("body is text", "POST", "/applications", 400, UNREADABLE, b"{}",
          headers={"Content-Type": "text/plain"}),
    graph("body is an array", "POST", "/applications", 400, BAD, []),
    graph("no displayName", "POST", "/applications", 400, BAD, {"signInAudience": "AzureADMyOrg"}),
    make("unknown property", {"lang": "de"}, message="Invalid property 'lang'."),
    make("unknown property inside", {"api": {"version": 2}},
         message="The property 'version' does not exist on type 'microsoft.graph.apiApplication'"),
    make("lang of the old manifest", {"appRoles": [{**ROLE, "lang": None}]},
         message="The property 'lang' does not exist on type 'microsoft.graph.appRole'"),
    make("role has the value of a scope",
         {"appRoles": [ROLE], "api": {"oauth2PermissionScopes": [SCOPE]}},
         "DuplicateValue"),
    make("appId is read-only", {"appId": NOBODY},
         message="Property 'appId' is read-only and cannot be set."),
    make("number for a string", {"displayName": 5},
         message="Cannot convert the literal '5' to the expected type 'Edm.String'"),
    make("string for an array", {"tags": "one"},
         message="Property 'tags': an array of Edm.String is expected."),
    make("null for an array", {"identifierUris": None},
         message="A null value was found for the property named 'identifierUris'"),
    make("string for a boolean", {"isFallbackPublicClient": "true"},
         message="Cannot convert the literal 'true' to the expected type 'Edm.Boolean'"),
    make("string for a number", {"api": {"requestedAccessTokenVersion": "2"}},
         message="Cannot convert the literal '2'"),
    make("unknown token version", {"api": {"requestedAccessTokenVersion": 3}},
         message=f"{INVALID} 'api.requested"),
    make("unknown audience", {"signInAudience": "Everybody"},
         message=f"{INVALID} 'signInAudience'"),
    make("role's id is no guid", {"appRoles": [{**ROLE, "id": "role"}]},
         message="Cannot convert the literal 'role' to the expected type 'Edm.Guid'"),
    make("role's value has a blank", {"appRoles": [{**ROLE, "value": "with space"}]},
         message=f"{INVALID} 'appRoles'"),
    make("role for nobody", {"appRoles": [{**ROLE, "allowedMemberTypes": []}]},
         message=f"{INVALID} 'appRoles'"),
    make("one role id twice", {"appRoles": [ROLE, {**ROLE, "value": "Other"}]}, "DuplicateValue",
         "Request contains a property with duplicate values."),
    make("one role value twice", {"appRoles": [ROLE, {**ROLE, "id": NOBODY}]}, "DuplicateValue"),
    make("URI of a foreign domain", {"identifierUris": ["https://elsewhere.example/x"]},
         "HostNameNotOnVerifiedDomain",
         "Values of identifierUris property must use a verified"),
    make("id is read-only", {"id": NOBODY},
         message="Property 'id' is read-only and cannot be set."),
    make("moment is read-only", {"createdDateTime": "2020-01-01T00:00:00Z"},
         message="Property 'createdDateTime' is read-only"),
    make("name is too long", {"displayName": "x" * 257}, message=f"{INVALID} 'displayName'"),
    make("blank in a tag", {"tags": ["mct-s2s:api:Web API"]}, message=f"{INVALID} 'tags'"),
    make("one tag twice", {"tags": ["a", "a"]}, message=f"{INVALID} 'tags'"),
    make("tag is too long", {"tags": ["x" * 257]}, message=f"{INVALID} 'tags'"),
    make("empty tag", {"tags": [""]}, message=f"{INVALID} 'tags'"),
    make("null in an array", {"tags": [None]},
         message="A null value was found in the collection 'tags'"),
    make("no guid", {"tokenEncryptionKeyId": "1"},
         message="Cannot convert the literal '1' to the expected type"),
    make("array for an object", {"api": []}, message="Invalid request body"),
    make("string for an array inside", {"web": {"redirectUris": "https://x"}},
         message="Property 'redirectUris': an array of Edm.String is expected."),
    make("role's value is too long", {"appRoles": [{**ROLE, "value": "x" * 121}]},
         message=f"{INVALID} 'appRoles'"),
    make("role for a group", {"appRoles": [{**ROLE, "allowedMemberTypes": ["Group"]}]},
         message=f"{INVALID} 'appRoles'"),
    make("URI is none", {"identifierUris": ["not a uri"]}, message=f"{INVALID} 'identifierUris'"),
    make("URI is a plain name", {"identifierUris": ["api://made-up"]},
         "InvalidUniqueTenantIdentifierAsPerAppPolicy",
         "Failed to add identifier URI api://made-up."),
    make("unknown kind of permission", {"requiredResourceAccess": [
        {"resourceAppId": NOBODY, "resourceAccess": [{"id": NOBODY, "type": "Rolle"}]}
    ]}, message=f"{INVALID} 'requiredResourceAccess'"),
    make("certificate is no base64", {"keyCredentials": [
        {"type": "AsymmetricX509Cert", "usage": "Verify", "key": "?"}
    ]}, message="Cannot convert the literal"),
    make("URI is taken", {"identifierUris": [TAKEN]}, detail=("ObjectConflict", "identifierUris")),
    make("URI is taken by a deleted application", {"identifierUris": [f"{TAKEN}/deleted"]}),
    make("unique name is taken", {"uniqueName": "taken"}, detail=("ObjectConflict", "uniqueName")),
    make("a secret of one's own",
         {"passwordCredentials": [{"displayName": "x", "secretText": "mine"}]},
         message="New password credentials must be generated with service"),
    make("certificate is none",
         {"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": "AAAA"}]},
         "KeyCredentialsInvalidValue", "Key value is invalid"),
    graph("service principal of nothing", "POST", "/servicePrincipals", 400, BAD, {"appId": NOBODY},
          detail=("NoBackingApplicationObject", "appId")),
    graph("a second service principal", "POST", "/servicePrincipals", 409, SAME_KEY,
          {"appId": "<appId>"},
          detail=("ObjectConflict", "servicePrincipalNames")),
    graph("grant of an unknown role", "POST", f"{SP}/appRoleAssignedTo", 400, BAD,
          {**ASSIGNMENT, "appRoleId": NOBODY}),
    *(
        graph(f"a secret is asked for with {body}", "POST", f"{APP}/addPassword", 400, BAD, body)
        for body in WRONG_SECRETS
    ),
    graph("no such secret", "POST", f"{APP}/removePassword", 400, BAD, {"keyId": NOBODY}),
    graph("federated name is taken", "POST", CREDENTIALS, 409, SAME_KEY,
          {**FEDERATED, "subject": "other"}),
    graph("federated pair is taken", "POST", CREDENTIALS, 400,
          "InvalidFederatedIdentityCredentialValue",
          {**FEDERATED, "name": "other"}),
    *(
        graph(f"federated credential with {str(change)[:40]}", "POST", CREDENTIALS, 400, BAD,
              {**FEDERATED, "name": "other", "subject": "other", **change}, message=message)
        for change, message in (
            ({"name": "a"}, f"{INVALID} 'name'"), ({"name": "-ab"}, f"{INVALID} 'name'"),
            ({"audiences": []}, "Property 'audiences' is required."),
            ({"audiences": ["a", "b"]}, f"{INVALID} 'audiences'"),
            ({"issuer": "x" * 601}, f"{INVALID} 'issuer'"),
            ({"subject": None}, "Property 'subject' is required."),
            ({"claimsMatchingExpression": {}},
             "The property 'claimsMatchingExpression' does not exist"),
        )
    ),
    graph("federated name is changed", "PATCH", f"{CREDENTIALS}/<credential>", 400, BAD,
          {"name": "other"}),
    graph("a managed identity is deleted", "DELETE", "/servicePrincipals/<identity>", 403, DENIED),
    graph("batch of 21", "POST", "/$batch", 400, UNREADABLE,
          {"requests": [{**ITEM, "id": str(number)} for number in range(21)]}),
    graph("batch with one id twice", "POST", "/$batch", 400, UNREADABLE,
          {"requests": [ITEM, ITEM]}),
    # Resource Manager.
    arm("no token", "GET", SITE, 401, "AuthenticationFailed", caller="nobody"),
    arm("token is rubbish", "GET", SITE, 401, "InvalidAuthenticationToken", caller="rubbish"),
    arm("token is forged", "GET", SITE, 401, "InvalidAuthenticationToken", caller="forged"),
    arm("token is expired", "GET", SITE, 401, "ExpiredAuthenticationToken", caller="expired"),
    arm("token is for Graph", "GET", SITE, 401, "InvalidAuthenticationTokenAudience",
        caller="other audience"),
    arm("writing with reading only", "PUT", SETTINGS, 403, "AuthorizationFailed",
        {"properties": {}}, caller="reader"),
    arm("restarting with reading only", "POST", f"{SITE}/restart", 403, "AuthorizationFailed",
        caller="reader"),
    arm("identity with reading only", "PATCH", SITE, 403, "AuthorizationFailed",
        {"identity": {"type": "None"}},
        caller="reader"),
    arm("locked settings", "PUT", f"{LOCKED}/config/appsettings", 409, "ScopeLocked",
        {"properties": {}}),
    arm("locked list of settings", "POST", f"{LOCKED}/config/appsettings/list", 409, "ScopeLocked"),
    arm("locked restart", "POST", f"{LOCKED}/restart", 409, "ScopeLocked"),
    arm("stale api-version", "GET", SITE, 400, "NoRegisteredProviderFound", version="2014-01-01"),
    arm("api-version that nobody has", "GET", SITE, 400, "NoRegisteredProviderFound",
        version="2022-10-01"),
    arm("api-version of the future", "GET", SITE, 400, "NoRegisteredProviderFound",
        version="2099-01-01"),
    arm("api-version is no date", "GET", SITE, 400, "NoRegisteredProviderFound", version="latest"),
    arm("stale api-version of the manager", "GET", "/subscriptions", 400,
        "InvalidApiVersionParameter",
        version="1999-01-01"),
    arm("settings of no site", "PUT", f"{WEB}/none/config/appsettings", 404, "ResourceNotFound",
        {"properties": {}}),
    arm("no such slot", "GET", f"{SITE}/slots/none", 404, "ResourceNotFound"),
    arm("no such namespace", "GET", f"{GROUP}/providers/Microsoft.None/things/x", 404,
        "InvalidResourceNamespace"),
    arm("no such type", "GET", f"{GROUP}/providers/Microsoft.Compute/nothings/x", 404,
        "InvalidResourceType",
        version="2024-11-01"),
    arm("no such role assignment", "GET", f"{SITE}/{AUTHORIZATION}/roleAssignments/{NOBODY}", 404,
        "RoleAssignmentNotFound", version="2022-04-01"),
    arm("no such lock", "GET", f"{SITE}/{AUTHORIZATION}/locks/none", 404, "LockNotFound",
        version="2020-05-01"),
    arm("unknown filter", "GET", f"{SUBSCRIPTION}/resources?$filter=shape eq 1", 400,
        "InvalidFilterInQueryString",
        version="2022-09-01"),
    arm("what the sandbox does not know", "GET", f"{SITE}/functions", 501, "SandboxNotImplemented"),
    arm("settings are no JSON", "PUT", SETTINGS, 400, "InvalidRequestContent", b"{",
        headers={"Content-Type": "application/json"}),
    arm("settings are not said to be JSON", "PUT", SETTINGS, 415, "UnsupportedMediaType", b"{}"),
    arm("settings are an array", "PUT", SETTINGS, 400, "InvalidRequestContent", []),
    arm("settings without properties", "PUT", SETTINGS, 400, "BadRequest", {}),
    arm("setting is a boolean", "PUT", SETTINGS, 400, "BadRequest", {"properties": {"A": True}}),
    arm("setting without a name", "PUT", SETTINGS, 400, "BadRequest", {"properties": {"": "x"}}),
    arm("setting with a blank in its name", "PUT", SETTINGS, 400, "BadRequest",
        {"properties": {"A B": "x"}}),
    arm("setting with a slash in its name", "PUT", SETTINGS, 400, "BadRequest",
        {"properties": {"A/B": "x"}}),
    arm("unknown member beside settings", "PUT", SETTINGS, 400, "InvalidRequestContent",
        {"settings": {}}),
    arm("one setting in two cases", "PUT", SETTINGS, 409, "Conflict",
        {"properties": {"A": "1", "a": "2"}}),
    arm("sticky names are no array", "PUT", f"{SITE}/config/slotConfigNames", 400, "BadRequest",
        {"properties": {"appSettingNames": "A"}}),
    arm("swap with no slot", "POST", f"{SITE}/slotsswap", 404, "NotFound", {"targetSlot": "none"}),
    arm("unknown member", "PATCH", SITE, 400, "InvalidRequestContent",
        {"identitty": {"type": "None"}}),
    arm("unknown type of identity", "PATCH", SITE, 400, "InvalidIdentityType",
        {"identity": {"type": "Everything"}}),
    arm("user-assigned without identities", "PATCH", SITE, 400, "InvalidIdentityValues",
        {"identity": {"type": "UserAssigned"}}),
    arm("identity that is not there", "PATCH", MACHINE, 400, "FailedIdentityOperation",
        {"identity": {"type": "UserAssigned", "userAssignedIdentities": {f"{MSI}/none": {}}}},
        version="2024-11-01"),
    arm("PATCH of what a workflow takes by PUT only", "PATCH", LOGIC_APP, 400,
        "InvalidPatchWorkflowRequest",
        {"properties": {"state": "Disabled"}}, version="2019-05-01"),
    arm("PUT without a location", "PUT", LOGIC_APP, 400, "LocationRequired", {},
        version="2019-05-01"),
    arm("identity that does not fit its type", "PATCH", MACHINE, 400, "InvalidIdentityValues",
        {"identity": {"type": "SystemAssigned",
                      "userAssignedIdentities": {f"{MSI}/sync-identity": {}}}},
        version="2024-11-01"),
    arm("identity of an identity", "PATCH", f"{MSI}/sync-identity", 400,
        "ManagedIdentityNotSupported",
        {"identity": {"type": "SystemAssigned"}}, version="2023-01-31"),
    arm("identity without a type", "PATCH", SITE, 400, "InvalidIdentityType", {"identity": {}}),
    arm("setting is a number", "PUT", SETTINGS, 400, "BadRequest", {"properties": {"A": 1}}),
    arm("a site of no group", "GET",
        f"{SUBSCRIPTION}/resourceGroups/none/providers/Microsoft.Web/sites/x", 404,
        "ResourceGroupNotFound"),
    arm("namespace of a subscription", "GET", f"{SUBSCRIPTION}/providers/Microsoft.None", 404,
        "InvalidResourceNamespace", version="2022-09-01"),
    arm("PUT elsewhere", "PUT", LOGIC_APP, 409, "InvalidResourceLocation",
        {"location": "eastus"}, version="2019-05-01"),
    arm("unknown lock level", "PUT", f"{SITE}/{AUTHORIZATION}/locks/k", 400, "InvalidLockLevel",
        {"properties": {"level": "Some"}}, version="2020-05-01"),
    # Entra.
    entra("neither secret nor assertion", {"client_secret": ""}, 401, "invalid_client", 7000216),
    entra("deleted client", {"client_id": "<deletedAppId>"}, 400, "unauthorized_client", 700016),
    entra("disabled client", {"client_id": "<disabled>", "client_secret": "s"}, 400,
          "unauthorized_client", 7000112),
    entra("no client", {"client_id": ""}, 400, "invalid_request", 900144),
    entra("no grant type", {"grant_type": ""}, 400, "invalid_request", 900144),
    entra("unknown grant type", {"grant_type": "telepathy"}, 400, "unsupported_grant_type", 70003),
    entra("no scope", {"scope": ""}, 400, "invalid_request", 900144),
    entra("scope without .default", {"scope": "https://localhost:8444/User.Read"}, 400,
          "invalid_scope", 1002012),
    entra("resource in place of a scope", {"resource": "https://localhost:8444"}, 400,
          "invalid_request", 901002),
    entra("an application at common", {}, 400, "invalid_request", 50059,
          "/common/oauth2/v2.0/token"),
    entra("an application at organizations, for an API", {"scope": f"api://{NOBODY}/.default"}, 400,
          "invalid_request", 900023, "/organizations/oauth2/v2.0/token"),
    entra("scope of two resources", {"scope": f"{GRAPH_SCOPE} api://x/.default"}, 400,
          "invalid_scope", 700022),
    entra("scope of no resource", {"scope": "openid profile"}, 400, "invalid_scope", 700023),
    entra("unknown resource", {"scope": "api://nobody/.default"}, 400, "invalid_resource", 500011),
    entra("unknown tenant", {}, 400, "invalid_request", 90002, f"/{NOBODY}/oauth2/v2.0/token"),
    entra("assertion is rubbish", {**ASSERTED, "client_assertion": "rubbish"}, 401,
          "invalid_client", 50027),
    entra("assertion without its type", {"client_secret": "", "client_assertion": "x"}, 400,
          "invalid_request", 900144),
    entra("refresh token is rubbish",
          {"grant_type": "refresh_token", "client_id": CLI, "refresh_token": "x"}, 400,
          "invalid_grant", 70000),
    entra("device code is rubbish",
          {"grant_type": "device_code", "client_id": CLI, "device_code": "x"}, 400,
          "bad_verification_code", 70019),
    entra("device code for nobody", {"client_id": NOBODY}, 400, "unauthorized_client", 700016,
          DEVICE),
    Row("entra: discovery of an unknown tenant", "entra", "GET",
        "/nobody.example/v2.0/.well-known/openid-configuration", 400, "invalid_tenant", 90002),
    Row("entra: discovery of an unknown instance", "entra", "GET",
        "/common/discovery/instance?api-version=1.0"
        "&authorization_endpoint=https://evil.example/x/oauth2/v2.0/authorize", 400,
        "invalid_instance", 50049),
]  # fmt: skip


class Shared:
    """One state that holds what the rows name, and callers of every kind."""

    def __init__(self) -> None:
        state = seeded()
        self.client = client_of(state)
        self.names: dict[str, str] = {}
        self._applications()
        state.resources.locks.put(LOCKED, "freeze", "ReadOnly", None)
        body = state.resources.find(SITE)
        assert body is not None
        self.names["identity"] = body["identity"]["principalId"]
        origins = {"graph": self.client.addresses.graph, "arm": self.client.addresses.arm}
        expired = {
            service: self.client.token(f"{origin}/.default") for service, origin in origins.items()
        }
        self.client.forget_tokens()
        state.clock.advance(2 * 3600)
        self.bearers = {
            "graph": self._bearers(origins["graph"], origins["arm"], expired["graph"]),
            "arm": self._bearers(origins["arm"], origins["graph"], expired["arm"]),
        }

    def _graph(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.graph(
            method, self.filled(path), **({} if body is None else {"json": self.filled(body)})
        )
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else {}

    def _applications(self) -> None:
        names = self.names
        wanted = {**OWN, "appRoles": [ROLE], "identifierUris": [TAKEN], "uniqueName": "taken"}
        application = self._graph("POST", "/applications", wanted)
        names |= {"app": application["id"], "appId": application["appId"]}
        names["sp"] = self._graph("POST", "/servicePrincipals", {"appId": application["appId"]})[
            "id"
        ]
        self._graph("POST", f"{SP}/appRoleAssignedTo", ASSIGNMENT)
        names["credential"] = self._graph("POST", CREDENTIALS, FEDERATED)["id"]
        deleted = self._graph(
            "POST", "/applications", {**OWN, "identifierUris": [f"{TAKEN}/deleted"]}
        )
        names |= {"deleted": deleted["id"], "deletedAppId": deleted["appId"]}
        self._graph("DELETE", "/applications/<deleted>")
        disabled, principal = seeding.add_application(
            self.client.state.directory, "disabled", secret="s"
        )
        names["disabled"] = disabled["appId"]
        self._graph("PATCH", f"/servicePrincipals/{principal['id']}", {"accountEnabled": False})

    def _bearers(self, own: str, other: str, expired: str) -> dict[str, str]:
        client = self.client
        directory = self.client.state.directory
        scope = f"{own}/.default"
        roles: dict[str, list[str]] = {
            "reader": ["Application.Read.All"],
            "owner of none": ["Application.ReadWrite.OwnedBy"],
        }
        callers = {
            name: seeding.add_application(directory, name, secret="s", graph_roles=granted)
            for name, granted in roles.items()
        }
        client.state.resources.access.assign(
            callers["reader"][1]["id"], role_assignments.READER, SUBSCRIPTION
        )
        good = client.token(scope)
        head, claims, _ = good.split(".")
        return {
            "administrator": good,
            "rubbish": "rubbish",
            "expired": expired,
            "forged": ".".join(
                [head, claims, base64.urlsafe_b64encode(b"x" * 256).rstrip(b"=").decode()]
            ),
            "other audience": client.token(f"{other}/.default"),
            **{name: client.token(scope, app["appId"], "s") for name, (app, _) in callers.items()},
        }

    def filled(self, value: Any) -> Any:
        """Put in what the marks stand for."""
        text = value if isinstance(value, str) else json.dumps(value)
        for name, stands_for in self.names.items():
            text = text.replace(f"<{name}>", stands_for)
        return text if isinstance(value, str) else json.loads(text)

    def send(self, row: Row) -> httpx.Response:
        addresses = self.client.addresses
        origin = {
            "graph": f"{addresses.graph}/v1.0",
            "arm": addresses.arm,
            "entra": addresses.login,
        }[row.service]
        options: dict[str, Any] = {"headers": dict(row.headers)}
        if row.service != "entra" and row.caller != "nobody":
            options["headers"]["Authorization"] = f"Bearer {self.bearers[row.service][row.caller]}"
        if row.service == "entra" and row.body is not None:
            good = {
                "grant_type": "client_credentials",
                "client_id": seed.ADMINISTRATOR_ID,
                "client_secret": SECRET,
            }
            form = self.filled({**good, "scope": GRAPH_SCOPE, **row.body})
            options["data"] = {name: value for name, value in form.items() if value}
        elif row.body is not None:
            options |= (
                {"content": row.body}
                if isinstance(row.body, bytes)
                else {"json": self.filled(row.body)}
            )
        url = httpx.URL(origin + self.filled(row.path))
        if row.service == "arm" and row.version is not None:
            url = url.copy_merge_params({"api-version": row.version})
        return self.client.request(row.method, str(url), **options)


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    world = Shared()
    before = json.dumps(world.client.state.to_dict(), sort_keys=True)
    yield world
    assert json.dumps(world.client.state.to_dict(), sort_keys=True) == before, (
        "a refused request has left a trace"
    )


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_bad_request_gets_its_status_and_its_code(shared: Shared, row: Row) -> None:
    answer = shared.send(row)
    assert answer.status_code == row.status, answer.text
    if row.service == "entra":
        body = answer.json()
        assert (body["error"], body["error_codes"]) == (row.code, [row.aadsts]), answer.text
        assert body["error_description"].startswith(f"AADSTS{row.aadsts}: ")
    else:
        # App Service speaks for itself, without the envelope
        error = answer.json().get("error") or answer.json()
        assert (error.get("code") or error.get("Code")) == row.code, answer.text
        if row.detail is not None:
            assert (error["details"][0]["code"], error["details"][0]["target"]) == row.detail
        assert error.get("message", "").startswith(row.message)
        assert (
            row.service != "graph"
            or row.status != 401
            or answer.headers["www-authenticate"].startswith("Bearer ")
        )


WORDED = [
    row for row in ROWS if row.message and (row.method, row.path) == ("POST", "/applications")
]


@pytest.mark.parametrize("row", WORDED, ids=[row.name for row in WORDED])
def test_a_bad_change_is_refused_in_the_same_words(shared: Shared, row: Row) -> None:
    answer = shared.send(replace(row, method="PATCH", path=APP))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, row.code)
    assert answer.json()["error"]["message"].startswith(row.message)


# Text that is no Unicode, and JSON that is none, is refused as the real services refuse what they
# cannot read

JSON = {"Content-Type": "application/json"}
ODD = {
    "half of a pair": b'"\\ud800"',
    "half of a pair, in capitals": b'"\\uDFFF"',
    "half of a pair in bytes": b'"\xed\xa0\x80"',
    "half of a pair as a name": b'{"\\ud800": 1}',
    "not UTF-8": b'"\xff"',
    "no number": b"NaN",
    "nested too deeply": b"[" * 100_000,
}
"""What stands where a text belongs."""


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
def test_every_service_refuses_what_is_no_text(client: Client, odd: bytes) -> None:
    vault = {
        "Authorization": f"Bearer {client.token(client.addresses.vault + '/.default')}",
        **JSON,
    }
    arm = {"Authorization": f"Bearer {client.token(client.addresses.arm + '/.default')}", **JSON}
    secret = f"{client.addresses.of_vault(seed.VAULT)}/secrets/x"
    item = (
        b'{"requests": [{"id": "1", "method": "POST", "url": "/applications", "headers": '
        b'{"Content-Type": '
    )
    batch = item + b'"application/json"}, "body": {"displayName": ' + odd + b"}}]}"
    answers = {
        "graph": client.graph(
            "POST", "/applications", headers=JSON, content=b'{"displayName": ' + odd + b"}"
        ),
        "batch": client.graph("POST", "/$batch", headers=JSON, content=batch),
        "arm": client.arm(
            "PUT", SETTINGS, headers=arm, content=b'{"properties": {"A": ' + odd + b"}}"
        ),
        "vault": client.request(
            "PUT",
            secret,
            params={"api-version": "7.4"},
            headers=vault,
            content=b'{"value": ' + odd + b"}",
        ),
        "control": client.request(
            "POST",
            "/_sandbox/callers",
            headers=JSON,
            content=b'{"displayName": ' + odd + b', "roles": []}',
        ),
        "issuer": client.request(
            "POST",
            "/_sandbox/issuer/ci/token",
            headers=JSON,
            content=b'{"audience": "api://AzureADTokenExchange", "subject": ' + odd + b"}",
        ),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(
        answers, 400
    )
    assert all("error" in answer.json() for answer in answers.values())


def test_a_pair_of_halves_is_a_character(client: Client) -> None:
    answer = client.graph(
        "POST", "/applications", headers=JSON, content=b'{"displayName": "\\ud83d\\ude00"}'
    )
    assert (answer.status_code, answer.json()["displayName"]) == (201, "\U0001f600")
