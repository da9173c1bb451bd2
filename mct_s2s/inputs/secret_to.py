"""`--secret-to` as typed, checked: the places of one client's secret and of several."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from mct_s2s.errors import UsageError, about
from mct_s2s.model.commands import option
from mct_s2s.model.ids import file_stem, secret_name

_VAULT = re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]")
_SECRET = re.compile(r"[0-9a-zA-Z-]{1,127}")
"""Source of both forms: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules."""


@dataclass(frozen=True)
class VaultTo:
    """A vault, by its bare name or its https address, and the secret's name in it, if one was given."""

    vault: str
    secret: str | None = None

    def secret_for(self, label: str, client: str) -> str:
        """The name of one client's secret."""
        return self.secret or secret_name(label, client)


def vault_to(rest: str) -> VaultTo:
    """Read what follows `keyvault:`. Raises UsageError: no vault or no secret can be called so."""
    if rest.lower().startswith("https://"):
        try:
            address = urlsplit(rest)
            _ = address.port  # one that is no number is found only by asking for it
        except ValueError:
            raise _unusable(rest) from None
        path = [part for part in address.path.split("/") if part]
        if path[:1] == ["secrets"]:
            path = path[1:]
        if not address.hostname or address.username or address.query or len(path) > 1:
            raise _unusable(rest)
        return VaultTo(f"https://{address.netloc.lower()}", _checked(path[0]) if path else None)
    vault, slash, secret = rest.partition("/")
    if not _VAULT.fullmatch(vault):
        raise _unusable(vault)
    return VaultTo(vault, _checked(secret) if slash and secret else None)


def _checked(secret: str) -> str:
    if not _SECRET.fullmatch(secret):
        raise UsageError(
            "malformed-secret-name",
            f"Invalid secret name '{secret[:130]}'. Use letters, digits and hyphens, 127 characters at most.",
            remedy="Choose another NAME, or omit it: --secret-to keyvault:VAULT",
        )
    return secret


def _unusable(text: str) -> UsageError:
    return UsageError(
        "malformed-vault",
        f"Invalid key vault '{text[:130]}': not a vault name or address.",
        remedy="Use keyvault:VAULT[/NAME], where VAULT is the vault's name or https://VAULT.vault.azure.net.",
    )


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
