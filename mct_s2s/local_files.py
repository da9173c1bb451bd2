"""Local files that somebody else may have planted: opened here, and looked at before anything in them is believed.

Whoever may write to a folder can put a file, a link, a pipe or a device where one of ours is expected. So nothing is
opened before it is known to be a regular file, nothing blocks, what is looked at is the open file itself, and a file of
ours is taken for one only if it belongs to us and nobody else can read or change it. Windows has neither owners nor
modes of this kind: there, a regular file is enough.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path

MOST_BYTES = 1 << 20
"""No document, key or note that a person gives us is larger."""
MOST_LINKS = 40
"""Source: path_resolution(7)."""
_NEVER_BLOCKING = (
    getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_WRITTEN_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class UntrustedFile(OSError):
    """A file or a folder that is not used: its text says why, as the rest of a sentence about it.

    Args:
        why: `it is a named pipe, not a file`.
        remedy: what to type.
    """

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.remedy = remedy


def read_ours(path: Path, *, delivered: bool = False) -> bytes | None:
    """What a private file of ours holds; `None` where there is no such file. A link is none of ours.

    Args:
        path: the file.
        delivered: whether it is one that its user goes on using: he may have given others the right to read it.

    Raises:
        UntrustedFile: somebody else can have written it, or reads it although nobody should.
        OSError: it cannot be read.
    """
    try:
        return _read(path, follow=False, check=_check_delivered if delivered else _check_ours)
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_given(path: Path, *, secret: bool = False) -> bytes:
    """What a file holds that the user, or a variable of the environment, has named. Links are followed.

    Args:
        path: the file.
        secret: whether what it holds is as good as a secret: then not everybody may write to it, either.

    Raises:
        UntrustedFile: no regular file, too large, or somebody else's.
        OSError: it is not there, or cannot be read.
    """
    return _read(path, follow=True, check=_check_secret if secret else _check_given)


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


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for nobody but us.

    Raises:
        UntrustedFile: what is there already may be changed by others (see `check_folder`).
        OSError: it cannot be made, or something else has its name.
    """
    missing = []
    while folder != folder.parent and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    check_folder(folder)
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)


def check_folder(folder: Path) -> bool:
    """Make sure that nobody else can take a file of ours in this folder away and put his own in its place.

    Every folder on the way belongs to us or to root, and only they may write to it; where all may, its sticky bit keeps
    them from each other's files. Source: OpenSSH's `safe_path`, and path_resolution(7) for links.

    Returns:
        Whether others may put files of their own beside ours.

    Raises:
        UntrustedFile: one of them is not so.
        OSError: one of them is not there.
    """
    if sys.platform == "win32":
        return False
    absolute = folder.absolute()
    current, parts, links = Path(absolute.anchor), deque(absolute.parts[1:]), 0
    shared = _check_one_folder(current, current.lstat())
    while parts:
        part = parts.popleft()
        if part == "..":
            current = current.parent
            shared = _check_one_folder(current, current.lstat())
            continue
        step = current / part
        status = step.lstat()
        if stat.S_ISLNK(status.st_mode):
            links += 1
            target = step.readlink()
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(folder))
            if status.st_uid not in _trusted_owners():
                raise UntrustedFile(f"the symbolic link '{step}' in its path belongs to another user", _ANOTHER_FOLDER)
            if target.is_absolute():
                current, parts = Path(target.anchor), deque([*target.parts[1:], *parts])
            else:
                parts.extendleft(reversed(target.parts))
            continue
        shared = _check_one_folder(step, status)
        current = step
    return shared


def check_ours(descriptor: int) -> None:
    """Make sure that an open file is ours alone: not every file system keeps what it is told.

    Raises:
        UntrustedFile: it is not.
    """
    _check_ours(os.fstat(descriptor))


_ANOTHER_FOLDER = "Choose a folder that only you can write to."


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


def _check_given(status: os.stat_result) -> None:
    if sys.platform != "win32" and status.st_uid not in _trusted_owners():
        raise UntrustedFile(
            f"it belongs to another user (uid {status.st_uid}), who can change it",
            "If you trust its content, copy it to a file of your own and use that.",
        )


def _check_secret(status: os.stat_result) -> None:
    _check_given(status)
    if sys.platform != "win32" and status.st_mode & stat.S_IWOTH:
        raise UntrustedFile("every user on this machine can write to it", "Make it private: chmod 600 FILE")


def _check_ours(status: os.stat_result) -> None:
    _check_mode(status, _BY_OTHERS, "read or change it")


def _check_delivered(status: os.stat_result) -> None:
    _check_mode(status, _WRITTEN_BY_OTHERS, "change it")


def _check_mode(status: os.stat_result, forbidden: int, can: str) -> None:
    if sys.platform == "win32":
        return
    if status.st_uid != os.geteuid():
        raise UntrustedFile(
            f"it belongs to another user (uid {status.st_uid})", "Choose another file, or move that one away."
        )
    if status.st_mode & forbidden:
        raise UntrustedFile(
            f"its mode is {stat.S_IMODE(status.st_mode):04o}, so other users can {can}",
            "If its content is yours, make it private: chmod 600 FILE",
        )


def _check_one_folder(folder: Path, status: os.stat_result) -> bool:
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(f"'{folder}' is not a folder")
    if status.st_uid not in _trusted_owners():
        raise UntrustedFile(
            f"the folder '{folder}' belongs to another user (uid {status.st_uid}), who can replace files in it",
            _ANOTHER_FOLDER,
        )
    may_write = _others_may_write(status)
    if may_write and not status.st_mode & stat.S_ISVTX:
        raise UntrustedFile(
            f"other users can write to the folder '{folder}' (mode {stat.S_IMODE(status.st_mode):04o}) and replace "
            "files in it",
            f"Make it private (chmod go-w '{folder}'), or choose a folder that only you can write to.",
        )
    return may_write


def _others_may_write(status: os.stat_result) -> bool:
    by_group = bool(status.st_mode & stat.S_IWGRP) and not _is_private_group(status.st_gid)
    return by_group or bool(status.st_mode & stat.S_IWOTH)


def _trusted_owners() -> frozenset[int]:
    """Us and root. Under sudo also whoever called it, who is root whenever he likes."""
    if sys.platform == "win32":
        return frozenset()
    us = os.geteuid()
    caller = os.environ.get("SUDO_UID", "") if us == 0 else ""
    return frozenset({us, 0} | ({int(caller)} if caller.isascii() and caller.isdigit() else set()))


@cache
def _is_private_group(gid: int) -> bool:
    """Whether a group has no member but us: root's, and the one of our own name that Linux gives each user.

    Where that is the custom, folders are made with mode 0775. Source: login.defs(5), `USERGROUPS_ENAB`.
    """
    if sys.platform == "win32":
        return True
    import grp  # noqa: PLC0415  # not on Windows
    import pwd  # noqa: PLC0415

    if gid == 0:
        return True
    try:
        us, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(gid)
    except KeyError:
        return False
    return group.gr_name == us and set(group.gr_mem) <= {us}


def _no_path() -> UntrustedFile:
    return UntrustedFile("the file name is invalid", "Use the path of a file.")
