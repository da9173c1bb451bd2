"""Answers that Azure really gives and that are no failures; and refusals that leave everything ready to go on."""

from pathlib import Path

import pytest

from tests.cli.conftest import Ended, Program
from tests.conftest import CONTAINER_APP, FUNCTION_APP, GROUP, JSON, LOGIC_APP, MACHINE, SLOT, Json, Sandbox

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


@pytest.mark.parametrize("match", [{"service": "Graph"}, {"service": "ARM", "path": "/subscriptions*"}, None])
def test_a_service_is_quoted_with_the_request_id_that_the_trace_shows(
    mct: Program, azure: Sandbox, match: Json | None
) -> None:
    fault = {"type": "status", "status": 400, "message": "The moon is in the wrong phase."}
    azure.misbehave(*[{"match": match, "fault": fault}] * (match is not None))
    told = mct("setup", *JSON, "-v", env={} if match else {"AZURE_CLIENT_SECRET": "not-the-one-4711"})
    error = told.document["error"]
    assert ("The moon" if match else "AADSTS7000215: Invalid client secret provided") in error["message"]
    assert ("Trace ID" in error["message"], error["requestId"] in told.err) == (False, True)


def test_a_tenant_that_demands_a_reference_says_how_it_is_given(mct: Program, azure: Sandbox) -> None:
    """Registrations from before the rule get it; one that has another keeps it: whoever wrote that knew why."""
    wanted = ("setup", "--client", "One", "--client", "Two")
    assert mct(*wanted, *JSON).code == 0
    (two,) = azure.applications("Two")
    azure.graph("PATCH", f"/applications/{two['id']}", json={"serviceManagementReference": "theirs"})
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


def test_a_setting_whose_name_blocks_every_write_is_named_and_nothing_is_lost(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    """On plans that take plain names only, one that was there before blocks every write: Azure names it."""
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


def test_an_identity_that_is_accepted_and_neither_made_nor_switched_off_is_told(mct: Program, azure: Sandbox) -> None:
    """Whoever removes a client must know that its identity is still there."""
    setup, update = ("setup", "--managed-identity", LOGIC_APP, *JSON), f"az resource update --ids {LOGIC_APP} --set"
    azure.vary(identity_patch="ignored")
    error = refused(mct(*setup), "identity-unchanged")
    assert f"{update} identity.type=SystemAssigned" in error["remedy"]
    assert "ServiceObjectIds" not in azure.settings()
    azure.vary(identity_patch="accepted")
    assert mct(*setup).code == 0
    azure.vary(identity_patch="ignored")
    error = refused(mct("remove-client", LOGIC_APP, *JSON), "identity-unchanged")
    assert f"{update} identity.type=None" in error["remedy"]
    azure.vary(identity_patch="accepted")
    assert mct("teardown", *JSON).code == 0
    assert "principalId" not in identity(azure, LOGIC_APP, "2019-05-01")


def test_a_static_web_app_is_put_as_it_ignores_a_patch_of_its_identity(mct: Program, azure: Sandbox) -> None:
    portal, version = f"{GROUP}/Microsoft.Web/staticSites/portal", "2023-12-01"
    made = {"location": "West Europe", "sku": {"name": "Standard"}, "properties": {"provider": "GitHub"}}
    azure.arm("PUT", portal, version=version, json=made)
    assert mct("setup", "--managed-identity", portal, *JSON).code == 0
    assert identity(azure, portal, version)["principalId"] == azure.settings()["ServiceObjectIds"]
    shown = azure.arm("GET", portal, version=version)
    assert (shown["sku"], shown["properties"]["provider"]) == (made["sku"], "GitHub")
    assert mct("remove-client", portal, *JSON).code == 0
    assert "principalId" not in identity(azure, portal, version)


@pytest.mark.parametrize(
    ("resource", "version"),
    [(MACHINE, "2024-11-01"), (CONTAINER_APP, "2025-01-01"), (FUNCTION_APP, "2023-12-01"), (SLOT, "2023-12-01")],
)
@pytest.mark.parametrize("takes", [0.0, 3.0])
def test_a_lost_answer_to_a_change_of_identity_is_looked_up(
    mct: Program, azure: Sandbox, resource: str, version: str, takes: float
) -> None:
    """The repeated change would meet the first one, still running or done: neither is a failure."""
    azure.operations_take(takes)
    lost = {"match": {"service": "ARM", "method": "PATCH"}, "times": 1, "fault": {"type": "lostAnswer"}}
    azure.misbehave(lost)
    assert mct("setup", "--managed-identity", resource, *JSON).code == 0
    assert azure.graph("GET", f"/servicePrincipals/{azure.settings()['ServiceObjectIds']}")
    azure.misbehave(lost)
    assert mct("remove-client", resource, *JSON).code == 0
    assert "principalId" not in identity(azure, resource, version)


def test_a_registration_that_may_not_leave_v2_tokens_is_left_as_it_is_and_the_ways_out_are_told(
    mct: Program, azure: Sandbox
) -> None:
    v2 = {"api": {"requestedAccessTokenVersion": 2}, "identifierUris": ["api://plain-name"]}
    theirs = azure.graph("POST", "/applications", json={"displayName": "API", "signInAudience": "AzureADMyOrg", **v2})
    azure.forget()
    error = refused(mct("setup", "--service-app", theirs["appId"], *JSON), "graph-refused")
    assert "without --service-app" in error["remedy"]
    (after,) = (one for one in azure.graph("GET", "/applications")["value"] if one["appId"] == theirs["appId"])
    assert (after["appRoles"], after["identifierUris"], after["tags"]) == ([], ["api://plain-name"], [])


@pytest.mark.parametrize("tenant", ["default", "strict", "legacy"])
def test_the_whole_job_is_done_in_each_tenant(mct: Program, azure: Sandbox, tenant: str) -> None:
    """Lists in pages, the other text of a duplicate, settings accepted first, identities by PUT, and references."""
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
