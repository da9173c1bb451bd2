"""Who may do what: applications by their roles, people by scope and directory role, owners by owning."""

from __future__ import annotations

from typing import Any

import pytest
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.entra.types import GRAPH_APP_ID, GRAPH_ROLES

from tests.sandbox.conftest import OWN, Client, make_app, make_service
from tests.sandbox.test_sign_in import begin, poll


def bearer_with(client: Client, *roles: str) -> dict[str, str]:
    app, _ = seeding.add_application(client.state.directory, "caller", secret="s", graph_roles=roles)
    return {"Authorization": f"Bearer {client.token('https://localhost:8444/.default', app['appId'], 's')}"}


def bearer_of(client: Client, person: str) -> dict[str, str]:
    begun = begin(client, scope=f"{client.addresses.graph}/.default openid")
    typed = {"user_code": begun["user_code"], "user": f"{person}@contosolearning.onmicrosoft.com"}
    client.request("POST", "/devicelogin", data=typed)
    return {"Authorization": f"Bearer {poll(client, begun)['access_token']}"}


def attempts(made: dict[str, Any]) -> dict[str, tuple[str, str, Any]]:
    path = f"/applications/{made['id']}"
    assignment = {
        "principalId": made["principal"],
        "resourceId": made["principal"],
        "appRoleId": made["appRoles"][0]["id"],
    }
    return {
        "read": ("GET", path, None),
        "create": ("POST", "/applications", OWN),
        "update": ("PATCH", path, {"displayName": "renamed"}),
        "secret": ("POST", f"{path}/addPassword", {}),
        "assign": ("POST", f"/servicePrincipals/{made['principal']}/appRoleAssignedTo", assignment),
        "organization": ("GET", "/organization", None),
        "policy": ("GET", "/policies/defaultAppManagementPolicy", None),
        "delete": ("DELETE", path, None),
    }


def allowed(client: Client, made: dict[str, Any], headers: dict[str, str]) -> set[str]:
    done = set()
    for name, (method, path, body) in attempts(made).items():
        answer = client.graph(method, path, headers=headers, **({} if body is None else {"json": body}))
        if answer.is_success:
            done.add(name)
        else:
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Authorization_RequestDenied")
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
def test_an_application_may_do_what_its_roles_say(client: Client, roles: list[str], expected: set[str]) -> None:
    assert allowed(client, make_service(client), bearer_with(client, *roles)) == expected


def test_what_an_application_made_it_owns(client: Client) -> None:
    headers = bearer_with(client, "Application.ReadWrite.OwnedBy")
    made = client.graph("POST", "/applications", json=OWN, headers=headers).json()
    path = f"/applications/{made['id']}"
    assert client.graph("POST", "/servicePrincipals", json={"appId": made["appId"]}, headers=headers).status_code == 201
    assert client.graph("POST", f"{path}/addPassword", json={}, headers=headers).status_code == 200
    assert client.graph("DELETE", path, headers=headers).status_code == 204
    assert client.graph("DELETE", f"/directory/deletedItems/{made['id']}", headers=headers).status_code == 204


def test_an_administrator_may_do_all_and_a_member_what_is_his(client: Client) -> None:
    made = make_service(client)
    everything = set(attempts(made))
    assert allowed(client, made, bearer_of(client, "admin")) == everything - {"policy"}
    member = bearer_of(client, "lee")
    assert allowed(client, make_service(client), member) == {"read", "create", "organization"}
    own = client.graph("POST", "/applications", json=OWN, headers=member).json()
    path = f"/applications/{own['id']}"
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
    assert client.graph("POST", path, json=body, headers=bearer_of(client, "admin")).status_code == 201
    service = make_service(client)
    own = {**body, "resourceId": service["principal"], "appRoleId": service["appRoles"][0]["id"]}
    path = f"/servicePrincipals/{service['principal']}/appRoleAssignedTo"
    assert client.graph("POST", path, json=own, headers=headers).status_code == 201
