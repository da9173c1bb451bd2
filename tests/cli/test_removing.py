"""`remove-client` and `teardown`: shut out first, then cleaned up, and only what this trust owns."""

from typing import Any

import pytest

from tests.cli.conftest import Ended, Program, saved_to, values_in
from tests.conftest import FUNCTION_APP, GROUP, JSON, Sandbox

SETUP = ("setup", "--client", "One", "--client", "Two", "--managed-identity", "reports-func", *JSON)


def _state(azure: Sandbox) -> Any:
    """Everything that is there, without the recycle bin and without how often the site began anew."""
    state = azure.state()
    for kind in ("applications", "servicePrincipals"):
        state["directory"][kind] = [one for one in state["directory"][kind] if not one["deletedDateTime"]]
    state["directory"] = {k: v for k, v in state["directory"].items() if k not in {"clock", "now"}}
    for site in state["resources"]["sites"].values():
        for name in ("restarts", "recycles", "ready_at", "effective", "references", "changed"):
            site.pop(name, None)
    for resource in state["resources"]["resources"].values():
        if resource.get("identity") == {"type": "None"}:
            del resource["identity"]
    return {"directory": state["directory"], "resources": state["resources"]}


def _client(status: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in status["clients"] if c["displayName"] == name)
    return found


def _changes(ended: Ended) -> list[tuple[str, str, str]]:
    return [(c["action"], c["resource"], c["name"]) for c in ended.document["changes"] if c["action"] != "none"]


def test_a_client_is_shut_out_and_then_deleted(mct: Program, azure: Sandbox) -> None:
    made = mct(*SETUP)
    one, two = (_client(mct("status", "-o", "json").document, name) for name in ("One", "Two"))
    before = azure.token_of(values_in(saved_to(made, "One"))).json()["access_token"]
    azure.forget()
    done = mct("remove-client", one["servicePrincipalId"], *JSON)
    assert done.code == 0, done
    kinds = [write.rpartition("/")[2].partition("?")[0] for write in azure.writes()]
    assert kinds[:2] == ["appsettings", "restart"], "who is not let in any more is shut out before all else"
    assert azure.restarts() == 1
    status = mct("status", "-o", "json").document
    assert status["healthy"], status["findings"]
    assert [c["displayName"] for c in status["clients"]] == ["Two", "reports-func"]
    assert azure.settings()["ServiceApplicationIds"] == two["appId"]
    assert azure.applications("One") == []
    assert azure.call_site(before) == 401
    assert azure.call_as(values_in(saved_to(made, "Two"))) == 200
    assert not saved_to(made, "One").exists()


@pytest.mark.parametrize("by", ["displayName", "appId"])
def test_removing_again_changes_nothing_and_says_so(mct: Program, azure: Sandbox, by: str) -> None:
    mct(*SETUP)
    named = _client(mct("status", "-o", "json").document, "One")[by]
    mct("remove-client", named, *JSON)
    azure.forget()
    again = mct("remove-client", named, *JSON)
    assert (again.code, azure.writes()) == (0, [])
    (row,) = again.document["changes"]
    assert (row["action"], row["name"]) == ("none", "One")
    assert "already deleted since" in row["detail"]
    assert mct("remove-client", named, "--purge", *JSON).code == 0, "what a cut-off run left there goes for good"
    deleted = azure.graph("GET", "/directory/deletedItems/microsoft.graph.application")["value"]
    assert deleted == []


@pytest.mark.parametrize("by", ["displayName", "resourceId"])
def test_an_identity_is_switched_off_if_it_was_switched_on_for_this(mct: Program, azure: Sandbox, by: str) -> None:
    seed = _state(azure)
    mct(*SETUP)
    identity = _client(mct("status", "-o", "json").document, "reports-func")
    done = mct("remove-client", identity[by], *JSON)
    assert ("delete", "managed identity", "reports-func") in _changes(done)
    assert (azure.arm("GET", FUNCTION_APP).get("identity") or {}).get("principalId") is None
    assert "ServiceObjectIds" not in azure.settings(), "a list that nobody is on goes as a whole"
    mct("teardown", *JSON)
    assert _state(azure) == seed


WHY_KEPT = {
    "it was on before": "mct-s2s did not enable it",
    "it has a role elsewhere": "it is also used elsewhere",
    "*/Microsoft.Authorization/roleAssignments": "could not read what else uses it",
    "*/appRoleAssignments": "could not read what else uses it",
}


