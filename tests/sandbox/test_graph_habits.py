"""What other clients ask of Graph, and this program does not; scripts/clients has some of them ask it."""

from __future__ import annotations

from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import Client


def test_a_path_below_myorganization_is_the_same_one(client: Client) -> None:
    made = client.graph("POST", "/myorganization/applications", json={"displayName": "x"}).json()
    same = client.graph("GET", f"/myOrganization/applications/{made['id']}").json()
    assert same == client.graph("GET", f"/applications/{made['id']}").json()
    item = {"id": "1", "method": "GET", "url": f"/myorganization/applications/{made['id']}"}
    batch = client.graph("POST", "/myorganization/$batch", json={"requests": [item]}).json()
    assert batch["responses"][0]["body"]["id"] == made["id"]


def test_a_list_of_an_application_can_be_read_alone(client: Client) -> None:
    role = {"id": "11111111-2222-4333-8444-555555555555", "value": "R", "displayName": "R", "description": "R",
            "allowedMemberTypes": ["Application"], "isEnabled": True}  # fmt: skip
    sent = {"displayName": "x", "signInAudience": "AzureADMyOrg", "appRoles": [role]}
    made = client.graph("POST", "/applications", json=sent).json()
    found = client.graph("GET", f"/applications(appId='{made['appId']}')/appRoles").json()
    assert found["value"] == made["appRoles"]
    assert found["@odata.context"].endswith(f"/$metadata#applications('{made['id']}')/appRoles")
    principal = client.graph("POST", "/servicePrincipals", json={"appId": made["appId"]}).json()
    for name in ("appRoles", "oauth2PermissionScopes"):
        path = f"/servicePrincipals/{principal['id']}/{name}"
        assert client.graph("GET", path).json()["value"] == principal[name]


def test_the_assignments_of_a_principal_can_be_expanded(client: Client) -> None:
    """The CLI for Microsoft 365 lists consents that way."""
    query = {"$filter": f"appId eq '{seed.ADMINISTRATOR_ID}'", "$expand": "appRoleAssignments"}
    (listed,) = client.graph("GET", "/servicePrincipals", params=query).json()["value"]
    alone = client.graph("GET", f"/servicePrincipals/{listed['id']}?$expand=appRoleAssignments&$select=id").json()
    apart = client.graph("GET", f"/servicePrincipals/{listed['id']}/appRoleAssignments").json()["value"]
    assert listed["appRoleAssignments"] == alone["appRoleAssignments"] == apart != []
    assert client.graph("GET", f"/servicePrincipals/{listed['id']}?$expand=owners").status_code == 501
