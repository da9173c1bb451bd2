"""What members without a role may do: register anything, and all that an owner may with what is
theirs.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from mct_s2s.sandbox.entra.types import AZURE_CLI_APP_ID, GRAPH_APP_ID, GRAPH_ROLES
from mct_s2s.sandbox.state import seed

from tests.sandbox.bearers import bearer_of, bearer_with
from tests.sandbox.conftest import OWN, PREFER, ROLE, Client, make_app, make_service

OWNED_BY = "Application.ReadWrite.OwnedBy"
HALVES = ("applications", "servicePrincipals")


class Member:
    """A person without a directory role, who signed in with the Azure CLI."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self.id: str = client.control("POST", "people", {"name": name})["principalId"]
        self._headers = bearer_of(client, name)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        sent = {} if body is None else {"json": body}
        return self._client.graph(
            method, path, headers={**self._headers, **(headers or {})}, **sent
        )

    def create(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.ask("POST", path, body)
        assert answer.status_code == 201, answer.text
        entity: dict[str, Any] = answer.json()
        return entity

    def make_service(self) -> dict[str, Any]:
        """Register an application with a role, and its service principal, as `principal`."""
        application = self.create("/applications", **OWN, appRoles=[ROLE])
        return {
            **application,
            "principal": self.create("/servicePrincipals", appId=application["appId"])["id"],
        }


@pytest.fixture
def rob(client: Client) -> Member:
    return Member(client, "rob")


@pytest.fixture
def adele(client: Client) -> Member:
    return Member(client, "adele")


def halves(application: dict[str, Any]) -> Iterator[str]:
    """The paths of an application and of its service principal."""
    yield from (
        f"/{half}/{object_id}"
        for half, object_id in zip(
            HALVES, (application["id"], application["principal"]), strict=True
        )
    )


def owners(client: Client, path: str) -> list[str]:
    return sorted(owner["id"] for owner in client.graph("GET", f"{path}/owners").json()["value"])


def reference(client: Client, object_id: str) -> dict[str, str]:
    return {"@odata.id": f"{client.addresses.graph}/v1.0/directoryObjects/{object_id}"}


def assignment(service: dict[str, Any], principal: str) -> dict[str, str]:
    return {"principalId": principal, "resourceId": service["principal"], "appRoleId": ROLE["id"]}


def check_denied(answer: httpx.Response) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["message"]) == (
        403,
        "Authorization_RequestDenied",
        "Insufficient privileges to complete the operation.",
    )


# --- who assigns app roles ---


def test_the_owner_of_a_service_principal_assigns_its_roles_to_anyone_and_revokes_them(
    client: Client, rob: Member
) -> None:
    service = rob.make_service()
    theirs = make_app(client)
    for at, path in (
        (service["principal"], f"/servicePrincipals/{service['principal']}/appRoleAssignedTo"),
        (theirs["principal"], f"/servicePrincipals/{theirs['principal']}/appRoleAssignments"),
    ):
        answer = rob.ask("POST", path, assignment(service, theirs["principal"]))
        assert answer.status_code == 201, (at, answer.text)
        assert [row["id"] for row in client.graph("GET", path).json()["value"]] == [
            answer.json()["id"]
        ]
        assert rob.ask("DELETE", f"{path}/{answer.json()['id']}").status_code == 204, at
        assert client.graph("GET", path).json()["value"] == []


def test_an_owner_of_the_service_principal_alone_assigns_its_roles(
    client: Client, rob: Member
) -> None:
    service = make_service(client)
    theirs = make_app(client)
    client.graph(
        "POST",
        f"/servicePrincipals/{service['principal']}/owners/$ref",
        json=reference(client, rob.id),
    )
    path = f"/servicePrincipals/{service['principal']}/appRoleAssignedTo"
    assert rob.ask("POST", path, assignment(service, theirs["principal"])).status_code == 201
    check_denied(rob.ask("PATCH", f"/applications/{service['id']}", {"notes": "mine"}))


