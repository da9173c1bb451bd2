"""Whatever somebody writes who is no administrator, an administrator's run harms at most that one's
own App Service.

Attackers: a member of the tenant, who registers applications under names that can be computed,
gives them what he likes, assigns their roles and removes himself; the Website Contributor of one
App Service; the owner of an API that several App Services use. Each test ends with what an honest
administrator does. He is a person, of whom nothing tells what he has created but this machine, or a
program, of which the directory tells it.
"""

import asyncio
import re
import shlex
from pathlib import Path

import pytest
from mct_s2s.model.ids import (
    Tag,
    client_unique_name,
    new_app_role_id,
    secret_name,
    service_unique_name,
)
from mct_s2s.sandbox.observability.exchange import Entry
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program, alone, saved_to, values_in
from tests.conftest import FUNCTION_APP, JSON, SITE, Json, Sandbox
from tests.security.conftest import Contributor, Member
from tests.security.staging import (
    GRAPH_ACCESS,
    OWN,
    ROLE_ID,
    SITE_B,
    A,
    B,
    add_owner,
    as_printed,
    assign,
    disown,
    is_refused,
    listed,
    once_owned,
    planted_service,
    register,
    role,
    secrets,
)
from tests.support.by_hand import Hand
from tests.support.least_caller import READ
from tests.support.sandbox_inside import Inside

# A service application that somebody made under our name


@pytest.mark.parametrize(
    "words",
    [
        ("setup", "--client", "Course export"),
        ("setup",),
        ("setup", "--no-app-service"),
        ("configure-appservice",),
    ],
)
def test_a_planted_service_application_whose_role_is_assigned_to_others_is_refused(
    admin: Program, azure: Sandbox, rob: Member, adele: Member, words: tuple[str, ...]
) -> None:
    mine, payroll = (
        register(rob, "Course export", days=300),
        register(adele, "Payroll production", days=10),
    )
    planted = planted_service(azure, rob, mine, payroll)
    disown(rob, planted)
    azure.forget()
    error = is_refused(admin(*words, *A, *JSON), azure, "registration-not-ours")
    assert "Course export" in error["message"]
    assert f"--service-app {planted['appId']}" in error["remedy"]
    assert admin("rotate-secret", "--expiring-within", "31d", *A, *JSON).code == 0
    assert (secrets(azure, payroll), azure.writes()) == (1, [])
    setup = ("setup", "--client", "Course export", *A, *JSON)
    assert "app delete" not in error["remedy"], "it may be another team's API"
    azure.graph("DELETE", f"/applications/{planted['id']}")
    still_named = admin(*setup)  # it is in the recycle bin, and comes back with what it grants
    assert still_named.document["error"]["code"] == "registration-not-ours"
    as_printed(azure, still_named.document["error"])
    set_up = admin(*setup)
    assert set_up.code == 0, set_up.out
    assert mine["appId"] not in listed(azure)
    assert azure.call_as(values_in(saved_to(set_up))) == 200


@pytest.mark.parametrize(
    "words",
    [
        ("status", "-o", "json"),
        ("doctor", "-o", "json"),
        ("add-client", "Export", *JSON),
        ("rotate-secret", "S2S-client", *JSON),
        ("teardown", *JSON),
    ],
    ids=lambda words: words[0],
)
def test_nothing_offers_a_registration_of_our_name_beside_an_api_that_was_made_by_hand(
    admin: Program, azure: Sandbox, rob: Member, words: tuple[str, ...]
) -> None:
    """Its roles may be assigned to clients of his, which adopting it would put onto the list."""
    hand = Hand(azure).step_1().step_2().step_3()
    planted = planted_service(azure, rob, register(rob, "Course sync", days=300))
    disown(rob, planted)
    done = admin(*words, *A)
    assert hand.service.app_id in done.out, done
    assert planted["appId"] not in done.out + done.err


CONTENT: dict[str, Json] = {
    "redirect URIs": {"web": {"redirectUris": ["https://rob.example/cb"]}},
    "a public client": {"isFallbackPublicClient": True},
    "an audience of others": {"signInAudience": "AzureADMultipleOrgs"},
    "permissions": {"requiredResourceAccess": [GRAPH_ACCESS]},
}


@pytest.mark.parametrize("content", CONTENT.values(), ids=CONTENT.keys())
@pytest.mark.parametrize("half", ["service", "client"])
def test_a_planted_registration_with_content_of_its_own_is_refused(
    admin: Program, azure: Sandbox, rob: Member, content: Json, half: str
) -> None:
    name = OWN if half == "service" else client_unique_name(OWN, "Import")
    planted = rob.squat(name, "Import", **{"signInAudience": "AzureADMyOrg", **content})
    disown(rob, planted)
    azure.forget()
    setup = ("setup", "--client", "Import", *A, *JSON)
    is_refused(admin(*setup), azure, "registration-not-ours")
    # Without consent, it would leave others a link that grants all of it.
    ended = admin(*setup, "--no-consent")
    error = is_refused(ended, azure, "registration-not-ours")
    assert "adminconsent" not in ended.out
    assert next(iter(content)) in error["message"]
    assert "app delete" not in error["remedy"], "people may sign in by it"
    azure.graph("DELETE", f"/applications/{planted['id']}")
    set_up = admin(*setup)
    if set_up.code != 0:  # deleted, it would come back as it was: it is purged, too
        as_printed(azure, set_up.document["error"])
        set_up = admin(*setup)
    assert azure.call_as(values_in(saved_to(set_up))) == 200


def test_a_planted_registration_that_nobody_touched_is_taken_up(
    admin: Program, azure: Sandbox, rob: Member
) -> None:
    for name in (OWN, client_unique_name(OWN, "Import")):
        disown(rob, rob.squat(name, "Import", signInAudience="AzureADMyOrg"))
    setup = admin("setup", "--client", "Import", *A, *JSON)
    assert setup.code == 0, setup.out
    assert azure.call_as(values_in(saved_to(setup))) == 200


def test_a_contributor_who_owns_the_service_application_lets_in_no_one_else_and_gets_no_secret(
    admin: Program, azure: Sandbox, rob: Member, adele: Member, contributor: Contributor
) -> None:
    """Two words of one person who harms his own App Service, and no one's registration."""
    payroll = register(adele, "Payroll production", days=10)
    planted = planted_service(azure, rob, payroll)
    contributor.write(ServiceAuthAudience=f"api://{planted['appId']}")
    azure.forget()
    plan = admin("setup", "--client", "Import", "--dry-run", *A)
    assert f"is also owned by {rob.address}" in " ".join(plan.out.split())
    assert admin("setup", "--client", "Import", "--no-verify", *A, *JSON).code == 0
    done = admin("configure-appservice", *A, *JSON)
    assert done.code == 0, done.out
    assert payroll["appId"] not in listed(azure)
    assert [
        note["command"] for note in done.document["notes"] if "Payroll production" in note["text"]
    ] == [f"mct-s2s configure-appservice --application-id {payroll['appId']} {note_where(done)}"]
    assert admin("rotate-secret", "--expiring-within", "31d", *A, *JSON).code == 0
    contributor.lists(payroll["appId"])
    assert admin("rotate-secret", "--expiring-within", "31d", *A, *JSON).code == 3, (
        "left alone, and said"
    )
    assert secrets(azure, payroll) == 1
    for words in (("rotate-secret",), ("add-client",), ("setup", "--client")):
        refused = admin(*words, "Payroll production", *A, *JSON)
        assert (refused.code, refused.document["error"]["code"]) == (2, "registration-not-ours")
    named = admin("rotate-secret", payroll["appId"], *A, *JSON)
    assert (named.code, secrets(azure, payroll)) == (0, 2), "the operator's own word"


