"""What runs, and what it waits for.

A wait often lies far below the step that it holds up: in the retry policy of an adapter that knows nothing of plans. So
the step travels in the context of its tasks (`contextvars`), as the context of a log does. What waits says so with
`waiting`; where no one watches, that does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import AnyChange

REPLICATION = "waiting for Entra ID to replicate"
CARRYING_OUT = "waiting for Azure to carry it out"


@dataclass(frozen=True, eq=False)
class Wait:
    """Why something that runs does not go on at this moment."""

    reason: str
    """Follows the name of what waits: `waiting for Entra ID to replicate`."""
    seconds: float | None = None
    """How long it will take, where that is known beforehand."""
    gives_up_at: float | None = None
    """On the event loop's clock; `None` where it ends by itself."""


@dataclass(eq=False)
class Activity:
    """Something that runs: a step of a plan, the reading, the test of a client."""

    watcher: Watcher
    name: str
    within: Activity | None = None

    def __post_init__(self) -> None:
        self.since = self.watcher.now()
        self.wait: Wait | None = None
        self.waits_since = self.since

    def waits(self, wait: Wait) -> None:
        """It waits. Called again for the same wait, as long as that lasts."""
        if self.wait is not wait:
            self.wait, self.waits_since = wait, self.watcher.now()
        self.watcher.noticed(self)

    def goes_on(self, wait: Wait) -> None:
        """That wait is over."""
        if self.wait is wait:
            self.wait = None


class Watcher(Protocol):
    """Is notified of what runs beside the steps of a plan."""

    def now(self) -> float:
        """The time by which it measures."""
        ...

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
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Notify this one, also in the tasks that are started meanwhile."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


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
def during(running: Activity | None) -> Iterator[None]:
    """Whatever waits in here holds this up."""
    token = _activity.set(running)
    try:
        yield
    finally:
        _activity.reset(token)


class Waits:
    """What holds up the activity of this moment; each reason replaces the one before, and all end with the block."""

    def __init__(self) -> None:
        self._activity = _activity.get()
        self._wait: Wait | None = None

    def __enter__(self) -> Waits:
        return self

    def __exit__(self, *_: object) -> None:
        self.over()

    def because(self, reason: str, *, seconds: float | None = None, gives_up_at: float | None = None) -> None:
        """Say what is waited for from now on, or still."""
        if self._activity is None:
            return
        if self._wait is None or self._wait.reason != reason:
            self.over()
            self._wait = Wait(reason, seconds, gives_up_at)
        self._activity.waits(self._wait)

    def over(self) -> None:
        """Nothing is waited for any more."""
        if self._activity is not None and self._wait is not None:
            self._activity.goes_on(self._wait)
        self._wait = None


@contextmanager
def waiting(reason: str, *, seconds: float | None = None, gives_up_at: float | None = None) -> Iterator[None]:
    """Let it be known what is waited for in this block: arguments as for `Wait`."""
    with Waits() as waits:
        waits.because(reason, seconds=seconds, gives_up_at=gives_up_at)
        yield


def throttled(service: str, seconds: float) -> None:
    """Let it be known that a service asks for patience."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher.throttled(service, seconds)