def test_what_an_owner_granted_stays_when_they_remove_themselves(
    client: Client, rob: Member
) -> None:
    service = rob.make_service()
    theirs = make_app(client)
    path = f"/servicePrincipals/{service['principal']}/appRoleAssignedTo"
    rob.ask("POST", path, assignment(service, theirs["principal"]))
    for half in halves(service):
        rob.ask("DELETE", f"{half}/owners/{rob.id}/$ref")
    (kept,) = client.graph("GET", path).json()["value"]
    assert kept["principalId"] == theirs["principal"]
    check_denied(rob.ask("DELETE", f"{path}/{kept['id']}"))


@pytest.mark.parametrize(
    "owned", ["nothing", "the application", "the client", "the client's service principal"]
)
def test_who_does_not_own_the_resources_service_principal_assigns_and_revokes_nothing(
    owned: str, client: Client, rob: Member
) -> None:
    service = make_service(client)
    caller = make_app(client)
    held = {
        "the application": f"/applications/{service['id']}",
        "the client": f"/applications/{caller['id']}",
        "the client's service principal": f"/servicePrincipals/{caller['principal']}",
    }
    if owned in held:
        added = client.graph("POST", f"{held[owned]}/owners/$ref", json=reference(client, rob.id))
        assert added.status_code == 204
    ends = (
        f"/servicePrincipals/{service['principal']}/appRoleAssignedTo",
        f"/servicePrincipals/{caller['principal']}/appRoleAssignments",
    )
    for end in ends:
        check_denied(rob.ask("POST", end, assignment(service, caller["principal"])))
    granted = client.create(ends[0], **assignment(service, caller["principal"]))
    for end in ends:
        check_denied(rob.ask("DELETE", f"{end}/{granted['id']}"))


def test_no_owner_assigns_roles_of_microsoft_graph(client: Client, rob: Member) -> None:
    mine = rob.make_service()
    graph = client.state.directory.service_principals.seen_by("appId", GRAPH_APP_ID)[0]
    wanted = {
        "principalId": mine["principal"],
        "resourceId": graph["id"],
        "appRoleId": GRAPH_ROLES["Application.ReadWrite.All"],
    }
    check_denied(
        rob.ask("POST", f"/servicePrincipals/{mine['principal']}/appRoleAssignments", wanted)
    )


def test_an_application_that_may_change_its_own_assigns_none_of_their_roles(client: Client) -> None:
    headers = bearer_with(client, OWNED_BY)
    theirs = make_app(client)
    application = client.graph(
        "POST", "/applications", json={**OWN, "appRoles": [ROLE]}, headers=headers
    ).json()
    principal = client.graph(
        "POST", "/servicePrincipals", json={"appId": application["appId"]}, headers=headers
    ).json()["id"]
    path = f"/servicePrincipals/{principal}/appRoleAssignedTo"
    service = {**application, "principal": principal}
    check_denied(
        client.graph("POST", path, json=assignment(service, theirs["principal"]), headers=headers)
    )
    granted = client.create(path, **assignment(service, theirs["principal"]))
    check_denied(client.graph("DELETE", f"{path}/{granted['id']}", headers=headers))


# --- who is an owner ---


def test_an_owner_adds_any_owner_and_removes_themselves_until_there_is_none(
    client: Client, rob: Member, adele: Member
) -> None:
    service = rob.make_service()
    robot = make_app(client)["principal"]
    for half in halves(service):
        for added in (adele.id, robot):
            assert (
                rob.ask("POST", f"{half}/owners/$ref", reference(client, added)).status_code == 204
            )
        assert owners(client, half) == sorted([rob.id, adele.id, robot])
        assert rob.ask("DELETE", f"{half}/owners/{rob.id}/$ref").status_code == 204
        check_denied(rob.ask("PATCH", half, {"notes": "mine"}))
        check_denied(rob.ask("POST", f"{half}/owners/$ref", reference(client, rob.id)))
        for removed in (robot, adele.id):
            assert adele.ask("DELETE", f"{half}/owners/{removed}/$ref").status_code == 204
        assert owners(client, half) == []


def test_an_application_and_its_service_principal_have_owners_of_their_own(
    client: Client, rob: Member
) -> None:
    service = make_service(client)
    for half, other in (halves(service), reversed([*halves(service)])):
        client.graph("POST", f"{half}/owners/$ref", json=reference(client, rob.id))
        assert rob.ask("PATCH", half, {"notes": "mine"}).status_code == 204
        check_denied(rob.ask("PATCH", other, {"notes": "mine"}))
        check_denied(rob.ask("POST", f"{other}/owners/$ref", reference(client, rob.id)))
        client.graph("DELETE", f"{half}/owners/{rob.id}/$ref")


