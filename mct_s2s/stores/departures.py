"""Which identities a removal has taken off an App Service's allow list and has yet to switch off.

Only what is on the allow list is ever switched off. A removal clears that list first; where it is cut off after that,
this note, which no one but this user can have written, is what the next run on this machine finishes by.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from mct_s2s.local_files import read_ours, replace_whole
from mct_s2s.stores.dotenv import lines_of
from mct_s2s.stores.host_lock import path_of


class LocalDepartures:
    """A file of mode 0600 for each App Service, beside its lock."""

    def of(self, what: str) -> frozenset[str]:
        """The object ids, in lower case, that are noted for `what`, a resource id."""
        try:
            text = read_ours(path_of(what, "leaving"))
        except OSError:
            return frozenset()  # what another user may have written is not believed
        return frozenset(line.casefold() for line in lines_of(text or "") if line)

    def begin(self, what: str, identities: Iterable[str]) -> None:
        """Note them, beside those that are noted already; a home that cannot be written to keeps no note."""
        with suppress(OSError):
            self._keep(what, self.of(what) | {identity.casefold() for identity in identities})

    def end(self, what: str, identities: Iterable[str]) -> None:
        """They are switched off; the note of others stays."""
        with suppress(OSError):
            self._keep(what, self.of(what) - {identity.casefold() for identity in identities})

    def _keep(self, what: str, identities: frozenset[str]) -> None:
        path = path_of(what, "leaving")
        if identities:
            replace_whole(path, "".join(f"{identity}\n" for identity in sorted(identities)))
        else:
            path.unlink(missing_ok=True)
