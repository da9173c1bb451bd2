"""Writes of the last moments: another one to the same object is refused, as the object is still locked.

Source: docs/azure-contract.md, section 3.1, `Directory_ConcurrencyViolation`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mct_s2s.sandbox.core.clock import Clock
from mct_s2s.sandbox.core.wire_errors import graph_error

_STATUSES = (409, 409, 503, 409, 400)
"""Mostly the first; all three have been seen."""


@dataclass
class RecentWrites:
    """When each object can be written again; not saved, so that a fresh start has no locks."""

    clock: Clock
    _ends: dict[str, list[float]] = field(default_factory=dict)
    _refused: int = 0

    def check(self, written: str, at_once: int) -> None:
        now = self.clock.timestamp()
        self._ends[written] = [end for end in self._ends.get(written, ()) if end > now]
        if len(self._ends[written]) >= at_once:
            self._refused += 1
            raise graph_error(
                _STATUSES[self._refused % len(_STATUSES)],
                "Directory_ConcurrencyViolation",
                "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
            )

    def note(self, written: str, seconds: float) -> None:
        self._ends.setdefault(written, []).append(self.clock.timestamp() + seconds)
