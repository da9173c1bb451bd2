"""Files that nobody else may read: mode 0600 from the first byte, and on disk before anything goes on."""

from __future__ import annotations

import glob
import os
import secrets
import sys
from pathlib import Path


def lines_of(path: Path) -> list[str]:
    """The lines of a text file; none where there is no such file, or it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def forget_leftovers(path: Path) -> None:
    """Remove what killed runs left of writing `path` and its `.pending`: it may hold a secret.

    Only for whoever has the turn: nobody else may be writing at the same moment.
    """
    for leftover in path.parent.glob(f".{glob.escape(path.name)}*.{'[0-9a-f]' * 8}"):
        leftover.unlink(missing_ok=True)


def replace_whole(path: Path, text: str) -> None:
    """Write beside, flush to disk, rename: no reader ever sees half a file, and no mode but 0600."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_new(fresh, text)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        OSError: it is there, or cannot be made.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
