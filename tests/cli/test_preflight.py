"""Every changing command looks first at what its caller may do: the rest is left to others, and all
of it is said.
"""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.sandbox.observability.exchange import Entry

from tests.cli.conftest import Ended, Program, reading
from tests.conftest import SITE, Sandbox
from tests.support.sandbox_inside import Inside


@pytest.fixture
def mct(mct: Program) -> Program:
    return reading(mct)


PERMISSION_MISSING = 4
"""Of whatever ends a run that has written something."""
READ = ("Application.Read.All", "Organization.Read.All")
SEEN = "RoleManagement.Read.Directory"
"""Whoever may list role assignments knows that there are none: without it, what is missing is not
known to be.
"""
OWNER_OF_ITS_OWN = (*READ, "Application.ReadWrite.OwnedBy")
READER = ("Reader", SITE)
CONSENTING = (*OWNER_OF_ITS_OWN, "AppRoleAssignment.ReadWrite.All")
CONTRIBUTOR = ("Website Contributor", SITE)
GROUP = SITE.partition("/providers/")[0]
SUBSCRIPTION = GROUP.partition("/resourceGroups/")[0]

LOOKS = {"name": "Looks", "actions": ["*/read", "Microsoft.Web/sites/config/list/action"]}


def left(done: Ended) -> list[Any]:
    return list(done.document["manualSteps"])


def test_a_bare_name_is_looked_for_in_the_app_services_subscription_also_in_parts(
    mct: Program, azure: Sandbox
) -> None:
    other = {"group": "mct-abroad", "subscription": "7f0c9d7e-5a1b-4c3d-8e2f-1a2b3c4d5e6f"}
    site = azure.add_site(name="contosoabroad", **other)["id"]
    _ = azure.add_site(name="abroad-reports", **other)
    caller = {
        **azure.caller(arm=[("Reader", site.partition("/providers/")[0])]),
        "MCT_S2S_RESOURCE_GROUP": "",
    }
    refused = mct(
        "setup", "-a", site, "--managed-identity", "abroad-reports", "-y", "-o", "json", env=caller
    )
    assert refused.code == PERMISSION_MISSING
    assert "to read the directory." in refused.document["error"]["message"]


def test_a_caller_without_the_right_to_consent_does_the_rest(mct: Program, azure: Sandbox) -> None:
    caller = azure.caller(*OWNER_OF_ITS_OWN, arm=[CONTRIBUTOR])
    done = mct("setup", "-a", SITE, "--client", "A", "-y", "-o", "json", env=caller)
    assert done.code == PERMISSION_MISSING
    (step,) = left(done)
    (client,) = mct("status", "-o", "json").document["clients"]
    assert (client["allowed"], client["consented"]) == (True, False)
    assert (
        step["link"] == f"{azure.origin}/{azure.tenant_id}/adminconsent?client_id={client['appId']}"
    )
    assert "AppRoleAssignment.ReadWrite.All" in step["who"]
    words = shlex.split(step["command"])
    assert words[words.index("--client") + 1] == client["appId"], words
    again = mct("setup", "-a", SITE, "--client", "A", "-y", "-o", "json", env=caller)
    assert (again.code, left(again)) == (PERMISSION_MISSING, [step]), (
        "it is still missing, and nothing else is done"
    )
    assert mct(*words[1:], "-y").code == 0, "typed as printed by somebody who may, it consents"
    assert mct("setup", "-a", SITE, "--client", "A", "-y", env=caller).code == 0


@pytest.mark.parametrize("to_a_file", [True, False])
def test_a_caller_without_the_right_to_settings_gets_the_command_that_writes_them(
    mct: Program, azure: Sandbox, tmp_path: Path, to_a_file: bool
) -> None:
    """It reads the values from the file, or carries them."""
    caller = azure.caller(*CONSENTING, arm=[(LOOKS, SITE)])
    handoff = tmp_path / "handoff.json"
    more = ("--handoff", str(handoff)) if to_a_file else ()
    before = azure.settings()
    azure.forget()
    done = mct("setup", "-a", SITE, "--client", "A", *more, "-y", "-o", "json", env=caller)
    assert (done.code, azure.restarts(), azure.settings()) == (PERMISSION_MISSING, 0, before)
    (step,) = left(done)
    (credential,) = done.made
    assert step["settings"]["ServiceApplicationIds"] == credential["appId"]
    assert "Website Contributor" in step["who"]
    if to_a_file:
        assert f"--from {handoff}" in step["command"]
        assert json.loads(handoff.read_text())["settings"] == step["settings"]
    azure.forget()
    typed = mct(*shlex.split(step["command"])[1:], "-y", env=azure.caller(arm=[CONTRIBUTOR]))
    assert typed.code == 0, typed
    assert azure.log("graph") == [], "whoever runs the App Service needs no access to the directory"
    assert azure.settings() == {**before, **step["settings"]}


