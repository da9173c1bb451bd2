"""Two App Services of one name in a tenant: with a unique default host name, anyone may create
another one in a group of his own. Nothing of the first one becomes the second one's.

Source: learn.microsoft.com/azure/app-service/reference-dangling-subdomain-prevention.

Or in a subscription of his own, which he calls like the first one's and gives the administrator a
role in.
"""

from pathlib import Path

import pytest

from tests.cli.conftest import Program, saved_to, values_in
from tests.conftest import JSON, SITE, Json, Sandbox
from tests.security.conftest import Member
from tests.security.staging import A, assign, disown, register, role, secrets
from tests.support.azure_cli import OTHER_SUBSCRIPTION, AzureCli
from tests.support.sandbox_inside import Inside

TWIN = ("-a", "contosolearn", "-g", "rg-rob")
TWIN_SITE = SITE.replace("mct-prod", "rg-rob")


@pytest.fixture
def ours(admin: Program, azure: Sandbox) -> dict[str, str]:
    """The values of a client of the first one; the other one is there, too."""
    setup = admin("setup", "--client", "Import", *A, "-g", "mct-prod", *JSON)
    assert setup.code == 0, setup.out
    azure.add_site(name="contosolearn", group="rg-rob")
    return values_in(saved_to(setup))


def test_an_app_service_of_the_same_name_with_an_api_of_its_own_takes_no_client(
    admin: Program, azure: Sandbox, ours: dict[str, str]
) -> None:
    body = {"displayName": "Robs API", "signInAudience": "AzureADMyOrg", "appRoles": [role()]}
    api: Json = azure.graph("POST", "/applications", json=body)
    azure.graph("POST", "/servicePrincipals", json={"appId": api["appId"]})
    adopting = (*TWIN, "--service-app", api["appId"], "--no-verify", *JSON)
    azure.forget()
    refused = admin("setup", "--client", "Import", *adopting)
    assert refused.document["error"]["code"] == "registration-not-ours", refused.out
    assert (refused.code, azure.writes()) == (2, [])
    (client,) = azure.applications("Import")
    assert f"az ad app delete --id {client['appId']}" not in refused.out
    assert admin("setup", "--client", "Export", *adopting).code == 0
    rotated = admin("rotate-secret", "Export", *TWIN, "--service-app", api["appId"], *JSON)
    assert rotated.code == 0, "its own one"
    for site in (("-a", "contosolearn", "-g", "mct-prod"), (*TWIN, "--service-app", api["appId"])):
        if site[3] == "mct-prod":
            planned = admin("teardown", *site, "--dry-run", *JSON)
            names = [row["name"] for row in planned.document["changes"] if row["action"] != "none"]
            assert "Export" not in names
            continue
        assert admin("teardown", *site, *JSON).code == 0
    assert azure.call_as(ours) == 200
    assert azure.applications("Export") == []


def test_who_copies_the_settings_of_an_app_service_of_the_same_name_gets_nothing_of_it(
    admin: Program, azure: Sandbox, ours: dict[str, str]
) -> None:
    """Also where a person has written something else over the note that tells them apart."""
    (service,) = azure.applications("MCT service (contosolearn)")
    azure.graph("PATCH", f"/applications/{service['id']}", json={"notes": "Team Learning, 4711"})
    (client,) = azure.applications("Import")
    copied = {name: value for name, value in azure.settings().items() if "Service" in name}
    azure.write_settings({**azure.settings(TWIN_SITE), **copied}, TWIN_SITE)
    azure.forget()
    for words in (("rotate-secret", "Import"), ("remove-client", "Import"), ("teardown",)):
        refused = admin(*words, *TWIN, *JSON)
        error = refused.document["error"]["code"]
        assert (refused.code, error) == (2, "service-application-not-ours"), refused.out
    assert azure.writes() == []
    named = ("--service-app", service["appId"])
    assert admin("teardown", *TWIN, *named, *JSON).code == 0, "it leaves the other one's alone"
    assert (secrets(azure, client), azure.call_as(ours)) == (1, 200)


@pytest.mark.parametrize("admin", ["person"], indirect=True)
def test_an_app_service_that_was_moved_keeps_its_clients_once_its_note_is_right(
    admin: Program, azure: Sandbox, ours: dict[str, str]
) -> None:
    (service,) = azure.applications("MCT service (contosolearn)")
    moved = {"notes": service["notes"].replace("mct-prod", "rg-rob")}
    azure.graph("PATCH", f"/applications/{service['id']}", json=moved)
    azure.write_settings({**azure.settings(TWIN_SITE), **azure.settings()}, TWIN_SITE)
    assert admin("rotate-secret", "Import", *TWIN, *JSON).code == 0
    assert ours["AZURE_CLIENT_ID"] == azure.applications("Import")[0]["appId"]


# Set up by an earlier version, which wrote no tag that says where an App Service is


def untag(azure: Sandbox, application: Json) -> None:
    tags = azure.graph("GET", f"/applications/{application['id']}")["tags"]
    kept = [tag for tag in tags if not tag.startswith("mct-s2s:site:")]
    azure.graph("PATCH", f"/applications/{application['id']}", json={"tags": kept})


