"""What runs, in a log: timed lines on standard error, and in a pipeline's job what its service makes of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from mct_s2s import clock
from mct_s2s.planning.plan import Plan
from mct_s2s.ports.apply_progress import Activity, Progress, Wait
from mct_s2s.render.console import Terminal
from mct_s2s.render.live.plan_progress import PlanProgress, StepLine
from mct_s2s.render.live.running import Running, Signs
from mct_s2s.render.live.site_progress import NamedView
from mct_s2s.render.pipelines import is_unattended, pipeline_of

NOTICED_SECONDS = 2.0
"""A log has a line for a wait that takes as long: with more, it would be about nothing else."""


class LogProgress:
    """A line with the time for each step that has ended, and for each wait that is noticed.

    In a pipeline's job also for what else runs, with the plan's steps as a group that can be folded.
    """

    held_seconds = 0.0

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._pipeline = pipeline_of()
        self._says_all = is_unattended()
        self._reported: set[Wait] = set()
        self.signs = Signs.of(terminal.err.encoding)

    def restore(self) -> None:
        """Nothing was changed about a log."""

    def now(self) -> float:
        """The event loop's clock, in a test the simulated one."""
        try:
            return clock.seconds()
        except RuntimeError:
            return time.monotonic()

    def begin(self, text: str, within: Activity | None) -> Activity:
        """A line, where nothing but the log shows that something happens, and it is no part of what has one."""
        is_part = isinstance(within, Running) and not within.is_step
        if self._says_all and not is_part:
            self._print(text)
        first, _, rest = text.partition(" ")
        running = Running(first, rest, self.now(), is_step=False, within=within)
        self.run(running)
        return running

    def run(self, running: Running) -> None:
        """Its waits are heard from now on."""
        running.clock, running.heard = self.now, self._heard

    def end(self, activity: Activity) -> None:
        """There is nothing to take away."""

    def throttled(self, service: str, seconds: float) -> None:
        """A line, once."""
        if seconds >= NOTICED_SECONDS:
            self._print(f"{service} limits requests: waiting {seconds:.0f} s.")

    def line(self, line: StepLine) -> None:
        """A step that has ended."""
        self._print(line.in_log())

    @contextmanager
    def applying(self, plan: Plan) -> Iterator[Progress]:
        """Show the steps of a plan, as one group."""
        steps = PlanProgress(plan, self)
        if self._pipeline is not None:
            count = len(plan.changes)
            self._terminal.instruct(self._pipeline.group(f"{count} change{'s' * (count != 1)}"))
        try:
            yield steps
        finally:
            steps.close()
            if self._pipeline is not None:
                self._terminal.instruct(self._pipeline.end_group())

    @contextmanager
    def applying_at(self, site: str, plan: Plan) -> Iterator[Progress]:
        """Show the steps of one site's plan, each with its name: a group could not be told from another's."""
        steps = PlanProgress(plan, NamedView(site, self))
        try:
            yield steps
        finally:
            steps.close()

    def _heard(self, running: Running, wait: Wait, lasted: float) -> None:
        """Something waits, or still does: a line for it, once, if it takes long."""
        if running.gives_way or wait in self._reported or max(lasted, wait.seconds or 0.0) < NOTICED_SECONDS:
            return
        self._reported.add(wait)
        self._print(f"{running.name}: {wait.reason}")

    def _print(self, text: str) -> None:
        self._terminal.say(f"{clock.now():%H:%M:%S}Z {text}")