def test_an_application_that_may_change_its_own_has_to_own_the_service_principal_too(
    client: Client,
) -> None:
    headers = bearer_with(client, OWNED_BY)
    service = make_service(client)
    (caller,) = client.state.directory.service_principals.seen_by("displayName", "caller")
    app, principal = halves(service)
    client.graph("POST", f"{app}/owners/$ref", json=reference(client, caller["id"]))
    assert client.graph("PATCH", app, json={"notes": "mine"}, headers=headers).status_code == 204
    check_denied(client.graph("PATCH", principal, json={"notes": "mine"}, headers=headers))
    client.graph("POST", f"{principal}/owners/$ref", json=reference(client, caller["id"]))
    assert (
        client.graph("PATCH", principal, json={"notes": "mine"}, headers=headers).status_code == 204
    )


# --- what a member registers ---


def upserted(member: Member, name: str) -> dict[str, Any]:
    answer = member.ask("PATCH", f"/applications(uniqueName='{name}')", OWN, PREFER)
    assert answer.status_code == 201, answer.text
    application: dict[str, Any] = answer.json()
    return application


def named_later(member: Member, name: str) -> dict[str, Any]:
    application = member.create("/applications", **OWN)
    assert (
        member.ask("PATCH", f"/applications/{application['id']}", {"uniqueName": name}).status_code
        == 204
    )
    return application


@pytest.mark.parametrize("register", [upserted, named_later])
def test_a_member_registers_under_any_free_unique_name_and_owns_both_halves(
    register: Any, client: Client, rob: Member, adele: Member
) -> None:
    application = register(rob, "mct-s2s-contosolearn-0a1b2c3d")
    principal = rob.create("/servicePrincipals", appId=application["appId"])["id"]
    for half in halves({**application, "principal": principal}):
        assert owners(client, half) == [rob.id]
    shown = client.graph("GET", "/applications(uniqueName='mct-s2s-contosolearn-0a1b2c3d')").json()
    assert shown["id"] == application["id"]
    check_denied(
        adele.ask("PATCH", "/applications(uniqueName='mct-s2s-contosolearn-0a1b2c3d')", OWN, PREFER)
    )
    theirs = adele.create("/applications", **OWN)
    taken = adele.ask(
        "PATCH", f"/applications/{theirs['id']}", {"uniqueName": "mct-s2s-contosolearn-0a1b2c3d"}
    )
    assert (taken.status_code, taken.json()["error"]["details"][0]["code"]) == (
        400,
        "ObjectConflict",
    )


@pytest.mark.parametrize("value", ["another", None])
def test_an_owner_changes_no_unique_name_that_is_set(value: str | None, rob: Member) -> None:
    application = upserted(rob, "mct-s2s-x")
    refused = rob.ask("PATCH", f"/applications/{application['id']}", {"uniqueName": value})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "Request_BadRequest")


# --- which program created it ---


def created_by(client: Client, application: dict[str, Any], **query: str) -> str | None:
    shown: str | None = client.graph(
        "GET", f"/applications/{application['id']}", params=query
    ).json()["createdByAppId"]
    return shown


def test_an_application_says_which_program_created_it(client: Client, rob: Member) -> None:
    headers = bearer_with(client, OWNED_BY)
    (caller,) = client.state.directory.service_principals.seen_by("displayName", "caller")
    path = "/applications(uniqueName='by-the-pipeline')"
    for application, program in (
        (rob.create("/applications", **OWN), AZURE_CLI_APP_ID),
        (upserted(rob, "by-rob"), AZURE_CLI_APP_ID),
        (client.create("/applications", **OWN), seed.ADMINISTRATOR_ID),
        (client.graph("POST", "/applications", json=OWN, headers=headers).json(), caller["appId"]),
        (
            client.graph("PATCH", path, json=OWN, headers={**headers, **PREFER}).json(),
            caller["appId"],
        ),
    ):
        assert application["createdByAppId"] == program
        assert (
            created_by(client, application)
            == created_by(client, application, **{"$select": "id,createdByAppId"})
            == program
        )
    principal = rob.create("/servicePrincipals", appId=rob.create("/applications", **OWN)["appId"])
    read = client.graph(
        "GET", f"/servicePrincipals/{principal['id']}?$select=createdByAppId"
    ).json()
    assert read["createdByAppId"] == AZURE_CLI_APP_ID


