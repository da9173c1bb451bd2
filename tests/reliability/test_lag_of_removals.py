"""What was deleted moments ago is shown by replicas that lag: nothing rests on it, and no command calls it a trust.

Time is simulated: twenty seconds of lag are waited for, and take none.
"""

from __future__ import annotations

from itertools import product

import pytest

from tests.reliability.harness import Harness
from tests.reliability.test_lag import MODES, lagging
from tests.support.sampling import sampled

SETUP = ("setup", "--client", "One", "-y", "-o", "json")
ADD = ("add-client", "One", "-y", "-o", "json")
AGAIN = {
    "setup after teardown": (("teardown", "-y"), SETUP),
    "setup after teardown --purge": (("teardown", "-y", "--purge"), SETUP),
    "add-client after remove-client": (("remove-client", "One", "-y"), ADD),
    "add-client after remove-client --purge": (("remove-client", "One", "-y", "--purge"), ADD),
}


@pytest.mark.parametrize(
    ("seconds", "mode", "again"), sampled(list(product([1, 6, 20], MODES, AGAIN)), 2, salt="lag of removals")
)
def test_what_is_deleted_is_not_taken_for_existing(seconds: float, mode: str, again: str, harness: Harness) -> None:
    removal, addition = AGAIN[again]
    assert harness.run(SETUP).code == 0
    harness.inside.state.clock.advance(60)
    with lagging(harness, seconds, mode):
        assert harness.run(removal).code == 0
        added = harness.run(addition)
        harness.inside.state.clock.advance(2 * seconds)
    if "--purge" in again and added.code == 1:  # the recycle bin, too, is read at a replica: said as it is
        assert added.document["error"]["code"] == "not-in-recycle-bin"
        return
    assert added.code == 0, added
    assert added.document["verification"] is not None
    assert harness.calls()["one"] == 200
    second = harness.run(addition)
    assert second.code == 0
    assert {change["action"] for change in second.document["changes"]} == {"none"}
    assert (harness.orphans("One"), harness.leaks()) == ([], [])


@pytest.mark.parametrize(
    "removal",
    [("teardown", "-y"), ("teardown", "-y", "--purge"), ("remove-client", "One", "--keep-registration", "-y")],
)
def test_what_is_gone_and_still_shown_is_removed(removal: tuple[str, ...], harness: Harness) -> None:
    assert harness.run(SETUP).code == 0
    harness.inside.state.clock.advance(60)
    with lagging(harness, 8, MODES[0]):
        assert harness.run(("remove-client", "One", "-y", *removal[2:3])).code == 0
        removed = harness.run((*removal, "-o", "json"))
        assert (removed.code, removed.seconds < 60) == (0, True), removed


@pytest.mark.parametrize(("named", "code"), [(False, "registration-in-doubt"), (True, None)])
def test_what_refuses_writes_and_is_shown_is_said_unless_the_app_service_names_it(
    named: bool, code: str | None, harness: Harness
) -> None:
    """A registration that only a read speaks for is written before anything rests on it."""
    azure = harness.inside.azure
    assert harness.run(("setup", "-y")).code == 0
    if not named:
        settings = {name: value for name, value in azure.settings().items() if not name.startswith("Service")}
        azure.write_settings(settings)
    (service,) = azure.applications("MCT service (contosolearn)")
    fault = {"type": "status", "status": 404, "code": "Request_ResourceNotFound"}
    azure.misbehave({"match": {"method": "PATCH", "path": f"*/applications/{service['id']}"}, "fault": fault})
    azure.forget()
    done = harness.run(("setup", "--client", "One", "--timeout", "30", "-y", "-o", "json"))
    azure.behave()
    assert done.document.get("error", {}).get("code") == code
    assert bool([entry for entry in harness.inside.log() if entry.wrote]) is named
