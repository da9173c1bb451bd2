"""The directory's replicas lag: waited for, never taken for a reason to make something twice.

Time is simulated: twenty seconds of lag are waited for, and take none.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest

from tests.conftest import MACHINE
from tests.reliability.harness import Harness
from tests.support.sampling import sampled
from tests.support.summary import cell

SETUP = ("setup", "--client", "One", "--client", "Two", "--managed-identity", MACHINE, "-y", "-o", "json")

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
    lost, doubles = clean["world"] - now, now - clean["world"]
    orphans, leaks = harness.orphans("One", "Two"), harness.leaks()
    cell("lag", lost=len(lost), doubles=len(doubles) + max(0, made - 2), orphans=len(orphans), leaks=len(leaks))
    assert (made, restarts) == (2, 1)
    assert (lost, doubles) == (Counter(), Counter())
    assert (orphans, leaks) == ([], [])
    harness.inside.pipeline.observability.log.clear()
    third = harness.run(SETUP)
    assert {change["action"] for change in third.document["changes"]} == {"none"}
    assert not any(row.wrote for row in harness.inside.log())


@pytest.mark.parametrize("chance", sampled(range(1, 13), 1, salt="chance"))
def test_a_run_takes_little_longer_than_its_replicas(chance: int, harness: Harness, tmp_path: Path) -> None:
    """Each write reaches each replica after 5 to 100 % of the lag: the run takes 1.6 times the lag and a second."""
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
    assert lagging.seconds <= without + 1.6 * lag + 1


def test_a_secret_whose_answer_was_lost_and_that_a_replica_did_not_show_is_gone_in_the_end(harness: Harness) -> None:
    """It is looked for and not seen, so that another is made: two of one name, of which the next run removes one."""
    words = ("setup", "--client", "One", "-y", "-o", "json")
    harness.inside.azure.misbehave({"match": {"path": "*/addPassword"}, "times": 1, "fault": {"type": "lostAnswer"}})
    with lagging(harness, 20, "adversarial"):
        assert harness.run(words).code == 0
        harness.inside.state.clock.advance(40)
    assert harness.run(words).code == 0
    assert (harness.orphans("One"), harness.leaks()) == ([], [])