def note_where(done: Ended) -> str:
    """The options that name the App Service, as its own remedies have them."""
    command: str = next(note["command"] for note in done.document["notes"] if note["command"])
    return command[command.index("-a ") :]


# Two App Services that use one API


@pytest.fixture
def api(azure: Sandbox) -> Json:
    """Made by hand, with an older client that neither App Service lists."""
    body = {"displayName": "MCT API", "signInAudience": "AzureADMyOrg", "appRoles": [role()]}
    application: Json = azure.graph("POST", "/applications", json=body)
    application["principal"] = azure.graph(
        "POST", "/servicePrincipals", json={"appId": application["appId"]}
    )["id"]
    client = azure.graph(
        "POST",
        "/applications",
        json={"displayName": "Old importer", "signInAudience": "AzureADMyOrg"},
    )
    principal = azure.graph("POST", "/servicePrincipals", json={"appId": client["appId"]})["id"]
    body = {"principalId": principal, "resourceId": application["principal"], "appRoleId": ROLE_ID}
    azure.graph(
        "POST", f"/servicePrincipals/{application['principal']}/appRoleAssignedTo", json=body
    )
    return application


def holders(azure: Sandbox, service: Json) -> set[str]:
    rows = azure.graph("GET", f"/servicePrincipals(appId='{service['appId']}')/appRoleAssignedTo")[
        "value"
    ]
    return {row["principalDisplayName"] for row in rows}


def shared(admin: Program, azure: Sandbox, service: Json) -> Ended:
    """Site B uses the API, too; its setup."""
    azure.add_site(name="site-b", group="rg-b")
    setup = admin(
        "setup", *B, "--service-app", service["appId"], "--client", "Learner import", *JSON
    )
    assert setup.code == 0, setup.out
    return setup


@pytest.mark.parametrize("whose", ["made by hand", "made for A"])
def test_two_app_services_that_use_one_api_take_nothing_from_each_other(
    admin: Program, azure: Sandbox, api: Json, tmp_path: Path, whose: str
) -> None:
    adopting = ("--service-app", api["appId"]) if whose == "made by hand" else ()
    assert (
        admin("setup", *A, *adopting, "--client", "Export", "--secret-lifetime", "20d", *JSON).code
        == 0
    )
    service = api if adopting else azure.applications("MCT service (contosolearn)")[0]
    theirs = values_in(saved_to(shared(admin, azure, service)))
    (importer,) = azure.applications("Learner import")
    assert importer["uniqueName"].startswith(f"{service_unique_name('site-b')}."), (
        "named after its App Service"
    )
    before = secrets(azure, importer)
    file = tmp_path / "trust.toml"
    file.write_text(
        "[sites.contosolearn]\n"
        + (f'service-app = "{api["appId"]}"\n' if adopting else "")
        + '[[sites.contosolearn.clients]]\nname = "Export"\n'
    )
    commands: list[tuple[str, ...]] = [
        ("rotate-secret", *A, "--expiring-within", "400d", "--secret-lifetime", "2y"),
        ("configure-appservice", *A),
        ("apply", "-f", str(file), "--prune", "--allow-removals"),
    ]
    for words in commands:
        done = admin(*words, *JSON)
        assert done.code == 0, (words, done.out)
    for words in (("remove-client", "Learner import", *A), ("rotate-secret", "Learner import", *A)):
        assert admin(*words, *JSON).code == 2, words
    assert importer["appId"] not in listed(azure)
    held = holders(azure, service)
    teardown = admin("teardown", *A, *adopting, *JSON)
    assert teardown.code == 0, teardown.out
    assert holders(azure, service) == held - {"Export"}
    assert (secrets(azure, importer), azure.applications("Export")) == (before, [])
    assert azure.call_as(theirs) == azure_of_b(azure, theirs)
    kept = next(
        change
        for change in teardown.document["changes"]
        if change["resource"] == "service application"
    )
    assert kept["detail"].startswith("kept: ")
    if not adopting:
        assert "'Learner import'" in kept["detail"]


