"""What a command shows while it runs.

A live area on a terminal, timed lines in a log, or nothing (`--quiet`).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from rich.text import Text

from mct_s2s import clock
from mct_s2s.activity import Activity
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.plain_text import counted
from mct_s2s.planning.changes import AnyChange, RestartSite, noun_of
from mct_s2s.planning.plan import Plan
from mct_s2s.render.console import DONE, FAILED, UNKNOWN, Terminal, has_screen_reader, one_line
from mct_s2s.render.diagnostics import folded
from mct_s2s.render.pipelines import is_unattended
from mct_s2s.waits import NOTICED_SECONDS

if TYPE_CHECKING:
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.table import Table

_NOUNS = {"admin consent": "admin consent for", "recycle bin": "deleted app registration"}
_OF_ANOTHER = {"API permission", "application settings", "managed identity", "service principal"}
_OF_ANOTHER |= {kind.noun for kind in CredentialKind}


def verb(change: AnyChange, ending: str = "") -> str:
    """`create`, `Created`, `Creating`."""
    plain = change.verb or change.action.value
    return f"{plain.removesuffix('e')}{ending}".capitalize() if ending else plain


def object_of(change: AnyChange, name: str) -> str:
    """`admin consent for S2S-client`; an App Service by its name alone."""
    if isinstance(change, RestartSite):
        return name
    noun = _NOUNS.get(change.resource, noun_of(change))
    return f"{noun} of {name}" if change.resource in _OF_ANOTHER else f"{noun} {name}"


FRAMES = 10
"""A second."""
BESIDE = len("* ^C^C^C")
"""Columns: the spinner, and what a terminal echoes behind the last row: wrapped, it would leave one
behind.
"""
VERB_WIDTH = 11
"""Columns of the verb: the longest, `Restarted`, and blanks."""
SILENT_SECONDS = 1
"""The time of what takes less is not shown."""
PATIENT_SECONDS = 10
"""From then on it is shown how long it may go on."""
MOST_ROWS = 10
"""Of what runs at a time: more of them fill the screen, and say less."""
SKIPPED = ("- ", "quiet")
_site: ContextVar[str] = ContextVar("site", default="")


class Reporter:
    def __init__(self, terminal: Terminal) -> None:
        console = terminal.err
        can_draw = (
            console.file.isatty() and not console.is_dumb_terminal and not console.legacy_windows
        )
        self.is_live = (
            can_draw and not terminal.quiet and not is_unattended() and not has_screen_reader()
        )
        self.is_log = not self.is_live and not terminal.quiet
        self._terminal = terminal
        # Rich's thread reads it while the event loop writes: so it is replaced, never changed in
        # place, and the next one is read by a copy.
        self._running: list[Activity] = []
        self._throttled: dict[str, float] = {}
        self._live: Live | None = None
        terminal.out.beside = self._aside
        # A frame that is drawn between a line's placing and its writing would move it to another's
        # row (Textualize/rich#1530).
        console.beside = lambda: nullcontext() if self._live is None else self._live._lock  # noqa: SLF001

    def restore(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    @contextmanager
    def about(self, site: str) -> Iterator[None]:
        token = _site.set(f"{site}: ")
        try:
            yield
        finally:
            _site.reset(token)

    def begin(self, text: str, within: Activity | None) -> Activity:
        """A job's log has a line for what is no part of something else."""
        if within is None and is_unattended():
            self._log(f"{_site.get()}{text}")
        return self.run(text, within)

    def run(self, text: str, within: Activity | None = None) -> Activity:
        running = Activity(self, f"{_site.get()}{text}", within)
        self._running = [*self._running, running]
        if self.is_live and self._live is None:
            self._draw()
        return running

    def end(self, activity: Activity) -> None:
        self._running = [running for running in self._running if running is not activity]
        if not self._running:
            self._throttled.clear()
            self.restore()

    def throttled(self, service: str, seconds: float) -> None:
        self._throttled[service] = clock.seconds() + seconds
        if seconds >= NOTICED_SECONDS:
            self._log(f"{service} limits requests: waiting {seconds:.0f} s.")

    def noticed(self, activity: Activity) -> None:
        if not activity.was_noticed and clock.seconds() - activity.waits_since >= NOTICED_SECONDS:
            activity.was_noticed = True
            self._log(f"{activity.name}: {activity.reason}{_until(activity)}")

    @contextmanager
    def applying(self, plan: Plan) -> "Iterator[Steps]":
        steps = Steps(self, plan)
        # A group of lines could not be told from another site's: theirs are within `folding`.
        is_alone = not _site.get()
        with self.folding(counted(len(plan.changes), "change")) if is_alone else nullcontext():
            try:
                yield steps
            finally:
                steps.close()

    def folding(self, title: str) -> AbstractContextManager[None]:
        """Fold the lines of this block in a job's log."""
        return folded(self._terminal, title) if self.is_log else nullcontext()

    def step(
        self, sign: tuple[str, str], done: str, what: str, detail: str = "", seconds: float = 0.0
    ) -> None:
        took = f" in {_clock(seconds)}" if seconds >= SILENT_SECONDS else ""
        if self.is_live:
            line = Text.assemble(sign, f"{done:<{VERB_WIDTH}}{what}", (took, "quiet"))
            if detail:
                line.append(f"  {detail}", "quiet")
            self._terminal.say(line)
        in_brackets = f" ({detail})" if detail else ""
        self._log(f"{_site.get()}{done} {what}{took}{in_brackets}")

    @cached_property
    def _spinner(self) -> "Spinner":
        from rich.spinner import Spinner  # noqa: PLC0415  # as in `_draw`

        return Spinner("dots", style="good")

    def rows(self) -> "Table":
        from rich.table import Table  # noqa: PLC0415  # as in `_draw`

        now, grid = clock.seconds(), Table.grid(padding=(0, 1))
        grid.add_column()
        grid.add_column(overflow="fold", max_width=max(1, self._terminal.err.width - BESIDE))
        lines = [
            Text(f"{service} limits requests: {_clock(until - now)} left", "warn")
            for service, until in [*self._throttled.items()]
            if now < until
        ]
        visible = [running for running in self._running if not running.is_covered]
        parents = [running.within for running in visible]
        rows = [_row(running, now) for running in visible if running not in parents]
        if len(rows) > MOST_ROWS:
            rows = [*rows[:MOST_ROWS], Text(f"and {len(rows) - MOST_ROWS} more", "quiet")]
        for line in (*lines, *rows):
            grid.add_row(self._spinner, one_line(line))
        return grid

    def _draw(self) -> None:
        from rich.live import Live  # noqa: PLC0415  # with tables and spinners 7 ms, and a log has none

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
        """The other stream may share the screen."""
        self.restore()
        yield
        if self._running and self.is_live:
            self._draw()

    def _log(self, text: str) -> None:
        if self.is_log:
            self._terminal.say(f"{clock.now():%H:%M:%S}Z {text}")


