"""Folders in which no one else can replace one of our files."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections import deque
from pathlib import Path

from mct_s2s.file_ownership import UntrustedFile, others_may_write, trusted_owners

MOST_LINKS = 40
"""Source: path_resolution(7)."""
_ANOTHER_FOLDER = "Choose a folder that only you can write to."


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for no one but us.

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
    """Make sure that no one else can replace one of our files in this folder.

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
            if status.st_uid not in trusted_owners():
                raise UntrustedFile(f"the symbolic link '{step}' in its path belongs to another user", _ANOTHER_FOLDER)
            if target.is_absolute():
                current, parts = Path(target.anchor), deque([*target.parts[1:], *parts])
            else:
                parts.extendleft(reversed(target.parts))
            continue
        shared = _check_one_folder(step, status)
        current = step
    return shared


def _check_one_folder(folder: Path, status: os.stat_result) -> bool:
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(f"'{folder}' is not a folder")
    if status.st_uid not in trusted_owners():
        raise UntrustedFile(
            f"the folder '{folder}' belongs to another user (uid {status.st_uid}), who can replace files in it",
            _ANOTHER_FOLDER,
        )
    may_write = others_may_write(status)
    if may_write and not status.st_mode & stat.S_ISVTX:
        raise UntrustedFile(
            f"other users can write to the folder '{folder}' (mode {stat.S_IMODE(status.st_mode):04o}) and replace "
            "files in it",
            f"Make it private (chmod go-w '{folder}'), or choose a folder that only you can write to.",
        )
    return may_write