def test_who_holds_the_role_of_a_shared_api_is_no_client_of_every_app_service_that_uses_it(
    admin: Program, azure: Sandbox
) -> None:
    """It is on no list of this one, and cannot call it: neither counted nor renewed here."""
    assert admin("setup", *A, "--client", "Export", *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    shared(admin, azure, service)
    (importer,) = azure.applications("Learner import")
    assert admin("status", *A).out.startswith("1 of 1 client can call contosolearn.")
    seen = admin("status", *A, "-o", "json").document
    assert {row["displayName"]: (row["allowed"], row["canCall"]) for row in seen["clients"]} == {
        "Export": (True, True),
        "Learner import": (False, False),
    }
    (finding,) = seen["findings"]
    assert (finding["subject"], finding["severity"]) == ("Learner import", "note")
    for words in (("status", "-o", "csv"), ("verify",)):
        done = admin(*words, *A)
        assert (done.code, f"rotate-secret {importer['appId']}" in done.out) == (0, False)
    checks = admin("verify", *A, "-o", "json").document["checks"]
    assert {row.get("client") for row in checks} == {None, "Export"}


def azure_of_b(azure: Sandbox, values: dict[str, str]) -> int:
    """What site B answers to its client; it has to be a success."""
    token = azure.token_of(values).json()["access_token"]
    assert azure.call_site(token, values["MCT_S2S_URL"]) == 200
    return azure.call_site(token)


def test_a_contributor_who_lists_another_sites_client_cuts_no_one_off(
    admin: Program, azure: Sandbox, contributor: Contributor, tmp_path: Path
) -> None:
    """A uses the service application of B, and lists B's client: it is not rotated, and pruned or
    torn down, it only leaves the list.
    """
    azure.add_site(name="site-b", group="rg-b")
    setup = admin("setup", *B, "--client", "Learner import", *JSON)
    (service,) = azure.applications("MCT service (site-b)")
    (importer,) = azure.applications("Learner import")
    its_own = {
        name: importer[name] for name in ("tags", "requiredResourceAccess", "passwordCredentials")
    }
    adopting = ("--service-app", service["appId"])
    assert admin("setup", *A, *adopting, "--client", "Export", *JSON).code == 0
    file = tmp_path / "trust.toml"
    file.write_text(
        "[sites.contosolearn]\nservice-app = "
        f'"{service["appId"]}"\n[[sites.contosolearn.clients]]\nname = "Export"\n'
    )
    rotate = ("rotate-secret", "--expiring-within", "400d", "--secret-lifetime", "2y")
    for words, is_left in (
        ((*rotate, "--secret-to", f"keyvault:{seed.VAULT}", *A, *adopting), True),
        (("configure-appservice", *A, *adopting), True),
        (("apply", "-f", str(file), "--prune", "--allow-removals"), False),
        (("teardown", *A, *adopting), False),
    ):
        contributor.lists(importer["appId"])
        done = admin(*words, *JSON)
        assert done.code == (3 if words[0] == "rotate-secret" else 0), done.out
        assert (importer["appId"] in listed(azure)) is is_left
        (after,) = azure.applications("Learner import")
        assert {name: sorted(map(str, after[name])) for name in its_own} == {
            name: sorted(map(str, value)) for name, value in its_own.items()
        }
        assert "Learner import" in holders(azure, service)
        azure_of_b(azure, values_in(saved_to(setup)))


def test_a_service_application_of_another_app_service_is_not_deleted_even_if_it_is_named(
    admin: Program, azure: Sandbox
) -> None:
    azure.add_site(name="site-b", group="rg-b")
    assert admin("setup", *B, *JSON).code == 0
    (service,) = azure.applications("MCT service (site-b)")
    assert admin("setup", *A, "--service-app", service["appId"], *JSON).code == 0
    done = admin("teardown", *A, "--service-app", service["appId"], "--delete-adopted", *JSON)
    assert done.code == 0, done.out
    assert [application["id"] for application in azure.applications("MCT service (site-b)")] == [
        service["id"]
    ]


# What only looks like ours


def test_no_registration_is_taken_for_a_left_over_by_what_its_owner_wrote(
    mct: Program, azure: Sandbox, rob: Member
) -> None:
    """The caller may change only what it owns, as a pipeline should; Rob made it the owner of his
    registration.
    """
    azure.forget()
    owned = (
        "Application.ReadWrite.OwnedBy",
        "AppRoleAssignment.ReadWrite.All",
        "Organization.Read.All",
    )
    pipeline = azure.caller(*owned, "Application.Read.All", arm=[("Owner", SITE)])
    name = client_unique_name(OWN, "Course sync")
    planted = register(rob, "Course sync", tags=[Tag.NAME.of(name)])
    body = {"passwordCredential": {"displayName": "mct-s2s 2026-11-30 deadbeef"}}
    rob.graph("POST", f"/applications/{planted['id']}/addPassword", json=body)
    me = azure.graph("GET", f"/servicePrincipals(appId='{pipeline['AZURE_CLIENT_ID']}')")["id"]
    for half in (f"applications/{planted['id']}", f"servicePrincipals/{planted['principal']}"):
        reference = {"@odata.id": f"{azure.graph_url}/v1.0/directoryObjects/{me}"}
        rob.graph("POST", f"/{half}/owners/$ref", json=reference)
    disown(rob, planted)
    setup = mct("setup", "--client", "Course sync", *A, *JSON, env=pipeline)
    assert setup.code == 0, setup.out
    assert planted["appId"] not in listed(azure)
    assert azure.call_as(values_in(saved_to(setup))) == 200


@pytest.mark.parametrize(
    "unique_name", [OWN, client_unique_name(OWN, "Import")], ids=["service", "client"]
)
def test_what_is_registered_between_reading_and_creating_is_not_believed(
    admin: Program, azure: Sandbox, rob: Member, inside: Inside, unique_name: str
) -> None:
    """It is as young as the run, its credential is called like ours, and no one owns it any
    more.
    """
    planted: list[Json] = []

    def plant() -> None:
        application = rob.squat(unique_name, "Import", signInAudience="AzureADMyOrg")
        body = {"passwordCredential": {"displayName": "mct-s2s 2026-11-30 deadbeef"}}
        rob.graph("POST", f"/applications/{application['id']}/addPassword", json=body)
        disown(rob, application)
        planted.append(application)

    async def faster(entry: Entry) -> None:
        if entry.method == "PATCH" and f"'{unique_name}'" in entry.path:
            inside.hooks.before.clear()
            await asyncio.to_thread(plant)

    inside.hooks.before.append(faster)
    ended = admin("setup", "--client", "Import", *A, *JSON)
    inside.leave_alone()
    assert ended.code in {1, 2}, ended.out
    assert ended.document["error"]["code"] == "registration-not-ours"
    (application,) = planted
    assert application["appId"] not in listed(azure)
    assert (
        azure.graph("GET", f"/servicePrincipals/{application['principal']}/appRoleAssignments")[
            "value"
        ]
        == []
    )
    assert secrets(azure, application) == 1
    azure.graph("DELETE", f"/applications/{application['id']}")
    azure.graph("DELETE", f"/directory/deletedItems/{application['id']}")
    again = admin("setup", "--client", "Import", *A, *JSON)
    assert again.code == 0, again.out
    assert azure.call_as(values_in(saved_to(again))) == 200


@pytest.mark.parametrize(
    "unique_name", [OWN, client_unique_name(OWN, "Import")], ids=["service", "client"]
)
def test_what_was_deleted_just_before_is_not_restored_into_foreign_hands(
    admin: Program, azure: Sandbox, rob: Member, inside: Inside, unique_name: str
) -> None:
    """The recycle bin shows nothing at planning, and it is only found when its name turns out to be
    taken.
    """
    planted: list[Json] = []

    def plant() -> None:
        application = rob.squat(unique_name, "Import", signInAudience="AzureADMyOrg")
        rob.graph("DELETE", f"/applications/{application['id']}")
        planted.append(application)

    async def faster(entry: Entry) -> None:
        if entry.method == "PATCH" and f"'{unique_name}'" in entry.path:
            inside.hooks.before.clear()
            await asyncio.to_thread(plant)

    inside.hooks.before.append(faster)
    ended = admin("setup", "--client", "Import", *A, *JSON)
    inside.leave_alone()
    assert ended.code in {1, 2}, ended.out
    assert ended.document["error"]["code"] == "registration-not-ours"
    assert rob.address in ended.document["error"]["message"]
    (application,) = planted
    deleted = azure.graph("GET", "/directory/deletedItems/microsoft.graph.application")["value"]
    assert [application["id"] for application in deleted] == [application["id"]], "it went back"
    assert application["appId"] not in listed(azure)
    azure.graph("DELETE", f"/directory/deletedItems/{application['id']}")
    assert admin("setup", "--client", "Import", *A, *JSON).code == 0


def test_a_restored_service_application_brings_no_one_along(
    admin: Program, azure: Sandbox, rob: Member
) -> None:
    """Its assignments come back with it: the recycle bin does not show them."""
    mine = register(rob, "Course export", days=300)
    planted = planted_service(azure, rob, mine)
    disown(rob, planted)
    azure.graph("DELETE", f"/applications/{planted['id']}")
    ended = admin("setup", "--client", "Import", *A, *JSON)
    assert ended.code in {1, 2}, ended.out
    assert "its app roles are assigned to Course export" in ended.document["error"]["message"]
    assert azure.applications("MCT service (contosolearn)") == []
    assert "ServiceAuthAudience" not in azure.settings()


@pytest.mark.parametrize(
    "words", [("remove-client",), ("rotate-secret",), ("rotate-secret", "--remove-old")]
)
@pytest.mark.parametrize("typed", ["import", "Import"])
def test_a_name_that_a_caller_has_means_no_registration_that_anyone_made_beside_it(
    typed: str, words: tuple[str, ...], admin: Program, azure: Sandbox, rob: Member, adele: Member
) -> None:
    """It would be removed or rotated, and the command report success for the wrong one."""
    if typed == "import":
        assert admin("setup", "--client", "Import", *A, *JSON).code == 0
        (real,) = azure.applications("Import")
    else:
        assert admin("setup", *A, *JSON).code == 0
        real = register(adele, "Import", days=300)
        added = admin("add-client", real["appId"], "--credential", "none", *A, *JSON)
        assert added.code == 0, added.out
    planted = rob.squat(client_unique_name(OWN, typed), "Import", signInAudience="AzureADMyOrg")
    disown(rob, planted)
    command, *options = words
    azure.forget()
    is_refused(admin(command, typed, *options, *A, *JSON), azure, "client-ambiguous")
    assert admin("remove-client", real["appId"], *A, *JSON).code == 0
    assert real["appId"] not in listed(azure)


def test_a_prune_keeps_the_caller_of_a_name_in_the_file_also_where_anyone_made_another(
    admin: Program, azure: Sandbox, rob: Member, adele: Member, tmp_path: Path
) -> None:
    assert admin("setup", *A, *JSON).code == 0
    real = register(adele, "Import", days=300)
    assert admin("add-client", real["appId"], "--credential", "none", *A, *JSON).code == 0
    client = '[[sites.contosolearn.clients]]\nname = "Import"\ncredential = "none"\n'
    (tmp_path / "trust.toml").write_text(f"[sites.contosolearn]\n{client}")
    planted = rob.squat(client_unique_name(OWN, "Import"), "Import", signInAudience="AzureADMyOrg")
    disown(rob, planted)
    file = ("-f", str(tmp_path / "trust.toml"))
    ended = admin("apply", *file, "--prune", "--allow-removals", "-y")
    assert ended.code == 2, ended.out
    assert real["appId"] in listed(azure)
    assert planted["appId"] not in listed(azure)


def test_a_client_that_is_left_alone_gets_no_write_at_all(
    admin: Program, azure: Sandbox, rob: Member, tmp_path: Path
) -> None:
    """Whether a registration was deleted is tried by a write: of one that is believed alone."""
    assert admin("setup", "--client", "Import", "--secret-lifetime", "20d", *A, *JSON).code == 0
    content = {"signInAudience": "AzureADMyOrg", "requiredResourceAccess": [GRAPH_ACCESS]}
    planted = rob.squat(client_unique_name(OWN, "Payroll"), "Payroll", **content)
    disown(rob, planted)
    clients = "".join(
        f'[[sites.contosolearn.clients]]\nname = "{name}"\n' for name in ("Import", "Payroll")
    )
    (tmp_path / "trust.toml").write_text(f"[sites.contosolearn]\n{clients}")
    azure.forget()
    file = ("-f", str(tmp_path / "trust.toml"))
    ended = admin("rotate-secret", *file, "--expiring-within", "31d", *JSON)
    assert "Payroll" in ended.out, ended.out
    assert [
        row["path"] for row in azure.log() if row["wrote"] and planted["id"] in row["path"]
    ] == []
    assert [row for row in azure.log() if "addPassword" in row["path"]], "the other one is rotated"


def test_the_tags_of_a_vault_speak_for_no_registration(
    admin: Program, azure: Sandbox, rob: Member
) -> None:
    planted = rob.squat(client_unique_name(OWN, "Import"), "Import", signInAudience="AzureADMyOrg")
    added = rob.graph("POST", f"/applications/{planted['id']}/addPassword", json={})
    disown(rob, planted)
    tags = {
        "made-by": "mct-s2s",
        "appId": planted["appId"],
        "keyId": added["keyId"],
        "client": "Import",
    }
    name = secret_name("contosolearn", "Import")
    assert azure.vault("PUT", f"/secrets/{name}", json={"value": "x", "tags": tags}).is_success
    azure.forget()
    words = ("setup", "--client", "Import", "--secret-to", f"keyvault:{seed.VAULT}", *A, *JSON)
    error = is_refused(admin(*words), azure, "registration-not-ours")
    assert "app delete" not in error["remedy"], "it may be another team's client"
    azure.graph("DELETE", f"/applications/{planted['id']}")
    azure.forget()
    is_refused(admin(*words), azure, "registration-not-ours")


# What two words of one person, who owned an API once and may write the settings, never cause


def test_a_former_owner_of_an_api_makes_no_run_change_the_tokens_of_its_callers(
    admin: Program, azure: Sandbox, rob: Member, adele: Member, contributor: Contributor
) -> None:
    theirs = register(adele, "Payroll API", api={"requestedAccessTokenVersion": 2})
    reference = {"@odata.id": f"{azure.graph_url}/v1.0/directoryObjects/{rob.id}"}
    adele.graph("POST", f"/applications/{theirs['id']}/owners/$ref", json=reference)
    rob.graph("PATCH", f"/applications/{theirs['id']}", json={"uniqueName": OWN})
    adele.graph("DELETE", f"/applications/{theirs['id']}/owners/{rob.id}/$ref")
    contributor.write(ServiceAuthAudience=f"api://{theirs['appId']}")
    azure.forget()
    for words in (("setup",), ("setup", "--client", "Import"), ("add-client", "Import")):
        error = is_refused(admin(*words, *A, *JSON), azure, "token-version-not-confirmed")
        assert f"--service-app {theirs['appId']}" in error["remedy"]
    assert admin("configure-appservice", *A, *JSON).code == 0
    assert (
        azure.graph("GET", f"/applications/{theirs['id']}")["api"]["requestedAccessTokenVersion"]
        == 2
    )
    assert admin("setup", "--service-app", theirs["appId"], *A, *JSON).code == 0, (
        "the operator's own word"
    )
    assert (
        azure.graph("GET", f"/applications/{theirs['id']}")["api"]["requestedAccessTokenVersion"]
        == 1
    )


def test_a_former_owner_makes_no_teardown_delete_what_another_team_signs_in_as(
    admin: Program, azure: Sandbox, rob: Member, adele: Member, contributor: Contributor
) -> None:
    theirs = register(adele, "Payroll nightly", days=300)
    reference = {"@odata.id": f"{azure.graph_url}/v1.0/directoryObjects/{rob.id}"}
    adele.graph("POST", f"/applications/{theirs['id']}/owners/$ref", json=reference)
    rob.graph("PATCH", f"/applications/{theirs['id']}", json={"uniqueName": OWN})
    adele.graph("DELETE", f"/applications/{theirs['id']}/owners/{rob.id}/$ref")
    contributor.write(ServiceAuthAudience=f"api://{theirs['appId']}")
    done = admin("teardown", *A, *JSON)
    kept = next(
        change for change in done.document["changes"] if change["resource"] == "service application"
    )
    assert (done.code, kept["action"]) == (0, "none"), done.out
    assert "kept: it has settings that mct-s2s does not make (credentials)" in kept["detail"]
    assert secrets(azure, theirs) == 1


@pytest.mark.parametrize("uri", ["api://{old}", "api://{tenant}/mct"])
def test_who_registers_the_uri_of_an_api_that_is_gone_gets_no_one_in(
    admin: Program, azure: Sandbox, rob: Member, uri: str
) -> None:
    """The settings still name it.

    Its `uniqueName` is free, too, and so are those of its clients.
    """
    assert admin("setup", "--client", "Import", *A, *JSON).code == 0
    (application,) = azure.applications("MCT service (contosolearn)")
    uri = uri.format(old=application["appId"], tenant=azure.tenant_id)
    azure.write_settings({**azure.settings(), "ServiceAuthAudience": uri})
    azure.graph("DELETE", f"/applications/{application['id']}")
    azure.graph("DELETE", f"/directory/deletedItems/{application['id']}")
    role_id = new_app_role_id(azure.tenant_id, OWN, "S2SAppRole")
    service = rob.squat(OWN, "MCT service", signInAudience="AzureADMyOrg", appRoles=[role(role_id)])
    version = (
        2 if application["appId"] in uri else 1
    )  # one that asks for v2 tokens may take any free URI
    body = {"api": {"requestedAccessTokenVersion": version}, "identifierUris": [uri]}
    rob.graph("PATCH", f"/applications/{service['id']}", json=body)
    client = rob.squat(client_unique_name(OWN, "Nightly"), "Nightly", signInAudience="AzureADMyOrg")
    rob.graph("POST", f"/applications/{client['id']}/addPassword", json={})
    assign(rob, service, client, role_id)
    disown(rob, service)
    disown(rob, client)
    assert admin("configure-appservice", *A, *JSON).code == 0
    assert client["appId"] not in listed(azure)
    assert admin("setup", "--client", "Import", "--no-verify", *A, *JSON).code == (
        2 if version == 2 else 0
    )
    assert client["appId"] not in listed(azure)


def test_who_plants_a_tag_and_lists_an_identity_has_no_one_disable_it(
    admin: Program, azure: Sandbox, rob: Member, contributor: Contributor
) -> None:
    """Another team's, which nothing here shows all uses of."""
    portal = FUNCTION_APP.replace("reports-func", "partner-portal")
    enabled = {"identity": {"type": "SystemAssigned"}}
    theirs = azure.arm("PATCH", portal, json=enabled)["identity"]["principalId"]
    tags = [f"mct-s2s:identity:{portal}"]
    disown(rob, rob.squat(OWN, "MCT service", signInAudience="AzureADMyOrg", tags=tags))
    assert admin("setup", "--client", "Import", *A, *JSON).code == 0
    contributor.write(ServiceObjectIds=theirs)
    done = admin("teardown", *A, *JSON)
    assert done.code == 0, done.out
    assert azure.arm("GET", portal)["identity"]["principalId"] == theirs
    (command,) = [
        note["command"] for note in done.document["notes"] if "stays enabled" in note["text"]
    ]
    assert command.startswith("az webapp identity remove ")
    assert "ServiceObjectIds" not in azure.settings()


# What a list, or a file made of it, never grants


def test_an_exported_file_names_no_one_whom_only_the_list_names(
    admin: Program, azure: Sandbox, adele: Member, contributor: Contributor, tmp_path: Path
) -> None:
    archive = register(adele, "Invoice archive", days=10)
    assert admin("setup", "--client", "Export", *A, *JSON).code == 0
    contributor.lists(archive["appId"])
    text = admin("export", *A).out
    assert (
        f"# 'Invoice archive' ({archive['appId']}): mct-s2s did not create it for this App "
        "Service, and it is "
    ) in text
    assert f"owned by {adele.address}" in text
    assert f'\nname = "{archive["appId"]}"' not in text
    file = tmp_path / "trust.toml"
    file.write_text(text)
    assert admin("apply", "-f", str(file), *JSON).code == 0
    assert admin("rotate-secret", "-f", str(file), "--expiring-within", "31d", *JSON).code == 0
    assert azure.graph("GET", f"/applications/{archive['id']}")["requiredResourceAccess"] == []
    assert secrets(azure, archive) == 1


def test_status_says_whose_a_merely_listed_client_is_and_advises_to_remove_it(
    admin: Program, azure: Sandbox, adele: Member, contributor: Contributor
) -> None:
    archive = register(adele, "Invoice archive", days=10)
    assert admin("setup", "--client", "Export", *A, *JSON).code == 0
    contributor.lists(archive["appId"])
    findings = [
        finding
        for finding in admin("status", *A, "-o", "json").document["findings"]
        if finding["subject"] == "Invoice archive"
    ]
    assert {finding["code"] for finding in findings} == {"client-not-consented", "secret-expiring"}
    assert {finding["remedy"].partition(" -a ")[0] for finding in findings} == {
        f"mct-s2s remove-client {archive['appId']}"
    }
    assert any(adele.address in finding["message"] for finding in findings)
    assert admin("remove-client", archive["appId"], *A, *JSON).code == 0
    assert azure.applications("Invoice archive")


@pytest.mark.parametrize("named", ["by its ID", "by its name"])
def test_the_plan_says_that_a_role_of_a_shared_api_goes_everywhere(
    admin: Program, azure: Sandbox, api: Json, named: str
) -> None:
    """Of who was not made for the App Service.

    By its name, a managed identity only leaves the list.
    """
    body = {"displayName": "Portal", "signInAudience": "AzureADMyOrg"}
    portal = azure.graph("POST", "/applications", json=body)
    portal["principal"] = azure.graph(
        "POST", "/servicePrincipals", json={"appId": portal["appId"]}
    )["id"]
    adopting = (
        "--service-app",
        api["appId"],
        "--managed-identity",
        "reports-func",
        "--client",
        portal["appId"],
    )
    assert admin("setup", *A, *adopting, "--no-verify", *JSON).code == 0
    identity = str(azure.settings()["ServiceObjectIds"])
    body = {"principalId": identity, "resourceId": api["principal"], "appRoleId": ROLE_ID}
    azure.graph("POST", f"/servicePrincipals/{api['principal']}/appRoleAssignedTo", json=body)
    name, by_id = ("reports-func", False) if named == "by its name" else (identity, True)
    done = admin("remove-client", name, *A, *JSON)
    assert (done.code, "reports-func" in holders(azure, api)) == (0, not by_id)
    assert ("loses the app role of 'MCT API' at every App Service" in done.out) is by_id
    dry = admin("remove-client", portal["appId"], *A, "--dry-run")
    assert "'Portal' loses the app role of 'MCT API' at every App Service" in " ".join(
        (dry.out + dry.err).split()
    )


@pytest.mark.parametrize(
    "unique_name", [OWN, client_unique_name(OWN, "Import")], ids=["service", "client"]
)
def test_a_service_principal_that_was_planted_disabled_is_said_with_its_remedy(
    admin: Program, azure: Sandbox, rob: Member, unique_name: str
) -> None:
    """No one can sign in until it is enabled: nothing is harmed, but it should not take a
    search.
    """
    planted = rob.squat(unique_name, "Import", signInAudience="AzureADMyOrg")
    rob.graph("PATCH", f"/servicePrincipals/{planted['principal']}", json={"accountEnabled": False})
    disown(rob, planted)
    done = admin("setup", "--client", "Import", "--no-verify", *A, *JSON)
    assert done.code == 0, done.out
    (note,) = [note for note in done.document["notes"] if "is disabled" in note["text"]]
    assert note["command"] == f"az ad sp update --id {planted['appId']} --set accountEnabled=true"


# Who is said to own what


def test_an_application_that_is_called_like_a_person_is_not_taken_for_one(
    admin: Program, azure: Sandbox, rob: Member, adele: Member
) -> None:
    """Its owner chooses its display name."""
    robot = register(rob, adele.address)
    planted = rob.squat(client_unique_name(OWN, "Import"), "Import", signInAudience="AzureADMyOrg")
    reference = {"@odata.id": f"{azure.graph_url}/v1.0/directoryObjects/{robot['principal']}"}
    rob.graph("POST", f"/applications/{planted['id']}/owners/$ref", json=reference)
    disown(rob, planted)
    azure.forget()
    error = is_refused(
        admin("setup", "--client", "Import", *A, *JSON), azure, "registration-not-ours"
    )
    assert f"it is owned by '{adele.address}' (appId {robot['appId']})" in error["message"]


# What is printed for others


@pytest.mark.parametrize("asks_for_more", [True, False])
def test_a_consent_link_is_printed_only_for_a_registration_that_asks_for_this_apis_role_alone(
    admin: Program, azure: Sandbox, asks_for_more: bool
) -> None:
    assert admin("setup", *A, *JSON).code == 0
    access = [GRAPH_ACCESS] if asks_for_more else []
    body = {
        "displayName": "Portal",
        "signInAudience": "AzureADMyOrg",
        "requiredResourceAccess": access,
    }
    theirs = azure.graph("POST", "/applications", json=body)
    done = admin("setup", "--client", theirs["appId"], "--no-consent", "--no-verify", *A, *JSON)
    assert done.code == 0, done.out
    (step,) = done.document["manualSteps"]
    assert (step.get("link") is None) is asks_for_more
    assert ("adminconsent" in done.out) is not asks_for_more


# One client's trouble stops no other


def test_a_vault_that_is_gone_stops_its_own_client_alone(admin: Program, azure: Sandbox) -> None:
    assert (
        admin(
            "setup", "--client", "One", "--client", "Two", "--secret-lifetime", "20d", *A, *JSON
        ).code
        == 0
    )
    (one,), (two,) = azure.applications("One"), azure.applications("Two")
    tags = [*one["tags"], Tag.VAULT.of("no-such-vault/x")]
    azure.graph("PATCH", f"/applications/{one['id']}", json={"tags": tags})
    for file in Path(saved_to_any(admin)).parent.glob("one-*.env"):
        file.unlink()
    done = admin("rotate-secret", "--expiring-within", "31d", "--secret-lifetime", "1y", *A, *JSON)
    assert done.code == 3, done.out
    assert [credential["client"] for credential in done.made] == ["Two"]
    (command,) = [note["command"] for note in done.document["notes"] if "'One'" in note["text"]]
    assert secrets(azure, one) == 1
    named = command.replace("PLACE", f"keyvault:{seed.VAULT}").removeprefix("mct-s2s ")
    again = admin(*shlex.split(named), *JSON)
    assert (again.code, [credential["client"] for credential in again.made]) == (0, ["One"]), (
        again.out
    )
    teardown = admin("teardown", *A, *JSON)
    assert teardown.code == 0, teardown.out
    assert azure.applications("One") == azure.applications("Two") == []
    assert two["appId"] not in listed(azure)


def saved_to_any(admin: Program) -> str:
    done = admin("setup", "--client", "Two", *A, *JSON)
    place: str = done.document["credentials"][0]["savedTo"]
    return place.removeprefix("file:")


# What the first look could not show, and what is done only to look


def test_the_owner_of_a_shared_api_lets_no_one_in_by_its_role(
    admin: Program, azure: Sandbox, rob: Member, adele: Member
) -> None:
    """The API is adopted by its appId; its owner registers a client of the App Service's name, and
    leaves it.
    """
    theirs = register(adele, "MCT API", appRoles=[role()])
    assert (
        admin("setup", *A, "--service-app", theirs["appId"], "--client", "Export", *JSON).code == 0
    )
    planted = rob.squat(
        client_unique_name(OWN, "Nightly"), "Nightly", signInAudience="AzureADMyOrg"
    )
    rob.graph("POST", f"/applications/{planted['id']}/addPassword", json={})
    disown(rob, planted)
    assign(adele, theirs, planted)
    done = admin("configure-appservice", *A, *JSON)
    assert done.code == 0, done.out
    assert planted["appId"] not in listed(azure)
    assert any("'Nightly'" in note["text"] for note in done.document["notes"])
    azure.forget()
    is_refused(admin("add-client", "Nightly", *A, *JSON), azure, "registration-not-ours")


@pytest.mark.parametrize(
    "unique_name", [OWN, client_unique_name(OWN, "Import")], ids=["service", "client"]
)
def test_a_service_principal_that_comes_back_meanwhile_gets_no_right(
    admin: Program, azure: Sandbox, rob: Member, inside: Inside, unique_name: str
) -> None:
    """Rob owns it still; he deleted it, so that the first look did not show it, and restores it."""
    application = rob.squat(unique_name, "Import", signInAudience="AzureADMyOrg")
    rob.graph("DELETE", f"/applications/{application['id']}/owners/{rob.id}/$ref")
    rob.graph("DELETE", f"/servicePrincipals/{application['principal']}")

    one_by_one = asyncio.Lock()  # those of the API and the client are created side by side

    async def restored(entry: Entry) -> None:
        if entry.method == "POST" and entry.path.endswith("/servicePrincipals"):
            async with one_by_one:
                if restored in inside.hooks.before:
                    path = f"/directory/deletedItems/{application['principal']}/restore"
                    await asyncio.to_thread(rob.graph, "POST", path)
                    inside.hooks.before.clear()

    inside.hooks.before.append(restored)
    ended = admin("setup", "--client", "Import", *A, *JSON)
    inside.leave_alone()
    assert ended.document["error"]["code"] == "registration-not-ours", ended.out
    assert rob.address in ended.document["error"]["message"]
    assert application["appId"] not in listed(azure)
    assert (
        azure.graph("GET", f"/servicePrincipals/{application['principal']}/appRoleAssignments")[
            "value"
        ]
        == []
    )


def test_what_is_restored_only_to_be_judged_keeps_its_credentials(
    admin: Program, azure: Sandbox, adele: Member
) -> None:
    application = adele.squat(
        client_unique_name(OWN, "Import"), "Payroll", signInAudience="AzureADMyOrg"
    )
    adele.graph("POST", f"/applications/{application['id']}/addPassword", json={})
    adele.graph("DELETE", f"/applications/{application['id']}")
    ended = admin("setup", "--client", "Import", *A, *JSON)
    assert ended.document["error"]["code"] == "registration-not-ours", ended.out
    adele.graph("POST", f"/directory/deletedItems/{application['id']}/restore")
    assert secrets(azure, application) == 1


def test_what_another_team_deleted_is_purged_by_its_app_id_alone(
    admin: Program, azure: Sandbox, adele: Member
) -> None:
    assert admin("setup", "--client", "Export", *A, *JSON).code == 0
    application = adele.squat(
        client_unique_name(OWN, "Import"), "Payroll", signInAudience="AzureADMyOrg"
    )
    adele.graph("DELETE", f"/applications/{application['id']}")
    azure.forget()
    done = admin("remove-client", "Import", "--purge", *A, *JSON)
    assert (done.code, azure.writes()) == (0, [])
    assert application["appId"] in done.document["changes"][0]["detail"]
    assert admin("remove-client", application["appId"], "--purge", *A, *JSON).code == 0
    assert azure.graph("GET", "/directory/deletedItems/microsoft.graph.application")["value"] == []


def test_app_services_of_one_name_do_not_share_clients(
    admin: Program, azure: Sandbox, api: Json
) -> None:
    """Names are unique in one environment; another one, or another group of it, may have
    the same.
    """
    adopting = ("--service-app", api["appId"])
    assert admin("setup", *A, "-g", "mct-prod", *adopting, "--client", "Export", *JSON).code == 0
    (export,) = azure.applications("Export")
    azure.add_site(name="contosolearn", group="rg-b")
    twin = ("-a", "contosolearn", "-g", "rg-b")
    named = {
        "ServiceAuthAudience": f"api://{api['appId']}",
        "ServiceApplicationIds": export["appId"],
    }
    azure.write_settings(named, SITE.replace("mct-prod", "rg-b"))
    for words in (("teardown",), ("remove-client", "Export"), ("rotate-secret", "Export")):
        done = admin(*words, *twin, *JSON)
        assert (done.code, done.document["error"]["code"]) == (2, "service-application-not-ours"), (
            words,
            done.out,
        )
    assert admin("teardown", *twin, *adopting, *JSON).code == 0
    assert [application["id"] for application in azure.applications("Export")] == [export["id"]]
    assert "Export" in holders(azure, api)


@pytest.mark.parametrize("lag", [0, 3])
def test_what_was_just_removed_can_be_set_up_again_at_once(
    admin: Program, azure: Sandbox, lag: int
) -> None:
    setup = ("setup", "--client", "Import", *A, *JSON)
    assert admin(*setup).code == 0
    azure.lag(lag)
    for removal in (("teardown",), ("remove-client", "Import")):
        assert admin(*removal, *A, *JSON).code == 0
        again = admin(*setup)
        assert again.code == 0, (removal, again.out)


# An API that another App Service uses, although nothing in the directory shows it


SITE_B_ONLY = "mct-s2s:used-by:mct-s2s-site-b"


def test_a_teardown_keeps_the_api_that_another_app_service_uses_with_managed_identities_alone(
    admin: Program, azure: Sandbox
) -> None:
    """They hold no role: nothing but a tag tells of it."""
    assert admin("setup", *A, "--client", "Export", *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    azure.add_site(name="site-b", group="rg-b")
    of_b = (
        "setup",
        *B,
        "--service-app",
        service["appId"],
        "--managed-identity",
        "reports-func",
        *JSON,
    )
    assert admin(*of_b).code == 0
    azure.forget()
    assert admin(*of_b).code == 0
    assert azure.writes() == [], "noted once"
    for more in ((), ("--delete-adopted",), ("--purge",)):
        teardown = admin("teardown", *A, *more, *JSON)
        assert teardown.code == 0, teardown.out
        kept = next(
            change
            for change in teardown.document["changes"]
            if change["resource"] == "service application"
        )
        assert kept["detail"] == "kept: site-b uses it"
        (note,) = [note for note in teardown.document["notes"] if "site-b" in note["text"]]
        assert note["command"] is None, "who once owned another team's API could have tagged that"
    assert azure.settings(SITE_B)["ServiceAuthAudience"] == f"api://{service['appId']}"
    assert admin("teardown", *B, "--service-app", service["appId"], *JSON).code == 0
    assert admin("teardown", *A, *JSON).code == 0
    assert azure.applications("MCT service (contosolearn)") == []


@pytest.mark.parametrize("words", [(), ("--no-preflight",)])
def test_who_may_not_write_to_the_api_sets_up_another_app_service_and_is_told_that_it_is_not_noted(
    mct: Program, azure: Sandbox, words: tuple[str, ...]
) -> None:
    assert mct("setup", *A, "--client", "Export", *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    azure.add_site(name="site-b", group="rg-b")
    reader = azure.caller(
        "Directory.Read.All", arm=[("Owner", f"/subscriptions/{azure.subscription_id}")]
    )
    of_b = (
        "setup",
        *B,
        "--service-app",
        service["appId"],
        "--managed-identity",
        "reports-func",
        *words,
        *JSON,
    )
    done = mct(*of_b, env=reader)
    assert done.code == 0, done.out
    assert "notes that site-b uses it" in done.out
    assert SITE_B_ONLY not in azure.applications("MCT service (contosolearn)")[0]["tags"]
    asked = mct(
        "doctor",
        *B,
        "--service-app",
        service["appId"],
        "--managed-identity",
        "reports-func",
        env=reader,
    )
    assert "update the app registration 'MCT service" not in " ".join(asked.out.split())
    azure.forget()
    again = mct(*of_b, env=reader)
    refused = [f"PATCH /v1.0/applications/{service['id']}"] if words else []
    assert (again.code, azure.writes()) == (0, refused), again.out
    assert (
        mct("teardown", *B, "--service-app", service["appId"], *words, *JSON, env=reader).code == 0
    )


def test_whoever_tags_an_api_as_used_only_has_it_kept(admin: Program, azure: Sandbox) -> None:
    assert admin("setup", *A, "--client", "Export", *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    tags = [*service["tags"], SITE_B_ONLY, "mct-s2s:used-by:no-name:of-ours"]
    azure.graph("PATCH", f"/applications/{service['id']}", json={"tags": tags})
    azure.add_site(name="site-b", group="rg-b")
    azure.write_settings({"ServiceAuthAudience": f"api://{service['appId']}"}, SITE_B)
    azure.forget()
    is_refused(
        admin("setup", *B, "--client", "Import", *JSON), azure, "service-application-not-ours"
    )
    teardown = admin("teardown", *A, *JSON)
    kept = next(
        change
        for change in teardown.document["changes"]
        if change["resource"] == "service application"
    )
    assert (teardown.code, kept["detail"]) == (0, "kept: site-b uses it")


def test_status_of_what_was_adopted_prints_commands_that_ask_for_the_operators_word(
    mct: Program, azure: Sandbox
) -> None:
    assert mct("setup", *A, "--client", "Export", *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    azure.add_site(name="site-b", group="rg-b")
    of_b = ("--service-app", service["appId"], "--client", "Import", "--secret-lifetime", "20d")
    assert mct("setup", *B, *of_b, *JSON).code == 0
    seen = mct("status", *B, "-o", "json")
    findings = {
        finding["code"]: finding
        for finding in seen.document["findings"]
        if finding["severity"] != "note"
    }
    assert (seen.code, set(findings)) == (3, {"secret-expiring"})
    words = shlex.split(findings["secret-expiring"]["remedy"])
    asked = mct(*words[1:], *JSON)
    assert asked.code == 2, "a tag is no one's word: it is asked for, once, with whose it is"
    adopt = re.search(r"--service-app \S+", asked.document["error"]["remedy"])
    assert adopt is not None, asked
    assert mct(*words[1:], *adopt[0].split(), *JSON).code == 0
    assert mct("status", *B, "-o", "json").document["healthy"]


def test_a_note_that_a_secret_never_arrived_leads_no_secret_into_another_vault(
    admin: Program, azure: Sandbox, rob: Member
) -> None:
    """The file here shows that it did arrive; a vault's tag counts only where there is no good
    secret.
    """
    setup = admin("setup", "--client", "Import", *A, *JSON)
    (client,) = azure.applications("Import")
    (secret,) = client["passwordCredentials"]
    tags = [f"mct-s2s:attempt:{secret['displayName'].removeprefix('mct-s2s ').replace(' ', '_')}"]
    tags += [Tag.VAULT.of(f"{seed.VAULT}/robs")]
    path = f"/applications/{client['id']}"
    sent = {"tags": [*client["tags"], *tags]}
    once_owned(azure, rob, client, lambda: rob.graph("PATCH", path, json=sent))
    assert admin("setup", "--client", "Import", *A, *JSON).code == 0
    assert azure.vault("GET", "/secrets/robs").status_code == 404
    assert azure.token_of(values_in(saved_to(setup))).status_code == 200, "it works as before"


def test_a_vaults_tag_names_no_working_secret_as_lost(mct: Program, azure: Sandbox) -> None:
    """Who may tag the vault's secret names another one of the client, which someone else uses."""
    values = values_in(saved_to(mct("setup", "--client", "Import", *A, *JSON)))
    (first,) = azure.applications("Import")[0]["passwordCredentials"]
    place = ("--secret-to", f"keyvault:{seed.VAULT}/imp")
    assert mct("rotate-secret", "Import", *place, *A, *JSON).code == 0
    azure.advance(3600)
    row = azure.vault("GET", "/secrets/imp").json()
    tags = {**row["tags"], "credential": first["displayName"]}
    azure.vault("PATCH", f"/secrets/imp/{row['id'].rsplit('/', 1)[1]}", json={"tags": tags})
    assert mct("setup", "--client", "Import", *place, *A, *JSON).code == 0
    assert mct("rotate-secret", "--expiring-within", "31d", *A, *JSON).code in {0, 3}
    assert azure.token_of(values).status_code == 200


@pytest.mark.parametrize("half", ["federated", "service principal"])
def test_a_teardown_deletes_no_registration_that_something_signs_in_as(
    admin: Program, azure: Sandbox, rob: Member, adele: Member, contributor: Contributor, half: str
) -> None:
    """Another team's, which its former owner named like ours; nothing of ours signs in as
    the API.
    """
    theirs = register(adele, "Payroll nightly")
    if half == "federated":
        subject = {
            "issuer": "https://token.actions.githubusercontent.com",
            "subject": "repo:adele/payroll:ref:x",
        }
        sent = {"name": "github", "audiences": ["api://AzureADTokenExchange"], **subject}
        adele.graph("POST", f"/applications/{theirs['id']}/federatedIdentityCredentials", json=sent)
    else:
        adele.graph(
            "POST",
            f"/servicePrincipals/{theirs['principal']}/addPassword",
            json={"passwordCredential": {}},
        )
    named = {"uniqueName": OWN}
    once_owned(
        azure, rob, theirs, lambda: rob.graph("PATCH", f"/applications/{theirs['id']}", json=named)
    )
    contributor.write(ServiceAuthAudience=f"api://{theirs['appId']}")
    assert admin("teardown", *A, "--purge", *JSON).code == 0
    assert azure.applications("Payroll nightly")


@pytest.mark.parametrize("half", ["federated", "service principal"])
@pytest.mark.parametrize("removal", [("teardown",), ("remove-client", "Payroll")])
def test_a_removal_deletes_no_client_that_another_team_signs_in_as(
    admin: Program, azure: Sandbox, rob: Member, adele: Member, half: str, removal: tuple[str, ...]
) -> None:
    """Who once owned it, and this App Service's API, has named it like one of ours and given it the
    role.
    """
    assert admin("setup", "--client", "Import", *A, *JSON).code == 0
    theirs = register(adele, "Payroll")
    if half == "federated":
        subject = {
            "issuer": "https://token.actions.githubusercontent.com",
            "subject": "repo:adele/payroll:ref:x",
        }
        sent = {"name": "github", "audiences": ["api://AzureADTokenExchange"], **subject}
        adele.graph("POST", f"/applications/{theirs['id']}/federatedIdentityCredentials", json=sent)
        named = {"passwordCredential": {"displayName": "mct-s2s 2026-11-24 a1b2"}}
        adele.graph("POST", f"/applications/{theirs['id']}/addPassword", json=named)
    else:
        adele.graph(
            "POST",
            f"/servicePrincipals/{theirs['principal']}/addPassword",
            json={"passwordCredential": {}},
        )
    (service,) = azure.applications("MCT service (contosolearn)")
    service["principal"] = azure.graph("GET", f"/servicePrincipals(appId='{service['appId']}')")[
        "id"
    ]
    like_ours = {"uniqueName": client_unique_name(OWN, "Payroll")}
    once_owned(
        azure,
        rob,
        theirs,
        lambda: rob.graph("PATCH", f"/applications/{theirs['id']}", json=like_ours),
    )
    once_owned(
        azure, rob, service, lambda: assign(rob, service, theirs, service["appRoles"][0]["id"])
    )
    admin(*removal, *A, *JSON)
    assert azure.applications("Payroll")


def test_lines_to_uncomment_say_that_they_have_one_of_several_federated_credentials(
    mct: Program, rob: Member, contributor: Contributor
) -> None:
    """A team's client may have one of an earlier owner: in the file, it is the operator's word."""
    assert mct("setup", *A, *JSON).code == 0
    theirs = register(rob, "Deploy")
    for name in ("first", "second"):
        credential = {
            "name": name,
            "issuer": f"https://{name}.example",
            "subject": "deploy",
            "audiences": ["api://AzureADTokenExchange"],
        }
        rob.graph(
            "POST", f"/applications/{theirs['id']}/federatedIdentityCredentials", json=credential
        )
    contributor.lists(theirs["appId"])
    exported = mct("export", *A).out
    assert "# federated-issuer = " in exported
    (reason,) = (line for line in exported.splitlines() if line.startswith("# 'Deploy'"))
    assert "several federated credentials" in reason


# Without a right to the settings


@pytest.fixture
def reader(mct: Program, azure: Sandbox) -> Program:
    """Who may change every registration, and read no settings."""
    subscription = f"/subscriptions/{azure.subscription_id}"
    permissions = (*READ, "Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All")
    return alone(mct, azure, *permissions, arm=[("Reader", subscription)])


@pytest.fixture(params=["untouched", "assigned"])
def squatter(request: pytest.FixtureRequest, mct: Program, azure: Sandbox, rob: Member) -> Json:
    """Site B uses the service application of A; its own name is free, and Rob's."""
    azure.add_site(name="site-b", group="rg-b")
    assert mct("setup", *A, *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    sharing = ("--service-app", service["appId"], "--client", "Import")
    assert mct("setup", *B, *sharing, *JSON).code == 0
    name = service_unique_name("site-b")
    role_id = new_app_role_id(azure.tenant_id, name, "S2SAppRole")
    planted = rob.squat(
        name,
        "MCT service (site-b)",
        signInAudience="AzureADMyOrg",
        appRoles=[role(role_id)],
        api={"requestedAccessTokenVersion": 2},
    )
    if request.param == "assigned":
        assign(rob, planted, register(rob, "Course export"), role_id)
    disown(rob, planted)
    azure.forget()
    return planted


@pytest.mark.parametrize("due", [False, True], ids=["by name", "due"])
def test_a_squatter_neither_hides_who_is_due_nor_is_offered_without_the_settings(
    azure: Sandbox, reader: Program, squatter: Json, due: bool
) -> None:
    words = ("--expiring-within", "500d") if due else ("Import",)
    done = reader("rotate-secret", *words, *B, *JSON)
    assert (done.code, done.document["error"]["code"]) == (4, "permission-missing"), done
    assert squatter["appId"] not in done.out
    assert azure.writes() == []


@pytest.mark.parametrize("squatter", ["assigned"], indirect=True)
def test_a_setup_without_the_settings_is_offered_no_squatter(
    azure: Sandbox, reader: Program, squatter: Json
) -> None:
    """Only the settings say which service application is this App Service's."""
    done = reader("setup", "--client", "Import", *B, "--dry-run", *JSON)
    error = done.document["error"]
    assert (done.code, error["code"]) == (4, "permission-missing"), done
    assert "--service-app APP_ID" in error["remedy"], done
    assert squatter["appId"] not in done.out
    assert azure.writes() == []


def test_another_teams_client_is_doubted_without_the_settings_as_with_them(
    mct: Program, azure: Sandbox, reader: Program, adele: Member
) -> None:
    """What the settings say of it would change nothing."""
    assert mct("setup", *A, *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    (role_id,) = [each["id"] for each in service["appRoles"]]
    principal = azure.graph("GET", f"/servicePrincipals(appId='{service['appId']}')")["id"]
    theirs = register(adele, "Payroll production", days=20)
    assign(azure, {"principal": principal}, theirs, role_id)
    azure.forget()
    for naming in ((), ("--service-app", service["appId"])):
        done = reader("rotate-secret", "Payroll production", *A, *naming, *JSON)
        error = is_refused(done, azure, "registration-not-ours")
        assert adele.address in error["message"]


@pytest.mark.parametrize("unique_name", [client_unique_name(OWN, "Import"), "theirs"])
def test_a_client_with_a_role_from_the_apis_owner_is_allowed_only_beside_its_owners(
    mct: Program, azure: Sandbox, rob: Member, tmp_path: Path, unique_name: str
) -> None:
    """Its role is no sign that an administrator has set it up: whoever names its appId adopts it,
    as `status` prints it, or the author of a trust file.
    """
    assert mct("setup", "--client", "One", *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    principal = azure.graph("GET", f"/servicePrincipals(appId='{service['appId']}')")["id"]
    add_owner(azure, f"servicePrincipals/{principal}", rob)
    theirs = rob.squat(unique_name, "Import")
    role_id = service["appRoles"][0]["id"]
    assign(rob, {**service, "principal": principal}, theirs, role_id)
    name = theirs["appId"]
    file = tmp_path / "trust.toml"
    file.write_text(
        f'[sites.learn]\napp-service = "{SITE}"\nclients = [{{ name = "One" }}, '
        f'{{ name = "{name}" }}]\n',
        encoding="utf-8",
    )
    adoption = f"adopt client application 'Import' (appId {name}), owned by {rob.address}"
    for words in (("add-client", name), ("apply", "-f", str(file))):
        shown = mct(*words, "--dry-run")
        assert f"+ {name}  Import" in shown.out
        assert adoption in " ".join(shown.out.split()), shown.out
