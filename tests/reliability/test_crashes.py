"""Killed at any write of `setup`, at three moments of it: the same command ends where one clean run ends."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from mct_s2s.sandbox.observability.exchange import Cut
from mct_s2s.sandbox.observability.request_log import Entry
from mct_s2s.sandbox.observability.writes import may_write

from tests.conftest import MACHINE
from tests.reliability.harness import Harness, label
from tests.support.sampling import sampled
from tests.support.summary import cell

CLIENTS = ("One", "Two")
SETUP = (
    "setup", "--client", "One", "--client", "Two", "--managed-identity", "reports-func", "--managed-identity", MACHINE,
    "-y", "-o", "json",
)  # fmt: skip
WRITES = (
    "graph PATCH /v1.0/applications(uniqueName='mct-s2s-contosolearn') 1",
    "graph PATCH /v1.0/applications(uniqueName='mct-s2s-contosolearn.one-8b12507783') 1",
    "graph PATCH /v1.0/applications(uniqueName='mct-s2s-contosolearn.two-94a72c074c') 1",
    "graph PATCH /v1.0/applications/{id} 1",
    "graph PATCH /v1.0/applications/{id} 2",
    "graph PATCH /v1.0/applications/{id} 3",
    "graph POST /v1.0/servicePrincipals 1",
    "graph POST /v1.0/servicePrincipals 2",
    "graph POST /v1.0/servicePrincipals 3",
    "graph POST /v1.0/applications/{id}/addPassword 1",
    "graph POST /v1.0/applications/{id}/addPassword 2",
    "graph POST /v1.0/servicePrincipals/{id}/appRoleAssignedTo 1",
    "graph POST /v1.0/servicePrincipals/{id}/appRoleAssignedTo 2",
    "arm PATCH …/Microsoft.Web/sites/reports-func 1",
    "arm PATCH …/Microsoft.Compute/virtualMachines/etl-vm 1",
    "arm PUT …/Microsoft.Web/sites/contosolearn/config/appsettings 1",
    "arm POST …/Microsoft.Web/sites/contosolearn/restart 1",
)
"""Each by what it is and which of its kind it is."""


@dataclass
class Marksman:
    """Sends a signal to the program at one moment of one of its requests.

    Moments: `before` it takes effect; `after` it did, with the answer lost; `answered`, when the answer has arrived.
    """

    harness: Harness
    target: str
    moment: str
    signal: signal.Signals
    process: subprocess.Popen[str] | None = None
    shot: bool = False

    def __post_init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._marked: set[int] = set()
        self.harness.inside.hooks.before.append(self._before)
        self.harness.inside.hooks.after.append(self._after)

    async def _before(self, entry: Entry) -> None:
        if not may_write(entry.service, entry.method, entry.path):
            return
        self._seen[label(entry)] += 1
        if f"{label(entry)} {self._seen[label(entry)]}" == self.target and not self.shot:
            self._marked.add(entry.number)
            if self.moment == "before":
                await self._shoot()

    async def _after(self, entry: Entry) -> None:
        if entry.number not in self._marked:
            return
        if self.moment == "after":
            await self._shoot()
        else:
            # The answer leaves in the next moment; a little later it has arrived, and been read or not.
            delay = random.Random(self.target).uniform(0.004, 0.03)
            asyncio.get_running_loop().call_later(delay, self._send)

    async def _shoot(self) -> None:
        self._send()
        if self.signal is signal.SIGKILL:
            raise Cut("reset")
        await asyncio.sleep(0.05)

    def _send(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, self.signal)
        self.shot = True


@pytest.fixture(scope="module")
def clean() -> dict[str, Counter[str]]:
    """What one clean run leads to; each worker finds it out once."""
    return {}


def whole(harness: Harness, clean: dict[str, Counter[str]], matrix: str) -> None:
    """Run the same command again; it must end where one clean run ends."""
    again = harness.ended(harness.process(SETUP))
    assert again.code == 0, again.out + again.err
    assert harness.run(["status", "-o", "json"]).document["findings"] == []
    now, then = harness.normalized(), clean["world"]
    lost, doubled = then - now, now - then
    orphans, leaks = harness.orphans(*CLIENTS), harness.leaks()
    cell(matrix, lost=len(lost), doubles=len(doubled), orphans=len(orphans), leaks=len(leaks))
    assert (lost, doubled) == (Counter(), Counter())
    assert (orphans, leaks) == ([], [])
    assert Counter(harness.files()) == clean["files"]
    assert harness.calls() == {"one": 200, "two": 200, "reports-func": 200, "etl-vm": 200}


@pytest.fixture
def ready(harness: Harness, clean: dict[str, Counter[str]]) -> Harness:
    """As new, with a clean run's end known."""
    if not clean:
        done = harness.ended(harness.process(SETUP))
        assert done.code == 0, done.err
        clean["world"], clean["files"] = harness.normalized(), Counter(harness.files())
        seen: Counter[str] = Counter()
        for entry in harness.inside.log():
            if entry.wrote:
                seen[label(entry)] += 1
        clean["writes"] = Counter(f"{kind} {at + 1}" for kind, times in seen.items() for at in range(times))
        assert harness.calls() == {"one": 200, "two": 200, "reports-func": 200, "etl-vm": 200}
        harness.go_to(harness.seed, harness.home / "cell")
    return harness


