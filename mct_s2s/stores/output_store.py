"""A client secret on standard output, once, as soon as it exists."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mct_s2s.errors import NotTaken, UsageError
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.ids import ClientId
from mct_s2s.model.secret_form import SecretForm
from mct_s2s.ports.secret_stores import NewSecret, SecretRecord
from mct_s2s.stores.given_away import GivenAway
from mct_s2s.stores.handing_over import credential_in

SECRET = CredentialKind.SECRET


@dataclass(frozen=True)
class Shown:
    """A secret or a private key that exists only on its way to the user who asked to see it."""

    client: str
    """The client's name."""
    kind: CredentialKind
    expires: datetime
    value: str = field(repr=False)
    text: str | None = field(default=None, repr=False)
    """All that is to be printed, byte by byte, where a form was asked for."""


class Viewer(Protocol):
    """Shows secrets on standard output. Methods raise `OSError` where no one reads it."""

    def look(self) -> None:
        """Make sure that someone does, as far as that can be known."""

    def show(self, shown: Shown) -> None:
        """Show it, to the last byte, before this returns; a viewer of JSON shows it in the document at the end."""


@dataclass
class OutputStore(GivenAway):
    """Standard output, once, as soon as the secret exists."""

    viewer: Viewer
    form: SecretForm | None = None
    """How it is shown; `None` for a line that a person reads."""
    shown: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """As `--secret-to` takes it."""
        return "show"

    async def check(self, client_id: ClientId | None) -> None:
        """Make sure that someone reads standard output.

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

    async def deliver(self, record: SecretRecord, secret: NewSecret) -> None:
        """Show it."""
        text = credential_in(self.form, record, secret.value) if self.form is not None else None
        self.show(Shown(record.client_name, SECRET, secret.expires, secret.value, text))
        self.last = record.with_secret(secret)

    def show(self, shown: Shown) -> None:
        """Show it now, or never.

        Raises:
            NotTaken: no one reads standard output.
        """
        try:
            self.viewer.show(shown)
        except OSError as error:
            raise NotTaken(
                "secret-not-shown",
                f"The {shown.kind.value} of '{shown.client}' could not be shown: standard output is closed "
                f"({error.strerror or error}).",
                remedy="Run the same command again with standard output open, or with --secret-to file:PATH",
            ) from error
        self.shown[shown.client] = shown.value
