"""What runs and what it waits for, carried in `contextvars`: a retry policy far below a step knows
nothing of plans.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from mct_s2s import clock

if TYPE_CHECKING:
    from mct_s2s.planning.changes import AnyChange

T = TypeVar("T")
REPLICATION = "waiting for Entra ID to replicate"
CARRYING_OUT = "waiting for Azure to carry it out"


@dataclass(eq=False)
class Activity:
    watcher: "Watcher"
    name: str
    within: "Activity | None" = None
    covers: bool = False
    """Whether what runs within it is not shown, as there is too much of it."""

    def __post_init__(self) -> None:
        self.since = self.waits_since = clock.seconds()
        self.reason, self.was_noticed = "", False
        self.gives_up_at: float | None = None

    @property
    def is_covered(self) -> bool:
        return self.within is not None and (self.within.covers or self.within.is_covered)

    def waits(self, reason: str, gives_up_at: float | None = None) -> None:
        """Said again as long as it waits; `gives_up_at` is a time of the loop's clock."""
        if self.reason != reason:
            self.reason, self.gives_up_at, self.waits_since = reason, gives_up_at, clock.seconds()
            self.was_noticed = False
        self.watcher.noticed(self)

    def goes_on(self, reason: str) -> None:
        if self.reason == reason:
            self.reason = ""


class Watcher(Protocol):
    """What runs beside the steps of a plan."""

    def begin(self, text: str, within: Activity | None) -> Activity:
        """`text`: `Reading the directory`."""
        ...

    def end(self, activity: Activity) -> None:
        """Over, whatever came of it."""

    def noticed(self, activity: Activity) -> None:
        """It waits, or still does."""

    def throttled(self, service: str, seconds: float) -> None:
        """Once for all requests that wait together."""


class Progress(Protocol):
    """The steps of a plan."""

    def started(self, change: "AnyChange") -> Activity:
        """Its first request goes out now. What is returned takes what it waits for."""

    def finished(self, change: "AnyChange", detail: str) -> None:
        """Called again where there is more to say of it."""

    def skipped(self, change: "AnyChange", why: str) -> None:
        """Left for a later run, or for someone else."""

    def failed(self, change: "AnyChange") -> None:
        """It could not be done."""


_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
_activity: ContextVar[Activity | None] = ContextVar("activity", default=None)


@contextmanager
def _set(variable: ContextVar[T], value: T) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def watched_by(watcher: Watcher) -> AbstractContextManager[None]:
    return _set(_watcher, watcher)


def during(running: Activity) -> AbstractContextManager[None]:
    """Whatever waits in here holds `running` up."""
    return _set(_activity, running)


@contextmanager
def activity(text: str) -> Iterator[None]:
    """`text`: `Reading the directory and contosolearn`."""
    watcher = _watcher.get()
    if watcher is None:
        yield
        return
    begun = watcher.begin(text, _activity.get())
    try:
        with during(begun):
            yield
    finally:
        watcher.end(begun)


@contextmanager
def counting(text: str, *, covers: bool) -> Iterator[Callable[[], None]]:
    """`text`: `Reading 30 sites`. What is yielded is called whenever one more is done.

    `covers`: one line stands for all of them; else each has a line of its own, too. Nothing is said
    without `text`.
    """
    watcher, done = _watcher.get(), 0
    if watcher is None or not text:
        yield lambda: None
        return
    begun = watcher.begin(text, _activity.get())
    begun.covers = covers

    def one_more() -> None:
        nonlocal done
        done += 1
        begun.name = f"{text}: {done} done"

    try:
        with during(begun) if covers else nullcontext():
            yield one_more
    finally:
        watcher.end(begun)


@contextmanager
def waiting(
    reason: str = "", gives_up_at: float | None = None
) -> Iterator[Callable[[str, float | None], None]]:
    """Say what is waited for in this block, as `Activity.waits` takes it; yields what says it once
    more.
    """
    running, said = _activity.get(), ""

    def because(reason: str, gives_up_at: float | None) -> None:
        nonlocal said
        said = reason
        if running is not None:
            running.waits(reason, gives_up_at)

    if reason:
        because(reason, gives_up_at)
    try:
        yield because
    finally:
        if running is not None and said:
            running.goes_on(said)


def throttled(service: str, seconds: float) -> None:
    watcher = _watcher.get()
    if watcher is not None:
        watcher.throttled(service, seconds)
