"""One process at a time serves a state directory; the operating system lets go when it dies."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Self

if sys.platform == "win32":  # pragma: no cover - the other half of a portable lock
    import msvcrt

    def _try(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class Lock:
    """An exclusive lock on a file, held until `release` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """Take the lock if nobody holds it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if _try(descriptor):
            return cls(descriptor)
        os.close(descriptor)
        return None

    @classmethod
    def wait(cls, path: Path, *, seconds: float) -> Self:
        """Take the lock as soon as it is free.

        Raises:
            TimeoutError: it was not free within so many seconds.
        """
        deadline = time.monotonic() + seconds
        while (lock := cls.take(path)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Another sandbox uses '{path.parent}'.")
            time.sleep(0.05)
        return lock

    def release(self) -> None:
        """Let go; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
