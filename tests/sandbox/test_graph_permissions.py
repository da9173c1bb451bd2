"""Who may do what: applications by their roles, people by scope and directory role, owners by
owning.
"""

from typing import Any

import pytest
from mct_s2s.sandbox.entra.types import GRAPH_APP_ID, GRAPH_ROLES

from tests.sandbox.bearers import bearer_of, bearer_with
from tests.sandbox.conftest import EVENTUAL, OWN, PREFER, Client, make_app, make_service

OWNED_BY = "Application.ReadWrite.OwnedBy"
CAST = "/me/transitiveMemberOf/microsoft.graph.directoryRole"
ADMINISTRATOR = "158c047a-c907-4556-b7ef-446551a6b5f7"
CONSENT = "microsoft.directory/servicePrincipals/appRoleAssignedTo/update"


def attempts(application: dict[str, Any]) -> dict[str, tuple[str, str, Any]]:
    path = f"/applications/{application['id']}"
    assignment = {
        "principalId": application["principal"],
        "resourceId": application["principal"],
        "appRoleId": application["appRoles"][0]["id"],
    }
    return {
        "read": ("GET", path, None),
        "create": ("POST", "/applications", OWN),
        "update": ("PATCH", path, {"displayName": "renamed"}),
        "secret": ("POST", f"{path}/addPassword", {}),
        "assign": (
            "POST",
            f"/servicePrincipals/{application['principal']}/appRoleAssignedTo",
            assignment,
        ),
        "organization": ("GET", "/organization", None),
        "policy": ("GET", "/policies/defaultAppManagementPolicy", None),
        "delete": ("DELETE", path, None),
    }


def allowed(client: Client, application: dict[str, Any], headers: dict[str, str]) -> set[str]:
    done = set()
    for name, (method, path, body) in attempts(application).items():
        answer = client.graph(
            method, path, headers=headers, **({} if body is None else {"json": body})
        )
        if answer.is_success:
            done.add(name)
        else:
            assert (answer.status_code, answer.json()["error"]["code"]) == (
                403,
                "Authorization_RequestDenied",
            )
    return done


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ([], set()),
        (["Application.Read.All"], {"read"}),
        (["Application.ReadWrite.All"], {"read", "create", "update", "secret", "delete"}),
        (["Application.ReadWrite.OwnedBy"], {"read", "create"}),
        (["AppRoleAssignment.ReadWrite.All"], set()),
        (["AppRoleAssignment.ReadWrite.All", "Application.Read.All"], {"read", "assign"}),
        (["Organization.Read.All", "Policy.Read.All"], {"organization", "policy"}),
        (["Directory.Read.All"], {"read", "organization"}),
    ],
)
def test_an_application_may_do_what_its_roles_say(
    client: Client, roles: list[str], expected: set[str]
) -> None:
    assert allowed(client, make_service(client), bearer_with(client, *roles)) == expected


def test_an_application_owns_what_it_made(client: Client) -> None:
    headers = bearer_with(client, "Application.ReadWrite.OwnedBy")
    application = client.graph("POST", "/applications", json=OWN, headers=headers).json()
    path = f"/applications/{application['id']}"
    assert (
        client.graph(
            "POST", "/servicePrincipals", json={"appId": application["appId"]}, headers=headers
        ).status_code
        == 201
    )
    assert client.graph("POST", f"{path}/addPassword", json={}, headers=headers).status_code == 200
    assert client.graph("DELETE", path, headers=headers).status_code == 204
    assert (
        client.graph(
            "DELETE", f"/directory/deletedItems/{application['id']}", headers=headers
        ).status_code
        == 204
    )


def test_an_administrator_may_do_all_and_a_member_what_is_his(client: Client) -> None:
    service = make_service(client)
    everything = set(attempts(service))
    assert allowed(client, service, bearer_of(client, "admin")) == everything - {"policy"}
    member = bearer_of(client, "lee")
    assert allowed(client, make_service(client), member) == {"read", "create", "organization"}
    application = client.graph("POST", "/applications", json=OWN, headers=member).json()
    path = f"/applications/{application['id']}"
    assert client.graph("PATCH", path, json={"notes": "mine"}, headers=member).status_code == 204


