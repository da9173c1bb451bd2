"""The whole job, by each kind of caller and in each kind of tenant, past answers of Azure that are
no failures.
"""

from itertools import product
from pathlib import Path

import pytest

from tests.cli.conftest import Ended, Program, alone, signed_in
from tests.conftest import (
    CONTAINER_APP,
    FUNCTION_APP,
    GROUP,
    JSON,
    LOGIC_APP,
    MACHINE,
    SITE,
    SLOT,
    Json,
    Sandbox,
)
from tests.support.sampling import sampled
from tests.support.sandbox_inside import Inside

REFERENCE = "96524024-75b0-497b-ab38-0381399a6aaa"
WITH_REFERENCE = ("--service-management-reference", REFERENCE)
COLONS = "ConnectionStrings:MctDatabase"


def refused(done: Ended, code: str) -> Json:
    """The error of a command that a service's answer has ended."""
    error: Json = done.document["error"]
    assert (done.code, error["code"]) == (1, code)
    return error


def identity(azure: Sandbox, resource: str, version: str) -> Json:
    return azure.arm("GET", resource, version=version).get("identity") or {}


@pytest.mark.parametrize(
    "match", [{"service": "Graph"}, {"service": "ARM", "path": "/subscriptions*"}, None]
)
def test_a_service_is_quoted_with_the_request_id_of_the_trace(
    mct: Program, azure: Sandbox, match: Json | None
) -> None:
    fault = {"type": "status", "status": 400, "message": "The moon is in the wrong phase."}
    azure.misbehave(*[{"match": match, "fault": fault}] * (match is not None))
    told = mct(
        "setup", *JSON, "-v", env={} if match else {"AZURE_CLIENT_SECRET": "not-the-one-4711"}
    )
    error = told.document["error"]
    assert ("The moon" if match else "AADSTS7000215: Invalid client secret provided") in error[
        "message"
    ]
    assert ("Trace ID" in error["message"], error["requestId"] in told.err) == (False, True)


def test_a_tenant_that_demands_a_reference_says_how_it_is_given(
    mct: Program, azure: Sandbox
) -> None:
    """Registrations from before the rule get it; one that has another keeps it: whoever wrote that
    knew why.
    """
    wanted = ("setup", "--client", "One", "--client", "Two")
    assert mct(*wanted, *JSON).code == 0
    (two,) = azure.applications("Two")
    azure.graph(
        "PATCH", f"/applications/{two['id']}", json={"serviceManagementReference": "theirs"}
    )
    azure.vary(service_management_reference_required=True)
    more = (*wanted, "--client", "Three")
    error = refused(mct(*more, *JSON), "management-reference-needed")
    assert "--service-management-reference ID" in error["remedy"]
    assert azure.applications("Three") == []
    assert mct(*more, *WITH_REFERENCE, *JSON).code == 0
    names = ("MCT service (contosolearn)", "One", "Two", "Three")
    references = [azure.applications(name)[0]["serviceManagementReference"] for name in names]
    assert references == [REFERENCE, REFERENCE, "theirs", REFERENCE]
    azure.forget()
    assert (mct(*more, *WITH_REFERENCE, *JSON).code, azure.writes()) == (0, [])


