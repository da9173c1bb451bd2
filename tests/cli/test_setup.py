"""The four commands on a good day, at a site and at a slot: from nothing to a call, and back to
nothing to do.
"""

import json
import shlex
import stat
from pathlib import Path

import pytest
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program, call_as_sdk, saved_to, values_in
from tests.cli.schemas import check
from tests.conftest import (
    CONTAINER_APP,
    FUNCTION_APP,
    LOGIC_APP,
    MACHINE,
    SITE,
    SLOT,
    USER_IDENTITY,
    Json,
    Sandbox,
)
from tests.support.printed_commands import printed_commands

SETUP = ("setup", "--client", "S2S-client", "--managed-identity", "reports-func")
GOVERNMENT: Json = {"Microsoft.Web": ["2022-09-01", "2023-01-01", "2023-12-01", "2024-04-01"]}
"""What the US Government cloud had in August 2025 (Azure/azure-cli#31943)."""


def test_setup_lets_the_client_in_and_a_second_run_writes_nothing(
    mct: Program, azure: Sandbox
) -> None:
    pending = mct(*SETUP, "--dry-run", "-o", "json")
    assert pending.code == 3
    assert pending.document["dryRun"] is True
    assert {
        change["id"] for change in pending.document["changes"] if change["action"] == "create"
    } == {None}
    assert azure.writes() == []

    before = azure.settings()
    azure.write_settings(before | {"serviceauthenabled": "false"})
    azure.forget()
    done = mct(*SETUP, "-y", "-o", "json")
    assert (done.code, done.document["dryRun"]) == (0, False)
    assert azure.restarts() == 1
    assert sum("config/appsettings" in write for write in azure.writes()) == 1
    (service,) = azure.applications("MCT service (contosolearn)")
    assert list(azure.settings().items()) == [
        *before.items(),
        ("serviceauthenabled", "true"),
        ("ServiceAuthAudience", f"api://{service['appId']}"),
        ("ServiceAuthTenantName", "contosolearning.onmicrosoft.com"),
        ("ServiceAuthTenantId", azure.tenant_id),
        ("ServiceAuthRole", "S2SAppRole"),
        ("ServiceObjectIds", azure.arm("GET", FUNCTION_APP)["identity"]["principalId"]),
        ("ServiceApplicationIds", done.made[0]["appId"]),
    ]
    assert None not in {change["id"] for change in done.document["changes"]}
    (after,) = [change["after"] for change in done.document["changes"] if "after" in change]
    expected = {name: value for name, value in azure.settings().items() if name not in before}
    assert after == {"ServiceAuthEnabled": expected.pop("serviceauthenabled")} | expected

    file = saved_to(done)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not file.with_name(f"{file.name}.pending").exists()
    values = values_in(file)
    assert list(values)[:3] == ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"]
    assert values["MCT_S2S_URL"].startswith("https://")
    secret = values["AZURE_CLIENT_SECRET"]
    assert secret not in done.out + done.err

    assert call_as_sdk(values, azure) == 200
    stranger = azure.token(values["MCT_S2S_SCOPE"]).json()["access_token"]
    assert azure.call_site(stranger) == 401

    azure.forget()
    again = mct(*SETUP, "-y", "-o", "json")
    assert (again.code, {change["action"] for change in again.document["changes"]}) == (0, {"none"})
    assert [credential["created"] for credential in again.document["credentials"]] == [False]
    assert mct(*SETUP, "--dry-run", "-o", "json").code == 0
    assert azure.writes() == []
    status = mct("status", "-o", "json")
    assert (status.code, status.document["healthy"]) == (0, True)
    assert [client["kind"] for client in status.document["clients"]] == [
        "application",
        "managedIdentity",
    ]