def test_roles_of_graph_itself_take_a_stronger_administrator(client: Client) -> None:
    directory = client.state.directory
    lee = directory.users.seen_by("userPrincipalName", "lee@contosolearning.onmicrosoft.com")[0]
    directory.users.put({**lee, "@roles": ["9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"]})
    headers = bearer_of(client, "lee")
    graph = directory.service_principals.seen_by("appId", GRAPH_APP_ID)[0]
    caller = make_app(client)
    body = {
        "principalId": caller["principal"],
        "resourceId": graph["id"],
        "appRoleId": GRAPH_ROLES["Application.Read.All"],
    }
    path = f"/servicePrincipals/{graph['id']}/appRoleAssignedTo"
    assert client.graph("POST", path, json=body, headers=headers).status_code == 403
    assert (
        client.graph("POST", path, json=body, headers=bearer_of(client, "admin")).status_code == 201
    )
    service = make_service(client)
    of_service = {
        **body,
        "resourceId": service["principal"],
        "appRoleId": service["appRoles"][0]["id"],
    }
    path = f"/servicePrincipals/{service['principal']}/appRoleAssignedTo"
    assert client.graph("POST", path, json=of_service, headers=headers).status_code == 201


def person(client: Client, **rights: Any) -> tuple[str, dict[str, str]]:
    user = client.control("POST", "people", {"name": "casey", **rights})
    return user["principalId"], bearer_of(client, "casey")


def upsert(client: Client, headers: dict[str, str], name: str = "n") -> Any:
    return client.graph(
        "PATCH", f"/applications(uniqueName='{name}')", json=OWN, headers={**headers, **PREFER}
    )


def owners(client: Client, application: dict[str, Any]) -> list[str]:
    return [
        owner["id"]
        for owner in client.graph("GET", f"/applications/{application['id']}/owners").json()[
            "value"
        ]
    ]


# --- owners ---


def test_whoever_creates_owns(client: Client) -> None:
    headers = bearer_with(client, OWNED_BY)
    for answer in (
        client.graph("POST", "/applications", json=OWN, headers=headers),
        upsert(client, headers),
    ):
        assert answer.status_code == 201
        assert len(owners(client, answer.json())) == 1


def test_where_the_upsert_makes_no_owner_all_that_follows_is_refused(client: Client) -> None:
    """msgraph-bicep-types#154: nobody can clear it away either, and its name stays taken."""
    client.vary(upsert_without_owner=True)
    headers = bearer_with(client, OWNED_BY)
    application = upsert(client, headers).json()
    path = f"/applications/{application['id']}"
    assert owners(client, application) == []
    principal = client.graph(
        "POST", "/servicePrincipals", json={"appId": application["appId"]}, headers=headers
    )
    assert "must in the local tenant" in principal.json()["error"]["message"]
    for method, url, body in (
        ("PATCH", path, {"notes": "x"}), ("POST", f"{path}/addPassword", {}),
        ("DELETE", path, None),
        ("POST", f"{path}/owners/$ref",
         {"@odata.id": f"https://g/v1.0/directoryObjects/{application['id']}"}),
    ):  # fmt: skip
        assert client.graph(method, url, json=body, headers=headers).status_code == 403, method
    posted = client.graph("POST", "/applications", json=OWN, headers=headers).json()
    named = client.graph(
        "PATCH", f"/applications/{posted['id']}", json={"uniqueName": "n"}, headers=headers
    )
    assert (named.status_code, "uniqueName already exists" in named.text) == (400, True)
    renamed = client.graph(
        "PATCH", f"/applications/{posted['id']}", json={"uniqueName": "m"}, headers=headers
    )
    assert renamed.status_code == 204
    administrator = upsert(client, {}, "other").json()
    assert len(owners(client, administrator)) == 1, "only callers that need to own are concerned"


def test_owners_can_be_named_at_creation(client: Client) -> None:
    other = make_app(client)["principal"]
    bound = {"owners@odata.bind": [f"https://graph.microsoft.com/v1.0/directoryObjects/{other}"]}
    assert owners(client, client.graph("POST", "/applications", json={**OWN, **bound}).json()) == [
        other
    ]
    headers = bearer_with(client, OWNED_BY)
    assert (
        client.graph("POST", "/applications", json={**OWN, **bound}, headers=headers).status_code
        == 403
    )
    for wrong in ("text", ["https://g/v1.0/nothing"]):
        body = {**OWN, "owners@odata.bind": wrong}
        assert client.graph("POST", "/applications", json=body).status_code == 400


