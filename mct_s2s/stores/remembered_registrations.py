"""What this machine remembers of registrations, beside the locks of `host_lock.py`."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
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
    ATTEMPTED = "attempted"
    """A run here began attempts at secrets there, and has handed none of these over; with the tags
    of the attempts.

    That is no reason to believe a registration.
    """
    SOLE = "sole"
    """A run here began to remove what a credential had replaced; with the id of the one that stays.

    Once they are gone, nothing else tells a repeated removal from a rotation.
    """


def remembered_registrations(what: str, why: Remembered) -> dict[str, frozenset[str]]:
    """Return the words that are remembered of each registration, by its object id."""
    try:
        lines = read_ours(path_of(what, why)).casefold().splitlines()
    except OSError:
        return {}  # what another user may have written is not believed
    words = (line.split() for line in lines if line.strip())
    return {object_id: frozenset(details) for object_id, *details in words}


def remember_registrations(
    what: str, why: Remembered, details: Mapping[str, Collection[str]]
) -> None:
    """Replace what is remembered; a home that cannot be written to keeps nothing."""
    with suppress(OSError):
        path = path_of(what, why)
        try:
            if details:
                lines = (" ".join((key, *sorted(words))) for key, words in sorted(details.items()))
                replace_whole(path, "".join(f"{line}\n" for line in lines), durable=False)
                return
        except OSError:
            pass  # on a full disk, nothing is better than what no longer holds
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class RememberedAttempts:
    """The attempts at secrets of one registration that a run here began, by their tags.

    A replica may not show what a killed run has written to the registration, and another run may
    have taken it off. Then these say it: a secret of such a name was never handed to its place.
    """

    what: str
    object_id: str

    def tags(self) -> frozenset[str]:
        return self._read().get(self.object_id.casefold(), frozenset())

    def add(self, tag: str) -> None:
        self._write(self._read() | {self.object_id.casefold(): self.tags() | {tag}})

    def remove(self, tag: str) -> None:
        """Remove one attempt, as its secret is about to be handed over."""
        noted = self._read()
        key = self.object_id.casefold()
        remaining = noted.pop(key, frozenset()) - {tag}
        self._write(noted | ({key: remaining} if remaining else {}))

    def forget(self) -> None:
        """Remove them, as the registration has those that the next run has to know."""
        noted = self._read()
        if noted.pop(self.object_id.casefold(), None) is not None:
            self._write(noted)

    def _read(self) -> dict[str, frozenset[str]]:
        return remembered_registrations(self.what, Remembered.ATTEMPTED)

    def _write(self, noted: dict[str, frozenset[str]]) -> None:
        remember_registrations(self.what, Remembered.ATTEMPTED, noted)