def test_nobody_writes_which_program_created_an_application(client: Client, rob: Member) -> None:
    application = rob.create("/applications", **OWN)
    forged = {"createdByAppId": seed.ADMINISTRATOR_ID}
    for refused in (
        rob.ask("POST", "/applications", {**OWN, **forged}),
        rob.ask("PATCH", f"/applications/{application['id']}", forged),
        rob.ask("PATCH", "/applications(uniqueName='new')", {**OWN, **forged}, PREFER),
        client.graph("PATCH", f"/applications/{application['id']}", json=forged),
    ):
        detail = refused.json()["error"]["details"][0]
        assert (refused.status_code, detail["code"], detail["target"]) == (
            400,
            "ReadOnly",
            "createdByAppId",
        )
    assert (
        client.graph("PATCH", f"/applications/{application['id']}", json={"notes": "n"}).status_code
        == 204
    )
    assert created_by(client, application) == AZURE_CLI_APP_ID, (
        "the program that changes it is not its creator"
    )


def test_what_was_there_before_says_nothing_of_its_creator(client: Client) -> None:
    listed = client.graph("GET", "/applications", params={"$select": "createdByAppId"}).json()[
        "value"
    ]
    assert {row["createdByAppId"] for row in listed} == {None}


# --- what an owner writes, and what everyone reads of it ---

SCOPE = {
    "id": "7b5e1f8e-2222-4c3d-9a6e-000000000001",
    "adminConsentDescription": "May act as the user.",
    "adminConsentDisplayName": "Act as the user",
    "isEnabled": True,
    "type": "User",
    "userConsentDescription": None,
    "userConsentDisplayName": None,
    "value": "access_as_user",
}
WRITTEN: dict[str, Any] = {
    "api": {
        "oauth2PermissionScopes": [SCOPE],
        "preAuthorizedApplications": [
            {"appId": AZURE_CLI_APP_ID, "delegatedPermissionIds": [SCOPE["id"]]}
        ],
    },
    "appRoles": [
        ROLE,
        {**ROLE, "id": str(uuid.UUID(int=6)), "allowedMemberTypes": ["User"], "value": "Reader"},
    ],
    "displayName": "Payroll",
    "groupMembershipClaims": "All",
    "isFallbackPublicClient": True,
    "notes": "Made by somebody else.",
    "optionalClaims": {
        "accessToken": [{"name": "email", "essential": True}],
        "idToken": [],
        "saml2Token": [],
    },
    "publicClient": {"redirectUris": ["http://localhost/public"]},
    "requiredResourceAccess": [
        {
            "resourceAppId": GRAPH_APP_ID,
            "resourceAccess": [{"id": GRAPH_ROLES["Directory.ReadWrite.All"], "type": "Role"}],
        }
    ],
    "signInAudience": "AzureADMultipleOrgs",
    "spa": {"redirectUris": ["https://rob.example/spa"]},
    "tags": ["mct-s2s:name:whatever", "another"],
    "web": {
        "redirectUris": ["https://rob.example/web"],
        "implicitGrantSettings": {"enableAccessTokenIssuance": True, "enableIdTokenIssuance": True},
    },
}


def contains(read: Any, written: Any) -> bool:
    """Whether everything that was written is read again; arrays are sets."""
    if isinstance(written, dict):
        return isinstance(read, dict) and all(
            contains(read.get(name), value) for name, value in written.items()
        )
    if isinstance(written, list):
        return len(read) == len(written) and all(
            any(contains(item, each) for item in read) for each in written
        )
    return bool(read == written)


def write_everything(member: Member) -> dict[str, Any]:
    application = member.create("/applications", **OWN)
    path = f"/applications/{application['id']}"
    # Scopes have to be there before a client is authorised for them.
    assert (
        member.ask("PATCH", path, {"api": {"oauth2PermissionScopes": [SCOPE]}}).status_code == 204
    )
    for name, value in WRITTEN.items():
        answer = member.ask("PATCH", path, {name: value})
        assert answer.status_code == 204, answer.text
    return application


