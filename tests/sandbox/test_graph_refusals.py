"""What Graph refuses, with the status and the code that a client sees."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from mct_s2s.sandbox.entra.registrations import service_principals
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


def test_federated_credentials_are_few(client: Client, made: dict[str, Any]) -> None:
    path = f"/applications/{made['id']}/federatedIdentityCredentials"
    body = {"name": "ci-19", "issuer": "https://i", "subject": "19", "audiences": ["a"]}
    for number in range(20):
        sent = {**body, "name": f"ci-{number}", "subject": str(number)}
        assert client.graph("POST", path, json=sent).status_code == 201
    assert refusal(client, "POST", path, {**body, "name": "new", "subject": "new"})[0] == 400


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
    identity = service_principals.create_managed_identity(client.state.directory, "caller", resource_id=resource)
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


# --- writes that follow one another too closely ---


def busy(client: Client, method: str, path: str, body: Any = None) -> bool:
    """Whether another write is in the way; three statuses say so."""
    answer = client.graph(method, path, **({"json": body} if body is not None else {}))
    if answer.is_success:
        return False
    assert answer.status_code in {400, 409, 503}
    assert "retry-after" not in answer.headers
    return bool(answer.json()["error"]["code"] == "Directory_ConcurrencyViolation")


def test_an_application_and_its_principal_are_locked_by_a_write_for_a_moment(
    client: Client, made: dict[str, Any]
) -> None:
    app, principal = f"/applications/{made['id']}", f"/servicePrincipals/{made['principal']}"
    writes = [
        ("POST", f"{app}/addPassword", {}),
        ("PATCH", app, {"tags": ["x"]}),
        ("PATCH", principal, {"tags": ["x"]}),
        ("POST", f"{app}/owners/$ref", {"@odata.id": f"{client.addresses.graph}/v1.0/directoryObjects/{NOBODY}"}),
        ("DELETE", app, None),
        ("POST", f"/directory/deletedItems/{made['id']}/restore", None),
    ]
    client.vary(directory_write_seconds=0.3)
    assert [busy(client, *write) for write in writes[:2]] == [False, True]
    assert [busy(client, *write) for write in writes[2:5]] == [True] * 3
    client.state.clock.advance(1)
    assert not busy(client, *writes[4])
    assert busy(client, *writes[5])
    client.state.clock.advance(1)
    assert not busy(client, *writes[5])


def test_a_resource_takes_three_consents_at_once(client: Client, made: dict[str, Any]) -> None:
    callers = [client.graph("POST", "/applications", json=OWN).json() for _ in range(4)]
    ids = [client.graph("POST", "/servicePrincipals", json={"appId": one["appId"]}).json()["id"] for one in callers]
    client.vary(directory_write_seconds=0.3)
    path = f"/servicePrincipals/{made['principal']}/appRoleAssignedTo"
    bodies = [{"principalId": one, "resourceId": made["principal"], "appRoleId": ROLE["id"]} for one in ids]
    assert [busy(client, "POST", path, body) for body in bodies] == [False, False, False, True]
    client.state.clock.advance(1)
    assert not busy(client, "POST", path, bodies[3])


def test_a_v2_application_with_a_uri_that_the_policy_forbids_stays_one(client: Client) -> None:
    v2 = {**OWN, "api": {"requestedAccessTokenVersion": 2}, "identifierUris": ["api://plain-name"]}
    app = f"/applications/{client.graph('POST', '/applications', json=v2).json()['id']}"
    back = {"api": {"requestedAccessTokenVersion": 1}}
    assert refusal(client, "PATCH", app, back)[:2] == (400, "InvalidUniqueTenantIdentifierAsPerAppPolicy")
    assert client.graph("PATCH", app, json={**back, "identifierUris": []}).status_code == 204
