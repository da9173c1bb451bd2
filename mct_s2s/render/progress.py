"""What a command shows while it runs: an area for what is at work, timed lines in a log, or nothing (`--quiet`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mct_s2s import clock
from mct_s2s.activity import Activity, Wait
from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import (
    Action,
    AnyChange,
    AssignAppRole,
    DisableIdentity,
    EnableIdentity,
    PurgeApplication,
    RestartSite,
    RestoreApplication,
    RevokeAppRole,
)
from mct_s2s.planning.plan import Plan
from mct_s2s.render.console import Terminal, one_line, prose
from mct_s2s.render.pipelines import is_unattended, pipeline_of


class Verb(NamedTuple):
    """One verb in the three forms that are shown."""

    done: str
    runs: str
    failed: str


_VERBS: dict[type[AnyChange], Verb] = {
    AssignAppRole: Verb("Granted", "Granting", "grant"),
    RevokeAppRole: Verb("Revoked", "Revoking", "revoke"),
    EnableIdentity: Verb("Enabled", "Enabling", "enable"),
    DisableIdentity: Verb("Disabled", "Disabling", "disable"),
    RestoreApplication: Verb("Restored", "Restoring", "restore"),
    PurgeApplication: Verb("Purged", "Purging", "purge"),
    RestartSite: Verb("Restarted", "Restarting", "restart"),
}
_VERBS_OF_ACTIONS = {
    Action.CREATE: Verb("Created", "Creating", "create"),
    Action.UPDATE: Verb("Updated", "Updating", "update"),
    Action.DELETE: Verb("Deleted", "Deleting", "delete"),
    Action.NONE: Verb("Checked", "Checking", "check"),
}
_NOUNS = {
    "admin consent": "admin consent for",
    "API permission": "API permission of",
    "application settings": "application settings of",
    "certificate": "certificate of",
    "federated credential": "federated credential of",
    "key vault reference": "key vault reference of",
    "managed identity": "managed identity of",
    "recycle bin": "deleted app registration",
    "secret": "secret of",
    "service principal": "service principal of",
}
"""How a resource is joined to the name that follows it, where the two do not simply follow each other."""


def verb(change: AnyChange) -> Verb:
    """What is done to its resource."""
    return _VERBS.get(type(change), _VERBS_OF_ACTIONS[change.action])


def object_of(change: AnyChange) -> str:
    """What it is done to: `admin consent for S2S-client`; an App Service by its name alone."""
    if isinstance(change, RestartSite):
        return change.name
    return f"{_NOUNS.get(change.resource, change.resource)} {change.name}"


FRAMES = 10
"""A second."""
VERB_WIDTH = 11
"""Columns of the verb: the longest, `Restarted`, and blanks."""
SILENT_SECONDS = 1
"""Nothing is measured that takes less: it is over before anyone has read how long."""
NOTICED_SECONDS = 2.0
"""A log has a line for a wait that takes as long: with more, it would be about nothing else."""
PATIENT_SECONDS = 10
"""From then on a reader wants to know how long it may go on."""
DONE, FAILED, SKIPPED, STOPPED = ("✓", "good"), ("✗", "bad"), ("-", "quiet"), ("?", "warn")
_site: ContextVar[str] = ContextVar("site", default="")


class Mode(Enum):
    """Who looks at standard error."""

    LIVE, LOG, QUIET = auto(), auto(), auto()

    @classmethod
    def of(cls, terminal: Terminal) -> Mode:
        """Whichever fits standard error and the user. A job has a log, however much that looks like a terminal."""
        if terminal.quiet:
            return cls.QUIET
        console = terminal.err
        can_draw = console.file.isatty() and not console.is_dumb_terminal and not console.legacy_windows
        return cls.LIVE if can_draw and not is_unattended() else cls.LOG


@dataclass(eq=False)
class Running:
    """Something that runs; an `Activity` of the ports."""

    reporter: Reporter
    name: str
    since: float
    within: Activity | None = None
    is_step: bool = False
    waits_for: list[tuple[Wait, float]] = field(default_factory=list)

    def waits(self, wait: Wait) -> None:
        """It waits, or still does."""
        now = self.reporter.now()
        since = next((since for known, since in self.waits_for if known is wait), None)
        if since is None:
            self.waits_for = [*self.waits_for, (wait, now)]
        self.reporter.noticed(self, wait, now - (now if since is None else since))

    def goes_on(self, wait: Wait) -> None:
        """That wait is over."""
        self.waits_for = [one for one in self.waits_for if one[0] is not wait]


class Reporter:
    """Is notified of all that runs, and shows it."""

    def __init__(self, terminal: Terminal) -> None:
        self.mode = Mode.of(terminal)
        self._terminal = terminal
        self._pipeline = pipeline_of() if self.mode is Mode.LOG else None
        self._running: list[Running] = []
        self._throttled: dict[str, float] = {}
        self._noticed: set[Wait] = set()
        self._live: Live | None = None
        self._spinner = Spinner("dots", style="good")
        terminal.out.beside = self._aside

    def restore(self) -> None:
        """Take the live area off the screen, at whatever moment the process ends."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def now(self) -> float:
        """The event loop's clock, in a test the simulated one."""
        try:
            return clock.seconds()
        except RuntimeError:  # the thread that draws
            return time.monotonic()

    @contextmanager
    def about(self, site: str) -> Iterator[None]:
        """Whatever runs in here is told with the site's name: others are worked on beside it."""
        token = _site.set(f"{site}: ")
        try:
            yield
        finally:
            _site.reset(token)

    def begin(self, text: str, within: Activity | None) -> Activity:
        """Something runs beside the plan."""
        running = self.run(Running(self, f"{_site.get()}{text}", self.now(), within))
        if is_unattended() and not (isinstance(within, Running) and not within.is_step):
            self._log(running.name)
        return running

    def run(self, running: Running) -> Running:
        """It runs from now on."""
        self._running = [*self._running, running]
        self._draw()
        return running

    def end(self, activity: Activity) -> None:
        """It is over; with the last one, the live area goes."""
        self._running = [one for one in self._running if one is not activity]
        if not self._running:
            self._throttled.clear()
            self.restore()

    def throttled(self, service: str, seconds: float) -> None:
        """A service wants to be left alone for so long."""
        self._throttled[service] = self.now() + seconds
        if seconds >= NOTICED_SECONDS:
            self._log(f"{service} limits requests: waiting {seconds:.0f} s.")

    def noticed(self, running: Running, wait: Wait, lasted: float) -> None:
        """Something waits, or still does: a log has a line for it, once, if it takes long."""
        if wait not in self._noticed and max(lasted, wait.seconds or 0.0) >= NOTICED_SECONDS:
            self._noticed.add(wait)
            self._log(f"{running.name}: {wait.reason}")

    @contextmanager
    def applying(self, plan: Plan) -> Iterator[Steps]:
        """Show the steps of a plan; in a pipeline's log as a group, which could not be told from another site's."""
        pipeline = self._pipeline if not _site.get() else None
        steps = Steps(self, len(plan.changes))
        if pipeline is not None:
            count = len(plan.changes)
            self._terminal.instruct(pipeline.group(f"{count} change{'s' * (count != 1)}"))
        try:
            yield steps
        finally:
            steps.close()
            if pipeline is not None:
                self._terminal.instruct(pipeline.end_group())

    def step(self, sign: tuple[str, str], done: str, what: str, detail: str = "", seconds: float = 0.0) -> None:
        """A line that stays: what has become of a step."""
        took = f" in {_clock(seconds)}" if seconds >= SILENT_SECONDS else ""
        if self.mode is Mode.LIVE:
            line = Text.assemble(sign, f" {done:<{VERB_WIDTH}}{what}", (took, "quiet"))
            prose(self._terminal.err, line.append(f"  {detail}" * bool(detail), "quiet"), indent=2)
        self._log(f"{_site.get()}{done} {what}{took}{f' ({detail})' * bool(detail)}")

    def rows(self) -> Table:
        """The live area of this moment."""
        now, grid = self.now(), Table.grid(padding=(0, 1))
        grid.add_column()
        grid.add_column(overflow="fold")
        parents = [one.within for one in self._running]
        for service, until in [*self._throttled.items()]:
            if now < until:
                text = Text(f"{service} limits requests: {_clock(until - now)} left", "warn")
                grid.add_row(self._spinner, one_line(text))
        for one in self._running:
            if one not in parents:
                grid.add_row(self._spinner, one_line(_row(one, now)))
        return grid

    def _draw(self) -> None:
        if self.mode is Mode.LIVE and self._live is None:
            self._live = Live(
                get_renderable=self.rows,
                console=self._terminal.err,
                refresh_per_second=FRAMES,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Something is printed to the other stream, which may share the screen."""
        self.restore()
        yield
        if self._running:
            self._draw()

    def _log(self, text: str) -> None:
        if self.mode is Mode.LOG:
            self._terminal.say(f"{clock.now():%H:%M:%S}Z {text}")


class Steps:
    """The steps of one plan, each with a line when it has ended; on a terminal each of many sites has one instead."""

    def __init__(self, reporter: Reporter, count: int) -> None:
        self._reporter = reporter
        self._site = _site.get()
        self._count, self._since = count, reporter.now()
        self._running: dict[str, Running] = {}
        self._ended: dict[str, bool] = {}
        """The steps that came to an end, and whether each succeeded."""

    def started(self, change: AnyChange) -> Activity:
        """It runs."""
        name = f"{self._site}{verb(change).runs} {object_of(change)}"
        self._running[change.key] = Running(self._reporter, name, self._reporter.now(), is_step=True)
        return self._reporter.run(self._running[change.key])

    def finished(self, change: AnyChange, detail: str) -> None:
        """`Created secret of S2S-client`, with what came of it."""
        self._end(change, DONE, verb(change).done, object_of(change), detail)

    def skipped(self, change: AnyChange, why: str) -> None:
        """What was not done, and why."""
        self._end(change, SKIPPED, "Skipped", object_of(change), why)

    def failed(self, change: AnyChange, error: S2SError) -> None:
        """The error itself is printed at the end, once."""
        del error
        self._end(change, FAILED, "Failed", f"to {verb(change).failed} {object_of(change)}")

    def close(self) -> None:
        """What still runs was cut off."""
        for running in self._running.values():
            self._reporter.end(running)
        if self._tells_once:
            ended = [is_good for is_good in self._ended.values() if is_good]
            count = f"{len(ended)} of {self._count} steps"
            result = (FAILED, "Failed") if len(ended) < len(self._ended) else (DONE, "Applied")
            if len(self._ended) < self._count and result[0] is DONE:
                result = STOPPED, "Stopped"
            self._reporter.step(*result, self._site[:-2], count, self._reporter.now() - self._since)

    @property
    def _tells_once(self) -> bool:
        return bool(self._site) and self._reporter.mode is Mode.LIVE

    def _end(self, change: AnyChange, sign: tuple[str, str], done: str, what: str, detail: str = "") -> None:
        running = self._running.pop(change.key, None)
        self._ended[change.key] = sign is not FAILED
        if running is not None:
            self._reporter.end(running)
        if not self._tells_once:
            seconds = self._reporter.now() - running.since if running is not None and sign is DONE else 0.0
            self._reporter.step(sign, done, what, detail, seconds)


def _row(one: Running, now: float) -> Text:
    waits = one.waits_for
    if not waits:
        return Text.assemble(one.name, (_elapsed(now - one.since), "quiet"))
    wait, since = waits[-1]
    lasted, ends = now - since, ""
    if wait.seconds is not None:
        ends = f" of {_clock(wait.seconds)}"
    elif wait.gives_up_at is not None and lasted >= PATIENT_SECONDS:
        ends = f" (gives up at {_clock(wait.gives_up_at - since)})"
    return Text.assemble(one.name, ": ", (wait.reason, "warn"), (_elapsed(lasted) and _elapsed(lasted) + ends, "quiet"))


def _elapsed(seconds: float) -> str:
    return f" … {_clock(seconds)}" if seconds >= SILENT_SECONDS else ""


def _clock(seconds: float) -> str:
    """`6 s`, `1:05`."""
    whole = max(0, int(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02}"
