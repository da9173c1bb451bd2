"""Stores that a credential is given to once, and that remember nothing of it: standard output, and a program."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass, field
from typing import Protocol

from mct_s2s.activity import waiting
from mct_s2s.errors import S2SError, UsageError
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.client_sign_in import ClientSignIn, MadeCredential
from mct_s2s.model.ids import ClientId
from mct_s2s.stores.store import Store

INHERITED = ("PATH", "HOME", "LANG", *(("SYSTEMROOT",) if sys.platform == "win32" else ()))
"""All that a program gets of the caller's environment. Windows starts nothing without the last one."""
LONGEST_COMPLAINT = 300
"""Characters of what a failed program said."""
GIVEN_AWAY = 6
"""So many characters of a secret in a row are too many to repeat."""


@dataclass
class DeliveredStore(Store):
    """A store that only this run knows of."""

    given: MadeCredential | None = field(default=None, init=False, repr=False)
    """What it was given, once that has arrived."""

    gives_away = True

    async def note(self) -> SecretNote:
        return SecretNote()

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """There is nowhere to remember it."""

    async def read(self) -> ClientSignIn | None:
        return self.given


class Viewer(Protocol):
    """Shows secrets on standard output. Methods raise `OSError` where no one reads it."""

    def look(self) -> None:
        """Make sure that someone does, as far as that can be known."""

    def show(self, made: MadeCredential) -> None:
        """Show it, to the last byte, before this returns; a viewer of JSON shows it in the document at the end."""


@dataclass
class OutputStore(DeliveredStore):
    """Standard output, once, as soon as the secret exists."""

    viewer: Viewer

    label = "show"

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

    async def deliver(self, made: MadeCredential) -> None:
        """Show it. Raises S2SError: no one reads standard output."""
        try:
            self.viewer.show(made)
        except OSError as error:
            raise S2SError(
                "secret-not-delivered",
                f"The {made.credential.kind.value} of '{made.name}' could not be shown: standard output is closed "
                f"({error.strerror or error}).",
                remedy="Run the same command again with standard output open, or with --secret-to file:PATH",
            ) from error
        self.given = made


@dataclass
class CommandStore(DeliveredStore):
    """A program that reads the credential, and nothing else, from its standard input. No shell starts it."""

    words: tuple[str, ...]
    """The program and its arguments."""
    written: str
    """The same as `--secret-to` takes it."""
    app_service: str
    """What a person calls the App Service."""

    @property
    def label(self) -> str:
        return self.written

    async def check(self, client_id: ClientId | None) -> None:
        """Make sure that the program is there. Raises UsageError: it is not."""
        del client_id
        if shutil.which(self.words[0]) is None:
            raise UsageError(
                "secret-command-missing",
                f"Cannot find the program '{self.words[0]}' that --secret-to names. Nothing was changed.",
                remedy="Install it, or write the path to it.",
            )

    async def deliver(self, made: MadeCredential) -> None:
        """Run it. What it prints is not passed on: it may print what it was given. Raises S2SError: it failed."""
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {
            "MCT_S2S_CLIENT": made.name,
            "MCT_S2S_CLIENT_ID": made.client_id,
            "MCT_S2S_TENANT_ID": made.tenant_id,
            "MCT_S2S_APP_SERVICE": self.app_service,
        }
        program, *arguments = self.words
        try:
            process = await asyncio.create_subprocess_exec(
                shutil.which(program) or program,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
            )
        except (OSError, ValueError) as error:  # a null character in the client's name
            raise self._failed(getattr(error, "strerror", None) or str(error)) from error
        try:
            with waiting(f"waiting for {program} to store it"):
                _, said = await process.communicate(made.value.encode())
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            raise self._failed(f"exit code {process.returncode}{_complaint(said, made.value)}")
        self.given = made

    def _failed(self, why: str) -> S2SError:
        return S2SError(
            "secret-not-delivered",
            f"'{self.label}' did not store what it was given ({why}).",
            remedy="Try that program by itself. What it may have stored is to be replaced.",
        )


def _complaint(said: bytes, secret: str) -> str:
    """The last line that a program printed to standard error, unless something of the secret is in it."""
    last = said.decode(errors="replace").strip().rpartition("\n")[2].strip()[:LONGEST_COMPLAINT]
    pieces = {secret[at : at + GIVEN_AWAY] for at in range(len(secret) - GIVEN_AWAY + 1)}
    return f": {last}" if last and not any(piece in last for piece in pieces) else ""
