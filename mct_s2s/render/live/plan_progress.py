"""The steps of a plan as they start and end, whatever it is that shows them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from rich.text import Text

from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import AnyChange, WriteSettings
from mct_s2s.planning.plan import Plan
from mct_s2s.ports.apply_progress import Activity
from mct_s2s.render.live.plan_order import PlanOrder
from mct_s2s.render.live.running import VERB_WIDTH, Running, Signs, duration
from mct_s2s.render.live.step_texts import object_of, verb


@dataclass(frozen=True)
class StepLine:
    """What has become of a step."""

    sign: str
    style: str
    verb: str
    what: str
    detail: str = ""
    took: str = ""

    def on_screen(self) -> Text:
        """`✓ Created    secret of S2S-client in 6 s  expires 2027-11-24, saved to file:…`."""
        return Text.assemble(
            (self.sign, self.style),
            f" {self.verb:<{VERB_WIDTH}}{self.what}",
            (f" in {self.took}" if self.took else "", "quiet"),
            (f"  {self.detail}" if self.detail else "", "quiet"),
        )

    def in_log(self) -> str:
        """`Created secret of S2S-client in 6 s (expires 2027-11-24, saved to file:…)`."""
        took, detail = f" in {self.took}" * bool(self.took), f" ({self.detail})" * bool(self.detail)
        return f"{self.verb} {self.what}{took}{detail}"


class ProgressView(Protocol):
    """Where the lines of a plan's steps go."""

    held_seconds: float
    signs: Signs

    def run(self, running: Running) -> None:
        """It runs from now on."""

    def end(self, activity: Activity) -> None:
        """It is over."""

    def line(self, line: StepLine) -> None:
        """A line that stays."""

    def now(self) -> float:
        """Seconds on the clock of what it shows."""
        ...


class PlanProgress:
    """The steps of one plan, as the ports' `Progress`: each is shown while it runs, and has a line in the end."""

    def __init__(self, plan: Plan, shown: ProgressView) -> None:
        self._shown = shown
        self._order: PlanOrder[StepLine] = PlanOrder(plan, shown.held_seconds)
        self._running: dict[str, Running] = {}
        self._alarm: asyncio.TimerHandle | None = None

    def started(self, change: AnyChange) -> Activity:
        """It runs."""
        waits_last = isinstance(change, WriteSettings)
        running = Running(verb(change).runs, object_of(change), self._shown.now(), is_step=True, gives_way=waits_last)
        self._running[change.key] = running
        self._shown.run(running)
        return running

    def finished(self, change: AnyChange, detail: str) -> None:
        """`Created secret of S2S-client`, with what came of it."""
        took = duration(self._end(change))
        line = StepLine(self._shown.signs.done, "good", verb(change).done, object_of(change), detail, took)
        self._ended(change, line)

    def skipped(self, change: AnyChange, why: str) -> None:
        """What was not done, and why."""
        self._end(change)
        self._ended(change, StepLine(self._shown.signs.skipped, "quiet", "Skipped", object_of(change), why))

    def failed(self, change: AnyChange, error: S2SError) -> None:
        """The error itself is printed at the end, once."""
        del error
        self._end(change)
        what = f"to {verb(change).failed} {object_of(change)}"
        self._ended(change, StepLine(self._shown.signs.failed, "bad", "Failed", what))

    def close(self) -> None:
        """Show all that is left: what still runs was cut off."""
        if self._alarm is not None:
            self._alarm.cancel()
        for line in self._order.rest():
            self._shown.line(line)
        for running in self._running.values():
            self._shown.end(running)
        self._running.clear()

    def _end(self, change: AnyChange) -> float:
        """It no longer runs; how many seconds it took."""
        running = self._running.pop(change.key, None)
        if running is None:
            return 0.0
        self._shown.end(running)
        return self._shown.now() - running.since

    def _ended(self, change: AnyChange, line: StepLine) -> None:
        self._order.ended(change.key, line, self._shown.now())
        self._release()

    def _release(self) -> None:
        """Show the lines whose turn it is, and look again when one has been held back for long enough."""
        for line in self._order.due(self._shown.now()):
            self._shown.line(line)
        if self._alarm is not None:
            self._alarm.cancel()
        at = self._order.next_due() if self._shown.held_seconds else None
        if at is not None:
            with suppress(RuntimeError):  # no event loop: what is held back is shown at the end
                self._alarm = asyncio.get_running_loop().call_later(max(0.0, at - self._shown.now()), self._release)
