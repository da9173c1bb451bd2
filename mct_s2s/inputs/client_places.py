"""The places of several clients' secrets: one for all, and those of clients that have one of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mct_s2s.inputs.secret_to import SecretTo


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

    def destination(self, label: str, client: str) -> tuple[str, ...] | None:
        """What can hold one secret alone, in a form that can be compared; `None` for the client's own file."""
        place = self.of(client)
        if place.command is not None:
            return ("exec", *place.command.words_for(client))
        if place.vault is not None:
            vault = place.vault.vault.casefold().removeprefix("https://").partition(".")[0]
            return "keyvault", vault, place.vault.secret_for(label, client).casefold()
        if place.path is None:
            return None
        return "file", os.path.normcase(os.path.normpath(place.file_for(client, place.path)))

    @property
    def vaults(self) -> tuple[str, ...]:
        """The key vaults among them, each once."""
        vaults = (place.vault for place in (self.usual, *self.own.values()))
        return tuple(dict.fromkeys(vault.vault for vault in vaults if vault is not None))

    @property
    def may_be_vaults(self) -> bool:
        """Whether a secret that is there already may be in a key vault: one is named, or nothing is."""
        return any(place.vault is not None or place.is_unsaid for place in (self.usual, *self.own.values()))
