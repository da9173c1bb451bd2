"""A client's credential in files of mode 0600 that azure-identity reads as they are."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mct_s2s.azure.sign_in.choice import CERTIFICATE_PATH, SECRET
from mct_s2s.concurrency import finish_even_if_cancelled
from mct_s2s.errors import UsageError
from mct_s2s.key_pairs import certificate_in
from mct_s2s.local_files import (
    PENDING,
    as_usage_error,
    check_place,
    forget_leftovers,
    read_ours,
    replace_whole,
)
from mct_s2s.model.client_credentials import Certificate, CredentialKind, SecretNote
from mct_s2s.model.client_sign_in import ClientSignIn, MadeCredential
from mct_s2s.model.ids import ClientId, is_guid, same_id
from mct_s2s.stores.dotenv import (
    CLIENT,
    assignment,
    credential_in,
    credential_text,
    note_in,
    variables_in,
)
from mct_s2s.stores.store import Store

REMEMBERED = 8
"""Secrets from before: rotations that kept the old one for a while."""


@dataclass
class FileStore(Store):
    """A dotenv file with a client's secret, or beside a PEM file with key and certificate.

    `<dotenv file>.pending` has the names of the attempts. A key is on disk, as `<PEM
    file>.pending`, before its certificate is registered: the next run uses what an interrupted one
    left; no certificate is without its key.
    """

    place: Path
    """As it was asked for: the dotenv file, or of a key, either of the two files."""
    is_ours: bool = False
    """Whether only this tool writes there.

    Elsewhere, another client's file is neither moved aside nor written over.
    """
    keeps_key: bool = False

    @property
    def is_own(self) -> bool:
        return self.is_ours

    @property
    def label(self) -> str:
        return f"file:{self.place}"

    @property
    def path(self) -> Path:
        if not self.keeps_key or self.place.suffix == ".env":
            return self.place
        return self.place.with_name(self.place.name.removesuffix(".pem") + ".env")

    @property
    def pem(self) -> Path:
        return self.place if self.place != self.path else self.path.with_suffix(".pem")

    async def note(self) -> SecretNote:
        """Read the note. Raises UsageError: another user can have written one of the files."""
        begun, arrived = self._begun(), note_in(_text(self.path))
        pending = None
        if self.keeps_key:
            key = _text(_pending(self.pem))
            with suppress(ValueError):
                pending = certificate_in(key.encode())
            if (
                pending is not None
                and pending.key_id == arrived.delivered
                and key == _text(self.pem)
            ):
                _write(_pending(self.pem), "")  # a run was cut off between the arrival and this
                pending = None
        if begun and begun.keys() == arrived.attempts.keys():
            _write(_pending(self.path), "")  # the same
        attempts = {**begun, **(arrived.attempts if arrived.client_id is not None else {})}
        return replace(arrived, attempts=attempts, pending=pending, place=self.label)

    async def check(self, client_id: ClientId | None) -> None:
        """Try the very writing that the credential will need.

        Raises UsageError also where another's file is there.
        """
        taken = self._taken_file(client_id)
        if taken is not None and not self.is_ours:
            raise UsageError(
                "secret-place-taken",
                f"'{taken}' is not this client's {'key' if taken == self.pem else 'secret file'}. "
                "It was not changed.",
                remedy="Choose another file with --secret-to file:PATH, or move that file away.",
            )
        for path in (self.path, self.pem) if self.keeps_key else (self.path,):
            with private(path):
                check_place(path, makes_folder=True)
        if self.keeps_key:
            assignment(CERTIFICATE_PATH, str(self.pem))

    def _taken_file(self, client_id: ClientId | None) -> Path | None:
        """The file that is another client's, or a key that is not this one's."""
        if self._is_of_another(client_id):
            return self.path
        names_key = variables_in(_text(self.path)).get(CERTIFICATE_PATH) == str(self.pem)
        if not self.keeps_key or names_key:
            return None
        # A run was cut off between the key and the file that names it.
        key = _text(self.pem)
        is_pending = key == _text(_pending(self.pem))
        return self.pem if key and not is_pending else None

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        await _on_disk(lambda: self._keep({**self._begun(), attempt: client_id}))

    async def forget(self, attempt: str) -> None:
        kept = {name: owner for name, owner in self._begun().items() if name != attempt}
        await _on_disk(lambda: self._keep(kept))

    async def key_pair(
        self, name: str, starts: datetime, expires: datetime
    ) -> tuple[str, Certificate]:
        pending = (await self.note()).pending
        if pending is not None and pending.expires == expires:
            return _text(_pending(self.pem)), pending
        pem, certificate = await super().key_pair(name, starts, expires)
        await _on_disk(lambda: _write(_pending(self.pem), pem))
        return pem, certificate

    async def deliver(self, sign_in: MadeCredential) -> None:
        """Write the key first, then the dotenv file that names it.

        A file of another client or kind is kept under another name. Where writing fails, the note
        of the attempt stays, for `Attempt.take_back`, which removes secret and note.
        """
        note = await self.note()
        variables = {CERTIFICATE_PATH: str(self.pem)} if self.keeps_key else {SECRET: sign_in.value}
        before = note.held[-REMEMBERED:] if same_id(note.client_id, sign_in.client_id) else ()
        text = credential_text(sign_in, variables, before)

        def arrive() -> None:
            self._move_aside(note, sign_in)
            if self.keeps_key:
                _write(self.pem, sign_in.value)
            _write(self.path, text)
            if self.keeps_key:
                _write(_pending(self.pem), "")
            self._forget(sign_in.client_id)

        await _on_disk(arrive)

    def _move_aside(self, note: SecretNote, sign_in: MadeCredential) -> None:
        """Keep files of another client, or of another kind of credential, under another name."""
        key_name = self.pem.name
        if self._is_of_another(sign_in.client_id):
            is_known = note.client_id is not None and is_guid(note.client_id)
            suffix = f".{note.client_id if is_known else 'old'}"
            paths = [self.pem, *self._of_kinds(), self.path]
            key_name = f"{key_name}{suffix}"
        elif note.delivered is not None and note.kind is not sign_in.credential.kind:
            suffix = f".{note.kind.value}"
            paths = [self.path]
        else:
            return
        for path in paths:
            text = _text(path)
            if text:
                # A dotenv file names its key, which is moved, too.
                moved = text.replace(self.pem.name, key_name)
                _write(path.with_name(f"{path.name}{suffix}"), moved)
                _write(path, "")

    async def read(self) -> ClientSignIn | None:
        """The credential that `deliver` or the user wrote; `None` also where it cannot be used."""
        with suppress(UsageError):
            return credential_in(_text(self.path), self.label)
        return None

    def holds(self, client_id: str) -> bool:
        """Whether the file is that client's."""
        return same_id(note_in(_text(self.path)).client_id, client_id)

    def retire(self, client_id: str) -> bool:
        """Delete the files of a client whose credential is of no use; tell if there were any."""
        try:
            if not self.holds(client_id):
                return False
            _write(self.path, "")
            self._forget(client_id)
        except UsageError:  # another user's, or in a folder that has become one: it stays
            return False
        for file in (self.pem, _pending(self.pem), *self._of_kinds()):
            with suppress(OSError):
                file.unlink(missing_ok=True)
        return True

    def _of_kinds(self) -> list[Path]:
        return [self.path.with_name(f"{self.path.name}.{kind.value}") for kind in CredentialKind]

    def _is_of_another(self, client_id: ClientId | None) -> bool:
        text = _text(self.path)
        return bool(text.strip("\r\n")) and not same_id(variables_in(text).get(CLIENT), client_id)

    def _begun(self) -> dict[str, ClientId]:
        rows = (line.partition("\t") for line in _text(_pending(self.path)).split("\n"))
        return {name: ClientId(owner) for name, _, owner in rows if is_guid(owner)}

    def _keep(self, begun: dict[str, ClientId]) -> None:
        _write(_pending(self.path), "".join(f"{name}\t{owner}\n" for name, owner in begun.items()))

    def _forget(self, client_id: str) -> None:
        """Remove the notes of a client's attempts.

        Those of others stay: one of them may have been cut off here.
        """
        self._keep(
            {name: owner for name, owner in self._begun().items() if not same_id(owner, client_id)}
        )


def private(path: Path) -> AbstractContextManager[None]:
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
    with private(path):
        return read_ours(path).replace("\r\n", "\n")  # as Windows has written it


def _write(path: Path, text: str) -> None:
    """Write a file; without text, remove it."""
    with private(path):
        if text:
            forget_leftovers(path)
            replace_whole(path, text)
        else:
            path.unlink(missing_ok=True)
