"""What Graph refuses, with the status and the code that a client sees."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from mct_s2s.sandbox.entra.registrations import managed_identities
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import Client

ROLE = {
    "id": "7b5e1f8e-1111-4c3d-9a6e-000000000001",
    "allowedMemberTypes": ["Application"],
    "displayName": "Role",
    "description": "May call.",
    "isEnabled": True,
    "value": "S2SAppRole",
}
OWN = {"displayName": "made", "signInAudience": "AzureADMyOrg"}
NOBODY = str(uuid.UUID(int=5))


@pytest.fixture
def made(client: Client) -> dict[str, Any]:
    body: dict[str, Any] = client.graph("POST", "/applications", json={**OWN, "appRoles": [ROLE]}).json()
    body["principal"] = client.graph("POST", "/servicePrincipals", json={"appId": body["appId"]}).json()["id"]
    return body


def refusal(client: Client, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str, str]:
    if body is not None:
        options["json"] = body
    answer = client.graph(method, path, **options)
    error = answer.json()["error"]
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    return answer.status_code, error["code"], error["message"]


BAD_BODIES = [
    ({"lang": "de"}, "Invalid property 'lang'."),
    ({"appId": NOBODY}, "Property 'appId' is read-only and cannot be set."),
    ({"id": NOBODY}, "Property 'id' is read-only and cannot be set."),
    ({"createdDateTime": "2020-01-01T00:00:00Z"}, "Property 'createdDateTime' is read-only"),
    ({"displayName": 5}, "Cannot convert the literal '5' to the expected type 'Edm.String'"),
    ({"displayName": "x" * 257}, "Invalid value specified for property 'displayName'"),
    ({"tags": "one"}, "Property 'tags': an array of Edm.String is expected."),
    ({"tags": [None]}, "A null value was found in the collection 'tags'"),
    ({"identifierUris": None}, "A null value was found for the property named 'identifierUris'"),
    ({"signInAudience": "Everybody"}, "Invalid value specified for property 'signInAudience'"),
    ({"isFallbackPublicClient": "true"}, "Cannot convert the literal 'true' to the expected type 'Edm.Boolean'"),
    ({"tokenEncryptionKeyId": "1"}, "Cannot convert the literal '1' to the expected type 'Edm.Guid'"),
    ({"api": {"requestedAccessTokenVersion": 3}}, "Invalid value specified for property 'api.requested"),
    ({"api": {"requestedAccessTokenVersion": "2"}}, "Cannot convert the literal '2'"),
    ({"api": {"version": 2}}, "The property 'version' does not exist on type 'microsoft.graph.apiApplication'"),
    ({"api": []}, "Invalid request body"),
    ({"web": {"redirectUris": "https://x"}}, "Property 'redirectUris': an array of Edm.String is expected."),
    ({"appRoles": [{**ROLE, "lang": None}]}, "The property 'lang' does not exist on type 'microsoft.graph.appRole'"),
    ({"appRoles": [{**ROLE, "id": "role"}]}, "Cannot convert the literal 'role' to the expected type 'Edm.Guid'"),
    ({"appRoles": [{**ROLE, "value": "with space"}]}, "Invalid value specified for property 'appRoles'"),
    ({"appRoles": [{**ROLE, "value": "x" * 121}]}, "Invalid value specified for property 'appRoles'"),
    ({"appRoles": [{**ROLE, "allowedMemberTypes": []}]}, "Invalid value specified for property 'appRoles'"),
    ({"appRoles": [{**ROLE, "allowedMemberTypes": ["Group"]}]}, "Invalid value specified for property 'appRoles'"),
    ({"appRoles": [ROLE, {**ROLE, "value": "Other"}]}, "Request contains a property with duplicate values."),
    ({"identifierUris": ["not a uri"]}, "Invalid value specified for property 'identifierUris'"),
    ({"identifierUris": ["https://elsewhere.example/x"]}, "Values of identifierUris property must use a verified"),
    ({"identifierUris": ["api://made-up"]}, "Failed to add identifier URI api://made-up."),
    ({"passwordCredentials": [{"secretText": "x"}]}, "New password credentials must be generated with service"),
    (
        {"requiredResourceAccess": [{"resourceAppId": NOBODY, "resourceAccess": [{"id": NOBODY, "type": "Rolle"}]}]},
        "Invalid value specified for property 'requiredResourceAccess'",
    ),
    ({"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": "AAAA"}]}, "Key value is invalid"),
    ({"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": "?"}]}, "Cannot convert the literal"),
    ([], "Invalid request body"),
]


@pytest.mark.parametrize(("body", "begins"), BAD_BODIES)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_wrong_application_is_refused(
    client: Client, made: dict[str, Any], method: str, body: Any, begins: str
) -> None:
    path = "/applications" if method == "POST" else f"/applications/{made['id']}"
    sent = {**OWN, **body} if method == "POST" and isinstance(body, dict) else body
    status, _, message = refusal(client, method, path, sent)
    assert (status, message[: len(begins)]) == (400, begins)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/applications/no-guid", 400, "Request_BadRequest"),
        ("GET", f"/applications/{NOBODY}", 404, "Request_ResourceNotFound"),
        ("GET", f"/applications(appId='{NOBODY}')", 404, "Request_ResourceNotFound"),
        ("GET", "/applications(uniqueName='none')", 404, "Request_ResourceNotFound"),
        ("PATCH", "/applications(uniqueName='none')", 404, "Request_ResourceNotFound"),
        ("GET", f"/servicePrincipals(appId='{NOBODY}')", 404, "Request_ResourceNotFound"),
        ("GET", f"/directory/deletedItems/{NOBODY}", 404, "Request_ResourceNotFound"),
        ("PUT", f"/applications/{NOBODY}", 405, "Request_BadRequest"),
        ("DELETE", "/applications", 405, "Request_BadRequest"),
        ("GET", "/applications/x/logo", 501, "NotImplemented"),
        ("GET", "/groups", 501, "NotImplemented"),
        ("GET", "/me", 400, "BadRequest"),
        ("GET", "/applications?$top=1000", 400, "Request_UnsupportedQuery"),
        ("GET", "/applications?$top=x", 400, "BadRequest"),
        ("GET", "/applications?$skip=1", 400, "BadRequest"),
        ("GET", "/applications?$select=colour", 400, "BadRequest"),
        ("GET", "/applications?$filter=colour eq 'red'", 400, "BadRequest"),
        ("GET", "/applications?$filter=displayName eq 'red", 400, "BadRequest"),
        ("GET", "/applications?$filter=displayName eq", 400, "BadRequest"),
        ("GET", "/applications?$filter=displayName like 'red'", 400, "BadRequest"),
        ("GET", "/applications?$filter=contains(displayName,'red')", 400, "Request_UnsupportedQuery"),
        ("GET", "/applications?$filter=displayName ne 'red'", 400, "Request_UnsupportedQuery"),
        ("GET", "/applications/$count", 400, "Request_BadRequest"),
        ("GET", "/applications?$filter=notes eq 'red'", 400, "Request_UnsupportedQuery"),
        ("GET", "/applications?$filter=endswith(displayName,'red')", 400, "Request_UnsupportedQuery"),
        ("GET", "/applications?$filter=displayName eq red", 400, "BadRequest"),
        ("GET", "/applications?$filter=createdDateTime ge yesterday", 400, "BadRequest"),
        ("GET", "/applications?$skiptoken=rubbish", 400, "Directory_ExpiredPageToken"),
    ],
)
def test_a_wrong_address_is_refused(client: Client, method: str, path: str, status: int, code: str) -> None:
    body = {"displayName": "x"} if method in {"PATCH", "PUT"} else None
    assert refusal(client, method, path, body)[:2] == (status, code)


@pytest.mark.parametrize(
    ("token", "begins"),
    [
        ("", "Access token is empty."),
        ("Bearer rubbish", "CompactToken parsing failed"),
        ("arm", "Access token validation failure. Invalid audience."),
        ("expired", "Lifetime validation failed, the token is expired."),
        ("forged", "Signature is invalid."),
    ],
)
def test_only_a_token_for_graph_opens_graph(client: Client, token: str, begins: str) -> None:
    if token == "arm":
        token = f"Bearer {client.token(client.addresses.arm + '/.default')}"
    elif token in {"expired", "forged"}:
        good = client.token(client.addresses.graph + "/.default")
        token, late = f"Bearer {good}", token == "expired"
        if late:
            client.state.clock.advance(6000)
        else:
            head, body, _ = good.split(".")
            token = f"Bearer {head}.{body}.{base64.urlsafe_b64encode(b'x' * 256).rstrip(b'=').decode()}"
    answer = client.graph("GET", "/organization", headers={"Authorization": token})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (401, "InvalidAuthenticationToken")
    assert error["message"].startswith(begins)
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_a_body_must_be_there_and_be_json(client: Client) -> None:
    assert refusal(client, "POST", "/applications")[:2] == (400, "BadRequest")
    plain = {"content": b"{}", "headers": {"Content-Type": "text/plain"}}
    assert refusal(client, "POST", "/applications", **plain)[:2] == (400, "BadRequest")
    broken = {"content": b"{", "headers": {"Content-Type": "application/json"}}
    assert refusal(client, "POST", "/applications", **broken)[:2] == (400, "BadRequest")


def test_an_identifier_uri_is_taken_even_by_a_deleted_application(client: Client, made: dict[str, Any]) -> None:
    uri = "https://contosolearning.com/api"
    assert client.graph("PATCH", f"/applications/{made['id']}", json={"identifierUris": [uri]}).status_code == 204
    client.graph("DELETE", f"/applications/{made['id']}")
    body = {**OWN, "identifierUris": [uri]}
    status, _, message = refusal(client, "POST", "/applications", body)
    assert (status, message) == (400, "Another object with the same value for property identifierUris already exists.")
    assert client.graph("DELETE", f"/directory/deletedItems/{made['id']}").status_code == 204
    assert client.graph("POST", "/applications", json=body).status_code == 201


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("api://{app}", 204),
        ("api://{tenant}/{app}", 204),
        ("api://{tenant}/name", 204),
        ("api://name/{app}", 204),
        ("https://contosolearning.com/name", 204),
        ("https://a.contosolearning.onmicrosoft.com", 204),
        ("api://a.contosolearning.com/name", 204),
        ("api://notcontosolearning.com/name", 400),
        ("api://{tenant}", 400),
        ("urn:name", 400),
    ],
)
def test_identifier_uris_follow_the_tenants_policy(client: Client, made: dict[str, Any], uri: str, status: int) -> None:
    full = uri.format(app=made["appId"], tenant=seed.TENANT_ID)
    answer = client.graph("PATCH", f"/applications/{made['id']}", json={"identifierUris": [full]})
    assert answer.status_code == status, answer.text


def test_an_enabled_role_stays_until_it_is_disabled(client: Client, made: dict[str, Any]) -> None:
    path = f"/applications/{made['id']}"
    other = {**ROLE, "id": NOBODY, "value": "Other"}
    for roles in ([], [other], [{**ROLE, "description": "Changed."}]):
        assert refusal(client, "PATCH", path, {"appRoles": roles})[:2] == (
            400,
            "CannotDeleteOrUpdateEnabledEntitlement",
        )
    for roles in ([ROLE, other], [{**ROLE, "isEnabled": False}, other], [other]):
        assert client.graph("PATCH", path, json={"appRoles": roles}).status_code == 204
    assert [role["value"] for role in client.graph("GET", path).json()["appRoles"]] == ["Other"]


def test_service_principals_are_one_per_existing_application(client: Client, made: dict[str, Any]) -> None:
    status, code, message = refusal(client, "POST", "/servicePrincipals", {"appId": NOBODY})
    assert (status, code) == (400, "Request_BadRequest")
    assert message == f"The appId '{NOBODY}' of the service principal does not reference a valid application object."
    status, code, message = refusal(client, "POST", "/servicePrincipals", {"appId": made["appId"]})
    assert (status, code) == (409, "Request_MultipleObjectsWithSameKeyValue")
    assert message.endswith(f"because the service principal name {made['appId']} is already in use.")


def test_an_assignment_must_fit_together(client: Client, made: dict[str, Any]) -> None:
    path = f"/servicePrincipals/{made['principal']}/appRoleAssignedTo"
    good = {"principalId": made["principal"], "resourceId": made["principal"], "appRoleId": ROLE["id"]}
    for change in ({"principalId": NOBODY}, {"appRoleId": NOBODY}, {"principalId": made["id"]}):
        assert refusal(client, "POST", path, {**good, **change}) == (
            400,
            "Request_BadRequest",
            "Not a valid reference update.",
        )
    assert refusal(client, "POST", path, {**good, "resourceId": made["appId"]})[0] == 400
    assert client.graph("POST", path, json=good).status_code == 201
    assert refusal(client, "POST", path, good) == (
        400,
        "Request_BadRequest",
        "Permission being assigned already exists on the object",
    )
    client.vary(duplicate_consent_as_grant=True)
    assert refusal(client, "POST", path, good)[2] == "EntitlementGrant entry already exists."


def test_an_assignment_that_is_gone_cannot_be_deleted_and_that_is_400(client: Client, made: dict[str, Any]) -> None:
    """Not 404 as for everything else: azure-contract.md, section 3.1."""
    path = f"/servicePrincipals/{made['principal']}/appRoleAssignedTo"
    good = {"principalId": made["principal"], "resourceId": made["principal"], "appRoleId": ROLE["id"]}
    one = f"{path}/{client.graph('POST', path, json=good).json()['id']}"
    assert client.graph("DELETE", one).status_code == 204
    gone = (400, "Request_BadRequest", "EntitlementGrant being updated or deleted is not found")
    assert refusal(client, "DELETE", one) == gone


def test_a_tenant_may_demand_a_service_management_reference(client: Client, made: dict[str, Any]) -> None:
    """For what is made, and for what is changed and has none: azure-contract.md, section 3.2."""
    client.vary(service_management_reference_required=True)
    new = {"displayName": "x", "signInAudience": "AzureADMyOrg"}
    path, reference = f"/applications/{made['id']}", {"serviceManagementReference": NOBODY}
    for method, where, body, operation in (
        ("POST", "/applications", new, "Create"),
        ("PATCH", path, {"notes": "n"}, "Update"),
    ):
        status, code, message = refusal(client, method, where, body)
        assert (status, code) == (400, "ServiceTreeValueMissing")
        assert message.startswith(f"ServiceManagementReference field is required for {operation}, but is missing")
    assert client.graph("POST", "/applications", json={**new, **reference}).status_code == 201
    assert client.graph("PATCH", path, json={"notes": "n", **reference}).status_code == 204
    assert client.graph("PATCH", path, json={"notes": "m"}).status_code == 204


@pytest.mark.parametrize(
    ("change", "begins"),
    [
        ({"name": "a"}, "Invalid value specified for property 'name'"),
        ({"name": "-ab"}, "Invalid value specified for property 'name'"),
        ({"audiences": []}, "Property 'audiences' is required."),
        ({"audiences": ["a", "b"]}, "Invalid value specified for property 'audiences'"),
        ({"issuer": "x" * 601}, "Invalid value specified for property 'issuer'"),
        ({"subject": None}, "Property 'subject' is required."),
        ({"claimsMatchingExpression": {}}, "The property 'claimsMatchingExpression' does not exist"),
    ],
)
def test_a_wrong_federated_credential_is_refused(
    client: Client, made: dict[str, Any], change: dict[str, Any], begins: str
) -> None:
    body = {"name": "ci", "issuer": "https://i", "subject": "s", "audiences": ["a"], **change}
    body = {**body, "name": change.get("name", "cicd")}
    status, _, message = refusal(client, "POST", f"/applications/{made['id']}/federatedIdentityCredentials", body)
    assert (status, message[: len(begins)]) == (400, begins)


def test_federated_credentials_have_unique_names_and_pairs_and_are_few(client: Client, made: dict[str, Any]) -> None:
    path = f"/applications/{made['id']}/federatedIdentityCredentials"
    body = {"name": "ci-19", "issuer": "https://i", "subject": "19", "audiences": ["a"]}
    for number in range(20):
        sent = {**body, "name": f"ci-{number}", "subject": str(number)}
        assert client.graph("POST", path, json=sent).status_code == 201
    assert refusal(client, "POST", path, {**body, "subject": "new"})[:2] == (
        409,
        "Request_MultipleObjectsWithSameKeyValue",
    )
    assert refusal(client, "POST", path, {**body, "name": "new"})[0] == 400
    assert refusal(client, "POST", path, {**body, "name": "new", "subject": "new"})[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        {"passwordCredential": {"secretText": "mine"}},
        {"passwordCredential": {"hint": "abc"}},
        {"passwordCredential": {"endDateTime": "2020-01-01T00:00:00Z"}},
        {"passwordCredential": {"endDateTime": "2099-01-01T00:00:00"}},
        {"passwordCredential": {"name": "x"}},
        {"displayName": "x"},
        [],
    ],
)
def test_a_wrong_request_for_a_secret_is_refused(client: Client, made: dict[str, Any], body: Any) -> None:
    assert refusal(client, "POST", f"/applications/{made['id']}/addPassword", body)[:2] == (400, "Request_BadRequest")
    assert client.graph("GET", f"/applications/{made['id']}").json()["passwordCredentials"] == []


def test_an_unknown_secret_cannot_be_removed(client: Client, made: dict[str, Any]) -> None:
    path = f"/applications/{made['id']}/removePassword"
    for body in ({"keyId": NOBODY}, {"keyId": "x"}, {}, {"id": NOBODY}):
        assert refusal(client, "POST", path, body)[0] == 400


def restrict(client: Client, *rules: dict[str, Any]) -> None:
    client.state.directory.policies.document["applicationRestrictions"]["passwordCredentials"] = list(rules)


def test_a_tenant_may_forbid_secrets_or_long_ones(client: Client, made: dict[str, Any]) -> None:
    path = f"/applications/{made['id']}/addPassword"
    restrict(client, {"restrictionType": "passwordLifetime", "state": "enabled", "maxLifetime": "P90D"})
    assert refusal(client, "POST", path, {})[:2] == (400, "CredentialInvalidLifetimeAsPerAppPolicy")
    restrict(client, {"restrictionType": "passwordAddition", "state": "enabled", "maxLifetime": None})
    status, code, message = refusal(client, "POST", path, {})
    assert (status, code) == (400, "CredentialTypeNotAllowedAsPerAppPolicy")
    assert message.startswith("Credential type not allowed as per assigned policy")
    restrict(client, {"restrictionType": "passwordAddition", "state": "disabled", "maxLifetime": None})
    assert client.graph("POST", path, json={}).status_code == 200


def test_managed_identities_are_not_graphs_to_delete(client: Client) -> None:
    resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/caller"
    identity = managed_identities.create(client.state.directory, "caller", resource_id=resource)
    path = f"/servicePrincipals/{identity['id']}"
    seen = client.graph("GET", path).json()
    assert (seen["servicePrincipalType"], set(seen["alternativeNames"])) == (
        "ManagedIdentity",
        {"isExplicit=False", resource},
    )
    assert refusal(client, "DELETE", path)[:2] == (403, "Authorization_RequestDenied")


@pytest.mark.parametrize("body", [5, True, "text", [], [None], {"ids": 5}, {"ids": [NOBODY], "types": 5}])
def test_a_body_of_another_shape_is_the_senders_mistake(client: Client, made: dict[str, Any], body: Any) -> None:
    credential = f"/applications/{made['id']}/federatedIdentityCredentials(name='main')"
    for method, path in (("PATCH", credential), ("POST", "/directoryObjects/getByIds"), ("POST", "/$batch")):
        answer = client.graph(method, path, json=body, headers={"Prefer": "create-if-missing"})
        assert answer.status_code == 400, (path, answer.text)


def test_a_filter_may_compare_a_collection_without_harm(client: Client) -> None:
    assert client.graph("GET", "/applications", params={"$filter": "tags in ('a')"}).json()["value"] == []
