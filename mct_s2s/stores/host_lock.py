"""One changing command at a time for one App Service on one machine.

Against others, every write is keyed or merged.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_state_path

from mct_s2s.activity import activity
from mct_s2s.local_files import make_folder, read_ours, replace_whole

POLL_SECONDS = 0.05
"""Too short to be noticed, and a waiting process costs nothing."""


def path_of(what: str, suffix: str = "lock") -> Path:
    """The file of a lock or note. Raises OSError: its folder is missing or not private.

    `what`, here and below: a resource id or a unique name.
    """
    folder = user_state_path("mct-s2s", appauthor=False) / "locks"
    make_folder(folder)
    return folder / f"{hashlib.sha256(what.lower().encode()).hexdigest()[:20]}.{suffix}"


@asynccontextmanager
async def hold(what: str, since: float) -> AsyncIterator[bool]:
    """Hold the lock while the block runs; yields whether another run had it meanwhile.

    `since`: seconds since the epoch. What was read before is stale then.
    """
    try:
        path = path_of(what)
        lock, last = FileLock(path), path.with_suffix(".last")
        await _acquired(lock)
    except OSError:
        # No home of this user's own: then there is no second run of his to fear, either
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


class RegistrationNote(StrEnum):
    """What this machine remembers of registrations, by their object ids, in lower case.

    What its own requests created is this user's. Anyone may have another registration under such a
    name.
    """

    UNFINISHED = "unfinished"
    """A run here began to create or to change them, and did not end."""
    DELETED = "deleted"
    """A run here moved them to the recycle bin."""


def noted_registrations(what: str, note: RegistrationNote) -> frozenset[str]:
    try:
        return frozenset(read_ours(path_of(what, note)).casefold().split())
    except OSError:
        return frozenset()  # what another user may have written is not believed


def note_registrations(what: str, note: RegistrationNote, object_ids: frozenset[str]) -> None:
    """Replace that note; a home that cannot be written to keeps none."""
    with suppress(OSError):
        path = path_of(what, note)
        if object_ids:
            lines = "".join(f"{object_id}\n" for object_id in sorted(object_ids))
            replace_whole(path, lines, durable=False)
        else:
            path.unlink(missing_ok=True)
