"""`doctor --fix` mends what is ours and set up, through setup's own plan; all else it leaves, and says how to cure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Program
from tests.cli.test_scenarios import SCENARIOS, Hand
from tests.conftest import SITE, Json, Sandbox
from tests.support.sampling import sampled

FIX = ("doctor", "--fix", "-y")
JSON = ("-o", "json")
READ = ("Application.Read.All", "Organization.Read.All")


@pytest.fixture
def service(mct: Program, azure: Sandbox) -> Json:
    """A set-up with one client; its service application."""
    assert mct("setup", "--client", "A", "-y", "--no-verify").code == 0
    (found,) = [one for one in azure.made_by_us() if one["identifierUris"]]
    return found


def principal_of(azure: Sandbox, app_id: str) -> Any:
    return azure.graph("GET", f"/servicePrincipals(appId='{app_id}')")


def revoke_all(azure: Sandbox, service: Json) -> None:
    principal = principal_of(azure, service["appId"])["id"]
    for one in azure.graph("GET", f"/servicePrincipals/{principal}/appRoleAssignedTo")["value"]:
        azure.graph("DELETE", f"/servicePrincipals/{principal}/appRoleAssignedTo/{one['id']}")


def test_what_is_right_stays_as_it_is(mct: Program, azure: Sandbox, service: Json) -> None:
    del service
    azure.forget()
    done = mct(*FIX)
    assert (done.code, azure.writes()) == (0, []), done
    assert "No changes. contosolearn is up to date." in done.err
    assert "No problems found." in done.out


def test_the_registration_is_mended_without_a_restart(mct: Program, azure: Sandbox, service: Json) -> None:
    roles = [{**service["appRoles"][0], "isEnabled": False}]
    azure.graph("PATCH", f"/applications/{service['id']}", json={"identifierUris": [], "appRoles": roles})
    revoke_all(azure, service)
    shown = mct("doctor", *JSON)
    assert (shown.code, len(shown.document["drift"])) == (0, 2)
    azure.forget()
    done = mct(*FIX)
    assert done.code == 0, done
    assert "Granted admin consent for A" in done.err
    assert [line for line in azure.writes() if "restart" in line or "/config/" in line] == []
    assert mct("status").code == 0


def test_a_lost_service_principal_is_made_again_with_its_consents(mct: Program, azure: Sandbox, service: Json) -> None:
    azure.graph("DELETE", f"/servicePrincipals/{principal_of(azure, service['appId'])['id']}")
    done = mct(*FIX, *JSON)
    assert (done.code, done.document["status"]["healthy"]) == (0, True), done


def test_settings_that_drifted_are_written_and_the_site_restarts(mct: Program, azure: Sandbox, service: Json) -> None:
    settings = azure.settings()
    azure.write_settings(
        {
            **settings,
            "ServiceAuthTenantName": "elsewhere.example",
            "ServiceApplicationIds": f"{settings['ServiceApplicationIds']};22222222-2222-4222-8222-222222222222",
        }
    )
    azure.forget()
    done = mct(*FIX, *JSON)
    assert done.code == 3, "an id that no one has is not ours to drop"
    assert [row["code"] for row in done.document["status"]["findings"]] == ["client-unknown"]
    assert sum(line.endswith("/restart") for line in azure.writes()) == 1
    after = azure.settings()
    assert after["ServiceAuthTenantName"] == settings["ServiceAuthTenantName"]
    assert str(after["ServiceApplicationIds"]).endswith(";22222222-2222-4222-8222-222222222222")


def test_a_client_that_is_someone_elses_gets_no_consent(mct: Program, azure: Sandbox, service: Json) -> None:
    theirs = azure.graph("POST", "/applications", json={"displayName": "Theirs", "signInAudience": "AzureADMyOrg"})
    azure.graph("POST", "/servicePrincipals", json={"appId": theirs["appId"]})
    settings = azure.settings()
    ids = f"{settings['ServiceApplicationIds']};{theirs['appId']}"
    azure.write_settings({**settings, "ServiceApplicationIds": ids})
    azure.forget()
    done = mct(*FIX)
    assert (done.code, azure.writes()) == (3, []), done
    assert f"mct-s2s add-client {theirs['appId']}" in done.out


def test_a_client_that_is_not_allowed_is_not_added(mct: Program, azure: Sandbox, service: Json) -> None:
    del service
    azure.write_settings({**azure.settings(), "ServiceApplicationIds": ""})
    azure.forget()
    done = mct(*FIX, *JSON)
    assert [row["code"] for row in done.document["status"]["findings"]] == ["client-not-allowed"]
    assert azure.settings()["ServiceApplicationIds"] == ""
    assert done.code == 3


def test_where_nothing_is_set_up_the_command_is_said(mct: Program, azure: Sandbox) -> None:
    done = mct(*FIX)
    assert (done.code, azure.writes()) == (1, [])
    assert "mct-s2s setup --client NAME" in done.err


def test_a_dry_run_changes_nothing(mct: Program, azure: Sandbox, service: Json) -> None:
    revoke_all(azure, service)
    azure.forget()
    done = mct("doctor", "--fix", "--dry-run", *JSON)
    assert (done.code, azure.writes()) == (3, [])
    assert [(row["action"], row["resource"], row["name"]) for row in done.document["changes"] if row["action"] != "none"
            ] == [("create", "admin consent", "A")]  # fmt: skip


def test_without_a_terminal_it_asks_no_one(mct: Program, azure: Sandbox, service: Json) -> None:
    revoke_all(azure, service)
    azure.forget()
    done = mct("doctor", "--fix")
    assert (done.code, azure.writes()) == (2, [])
    assert "Cannot ask for confirmation" in done.err


def test_consent_that_the_caller_may_not_give_is_left_to_others(mct: Program, azure: Sandbox, service: Json) -> None:
    revoke_all(azure, service)
    caller = azure.caller(*READ, "RoleManagement.Read.Directory", arm=[("Website Contributor", SITE)])
    azure.forget()
    done = mct("doctor", "--fix", "-a", SITE, "-y", *JSON, env=caller)
    assert (done.code, azure.writes()) == (4, []), done
    assert done.document["leftToOthers"][0]["what"].startswith("You can't grant admin consent to 'A'.")


CURED = {
    "app-role-disabled", "app-role-missing", "application-id-uri-missing", "service-principal-missing", "token-version",
    "setting-missing", "setting-mismatch", "tenant-mismatch",
}  # fmt: skip


@pytest.mark.parametrize("name", sampled(list(SCENARIOS), 2, salt="fix"))
def test_in_every_state_it_cures_what_it_may_and_drops_nothing(mct: Program, azure: Sandbox, name: str) -> None:
    """All states of an App Service that status knows, with clients that others made."""
    SCENARIOS[name].made(Hand(azure))
    before = listed(azure)
    azure.forget()
    done = mct(*FIX, *JSON)
    assert listed(azure) >= before
    if done.code in {0, 3}:
        assert {row["code"] for row in done.document["status"]["findings"]} & CURED == set()
    else:
        assert (azure.writes(), bool(done.document["error"]["remedy"])) == ([], True), done
    azure.forget()
    assert (mct(*FIX, *JSON).code, azure.writes()) == (done.code, []), "a second run finds nothing more to do"


def listed(azure: Sandbox) -> set[str]:
    """The ids on both allow lists."""
    lists = (value for name, value in azure.settings().items() if name.casefold() in {
        "serviceapplicationids", "serviceobjectids"
    })  # fmt: skip
    return {entry.strip().casefold() for value in lists for entry in (value or "").split(";") if entry.strip()}


@pytest.mark.parametrize(
    "words",
    [("--fix", "--no-consent"), ("--fix", "--request", "x.md"), ("--fix", "--no-app-service"), ("--dry-run",),
     ("--backup", "x"), ("--request", "-", "-o", "json")],
)  # fmt: skip
def test_options_that_mean_nothing_together_are_refused(mct: Program, azure: Sandbox, words: tuple[str, ...]) -> None:
    done = mct("doctor", *words)
    assert (done.code, azure.log("graph")) == (2, [])
