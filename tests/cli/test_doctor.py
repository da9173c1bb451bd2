"""`doctor`: who signed in, to where, and whether that is enough; nothing is written."""

from __future__ import annotations

from typing import Any

import pytest
from mct_s2s.sandbox.observability.exchange import Entry

from tests.cli.conftest import Ended, Program, signed_in
from tests.conftest import FUNCTION_APP, SITE, Sandbox
from tests.support.sandbox_inside import Inside

OK, MISSING = 0, 3
READ = ("Application.Read.All", "Organization.Read.All")
SEEN = "RoleManagement.Read.Directory"
CONTRIBUTOR = ("Website Contributor", SITE)


def states(document: Any) -> dict[str, str]:
    return {found["code"]: found["state"] for found in document["checks"]}


def remedies(done: Ended) -> str:
    return " ".join(found["remedy"] or "" for found in done.document["checks"])


def test_an_administrator_may_do_it_all(mct: Program, azure: Sandbox) -> None:
    done = mct("doctor", "-o", "json", "--managed-identity", "reports-func")
    assert done.code == OK
    document = done.document
    assert document["ready"] is True
    assert document["caller"]["kind"] == "servicePrincipal"
    assert document["caller"]["name"] == "Deployment pipeline"
    assert document["caller"]["appId"] == azure.environment["AZURE_CLIENT_ID"]
    assert document["tenant"]["id"] == azure.tenant_id
    assert set(states(document).values()) == {"ok"}
    assert {"signed-in", "tenant", "admin-consent", "secret-policy", "enable-identity"} <= set(states(document))
    assert azure.writes() == []


def test_everything_that_is_missing_has_a_remedy(mct: Program, azure: Sandbox) -> None:
    caller = azure.caller(*READ, SEEN, arm=[("Reader", SITE), ("Reader", FUNCTION_APP)])
    done = mct("doctor", "-a", SITE, "-o", "json", "--managed-identity", FUNCTION_APP, env=caller)
    assert done.code == MISSING
    found = states(done.document)
    for code in (
        "create-application", "change-application", "create-service-principal", "admin-consent", "read-settings",
        "write-settings", "restart", "enable-identity",
    ):  # fmt: skip
        assert found[code] == "missing", code
    said = remedies(done)
    for words in ("Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All", "Website Contributor"):
        assert words in said
    assert f"--scope {FUNCTION_APP}" in said
    assert azure.writes() == []
    shown = mct("doctor", "-a", SITE, "-o", "markdown", env=caller).out
    assert shown.startswith("# Permissions for contosolearn\n")
    steps = [one for one in done.document["manualSteps"] if FUNCTION_APP not in one["command"]]
    assert [one["command"] for one in steps if one["command"] not in shown] == []


@pytest.mark.parametrize("slow", ["/subscriptions", "/organization"])
def test_who_may_read_neither_is_told_of_both_whichever_answers_first(
    mct: Program, azure: Sandbox, inside: Inside, slow: str
) -> None:
    async def later(entry: Entry) -> None:
        if slow in entry.path:
            await inside.time.sleep(1)

    inside.hooks.before.append(later)
    said = mct("setup", "-a", SITE, "--client", "A", "-y", env=azure.caller()).err
    inside.leave_alone()
    assert "You can't read the directory" in said
    assert "You can't read the subscription" in said


def test_what_setup_would_change_is_a_finding_and_no_obstacle(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "-y").code == OK
    azure.write_settings({**azure.settings(), "ServiceAuthEnabled": "false"})
    done = mct("doctor", "-o", "json")
    assert (done.code, done.document["ready"], done.document["setup"]) == (MISSING, False, "runs")
    assert states(done.document)["changes-pending"] == "missing"
    shown = mct("doctor").out
    assert ("2 changes pending" in shown, "All checks passed." in shown) == (True, False)
    assert "mct-s2s setup -a contosolearn -g mct-prod" in shown
    assert "mct-s2s setup --client NAME --dry-run -a contosolearn -g mct-prod" in shown


def test_what_no_role_that_can_be_seen_allows_is_unknown_with_whom_to_ask(mct: Program, azure: Sandbox) -> None:
    """A role of the tenant's own, or for one registration alone, may allow it: only the real request knows."""
    caller = azure.caller(*READ, arm=[CONTRIBUTOR])
    done = mct("doctor", "-a", SITE, "-o", "json", env=caller)
    assert done.code == OK
    assert {states(done.document)[code] for code in ("create-application", "admin-consent")} == {"unknown"}
    assert "If it is refused: Application.ReadWrite.OwnedBy, to create app registrations. Ask a Priv" in remedies(done)
    shown = mct("doctor", "-a", SITE, env=caller)
    assert shown.out.count("If it is refused:") == 1


def test_a_function_app_is_refused(mct: Program) -> None:
    done = mct("doctor", "-a", "contosolearn-fa-x7k2q", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (2, "function-app")


def test_a_person_is_known_by_name_and_by_roles(mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    run = signed_in(mct, azure, monkeypatch, arm=[CONTRIBUTOR], groupRoles=["Cloud Application Administrator"])
    done = run("doctor", "-a", SITE, "-o", "json")
    document = done.document
    assert done.code == OK, document
    assert (document["caller"]["kind"], document["caller"]["name"].partition("@")[0]) == ("person", "casey")
    assert states(document)["admin-consent"] == "ok"
