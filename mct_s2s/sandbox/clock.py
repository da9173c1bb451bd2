"""The sandbox's time, which may run ahead of the machine's.

Secrets expire after years and tokens after an hour; nobody waits that long to see what happens then.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the time of the sandbox: the machine's, plus what it was advanced by."""

    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        """Give the sandbox's present, with time zone UTC."""
        return datetime.now(UTC) + self.ahead

    def advance(self, by: timedelta) -> None:
        """Move the sandbox's time forward; the machine's clock stays as it is."""
        self.ahead += by
