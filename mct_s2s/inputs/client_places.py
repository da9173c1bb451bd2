"""The places of several clients' secrets: one for all, and those of clients that have one of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mct_s2s.inputs.secret_places import SecretTo


@dataclass(frozen=True)
class ClientPlaces:
    """Where each client's secret goes."""

    usual: SecretTo = field(default_factory=SecretTo)
    own: Mapping[str, SecretTo] = field(default_factory=dict)
    """By the client's name or appId, in small letters."""

    def of(self, *names: str) -> SecretTo:
        """The place of a client that is known by these names."""
        return next((self.own[name.casefold()] for name in names if name.casefold() in self.own), self.usual)

    def with_own(self, client: str, place: SecretTo) -> ClientPlaces:
        """The same with a place for one client alone."""
        return replace(self, own={**self.own, client.casefold(): place})

    @property
    def vaults(self) -> tuple[str, ...]:
        """The key vaults among them, each once."""
        vaults = (place.vault for place in (self.usual, *self.own.values()))
        return tuple(dict.fromkeys(vault.vault for vault in vaults if vault is not None))

    @property
    def take_output(self) -> bool:
        """Whether a secret is shown in a form that another program reads from standard output."""
        return any(place.show and place.form is not None for place in (self.usual, *self.own.values()))
