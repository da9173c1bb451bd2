"""Where a client secret goes: a file of mode 0600 that azure-identity reads as it is, or standard output, once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from mct_s2s import clock
from mct_s2s.bounded_json import load_json
from mct_s2s.errors import NotShown, UsageError
from mct_s2s.file_ownership import UntrustedFile
from mct_s2s.model.client_credentials import CredentialKind, SecretNote
from mct_s2s.model.ids import ClientId, KeyId, TenantId, is_guid, same_id
from mct_s2s.ports.secret_stores import NewSecret, SecretRecord, StoredCredential
from mct_s2s.stores.dotenv_text import assignment, variables_in
from mct_s2s.stores.private_files import (
    PENDING,
    check_place,
    forget_leftovers,
    lines_of,
    replace_whole,
    text_of,
)

DELIVERED = "# mct-s2s credential "
"""The comment by which a later run knows which of an application's secrets this file holds."""
SECRET = CredentialKind.SECRET
REMEMBERED = 8
"""So many secrets that lay there before are remembered: rotations that kept the old one for a while."""
_ESSENTIAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")


@dataclass
class FileStore:
    """A dotenv file: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET` and what the client has to ask for.

    Beside it, for as long as a secret is on its way, stands `<file>.pending` with the names of the attempts.
    """

    path: Path
    is_ours: bool = False
    """Whether the file lies where only this tool writes. There, another client's file is moved aside; elsewhere a file
    that is not this client's is the user's, and is never written over."""

    @property
    def label(self) -> str:
        """As `--secret-to` takes it."""
        return f"file:{self.path}"

    @property
    def is_shown(self) -> bool:
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
        begun = self._begun()
        arrived = _arrived(lines_of(self._text()))
        if arrived is not None and list(begun) == [arrived.name]:
            # A run was cut off between the arrival and this: the note has nothing more to say.
            with private(self._pending):
                self._pending.unlink(missing_ok=True)
        holds = self._holds()
        client_id = ClientId(holds) if holds else None
        if arrived is None:
            return SecretNote(tuple(begun), client_id=client_id, begun_for=begun)
        if client_id is not None:
            begun[arrived.name] = client_id
        held = (*arrived.before, arrived.key_id)
        return SecretNote(
            tuple(begun), arrived.key_id, client_id, arrived.made, arrived.kind, held=held, begun_for=begun
        )

    async def check(self, client_id: ClientId | None) -> None:
        """Try the very writing that the secret will need.

        Raises:
            UsageError: the folder cannot be made or written to, other users can put their files in place of ours, or a
                file is there that is not this client's.
        """
        if not self.is_ours and self._belongs_to_another(client_id):
            raise UsageError(
                "secret-place-taken",
                f"'{self.path}' exists and is not this client's secret file. It was not changed.",
                remedy="Choose another file with --secret-to file:PATH, or move that file away.",
            )
        with private(self.path):
            check_place(self.path)

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """Add the attempt to the pending file, on disk before this returns.

        What a killed run left half-written goes first: it may hold a secret.
        """
        forget_leftovers(self.path)
        self._note({**self._begun(), attempt: client_id})

    async def deliver(self, record: SecretRecord, secret: NewSecret) -> None:
        """Write the file at one stroke, then forget this client's attempts.

        Raises:
            UsageError: it cannot be written. The attempt stays noted, and the next run removes the lost secret.
        """
        note = await self.note()
        before = note.held[-REMEMBERED:] if same_id(note.client_id, record.client_id) else ()
        await self.make_room(record.client_id, SECRET)
        with private(self.path):
            replace_whole(self.path, dotenv(record, secret, before))
        self._forget(record.client_id)

    async def read(self) -> StoredCredential | None:
        """Read what `deliver` wrote, or a file of the same names that the user did."""
        values = variables_in(self._text())
        try:
            tenant, client, secret = (values[name] for name in _ESSENTIAL)
        except KeyError:
            return None
        note = await self.note()
        return StoredCredential(
            TenantId(tenant),
            ClientId(client),
            secret,
            values.get("MCT_S2S_SCOPE"),
            values.get("MCT_S2S_URL"),
            values.get("AZURE_AUTHORITY_HOST"),
            note.delivered,
        )

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

    async def make_room(self, client_id: ClientId, kind: CredentialKind) -> None:
        """Move aside what must not be written over: another client's file, or this client's other credential."""
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

    def _text(self) -> str:
        """What the file holds; empty where it is not there."""
        with private(self.path):
            return text_of(self.path, delivered=True) or ""

    def _holds(self) -> str | None:
        """The appId that the file is for."""
        return variables_in(self._text()).get("AZURE_CLIENT_ID")

    def _belongs_to_another(self, client_id: ClientId | None) -> bool:
        return any(lines_of(self._text())) and not same_id(self._holds(), client_id)

    def _begun(self) -> dict[str, ClientId]:
        """The attempts that are noted, and whose each was. One of nobody's, as older releases noted them, is none."""
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