def test_the_matrix_knows_every_write(ready: Harness, clean: dict[str, Counter[str]]) -> None:
    assert sorted(clean["writes"]) == sorted(WRITES)


MOMENTS = ("before", "after", "answered")
KILLS = sampled(
    [(write, moment) for write in WRITES for moment in sampled(MOMENTS, 1, salt=write)],
    6,
    of_all=len(WRITES) * len(MOMENTS),
    salt="kills",
)
"""A sample has every third write, at one moment of it."""


@pytest.mark.parametrize(("write", "moment"), KILLS)
def test_killed_at_any_write(write: str, moment: str, ready: Harness, clean: dict[str, Counter[str]]) -> None:
    marksman = Marksman(ready, write, moment, signal.SIGKILL)
    marksman.process = ready.process(SETUP)
    killed = ready.ended(marksman.process)
    assert marksman.shot
    assert killed.code == -signal.SIGKILL
    ready.inside.leave_alone()
    whole(ready, clean, "crash")


INTERRUPTED = [
    (WRITES[0], "before"),
    (WRITES[3], "before"),
    (WRITES[6], "after"),
    (WRITES[9], "after"),
    (WRITES[10], "before"),
    (WRITES[12], "after"),
    (WRITES[15], "after"),
    (WRITES[16], "before"),
]


@pytest.mark.parametrize(("write", "moment"), sampled(INTERRUPTED, 1, salt="interrupted"))
def test_interrupted_at_a_write(write: str, moment: str, ready: Harness, clean: dict[str, Counter[str]]) -> None:
    marksman = Marksman(ready, write, moment, signal.SIGINT)
    marksman.process = ready.process(SETUP[:-2])
    stopped = ready.ended(marksman.process)
    assert marksman.shot
    assert stopped.code == 130, stopped.err
    told = stopped.err.partition("Interrupted.")[2]
    assert "Not done: " in told or "Unconfirmed: " in told, stopped.err
    assert "Run the same command again to resume" in told
    assert "Traceback" not in stopped.err
    assert "secret" not in stopped.out.lower()
    ready.inside.leave_alone()
    whole(ready, clean, "interruption")


@pytest.mark.skipif(sys.platform != "linux", reason="where an open file's name can be asked")
def test_a_power_cut_loses_no_secret(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The note is on disk before the secret is made, and the secret before anything is changed that rests on it."""
    order: list[str] = []

    def confirmed(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        order.append("note" if ".pending." in name else "secret" if ".env." in name else "folder")

    async def asked(entry: Entry) -> None:
        if entry.path.endswith(("/addPassword", "/config/appsettings")):
            order.append(entry.path.rpartition("/")[2])

    harness.inside.hooks.before.append(asked)
    monkeypatch.setattr(os, "fsync", confirmed)
    ended = harness.run(("setup", "--client", "One", "-y", "-o", "json"))
    assert ended.code == 0, ended.out
    assert order == ["note", "folder", "addPassword", "secret", "folder", "appsettings"]
