"""Files that no one else may read: mode 0600 from the first byte, and on disk before anything goes on."""

from __future__ import annotations

import asyncio
import glob
import os
import secrets
import stat
import sys
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mct_s2s.concurrency import finish_even_if_cancelled
from mct_s2s.file_ownership import UntrustedFile
from mct_s2s.local_files import check_ours, is_there, read_ours
from mct_s2s.private_folders import check_folder, make_private_folder

PRIVATE = 0o600
PENDING = ".pending"
"""What follows a file's name in that of the note, or the key, that is on its way to it."""


def text_of(path: Path, *, delivered: bool = False) -> str | None:
    """What one of our private text files contains; `None` where there is none. What is no UTF-8 is replaced.

    Args:
        path: the file.
        delivered: as for `read_ours`.

    Raises:
        OSError: it cannot be read, or someone else may have written it.
    """
    content = read_ours(path, delivered=delivered)
    return None if content is None else content.decode("utf-8", errors="replace")


def lines_of(text: str | None) -> list[str]:
    """The lines of a text as a shell, or any other reader of the file, sees them: only a line feed ends one."""
    return [line.removesuffix("\r") for line in (text or "").split("\n")]


def is_one_line(text: str) -> bool:
    """Whether no reader of a text file can take a value for more than one line, or fail to write it down."""
    return not any(unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} for char in text)


def check_place(path: Path, *, make_folder: bool = True) -> None:
    """Try the very writing that a private file and its `.pending` will need. Nothing is left of it.

    Where other users may put files of their own beside ours, the name is taken at once, by an empty file: no one can
    plant anything there between this look and the writing.

    Args:
        path: the file.
        make_folder: whether its folder is made where it is not there yet.

    Raises:
        UntrustedFile: another user can take the file away, replace it or read it, or one of their files is already
            there.
        OSError: it cannot be written.
    """
    if not path.name or not is_one_line(str(path)):
        raise UntrustedFile("the file name is invalid", "Choose another name.")
    read_ours(path, delivered=True)
    if make_folder:
        make_private_folder(path.parent)
    shared = check_folder(path.parent)
    trial = path.with_name(f".{path.name}{PENDING}.{secrets.token_hex(4)}")
    write_new(trial, "", durable=False)
    trial.unlink()
    if shared and not is_there(path):
        write_new(path, "", durable=False)


def forget_leftovers(path: Path) -> None:
    """Remove what killed runs left of writing `path` and its `.pending`: it may hold a secret.

    Only for the holder of the host's lock: no one else may be writing at the same moment.
    """
    for leftover in path.parent.glob(f".{glob.escape(path.name)}*.{'[0-9a-f]' * 8}"):
        with suppress(OSError):  # another user's, or gone
            if stat.S_ISREG(leftover.lstat().st_mode):
                leftover.unlink()


async def on_disk(write: Callable[[], None]) -> None:
    """Write on a thread, and to the end also where this command is interrupted meanwhile.

    A disk takes 1 to 10 ms to confirm a file: 200 clients, four files each, held each other's requests up for 4 s.
    """
    await finish_even_if_cancelled(asyncio.to_thread(write))


def replace_whole(path: Path, text: str, mode: int = PRIVATE, *, durable: bool = True) -> None:
    """Write beside, flush to disk, rename: no reader ever sees half a file, and no mode but this one.

    Args:
        path: where.
        text: what.
        mode: its permissions.
        durable: as for `write_new`.

    Raises:
        OSError: it cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_new(fresh, text, mode, durable=durable)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    if durable and sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_new(path: Path, text: str, mode: int = PRIVATE, *, durable: bool = True) -> None:
    """Write a file that is not there yet. Nothing is written where the file system does not keep it to ourselves.

    Args:
        path: where.
        text: what.
        mode: its permissions.
        durable: whether it is on disk before this returns, which takes milliseconds.

    Raises:
        UntrustedFile: a private one would not be private.
        OSError: it is there, or cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), mode)
    except ValueError:
        raise UntrustedFile("the file name is invalid", "Choose another name.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if mode == PRIVATE:
            try:
                check_ours(descriptor)
            except UntrustedFile as error:
                path.unlink()
                raise UntrustedFile(f"a file there is not private: {error}", error.remedy) from None
        file.write(text)
        file.flush()
        if durable:
            os.fsync(file.fileno())
