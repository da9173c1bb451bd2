"""Where a client's private key is kept: a PEM file of mode 0600 with a dotenv file beside it.

The key is made here and is on disk before its certificate is registered anywhere: a run that is cut off in between
leaves `<PEM file>.pending`, which the next run takes up, so that no registered certificate is ever without its key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.key_pairs import UnfitCertificate, certificate_in, make_key_pair
from mct_s2s.local_files import PENDING, check_place, forget_leftovers, is_there, replace_whole, text_of
from mct_s2s.model.client_credentials import Certificate, CredentialKind, SecretNote
from mct_s2s.model.ids import ClientId
from mct_s2s.model.secret_stores import KeySpec, SecretRecord
from mct_s2s.stores.dotenv_file import credential_text
from mct_s2s.stores.dotenv_text import variables_in
from mct_s2s.stores.file_store import FileStore, on_disk, private

CERTIFICATE = CredentialKind.CERTIFICATE
PATH_VARIABLE = "AZURE_CLIENT_CERTIFICATE_PATH"


@dataclass
class KeyFileStore(FileStore):
    """A PEM file with key and certificate, and the dotenv file (`path`) that names it."""

    key_file: Path | None = None

    @classmethod
    def at(cls, path: Path, is_ours: bool) -> KeyFileStore:
        """For a path that names either of the two: the other one is beside it."""
        if path.suffix == ".env":
            return cls(path, is_ours)
        return cls(path.with_name(path.name.removesuffix(".pem") + ".env"), is_ours, path)

    @property
    def label(self) -> str:
        """As it was asked for."""
        return f"file:{self.key_file or self.path}"

    @property
    def pem(self) -> Path:
        """The file with the private key."""
        return self.key_file or self.path.with_suffix(".pem")

    @property
    def _made(self) -> Path:
        return self.pem.with_name(self.pem.name + PENDING)

    async def note(self) -> SecretNote:
        """What the files remember, and the certificate of a key that has not arrived.

        Raises:
            UsageError: one of them is not ours alone: another user's key would become this client's.
        """
        try:
            pending = certificate_in(self._text_of(self._made).encode())
        except UnfitCertificate:
            pending = None
        return replace(await super().note(), pending=pending)

    async def check(self, client_id: ClientId | None) -> None:
        """Try the very writing that both files will need.

        Raises:
            UsageError: as for a secret's file, or a PEM file is there that the dotenv file does not name.
        """
        await super().check(client_id)
        self._text_of(self._made)
        delivered = self._delivered()
        if not self.is_ours and delivered and not self._names_the_key() and not self._is_half_delivered():
            raise UsageError(
                "secret-place-taken",
                f"'{self.pem}' exists and is not this client's key. It was not changed.",
                remedy="Choose another file with --secret-to file:PATH, or move that file away.",
            )
        with private(self.pem):
            check_place(self.pem, makes_folder=True)

    async def key_pair(self, record: SecretRecord, wanted: KeySpec) -> tuple[str, Certificate]:
        """Take up the pending key, or make one: on disk before this returns."""
        del record
        for file in (self.path, self.pem):
            forget_leftovers(file)
        note = await self.note()
        if wanted.pending is not None and note.pending == wanted.pending:
            return self._text_of(self._made), wanted.pending
        pem, certificate = await asyncio.to_thread(make_key_pair, wanted.name, wanted.starts, wanted.expires)

        def keep() -> None:
            with private(self._made):
                replace_whole(self._made, pem)

        await on_disk(keep)
        return pem, certificate

    async def deliver_certificate(self, record: SecretRecord, certificate: Certificate) -> None:
        """The key first, then the file that names it, then the pending one goes: repeated whole if it is cut off."""
        before = await self.make_room(record.client_id, CERTIFICATE)
        pem, named = self._text_of(self._made), {PATH_VARIABLE: str(self.pem)}
        text = credential_text(record, named, certificate.key_id, certificate.expires, CERTIFICATE, before)

        def arrive() -> None:
            with private(self.pem):
                replace_whole(self.pem, pem)
                replace_whole(self.path, text)
                self._made.unlink(missing_ok=True)

        await on_disk(arrive)

    def retire(self, client_id: str) -> bool:
        """Delete the files of a client that is gone: what it signed in with, whatever that was."""
        if not super().retire(client_id):
            return False
        aside = [self.path.with_name(f"{self.path.name}.{kind.value}") for kind in CredentialKind]
        for file in (self.pem, self._made, *aside):
            with suppress(OSError):
                file.unlink(missing_ok=True)
        return True

    def _kept(self, values: Mapping[str, str]) -> str | None:
        return self._delivered() if values.get(PATH_VARIABLE) == str(self.pem) else None

    def _names_the_key(self) -> bool:
        return variables_in(self._text()).get(PATH_VARIABLE) == str(self.pem)

    def _is_half_delivered(self) -> bool:
        return is_there(self._made) and self._text_of(self._made) == self._delivered()

    def _delivered(self) -> str:
        with private(self.pem):
            return text_of(self.pem) or ""

    def _text_of(self, file: Path) -> str:
        with private(file):
            return text_of(file) or ""
