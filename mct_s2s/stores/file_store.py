"""A client secret in a file of mode 0600 that azure-identity reads as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from mct_s2s.concurrency import finish_even_if_cancelled
from mct_s2s.errors import UsageError
from mct_s2s.local_files import PENDING, check_place, explained, forget_leftovers, replace_whole, text_of
from mct_s2s.model.client_credentials import CredentialKind, SecretNote
from mct_s2s.model.ids import ClientId, KeyId, TenantId, is_guid, same_id
from mct_s2s.model.secret_stores import NewSecret, SecretRecord, StoredCredential
from mct_s2s.stores.dotenv_file import SCOPE, SECRET, credential_text, delivered_in
from mct_s2s.stores.dotenv_text import lines_of, variables_in

REMEMBERED = 8
"""So many secrets that were there before are remembered: rotations that kept the old one for a while."""


@dataclass
class FileStore:
    """A dotenv file: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET` and what the client has to ask for.

    Beside it, for as long as a secret is on its way, there is `<file>.pending` with the names of the attempts.
    """

    path: Path
    is_ours: bool = False
    """Whether the file is where only this tool writes. There, another client's file is moved aside; elsewhere a file
    that is not this client's is the user's, and is never written over."""

    @property
    def label(self) -> str:
        """As `--secret-to` takes it."""
        return f"file:{self.path}"

    @property
    def gives_away(self) -> bool:
        """It is kept."""
        return False

    @property
    def _pending(self) -> Path:
        return self.path.with_name(self.path.name + PENDING)

    async def note(self) -> SecretNote:
        """What the two files remember.

        Raises:
            UsageError: one of them is not ours alone: what another user has written there is not believed.
        """
        begun, text = self._begun(), self._text()
        arrived = delivered_in(text) or SecretNote()
        if arrived.attempts and arrived.attempts == tuple(begun):
            # A run was cut off between the arrival and this: the note has nothing more to say.
            with private(self._pending):
                self._pending.unlink(missing_ok=True)
        values = variables_in(text)
        holds = values.get("AZURE_CLIENT_ID")
        client_id = ClientId(holds) if holds else None
        if client_id is not None:
            begun |= dict.fromkeys(arrived.attempts, client_id)
        return replace(
            arrived,
            attempts=tuple(begun),
            client_id=client_id,
            begun_for=begun,
            scope=values.get(SCOPE),
            url=values.get("MCT_S2S_URL"),
        )

    async def check(self, client_id: ClientId | None) -> None:
        """Try the very writing that the secret will need.

        Raises:
            UsageError: the folder cannot be made or written to, other users can replace our files, or a file is there
                that is not this client's.
        """
        if not self.is_ours and self._belongs_to_another(client_id):
            raise UsageError(
                "secret-place-taken",
                f"'{self.path}' exists and is not this client's secret file. It was not changed.",
                remedy="Choose another file with --secret-to file:PATH, or move that file away.",
            )
        with private(self.path):
            check_place(self.path, makes_folder=True)

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """Add the attempt to the pending file, on disk before this returns.

        What a killed run left half-written goes first: it may hold a secret.
        """

        def note() -> None:
            forget_leftovers(self.path)
            self._note({**self._begun(), attempt: client_id})

        await on_disk(note)

    async def deliver(self, record: SecretRecord, secret: NewSecret) -> None:
        """Write the file atomically, then forget this client's attempts.

        Raises:
            UsageError: it cannot be written. The attempt stays noted, and the next run removes the lost secret.
        """
        before = await self.make_room(record.client_id, SECRET)
        credential = {"AZURE_CLIENT_SECRET": secret.value}
        text = credential_text(record, credential, secret.key_id, secret.expires, before=before)

        def arrive() -> None:
            with private(self.path):
                replace_whole(self.path, text)
            self._forget(record.client_id)

        await on_disk(arrive)

    async def read(self) -> StoredCredential | None:
        """Read what `deliver` wrote, or a file of the same names that the user did."""
        values = variables_in(self._text())
        tenant, client, secret = values.get("AZURE_TENANT_ID"), values.get("AZURE_CLIENT_ID"), self._kept(values)
        if tenant is None or client is None or secret is None:
            return None
        note = await self.note()
        return StoredCredential(
            TenantId(tenant),
            ClientId(client),
            secret,
            values.get(SCOPE),
            values.get("MCT_S2S_URL"),
            values.get("AZURE_AUTHORITY_HOST"),
            note.delivered,
        )

    def _kept(self, values: Mapping[str, str]) -> str | None:
        """What is secret, by the values of the file."""
        return values.get("AZURE_CLIENT_SECRET")

    def holds(self, client_id: str) -> bool:
        """Whether the file is that client's."""
        return same_id(self._holds(), client_id)

    def retire(self, client_id: str) -> bool:
        """Delete the file of a client whose secret is good for nothing any more; tell whether there was one."""
        try:
            if not self.holds(client_id):
                return False
            with private(self.path):
                self.path.unlink()
            self._forget(client_id)
        except UsageError:  # another user's, or in a folder that has become one: it stays
            return False
        return True

    async def make_room(self, client_id: ClientId, kind: CredentialKind) -> tuple[KeyId, ...]:
        """Move aside what must not be written over: another client's file, or this client's other credential.

        Returns:
            The credentials of this client that have been in the file.
        """
        note = await self.note()
        ending = None
        if self._belongs_to_another(client_id):
            holds = self._holds() or ""
            ending = holds if is_guid(holds) else "old"
        elif note.delivered is not None and note.kind is not kind:
            ending = note.kind.value
        if ending is not None:
            with private(self.path):
                self.path.replace(self.path.with_name(f"{self.path.name}.{ending}"))
        return note.held[-REMEMBERED:] if same_id(note.client_id, client_id) else ()

    def _text(self) -> str:
        """What the file holds; empty where it is not there."""
        with private(self.path):
            return text_of(self.path) or ""

    def _holds(self) -> str | None:
        """The appId that the file is for."""
        return variables_in(self._text()).get("AZURE_CLIENT_ID")

    def _belongs_to_another(self, client_id: ClientId | None) -> bool:
        return any(lines_of(self._text())) and not same_id(self._holds(), client_id)

    def _begun(self) -> dict[str, ClientId]:
        """The attempts that are noted, and whose each was. One of no one's, as older releases noted them, is none."""
        with private(self._pending):
            rows = (line.partition("\t") for line in lines_of(text_of(self._pending)) if line)
            return {name: ClientId(owner) for name, _, owner in rows if is_guid(owner)}

    def _forget(self, client_id: str) -> None:
        """Another client's attempts stay noted: one of them may have been cut off here."""
        self._note({name: owner for name, owner in self._begun().items() if not same_id(owner, client_id)})

    def _note(self, begun: Mapping[str, ClientId]) -> None:
        with private(self._pending):
            if begun:
                replace_whole(self._pending, "".join(f"{name}\t{owner}\n" for name, owner in begun.items()))
            else:
                self._pending.unlink(missing_ok=True)


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
