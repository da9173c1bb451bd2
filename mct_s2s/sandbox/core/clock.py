"""The sandbox's own time, so that a test can let a secret expire without waiting for it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class TimeSource(Protocol):
    """Where a clock gets the time from."""

    def timestamp(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class ComputerTime:
    """The computer's own time."""

    def timestamp(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Clock:
    """The time of all services of a sandbox: that of its source, plus an offset."""

    def __init__(self, offset: timedelta = timedelta(), source: TimeSource | None = None) -> None:
        self.offset = offset
        self.source = source or ComputerTime()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.source.timestamp(), UTC) + self.offset

    def timestamp(self) -> float:
        return self.source.timestamp() + self.offset.total_seconds()

    async def sleep(self, seconds: float) -> None:
        await self.source.sleep(seconds)

    def advance(self, step: timedelta | float) -> None:
        """Move the time forward by a duration or by seconds; it never goes back.

        Raises:
            ValueError: the step is negative, and tokens would be issued in the past of others.
        """
        span = step if isinstance(step, timedelta) else timedelta(seconds=step)
        if span < timedelta():
            raise ValueError("The clock can only move forward.")
        self.offset += span
