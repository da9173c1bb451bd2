"""`--secret-to`, checked."""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from mct_s2s.errors import UsageError, about, malformed
from mct_s2s.model.commands import option
from mct_s2s.model.ids import file_stem, secret_name
from mct_s2s.model.secret_place import PlaceKind, SecretPlace

_VAULT = re.compile(
    r"(?:(?P<vault>(?![^/]*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9])|"
    r"(?P<address>(?i:https://)[a-zA-Z0-9.-]+(?::[0-9]{1,5})?)(?:/secrets(?=/|$))?)(?:/(?P<secret>.*))?",
    re.DOTALL,
)
_SECRET = re.compile(r"[0-9a-zA-Z-]{1,127}")
"""Source of both forms:
learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules.
"""
CLIENT = "{client}"
"""The client's name in the words of a command."""


class VaultTo(NamedTuple):
    vault: str
    """Bare name or https address."""
    secret: str | None = None

    def secret_for(self, label: str, client: str) -> str:
        return self.secret or secret_name(label, client)


def vault_to(rest: str) -> VaultTo:
    match = _VAULT.fullmatch(rest)
    if match is None:
        remedy = (
            "Use keyvault:VAULT[/NAME], where VAULT is the vault's name or "
            "https://VAULT.vault.azure.net."
        )
        raise malformed("malformed-vault", "key vault", rest, remedy)
    secret = (match["secret"] or "").removesuffix("/")
    if secret and not _SECRET.fullmatch(secret):
        remedy = (
            "Use letters, digits and hyphens, 127 characters at most, or omit it: --secret-to "
            "keyvault:VAULT"
        )
        raise malformed("malformed-secret-name", "secret name", secret, remedy)
    return VaultTo(match["vault"] or match["address"].lower(), secret or None)


@dataclass(frozen=True)
class SecretTo:
    """`show`, a vault, a program, a file or a folder; else the user's data directory."""

    label: str = field(default=PlaceKind.DEFAULT_FILE.value, compare=False)
    """As it was written; the same on every machine."""
    show: bool = False
    vault: VaultTo | None = None
    command: tuple[str, ...] = ()
    """A program that gets the secret on its standard input, and its arguments; no shell reads them.
    """
    path: Path | None = None
    is_folder: bool = False

    @property
    def place(self) -> SecretPlace:
        return SecretPlace.parse(self.label)

    def file_for(self, client: str, default_folder: Path) -> Path:
        if self.path is not None and not self.is_folder:
            return self.path
        return (self.path or default_folder) / f"{file_stem(client)}.env"

    def command_for(self, client: str) -> tuple[str, ...]:
        return tuple(word.replace(CLIENT, file_stem(client)) for word in self.command)


@about("secret-to")
def secret_to(text: str | None, clients: int | None) -> SecretTo:
    """`clients`: how many; `None` for those that will be found.

    Raises UsageError: an unknown kind of place, or one that several clients would share.
    """
    if not text:
        return SecretTo()
    kind, _, rest = text.partition(":")
    shared, remedy = "", ""
    several = f"{clients} clients" if clients is not None else "all clients that expire"
    match kind:
        case "show" if text == kind:
            return SecretTo(text, show=True)
        case "exec":
            place = SecretTo(text, command=_command(text, rest))
            if not any(CLIENT in word for word in place.command):
                shared = f"would be given the secrets of {several} in turn"
                remedy = (
                    "Run one command for each client, or write {client} where the program is told "
                    "a name: it "
                )
                remedy += "stands for the client."
        case "keyvault" if rest:
            place = SecretTo(text, vault=(vault := vault_to(rest)))
            if vault.secret:
                shared = f"names one secret for {several}"
                usual = option("--secret-to", f"keyvault:{vault.vault}")
                remedy = f"To give each client its own, omit NAME: {usual}"
        case "file" if rest:
            place = _file(text, rest)
            if not place.is_folder:
                folder = option("--secret-to", f"file:{rest}/")
                shared = f"names one file for {several}"
                remedy = f"To give each client its own, name a folder: {folder}"
        case _:
            remedy = "Use file:PATH, keyvault:VAULT[/NAME], exec:COMMAND, or show (printed once)."
            raise malformed("secret-place-unknown", "--secret-to", text, remedy)
    if clients not in {0, 1} and shared:
        raise UsageError(
            "secret-place-shared", f"Invalid --secret-to '{text}': it {shared}.", remedy=remedy
        )
    return place


def _file(text: str, rest: str) -> SecretTo:
    try:
        path = Path(rest).expanduser()
        return SecretTo(
            text, path=path.absolute(), is_folder=rest.endswith(("/", "\\")) or path.is_dir()
        )
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        # Too long a name, the home of no one, no path at all
        raise UsageError(
            "secret-place-unwritable",
            f"Cannot save the secret to '{rest[:130]}': "
            f"{getattr(error, 'strerror', None) or error}",
            remedy="Choose a file that you can write: --secret-to file:PATH",
        ) from error


_SHELL_OPERATORS = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "2>&1", "&>"})


def _command(text: str, rest: str) -> tuple[str, ...]:
    why, words = "it names no program", list[str]()
    try:
        words = shlex.split(rest, posix=os.name == "posix")
    except ValueError as error:  # a quotation that does not end
        why = str(error)
    if not words or any("\0" in word for word in words):
        raise UsageError(
            "secret-command-malformed",
            f"Invalid --secret-to '{text}': {why}.",
            remedy="Name one that reads the secret from its standard input: --secret-to 'exec:gh "
            "secret set NAME'",
        )
    operator = next((word for word in words if word in _SHELL_OPERATORS), None)
    if operator is not None:
        # Without a shell, the program would get it as an argument.
        raise UsageError(
            "secret-command-malformed",
            f"Invalid --secret-to '{text}': '{operator}' needs a shell, and exec: runs its program "
            "without.",
            remedy="Name the shell: --secret-to 'exec:sh -c \"COMMAND\"'",
        )
    return tuple(words)


def no_key_in_vault() -> UsageError:
    # A private key is never sent anywhere.
    return UsageError(
        "secret-place-unfit",
        "Cannot create a key pair in a key vault.",
        remedy="Save it to a file with --secret-to file:PATH, or create it in the vault yourself "
        "and pass its public certificate with --certificate FILE.",
    )


@dataclass(frozen=True)
class ClientPlaces:
    usual: SecretTo = field(default_factory=SecretTo)
    own: Mapping[str, SecretTo] = field(default_factory=dict)
    """By the client's name or appId, casefolded."""

    def of(self, *names: str) -> SecretTo:
        return next(
            (self.own[name.casefold()] for name in names if name.casefold() in self.own), self.usual
        )

    def with_own(self, client: str, place: SecretTo) -> "ClientPlaces":
        return replace(self, own={**self.own, client.casefold(): place})

    def destination(self, label: str, client: str) -> tuple[str, ...] | None:
        """For comparison: what can hold one secret alone; `None` for the client's own file."""
        place = self.of(client)
        if place.command:
            return ("exec", *place.command_for(client))
        if place.vault is not None:
            vault = place.vault.vault.casefold().removeprefix("https://").partition(".")[0]
            return "keyvault", vault, place.vault.secret_for(label, client).casefold()
        if place.path is None:
            return None
        return "file", os.path.normcase(os.path.normpath(place.file_for(client, place.path)))

    @property
    def vaults(self) -> list[str]:
        return sorted(
            {
                place.vault.vault
                for place in (self.usual, *self.own.values())
                if place.vault is not None
            }
        )
