"""What this machine remembers of registrations, beside the locks of `host_lock.py`."""

from contextlib import suppress
from enum import StrEnum

from mct_s2s.local_files import read_ours, replace_whole
from mct_s2s.stores.host_lock import path_of


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
