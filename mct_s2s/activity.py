"""What runs and what it waits for, carried in `contextvars`.

So a retry policy far below a step of a plan reports its waits without knowing of plans.
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
        self.since = clock.seconds()
        self.waits_since = self.since
        self.reason = ""
        self.was_noticed = False
        self.gives_up_at: float | None = None

    @property
    def is_covered(self) -> bool:
        return self.within is not None and (self.within.covers or self.within.is_covered)

    def waits(self, reason: str, gives_up_at: float | None = None) -> None:
        """Note what it waits for; called again as long as it does.

        `gives_up_at` is a time of the loop's clock.
        """
        if self.reason != reason:
            self.reason = reason
            self.gives_up_at = gives_up_at
            self.waits_since = clock.seconds()
            self.was_noticed = False
        self.watcher.noticed(self)

    def goes_on(self, reason: str) -> None:
        if self.reason == reason:
            self.reason = ""


class Watcher(Protocol):
    """Shows what runs beside the steps of a plan."""

    def begin(self, text: str, within: Activity | None) -> Activity:
        """Show that something runs. `text`: `Reading the directory`."""
        ...

    def end(self, activity: Activity) -> None:
        """Show that it is over, whatever came of it."""

    def noticed(self, activity: Activity) -> None:
        """Show that it waits, or still does."""

    def throttled(self, service: str, seconds: float) -> None:
        """Show that a service asks for patience: once for all requests that wait together."""


class Progress(Protocol):
    """Shows the steps of a plan."""

    def started(self, change: "AnyChange") -> Activity:
        """Show that the first request of a change goes out. The activity takes its waits."""

    def finished(self, change: "AnyChange", detail: str) -> None:
        """Show that a change is done; called again where there is more to say of it."""

    def skipped(self, change: "AnyChange", why: str) -> None:
        """Show that a change is left for a later run, or for someone else."""

    def failed(self, change: "AnyChange") -> None:
        """Show that a change could not be made."""


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
    """Let whatever waits in this block hold up `running`."""
    return _set(_activity, running)


@contextmanager
def activity(text: str) -> Iterator[None]:
    """Show that something runs in this block. `text`: `Reading the directory and contosolearn`."""
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
    """Show how many of many are done. The yielded function is called for each.

    `text`: `Reading 30 sites`; without it, nothing is shown. `covers`: one line stands for all of
    them; else each has a line of its own, too.
    """
    watcher = _watcher.get()
    number = 0
    if watcher is None or not text:
        yield lambda: None
        return
    begun = watcher.begin(text, _activity.get())
    begun.covers = covers

    def count_one() -> None:
        nonlocal number
        number += 1
        begun.name = f"{text}: {number} done"

    try:
        with during(begun) if covers else nullcontext():
            yield count_one
    finally:
        watcher.end(begun)


@contextmanager
def waiting(
    reason: str = "", gives_up_at: float | None = None
) -> Iterator[Callable[[str, float | None], None]]:
    """Show `reason` while the block runs; the yielded function changes it.

    `gives_up_at` is a time of the loop's clock.
    """
    running = _activity.get()
    shown = ""

    def show(reason: str, gives_up_at: float | None) -> None:
        nonlocal shown
        shown = reason
        if running is not None:
            running.waits(reason, gives_up_at)

    if reason:
        show(reason, gives_up_at)
    try:
        yield show
    finally:
        if running is not None and shown:
            running.goes_on(shown)


def throttled(service: str, seconds: float) -> None:
    watcher = _watcher.get()
    if watcher is not None:
        watcher.throttled(service, seconds)