def test_a_setting_that_blocks_writes_is_named_and_nothing_lost(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    """On plans that take plain names only, one that was there before blocks every write: Azure
    names it.
    """
    before = azure.settings()
    azure.vary(strict_setting_names=True)
    error = refused(mct("setup", "--client", "One", *JSON), "setting-name-refused")
    assert f"'{COLONS}'" in f"{error['message']} {error['remedy']}"
    assert azure.settings() == before
    assert list(tmp_path.rglob("*.env")), "the secret that was made is where it was to go"
    plain = {name.replace(":", "__"): value for name, value in before.items()}
    azure.write_settings(plain)
    azure.forget()
    again = mct("setup", "--client", "One", *JSON)
    assert again.code == 0, again
    assert [write for write in azure.writes() if "addPassword" in write] == []
    assert plain.items() <= azure.settings().items()


def test_an_identity_that_is_accepted_and_not_made_is_told(mct: Program, azure: Sandbox) -> None:
    setup = ("setup", "--managed-identity", LOGIC_APP, *JSON)
    update = f"az resource update --ids {LOGIC_APP} --set"
    azure.vary(identity_patch="ignored")
    error = refused(mct(*setup), "identity-unchanged")
    assert f"{update} identity.type=SystemAssigned" in error["remedy"]
    assert "ServiceObjectIds" not in azure.settings()
    azure.vary(identity_patch="accepted")
    assert mct(*setup).code == 0


def test_a_static_web_app_is_put_as_it_ignores_a_patch_of_its_identity(
    mct: Program, azure: Sandbox
) -> None:
    portal, version = f"{GROUP}/Microsoft.Web/staticSites/portal", "2023-12-01"
    resource = {
        "location": "West Europe",
        "sku": {"name": "Standard"},
        "properties": {"provider": "GitHub"},
    }
    azure.arm("PUT", portal, version=version, json=resource)
    azure.let_operate(portal, "Contributor")
    assert mct("setup", "--managed-identity", portal, *JSON).code == 0
    assert identity(azure, portal, version)["principalId"] == azure.settings()["ServiceObjectIds"]
    shown = azure.arm("GET", portal, version=version)
    assert (shown["sku"], shown["properties"]["provider"]) == (resource["sku"], "GitHub")


@pytest.mark.parametrize(
    ("resource", "version"),
    [
        (MACHINE, "2024-11-01"),
        (CONTAINER_APP, "2025-01-01"),
        (FUNCTION_APP, "2023-12-01"),
        (SLOT, "2023-12-01"),
    ],
)
@pytest.mark.parametrize("takes", [0.0, 3.0])
def test_a_lost_answer_is_looked_up(
    mct: Program, azure: Sandbox, resource: str, version: str, takes: float
) -> None:
    """The repeated change would meet the first one, still running or done: neither is a failure."""
    azure.operations_take(takes)
    lost = {
        "match": {"service": "ARM", "method": "PATCH"},
        "times": 1,
        "fault": {"type": "lostAnswer"},
    }
    azure.misbehave(lost)
    assert mct("setup", "--managed-identity", resource, *JSON).code == 0
    assert azure.graph("GET", f"/servicePrincipals/{azure.settings()['ServiceObjectIds']}")
    assert identity(azure, resource, version)["principalId"] == azure.settings()["ServiceObjectIds"]


def test_a_registration_bound_to_v2_tokens_stays_and_the_ways_out_are_told(
    mct: Program, azure: Sandbox
) -> None:
    v2 = {"api": {"requestedAccessTokenVersion": 2}, "identifierUris": ["api://plain-name"]}
    theirs = azure.graph(
        "POST", "/applications", json={"displayName": "API", "signInAudience": "AzureADMyOrg", **v2}
    )
    azure.let_own(theirs["appId"])
    azure.forget()
    error = refused(mct("setup", "--service-app", theirs["appId"], *JSON), "graph-refused")
    assert "without --service-app" in error["remedy"]
    (after,) = (
        application
        for application in azure.graph("GET", "/applications")["value"]
        if application["appId"] == theirs["appId"]
    )
    assert (after["appRoles"], after["identifierUris"], after["tags"]) == (
        [],
        ["api://plain-name"],
        [],
    )


@pytest.mark.parametrize("tenant", ["default", "strict", "legacy"])
def test_setup_add_and_remove_client_are_done_in_each_tenant(
    mct: Program, azure: Sandbox, tenant: str
) -> None:
    """Lists in pages, the other text of a duplicate, settings accepted first, identities by PUT,
    and references.
    """
    azure.tenant(tenant)
    wanted = ("setup", "--client", "One", "--managed-identity", LOGIC_APP, *WITH_REFERENCE, *JSON)
    assert mct(*wanted).code == 0
    azure.forget()
    assert (mct(*wanted).code, azure.writes()) == (0, [])
    assert mct("add-client", "Two", *WITH_REFERENCE, *JSON).code == 0
    assert mct("remove-client", "One", *JSON).code == 0
    assert mct("status", "-o", "json").document["healthy"]
    assert mct("teardown", *JSON).code == 0
    azure.tenant("default")
    assert "ServiceApplicationIds" not in azure.settings()


READ = ("Application.Read.All", "Organization.Read.All")
UNATTENDED = (*READ, "Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All")
ARM = [("Website Contributor", SITE), ("Website Contributor", FUNCTION_APP)]
WANTED = ("setup", "-a", SITE, "--client", "A", "--managed-identity", FUNCTION_APP, *JSON)
IN_APPLICATIONS, IN_PRINCIPALS = (
    "microsoft.directory/applications/",
    "microsoft.directory/servicePrincipals/",
)
CUSTOM = {
    "name": "Integrator",
    "actions": [
        *(
            f"{IN_APPLICATIONS}{action}"
            for action in ("createAsOwner", "allProperties/update", "delete")
        ),
        *(f"{IN_PRINCIPALS}{action}" for action in ("create", "appRoleAssignedTo/update")),
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
TENANTS["all of it"] = {
    name: value for tenant in TENANTS.values() for name, value in tenant.items()
}
PEOPLE: dict[str, Json] = {
    "a person with a custom role": {"customRoles": [CUSTOM]},
    "an administrator in person": {"directoryRoles": ["Cloud Application Administrator"]},
    "an administrator by group": {"groupRoles": ["Application Administrator"]},
    "a member without any role": {},
}
WITHOUT_RECYCLE_BIN = ("a person with a custom role", "a member without any role")
LEAST = "unattended, with the least permissions"


def registrations(ended: Ended) -> set[str]:
    return {change["appId"] for change in ended.document["changes"] if change.get("appId")}


@pytest.mark.parametrize(
    ("kind", "tenant"), sampled(list(product([LEAST, *PEOPLE], TENANTS)), 6, salt="callers")
)
def test_setup_to_teardown_is_done_by_each_kind_of_caller_in_each_tenant(
    mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch, kind: str, tenant: str
) -> None:
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
    if kind in WITHOUT_RECYCLE_BIN:
        refused = run(*WANTED)
        assert (refused.code, refused.document["error"]["code"], azure.made_by_us()) == (
            1,
            "name-taken",
            [],
        ), refused
        assert "Hybrid Identity Administrator" in refused.document["error"]["remedy"]
        azure.vary(recycle_bin_for_members=True)
    back = run(*WANTED)
    assert back.code == 0, back
    assert registrations(back) == registrations(first), "out of the recycle bin"


def test_an_administrator_of_one_registration_adds_clients(
    mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role reaches the service application and its service principal, and shows in no
    membership.
    """
    theirs = azure.graph(
        "POST", "/applications", json={"displayName": "MCT API", "signInAudience": "AzureADMyOrg"}
    )
    principal = azure.graph("POST", "/servicePrincipals", json={"appId": theirs["appId"]})
    role = "Cloud Application Administrator"
    scoped = [{"role": role, "scope": f"/{entity['id']}"} for entity in (theirs, principal)]
    run = signed_in(mct, azure, monkeypatch, arm=ARM, scopedRoles=scoped)
    words = (*WANTED[:3], "--service-app", theirs["appId"], *WANTED[3:])
    done = run(*words)
    assert (done.code, done.document["manualSteps"]) == (0, []), done
    assert mct("status", "-o", "json").document["healthy"]
    azure.forget()
    assert (run(*words).code, azure.writes()) == (0, [])
    checked = run("doctor", "-a", SITE, "-o", "json")
    assert checked.code == 0, checked
    assert "missing" not in [check["state"] for check in checked.document["checks"]]


def test_a_refusal_during_the_work_tells_what_else_is_probably_missing(
    mct: Program, azure: Sandbox
) -> None:
    done = mct("setup", "-a", SITE, "--client", "A", *JSON, env=azure.caller(*READ, arm=ARM))
    assert (done.code, done.document["error"]["code"]) == (4, "permission-missing")
    message = done.document["error"]["message"]
    assert "You can't create the app registration" in message
    assert "also not confirmed: " in message
    assert "grant admin consent to 'A'" in message
    assert azure.made_by_us() == []


def test_who_may_change_only_its_own_is_told_who_can_make_it_an_owner(
    mct: Program, azure: Sandbox
) -> None:
    """It has the permission: to be told to ask for that would be no help."""
    theirs = azure.graph(
        "POST", "/applications", json={"displayName": "MCT API", "signInAudience": "AzureADMyOrg"}
    )
    caller = azure.caller(*UNATTENDED, arm=ARM)
    azure.misbehave(
        {"match": {"path": "*ownedObjects*"}, "fault": {"type": "status", "status": 403}}
    )
    words = ("setup", "-a", SITE, "--service-app", theirs["appId"], *JSON, "--no-preflight")
    done = mct(*words, env=caller)
    azure.behave()
    assert done.code == 4, done
    assert done.seconds < 5, "nothing that will change by itself is waited for"
    remedy = done.document["error"]["remedy"]
    assert f"az ad app owner add --id {theirs['appId']} --owner-object-id" in remedy


def test_a_client_that_somebody_else_owns_is_refused_before_any_write(
    mct: Program, azure: Sandbox
) -> None:
    theirs = azure.graph(
        "POST", "/applications", json={"displayName": "Theirs", "signInAudience": "AzureADMyOrg"}
    )
    caller = azure.caller(*UNATTENDED, arm=ARM)
    azure.forget()
    done = mct("setup", "-a", SITE, "--client", theirs["appId"], *JSON, env=caller)
    assert (done.code, done.document["error"]["code"]) == (4, "not-owner"), done
    assert [row["path"] for row in azure.log() if row["wrote"]] == []
    assert f"az ad app owner add --id {theirs['appId']}" in done.document["error"]["remedy"]


# --- the budget for keys of certificates ---


def test_nothing_is_drawn_from_the_tenants_budget_for_keys(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    """150 reads a minute are for everybody together: another program may have used them up."""
    for _ in range(150):
        inside.state.directory.key_reads.draw()
    done = mct("setup", "-a", SITE, "--client", "A", "--client", "B", *JSON)
    assert (done.code, done.seconds < 10) == (0, True), done
    again = mct("setup", "-a", SITE, "--client", "A", "--client", "B", *JSON)
    looked = mct("status", "-a", SITE, "-o", "json")
    assert (again.code, looked.code, again.seconds + looked.seconds < 10) == (0, 0, True)
