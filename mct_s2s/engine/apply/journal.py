"""What a run has done so far. It outlives failure and interruption, so that both can be told truthfully."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import AlreadyRight, AnyChange, known_id
from mct_s2s.planning.plan import ManualStep, Plan, Results

LEFT = "you don't have permission"


@dataclass(frozen=True)
class Entry:
    """One change that is done: the id that it yielded, what came of it, how long it took."""

    change: AnyChange
    id: str | None
    detail: str
    seconds: float


@dataclass
class Journal:
    """The plan, and how far it has come."""

    plan: Plan
    clock: Callable[[], float]
    """Monotonic seconds."""
    results: Results = field(default_factory=Results)
    done: list[Entry] = field(default_factory=list)
    failed: list[tuple[AnyChange, S2SError]] = field(default_factory=list)
    handed_over: list[ManualStep] = field(default_factory=list)
    """What somebody else has to do, beside what the plan left to them."""
    settings: dict[str, str | None] | None = None
    """The application settings as they were read back, where they were written."""
    _started: dict[str, float] = field(default_factory=dict)

    def start(self, change: AnyChange) -> None:
        """Its first request goes out now."""
        self._started[change.key] = self.clock()

    def withdraw(self, change: AnyChange) -> None:
        """It was only looked at: the run stopped before it wrote anything."""
        self._started.pop(change.key, None)

    def finish(self, change: AnyChange, identifier: str | None, detail: str) -> None:
        """It is done."""
        seconds = self.clock() - self._started[change.key]
        self.done.append(Entry(change, identifier, detail or change.detail, seconds))

    def postpone(self, change: AnyChange, why: str) -> None:
        """It is left for a later run."""
        kept = AlreadyRight(key=change.key, resource=change.resource, name=change.name, detail=why, id=known_id(change))
        self.done.append(Entry(kept, known_id(change), why, self.clock() - self._started[change.key]))

    def hand_over(self, change: AnyChange, note: ManualStep) -> None:
        """It was refused, and somebody else can do it."""
        self.postpone(change, LEFT)
        self.handed_over.append(note)

    def fail(self, change: AnyChange, error: S2SError) -> None:
        """It could not be done."""
        self.failed.append((change, error))

    @property
    def in_doubt(self) -> tuple[AnyChange, ...]:
        """Begun, and neither done nor refused: cut off on the way."""
        settled = {entry.change.key for entry in self.done} | {change.key for change, _ in self.failed}
        return tuple(c for c in self.plan.changes if c.key in self._started and c.key not in settled)

    @property
    def left(self) -> tuple[AnyChange, ...]:
        """Not begun."""
        return tuple(change for change in self.plan.changes if change.key not in self._started)
