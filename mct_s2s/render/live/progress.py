"""What runs, as it runs: lines that stay and a live area on a terminal, timed lines in a log, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.text import Text

from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import AnyChange
from mct_s2s.planning.plan import Plan
from mct_s2s.ports.apply_progress import Activity, Progress, Watcher
from mct_s2s.render.console import Terminal, prose
from mct_s2s.render.live.live_area import LiveArea
from mct_s2s.render.live.log_progress import LogProgress
from mct_s2s.render.live.plan_order import HELD_SECONDS
from mct_s2s.render.live.plan_progress import PlanProgress, StepLine
from mct_s2s.render.live.running import INDENT, Board, Running, Signs
from mct_s2s.render.live.site_progress import SiteLine
from mct_s2s.render.pipelines import is_unattended


class TerminalProgress:
    """Lines that stay for what is done, and below them a live area for what runs."""

    def __init__(self, terminal: Terminal, now: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._board = Board()
        self._area = LiveArea(terminal, self._frame)
        self.held_seconds = HELD_SECONDS
        self.signs = Signs.of(terminal.err.encoding)
        self.now = now

    def restore(self) -> None:
        """Leave the terminal as it was: the process ends."""
        self._area.close()

    def begin(self, text: str, within: Activity | None) -> Activity:
        """Something runs beside the plan."""
        first, _, rest = text.partition(" ")
        running = Running(first, rest, self.now(), is_step=False, within=within)
        self.run(running)
        return running

    def run(self, running: Running) -> None:
        """It runs from now on."""
        running.clock = self.now
        self._board.begin(running)
        self._area.open()

    def end(self, activity: Activity) -> None:
        """It is over; with the last one, the live area goes."""
        self._board.end(activity)
        if self._board.is_empty:
            self._area.close()

    def throttled(self, service: str, seconds: float) -> None:
        """A line of its own, with the time that is left."""
        self._board.throttle(service, self.now(), self.now() + seconds)

    def line(self, line: StepLine) -> None:
        """A line that stays."""
        prose(self._terminal.err, line.on_screen(), indent=INDENT)

    @contextmanager
    def applying(self, plan: Plan) -> Iterator[Progress]:
        """Show the steps of a plan."""
        steps = PlanProgress(plan, self)
        try:
            yield steps
        finally:
            steps.close()

    @contextmanager
    def applying_at(self, site: str, plan: Plan) -> Iterator[Progress]:
        """Show the steps of one site's plan in one line that moves."""
        steps = SiteLine(site, plan, self)
        try:
            yield steps
        finally:
            steps.close()

    def _frame(self, width: int, height: int) -> list[Text]:
        return self._board.rows(self.signs, width, height, self.now())


class NoProgress:
    """`--quiet`: results and errors alone."""

    def restore(self) -> None:
        """Nothing was shown."""

    def begin(self, text: str, within: Activity | None) -> Activity:
        """Nothing of it is shown."""
        del within
        return Running(text, "", 0.0, is_step=False)

    def end(self, activity: Activity) -> None:
        """It was not shown."""

    def throttled(self, service: str, seconds: float) -> None:
        """It is waited for all the same."""

    @contextmanager
    def applying(self, plan: Plan) -> Iterator[Progress]:
        """Show nothing of it."""
        del plan
        yield _Silent()

    @contextmanager
    def applying_at(self, site: str, plan: Plan) -> Iterator[Progress]:
        """As above."""
        del site, plan
        yield _Silent()


class _Silent:
    def started(self, change: AnyChange) -> None:
        """Nothing is shown of any of this."""

    def finished(self, change: AnyChange, detail: str) -> None:
        """As above."""

    def skipped(self, change: AnyChange, why: str) -> None:
        """As above."""

    def failed(self, change: AnyChange, error: S2SError) -> None:
        """The error is printed at the end."""


class CommandProgress(Watcher, Protocol):
    """What one command shows while it runs."""

    def applying(self, plan: Plan) -> AbstractContextManager[Progress]:
        """Show the steps of a plan."""
        ...

    def applying_at(self, site: str, plan: Plan) -> AbstractContextManager[Progress]:
        """Show the steps of one site's plan, while others are worked on beside it."""
        ...

    def restore(self) -> None:
        """Leave the terminal as it was, at whatever moment the process ends."""


def progress(terminal: Terminal) -> CommandProgress:
    """Whichever fits standard error and the user."""
    if terminal.quiet:
        return NoProgress()
    console = terminal.err
    can_draw = console.file.isatty() and not console.is_dumb_terminal and not console.legacy_windows
    return TerminalProgress(terminal) if can_draw and not is_unattended() else LogProgress(terminal)