@dataclass(frozen=True)
class _Arrived:
    """What the comment in a delivered file says of the credential in it."""

    name: str
    key_id: KeyId
    made: datetime
    kind: CredentialKind
    before: tuple[KeyId, ...] = ()
    """Those that lay there before it."""


def _arrived(lines: list[str]) -> _Arrived | None:
    found: _Arrived | None = None
    for line in lines:
        if line.startswith(DELIVERED):
            with suppress(ValueError, KeyError, TypeError):  # edited by hand: then it tells nothing
                document: Mapping[str, object] = load_json(line.removeprefix(DELIVERED))
                name, key_id, at = (str(document[key]) for key in ("name", "keyId", "made"))
                kind = CredentialKind(str(document.get("kind", SECRET.value)))
                before = document.get("before")
                held = tuple(KeyId(str(one)) for one in before) if isinstance(before, list) else ()
                found = _Arrived(name, KeyId(key_id), clock.moment(at), kind, held)
    return found


def delivered_in(text: str) -> datetime | None:
    """When the credential in a file's text arrived there, where that is noted."""
    arrived = _arrived(lines_of(text))
    return arrived.made if arrived else None


@contextmanager
def private(path: Path) -> Iterator[None]:
    """Say what is wrong with a secret's file in the user's words.

    Raises:
        UsageError: it is not ours alone, or cannot be read or written.
    """
    try:
        yield
    except UntrustedFile as error:
        raise UsageError(
            "secret-place-taken",
            f"Cannot save the secret to '{path}': {error}. It was not changed.",
            remedy=f"{error.remedy} Or choose another file: --secret-to file:PATH",
        ) from error
    except OSError as error:
        raise UsageError(
            "secret-place-unwritable",
            f"Cannot save the secret to '{path}': {error.strerror or error}",
            remedy="Choose a file that you can write: --secret-to file:PATH",
        ) from error


@dataclass(frozen=True)
class Shown:
    """A secret or a private key that exists nowhere but on its way to whoever asked to see it."""

    client: str
    """The client's name."""
    kind: CredentialKind
    expires: datetime
    value: str = field(repr=False)


class Viewer(Protocol):
    """Whoever asked to see secrets, on standard output. Methods raise `OSError` where nobody reads it."""

    def look(self) -> None:
        """Make sure that somebody does, as far as that can be known."""

    def show(self, shown: Shown) -> None:
        """Show it, to the last byte, before this returns; a viewer of JSON shows it in the document at the end."""


