"""What the places have in common that a secret is given to once: nothing about it is remembered there."""

from __future__ import annotations

from dataclasses import dataclass, field

from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.ids import ClientId
from mct_s2s.ports.secret_stores import StoredCredential


@dataclass
class GivenAway:
    """A part of a `SecretStore`; how a secret gets there is each place's own."""

    last: StoredCredential | None = field(default=None, init=False, repr=False)
    """What this very command has given away."""

    @property
    def gives_away(self) -> bool:
        """No later run can know of it."""
        return True

    async def note(self) -> SecretNote:
        """Nothing is remembered."""
        return SecretNote()

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """There is nowhere to remember it."""

    async def read(self) -> StoredCredential | None:
        """The one that this very command made: any other is gone from here."""
        return self.last
