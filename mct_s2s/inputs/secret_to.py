"""`--secret-to` as typed, checked."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path

from mct_s2s.errors import UsageError, about
from mct_s2s.inputs.vault import VaultTo, vault_to
from mct_s2s.model.commands import option
from mct_s2s.model.ids import file_stem

CLIENT = "{client}"
"""What stands for the client in the words of a command."""
_PLACES = "Use file:PATH, keyvault:VAULT[/NAME], exec:COMMAND, or show (printed once)."


@dataclass(frozen=True)
class CommandTo:
    """A program that takes a credential on its standard input."""

    words: tuple[str, ...]
    """The program and its arguments; no shell reads them."""
    label: str
    """As `--secret-to` takes it, the command as it was written."""

    def words_for(self, client: str) -> tuple[str, ...]:
        """The words for one client."""
        return tuple(word.replace(CLIENT, file_stem(client)) for word in self.words)


@dataclass(frozen=True)
class SecretTo:
    """Where secrets are to go: `show`, a vault, a program, a file or a folder, or the user's data directory."""

    show: bool = False
    path: Path | None = None
    is_folder: bool = False
    vault: VaultTo | None = None
    command: CommandTo | None = None
    label: str = field(default="default file", compare=False)
    """As it was written; the same on every machine."""

    @property
    def is_unsaid(self) -> bool:
        """Whether no one asked for a place."""
        return self.is_file and self.path is None

    @property
    def is_file(self) -> bool:
        """Whether it is a file: the given one, or the client's own."""
        return not self.show and self.vault is None and self.command is None

    def file_for(self, client: str, default_folder: Path) -> Path:
        """The file of one client's secret."""
        if self.path is None:
            return default_folder / f"{file_stem(client)}.env"
        return self.path / f"{file_stem(client)}.env" if self.is_folder else self.path


@about("secret-to")
def secret_to(text: str | None, clients: int) -> SecretTo:
    """Read `--secret-to`. Raises UsageError: an unknown kind of place, or one that several clients would share."""
    if not text:
        return SecretTo()
    return replace(_to_place(text, clients), label=text)


def _to_place(text: str, clients: int) -> SecretTo:
    kind, _, rest = text.partition(":")
    if kind == "exec":
        return SecretTo(command=_to_command(rest, clients))
    if text == "show":
        return SecretTo(show=True)
    if kind == "keyvault" and rest:
        return _to_vault(text, rest, clients)
    if kind != "file" or not rest:
        raise UsageError("secret-place-unknown", f"Invalid --secret-to '{text}'.", remedy=_PLACES)
    return _to_file(text, rest, clients)


def _to_vault(text: str, rest: str, clients: int) -> SecretTo:
    vault = vault_to(rest)
    if clients > 1 and vault.secret:
        raise UsageError(
            "secret-place-shared",
            f"Invalid --secret-to '{text}': it names one secret for {clients} clients.",
            remedy="To give each client its own secret, omit NAME: " + option("--secret-to", f"keyvault:{vault.vault}"),
        )
    return SecretTo(vault=vault)


def _to_file(text: str, rest: str, clients: int) -> SecretTo:
    try:
        path = Path(rest).expanduser()
        is_folder = rest.endswith(("/", "\\")) or path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # too long a name, the home of no one, no path at all
        raise UsageError(
            "secret-place-unwritable",
            f"Cannot save the secret to '{rest[:130]}': {getattr(error, 'strerror', None) or error}",
            remedy="Choose a file that you can write: --secret-to file:PATH",
        ) from error
    if clients > 1 and not is_folder:
        raise UsageError(
            "secret-place-shared",
            f"Invalid --secret-to '{text}': it names one file for {clients} clients.",
            remedy=f"To give each client its own file, name a folder: {option('--secret-to', f'file:{rest}/')}",
        )
    return SecretTo(path=path.absolute(), is_folder=is_folder)


def _to_command(rest: str, clients: int) -> CommandTo:
    try:
        words = tuple(shlex.split(rest, posix=os.name == "posix"))
    except ValueError as error:  # a quotation that does not end
        raise UsageError(
            "secret-command-malformed",
            f"Invalid --secret-to 'exec:{rest}': {error}.",
            remedy="Quote the command's words as a shell would; no shell runs it.",
        ) from error
    if not words or any("\0" in word for word in words):
        raise UsageError(
            "secret-command-malformed",
            f"Invalid --secret-to 'exec:{rest}': it names no program.",
            remedy="Name one that reads the secret from its standard input: --secret-to 'exec:gh secret set NAME'",
        )
    if clients > 1 and not any(CLIENT in word for word in words):
        raise UsageError(
            "secret-place-shared",
            f"Invalid --secret-to 'exec:{rest}': it would be given the secrets of {clients} clients in turn.",
            remedy=f"Run one command for each client, or write {CLIENT} where the program is told a name: it stands "
            "for the client.",
        )
    return CommandTo(words, f"exec:{rest}")


def no_key_in_vault() -> UsageError:
    """A private key is never sent anywhere."""
    return UsageError(
        "secret-place-unfit",
        "Cannot create a key pair in a key vault.",
        remedy="Save it to a file with --secret-to file:PATH, or create it in the vault yourself and pass its "
        "public certificate with --certificate FILE.",
    )
