"""The sandbox's own time, so that a test can let a secret expire without waiting for it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Time as every service of one world sees it: the computer's, plus what somebody moved it by."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        return datetime.now(UTC) + self.offset

    def timestamp(self) -> float:
        """The moment in seconds since 1970."""
        return time.time() + self.offset.total_seconds()

    def advance(self, step: timedelta | float) -> None:
        """Move the world forward by a span or by seconds; time that went by is not given back.

        Raises:
            ValueError: the step is negative, and tokens would be issued in the past of others.
        """
        span = step if isinstance(step, timedelta) else timedelta(seconds=step)
        if span < timedelta():
            raise ValueError("A clock only moves forward.")
        self.offset += span
