"""Names of registrations can be computed by anybody: whoever was there first must not become
somebody whom we trust.

Those of different App Services can come out the same: their service applications must not.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from mct_s2s.model.ids import Tag, client_unique_name, named_unique_name, service_unique_name
from mct_s2s.sandbox.observability.exchange import Entry

from tests.cli.conftest import Ended, Program
from tests.conftest import SITE, Json, Sandbox
from tests.security.conftest import Member
from tests.support.sandbox_inside import Inside

SERVICE = service_unique_name("contosolearn")
CLIENT = client_unique_name(SERVICE, "S2S-client")
SETUP = ("setup", "--client", "S2S-client", "-y", "-o", "json")

FEDERATED = {
    "name": "old",
    "issuer": "https://old.example",
    "subject": "me",
    "audiences": ["api://AzureADTokenExchange"],
}


@pytest.fixture
def mallory(member: Callable[[str], Member]) -> Member:
    """Somebody who was there first."""
    return member("mallory")


def refused(ended: Ended, azure: Sandbox) -> Any:
    """The error of a run that found somebody else's registration, and wrote nothing."""
    assert ended.code == 2, ended.err
    assert ended.document["error"]["code"] == "registration-not-ours"
    assert azure.writes() == []
    return ended.document["error"]


def squat_client(azure: Sandbox, who: Member) -> Json:
    application = who.squat(CLIENT, "S2S-client")
    azure.forget()
    return application


def test_a_squatted_client_is_refused_before_anything_is_written(
    mct: Program, azure: Sandbox, mallory: Member
) -> None:
    application = squat_client(azure, mallory)
    error = refused(mct(*SETUP), azure)
    assert mallory.address in error["message"]
    assert application["createdDateTime"][:10] in error["message"]
    assert f"--client {application['appId']}" in error["remedy"]


def test_a_squatted_client_is_refused_by_every_command_that_names_it(
    mct: Program, azure: Sandbox, mallory: Member
) -> None:
    assert mct("setup", "--client", "Another", "-y").code == 0
    squat_client(azure, mallory)
    refused(mct("add-client", "S2S-client", "-y", "-o", "json"), azure)
    refused(mct("rotate-secret", "S2S-client", "-y", "-o", "json"), azure)
    refused(mct("setup", "--client", "S2S-client", "--dry-run", "-o", "json"), azure)


def test_a_squatted_service_application_is_refused(
    mct: Program, azure: Sandbox, mallory: Member
) -> None:
    application = mallory.squat(SERVICE, "MCT service (contosolearn)")
    azure.forget()
    error = refused(mct(*SETUP), azure)
    assert mallory.address in error["message"]
    assert f"--service-app {application['appId']}" in error["remedy"]


A_SECRET = {"passwordCredential": {"displayName": "mct-s2s 2026-01-01 000000"}}
WAYS_IN: dict[str, tuple[str, Json, str]] = {
    "a secret": ("/applications/{id}/addPassword", A_SECRET, "secret"),
    "a secret of its service principal": (
        "/servicePrincipals/{principal}/addPassword",
        A_SECRET,
        "secret",
    ),
    "a federated credential": (
        "/applications/{id}/federatedIdentityCredentials",
        FEDERATED,
        "federated credential",
    ),
}


@pytest.mark.parametrize(("path", "body", "told"), WAYS_IN.values(), ids=WAYS_IN.keys())
def test_a_squatted_client_without_owner_is_known_by_a_credential_of_its_own(
    mct: Program, azure: Sandbox, mallory: Member, path: str, body: Json, told: str
) -> None:
    application = squat_client(azure, mallory)
    mallory.graph("POST", path.format(**application), json=body)
    leave(azure, mallory, application)
    azure.forget()
    assert told in refused(mct(*SETUP), azure)["message"]