@pytest.mark.parametrize("case", WHY_KEPT)
def test_an_identity_that_was_on_before_or_is_used_elsewhere_or_may_be_stays_on(
    case: str, mct: Program, azure: Sandbox
) -> None:
    """Unreadable is never taken for unused."""
    if case == "it was on before":
        azure.arm("PATCH", FUNCTION_APP, json={"identity": {"type": "SystemAssigned"}})
    mct(*SETUP)
    if case == "it has a role elsewhere":
        azure.assign_role(azure.arm("GET", FUNCTION_APP)["identity"]["principalId"], "Reader", GROUP)
    elif case.startswith("*/"):
        azure.misbehave({"match": {"path": case}, "fault": {"type": "status", "status": 403}})
    done = mct("teardown", *JSON, "--no-preflight")
    azure.behave()
    assert done.code == 0, done
    assert azure.arm("GET", FUNCTION_APP)["identity"]["principalId"]
    assert ("ServiceObjectIds" in azure.settings(), azure.made_by_us()) == (False, [])
    (kept,) = [c for c in done.document["changes"] if c["resource"] == "managed identity"]
    assert kept["detail"].startswith(f"kept: {WHY_KEPT[case]}")


def test_a_registration_that_was_there_before_is_kept(mct: Program, azure: Sandbox) -> None:
    adopted = azure.graph("POST", "/applications", json={"displayName": "Theirs", "signInAudience": "AzureADMyOrg"})
    assert mct("setup", "--client", adopted["appId"], *JSON).code == 0
    done = mct("remove-client", "Theirs", *JSON)
    assert done.code == 0, done
    left = azure.graph("GET", f"/applications/{adopted['id']}")
    assert left["requiredResourceAccess"] == []
    assert len(left["passwordCredentials"]) == 1, "a credential of somebody else's registration is theirs to remove"
    assert ("update", "API permission", "Theirs") in _changes(done)
    assert ("delete", "admin consent", "Theirs") in _changes(done)
    principal = f"/servicePrincipals(appId='{adopted['appId']}')"
    assert azure.graph("GET", f"{principal}/appRoleAssignments")["value"] == []
    assert mct("setup", "--client", adopted["appId"], *JSON).code == 0
    assert mct("remove-client", adopted["appId"], "--delete-adopted", *JSON).code == 0
    assert azure.applications("Theirs") == [], "where that is asked for"


def test_a_registration_is_kept_where_that_is_asked_for(mct: Program, azure: Sandbox) -> None:
    """And can be a client again, with the secret that it kept."""
    made = mct(*SETUP)
    assert mct("remove-client", "One", "--keep-registration", *JSON).code == 0
    azure.forget()
    assert mct("remove-client", "One", "--keep-registration", *JSON).code == 0
    assert azure.writes() == []
    again = mct("add-client", "One", *JSON)
    assert (again.code, again.made) == (0, []), again
    assert azure.call_as(values_in(saved_to(made, "One"))) == 200


def test_a_teardown_leaves_what_was_there_before(mct: Program, azure: Sandbox) -> None:
    seed = _state(azure)
    mct(*SETUP)
    assert _state(azure) != seed
    dry, done = mct("teardown", "--dry-run", "-o", "json"), mct("teardown", *JSON)
    assert (dry.code, done.code, _changes(done)) == (3, 0, _changes(dry))
    assert (_state(azure), azure.leaks()) == (seed, [])
    azure.forget()
    assert (mct("teardown", *JSON).code, azure.writes()) == (0, [])
    assert mct("teardown", "--dry-run").code == 0


def test_an_adopted_service_application_is_kept(mct: Program, azure: Sandbox) -> None:
    theirs = azure.graph("POST", "/applications", json={"displayName": "MCT API", "signInAudience": "AzureADMyOrg"})
    mct("setup", "--service-app", theirs["appId"], "--client", "One", "--managed-identity", "reports-func", *JSON)
    done = mct("teardown", *JSON)
    assert done.code == 0, done
    assert azure.applications("One") == []
    (left,) = azure.applications("MCT API")
    assert left["tags"] == ["mct-s2s:adopted:mct-s2s-contosolearn"], "nothing but that it was adopted is remembered"
    assert (azure.arm("GET", FUNCTION_APP).get("identity") or {}).get("principalId") is None