class Steps:
    """Each step has a line when it has ended; on a terminal, each of many sites has one instead."""

    def __init__(self, reporter: Reporter, plan: Plan) -> None:
        self._reporter = reporter
        self._plan = plan
        self._site = _site.get() if reporter.is_live else ""
        self._count, self._since = len(plan.changes), clock.seconds()
        self._running: dict[str, Activity] = {}
        self._ended: dict[str, bool] = {}
        """Whether each step that has ended succeeded."""

    def started(self, change: AnyChange) -> Activity:
        self._running[change.key] = self._reporter.run(
            f"{verb(change, 'ing')} {self._object_of(change)}"
        )
        return self._running[change.key]

    def finished(self, change: AnyChange, detail: str) -> None:
        self._end(change, DONE, verb(change, "ed"), self._object_of(change), detail)

    def skipped(self, change: AnyChange, why: str) -> None:
        self._end(change, SKIPPED, "Skipped", self._object_of(change), why)

    def failed(self, change: AnyChange) -> None:
        self._end(change, FAILED, "Failed", f"to {verb(change)} {self._object_of(change)}")

    def _object_of(self, change: AnyChange) -> str:
        return object_of(change, self._plan.shown_name(change))

    def close(self) -> None:
        for running in self._running.values():
            self._reporter.end(running)
        if self._site:
            good = sum(self._ended.values())
            result = (UNKNOWN, "Stopped") if good < self._count else (DONE, "Applied")
            sign, done = (FAILED, "Failed") if good < len(self._ended) else result
            seconds = clock.seconds() - self._since
            self._reporter.step(
                sign, done, self._site[:-2], f"{good} of {self._count} steps", seconds
            )

    def _end(
        self, change: AnyChange, sign: tuple[str, str], done: str, what: str, detail: str = ""
    ) -> None:
        running = self._running.pop(change.key, None)
        self._ended[change.key] = sign is not FAILED
        if running is not None:
            self._reporter.end(running)
        if not self._site:
            seconds = (
                clock.seconds() - running.since if running is not None and sign is DONE else 0.0
            )
            self._reporter.step(sign, done, what, detail, seconds)


def _row(running: Activity, now: float) -> Text:
    if not running.reason:
        return Text.assemble(running.name, (_elapsed(now - running.since), "quiet"))
    lasted, ends = now - running.waits_since, ""
    if running.gives_up_at is not None and lasted >= PATIENT_SECONDS:
        ends = f" (gives up at {_clock(running.gives_up_at - running.waits_since)})"
    took = _elapsed(lasted)
    return Text.assemble(
        running.name, ": ", (running.reason, "warn"), (took and took + ends, "quiet")
    )


def _until(waiting: Activity) -> str:
    """` (until 16:45:48Z at most)`: a log's lines are read by their times."""
    if waiting.gives_up_at is None:
        return ""
    ends = clock.now() + timedelta(seconds=waiting.gives_up_at - clock.seconds())
    return f" (until {ends:%H:%M:%S}Z at most)"


def _elapsed(seconds: float) -> str:
    return f" … {_clock(seconds)}" if seconds >= SILENT_SECONDS else ""


def _clock(seconds: float) -> str:
    """`6 s`, `1:05`."""
    whole = max(0, int(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02}"