def test_the_owner_of_the_service_principal_alone_is_an_owner(
    mct: Program, azure: Sandbox, mallory: Member
) -> None:
    application = squat_client(azure, mallory)
    mallory.graph("DELETE", f"/applications/{application['id']}/owners/{mallory.id}/$ref")
    azure.forget()
    assert mallory.address in refused(mct(*SETUP), azure)["message"]


def test_a_squatted_client_that_nobody_can_use_is_taken_up(
    mct: Program, azure: Sandbox, mallory: Member
) -> None:
    leave(azure, mallory, squat_client(azure, mallory))
    assert mct(*SETUP).code == 0


@pytest.mark.as_administrator("a pipeline may not restore what others own: that is refused first")
def test_a_deleted_registration_does_not_come_back_in_foreign_hands(
    mct: Program, azure: Sandbox, mallory: Member
) -> None:
    application = squat_client(azure, mallory)
    mallory.graph("DELETE", f"/applications/{application['id']}")
    ended = mct(*SETUP)
    assert (ended.code, ended.document["error"]["code"]) == (2, "registration-not-ours")
    assert azure.applications("S2S-client") == [], "it went back into the recycle bin"
    assert "deletedItems" in ended.document["error"]["remedy"]


@pytest.mark.as_administrator("a pipeline may not restore what others own: that is refused first")
def test_a_tag_of_a_deleted_registration_does_not_stand_for_its_name_once_it_is_back(
    mct: Program, azure: Sandbox, mallory: Member
) -> None:
    """Where the recycle bin shows no names, tags tell which of them may be ours."""
    azure.vary(deleted_without_unique_name=True)
    tags = [Tag.TRUST.of(SERVICE)]
    application: Json = mallory.graph(
        "POST", "/applications", json={"displayName": "S2S-client", "tags": tags}
    )
    body = {"appId": application["appId"]}
    application["principal"] = mallory.graph("POST", "/servicePrincipals", json=body)["id"]
    leave(azure, mallory, application)
    azure.graph("DELETE", f"/applications/{application['id']}")
    ended = mct(*SETUP)
    assert (ended.code, ended.document["error"]["code"]) == (2, "registration-not-ours")
    assert azure.applications("S2S-client") == [], "it went back into the recycle bin"


def test_our_deleted_client_comes_back_with_the_delivered_credential_alone(
    mct: Program, azure: Sandbox
) -> None:
    assert mct(*SETUP).code == 0
    (ours,) = azure.applications("S2S-client")
    (secret,) = ours["passwordCredentials"]
    azure.graph("POST", f"/applications/{ours['id']}/addPassword", json={})
    azure.graph("POST", f"/applications/{ours['id']}/federatedIdentityCredentials", json=FEDERATED)
    principal = azure.graph("GET", f"/servicePrincipals(appId='{ours['appId']}')")
    azure.graph("POST", f"/servicePrincipals/{principal['id']}/addPassword", json={})
    azure.graph("DELETE", f"/applications/{ours['id']}")
    ended = mct(*SETUP)
    assert ended.code == 0, ended.err
    (back,) = azure.applications("S2S-client")
    assert back["id"] == ours["id"]
    assert [credential["keyId"] for credential in back["passwordCredentials"]] == [secret["keyId"]]
    assert (
        azure.graph("GET", f"/applications/{ours['id']}/federatedIdentityCredentials")["value"]
        == []
    )
    again = azure.graph("GET", f"/servicePrincipals(appId='{ours['appId']}')")
    assert (again["passwordCredentials"], again["keyCredentials"]) == ([], [])
    azure.forget()
    assert mct(*SETUP).code == 0
    assert azure.writes() == []