LISTS_LOCKS = pytest.mark.as_administrator("the locks of the subscription are listed")


@pytest.mark.parametrize("scope", [GROUP, pytest.param(SUBSCRIPTION, marks=LISTS_LOCKS)])
def test_a_lock_is_named_before_anything_is_written(
    mct: Program, azure: Sandbox, scope: str
) -> None:
    azure.lock(scope)
    done = mct("setup", "--client", "A", "-y", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (PERMISSION_MISSING, "permission-missing")
    assert "read-only lock 'sandbox'" in done.document["error"]["message"]
    assert f"az lock delete --ids {scope}/" in done.document["error"]["message"]
    assert "ScopeLocked: " in done.document["error"]["message"], "in the words of Azure"
    assert azure.writes() == []


@pytest.mark.parametrize(
    ("slow", "is_written"),
    [("/appRoleAssignedTo", True), ("/config/appsettings/list", False)],
    ids=["settings", "refusal"],
)
@pytest.mark.as_administrator("it goes on with what another caller has registered")
def test_without_the_check_of_rights_the_real_refusal_decides(
    mct: Program, azure: Sandbox, inside: Inside, slow: str, is_written: bool
) -> None:
    """Consent and settings are on their way at once, and either may be first.

    On this machine anyone may go on.
    """

    async def later(entry: Entry) -> None:
        if entry.path.endswith(slow):
            await inside.time.sleep(5)

    inside.hooks.before.append(later)
    caller = azure.caller(*OWNER_OF_ITS_OWN, arm=[CONTRIBUTOR])
    done = mct(
        "setup", "-a", SITE, "--client", "A", "-y", "--no-preflight", "-o", "json", env=caller
    )
    inside.leave_alone()
    assert (done.code, done.document["error"]["code"]) == (PERMISSION_MISSING, "permission-missing")
    assert "admin consent" in [change["resource"] for change in done.document["notDone"]]
    (client,) = azure.applications("A")
    assert client["appId"], "the client is made, and stays"
    assert ("ServiceAuthAudience" in azure.settings()) is is_written
    assert mct("setup", "--client", "A", "-y").code == 0
    assert [application["appId"] for application in azure.applications("A")] == [client["appId"]]


def test_a_check_of_rights_that_is_not_answered_stops_nothing(mct: Program, azure: Sandbox) -> None:
    azure.misbehave(
        {
            "match": {"path": "*Microsoft.Authorization*"},
            "fault": {"type": "status", "status": 500},
        },
        {"match": {"path": "*ownedObjects*"}, "fault": {"type": "hang"}},
        {"match": {"path": "*defaultAppManagementPolicy*"}, "fault": {"type": "html"}},
    )
    try:
        assert mct("setup", "--client", "A", "-y").code == 0
    finally:
        azure.behave()


@pytest.mark.parametrize(
    ("permissions", "role", "step", "right", "is_written"),
    [
        (
            (*READ, "AppRoleAssignment.ReadWrite.All"),
            CONTRIBUTOR,
            "create the app registration",
            "Application.ReadWrite.OwnedBy",
            False,
        ),
        (
            (*OWNER_OF_ITS_OWN, "AppRoleAssignment.ReadWrite.All"),
            (LOOKS, SITE),
            "write the application settings",
            "Website Contributor",
            True,
        ),
        (
            (*OWNER_OF_ITS_OWN, "AppRoleAssignment.ReadWrite.All"),
            ("Reader", SITE),
            "read the application settings",
            "Website Contributor",
            False,
        ),
    ],
    ids=["registration", "settings", "reading of settings"],
)
def test_a_right_is_named_by_the_refusal_where_no_rights_can_be_read(
    mct: Program,
    azure: Sandbox,
    permissions: tuple[str, ...],
    role: tuple[object, str],
    step: str,
    right: str,
    is_written: bool,
) -> None:
    """What cannot be read is tried; a dry run plans it."""
    caller = azure.caller(*permissions, arm=[role])
    own = f"*/servicePrincipals(appId='{caller['AZURE_CLIENT_ID']}')/*"
    paths = ("*Microsoft.Authorization*", own, "*transitiveRoleAssignments*", "*ManagementPolic*")
    azure.misbehave(
        *(
            {
                "match": {"method": "GET", "path": path},
                "fault": {"type": "status", "status": 403},
            }
            for path in paths
        )
    )
    words = ("setup", "-a", SITE, "--client", "A")
    is_readable = not step.startswith("read")
    assert mct(*words, "--dry-run", env=caller).code == (3 if is_readable else PERMISSION_MISSING)
    done = mct(*words, "-y", "-o", "json", env=caller)
    azure.behave()
    error = done.document["error"]
    assert (done.code, error["code"]) == (PERMISSION_MISSING, "permission-missing"), done
    (missing,) = error["missing"]
    assert (missing["step"], right in missing["right"]) == (step, True)
    assert right in f"{error['message']} {error['remedy']}"
    assert bool(azure.applications("A")) is is_written


def test_consent_that_is_refused_is_left_to_an_administrator_and_the_rest_is_done(
    mct: Program, azure: Sandbox
) -> None:
    """Nothing that could be seen spoke against it, so it was tried; the refusal is no reason to
    stop.
    """
    azure.misbehave(
        {
            "match": {"method": "POST", "path": "*/appRoleAssignedTo"},
            "fault": {"type": "status", "status": 403},
        }
    )
    words = ("setup", "--client", "A", "-y", "-o", "json")
    done = mct(*words)
    azure.behave()
    (step,) = done.document["manualSteps"]
    assert "grant admin consent to 'A'" in step["what"]
    assert azure.restarts() == 1
    again = mct(*words)
    assert (again.code, again.document["manualSteps"]) == (0, [])


# dry runs


def test_a_dry_run_without_rights_shows_the_plan_and_what_is_missing(
    mct: Program, azure: Sandbox
) -> None:
    caller = azure.caller(*OWNER_OF_ITS_OWN, SEEN, arm=[READER])
    azure.forget()
    shown = mct("setup", "--client", "A", "--dry-run", env=caller)
    assert (shown.code, azure.writes()) == (PERMISSION_MISSING, [])
    assert "! application settings" in shown.out
    assert "+ client application" in shown.out
    assert "az role assignment create --assignee-object-id " in shown.out
    dry = mct("setup", "--client", "A", "--dry-run", "-o", "json", env=caller)
    assert [row["resource"] for row in dry.document["changes"] if row["blocked"]] == [
        "admin consent",
        "application settings",
    ]
    rights = {(row["step"], row["right"]) for row in dry.document["missing"]}
    assert ("write the application settings of 'contosolearn'", "Website Contributor") in rights
    assert all(row["who"] and row["command"] for row in dry.document["missing"])


def test_a_missing_right_that_stops_the_whole_plan_is_marked(mct: Program, azure: Sandbox) -> None:
    caller = azure.caller(*READ, SEEN, arm=[CONTRIBUTOR])
    dry = mct("setup", "--client", "A", "--dry-run", "-o", "json", env=caller)
    blocked = {row["resource"] for row in dry.document["changes"] if row["blocked"]}
    assert blocked >= {"service application", "client application"}
    real = mct("setup", "--client", "A", "-y", "-o", "json", env=caller)
    assert (dry.code, real.code, azure.writes()) == (PERMISSION_MISSING, PERMISSION_MISSING, [])
    missing = {(row["step"], row["command"]) for row in real.document["error"]["missing"]}
    assert missing == {(row["step"], row["command"]) for row in dry.document["missing"]}


# settings that may not be read


def test_a_reader_sees_the_directory_and_a_finding(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y", "--no-verify").code == 0
    reader = azure.caller(*OWNER_OF_ITS_OWN, arm=[READER])
    done = mct("status", "-a", SITE, "-o", "json", env=reader)
    assert done.code == 3, done
    document = done.document
    assert [row["code"] for row in document["findings"]] == ["settings-unreadable"]
    assert document["findings"][0]["remedy"].startswith(
        "mct-s2s doctor -a contosolearn -g mct-prod"
    )
    assert (document["healthy"], document["appService"]["settings"]) == (False, None)
    assert document["serviceApplication"]["displayName"] == "MCT service (contosolearn)"
    (client,) = document["clients"]
    assert (client["displayName"], client["consented"], client["allowed"]) == ("A", True, None)
    shown = mct("status", "-a", SITE, env=reader).out
    assert shown.startswith("It is not known whether 1 client can call")
    assert "You can't read the application settings of 'contosolearn'" in shown
    assert "ServiceAuthEnabled" not in shown
    advice = mct("doctor", "-a", SITE, env=reader).out
    assert "? A registration has the name of this App Service's" in advice
    assert "az ad app delete" not in advice, (
        "that only the settings name it does not make it foreign"
    )
    half = "--service-app APP_ID --client NAME --no-app-service"
    assert half in advice, "without it, setup would refuse"
    azure.lock(SITE)
    locked = mct("status", "-o", "json").document
    assert [row["code"] for row in locked["findings"]] == ["settings-unreadable"], (
        "a lock is no end either"
    )
