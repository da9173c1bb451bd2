"""The sandbox's own time, so that a test can let a secret expire without waiting for it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class TimeSource(Protocol):
    """What a clock runs on."""

    def timestamp(self) -> float:
        """The moment in seconds since 1970."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let so much of this time pass."""
        ...


class ComputerTime:
    """The computer's own time."""

    def timestamp(self) -> float:
        """The moment in seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Clock:
    """Time as every service of one world sees it: its source's, plus what somebody moved it by."""

    def __init__(self, offset: timedelta = timedelta(), source: TimeSource | None = None) -> None:
        self.offset = offset
        self.source = source or ComputerTime()

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        return datetime.fromtimestamp(self.source.timestamp(), UTC) + self.offset

    def timestamp(self) -> float:
        """The moment in seconds since 1970."""
        return self.source.timestamp() + self.offset.total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Wait, as a service does that takes its time."""
        await self.source.sleep(seconds)

    def advance(self, step: timedelta | float) -> None:
        """Move the world forward by a span or by seconds; time that went by is not given back.

        Raises:
            ValueError: the step is negative, and tokens would be issued in the past of others.
        """
        span = step if isinstance(step, timedelta) else timedelta(seconds=step)
        if span < timedelta():
            raise ValueError("The clock can only move forward.")
        self.offset += span