@pytest.mark.parametrize("is_adopted", [True, False], ids=["an API made by hand", "its own API"])
@pytest.mark.parametrize("admin", ["person"], indirect=True)
def test_no_client_of_an_earlier_version_is_taken_by_who_gives_it_the_role_of_his_api(
    admin: Program, azure: Sandbox, rob: Member, is_adopted: bool
) -> None:
    ours: tuple[str, ...] = ("-a", "contosolearn", "-g", "mct-prod", "--no-verify")
    if is_adopted:
        api = register(rob, "Learning API", appRoles=[role()])
        disown(rob, api)
        ours = (*ours, "--service-app", api["appId"])
    assert admin("setup", "--client", "Import", *ours, *JSON).code == 0
    (client,) = azure.applications("Import")
    untag(azure, client)
    azure.add_site(name="contosolearn", group="rg-rob")
    robs = register(rob, "Robs API", appRoles=[role()])
    principal = azure.graph("GET", f"/servicePrincipals(appId='{client['appId']}')")["id"]
    assign(rob, robs, {"principal": principal})
    named = {
        "ServiceAuthAudience": f"api://{robs['appId']}",
        "ServiceApplicationIds": client["appId"],
    }
    azure.write_settings({**azure.settings(TWIN_SITE), **named}, TWIN_SITE)
    azure.forget()
    robs_site = (*TWIN, "--service-app", robs["appId"])
    for words in (("setup", "--client", "Import"), ("rotate-secret", "Import")):
        refused = admin(*words, *robs_site, *JSON)
        error = refused.document["error"]["code"]
        assert (refused.code, error) == (2, "registration-not-ours"), refused.out
    nightly = admin("rotate-secret", "--expiring-within", "3000d", *robs_site, *JSON)
    assert client["appId"] in nightly.out
    assert azure.writes() == []
    assert admin("teardown", *robs_site, *JSON).code == 0
    assert not any(client["id"] in write for write in azure.writes())
    assert secrets(azure, client) == 1
    assert admin("rotate-secret", "Import", *ours[:4], *ours[5:], *JSON).code == 0, "its own one"


@pytest.mark.parametrize("admin", ["person"], indirect=True)
def test_a_service_application_that_does_not_say_whose_it_is_goes_to_no_app_service_of_the_name(
    admin: Program, azure: Sandbox, ours: dict[str, str]
) -> None:
    (service,) = azure.applications("MCT service (contosolearn)")
    azure.graph("PATCH", f"/applications/{service['id']}", json={"notes": "Team Learning, 4711"})
    (client,) = azure.applications("Import")
    for application in (service, client):
        untag(azure, application)
    copied = {name: value for name, value in azure.settings().items() if "Service" in name}
    azure.write_settings({**azure.settings(TWIN_SITE), **copied}, TWIN_SITE)
    azure.forget()
    first = ("-a", "contosolearn", "-g", "mct-prod")
    adding = ("setup", "--client", "Export", "--no-verify")
    for words in (adding, ("rotate-secret", "Import"), ("remove-client", "Import"), ("teardown",)):
        for site in (TWIN, first):
            refused = admin(*words, *site, *JSON)
            error = refused.document["error"]
            code = "service-application-not-ours"
            assert (refused.code, error["code"]) == (2, code), refused.out
            whose = TWIN_SITE if site is TWIN else SITE
            assert f"created for {whose}, run the same command with " in error["remedy"]
            assert f"--service-app {service['appId']}" in error["remedy"]
    assert azure.writes() == []
    named = ("--service-app", service["appId"])
    assert admin("setup", "--no-verify", *first, *named, *JSON).code == 0, "named once"
    assert admin("rotate-secret", "Import", *first, *JSON).code == 0
    assert admin("setup", "--no-verify", *first, "--dry-run", *JSON).code == 0, "nothing to do"
    refused = admin("teardown", *TWIN, *JSON)
    assert "it was created for another App Service" in refused.document["error"]["message"]


# A subscription that is called like another one


@pytest.mark.parametrize("named", ["by its name", "by its ID", "by the resource ID"])
def test_no_subscription_is_taken_for_another_one_that_its_owner_calls_the_same(
    mct: Program, azure: Sandbox, inside: Inside, tmp_path: Path, named: str
) -> None:
    azure.add_site(name="contosolearn", group="mct-prod", subscription=OTHER_SUBSCRIPTION)
    known = inside.state.resources.subscriptions
    ours = known[azure.subscription_id]["displayName"]
    theirs = ours if named == "by its name" else azure.subscription_id
    known[OTHER_SUBSCRIPTION]["displayName"] = theirs
    az = AzureCli(tmp_path / "cli", azure)
    row = {"tenantId": azure.tenant_id, "environmentName": "Sandbox", "user": None}
    az.rows(
        {"id": OTHER_SUBSCRIPTION, "name": theirs, "isDefault": False, **row},
        {"id": azure.subscription_id, "name": ours, "isDefault": True, **row},
    )
    site: tuple[str, ...] = ("-a", "contosolearn", "-g", "mct-prod", "-s", theirs)
    if named == "by the resource ID":
        site = ("-a", SITE)
    done = mct("status", *site, "--auth", "cli", "-o", "json", env=az.env)
    if named == "by its name":
        error = done.document["error"]
        assert (done.code, error["code"]) == (2, "subscription-not-found"), done
        assert f"2 subscriptions are named '{ours}'" in error["message"]
        assert OTHER_SUBSCRIPTION in error["remedy"]
        return
    assert done.document["appService"]["id"] == SITE


def test_a_subscription_that_cannot_be_read_is_none_that_has_its_id_for_a_name(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    azure.add_site(name="contosolearn", group="mct-prod", subscription=OTHER_SUBSCRIPTION)
    wanted = "33333333-4444-5555-6666-777777777777"
    inside.state.resources.subscriptions[OTHER_SUBSCRIPTION]["displayName"] = wanted
    done = mct("status", "-a", SITE.replace(azure.subscription_id, wanted), "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (2, "subscription-not-found"), done