@pytest.mark.as_administrator("it adopts what others own, which a pipeline may not change")
def test_a_squatted_client_is_adopted_by_its_app_id_and_the_plan_says_whose_it_is(
    mct: Program, azure: Sandbox, mallory: Member
) -> None:
    application = squat_client(azure, mallory)
    plan = mct("setup", "--client", application["appId"], "--dry-run")
    assert plan.code == 3
    line = next(line for line in plan.out.splitlines() if "adopt" in line.lower())
    assert application["appId"] in plan.out
    assert mallory.address in plan.out[plan.out.index(line) :]
    name = application["displayName"]
    rows = [line for line in plan.out.splitlines() if "+ admin consent" in line]
    assert [f"  {name}  " in row for row in rows] == [True], rows
    done = mct("setup", "--client", application["appId"], "-y")
    assert done.code == 0
    assert f"{name} can call" in done.out
    assert f"Granted admin consent for {name}" in done.err
    azure.forget()
    again = mct(*SETUP)
    assert (again.code, azure.writes()) == (0, []), "it is on the allow list now: nobody asks again"


@pytest.mark.parametrize("unique_name", [SERVICE, CLIENT], ids=["service", "client"])
@pytest.mark.as_administrator("a pipeline registers first and names afterwards, in two requests")
def test_a_name_that_is_squatted_during_the_run_is_refused_by_the_same_rule(
    mct: Program, azure: Sandbox, mallory: Member, inside: Inside, unique_name: str
) -> None:
    squatted: list[Json] = []

    async def squat(entry: Entry) -> None:
        if entry.method == "PATCH" and f"'{unique_name}'" in entry.path:
            inside.hooks.before.clear()
            squatted.append(await asyncio.to_thread(mallory.squat, unique_name, "S2S-client"))

    inside.hooks.before.append(squat)
    ended = mct(*SETUP)
    assert (ended.code, ended.document["error"]["code"]) == (1, "registration-not-ours")
    assert mallory.address in ended.document["error"]["message"]
    assert "Nothing was changed" not in ended.document["error"]["message"]
    assert "the request gave it this run's display name" in ended.document["error"]["message"]
    application = azure.graph("GET", f"/applications/{squatted[0]['id']}")
    assert application["passwordCredentials"] == []
    assert "ServiceApplicationIds" not in azure.settings()


