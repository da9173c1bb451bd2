"""Stores that a credential is given to once, and that remember nothing of it: standard output, and a program."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mct_s2s.activity import waiting
from mct_s2s.errors import S2SError, UsageError
from mct_s2s.key_pairs import make_key_pair
from mct_s2s.model.client_credentials import Certificate, CredentialKind, SecretNote
from mct_s2s.model.ids import ClientId
from mct_s2s.model.secret_stores import KeySpec, NewSecret, SecretRecord, StoredCredential

INHERITED = ("PATH", "HOME", "LANG", *(("SYSTEMROOT",) if sys.platform == "win32" else ()))
"""All that a program gets of the caller's environment. Windows starts nothing without the last one."""
LONGEST_COMPLAINT = 300
"""Characters of what a failed program said."""
GIVEN_AWAY = 6
"""So many characters of a secret in a row are too many to repeat."""


@dataclass
class _HandedOver(ABC):
    """A `KeyStore` that only this run knows of."""

    delivered: bool = field(default=False, init=False)
    _last: StoredCredential | None = field(default=None, init=False, repr=False)

    @property
    def gives_away(self) -> bool:
        """No later run can know of it."""
        return True

    async def note(self) -> SecretNote:
        """Nothing is remembered."""
        return SecretNote()

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """There is nowhere to remember it."""
        del attempt, client_id

    async def read(self) -> StoredCredential | None:
        """The one that this run made."""
        return self._last

    async def deliver(self, record: SecretRecord, secret: NewSecret) -> None:
        """Give it away. Raises S2SError: it reached no one."""
        await self._give(record, CredentialKind.SECRET, secret.expires, secret.value)
        self.delivered, self._last = True, record.with_secret(secret)

    async def key_pair(self, record: SecretRecord, wanted: KeySpec) -> tuple[str, Certificate]:
        """A new one, whose key is given away before its certificate is registered.

        Raises:
            S2SError: it reached no one.
        """
        pem, certificate = await asyncio.to_thread(make_key_pair, wanted.name, wanted.starts, wanted.expires)
        await self._give(record, CredentialKind.CERTIFICATE, wanted.expires, pem)
        self.delivered = True
        return pem, certificate

    async def deliver_certificate(self, record: SecretRecord, certificate: Certificate) -> None:
        """It has been given away."""
        del record, certificate

    @abstractmethod
    async def _give(self, record: SecretRecord, kind: CredentialKind, expires: datetime, value: str) -> None: ...


@dataclass(frozen=True)
class Shown:
    """A secret or a private key that exists only on its way to the user who asked to see it."""

    client: str
    """The client's name."""
    kind: CredentialKind
    expires: datetime
    value: str = field(repr=False)


class Viewer(Protocol):
    """Shows secrets on standard output. Methods raise `OSError` where no one reads it."""

    def look(self) -> None:
        """Make sure that someone does, as far as that can be known."""

    def show(self, shown: Shown) -> None:
        """Show it, to the last byte, before this returns; a viewer of JSON shows it in the document at the end."""


@dataclass
class OutputStore(_HandedOver):
    """Standard output, once, as soon as the secret exists."""

    viewer: Viewer
    value: str | None = field(default=None, init=False, repr=False)
    """What was shown."""

    @property
    def label(self) -> str:
        """As `--secret-to` takes it."""
        return "show"

    async def check(self, client_id: ClientId | None) -> None:
        """Make sure that someone reads standard output. Raises UsageError: it is closed."""
        del client_id
        try:
            self.viewer.look()
        except OSError as error:
            raise UsageError(
                "output-closed",
                "Standard output is closed, so the secret cannot be shown. Nothing was changed.",
                remedy="Run it with standard output open, or save the secret with --secret-to file:PATH",
            ) from error

    async def _give(self, record: SecretRecord, kind: CredentialKind, expires: datetime, value: str) -> None:
        try:
            self.viewer.show(Shown(record.client_name, kind, expires, value))
        except OSError as error:
            raise S2SError(
                "secret-not-delivered",
                f"The {kind.value} of '{record.client_name}' could not be shown: standard output is closed "
                f"({error.strerror or error}).",
                remedy="Run the same command again with standard output open, or with --secret-to file:PATH",
            ) from error
        self.value = value


@dataclass
class CommandStore(_HandedOver):
    """A program that reads the credential, and nothing else, from its standard input. No shell starts it.

    Attributes:
        words: the program and its arguments.
        label: the command as `--secret-to` takes it.
        app_service: what a person calls the App Service.
    """

    words: tuple[str, ...]
    label: str
    app_service: str

    async def check(self, client_id: ClientId | None) -> None:
        """Make sure that the program is there. Raises UsageError: it is not."""
        del client_id
        if shutil.which(self.words[0]) is None:
            raise UsageError(
                "secret-command-missing",
                f"Cannot find the program '{self.words[0]}' that --secret-to names. Nothing was changed.",
                remedy="Install it, or write the path to it.",
            )

    async def _give(self, record: SecretRecord, kind: CredentialKind, expires: datetime, value: str) -> None:
        """What the program prints is not passed on: it may print what it was given."""
        del kind, expires
        facts = {
            "MCT_S2S_CLIENT": record.client_name,
            "MCT_S2S_CLIENT_ID": record.client_id,
            "MCT_S2S_TENANT_ID": record.tenant_id,
            "MCT_S2S_APP_SERVICE": self.app_service,
        }
        try:
            process = await asyncio.create_subprocess_exec(
                shutil.which(self.words[0]) or self.words[0],
                *self.words[1:],
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env={**{name: os.environ[name] for name in INHERITED if name in os.environ}, **facts},
            )
        except (OSError, ValueError) as error:  # a null character in the client's name
            raise self._failed(getattr(error, "strerror", None) or str(error)) from error
        try:
            with waiting(f"waiting for {self.words[0]} to store it"):
                _, said = await process.communicate(value.encode())
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            raise self._failed(f"exit code {process.returncode}{_complaint(said, value)}")

    def _failed(self, why: str) -> S2SError:
        return S2SError(
            "secret-not-delivered",
            f"'{self.label}' did not store what it was given ({why}).",
            remedy="Try that program by itself. What it may have stored is to be replaced.",
        )


HandedOver = OutputStore | CommandStore


def _complaint(said: bytes, secret: str) -> str:
    """The last line that a program printed to standard error, unless something of the secret is in it."""
    last = said.decode(errors="replace").strip().rpartition("\n")[2].strip()[:LONGEST_COMPLAINT]
    pieces = {secret[at : at + GIVEN_AWAY] for at in range(len(secret) - GIVEN_AWAY + 1)}
    return f": {last}" if last and not any(piece in last for piece in pieces) else ""
