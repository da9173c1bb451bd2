"""One changing command at a time for one App Service on one machine: the next one then sees what this one did.

Runs on other machines are not kept out; against those, every write is keyed or merged.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_state_path

POLL_SECONDS = 0.05


def _path(what: str) -> Path:
    folder = user_state_path("mct-s2s", appauthor=False) / "turns"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / f"{hashlib.sha256(what.lower().encode()).hexdigest()[:20]}.lock"


@asynccontextmanager
async def turn(what: str) -> AsyncIterator[bool]:
    """Hold the turn for `what`, a resource id or a unique name; yields whether it had to be waited for.

    The operating system gives the lock back when a process dies, however it dies.
    """
    try:
        lock = FileLock(_path(what))
    except OSError:
        yield False  # a home that cannot be written to: then there is no second run of this user's to fear, either
        return
    waited = False
    while True:
        try:
            lock.acquire(blocking=False)
            break
        except Timeout:
            waited = True
            await asyncio.sleep(POLL_SECONDS)
    try:
        yield waited
    finally:
        lock.release()
