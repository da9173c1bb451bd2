"""Places that are given one client's secret or private key.

Those here remember nothing of it: standard output and programs.
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from mct_s2s.activity import waiting
from mct_s2s.errors import S2SError, UsageError
from mct_s2s.model.client_credentials import Certificate, SecretNote
from mct_s2s.model.client_sign_in import ClientSignIn, MadeCredential
from mct_s2s.model.ids import ClientId
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.programs import end_program, find_program, may_ask_a_person

INHERITED = ("PATH", "HOME", "LANG", "SYSTEMROOT")
"""All that a program gets of the caller's environment.

Windows starts nothing without the last one.
"""

Show = Callable[[MadeCredential | None], bool]
"""Shows a secret on standard output, to the last byte, before it returns.

`False`: it is in the JSON document at the end. `None` only asks whether someone reads it. Raises
OSError: no one does.
"""


class Store(ABC):
    """A place of one client's credential.

    An attempt is noted there before a secret is made, where it can keep a note.
    """

    gives_away: bool = False
    """Whether it is shown or handed over once.

    No later run can read it then; by its tag one would remove it.
    """
    handed_over: MadeCredential | None = None
    """What has arrived, where it gives away."""
    arrives_last: bool = False
    """Whether that is only about to arrive, once everything else is done.

    Set by `deliver`: False until then.
    """

    @property
    @abstractmethod
    def secret_place(self) -> SecretPlace:
        """The place as a user names it."""

    @property
    def is_default_place(self) -> bool:
        """Whether it is this tool's own place on this machine, whose notes are always found."""
        return False

    async def note(self) -> SecretNote:
        """Read what the place remembers."""
        return SecretNote()

    @abstractmethod
    async def check(self, client_id: ClientId | None, /) -> None:
        """Check that it can be written to, before anything is made. Raises UsageError."""

    async def rehearse(self, client_id: ClientId | None, /) -> None:
        """Check for a dry run what is known without a request. Raises UsageError."""
        del client_id

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """Remember an attempt, so that a later run can tell an orphan from a delivered secret.

        A place that gives away keeps no note: the registration's tag is the only one.
        """
        del attempt, client_id

    async def forget(self, attempt: str) -> None:
        """Forget the attempt at a secret that was removed again. Raises S2SError."""
        del attempt

    async def key_pair(
        self, name: str, starts: datetime, expires: datetime
    ) -> tuple[str, Certificate]:
        """Make a key pair, as PEM with its certificate; on disk where keys are kept.

        The key of an interrupted run that ends then is used again.
        """
        from mct_s2s.key_pairs import make_key_pair  # noqa: PLC0415  # with cryptography

        return await asyncio.to_thread(make_key_pair, name, starts, expires)

    @abstractmethod
    async def deliver(self, sign_in: MadeCredential) -> None:
        """Store it and forget the attempt.

        Raises S2SError: it cannot be stored, or reached no one.
        """

    async def read(self) -> ClientSignIn | None:
        """Read the credential again; `None` where there is none, or that is impossible."""
        return self.handed_over


@dataclass
class OutputStore(Store):
    """Standard output, once, as soon as the secret exists."""

    show: Show

    secret_place = SecretPlace(PlaceKind.SHOWN)
    gives_away = True

    async def check(self, _: ClientId | None, /) -> None:
        try:
            self.show(None)
        except OSError as error:
            raise UsageError(
                "output-closed",
                "Standard output is closed, so the secret cannot be shown.",
                says_unchanged=True,
                remedy="Run it with standard output open, or save the secret with --secret-to "
                "file:PATH",
            ) from error

    async def deliver(self, sign_in: MadeCredential) -> None:
        try:
            self.arrives_last = not self.show(sign_in)
        except OSError as error:
            raise S2SError(
                "secret-not-delivered",
                f"Cannot write to standard output ({error.strerror or error}), so the "
                f"{sign_in.credential.kind.value} of '{sign_in.name}' could not be shown.",
                remedy="Run the same command again with standard output open, or with --secret-to "
                "file:PATH",
            ) from error
        self.handed_over = sign_in


@dataclass
class ProgramStore(Store):
    """A program that reads the credential, and nothing else, from its standard input.

    No shell starts it.
    """

    words: tuple[str, ...]
    app_service: str
    secret_place: SecretPlace = SecretPlace(PlaceKind.PROGRAM)  # noqa: RUF009  # frozen
    gives_away = True

    async def check(self, _: ClientId | None, /) -> None:
        if find_program(self.words[0], os.environ) is None:
            raise UsageError(
                "secret-command-missing",
                f"Cannot find the program '{self.words[0]}' that --secret-to names.",
                says_unchanged=True,
                remedy="Install it, or write the path to it.",
            )

    async def rehearse(self, client_id: ClientId | None, /) -> None:
        await self.check(client_id)

    async def deliver(self, sign_in: MadeCredential) -> None:
        """Start the program and write the credential to its standard input.

        Its output is discarded: it may print what it was given, in any encoding. No pipe is left
        open either, on which a program that it started could keep this run waiting.
        """
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {
            "MCT_S2S_CLIENT": sign_in.name,
            "MCT_S2S_CLIENT_ID": sign_in.client_id,
            "MCT_S2S_TENANT_ID": sign_in.tenant_id,
            "MCT_S2S_APP_SERVICE": self.app_service,
        }
        program, *arguments = self.words
        into, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                find_program(program, os.environ) or program,
                *arguments,
                stdin=into,
                stdout=nowhere,
                stderr=nowhere,
                env=environment,
                # A group of its own can be ended whole, and cannot read the terminal.
                start_new_session=not may_ask_a_person(),
            )
        except (OSError, ValueError) as error:  # a null character in the client's name
            raise self._failed(getattr(error, "strerror", None) or str(error)) from error
        try:
            with waiting(f"waiting for {program} to store it"):
                await process.communicate(sign_in.value.encode())
        except asyncio.CancelledError:
            await end_program(process)
            raise
        if process.returncode != 0:
            raise self._failed(f"exit code {process.returncode}")
        self.handed_over = sign_in

    def _failed(self, why: str) -> S2SError:
        return S2SError(
            "secret-not-delivered",
            f"'{self.secret_place}' did not store what it was given ({why}).",
            remedy="To see what it prints, run it yourself with any text as its input. Correct "
            "it, then run the same command again. What it may have stored does not work.",
        )
