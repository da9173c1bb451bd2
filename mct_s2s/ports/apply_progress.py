"""Is notified while a plan is applied."""

from __future__ import annotations

from typing import Protocol

from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import AnyChange


class Progress(Protocol):
    """Is notified of what happens."""

    def started(self, change: AnyChange) -> None:
        """Its first request goes out now."""

    def finished(self, change: AnyChange, detail: str) -> None:
        """It is done."""

    def skipped(self, change: AnyChange, why: str) -> None:
        """It was left for a later run, or for someone else."""

    def failed(self, change: AnyChange, error: S2SError) -> None:
        """It could not be done."""
