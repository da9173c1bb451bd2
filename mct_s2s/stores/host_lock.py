"""One changing command at a time for one App Service on one machine: the next one then sees what this one did.

Runs on other machines are not kept out; against those, every write is keyed or merged.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_state_path

from mct_s2s.activity import activity
from mct_s2s.local_files import read_ours, replace_whole

POLL_SECONDS = 0.05
"""Between two tries for the lock: too short to be noticed, and a waiting process costs nothing."""


def path_of(what: str, suffix: str = "lock") -> Path:
    """The file of that kind for `what`, a resource id or a unique name. Raises OSError: its folder cannot be made."""
    folder = user_state_path("mct-s2s", appauthor=False) / "locks"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / f"{hashlib.sha256(what.lower().encode()).hexdigest()[:20]}.{suffix}"


@asynccontextmanager
async def hold(what: str, since: float) -> AsyncIterator[bool]:
    """Hold the lock for `what`, a resource id or a unique name.

    Yields whether another run had the lock after `since` (seconds since the epoch): then what was looked at before is
    stale. The operating system gives the lock back when a process dies, however it dies.
    """
    try:
        path = path_of(what)
        lock, last = FileLock(path), path.with_suffix(".last")
        await _acquired(lock)
    except OSError:  # a home that cannot be written to: then there is no second run of this user's to fear, either
        yield False
        return
    try:
        yield last.exists() and last.stat().st_mtime >= since
    finally:
        with suppress(OSError):
            last.touch()
        lock.release()


async def _acquired(lock: FileLock) -> None:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        with activity("Waiting for another mct-s2s command on this machine"):
            while not lock.is_locked:
                await asyncio.sleep(POLL_SECONDS)
                with suppress(Timeout):
                    lock.acquire(blocking=False)


def departing(what: str) -> frozenset[str]:
    """The identities, by object id in lower case, that a removal took off the allow list of `what`, a resource id.

    Only what is on the allow list is ever switched off. A removal clears that list first; where it is cut off after
    that, this note, which no one but this user can have written, is what the next run on this machine finishes by.
    """
    try:
        return frozenset((read_ours(path_of(what, "leaving")) or "").casefold().split())
    except OSError:
        return frozenset()  # what another user may have written is not believed


def note_departing(what: str, identities: frozenset[str]) -> None:
    """Keep that note; a home that cannot be written to keeps none."""
    with suppress(OSError):
        path = path_of(what, "leaving")
        if identities:
            replace_whole(path, "".join(f"{identity}\n" for identity in sorted(identities)))
        else:
            path.unlink(missing_ok=True)
