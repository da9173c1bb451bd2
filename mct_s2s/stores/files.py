"""A client's credential in files of mode 0600 that azure-identity reads as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mct_s2s.azure.authorities import CERTIFICATE_PATH, SECRET
from mct_s2s.concurrency import finish_even_if_cancelled
from mct_s2s.errors import UsageError
from mct_s2s.key_pairs import UnfitCertificate, certificate_in
from mct_s2s.local_files import PENDING, check_place, explained, forget_leftovers, read_ours, replace_whole
from mct_s2s.model.client_credentials import Certificate, CredentialKind, SecretNote
from mct_s2s.model.client_sign_in import ClientSignIn, MadeCredential
from mct_s2s.model.ids import ClientId, KeyId, is_guid, same_id
from mct_s2s.stores.dotenv import CLIENT, credential_in, credential_text, lines_of, note_in, variables_in
from mct_s2s.stores.store import Store

REMEMBERED = 8
"""So many secrets that were there before are remembered: rotations that kept the old one for a while."""


@dataclass
class FileStore(Store):
    """A dotenv file with a client's secret, or with the path of the PEM file beside it that has key and certificate.

    For as long as a secret is on its way, there is `<dotenv file>.pending` with the names of the attempts. A key is
    made here and is on disk, as `<PEM file>.pending`, before its certificate is registered anywhere: a run that is cut
    off in between leaves it for the next one to take up, so that no registered certificate is ever without its key.
    """

    place: Path
    """As it was asked for: the dotenv file, or of a key, either of the two files."""
    is_ours: bool = False
    """Whether the file is where only this tool writes. There, another client's file is moved aside; elsewhere a file
    that is not this client's is the user's, and is never written over."""
    keeps_key: bool = False
    """Whether it is a private key that is kept."""

    @property
    def label(self) -> str:
        return f"file:{self.place}"

    @property
    def path(self) -> Path:
        """The dotenv file."""
        if not self.keeps_key or self.place.suffix == ".env":
            return self.place
        return self.place.with_name(self.place.name.removesuffix(".pem") + ".env")

    @property
    def pem(self) -> Path:
        return self.place if self.place != self.path else self.path.with_suffix(".pem")

    async def note(self) -> SecretNote:
        """What the files remember.

        Raises:
            UsageError: one of them is not ours alone: what another user has written there is not believed.
        """
        begun, arrived = self._begun(), note_in(_text(self.path))
        if begun and begun.keys() == arrived.attempts.keys():
            _remove(_pending(self.path))  # a run was cut off between the arrival and this
        attempts = {**begun, **arrived.attempts} if arrived.client_id is not None else begun
        pending = None
        if self.keeps_key:
            with suppress(UnfitCertificate):
                pending = certificate_in(_text(_pending(self.pem)).encode())
        return replace(arrived, attempts=attempts, pending=pending, place=self.label)

    async def check(self, client_id: ClientId | None) -> None:
        """Try the very writing that the credential will need.

        Raises:
            UsageError: the folder cannot be made or written to, other users can replace our files, or a file is there
                that is not this client's.
        """
        taken = self.path if self._is_of_another(client_id) else None
        if self.keeps_key:
            key, on_its_way = _text(self.pem), _text(_pending(self.pem))
            is_named = variables_in(_text(self.path)).get(CERTIFICATE_PATH) == str(self.pem)
            taken = taken or (self.pem if key and not is_named and key != on_its_way else None)
        if taken is not None and not self.is_ours:
            raise UsageError(
                "secret-place-taken",
                f"'{taken}' exists and is not this client's {'key' if taken == self.pem else 'secret file'}. "
                "It was not changed.",
                remedy="Choose another file with --secret-to file:PATH, or move that file away.",
            )
        for path in self._files:
            with private(path):
                check_place(path, makes_folder=True)

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """Add the attempt to the pending file, on disk before this returns."""
        await on_disk(lambda: self._keep({**self._begun(), attempt: client_id}))

    async def key_pair(
        self, name: str, starts: datetime, expires: datetime, pending: Certificate | None
    ) -> tuple[str, Certificate]:
        """Take up the pending key, or make one: on disk before this returns."""
        self._forget_leftovers()
        if pending is not None and (await self.note()).pending == pending:
            return _text(_pending(self.pem)), pending
        pem, certificate = await super().key_pair(name, starts, expires, None)
        await on_disk(lambda: _write(_pending(self.pem), pem))
        return pem, certificate

    async def deliver(self, made: MadeCredential) -> None:
        """Write the file atomically, of a key its own file before it, then forget this client's attempts.

        Raises:
            UsageError: it cannot be written. The attempt stays noted, and the next run removes the lost secret.
        """
        before = await self._make_room(made)
        own = {CERTIFICATE_PATH: str(self.pem)} if self.keeps_key else {SECRET: made.value}
        text = credential_text(made, own, before)

        def arrive() -> None:
            if self.keeps_key:
                _write(self.pem, made.value)
            _write(self.path, text)
            if self.keeps_key:
                _remove(_pending(self.pem))
            self._forget(made.client_id)

        await on_disk(arrive)

    async def read(self) -> ClientSignIn | None:
        """Read what `deliver` wrote, or a file of the same names that the user did."""
        return credential_in(_text(self.path), self.label)

    def holds(self, client_id: str) -> bool:
        return same_id(note_in(_text(self.path)).client_id, client_id)

    def retire(self, client_id: str) -> bool:
        """Delete the files of a client whose credential is good for nothing any more; tell whether there was one."""
        try:
            if not self.holds(client_id):
                return False
            _remove(self.path)
            self._forget(client_id)
        except UsageError:  # another user's, or in a folder that has become one: it stays
            return False
        aside = [self.path.with_name(f"{self.path.name}.{kind.value}") for kind in CredentialKind]
        for file in (self.pem, _pending(self.pem), *aside) if self.keeps_key else ():
            with suppress(OSError):
                file.unlink(missing_ok=True)
        return True

    @property
    def _files(self) -> Iterable[Path]:
        return (self.path, self.pem) if self.keeps_key else (self.path,)

    async def _make_room(self, made: MadeCredential) -> tuple[KeyId, ...]:
        """Move aside what must not be written over: another client's file, or this client's other credential.

        Returns:
            The credentials of this client that have been in the file.
        """
        note, ending = await self.note(), None
        if self._is_of_another(made.client_id):
            ending = note.client_id if is_guid(note.client_id or "") else "old"
        elif note.delivered is not None and note.kind is not made.credential.kind:
            ending = note.kind.value
        if ending is not None:
            with private(self.path):
                self.path.replace(self.path.with_name(f"{self.path.name}.{ending}"))
        return note.held[-REMEMBERED:] if same_id(note.client_id, made.client_id) else ()

    def _is_of_another(self, client_id: ClientId | None) -> bool:
        text = _text(self.path)
        return any(lines_of(text)) and not same_id(variables_in(text).get(CLIENT), client_id)

    def _begun(self) -> dict[str, ClientId]:
        rows = (line.partition("\t") for line in lines_of(_text(_pending(self.path))))
        return {name: ClientId(owner) for name, _, owner in rows if is_guid(owner)}

    def _keep(self, begun: dict[str, ClientId]) -> None:
        self._forget_leftovers()
        if begun:
            _write(_pending(self.path), "".join(f"{name}\t{owner}\n" for name, owner in begun.items()))
        else:
            _remove(_pending(self.path))

    def _forget(self, client_id: str) -> None:
        """Another client's attempts stay noted: one of them may have been cut off here."""
        self._keep({name: owner for name, owner in self._begun().items() if not same_id(owner, client_id)})

    def _forget_leftovers(self) -> None:
        """What a killed run left half-written may hold a secret."""
        for path in self._files:
            forget_leftovers(path)


def private(path: Path) -> AbstractContextManager[None]:
    """Say what is wrong with a secret's file in the user's words."""
    return explained(
        "Cannot save the secret", path, "secret-place-taken", "secret-place-unwritable", "--secret-to file:PATH"
    )


async def on_disk(write: Callable[[], None]) -> None:
    """Write on a thread, and to the end also where this command is interrupted meanwhile.

    A disk takes 1 to 10 ms to confirm a file: 200 clients, four files each, held each other's requests up for 4 s.
    """
    await finish_even_if_cancelled(asyncio.to_thread(write))


def _pending(path: Path) -> Path:
    return path.with_name(path.name + PENDING)


def _text(path: Path) -> str:
    with private(path):
        return read_ours(path) or ""


def _write(path: Path, text: str) -> None:
    with private(path):
        replace_whole(path, text)


def _remove(path: Path) -> None:
    with private(path):
        path.unlink(missing_ok=True)
