"""The whole job, by each kind of caller and in each kind of tenant that differs from the documented one."""

from itertools import product

import pytest

from tests.cli.conftest import Ended, Program, alone, signed_in
from tests.conftest import FUNCTION_APP, JSON, SITE, Json, Sandbox
from tests.support.sampling import sampled
from tests.support.sandbox_inside import Inside

READ = ("Application.Read.All", "Organization.Read.All")
UNATTENDED = (*READ, "Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All")
ARM = [("Website Contributor", SITE), ("Website Contributor", FUNCTION_APP)]
WANTED = ("setup", "-a", SITE, "--client", "A", "--managed-identity", FUNCTION_APP, *JSON)
IN_APPLICATIONS, IN_PRINCIPALS = "microsoft.directory/applications/", "microsoft.directory/servicePrincipals/"
CUSTOM = {
    "name": "Integrator",
    "actions": [
        *(f"{IN_APPLICATIONS}{one}" for one in ("createAsOwner", "allProperties/update", "delete")),
        *(f"{IN_PRINCIPALS}{one}" for one in ("create", "appRoleAssignedTo/update")),
    ],
}

TENANTS: dict[str, Json] = {
    "as documented": {},
    "the upsert makes no owner": {"upsert_without_owner": True},
    "no cast": {"role_cast_status": 400},
    "a broken cast": {"role_cast_status": 500},
    "no role assignments": {"role_assignments_hidden": True},
    "no uniqueName in the recycle bin": {"deleted_without_unique_name": True},
}
TENANTS["all of it"] = {name: value for tenant in TENANTS.values() for name, value in tenant.items()}
PEOPLE: dict[str, Json] = {
    "a person with a custom role": {"customRoles": [CUSTOM]},
    "an administrator in person": {"directoryRoles": ["Cloud Application Administrator"]},
    "an administrator by group": {"groupRoles": ["Application Administrator"]},
    "a member without any role": {},
}
LEAST = "unattended, with the least permissions"


def registrations(ended: Ended) -> set[str]:
    return {one["appId"] for one in ended.document["changes"] if one.get("appId")}


@pytest.mark.parametrize(("kind", "tenant"), sampled(list(product([LEAST, *PEOPLE], TENANTS)), 6, salt="callers"))
def test_the_whole_job(mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch, kind: str, tenant: str) -> None:
    azure.vary(**TENANTS[tenant])
    if kind == LEAST:
        run = alone(mct, azure, *UNATTENDED, arm=ARM)
    else:
        run = signed_in(mct, azure, monkeypatch, arm=ARM, **PEOPLE[kind])
    first = run(*WANTED)
    assert first.code == 0, first
    assert (first.document["manualSteps"], mct("status").code) == ([], 0)
    assert first.seconds < 30
    azure.forget()
    again = run(*WANTED)
    assert (again.code, azure.writes()) == (0, []), again
    removed = run("teardown", "-a", SITE, *JSON)
    assert removed.code == 0, removed
    assert azure.made_by_us() == []
    back = run(*WANTED)
    assert back.code == 0, back
    assert registrations(back) == registrations(first), "out of the recycle bin"


def test_an_administrator_of_one_registration_adds_to_it(
    mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role reaches the service application and its service principal, and shows in no membership."""
    theirs = azure.graph("POST", "/applications", json={"displayName": "MCT API", "signInAudience": "AzureADMyOrg"})
    principal = azure.graph("POST", "/servicePrincipals", json={"appId": theirs["appId"]})
    role = "Cloud Application Administrator"
    scoped = [{"role": role, "scope": f"/{one['id']}"} for one in (theirs, principal)]
    run = signed_in(mct, azure, monkeypatch, arm=ARM, scopedRoles=scoped)
    words = (*WANTED[:3], "--service-app", theirs["appId"], *WANTED[3:])
    done = run(*words)
    assert (done.code, done.document["manualSteps"]) == (0, []), done
    assert mct("status", "-o", "json").document["healthy"]
    azure.forget()
    assert (run(*words).code, azure.writes()) == (0, [])
    checked = run("doctor", "-a", SITE, "-o", "json")
    assert checked.code == 0, checked
    assert "missing" not in [found["state"] for found in checked.document["checks"]]


def test_what_is_refused_on_the_way_tells_what_else_is_probably_missing(mct: Program, azure: Sandbox) -> None:
    done = mct("setup", "-a", SITE, "--client", "A", *JSON, env=azure.caller(*READ, arm=ARM))
    assert (done.code, done.document["error"]["code"]) == (4, "permission-missing")
    message = done.document["error"]["message"]
    assert "You can't create the app registration" in message
    assert "also not confirmed: " in message
    assert "grant admin consent to 'A'" in message
    assert azure.made_by_us() == []


def test_a_principal_that_may_change_only_its_own_is_told_who_can_make_it_an_owner(
    mct: Program, azure: Sandbox
) -> None:
    """It has the permission: to be told to ask for that would be no help."""
    theirs = azure.graph("POST", "/applications", json={"displayName": "MCT API", "signInAudience": "AzureADMyOrg"})
    caller = azure.caller(*UNATTENDED, arm=ARM)
    azure.misbehave({"match": {"path": "*ownedObjects*"}, "fault": {"type": "status", "status": 403}})
    words = ("setup", "-a", SITE, "--service-app", theirs["appId"], *JSON, "--no-preflight")
    done = mct(*words, env=caller)
    azure.behave()
    assert done.code == 4, done
    assert done.seconds < 5, "nothing that will change by itself is waited for"
    remedy = done.document["error"]["remedy"]
    assert f"az ad app owner add --id {theirs['appId']} --owner-object-id" in remedy


def test_a_client_that_somebody_else_owns_is_refused_before_any_write(mct: Program, azure: Sandbox) -> None:
    theirs = azure.graph("POST", "/applications", json={"displayName": "Theirs", "signInAudience": "AzureADMyOrg"})
    caller = azure.caller(*UNATTENDED, arm=ARM)
    azure.forget()
    done = mct("setup", "-a", SITE, "--client", theirs["appId"], *JSON, env=caller)
    assert (done.code, done.document["error"]["code"]) == (4, "not-owner"), done
    assert [row["path"] for row in azure.log() if row["wrote"]] == []
    assert f"az ad app owner add --id {theirs['appId']}" in done.document["error"]["remedy"]


# --- the budget for keys of certificates ---


def test_nothing_is_drawn_from_the_tenants_budget_for_keys(mct: Program, azure: Sandbox, inside: Inside) -> None:
    """150 reads a minute are for everybody together: another program may have used them up."""
    for _ in range(150):
        inside.state.directory.key_reads.draw()
    done = mct("setup", "-a", SITE, "--client", "A", "--client", "B", *JSON)
    assert (done.code, done.seconds < 10) == (0, True), done
    again = mct("setup", "-a", SITE, "--client", "A", "--client", "B", *JSON)
    looked = mct("status", "-a", SITE, "-o", "json")
    assert (again.code, looked.code, again.seconds + looked.seconds < 10) == (0, 0, True)
