"""The time of a running command: its event loop's clock for waiting and measuring, the calendar for
dates.
"""

import asyncio
import time
from datetime import UTC, datetime


def seconds() -> float:
    """The running loop's clock, which never goes back: that of `asyncio.sleep`."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:  # the thread that draws
        return time.monotonic()


def now() -> datetime:
    return datetime.now(UTC)


def moment(text: str) -> datetime:
    """A time from ISO 8601; UTC if it has no zone. Raises ValueError."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