def test_a_service_principal_takes_an_application_of_ones_own(client: Client) -> None:
    """microsoft-graph-docs#16138: a developer owns what they made, and nothing else."""
    theirs = client.graph("POST", "/applications", json=OWN).json()
    _, developer = person(client, directoryRoles=["Application Developer"])
    mine = client.graph("POST", "/applications", json=OWN, headers=developer).json()
    for application, status in ((theirs, 403), (mine, 201)):
        answer = client.graph(
            "POST", "/servicePrincipals", json={"appId": application["appId"]}, headers=developer
        )
        assert answer.status_code == status


def test_creation_alone_is_not_enough_for_an_upsert(client: Client) -> None:
    headers = bearer_with(client, "AppRegistration.Create")
    assert client.graph("POST", "/applications", json=OWN, headers=headers).status_code == 201
    assert upsert(client, headers).status_code == 403


# --- roles ---


@pytest.mark.parametrize("query", ["", "?$count=true"])
def test_the_cast_is_an_advanced_query(client: Client, query: str) -> None:
    headers = bearer_of(client, "admin")
    refused = client.graph("GET", CAST + query, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (
        400,
        "Request_UnsupportedQuery",
    )
    shown = client.graph("GET", f"{CAST}?$count=true", headers={**headers, **EVENTUAL}).json()
    assert shown["@odata.count"] == len(shown["value"]) == 1
    for status in (400, 500):
        client.vary(role_cast_status=status)
        answer = client.graph("GET", f"{CAST}?$count=true", headers={**headers, **EVENTUAL})
        assert answer.status_code == status
    assert len(client.graph("GET", "/me/transitiveMemberOf", headers=headers).json()["value"]) == 1


def transitive(client: Client, who: str, headers: dict[str, str]) -> Any:
    query = f"?$count=true&$filter=principalId eq '{who}'"
    path = (
        f"{client.addresses.graph}/beta/roleManagement/directory/transitiveRoleAssignments{query}"
    )
    return client.request("GET", path, headers=headers)


def test_a_role_that_is_given_is_in_no_token_that_is_older(client: Client) -> None:
    """The directory shows it at once; requests are judged by the token (Azure/azure-cli#32855)."""
    _, older = person(client)
    theirs = client.graph("POST", "/applications", json=OWN).json()
    given = {"user": "casey@contosolearning.onmicrosoft.com", "role": "Application Administrator"}
    client.control("POST", "directory-roles", given)
    shown = client.graph("GET", f"{CAST}?$count=true", headers={**older, **EVENTUAL}).json()[
        "value"
    ]
    assert [role["displayName"] for role in shown] == ["Application Administrator"]
    for bearer, status in ((older, 403), (bearer_of(client, "casey"), 204)):
        answer = client.graph(
            "PATCH", f"/applications/{theirs['id']}", json={"notes": "x"}, headers=bearer
        )
        assert answer.status_code == status


def test_assignments_show_what_the_cast_does_not(client: Client) -> None:
    theirs = make_service(client)
    who, headers = person(
        client,
        groupRoles=["Application Developer"],
        scopedRoles=[{"role": "Cloud Application Administrator", "scope": f"/{theirs['id']}"}],
        customRoles=[{"name": "Integrator", "actions": [CONSENT]}],
    )
    eventual = {**headers, **EVENTUAL}
    shown = client.graph("GET", f"{CAST}?$count=true", headers=eventual).json()["value"]
    assert [role["displayName"] for role in shown] == ["Application Developer"]
    assignments = transitive(client, who, eventual).json()["value"]
    assert sorted(assignment["directoryScopeId"] for assignment in assignments) == [
        "/",
        "/",
        f"/{theirs['id']}",
    ]
    assert ADMINISTRATOR in [assignment["roleDefinitionId"] for assignment in assignments]
    assert [assignment["principalId"] == who for assignment in assignments].count(False) == 1, (
        "that of a group is the group's"
    )
    assert transitive(client, who, headers).status_code == 404
    v1 = client.graph(
        "GET", f"/roleManagement/directory/transitiveRoleAssignments?$filter=principalId eq '{who}'"
    )
    assert v1.status_code == 501, "v1.0 has no such path"
    client.vary(role_assignments_hidden=True)
    assert transitive(client, who, {**bearer_of(client, "lee"), **EVENTUAL}).status_code == 403


def test_a_role_reaches_as_far_as_its_scope(client: Client) -> None:
    mine, other = make_service(client), make_service(client)
    scoped = [
        {"role": "Application Administrator", "scope": f"/{object_id}"}
        for object_id in (mine["id"], mine["principal"])
    ]
    _, headers = person(client, scopedRoles=scoped)
    for application, status in ((mine, 204), (other, 403)):
        answer = client.graph(
            "PATCH", f"/applications/{application['id']}", json={"notes": "x"}, headers=headers
        )
        assert answer.status_code == status


def assign(client: Client, service: dict[str, Any], headers: dict[str, str]) -> int:
    body = {
        "principalId": make_app(client)["principal"],
        "resourceId": service["principal"],
        "appRoleId": service["appRoles"][0]["id"],
    }
    path = f"/servicePrincipals/{service['principal']}/appRoleAssignedTo"
    status: int = client.graph("POST", path, json=body, headers=headers).status_code
    return status


@pytest.mark.parametrize(
    ("rights", "status"),
    [
        ({}, 403),
        ({"directoryRoles": ["Application Developer"]}, 403),
        ({"directoryRoles": ["Directory Readers"]}, 403),
        ({"directoryRoles": ["Privileged Role Administrator"]}, 201),
        ({"directoryRoles": ["Directory Writers"]}, 201),
        ({"directoryRoles": ["Hybrid Identity Administrator"]}, 201),
        ({"directoryRoles": ["Identity Governance Administrator"]}, 201),
        ({"directoryRoles": ["User Administrator"]}, 201),
        ({"customRoles": [{"name": "c", "actions": [CONSENT]}]}, 201),
        (
            {
                "customRoles": [
                    {"name": "c", "actions": ["microsoft.directory/applications/create"]}
                ]
            },
            403,
        ),
    ],
)
def test_consent_takes_the_permissions_and_roles_that_graph_names(
    client: Client, rights: dict[str, Any], status: int
) -> None:
    """Source: learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto."""
    service = make_service(client)
    assert assign(client, service, person(client, **rights)[1]) == status


@pytest.mark.parametrize(
    "wrong",
    [
        {"customRoles": ["text"]},
        {"customRoles": [{"name": "x"}]},
        {"scopedRoles": [{"role": "No Such Role", "scope": "/"}]},
        {"scopedRoles": [{"role": "Directory Readers"}]},
    ],
)
def test_an_unknown_role_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    assert (
        client.request("POST", "/_sandbox/people", json={"name": "casey", **wrong}).status_code
        == 400
    )


# --- keys of certificates, and the recycle bin ---


def test_reading_keys_has_a_budget_of_its_own(client: Client) -> None:
    """150 requests a minute for the tenant that name `keyCredentials`; others do not count."""
    application = client.graph("POST", "/applications", json=OWN).json()
    path = f"/applications/{application['id']}"
    for _ in range(149):
        client.state.directory.key_reads.draw()
    assert client.graph("GET", f"{path}?$select=id,keyCredentials").status_code == 200
    refused = client.graph("GET", "/servicePrincipals?$select=id,keyCredentials")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 61
    assert "keyCredentials" in client.graph("GET", path).json()
    client.state.clock.advance(61)
    client.forget_tokens()
    assert client.graph("GET", f"{path}?$select=id,keyCredentials").status_code == 200


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (None, 403),
        ("Application Developer", 403),
        ("Hybrid Identity Administrator", 200),
        ("Application Administrator", 200),
    ],
)
def test_the_recycle_bin_is_read_by_three_roles(
    client: Client, role: str | None, status: int
) -> None:
    path = "/directory/deletedItems/microsoft.graph.application"
    _, headers = person(client, directoryRoles=[role] if role else [])
    assert client.graph("GET", path, headers=headers).status_code == status
    client.vary(recycle_bin_for_members=True)
    assert client.graph("GET", path, headers=headers).status_code == 200


def test_the_recycle_bin_may_hide_the_unique_name(client: Client) -> None:
    application = upsert(client, {}).json()
    client.graph("DELETE", f"/applications/{application['id']}")
    listed, item = (
        "/directory/deletedItems/microsoft.graph.application",
        f"/directory/deletedItems/{application['id']}",
    )
    assert client.graph("GET", listed).json()["value"][0]["uniqueName"] == "n"
    client.vary(deleted_without_unique_name=True)
    assert client.graph("GET", listed).json()["value"][0]["uniqueName"] is None
    assert client.graph("GET", item).json()["uniqueName"] is None
    assert upsert(client, {}).status_code == 400, "it is taken nevertheless"
