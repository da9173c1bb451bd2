"""A removal touches members of this trust only: a tag that somebody has planted is nobody's word.

Attacker: whoever may write tags to a registration. Without it, a planted tag makes `teardown` switch off the managed
identity of somebody else's resource, or delete somebody else's registration.
"""

import pytest

from tests.cli.conftest import Program
from tests.conftest import FUNCTION_APP, GROUP, JSON, Sandbox

PORTAL = f"{GROUP}/Microsoft.Web/sites/partner-portal"
SETUP = ("setup", "--client", "One", "--managed-identity", "reports-func", *JSON)
LEFT = "kept: it is not on this App Service's allow list"


def _plant(azure: Sandbox, resource: str) -> str:
    """A foreign identity, and a tag that says that it was switched on for this trust; its object id."""
    foreign = azure.arm("PATCH", resource, json={"identity": {"type": "SystemAssigned"}})
    (service,) = azure.applications("MCT service (contosolearn)")
    tags = [*service["tags"], f"mct-s2s:identity:{resource}"]
    azure.graph("PATCH", f"/applications/{service['id']}", json={"tags": tags})
    return str(foreign["identity"]["principalId"])


@pytest.mark.parametrize("words", [("teardown",), ("remove-client", "partner-portal")])
def test_a_planted_tag_switches_nothing_off(mct: Program, azure: Sandbox, words: tuple[str, ...]) -> None:
    mct(*SETUP)
    planted = _plant(azure, PORTAL)
    done = mct(*words, *JSON)
    assert done.code == 0, done
    assert azure.arm("GET", PORTAL)["identity"]["principalId"] == planted
    rows = {c["name"]: c for c in done.document["changes"] if c["resource"] == "managed identity"}
    assert (rows["partner-portal"]["action"], rows["partner-portal"]["detail"]) == ("none", LEFT)
    if words == ("teardown",):
        assert rows["reports-func"]["action"] == "delete"
        assert not azure.arm("GET", FUNCTION_APP).get("identity", {}).get("principalId")


def test_who_is_switched_off_is_named_and_so_is_what_cannot_be_seen(mct: Program, azure: Sandbox) -> None:
    mct(*SETUP)
    _plant(azure, PORTAL)
    shown = mct("teardown", "--dry-run")
    (line,) = [line for line in shown.out.splitlines() if "Disables the" in line]
    assert FUNCTION_APP.casefold() in line.casefold()
    assert "partner-portal" not in line
    assert "Its roles in other subscriptions cannot be checked" in line


def test_a_removal_that_was_cut_off_is_finished_by_its_own_note_alone(mct: Program, azure: Sandbox) -> None:
    mct(*SETUP)
    planted = _plant(azure, PORTAL)
    cut = {
        "match": {"service": "ARM", "path": "*/reports-func", "writes": True},
        "fault": {"type": "status", "status": 409},
    }
    azure.misbehave({**cut, "times": 1})
    assert mct("teardown", *JSON).code == 1
    azure.behave()
    assert "ServiceObjectIds" not in azure.settings()
    done = mct("teardown", *JSON)
    assert done.code == 0, done
    assert not azure.arm("GET", FUNCTION_APP).get("identity", {}).get("principalId")
    assert azure.arm("GET", PORTAL)["identity"]["principalId"] == planted


def test_a_registration_that_only_carries_the_tag_is_left_alone(mct: Program, azure: Sandbox) -> None:
    for name, tags in (("Adopted", []), ("Tagged", ["mct-s2s:mct-s2s-contosolearn"])):
        azure.graph("POST", "/applications", json={"displayName": name, "signInAudience": "AzureADMyOrg", "tags": tags})
    mct("setup", "--client", "One", "--client", azure.applications("Adopted")[0]["appId"], *JSON)
    done = mct("teardown", "--delete-adopted", *JSON)
    assert done.code == 0, done
    assert [len(azure.applications(name)) for name in ("One", "Adopted", "Tagged")] == [0, 0, 1]
    assert "Tagged" not in {change["name"] for change in done.document["changes"]}
