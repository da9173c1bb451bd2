"""A client's credential in files of mode 0600 that azure-identity reads as they are."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mct_s2s.azure.sign_in.choice import CERTIFICATE_PATH, SECRET
from mct_s2s.concurrency import finish_even_if_cancelled
from mct_s2s.errors import UsageError
from mct_s2s.local_files import (
    PENDING,
    as_usage_error,
    check_place,
    check_place_to_come,
    forget_leftovers,
    read_ours,
    replace_whole,
)
from mct_s2s.model.client_credentials import Certificate, CredentialKind, SecretNote
from mct_s2s.model.client_sign_in import ClientSignIn, MadeCredential
from mct_s2s.model.ids import ClientId, KeyId, is_guid, same_id
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.stores.dotenv import (
    CLIENT,
    check_assignable,
    credential_in,
    credential_text,
    note_in,
    variables_in,
)
from mct_s2s.stores.store import Store

MOST_HELD = 8
"""Credentials that a file's note still names after their replacement.

A rotation may keep the old one for a while, and removes only what the place has held.
"""


@dataclass
class FileStore(Store):
    """A dotenv file with a client's secret, or one that names a PEM file with its certificate.

    `<dotenv file>.pending` has the names of the attempts. A key is on disk, as `<PEM
    file>.pending`, before its certificate is registered: the next run uses what an interrupted one
    left; no certificate is without its key.
    """

    place: Path
    """As it was asked for: the dotenv file, or of a key, either of the two files."""
    is_default_place: bool = False
    """Whether it is where files go without `--secret-to`: only this tool writes there.

    Elsewhere, another client's file is neither moved aside nor written over.
    """
    keeps_key: bool = False

    @property
    def secret_place(self) -> SecretPlace:
        return SecretPlace(PlaceKind.FILE, str(self.place))

    @property
    def dotenv(self) -> Path:
        if not self.keeps_key or self.place.suffix == ".env":
            return self.place
        return self.place.with_name(self.place.name.removesuffix(".pem") + ".env")

    @property
    def pem(self) -> Path:
        return self.place if self.place != self.dotenv else self.dotenv.with_suffix(".pem")

    @property
    def attempts_file(self) -> Path:
        return _pending(self.dotenv)

    @property
    def pending_key(self) -> Path:
        return _pending(self.pem)

    async def note(self) -> SecretNote:
        """Read the note. Raises UsageError: another user can have written one of the files.

        What a run left that was cut off just after its delivery is removed.
        """
        # In this order: another run removes the attempt once it has written the credential.
        begun = self._begun()
        note = note_in(_text(self.dotenv))
        self._remove_finished_pending(note, begun)
        delivered = note.attempts if note.client_id is not None else {}
        return replace(
            note,
            attempts={**begun, **delivered},
            pending=self._pending_certificate(),
            place=self.secret_place,
        )

    def _remove_finished_pending(self, note: SecretNote, begun: Mapping[str, ClientId]) -> None:
        """Remove the pending files of what has been delivered, by its note."""
        pending = self._pending_certificate()
        is_delivered = pending is not None and pending.key_id == note.delivered
        if is_delivered and _text(self.pending_key) == _text(self.pem):
            _remove(self.pending_key)
        if begun and begun.keys() == note.attempts.keys():
            _remove(self.attempts_file)

    def _pending_certificate(self) -> Certificate | None:
        """The certificate of the key that an interrupted run left."""
        if not self.keeps_key:
            return None
        key = _text(self.pending_key)
        if not key:
            return None
        from mct_s2s.key_pairs import certificate_in  # noqa: PLC0415  # with cryptography

        with suppress(ValueError):
            return certificate_in(key.encode())
        return None

    async def check(self, client_id: ClientId | None) -> None:
        """Try the very writing that the credential will need.

        Raises UsageError also where another's file is there.
        """
        self._refuse_taken_file(client_id)
        for path in self._written_files:
            with naming_secret_to(path):
                check_place(path, makes_folder=True)
        if self.keeps_key:
            check_assignable(CERTIFICATE_PATH, str(self.pem))

    async def rehearse(self, client_id: ClientId | None) -> None:
        """Try what `check` tries, and make no folder. Raises as that does."""
        self._refuse_taken_file(client_id)
        for path in self._written_files:
            with naming_secret_to(path):
                check_place_to_come(path)
        if self.keeps_key:
            check_assignable(CERTIFICATE_PATH, str(self.pem))

    @property
    def missing_folder(self) -> Path | None:
        """The folder that `check` will make; `None` where it is there."""
        return None if self.dotenv.parent.exists() else self.dotenv.parent

    @property
    def _written_files(self) -> tuple[Path, ...]:
        return (self.dotenv, self.pem) if self.keeps_key else (self.dotenv,)

    def _refuse_taken_file(self, client_id: ClientId | None) -> None:
        """Raises UsageError: a file that was named is another client's."""
        taken = self._taken_file(client_id)
        if taken is None or self.is_default_place:
            return
        raise UsageError(
            "secret-place-taken",
            f"'{taken}' is not this client's {'key' if taken == self.pem else 'secret file'}. "
            "It was not changed.",
            remedy="Choose another file with --secret-to file:PATH, or move that file away.",
        )

    def _taken_file(self, client_id: ClientId | None) -> Path | None:
        """The file that is another client's, or a key that is not this one's."""
        if self._is_of_another(client_id):
            return self.dotenv
        names_key = variables_in(_text(self.dotenv)).get(CERTIFICATE_PATH) == str(self.pem)
        if not self.keeps_key or names_key:
            return None
        # A run may have been cut off between the key and the file that names it.
        key = _text(self.pem)
        is_pending = key == _text(self.pending_key)
        return self.pem if key and not is_pending else None

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        await _on_disk(lambda: self._save_attempts({**self._begun(), attempt: client_id}))

    async def forget(self, attempt: str) -> None:
        others = {name: owner for name, owner in self._begun().items() if name != attempt}
        await _on_disk(lambda: self._save_attempts(others))

    async def key_pair(
        self, name: str, starts: datetime, expires: datetime
    ) -> tuple[str, Certificate]:
        pending = (await self.note()).pending
        if pending is not None and pending.expires == expires:
            return _text(self.pending_key), pending
        pem, certificate = await super().key_pair(name, starts, expires)
        await _on_disk(lambda: _write(self.pending_key, pem))
        return pem, certificate

    async def deliver(self, sign_in: MadeCredential) -> None:
        """Write the key first, then the dotenv file that names it.

        A file of another client or kind is kept under another name. Where writing fails, the note
        of the attempt stays, for `Attempt.take_back`, which removes secret and note.
        """
        note = await self.note()
        variables = {CERTIFICATE_PATH: str(self.pem)} if self.keeps_key else {SECRET: sign_in.value}
        before = note.held[-MOST_HELD:] if same_id(note.client_id, sign_in.client_id) else ()
        text = credential_text(sign_in, variables, before)

        def arrive() -> None:
            self._move_aside(note, sign_in)
            if self.keeps_key:
                _write(self.pem, sign_in.value)
            _write(self.dotenv, text)
            if self.keeps_key:
                _remove(self.pending_key)
            self._forget_client(sign_in.client_id)

        await _on_disk(arrive)

    def _move_aside(self, note: SecretNote, sign_in: MadeCredential) -> None:
        """Keep files of another client, or of another kind of credential, under another name."""
        key_name = self.pem.name
        if self._is_of_another(sign_in.client_id):
            is_known = note.client_id is not None and is_guid(note.client_id)
            suffix = f".{note.client_id if is_known else 'old'}"
            paths = [self.pem, *self._of_kinds(), self.dotenv]
            key_name = f"{key_name}{suffix}"
        elif note.delivered is not None and note.kind is not sign_in.credential.kind:
            suffix = f".{note.kind.value}"
            paths = [self.dotenv]
        else:
            return
        for path in paths:
            text = _text(path)
            if text:
                # A dotenv file names its key, which is moved, too.
                moved = text.replace(self.pem.name, key_name)
                _write(path.with_name(f"{path.name}{suffix}"), moved)
                _remove(path)

    async def read(self) -> ClientSignIn | None:
        """The credential that `deliver` or the user wrote; `None` also where it cannot be used."""
        with suppress(UsageError):
            return credential_in(_text(self.dotenv), self.secret_place)
        return None

    def is_of_client(self, client_id: str) -> bool:
        """Whether the file is that client's."""
        return same_id(note_in(_text(self.dotenv)).client_id, client_id)

    def holds_one_of(self, key_ids: Collection[KeyId]) -> bool:
        """Whether the file's credential is one of these."""
        with suppress(UsageError):
            return note_in(_text(self.dotenv)).delivered in key_ids
        return False

    @property
    def retired_files(self) -> list[Path]:
        """The files that `retire` deletes, as far as they are there."""
        files = (self.dotenv, self.pem, self.pending_key, *self._of_kinds())
        return [file for file in dict.fromkeys(files) if file.exists()]

    def retire(self, client_id: str) -> list[Path]:
        """Delete the files of a client whose credential is of no use; return them."""
        try:
            if not self.is_of_client(client_id):
                return []
            files = self.retired_files
            _remove(self.dotenv)
            self._forget_client(client_id)
        except UsageError:  # another user's, or in a folder that has become one: it stays
            return []
        for file in files:
            with suppress(OSError):
                file.unlink(missing_ok=True)
        return [file for file in files if not file.exists()]

    def _of_kinds(self) -> list[Path]:
        return [
            self.dotenv.with_name(f"{self.dotenv.name}.{kind.value}") for kind in CredentialKind
        ]

    def _is_of_another(self, client_id: ClientId | None) -> bool:
        text = _text(self.dotenv)
        return bool(text.strip("\r\n")) and not same_id(variables_in(text).get(CLIENT), client_id)

    def _begun(self) -> dict[str, ClientId]:
        rows = (line.partition("\t") for line in _text(self.attempts_file).split("\n"))
        return {name: ClientId(owner) for name, _, owner in rows if is_guid(owner)}

    def _save_attempts(self, begun: Mapping[str, ClientId]) -> None:
        if not begun:
            _remove(self.attempts_file)
            return
        lines = [f"{name}\t{owner}\n" for name, owner in begun.items()]
        _write(self.attempts_file, "".join(lines))

    def _forget_client(self, client_id: str) -> None:
        """Remove the notes of a client's attempts.

        Those of others stay: one of them may have been cut off here.
        """
        others = {
            name: owner for name, owner in self._begun().items() if not same_id(owner, client_id)
        }
        self._save_attempts(others)


def naming_secret_to(path: Path) -> AbstractContextManager[None]:
    """Turn errors of a file into usage errors that name `--secret-to`."""
    return as_usage_error(
        "Cannot save the secret",
        path,
        "secret-place-taken",
        "secret-place-unwritable",
        "--secret-to file:PATH",
    )


async def _on_disk(write: Callable[[], None]) -> None:
    """Write on a thread, to the end also where the command is interrupted.

    Each file takes a disk 1 to 10 ms.
    """
    await finish_even_if_cancelled(asyncio.to_thread(write))


def _pending(path: Path) -> Path:
    return path.with_name(path.name + PENDING)


def _text(path: Path) -> str:
    with naming_secret_to(path):
        return read_ours(path).replace("\r\n", "\n")  # as Windows has written it


def _write(path: Path, text: str) -> None:
    with naming_secret_to(path):
        forget_leftovers(path)
        replace_whole(path, text)


def _remove(path: Path) -> None:
    with naming_secret_to(path):
        path.unlink(missing_ok=True)
