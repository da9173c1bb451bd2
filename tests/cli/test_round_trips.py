"""How many requests a command sends, and how many of them wait for one another: neither may creep up.

Time is simulated, so the second number is exact: the slope of a run's time over the time that each request takes. The
reading of a cloud's endpoints is left out: the public cloud needs none.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program
from tests.support.sandbox_inside import Inside

SECONDS = 10.0
"""For each request: long beside anything else that a command waits for."""
SETUP = ("setup", "--client", "One", "--managed-identity", "reports-func", "-y", "--no-verify")
DISCOVERY = 1


@dataclass(frozen=True)
class Cost:
    """Of one command: everything it sends, sign-in and reading back included."""

    requests: int
    depth: int


@dataclass
class Measured:
    """A command in a state, with and without latency."""

    mct: Program
    inside: Inside
    home: Path
    kept: Path

    def cost(self, *words: str) -> Cost:
        """Run it twice from the same state; the state is then as after the command."""
        before, times, counts = self.inside.keep(), [], []
        shutil.rmtree(self.kept, ignore_errors=True)
        shutil.copytree(self.home, self.kept)
        for seconds in (0.0, SECONDS):
            shutil.rmtree(self.home)
            shutil.copytree(self.kept, self.home)
            self.inside.become(before)
            self.inside.state.latency_seconds = seconds
            done = self.mct(*words, "--timeout", "3000")
            self.inside.state.latency_seconds = 0.0
            assert done.code == 0, done
            times.append(done.seconds)
            counts.append(len(self.inside.log()) - DISCOVERY)
        assert counts[0] == counts[1]
        return Cost(counts[0], round((times[1] - times[0]) / SECONDS) - DISCOVERY)


@pytest.fixture
def measured(mct: Program, inside: Inside, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return Measured(mct, inside, tmp_path, tmp_path_factory.mktemp("kept") / "home")


def test_setup_and_what_follows(measured: Measured) -> None:
    found = {
        "setup": measured.cost(*SETUP),
        "setup again": measured.cost(*SETUP),
        "status": measured.cost("status"),
        "status --all": measured.cost("status", "--all"),
        "add-client": measured.cost("add-client", "Two", "-y", "--no-verify"),
        "verify": measured.cost("verify"),
        "doctor": measured.cost("doctor"),
    }
    assert found == {
        "setup": Cost(38, 10),
        "setup again": Cost(29, 3),
        "status": Cost(15, 3),
        "status --all": Cost(19, 7),
        "add-client": Cost(34, 9),
        "verify": Cost(20, 5),
        "doctor": Cost(24, 3),
    }


def test_setup_of_a_resource_that_need_not_be_looked_up(measured: Measured) -> None:
    function_app = f"{seed.SUBSCRIPTION}/resourceGroups/integrations/providers/Microsoft.Web/sites/reports-func"
    words = [function_app if word == "reports-func" else word for word in SETUP]
    assert measured.cost(*words) == Cost(37, 10)


def test_setup_of_a_client_alone(measured: Measured) -> None:
    assert measured.cost("setup", "--client", "One", "-y", "--no-verify") == Cost(33, 10)


def test_what_takes_away(measured: Measured) -> None:
    measured.cost(*SETUP)
    found = {
        "rotate-secret": measured.cost("rotate-secret", "One", "-y"),
        "remove-client": measured.cost("remove-client", "One", "-y"),
        "teardown": measured.cost("teardown", "-y"),
    }
    assert found == {"rotate-secret": Cost(42, 6), "remove-client": Cost(36, 11), "teardown": Cost(32, 11)}
