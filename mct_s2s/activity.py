"""What runs, and what it waits for.

A wait often lies far below the step that it holds up: in the retry policy of an adapter that knows nothing of plans. So
the step travels in the context of its tasks (`contextvars`), as the context of a log does. What waits says so with
`waiting`; where no one watches, that does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mct_s2s import clock
from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import AnyChange

T = TypeVar("T")
REPLICATION = "waiting for Entra ID to replicate"
CARRYING_OUT = "waiting for Azure to carry it out"


@dataclass(eq=False)
class Activity:
    """Something that runs: a step of a plan, the reading, the test of a client."""

    watcher: Watcher
    name: str
    within: Activity | None = None

    def __post_init__(self) -> None:
        self.since = self.waits_since = clock.seconds()
        self.reason, self.was_noticed = "", False
        self.gives_up_at: float | None = None

    def waits(self, reason: str, gives_up_at: float | None = None) -> None:
        """It waits, as long as this is called again, and gives up at that time of the loop's clock."""
        if self.reason != reason:
            self.reason, self.gives_up_at, self.waits_since = reason, gives_up_at, clock.seconds()
            self.was_noticed = False
        self.watcher.noticed(self)

    def goes_on(self, reason: str) -> None:
        """It waits for that no longer."""
        if self.reason == reason:
            self.reason = ""


class Watcher(Protocol):
    """Is notified of what runs beside the steps of a plan."""

    def begin(self, text: str, within: Activity | None) -> Activity:
        """It runs from now on, as a part of something that runs or not; `text` is `Reading the directory`."""
        ...

    def end(self, activity: Activity) -> None:
        """It is over, whatever came of it."""

    def noticed(self, activity: Activity) -> None:
        """It waits, or still does."""

    def throttled(self, service: str, seconds: float) -> None:
        """A service wants to be left alone for so long; once for all requests that wait together."""


class Progress(Protocol):
    """Is notified of the steps of a plan."""

    def started(self, change: AnyChange) -> Activity | None:
        """Its first request goes out now. What is returned takes what it waits for."""

    def finished(self, change: AnyChange, detail: str) -> None:
        """It is done. Called again where there is more to say of it."""

    def skipped(self, change: AnyChange, why: str) -> None:
        """It was left for a later run, or for someone else."""

    def failed(self, change: AnyChange, error: S2SError) -> None:
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
    """Notify this one, also in the tasks that are started meanwhile."""
    return _set(_watcher, watcher)


def during(running: Activity | None) -> AbstractContextManager[None]:
    """Whatever waits in here holds this up."""
    return _set(_activity, running)


@contextmanager
def activity(text: str) -> Iterator[None]:
    """Let it be known that something runs beside the plan's steps: `Reading the directory and contosolearn`."""
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
def waiting(reason: str = "", gives_up_at: float | None = None) -> Iterator[Callable[[str, float | None], None]]:
    """Let it be known what is waited for in this block, as `Activity.waits` takes it; yields what says it once more."""
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
    """Let it be known that a service asks for patience."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher.throttled(service, seconds)
