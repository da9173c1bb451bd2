"""What runs at this moment, and what each of it waits for: data, and its lines on a screen of any size."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from rich.cells import chop_cells
from rich.text import Text

from mct_s2s.ports.apply_progress import Activity, Wait
from mct_s2s.render.console import one_line
from mct_s2s.render.folding import fold

VERB_WIDTH = 11
"""Columns of the verb: the longest, `Restarting`, and a blank."""
INDENT = 2
"""Columns before whatever follows a line's sign."""
SILENT_SECONDS = 1
"""Nothing is measured that takes less: it is over before anyone has read how long."""
UNLIMITED_SECONDS = 86400
"""Whatever gives up later than this, as `--watch` does, does not give up."""
PATIENT_SECONDS = 10
"""From then on a reader wants to know how long it may go on: before that, it would only fill a second line."""


@dataclass(frozen=True)
class Signs:
    """What a line begins with, and what this terminal's encoding has for it."""

    spinner: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
    done: str = "✓"
    failed: str = "✗"
    skipped: str = "-"
    doubtful: str = "?"
    ellipsis: str = "…"

    @classmethod
    def of(cls, encoding: str) -> Signs:
        """Those that an encoding has; others are replaced one for one, so that columns stay columns."""
        signs = cls()
        try:
            f"{signs.spinner}{signs.done}{signs.failed}{signs.ellipsis}".encode(encoding)
        except (UnicodeEncodeError, LookupError):
            return cls("|/-\\", "+", "x", "-", "?", "...")
        return signs


@dataclass(eq=False)
class Running:
    """Something that runs; an `Activity` of the ports."""

    verb: str
    """Present participle; in a column of its own for a step of a plan."""
    what: str
    since: float
    is_step: bool
    within: Activity | None = None
    gives_way: bool = False
    """Whether what it waits for is on the screen anyway, so that it is the first to go where there is no room."""
    waits_for: list[tuple[Wait, float]] = field(default_factory=list)
    clock: Callable[[], float] = lambda: 0.0
    heard: Callable[[Running, Wait, float], None] = lambda *_: None
    """Is told each time that it says so of a wait, and how long that has lasted."""

    def waits(self, wait: Wait) -> None:
        """It waits, or still does."""
        now = self.clock()
        since = next((since for known, since in self.waits_for if known is wait), None)
        if since is None:
            self.waits_for.append((wait, now))
        self.heard(self, wait, now - (now if since is None else since))

    def goes_on(self, wait: Wait) -> None:
        """That wait is over."""
        self.waits_for = [one for one in self.waits_for if one[0] is not wait]

    @property
    def name(self) -> str:
        """`Creating secret of S2S-client`."""
        return f"{self.verb} {self.what}"


class Board:
    """Everything that runs. It is drawn by a thread of its own while the command goes on."""

    def __init__(self) -> None:
        self._running: list[Running] = []
        self._throttles: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def begin(self, running: Running) -> None:
        """It runs from now on."""
        with self._lock:
            self._running.append(running)

    def end(self, running: Activity) -> None:
        """It is over."""
        with self._lock:
            self._running = [one for one in self._running if one is not running]
            if not self._running:
                self._throttles.clear()

    def throttle(self, service: str, since: float, until: float) -> None:
        """A service is left alone until then."""
        with self._lock:
            self._throttles[service] = (since, until)

    @property
    def is_empty(self) -> bool:
        """Whether nothing runs."""
        with self._lock:
            return not self._running

    def rows(self, signs: Signs, width: int, height: int, now: float) -> list[Text]:
        """The lines of this moment, none of them wider than the screen and all of them together no higher.

        Args:
            signs: what this terminal has.
            width: columns.
            height: lines; where there are too few, those of what has run for the longest, and how many others run.
            now: on the clock that everything here is measured by.
        """
        with self._lock:
            throttles = {service: times for service, times in self._throttles.items() if now < times[1]}
            parents = {id(one.within) for one in self._running}
            shown = [one for one in self._running if id(one) not in parents]
        spinner = signs.spinner[int(now * 10) % len(signs.spinner)]
        lines = [_row(one, signs, now) for one in shown]
        below = [_throttled(service, *times, signs, now) for service, times in throttles.items()]
        rows = [row for line in (*lines, *below) for row in _with_spinner(line, spinner, width)]
        if len(rows) <= height:
            return rows
        return _most_important(shown, below, spinner, signs, width, height, now)


def _most_important(
    shown: list[Running], below: list[Text], spinner: str, signs: Signs, width: int, height: int, now: float
) -> list[Text]:
    """As many as fit: throttles, then what has run for the longest, those that only wait for others last."""
    by_need = sorted(shown, key=lambda one: (one.gives_way and bool(one.waits_for), one.since))
    rows = [row for line in below for row in _with_spinner(line, spinner, width)]
    count = 0
    for one in by_need:
        more = _with_spinner(_row(one, signs, now), spinner, width)
        if len(rows) + len(more) > height - 1:
            break
        rows += more
        count += 1
    return [*rows[: height - 1], Text(f"{' ' * INDENT}and {len(shown) - count} more", style="quiet")][-height:]


def _with_spinner(line: Text, spinner: str, width: int) -> list[Text]:
    lines = fold(one_line(Text.assemble((spinner, "good"), " ", line)), width, indent=INDENT)
    return [part for one in lines for part in _fitted(one, width)]


def _fitted(line: Text, width: int) -> Iterator[Text]:
    """The line, or where a word of it is wider than the screen, the parts that a terminal would make of it."""
    parts = chop_cells(line.plain, width)
    yield from line.divide([*accumulate(map(len, parts[:-1]))])


def _row(one: Running, signs: Signs, now: float) -> Text:
    name = f"{one.verb:<{VERB_WIDTH}}{one.what}" if one.is_step else one.name
    if not one.waits_for:
        return Text.assemble(name, (_elapsed(signs, now - one.since), "quiet"))
    wait, since = one.waits_for[-1]
    return Text.assemble(name, ": ", (wait.reason, "warn"), (_measured(wait, since, signs, now), "quiet"))


def _measured(wait: Wait, since: float, signs: Signs, now: float) -> str:
    lasted, ends = now - since, ""
    if wait.seconds is not None:
        ends = f" of {_clock(round(wait.seconds))}"
    elif wait.gives_up_at is not None and lasted >= PATIENT_SECONDS and wait.gives_up_at - since < UNLIMITED_SECONDS:
        ends = f" (gives up at {_clock(round(wait.gives_up_at - since))})"
    return f"{_elapsed(signs, lasted)}{ends}" if lasted >= SILENT_SECONDS else ""


def _throttled(service: str, since: float, until: float, signs: Signs, now: float) -> Text:
    asked = (f"{service} asked to wait {_clock(until - since)}", "warn")
    return Text.assemble(
        f"{'Throttled':<{VERB_WIDTH}}", asked, (f" {signs.ellipsis} {_clock(until - now)} left", "quiet")
    )


def _elapsed(signs: Signs, seconds: float) -> str:
    return f" {signs.ellipsis} {_clock(seconds)}" if seconds >= SILENT_SECONDS else ""


def _clock(seconds: float) -> str:
    """`6 s`, `1:05`."""
    whole = max(0, int(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02}"


def duration(seconds: float) -> str:
    """How long a step took, for the line that stays: nothing where it was over at once."""
    return _clock(seconds) if seconds >= SILENT_SECONDS else ""
