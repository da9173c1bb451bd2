"""Whose a local file or folder is, and who else could have written it.

Windows has neither owners nor modes of this kind: there, nothing is refused for them.
"""

from __future__ import annotations

import os
import stat
import sys
from functools import cache

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


def check_given(status: os.stat_result) -> None:
    """Refuse a file that another user can change at any time."""
    if sys.platform != "win32" and status.st_uid not in trusted_owners():
        raise UntrustedFile(
            f"it belongs to another user (uid {status.st_uid}), who can change it",
            "If you trust its content, copy it to a file of your own and use that.",
        )


def check_secret(status: os.stat_result) -> None:
    """Refuse a file that every user of this machine may write to, as well."""
    check_given(status)
    if sys.platform != "win32" and status.st_mode & stat.S_IWOTH:
        raise UntrustedFile("every user on this machine can write to it", "Make it private: chmod 600 FILE")


def check_private(status: os.stat_result) -> None:
    """Refuse a file that is not ours, or that others may read or change."""
    _check_mode(status, _BY_OTHERS, "read or change it")


def check_delivered(status: os.stat_result) -> None:
    """Refuse a file that is not ours, or that others may change."""
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


def others_may_write(status: os.stat_result) -> bool:
    """Whether anyone but its owner may write to a folder."""
    by_group = bool(status.st_mode & stat.S_IWGRP) and not _is_private_group(status.st_gid)
    return by_group or bool(status.st_mode & stat.S_IWOTH)


def trusted_owners() -> frozenset[int]:
    """Us and root. Under sudo also the calling user, who can become root at any time."""
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
