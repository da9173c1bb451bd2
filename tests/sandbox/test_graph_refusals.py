"""What Graph refuses, with the status and the code that a client sees."""

import uuid
from typing import Any

import pytest
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import OWN, ROLE, Client, make_app

NOBODY = str(uuid.UUID(int=5))


@pytest.fixture
def made(client: Client) -> dict[str, Any]:
    return make_app(client, appRoles=[ROLE])


def refusal(client: Client, method: str, path: str, body: Any) -> tuple[int, str, str]:
    answer = client.graph(method, path, json=body)
    error = answer.json()["error"]
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    return answer.status_code, error["code"], error["message"]


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


# --- writes that follow one another too closely ---


def busy(client: Client, method: str, path: str, body: Any) -> bool:
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
    ids = [make_app(client)["principal"] for _ in range(4)]
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