@dataclass
class OutputStore:
    """Standard output, once, as soon as the secret exists."""

    viewer: Viewer
    shown: dict[str, str] = field(default_factory=dict, repr=False)
    last: StoredCredential | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """As `--secret-to` takes it."""
        return "show"

    @property
    def is_shown(self) -> bool:
        """It is kept nowhere."""
        return True

    async def note(self) -> SecretNote:
        """Nothing is remembered: what was shown is gone."""
        return SecretNote()

    async def check(self, client_id: ClientId | None) -> None:
        """Make sure that somebody reads standard output.

        Raises:
            UsageError: it is closed.
        """
        del client_id
        try:
            self.viewer.look()
        except OSError as error:
            raise UsageError(
                "output-closed",
                "Standard output is closed, so the secret cannot be shown. Nothing was changed.",
                remedy="Run it with standard output open, or save the secret with --secret-to file:PATH",
            ) from error

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """There is nowhere to remember it."""

    async def deliver(self, record: SecretRecord, secret: NewSecret) -> None:
        """Show it."""
        self.show(Shown(record.client_name, SECRET, secret.expires, secret.value))
        self.last = StoredCredential(
            record.tenant_id,
            record.client_id,
            secret.value,
            record.scope,
            record.url,
            record.authority_host,
            secret.key_id,
        )

    def show(self, shown: Shown) -> None:
        """Show it now, or never.

        Raises:
            NotShown: nobody reads standard output.
        """
        try:
            self.viewer.show(shown)
        except OSError as error:
            raise NotShown(
                "secret-not-shown",
                f"The {shown.kind.value} of '{shown.client}' could not be shown: standard output is closed "
                f"({error.strerror or error}).",
                remedy="Run the same command again with standard output open, or with --secret-to file:PATH",
            ) from error
        self.shown[shown.client] = shown.value

    async def read(self) -> StoredCredential | None:
        """The one that this very command made: any other is gone."""
        return self.last


def dotenv(record: SecretRecord, secret: NewSecret, before: tuple[KeyId, ...] = ()) -> str:
    """A secret's file. Source for the first three names: azure-identity's EnvironmentCredential."""
    return dotenv_of(record, {"AZURE_CLIENT_SECRET": secret.value}, secret.key_id, secret.expires, before=before)


def dotenv_of(
    record: SecretRecord,
    proof: Mapping[str, str],
    key_id: KeyId,
    expires: datetime,
    kind: CredentialKind = SECRET,
    before: tuple[KeyId, ...] = (),
) -> str:
    """The text of a file with what a client signs in with, and what it has to ask for.

    Args:
        record: everything that is the same for every kind of credential.
        proof: the variables that azure-identity reads for this kind.
        key_id: which of the application's credentials it is.
        expires: until when it is good.
        kind: what it is.
        before: those that lay in this very place before it: whoever reads it has gone on to this one.

    Raises:
        UsageError: a value that it is useless without cannot be written. Others of that kind are left out.
    """
    values = {
        "AZURE_TENANT_ID": record.tenant_id,
        "AZURE_CLIENT_ID": record.client_id,
        **proof,
        "AZURE_AUTHORITY_HOST": record.authority_host,
        "MCT_S2S_SCOPE": record.scope,
        "MCT_S2S_URL": record.url,
    }
    needed = {"AZURE_TENANT_ID", "AZURE_CLIENT_ID", *proof}
    lines = []
    for name, value in values.items():
        try:
            lines += [assignment(name, value)] if value else []
        except ValueError as error:
            if name in needed:
                raise UsageError(
                    "secret-place-unfit",
                    "The credential contains characters that a dotenv file cannot contain.",
                    remedy="Save it to a key vault: --secret-to keyvault:VAULT",
                ) from error
    facts = {
        "name": record.credential_name,
        "keyId": key_id,
        "client": record.client_name,
        "made": f"{clock.now():%Y-%m-%dT%H:%M:%S+00:00}",
        "expires": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
        **({} if kind is SECRET else {"kind": kind.value}),
        **({"before": list(before)} if before else {}),
    }
    return "\n".join([*lines, DELIVERED + json.dumps(facts)]) + "\n"
