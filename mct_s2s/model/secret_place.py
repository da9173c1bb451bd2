"""The place of a client's secret, as `--secret-to` takes it and documents show it."""

from dataclasses import dataclass, replace
from enum import StrEnum


class PlaceKind(StrEnum):
    FILE = "file"
    KEY_VAULT = "keyvault"
    PROGRAM = "exec"
    """It is given the secret, and may keep it anywhere."""
    SHOWN = "show"
    DEFAULT_FILE = "default file"
    """Each client's own file on this machine: the place where none is asked for."""


@dataclass(frozen=True)
class SecretPlace:
    kind: PlaceKind
    name: str = ""
    """A path, `VAULT/NAME` or the words of a command; empty for the kinds that need none."""

    @classmethod
    def parse(cls, text: str) -> "SecretPlace":
        """Read what `str` wrote, or what was typed. Raises ValueError: no such kind of place."""
        kind, _, name = text.partition(":")
        return cls(PlaceKind(kind), name)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind.value

    @property
    def in_words(self) -> str:
        is_default = self.kind is PlaceKind.DEFAULT_FILE
        return f"the {self} of this machine" if is_default else str(self)

    @property
    def is_vault(self) -> bool:
        return self.kind is PlaceKind.KEY_VAULT

    @property
    def is_file(self) -> bool:
        """Whether it is a file that is named; the default one is not."""
        return self.kind is PlaceKind.FILE

    @property
    def vault_and_secret(self) -> tuple[str, str]:
        """The names of a key vault and of the secret in it."""
        vault, _, secret = self.name.partition("/")
        return vault, secret

    def beside(self) -> "SecretPlace":
        """A place of this kind whose name no one has taken yet, most likely."""
        return replace(self, name=f"{self.name}-2")
