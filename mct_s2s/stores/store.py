"""A place that keeps, or is given, one client's secret or private key."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from datetime import datetime

from mct_s2s.key_pairs import make_key_pair
from mct_s2s.model.client_credentials import Certificate, SecretNote
from mct_s2s.model.client_sign_in import ClientSignIn, MadeCredential
from mct_s2s.model.ids import ClientId


class Store(ABC):
    """Where one client's credential goes. An attempt is noted there before a secret is made."""

    gives_away: bool = False
    """Whether it is shown or handed over once, so that no later run can know of it."""

    @property
    @abstractmethod
    def label(self) -> str:
        """As `--secret-to` takes it."""

    @abstractmethod
    async def note(self) -> SecretNote:
        """What it remembers."""

    @abstractmethod
    async def check(self, client_id: ClientId | None) -> None:
        """Make sure that it can be written to, before anything is made. Raises UsageError: it cannot."""

    @abstractmethod
    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """Remember an attempt of a client, so that a later run can tell an orphan from a delivered secret."""

    async def key_pair(
        self, name: str, starts: datetime, expires: datetime, pending: Certificate | None
    ) -> tuple[str, Certificate]:
        """A key pair as PEM, and its certificate. What keeps keys has it on disk before this returns.

        Args:
            name: what the certificate is made out to.
            pending: of a key pair that is to be taken up again, if it is still there.
        """
        del pending
        return await asyncio.to_thread(make_key_pair, name, starts, expires)

    @abstractmethod
    async def deliver(self, made: MadeCredential) -> None:
        """Store it and forget the attempt. Raises S2SError: it cannot be stored, or reached no one."""

    @abstractmethod
    async def read(self) -> ClientSignIn | None:
        """The credential that is stored there; `None` where there is none, or none that can be read again."""
