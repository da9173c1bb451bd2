"""In which order the steps of a plan are reported, which end in another one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Generic, TypeVar

from mct_s2s.planning.plan import Plan

T = TypeVar("T")

HELD_SECONDS = 2.0
"""The list on the screen is in the plan's order, so that the two can be compared, and most steps end within a second of
each other. A step that waits for replication takes many times as long: what ended beside it would seem to be undone,
and where a new secret is would be hidden. So a line is held back for two seconds, and then it is shown out of turn."""


class PlanOrder(Generic[T]):
    """Holds a line back until its turn: until every step before it in the plan has ended, or `seconds` are over.

    A step is never reported before those that it waits for by the plan, however long that takes: the restart that is
    shown before the settings would be a lie.

    Args:
        plan: its steps.
        seconds: how long a line is held back; with 0 only the order that the plan requires is kept, as in a log.
    """

    def __init__(self, plan: Plan, seconds: float = HELD_SECONDS) -> None:
        self._changes = {change.key: change for change in plan.changes}
        self._waits_for = cache(lambda key: plan.waits_for(self._changes[key]))
        self._seconds = seconds
        self._ended: set[str] = set()
        self._shown: set[str] = set()
        self._held: dict[str, tuple[T, float]] = {}

    def ended(self, key: str, line: T, now: float) -> None:
        """A step has ended. One that is told again replaces what is held of it."""
        self._ended.add(key)
        self._held[key] = line, self._held[key][1] if key in self._held else now

    def due(self, now: float) -> Iterator[T]:
        """The lines whose turn it is, each once."""
        while (key := self._next(now)) is not None:
            self._shown.add(key)
            yield self._held.pop(key)[0]

    def next_due(self) -> float | None:
        """When the next line has been held back long enough; `None` where no time makes one due."""
        return min((at + self._seconds for key, (_, at) in self._held.items() if not self._needs(key)), default=None)

    def rest(self) -> Iterator[T]:
        """All that are left, in the plan's order: nothing else will come."""
        for key in sorted(self._held, key=[*self._changes].index):
            yield self._held[key][0]
        self._held.clear()

    def _next(self, now: float) -> str | None:
        """The first line in the plan's order that may be shown."""
        is_first = True
        for key in self._changes if self._held else ():
            if key in self._held:
                long_enough = now >= self._held[key][1] + self._seconds
                if (is_first or long_enough) and not self._needs(key):
                    return key
            is_first = is_first and key in self._ended and key not in self._held
        return None

    def _needs(self, key: str) -> bool:
        """Whether it waits, by the plan, for a step that has not been shown."""
        return not self._waits_for(key) <= self._shown
