"""The journal's file on this machine, one for each App Service.

It is written and flushed before the request that it announces. Whoever writes it holds the lock of
`stores/host_lock.py`.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from mct_s2s.local_files import read_ours, replace_whole
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.ids import ApplicationObjectId, KeyId
from mct_s2s.model.journal import BegunCredential, Journal
from mct_s2s.stores.host_lock import path_of

_SUFFIX, _ASIDE = "journal", "journal.unreadable"
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError)


def read_journal(subject: str) -> Journal:
    """Read the journal of an App Service; an empty one where there is none that can be read.

    `subject`: the lock's, a resource id. What another user can have written is not believed.
    """
    try:
        return _parse(read_ours(path_of(subject, _SUFFIX)))
    except (OSError, *_MALFORMED):
        return Journal()


class JournalFile:
    """The journal of a run that holds the lock.

    Where the file cannot be written, `say` is told so once, and the run goes on: it still removes
    what it does not deliver, but no later run does.
    """

    def __init__(self, subject: str, say: Callable[[str], None]) -> None:
        self._subject = subject
        self._say = say
        self._is_writable = True
        self.content = self._read()

    def begin(self, begun: BegunCredential) -> None:
        """Announce a credential, or note what is known of it by now."""
        self._write(self.content.with_credential(begun))

    def strike_out(self, begun: BegunCredential) -> None:
        self._write(self.content.without_credential(begun))

    def _read(self) -> Journal:
        """Read the file; set one aside that is of another form."""
        try:
            path = path_of(self._subject, _SUFFIX)
            text = read_ours(path)
        except OSError as error:
            self._give_up(error)
            return Journal()
        try:
            return _parse(text)
        except _MALFORMED:
            aside = path.with_suffix(f".{_ASIDE}")
            with suppress(OSError):
                path.replace(aside)
            self._say(
                f"The journal '{path}' is not one of this program. It is kept as '{aside.name}'; "
                "what it announced is not continued."
            )
            return Journal()

    def _write(self, content: Journal) -> None:
        if content == self.content:
            return
        self.content = content
        try:
            path = path_of(self._subject, _SUFFIX)
            if content == Journal():
                path.unlink(missing_ok=True)
            else:
                replace_whole(path, json.dumps(asdict(content), indent=1) + "\n")
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        if self._is_writable:
            self._is_writable = False
            why = error.strerror or str(error)
            self._say(
                f"The journal cannot be kept ({why}): if this run is killed, the next one does not "
                "know what it has begun. To keep it elsewhere, set MCT_S2S_STATE_DIR."
            )


def _parse(text: str) -> Journal:
    if not text.strip():
        return Journal()
    document: dict[str, Any] = json.loads(text)
    return Journal(tuple(_credential(row) for row in document["credentials"]))


def _credential(row: dict[str, Any]) -> BegunCredential:
    key_id, replaces = row["key_id"], row["replaces"]
    return BegunCredential(
        ApplicationObjectId(str(row["object_id"])),
        CredentialKind(row["kind"]),
        str(row["name"]),
        KeyId(str(key_id)) if key_id is not None else None,
        bool(row["is_delivered"]),
        KeyId(str(replaces)) if replaces is not None else None,
    )
