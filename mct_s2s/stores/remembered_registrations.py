"""What this machine remembers of registrations, beside the locks of `host_lock.py`."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from enum import StrEnum

from mct_s2s.local_files import read_ours, replace_whole
from mct_s2s.stores.host_lock import path_of


class Remembered(StrEnum):
    """What this machine remembers of registrations, by their object ids, in lower case.

    What its own requests created is this user's. Anyone may have another registration under such a
    name.
    """

    UNFINISHED = "unfinished"
    """A run here began to create or to change them, and did not end."""
    DELETED = "deleted"
    """A run here moved them to the recycle bin; with the ids of those who owned them then."""


def remembered_registrations(what: str, why: Remembered) -> dict[str, frozenset[str]]:
    """Return the ids of the owners at that time, by the registration's object id."""
    try:
        lines = read_ours(path_of(what, why)).casefold().splitlines()
    except OSError:
        return {}  # what another user may have written is not believed
    words = (line.split() for line in lines if line.strip())
    return {object_id: frozenset(owners) for object_id, *owners in words}


def remember_registrations(
    what: str, why: Remembered, owners: Mapping[str, Collection[str]]
) -> None:
    """Replace what is remembered; a home that cannot be written to keeps nothing."""
    with suppress(OSError):
        path = path_of(what, why)
        if owners:
            lines = (" ".join((key, *sorted(ids))) for key, ids in sorted(owners.items()))
            replace_whole(path, "".join(f"{line}\n" for line in lines), durable=False)
        else:
            path.unlink(missing_ok=True)
