"""Local files, so that nothing of another user's is believed, followed, waited for or overwritten.

A file is used if no one else owns it or may write to it; a folder is written to if no one else can
replace files in it. Folders above are not looked at. Windows has neither owners nor modes of this
kind.
"""

import errno
import glob
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.plain_text import is_one_line

FILE_BYTES = 1 << 20
TRIAL_BYTES = 1 << 14
"""More than a credential, its note, or most backups need."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The disk, or the caller's share of it."""
PRIVATE, READABLE = 0o600, 0o644
PENDING = ".pending"
"""What follows a file's name in that of the note, or the key, that is on its way to it."""
_SAFELY = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"))


class UntrustedFile(OSError):
    """Why a file or folder is not used, as the rest of a sentence about it."""


@contextmanager
def as_usage_error(
    what: str, path: Path, taken: str, unwritable: str, option: str
) -> Iterator[None]:
    """Raise UsageError for what is wrong with a file.

    `taken` is its code where another user may have written the file, or could; else `unwritable`.
    """
    try:
        yield
    except OSError as error:
        is_taken = isinstance(error, UntrustedFile)
        why = _reason(error, path)
        raise UsageError(
            taken if is_taken else unwritable,
            f"{what} to '{path}': {why}.{' It was not changed.' if is_taken else ''}",
            remedy=f"Free some space, or choose another file: {option}"
            if error.errno in FULL
            else f"Choose a file that you, and no one else, can write: {option}",
        ) from error


def _reason(error: OSError, path: Path) -> str:
    if not isinstance(error, FileNotFoundError):
        return error.strerror or str(error)
    # Some folders, such as /proc, say so of each new file.
    return "its folder takes no files" if path.parent.is_dir() else "the folder does not exist"


def read_ours(path: Path) -> str:
    """Read a file of our own; an empty text where there is none.

    Raises OSError; UntrustedFile: it is a link, or others can write it.
    """
    try:
        return _read(path, stat.S_IWGRP | stat.S_IWOTH, follow=False).decode(
            "utf-8", errors="replace"
        )
    except (FileNotFoundError, NotADirectoryError):
        return ""


def read_given(path: Path) -> bytes:
    """Read a file that the user has named; links are followed. Raises OSError, UntrustedFile."""
    return _read(path, stat.S_IWOTH, follow=True)


def must_not_block(path: Path, *, follow: bool = True, folder: bool = True) -> None:
    """Refuse what a reader would wait for: anything but a file.

    `folder`: a folder is fine, too, for a library that reads one.
    """
    if "\0" in str(path):
        raise UntrustedFile("the file name is invalid")
    status = path.stat(follow_symlinks=follow)
    if not (folder and stat.S_ISDIR(status.st_mode)):
        _check_kind(status)


def check_folder(folder: Path) -> None:
    """Make sure that no one else may replace our files in a folder. Raises OSError, UntrustedFile.

    On most of Linux, a user's primary group has no other member, and may write to the folders that
    the user makes.
    """
    status = folder.stat()
    others = (
        stat.S_IWOTH
        if sys.platform == "win32" or status.st_gid == os.getegid()
        else stat.S_IWOTH | stat.S_IWGRP
    )
    _check(status, 0 if status.st_mode & stat.S_ISVTX else others, f"the folder '{folder}'")


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for no one but us. Raises as
    `check_folder`.
    """
    if folder.is_dir():
        check_folder(folder)
    else:
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def check_place(path: Path, *, makes_folder: bool = False) -> None:
    """Try the very writes that our file and its `.pending` need; leave no file.

    Raises OSError, UntrustedFile.
    """
    _check_file(path)
    if makes_folder:
        make_folder(path.parent)
    _try_to_write(path.parent, path.name)


def check_place_to_come(path: Path) -> None:
    """Try the writes of `check_place` and leave nothing: in place of a folder that is missing, in
    the nearest one that it would be made in.

    Raises OSError, UntrustedFile.
    """
    _check_file(path)
    folder = next(folder for folder in path.parents if folder.exists())
    if not folder.is_dir():
        raise UntrustedFile(f"'{folder}' is not a folder")
    _try_to_write(folder, path.name)


def _check_file(path: Path) -> None:
    if not path.name or not is_one_line(str(path)):
        raise UntrustedFile("the file name is invalid")
    read_ours(path)


def _try_to_write(folder: Path, name: str) -> None:
    check_folder(folder)
    trial = folder / f".{name}{PENDING}.{secrets.token_hex(4)}"
    try:
        write_new(trial, " " * TRIAL_BYTES, durable=False)
    finally:
        trial.unlink(missing_ok=True)


def forget_leftovers(path: Path) -> None:
    """Remove what a killed run left of writing a file: it may hold a secret.

    No one else may be writing it meanwhile.
    """
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 8}"):
        with suppress(OSError):  # another user's, a folder, or gone
            leftover.unlink()


def replace_whole(path: Path, text: str, mode: int = PRIVATE, *, durable: bool = True) -> None:
    """Write beside the file, flush to disk and rename, so that no reader sees half of it.

    Not `durable`: it outlives the process, and perhaps not a power failure.
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
    """Write a file that does not exist yet.

    Raises OSError; UntrustedFile: the file system does not keep one private.
    """
    descriptor = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), mode
    )
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if sys.platform != "win32" and os.fstat(descriptor).st_mode & 0o077 & ~mode:
            path.unlink()
            raise UntrustedFile("a file there is not private")
        file.write(text)
        file.flush()
        if durable:
            os.fsync(descriptor)


def _read(path: Path, written_by_others: int, *, follow: bool) -> bytes:
    # Looked at first: opening a device can do something to it, and a socket cannot be opened at
    # all.
    must_not_block(path, follow=follow, folder=False)
    descriptor = os.open(
        path, os.O_RDONLY | _SAFELY | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
    )
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        _check_kind(status)
        content = file.read(FILE_BYTES + 1)
    if len(content) > FILE_BYTES:
        raise UntrustedFile("it is larger than 1 MiB")
    _check(status, written_by_others)
    return content


def _check_kind(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UntrustedFile("it is not a file, but a link, a folder, a pipe or a device")


def _check(status: os.stat_result, written_by_others: int, what: str = "it") -> None:
    """Refuse what belongs to neither us nor root, nor under sudo to the calling user, or what
    others can write to.
    """
    if sys.platform == "win32":
        return
    us = os.geteuid()
    caller = os.environ.get("SUDO_UID", "") if us == 0 else ""
    if status.st_uid not in {us, 0} and str(status.st_uid) != caller:
        raise UntrustedFile(f"{what} belongs to another user (uid {status.st_uid})")
    if status.st_mode & written_by_others:
        mode = f"mode {stat.S_IMODE(status.st_mode):04o}; chmod go-w makes it private"
        raise UntrustedFile(f"other users can write to {what} ({mode})")