def test_registrations_are_as_the_contract_says(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y").code == 0
    ((service,), (client,)) = (
        azure.applications(name) for name in ("MCT service (contosolearn)", "A")
    )
    assert (service["signInAudience"], client["signInAudience"]) == ("AzureADMyOrg", "AzureADMyOrg")
    assert service["identifierUris"] == [f"api://{service['appId']}"]
    assert service["api"]["requestedAccessTokenVersion"] in {None, 1}
    (role,) = service["appRoles"]
    assert {
        key: role[key]
        for key in ("allowedMemberTypes", "description", "displayName", "value", "isEnabled")
    } == {
        "allowedMemberTypes": ["Application"],
        "description": "Apps in this role can consume the web api.",
        "displayName": "S2SAppRole",
        "value": "S2SAppRole",
        "isEnabled": True,
    }
    access = {
        "resourceAppId": service["appId"],
        "resourceAccess": [{"id": role["id"], "type": "Role"}],
    }
    assert client["requiredResourceAccess"] == [access]


RESOURCES = {
    FUNCTION_APP: "2025-05-01",
    MACHINE: "2024-11-01",
    LOGIC_APP: "2019-05-01",
    CONTAINER_APP: "2025-01-01",
}


@pytest.mark.parametrize("resource", RESOURCES)
def test_any_resource_gets_an_identity_and_keeps_those_it_has(
    mct: Program, azure: Sandbox, resource: str
) -> None:
    def identity() -> Json:
        return azure.arm("GET", resource, version=RESOURCES[resource]).get("identity") or {}

    had = set(identity().get("userAssignedIdentities") or {})
    wanted = ("setup", "--managed-identity", resource.upper(), "-y")
    assert mct(*wanted).code == 0
    before = identity()
    assert (
        "SystemAssigned" in before["type"],
        set(before.get("userAssignedIdentities") or {}),
    ) == (
        True,
        had,
    )
    assert azure.settings()["ServiceObjectIds"] == before["principalId"]
    azure.forget()
    assert (mct(*wanted).code, azure.writes()) == (0, [])


def test_a_user_assigned_identity_is_allowed_as_it_is(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--managed-identity", USER_IDENTITY, "-y").code == 0
    identity = azure.arm("GET", USER_IDENTITY, version="2023-01-31")
    assert azure.settings()["ServiceObjectIds"] == identity["properties"]["principalId"]
    assert "ServiceApplicationIds" not in azure.settings()


@pytest.mark.as_administrator("the apps of the group are listed")
def test_a_plan_for_a_site_that_does_not_look_like_an_mct_site_says_so(mct: Program) -> None:
    unusual = "'partner-portal' does not look like an MCT site"
    assert (
        unusual
        in mct(
            "setup", "-a", "partner-portal", "-g", "integrations", "--client", "A", "--dry-run"
        ).out
    )
    assert "does not look like" not in mct("setup", "--client", "A", "--dry-run").out


def test_a_run_that_did_something_says_so_quietly_too(mct: Program, azure: Sandbox) -> None:
    mct(*SETUP, "-y")
    wrong = mct("configure-appservice", "--audience", "api://foo", "-y", "-q")
    assert wrong.out.startswith("! Configured contosolearn")
    assert "'S2S-client' and 'reports-func' have lost access" in wrong.out.replace(
        "', '", "' and '"
    )
    assert mct("setup", "-y", "-q").out.startswith("✓ Configured contosolearn")
    assert mct("setup", "-y", "-q").out == ""


def test_a_role_that_shuts_clients_out_is_asked_about_and_can_be_undone(
    mct: Program, azure: Sandbox
) -> None:
    mct("setup", "--client", "A", "-y")
    before = azure.settings()
    wrong = mct("configure-appservice", "--role", "S2SAppRol", "-y")
    asked = "'MCT service (contosolearn)' has no app role 'S2SAppRol'. Did you mean 'S2SAppRole'?"
    assert asked in " ".join(wrong.err.split()), wrong
    assert "To write the previous value again:" in wrong.out, wrong
    (back,) = [line for line in printed_commands(wrong.out) if "--role" in line]
    assert mct(*shlex.split(back)[1:], "-y").code == 0
    assert azure.settings() == before
    other = mct("configure-appservice", "--role", "Elsewhere", "--dry-run").out
    assert "has no app role 'Elsewhere'." in " ".join(other.split())
    assert "Did you mean" not in other


def test_a_credential_whose_place_is_not_known_has_none(mct: Program, azure: Sandbox) -> None:
    words = ("setup", "--client", "A", "-y", "-o", "json")
    saved_to(mct(*words)).unlink()
    assert [
        (credential["created"], credential["savedTo"])
        for credential in mct(*words).document["credentials"]
    ] == [(False, None)]


def test_the_commands_that_are_printed_need_no_environment(mct: Program, azure: Sandbox) -> None:
    bare = {
        "MCT_S2S_APP_SERVICE": "",
        "MCT_S2S_RESOURCE_GROUP": "",
        "MCT_S2S_CLOUD": "",
        "AZURE_SUBSCRIPTION_ID": "",
    }
    where: tuple[str, ...] = (
        "-a",
        "contosolearn",
        "-g",
        "mct-prod",
        "-s",
        azure.subscription_id,
        "--slot",
        "staging",
    )
    where += ("--cloud", azure.origin, "--tenant", azure.tenant_id, "--auth", "environment")
    done = mct("setup", "--client", "A", "-y", *where, env=bare)
    assert done.code == 0, done.err
    status, snippet = (
        shlex.split(line[line.index("mct-s2s") :])[1:]
        for verb in ("status", "snippet")
        for line in done.out.splitlines()
        if f"mct-s2s {verb}" in line
    )
    for words in (status, snippet):
        assert {words[words.index(option) + 1] for option in where[::2]} == {*where[1::2]}
    assert mct(*status, env=bare).code == 0


def test_the_directory_and_the_site_may_be_done_by_two_people(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    handoff = tmp_path / "handoff.json"
    before = azure.settings()
    azure.forget()
    done = mct(
        "setup", "--client", "A", "--no-app-service", "--handoff", str(handoff), "-y", "-o", "json"
    )
    assert done.code == 0
    assert [row["path"] for row in azure.log("arm")] in ([], ["/metadata/endpoints"])
    document = json.loads(handoff.read_text())
    check(document)
    given = document["settings"]
    assert values_in(saved_to(done))["AZURE_CLIENT_SECRET"] not in handoff.read_text()
    azure.forget()
    configured = mct("configure-appservice", "--from", str(handoff), "-y", "-o", "json")
    assert configured.code == 0
    assert azure.log("graph") == []
    assert azure.settings() == {**before, **given}
    assert call_as_sdk(values_in(saved_to(done)), azure) == 200
    azure.forget()
    assert mct("configure-appservice", "--from", str(handoff), "--dry-run").code == 0
    assert mct("configure-appservice", "--dry-run").code == 0
    assert azure.writes() == []


def test_disable_refuses_every_call_until_configured_again(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y").code == 0
    assert mct("configure-appservice", "--disable", "-y").code == 0
    assert azure.settings()["ServiceAuthEnabled"] == "false"
    assert [f["code"] for f in mct("status", "-o", "json").document["findings"]] == [
        "setting-mismatch"
    ]
    assert mct("configure-appservice", "-y", "--no-restart").code == 0
    assert azure.settings()["ServiceAuthEnabled"] == "true"
    assert azure.restarts() == 1 + 1


def test_setup_is_done_in_a_cloud_that_knows_fewer_api_versions(
    mct: Program, azure: Sandbox
) -> None:
    azure.vary(api_versions=GOVERNMENT)
    callers = (
        "--client",
        "Import",
        "--managed-identity",
        MACHINE,
        "--managed-identity",
        FUNCTION_APP,
    )
    done = mct("setup", *callers, "--secret-to", f"keyvault:{seed.VAULT}", "-y", "-o", "json")
    assert done.code == 0, done.err
    assert mct("status", "-o", "json").document["healthy"] is True
    assert [row for row in azure.log() if row["status"] == 400] == []


def _sticky(azure: Sandbox) -> list[str]:
    return azure.arm("GET", f"{SITE}/config/slotConfigNames")["properties"]["appSettingNames"] or []


def test_a_slot_is_warned_of_swaps_until_its_settings_stick(mct: Program, azure: Sandbox) -> None:
    before = _sticky(azure)
    production, slot = azure.settings(), azure.settings(SLOT)
    done = mct("setup", "--slot", "staging", "--client", "A", "-y")
    assert done.code == 0
    assert [write for write in azure.writes() if "/restart" in write] == [f"POST {SLOT}/restart"]
    assert (azure.settings(), slot.items() <= azure.settings(SLOT).items()) == (production, True)
    assert azure.applications("MCT service (contosolearn/staging)")
    assert "swapping with production would move these" in done.err
    assert _sticky(azure) == before, "slot settings are somebody else's"
    status = mct("status", "--slot", "staging", "-o", "json")
    assert (status.code, status.document["healthy"]) == (0, True)
    (finding,) = status.document["findings"]
    assert (finding["code"], finding["severity"]) == ("settings-not-sticky", "note")
    words = shlex.split(finding["remedy"])
    at = words.index("--slot-settings") + 1
    assert words[:5] == ["az", "webapp", "config", "appsettings", "set"]
    pairs = dict(word.partition("=")[::2] for word in words[at:])
    ours = {
        name: value for name, value in azure.settings(SLOT).items() if name.startswith("Service")
    }
    assert pairs == ours, "the command sets what stands, and nothing else"
    # What the Azure CLI does with --slot-settings: the names first, then the values.
    azure.arm(
        "PUT",
        f"{SITE}/config/slotConfigNames",
        json={"properties": {"appSettingNames": [*before, *pairs]}},
    )
    azure.write_settings({**azure.settings(SLOT), **pairs}, SLOT)
    assert mct("status", "--slot", "staging", "-o", "json").document["findings"] == []
    azure.arm("POST", f"{SITE}/slotsswap", json={"targetSlot": "staging", "preserveVnet": True})
    assert {name: azure.settings(SLOT).get(name) for name in ours} == ours
    assert mct("verify", "--slot", "staging").code == 0


def test_production_is_told_of_its_slots_once(mct: Program, azure: Sandbox) -> None:
    plan = mct("setup", "--client", "A", "--dry-run")
    assert "swapping with staging would move these" in plan.out
    assert mct("setup", "--client", "A", "-y").code == 0
    assert "swapping" not in mct("setup", "--client", "B", "--dry-run").out
    again = mct("setup", "--client", "A", "--dry-run")
    assert again.out == "No changes. contosolearn is up to date.\n", (
        "nothing about places where no secret is made"
    )
    assert mct("status", "-o", "json").document["findings"] == []


def test_a_caller_who_may_not_see_the_slots_can_do_the_setup(mct: Program, azure: Sandbox) -> None:
    azure.misbehave(
        {
            "match": {"service": "ARM", "pathRegex": "/slots$|/slotConfigNames$"},
            "fault": {"type": "status", "status": 403},
        }
    )
    done = mct("setup", "--client", "A", "-y")
    azure.behave()
    assert done.code == 0
    assert "swap" not in done.err


def test_a_site_is_switched_on_again_in_words_also_where_no_plan_is_shown(mct: Program) -> None:
    assert mct("setup", "--client", "A", "-y", "--no-verify").code == 0
    assert mct("configure-appservice", "--disable", "-y").code == 0
    done = mct("setup", "--client", "B", "-y", "-q")
    assert done.code == 0, done
    assert "is switched on again. These clients can call again, too: 'A'." in done.out
    assert "is switched off" not in done.out, "it no longer is"


def test_who_adds_a_client_to_a_switched_off_site_is_told(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y", "--no-verify").code == 0
    assert mct("configure-appservice", "--disable", "-y").code == 0
    done = mct("add-client", "B", "--dry-run")
    assert "Service-to-service authentication is switched off, so no client can call." in done.out
    assert "mct-s2s configure-appservice -a contosolearn" in done.out
    added = mct("add-client", "B", "-y", "-q", "--no-verify")
    assert "Service-to-service authentication is switched off, so no client can call." in added.out
    assert azure.settings()["ServiceAuthEnabled"] == "false"


def test_who_adds_a_client_to_a_site_without_settings_is_told(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y", "--no-verify").code == 0
    settings = azure.settings()
    del settings["ServiceAuthEnabled"]
    azure.write_settings(settings)
    said = "no client can call, as these settings have no value: ServiceAuthEnabled."
    assert said in mct("add-client", "B", "--dry-run").out
    assert said in mct("add-client", "B", "-y", "-q", "--no-verify").out
    assert mct("configure-appservice", "-y").code == 0
    assert said not in mct("add-client", "C", "--dry-run").out


def test_another_name_than_the_service_application_has_is_refused(
    mct: Program, azure: Sandbox
) -> None:
    assert mct("setup", "--service-name", "Learn API", "-y").code == 0
    azure.forget()
    done = mct("setup", "--service-name", "Other", "--client", "A", "-y", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (2, "service-name-differs")
    assert azure.writes() == []
    assert mct("setup", "--service-name", "Learn API", "--client", "A", "-y").code == 0
    assert mct("setup", "--client", "A", "-y").code == 0


def test_a_backup_is_written_also_where_nothing_is_changed(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    assert mct("setup", "-y").code == 0
    azure.forget()
    file = tmp_path / "now.json"
    done = mct("configure-appservice", "--backup", str(file), "-y")
    assert (done.code, azure.writes(), file.exists()) == (0, [], True)
    assert mct("configure-appservice", "--restore", str(file), "--dry-run").code == 0


def test_plan_says_that_a_name_with_a_comma_is_one_client(mct: Program, azure: Sandbox) -> None:
    said = "'A, B' is the name of one client. To set up several, name each by itself."
    assert said in " ".join(mct("setup", "--client", "A, B", "--dry-run").out.split())
    assert mct("setup", "--client", "A, B", "-y").code == 0
    assert len(azure.applications("A, B")) == 1
    assert said not in " ".join(mct("setup", "--client", "A, B", "--dry-run").out.split())


def test_a_restart_that_is_left_out_is_named_at_the_end_and_azure_makes_its_own(
    mct: Program, azure: Sandbox
) -> None:
    for words in (("setup", "--client", "A"), ("remove-client", "A")):
        done = mct(*words, "--no-restart", "-y")
        assert "App Service restarts by itself when settings change." in done.out, done
        assert "az webapp restart -g mct-prod -n contosolearn" in done.out, done
    assert azure.restarts() == 0
    assert azure.state()["resources"]["sites"][SITE.lower()]["recycles"] == 2
    assert "az webapp restart" not in mct("setup", "--client", "A", "-y").out
