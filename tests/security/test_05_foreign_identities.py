"""A removal switches off only identities that the App Service itself lets in, and says which before it asks.

Attacker: whoever may write tags to the service application's registration. Without it, a planted tag makes `teardown`
switch off the managed identity of somebody else's resource.
"""

from __future__ import annotations

import pytest

from tests.cli.conftest import Program
from tests.conftest import FUNCTION_APP, GROUP, Sandbox

PORTAL = f"{GROUP}/Microsoft.Web/sites/partner-portal"
JSON = ("-y", "-o", "json")
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