def test_an_owner_writes_everything_of_an_application_and_adds_credentials(rob: Member) -> None:
    path = f"/applications/{write_everything(rob)['id']}"
    federated = {
        "name": "anywhere",
        "issuer": "https://rob.example",
        "subject": "s",
        "audiences": ["a"],
    }
    assert (
        rob.ask(
            "POST", f"{path}/addPassword", {"passwordCredential": {"displayName": "mine"}}
        ).status_code
        == 200
    )
    assert rob.ask("POST", f"{path}/federatedIdentityCredentials", federated).status_code == 201


@pytest.mark.parametrize("deleted", [False, True], ids=["there", "deleted"])
def test_members_that_were_written_are_read_in_every_way(
    deleted: bool, client: Client, rob: Member
) -> None:
    application = write_everything(rob)
    secret = rob.ask("POST", f"/applications/{application['id']}/addPassword", {}).json()["keyId"]
    written = {
        **WRITTEN,
        "createdByAppId": AZURE_CLI_APP_ID,
        "passwordCredentials": [{"keyId": secret}],
    }
    alone, all_of_them = f"/applications/{application['id']}", "/applications"
    if deleted:
        assert rob.ask("DELETE", alone).status_code == 204
        alone = f"/directory/deletedItems/{application['id']}"
        all_of_them = "/directory/deletedItems/microsoft.graph.application"
    for names in (None, *written, ",".join(written)):
        query = {} if names is None else {"$select": f"id,{names}"}
        expected = {
            name: value
            for name, value in written.items()
            if names is None or name in names.split(",")
        }
        listed = client.graph("GET", all_of_them, params=query).json()["value"]
        (in_list,) = [row for row in listed if row["id"] == application["id"]]
        for read in (client.graph("GET", alone, params=query).json(), in_list):
            assert contains(read, expected), names
            if names is not None:
                assert {name for name in read if "@" not in name} == {"id", *expected}


def test_a_deleted_object_is_read_as_far_as_it_is_selected(client: Client, rob: Member) -> None:
    service = rob.make_service()
    rob.ask("DELETE", f"/applications/{service['id']}")
    for object_id, kind in (
        (service["id"], "application"),
        (service["principal"], "servicePrincipal"),
    ):
        read = client.graph("GET", f"/directory/deletedItems/{object_id}?$select=appId").json()
        assert read.pop("@odata.context").endswith("/$metadata#directoryObjects(appId)/$entity")
        assert read == {"@odata.type": f"#microsoft.graph.{kind}", "appId": service["appId"]}
        refused = client.graph("GET", f"/directory/deletedItems/{object_id}?$select=nothing")
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadRequest")


# --- what is restored ---


def test_what_its_owner_deletes_and_restores_has_its_owners_and_assignments_again(
    client: Client, rob: Member, adele: Member
) -> None:
    service = rob.make_service()
    theirs = make_app(client)
    app, principal = halves(service)
    for half in (app, principal):
        rob.ask("POST", f"{half}/owners/$ref", reference(client, adele.id))
    granted = rob.ask(
        "POST", f"{principal}/appRoleAssignedTo", assignment(service, theirs["principal"])
    ).json()
    assert rob.ask("DELETE", app).status_code == 204
    assert (
        client.graph("GET", f"/servicePrincipals/{theirs['principal']}/appRoleAssignments").json()[
            "value"
        ]
        == []
    )
    assert rob.ask("POST", f"/directory/deletedItems/{service['id']}/restore").status_code == 200
    assert client.graph("GET", principal).status_code == 404, "it is restored on its own"
    assert (
        rob.ask("POST", f"/directory/deletedItems/{service['principal']}/restore").status_code
        == 200
    )
    for half in (app, principal):
        assert owners(client, half) == sorted([rob.id, adele.id])
    for end in (
        f"{principal}/appRoleAssignedTo",
        f"/servicePrincipals/{theirs['principal']}/appRoleAssignments",
    ):
        assert [row["id"] for row in client.graph("GET", end).json()["value"]] == [granted["id"]]
    assert created_by(client, service) == AZURE_CLI_APP_ID
