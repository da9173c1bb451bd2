"""Every changing command looks first at what its caller may do: the rest is left to others, and all of it is said."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.sandbox.observability.exchange import Entry

from tests.cli.conftest import Ended, Program
from tests.conftest import SITE, Sandbox
from tests.support.sandbox_inside import Inside

PERMISSION_MISSING = 4
READ = ("Application.Read.All", "Organization.Read.All")
SEEN = "RoleManagement.Read.Directory"
"""Whoever may list role assignments knows that there are none: without it, what is missing is not known to be."""
OWNER_OF_ITS_OWN = (*READ, "Application.ReadWrite.OwnedBy")
CONSENTING = (*OWNER_OF_ITS_OWN, "AppRoleAssignment.ReadWrite.All")
CONTRIBUTOR = ("Website Contributor", SITE)
GROUP = SITE.partition("/providers/")[0]
SUBSCRIPTION = GROUP.partition("/resourceGroups/")[0]

LOOKS = {"name": "Looks", "actions": ["*/read", "Microsoft.Web/sites/config/list/action"]}


def left(done: Ended) -> list[Any]:
    return list(done.document["manualSteps"])


def test_consent_is_left_out_and_the_rest_is_done(mct: Program, azure: Sandbox) -> None:
    caller = azure.caller(*OWNER_OF_ITS_OWN, arm=[CONTRIBUTOR])
    done = mct("setup", "-a", SITE, "--client", "A", "-y", "-o", "json", env=caller)
    assert done.code == PERMISSION_MISSING
    (step,) = left(done)
    (client,) = mct("status", "-o", "json").document["clients"]
    assert (client["allowed"], client["consented"]) == (True, False)
    assert step["link"] == f"{azure.origin}/{azure.tenant_id}/adminconsent?client_id={client['appId']}"
    assert "AppRoleAssignment.ReadWrite.All" in step["who"]
    words = shlex.split(step["command"])
    assert words[:3] == ["mct-s2s", "add-client", client["appId"]]
    again = mct("setup", "-a", SITE, "--client", "A", "-y", "-o", "json", env=caller)
    assert (again.code, left(again)) == (PERMISSION_MISSING, [step]), "it is still missing, and nothing else is done"
    assert mct(*words[1:], "-y").code == 0, "typed as printed by somebody who may, it consents"
    assert mct("setup", "-a", SITE, "--client", "A", "-y", env=caller).code == 0


def test_consent_that_an_option_leaves_out_is_exit_0_with_the_link(mct: Program, azure: Sandbox) -> None:
    done = mct("setup", "--client", "A", "--no-consent", "-y", "-o", "json")
    assert done.code == 0
    (step,) = left(done)
    (client,) = mct("status", "-o", "json").document["clients"]
    assert step["link"].endswith(f"client_id={client['appId']}")
    assert step["who"] == "a Cloud Application Administrator"


def test_the_settings_are_left_out_with_their_values_and_the_command(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    caller = azure.caller(*CONSENTING, arm=[(LOOKS, SITE)])
    handoff = tmp_path / "handoff.json"
    before = azure.settings()
    azure.forget()
    done = mct("setup", "-a", SITE, "--client", "A", "--handoff", str(handoff), "-y", "-o", "json", env=caller)
    assert done.code == PERMISSION_MISSING
    assert azure.restarts() == 0
    assert azure.settings() == before
    (step,) = left(done)
    (credential,) = done.made
    assert step["settings"]["ServiceApplicationIds"] == credential["appId"]
    assert "Website Contributor" in step["who"]
    assert f"--from {handoff}" in step["command"]
    assert json.loads(handoff.read_text())["settings"] == step["settings"]
    typed = mct(*shlex.split(step["command"])[1:], "-y")
    assert typed.code == 0, typed
    assert azure.settings() == {**before, **step["settings"]}


def test_without_a_file_the_command_carries_the_values(mct: Program, azure: Sandbox) -> None:
    caller = azure.caller(*CONSENTING, arm=[(LOOKS, SITE)])
    done = mct("setup", "-a", SITE, "--client", "A", "-y", "-o", "json", env=caller)
    (step,) = left(done)
    azure.forget()
    site_only = azure.caller(arm=[CONTRIBUTOR])
    typed = mct(*shlex.split(step["command"])[1:], "-y", env=site_only)
    assert typed.code == 0, typed
    assert azure.log("graph") == [], "whoever runs the App Service needs no access to the directory"
    assert {name: azure.settings()[name] for name in step["settings"]} == step["settings"]


@pytest.mark.parametrize("scope", [GROUP, SUBSCRIPTION])
def test_a_lock_is_named_before_anything_is_written(mct: Program, azure: Sandbox, scope: str) -> None:
    azure.lock(scope)
    done = mct("setup", "--client", "A", "-y", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (PERMISSION_MISSING, "permission-missing")
    assert "read-only lock 'sandbox'" in done.document["error"]["message"]
    assert f"az lock delete --ids {scope}/" in done.document["error"]["message"]
    assert "Azure returned" in done.document["error"]["message"]
    assert azure.writes() == []


@pytest.mark.parametrize(
    ("slow", "is_written"),
    [("/appRoleAssignedTo", True), ("/config/appsettings/list", False)],
    ids=["settings", "refusal"],
)
def test_the_check_can_be_left_out_and_the_real_refusal_then_decides(
    mct: Program, azure: Sandbox, inside: Inside, slow: str, is_written: bool
) -> None:
    """Consent and settings are on their way at once, and either may be first.

    An administrator goes on with the client by its appId: no consent shows yet that it is not an attacker's.
    """

    async def later(entry: Entry) -> None:
        if entry.path.endswith(slow):
            await inside.time.sleep(5)

    inside.hooks.before.append(later)
    caller = azure.caller(*OWNER_OF_ITS_OWN, arm=[CONTRIBUTOR])
    done = mct("setup", "-a", SITE, "--client", "A", "-y", "--no-preflight", "-o", "json", env=caller)
    inside.leave_alone()
    assert (done.code, done.document["error"]["code"]) == (PERMISSION_MISSING, "permission-missing")
    assert "admin consent" in [change["resource"] for change in done.document["notDone"]]
    (client,) = azure.applications("A")
    (service,) = azure.applications("MCT service (contosolearn)")
    assert client["appId"], "the client is made, and stays"
    assert ("ServiceAuthAudience" in azure.settings()) is is_written
    assert mct("setup", "--client", "A", "-y").code == 2
    assert mct("setup", "--service-app", service["appId"], "--client", client["appId"], "-y").code == 0


def test_a_check_that_is_not_answered_stops_nothing(mct: Program, azure: Sandbox) -> None:
    azure.misbehave(
        {"match": {"path": "*Microsoft.Authorization*"}, "fault": {"type": "status", "status": 500}},
        {"match": {"path": "*ownedObjects*"}, "fault": {"type": "hang"}},
        {"match": {"path": "*defaultAppManagementPolicy*"}, "fault": {"type": "html"}},
    )
    try:
        assert mct("setup", "--client", "A", "-y").code == 0
    finally:
        azure.behave()


def test_consent_that_is_refused_is_left_to_an_administrator_and_the_rest_is_done(mct: Program, azure: Sandbox) -> None:
    """Nothing that could be seen spoke against it, so it was tried; the refusal is no reason to stop."""
    azure.misbehave(
        {"match": {"method": "POST", "path": "*/appRoleAssignedTo"}, "fault": {"type": "status", "status": 403}}
    )
    words = ("setup", "--client", "A", "-y", "-o", "json")
    done = mct(*words)
    azure.behave()
    (step,) = done.document["manualSteps"]
    assert "grant admin consent to 'A'" in step["what"]
    assert azure.restarts() == 1
    again = mct(*words)
    assert (again.code, again.document["manualSteps"]) == (0, [])
