"""The steps of several sites that are worked on side by side: a line for each site on a screen, its name in a log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import AnyChange, WriteSettings
from mct_s2s.planning.plan import Plan
from mct_s2s.ports.apply_progress import Activity, Wait, Watcher
from mct_s2s.render.live.plan_progress import ProgressView, StepLine
from mct_s2s.render.live.running import Running, duration
from mct_s2s.render.live.step_texts import object_of, verb


class NamedView:
    """A view on which every line bears the site's name: for a log, in which the lines of several sites mingle."""

    def __init__(self, site: str, shown: ProgressView) -> None:
        self._site = site
        self._shown = shown
        self.held_seconds = shown.held_seconds
        self.signs = shown.signs

    def now(self) -> float:
        """As the view itself."""
        return self._shown.now()

    def run(self, running: Running) -> None:
        """It runs from now on, under the site's name."""
        running.verb = f"{self._site}: {running.verb}"
        self._shown.run(running)

    def end(self, activity: Activity) -> None:
        """It is over."""
        self._shown.end(activity)

    def line(self, line: StepLine) -> None:
        """A line that stays."""
        self._shown.line(replace(line, verb=f"{self._site}: {line.verb}"))


class NamedWatcher:
    """A watcher who is told of which site something runs that is no step of its plan."""

    def __init__(self, site: str, watcher: Watcher) -> None:
        self._site = site
        self._watcher = watcher

    def begin(self, text: str, within: Activity | None) -> Activity:
        """It runs from now on: `learn: Testing the clients`."""
        return self._watcher.begin(f"{self._site}: {text}", within)

    def end(self, activity: Activity) -> None:
        """It is over."""
        self._watcher.end(activity)

    def throttled(self, service: str, seconds: float) -> None:
        """The service's limits are not one site's."""
        self._watcher.throttled(service, seconds)


class SiteLine:
    """The steps of one site's plan as one line that moves: how many have ended, what is at work, what that waits for.

    Each step has a line of its own where one site is all there is; those of twenty sites no one could follow.
    """

    def __init__(self, site: str, plan: Plan, shown: ProgressView) -> None:
        self._site = site
        self._shown = shown
        self._steps = len(plan.changes)
        self._ended: set[str] = set()
        self._at_work: dict[str, _Part] = {}
        self._has_failed = False
        self._running = Running(site, "", shown.now(), is_step=False)
        self._running.clock = shown.now
        self._tell()
        shown.run(self._running)

    def started(self, change: AnyChange) -> Activity:
        """It runs."""
        part = _Part(change, self._shown.now, self._tell)
        self._at_work[change.key] = part
        self._tell()
        return part

    def finished(self, change: AnyChange, detail: str) -> None:
        """One step less to do."""
        del detail
        self._end(change)

    def skipped(self, change: AnyChange, why: str) -> None:
        """As above: what is left to others is listed at the end."""
        del why
        self._end(change)

    def failed(self, change: AnyChange, error: S2SError) -> None:
        """The error is printed at the end."""
        del error
        self._has_failed = True
        self._at_work.pop(change.key, None)
        self._tell()

    def close(self) -> None:
        """The line goes, and one that stays says how far it came."""
        self._shown.end(self._running)
        signs, took = self._shown.signs, duration(self._shown.now() - self._running.since)
        if self._has_failed:
            self._shown.line(StepLine(signs.failed, "bad", "Failed", self._site, self._count, took))
        elif len(self._ended) < self._steps:
            self._shown.line(StepLine(signs.doubtful, "warn", "Stopped", self._site, self._count, took))
        else:
            self._shown.line(StepLine(signs.done, "good", "Applied", self._site, self._count, took))

    @property
    def _count(self) -> str:
        return f"{len(self._ended)} of {self._steps} steps"

    def _end(self, change: AnyChange) -> None:
        self._ended.add(change.key)
        self._at_work.pop(change.key, None)
        self._tell()

    def _tell(self) -> None:
        """Show the step that has run for the longest, and what it waits for; last the one that waits for others."""
        parts = sorted(self._at_work.values(), key=lambda part: part.gives_way)
        shown = f"  {parts[0].name}" if parts else ""
        self._running.what = f" {self._count}{shown}"
        self._running.waits_for = parts[0].waits_for if parts else []


class _Part(Running):
    """A step, which is shown as a part of its site's line."""

    def __init__(self, change: AnyChange, now: Callable[[], float], tell: Callable[[], None]) -> None:
        gives_way = isinstance(change, WriteSettings)
        super().__init__(verb(change).runs, object_of(change), now(), is_step=True, gives_way=gives_way)
        self.clock = now
        self._tell = tell

    def waits(self, wait: Wait) -> None:
        """It waits, or still does."""
        super().waits(wait)
        self._tell()

    def goes_on(self, wait: Wait) -> None:
        """That wait is over."""
        super().goes_on(wait)
        self._tell()
