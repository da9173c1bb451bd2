"""One changing command at a time for one App Service on one machine.

Against others, every write is keyed or merged.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_state_path

from mct_s2s.activity import activity
from mct_s2s.local_files import make_folder
from mct_s2s.waits import LOCK_POLL_SECONDS


def path_of(what: str, suffix: str = "lock") -> Path:
    """The file of a lock, note or journal. Raises OSError: its folder is missing or not private.

    `what`, here and below: a resource id or a unique name. A pipeline keeps the folder of
    `MCT_S2S_STATE_DIR` from one runner to the next.
    """
    chosen = os.environ.get("MCT_S2S_STATE_DIR")
    state = Path(chosen) if chosen else user_state_path("mct-s2s", appauthor=False)
    folder = state / "locks"
    make_folder(folder)
    return folder / f"{hashlib.sha256(what.lower().encode()).hexdigest()[:20]}.{suffix}"


@asynccontextmanager
async def hold(what: str, since: float) -> AsyncIterator[bool]:
    """Hold the lock while the block runs; yields whether another run had it meanwhile.

    `since`: seconds since the epoch. What was read before is stale then.
    """
    try:
        path = path_of(what)
        lock, last, begun = FileLock(path), path.with_suffix(".last"), path.with_suffix(".begun")
        await _acquired(lock)
    except OSError:
        # No home of this user's own: then there is no second run of his to fear, either
        yield False
        return
    # A run that was killed has left its mark. When it wrote for the last time is not known.
    was_held = begun.exists() or (last.exists() and last.stat().st_mtime >= since)
    try:
        with suppress(OSError):
            begun.touch()
        yield was_held
    finally:
        with suppress(OSError):
            last.touch()
            begun.unlink(missing_ok=True)
        lock.release()


async def _acquired(lock: FileLock) -> None:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        with activity("Waiting for another mct-s2s command on this machine"):
            while not lock.is_locked:
                await asyncio.sleep(LOCK_POLL_SECONDS)
                with suppress(Timeout):
                    lock.acquire(blocking=False)
