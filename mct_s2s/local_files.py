"""Local files that someone else may have planted: opened here, and looked at before anything in them is believed.

A user who can write to a folder can put a file, a link, a pipe or a device where one of our files is expected. So
nothing is opened before it is known to be a regular file, nothing blocks, what is looked at is the open file
itself, and a file counts as ours only if it belongs to us and no one else can read or change it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from mct_s2s.file_ownership import UntrustedFile, check_delivered, check_given, check_private, check_secret

MOST_BYTES = 1 << 20
"""No document, key or note that a person gives us is larger."""
_NEVER_BLOCKING = (
    getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def read_ours(path: Path, *, delivered: bool = False) -> bytes | None:
    """What one of our private files contains; `None` where there is no such file. A link is never one of our files.

    Args:
        path: the file.
        delivered: whether it is one that its user goes on using: he may have given others the right to read it.

    Raises:
        UntrustedFile: someone else can have written it, or reads it although no one should.
        OSError: it cannot be read.
    """
    try:
        return _read(path, follow=False, check=check_delivered if delivered else check_private)
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_given(path: Path, *, secret: bool = False) -> bytes:
    """What a file holds that the user, or a variable of the environment, has named. Links are followed.

    Args:
        path: the file.
        secret: whether what it holds is as good as a secret: then not everyone may write to it, either.

    Raises:
        UntrustedFile: no regular file, too large, or someone else's.
        OSError: it is not there, or cannot be read.
    """
    return _read(path, follow=True, check=check_secret if secret else check_given)


def is_there(path: Path) -> bool:
    """Whether anything at all has that name, a dangling link included."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True


def must_not_block(path: Path) -> None:
    """Refuse what a library that opens it would wait for: anything but a file and a folder.

    Raises:
        OSError: as said, or it is not there.
    """
    try:
        status = path.stat()
    except ValueError:
        raise _no_path() from None
    if not stat.S_ISDIR(status.st_mode):
        _must_be_regular(status)


def check_ours(descriptor: int) -> None:
    """Make sure that an open file is ours alone: not every file system keeps what it is told.

    Raises:
        UntrustedFile: it is not.
    """
    check_private(os.fstat(descriptor))


def _read(path: Path, *, follow: bool, check: Callable[[os.stat_result], None]) -> bytes:
    flags = os.O_RDONLY | _NEVER_BLOCKING | (0 if follow else _NO_LINK)
    try:
        # Looked at first: opening a device can do something to it, and a socket cannot be opened at all.
        _must_be_regular(path.stat(follow_symlinks=follow))
        descriptor = os.open(path, flags)
    except ValueError:
        raise _no_path() from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        _must_be_regular(status)
        check(status)
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UntrustedFile("it is larger than 1 MiB", "Use another file.")
    return content


_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def _must_be_regular(status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "something else")
    raise UntrustedFile(f"it is {kind}, not a file", "Use the path of a file.")


def _no_path() -> UntrustedFile:
    return UntrustedFile("the file name is invalid", "Use the path of a file.")
