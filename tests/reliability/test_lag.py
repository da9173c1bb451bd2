"""The directory's replicas lag: waited for, never taken for a reason to make something twice.

What was deleted moments ago is shown by replicas that lag: nothing rests on it, and no command calls it a trust. Time
is simulated: twenty seconds of lag are waited for, and take none.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest

from tests.conftest import MACHINE, SITE
from tests.reliability.harness import Harness
from tests.support.sampling import sampled

SETUP = ("setup", "--client", "One", "--client", "Two", "--managed-identity", MACHINE, "-y", "-o", "json")
ONE = ("setup", "--client", "One", "-y", "-o", "json")
MODES = ("replicas", "adversarial")


@contextmanager
def lagging(harness: Harness, seconds: float, mode: str) -> Iterator[None]:
    """Let replicas lag by so many seconds."""
    state = harness.inside.state
    state.turn({"lagSeconds": seconds, "lagJitter": 0.5, "lagMode": mode})
    try:
        yield
    finally:
        state.turn({"lagSeconds": 0.0, "lagMode": "replicas"})


@pytest.fixture(scope="module")
def clean() -> dict[str, Counter[str]]:
    """What a run without lag leads to."""
    return {}


@pytest.mark.parametrize(("seconds", "mode"), sampled(list(product([1, 5, 20], MODES)), 2, salt="lag"))
def test_lag_is_waited_for_and_nothing_is_made_twice(
    seconds: float, mode: str, harness: Harness, clean: dict[str, Counter[str]], tmp_path: Path
) -> None:
    if not clean:
        assert harness.run(SETUP).code == 0
        clean["world"] = harness.normalized()
        shutil.rmtree(harness.home)
        harness.go_to(harness.seed, tmp_path / "lagging")
    with lagging(harness, seconds, mode):
        first = harness.run(SETUP)
        assert first.code == 0, first.out
        second = harness.run(SETUP)
        assert second.code == 0, second.out
        harness.inside.state.clock.advance(2 * seconds)
    rows = harness.inside.log()
    made = sum(row.path.endswith("/addPassword") and row.status == 200 for row in rows)
    restarts = sum(row.path.endswith("/restart") for row in rows)
    now = harness.normalized()
    assert (made, restarts) == (2, 1)
    assert (clean["world"] - now, now - clean["world"]) == (Counter(), Counter())
    assert (harness.orphans("One", "Two"), harness.leaks()) == ([], [])
    harness.inside.pipeline.observability.log.clear()
    third = harness.run(SETUP)
    assert {change["action"] for change in third.document["changes"]} == {"none"}
    assert not any(row.wrote for row in harness.inside.log())


@pytest.mark.parametrize("chance", sampled(range(1, 13), 1, salt="chance"))
def test_a_run_takes_little_longer_than_its_replicas(chance: int, harness: Harness, tmp_path: Path) -> None:
    """Each write reaches each replica after 5 to 100 % of the lag: the run takes twice the lag and a second at most."""
    lag, words = 5.0, ("setup", "--client", "One", "--managed-identity", "reports-func", "-y", "--no-verify")
    without = harness.run(words).seconds
    harness.go_to(harness.seed, tmp_path / "lagging")
    state = harness.inside.state
    state.turn({"lagSeconds": 0.525 * lag, "lagJitter": 0.905, "lagMode": "replicas", "lagSeed": chance})
    try:
        lagging = harness.run(words)
    finally:
        state.turn({"lagSeconds": 0.0})
    assert lagging.code == 0, lagging
    assert lagging.seconds <= without + 2 * lag + 1


@pytest.mark.parametrize(("chance", "restored"), [(1, False), (4, False), (6, False), (4, True), (6, True)])
def test_who_may_change_only_its_own_waits_for_its_registration(chance: int, restored: bool, harness: Harness) -> None:
    """The replica that refuses the service principal may be ahead of the one that is asked for the registration."""
    graph = ("Application.Read.All", "Organization.Read.All", "Application.ReadWrite.OwnedBy")
    consents, arm = "AppRoleAssignment.ReadWrite.All", [("Website Contributor", SITE)]
    harness.caller = harness.inside.azure.caller(*graph, consents, arm=arm)
    words = ("setup", "-a", SITE, "--client", "One", "-y", "-o", "json", "--no-verify")
    if restored:  # without its service principal
        assert harness.run(words).code == 0
        (one,), azure = harness.inside.azure.applications("One"), harness.inside.azure
        principal = azure.graph("GET", f"/servicePrincipals(appId='{one['appId']}')")["id"]
        azure.graph("DELETE", f"/applications/{one['id']}")
        azure.graph("DELETE", f"/directory/deletedItems/{principal}")
    harness.inside.state.turn({"lagSeed": chance})
    with lagging(harness, 12, "replicas"):
        done = harness.run(words)
    assert done.code == 0, done


def test_a_secret_whose_answer_was_lost_and_that_a_replica_did_not_show_is_gone_in_the_end(harness: Harness) -> None:
    """It is looked for and not seen, so that another is made: two of one name, of which the next run removes one."""
    harness.inside.azure.misbehave({"match": {"path": "*/addPassword"}, "times": 1, "fault": {"type": "lostAnswer"}})
    with lagging(harness, 20, "adversarial"):
        assert harness.run(ONE).code == 0
        harness.inside.state.clock.advance(40)
    assert harness.run(ONE).code == 0
    assert (harness.orphans("One"), harness.leaks()) == ([], [])


# what was deleted


ADD = ("add-client", "One", "-y", "-o", "json")
AGAIN = {
    "setup after teardown": (("teardown", "-y"), ONE),
    "setup after teardown --purge": (("teardown", "-y", "--purge"), ONE),
    "add-client after remove-client": (("remove-client", "One", "-y"), ADD),
    "add-client after remove-client --purge": (("remove-client", "One", "-y", "--purge"), ADD),
}


@pytest.mark.parametrize(
    ("seconds", "mode", "again"), sampled(list(product([1, 6, 20], MODES, AGAIN)), 2, salt="lag of removals")
)
def test_what_is_deleted_is_not_taken_for_existing(seconds: float, mode: str, again: str, harness: Harness) -> None:
    removal, addition = AGAIN[again]
    assert harness.run(ONE).code == 0
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
    assert harness.run(ONE).code == 0
    harness.inside.state.clock.advance(60)
    with lagging(harness, 8, "replicas"):
        assert harness.run(("remove-client", "One", "-y", *removal[2:3])).code == 0
        removed = harness.run((*removal, "-o", "json"))
        assert (removed.code, removed.seconds < 60) == (0, True), removed
    if "--purge" in removal:
        harness.inside.state.clock.advance(30)
        bin_ = "/directory/deletedItems/microsoft.graph.application"
        assert harness.inside.azure.graph("GET", bin_)["value"] == []


@pytest.mark.parametrize(("named", "code"), [(False, "registration-in-doubt"), (True, None)])
def test_what_refuses_writes_is_said_unless_the_site_names_it(named: bool, code: str | None, harness: Harness) -> None:
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
