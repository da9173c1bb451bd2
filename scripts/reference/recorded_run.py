"""The program as the recording runs it: `recorded_run.py ARGUMENT…`, like `mct-s2s ARGUMENT…`.

All of it is real but the time: the program and its sandbox wait in simulated time, on a fixed day,
and the sandbox's new objects have ids that follow from their names. So the same program makes the
same recording.
"""

import asyncio
import sys
from copy import copy
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

import pytest
from azure.identity._internal import aad_client_base
from mct_s2s.azure import clouds
from mct_s2s.cli.app import main
from mct_s2s.engine.apply.plan_run import Run
from mct_s2s.sandbox.core.clock import ComputerTime
from mct_s2s.sandbox.entra.directory import ObjectIds
from mct_s2s.sandbox.hosting.embedded import start
from tests.conftest import Sandbox
from tests.support import inprocess, sandbox_inside, simulated_time

DAY = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
RESTART_SECONDS = 20.0
"""As long as a small App Service takes."""


class PatientLoop(simulated_time.SimulatedLoop):
    """Time stands still while a person is asked something."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:  # type: ignore[override]
        """Wait for a person to type."""
        self._threads += 1
        super().add_reader(fd, callback, *args)

    def remove_reader(self, fd: Any) -> bool:
        """The person has typed."""
        self._threads -= 1
        return super().remove_reader(fd)


async def one_by_one(run: Any, change: Any, usual: Any = Run._apply) -> None:  # noqa: SLF001
    """Begin a step when those before it in the plan have ended: side by side, they would end in any
    order.
    """
    before = takewhile(lambda planned: planned is not change, run.outcome.plan.changes)
    await run._wait_for(frozenset(planned.key for planned in before))  # noqa: SLF001
    await usual(run, change)


def run(words: list[str]) -> int:
    """Run one command line against a sandbox of its own folder, and end both."""
    time = simulated_time.SimulatedTime()
    time.set_calendar(DAY.timestamp())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "_apply", one_by_one)
        patch.setattr(ObjectIds, "be_random", lambda _: None)
        patch.setattr(ComputerTime, "timestamp", lambda _: time.timestamp())  # of the seed, too
        running = start()
        azure = Sandbox(running.environment, time)
        sandbox_inside.Inside(running, azure)
        azure.restart_takes(RESTART_SECONDS)
        # The program would wait for the folder that its own process has: it is given what runs
        # already.
        joined = copy(running)
        joined._server = joined._thread = joined._lock = None  # noqa: SLF001
        patch.setattr(clouds, "_start_sandbox", lambda _: joined)
        patch.setattr(aad_client_base, "time", inprocess._Calendar(time))  # noqa: SLF001
        with time.simulated():
            patch.setattr(asyncio.events, "new_event_loop", lambda: PatientLoop(time))
            code = main(words)
        azure.close()
        running.close()
    return code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