OWN_TAGS: Json = {"tags": ["payroll"]}
OWN: Json = {
    "notes": "Ask Payroll.",
    "api": {"requestedAccessTokenVersion": 2},
    "appRoles": [],
    "requiredResourceAccess": [
        {
            "resourceAppId": "00000003-0000-0000-c000-000000000000",
            "resourceAccess": [{"id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "type": "Scope"}],
        }
    ],
}


@pytest.mark.parametrize(
    ("unique_name", "own"),
    [(SERVICE, {**OWN, **OWN_TAGS}), (CLIENT, OWN)],
    ids=["service", "client"],
)
@pytest.mark.as_administrator("a pipeline registers first and names afterwards, in two requests")
def test_an_upsert_writes_over_nothing_of_who_was_faster(
    mct: Program, azure: Sandbox, mallory: Member, inside: Inside, unique_name: str, own: Json
) -> None:
    """Graph updates what is there. A client's tags alone are in it: by them, a teardown finds what
    a run that is killed right after it has left.
    """
    squatted: list[Json] = []

    async def squat(entry: Entry) -> None:
        if entry.method == "PATCH" and f"'{unique_name}'" in entry.path:
            inside.hooks.before.clear()
            squatted.append(
                await asyncio.to_thread(lambda: mallory.squat(unique_name, "Payroll", **own))
            )

    inside.hooks.before.append(squat)
    assert mct(*SETUP).document["error"]["code"] == "registration-not-ours"
    after = azure.graph("GET", f"/applications/{squatted[0]['id']}")
    assert after["api"]["requestedAccessTokenVersion"] == 2
    kept = own.keys() - {"api"}
    assert {name: after[name] for name in kept} == {name: own[name] for name in kept}


@pytest.mark.parametrize("service", [True, False], ids=["service", "client"])
@pytest.mark.as_administrator("a pipeline may not restore what others own: that is refused first")
def test_a_deleted_service_principal_in_foreign_hands_does_not_come_back_alone(
    mct: Program, azure: Sandbox, mallory: Member, service: bool
) -> None:
    name = SERVICE if service else CLIENT
    application = mallory.squat(
        name, "S2S-client", signInAudience="AzureADMyOrg", api={"requestedAccessTokenVersion": 1}
    )
    mallory.graph("DELETE", f"/applications/{application['id']}/owners/{mallory.id}/$ref")
    mallory.graph("DELETE", f"/servicePrincipals/{application['principal']}")
    ended = mct(*SETUP)
    assert ended.code == 0, ended.out
    (ours,) = azure.graph(
        "GET", "/servicePrincipals", params={"$filter": f"appId eq '{application['appId']}'"}
    )["value"]
    assert ours["id"] != application["principal"]


@pytest.mark.as_administrator("a pipeline may not restore what others own: that is refused first")
def test_a_deleted_registration_whose_service_principal_is_in_foreign_hands_does_not_come_back(
    mct: Program, azure: Sandbox, mallory: Member
) -> None:
    application = squat_client(azure, mallory)
    mallory.graph("DELETE", f"/applications/{application['id']}/owners/{mallory.id}/$ref")
    mallory.graph("DELETE", f"/servicePrincipals/{application['principal']}")
    azure.graph("DELETE", f"/applications/{application['id']}")
    ended = mct(*SETUP)
    assert (ended.code, ended.document["error"]["code"]) == (2, "registration-not-ours"), ended.out
    assert azure.applications("S2S-client") == []


def leave(azure: Sandbox, owner: Member, application: Json) -> None:
    """The administrator owns it alone, as far as owners tell."""
    me = azure.graph("GET", f"/servicePrincipals(appId='{azure.environment['AZURE_CLIENT_ID']}')")[
        "id"
    ]
    for half, object_id in (
        ("applications", application["id"]),
        ("servicePrincipals", application["principal"]),
    ):
        reference = {"@odata.id": f"{azure.graph_url}/v1.0/directoryObjects/{me}"}
        owner.graph("POST", f"/{half}/{object_id}/owners/$ref", json=reference)
        owner.graph("DELETE", f"/{half}/{object_id}/owners/{owner.id}/$ref")


def test_a_slot_and_a_site_that_is_called_like_it_have_different_names() -> None:
    names = [
        service_unique_name("a", "staging"),
        service_unique_name("a-staging"),
        service_unique_name("a"),
        named_unique_name("a-staging"),
        named_unique_name("a"),
    ]
    assert len(set(names)) == len(names)


def test_two_app_services_of_one_name_do_not_share_a_service_application(
    mct: Program, azure: Sandbox
) -> None:
    assert mct(*SETUP).code == 0
    (ours,) = azure.applications("MCT service (contosolearn)")
    assert ours["notes"].endswith(SITE)
    elsewhere = ours["notes"].replace("mct-prod", "mct-test")
    azure.graph("PATCH", f"/applications/{ours['id']}", json={"notes": elsewhere})
    azure.write_settings(
        {name: value for name, value in azure.settings().items() if "ServiceAuth" not in name}
    )
    azure.forget()
    ended = mct(*SETUP)
    assert (ended.code, ended.document["error"]["code"]) == (2, "service-application-not-ours")
    assert azure.writes() == []
    assert mct(*SETUP, "--service-app", ours["appId"]).code == 0, "named, it may be shared"


@pytest.mark.parametrize("slot", [(), ("--slot", "staging")])
def test_the_note_of_a_shared_service_application_is_written_once(
    mct: Program, azure: Sandbox, slot: tuple[str, ...]
) -> None:
    named = ("--service-name", "Shared", "--no-app-service", "--no-consent", "--client", "A", "-y")
    assert mct("setup", *named, "-o", "json").code == 0
    assert mct(*SETUP, *slot).code == 0
    azure.forget()
    assert mct(*SETUP, *slot).code == 0
    assert azure.writes() == []
