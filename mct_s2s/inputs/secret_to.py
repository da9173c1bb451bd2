"""`--secret-to`, `--secret-format` and `--secret-names` as typed, checked."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.inputs.vault import VaultTo, vault_to
from mct_s2s.model.commands import option
from mct_s2s.model.github import is_repository
from mct_s2s.model.ids import file_stem
from mct_s2s.model.secret_form import VARIABLES, SecretForm, SecretFormat

CLIENT = "{client}"
"""What stands for the client in the words of a command."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_GITHUB_SECRET = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*", re.IGNORECASE)
"""Source: docs.github.com/actions/reference/security/secrets, "Naming your secrets"."""
_PLACES = "Use file:PATH, keyvault:VAULT[/NAME], exec:COMMAND, github:OWNER/REPO[/NAME], or show (printed once)."


@dataclass(frozen=True)
class CommandTo:
    """A program that takes a credential on its standard input."""

    words: tuple[str, ...]
    """The program and its arguments; no shell reads them."""
    label: str
    """As `--secret-to` takes it, without the arguments: they may be secret themselves."""

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
    form: SecretForm | None = None
    """How it is written there; `None` where no one asked for a form."""

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


def secret_to(text: str | None, clients: int, form: SecretFormat | None = None, names: str | None = None) -> SecretTo:
    """Read `--secret-to`, `--secret-format` and `--secret-names`.

    Args:
        text: the place.
        clients: how many clients get a secret.
        form: the format, if one was typed.
        names: other names of variables, as `MCT_CLIENT_ID=AZURE_CLIENT_ID,…`.

    Raises:
        UsageError: an unknown kind of place, one that several clients would share, or a format that it cannot have.
    """
    kind, _, rest = (text or "").partition(":")
    if kind in {"exec", "github"}:
        return _to_command(kind, rest, clients, form, names)
    if text == "show":
        wanted = None if form is None and names is None else SecretForm(form or SecretFormat.VALUE, _renamed(names))
        return SecretTo(show=True, form=_checked(wanted))
    if form is not None or names is not None:
        raise UsageError(
            "contradictory-options",
            f"{'--secret-format' if form is not None else '--secret-names'} has no effect here: a file and a key vault "
            "have a form of their own.",
            remedy="Remove it, or add --secret-to exec:COMMAND, github:OWNER/REPO or show.",
        )
    if not text:
        return SecretTo()
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


def _to_command(kind: str, rest: str, clients: int, form: SecretFormat | None, names: str | None) -> SecretTo:
    command, usual = _github(rest) if kind == "github" else (_exec(rest), SecretFormat.VALUE)
    wanted = _checked(SecretForm(form or usual, _renamed(names)))
    if kind == "github" and wanted is not None and wanted.format is not usual:
        raise UsageError(
            "contradictory-options",
            f"{option('--secret-format', wanted.format.value)} does not suit {option('--secret-to', command.label)}.",
            remedy="Remove --secret-format: with NAME the secret alone is stored, without it each variable.",
        )
    if clients > 1 and not any(CLIENT in word for word in command.words):
        raise UsageError(
            "secret-place-shared",
            f"Invalid --secret-to '{command.label}': it would be given the secrets of {clients} clients in turn.",
            remedy=f"Run one command for each client, or write {CLIENT} where the program is told a name: it stands "
            "for the client.",
        )
    return SecretTo(command=command, form=wanted)


def _exec(rest: str) -> CommandTo:
    try:
        words = tuple(shlex.split(rest, posix=os.name == "posix"))
    except ValueError as error:  # a quotation that does not end
        raise UsageError(
            "secret-command-malformed",
            f"Invalid --secret-to 'exec:…': {error}.",
            remedy="Quote the command's words as a shell would; no shell runs it.",
        ) from error
    if not words or any("\0" in word for word in words):
        raise UsageError(
            "secret-command-malformed",
            "Invalid --secret-to 'exec:…': it names no program.",
            remedy="Name one that reads the secret from its standard input: --secret-to 'exec:gh secret set NAME'",
        )
    return CommandTo(words, f"exec:{Path(words[0]).name}")


def _github(rest: str) -> tuple[CommandTo, SecretFormat]:
    """GitHub's own command: with a name one secret of the repository, without it one for each variable."""
    owner, _, more = rest.partition("/")
    repository, _, name = more.partition("/")
    where = f"{owner}/{repository}"
    if not is_repository(owner, repository) or (name and not _GITHUB_SECRET.fullmatch(name)):
        raise UsageError(
            "malformed-repository",
            f"Invalid --secret-to 'github:{rest[:130]}'.",
            remedy="Use github:OWNER/REPO[/NAME]. NAME has letters, digits and underscores, and does not begin with "
            "GITHUB_.",
        )
    label = f"github:{where}{'/' if name else ''}{name}"
    if name:
        return CommandTo(("gh", "secret", "set", name, "--repo", where), label), SecretFormat.VALUE
    return CommandTo(("gh", "secret", "set", "--repo", where, "--env-file", "-"), label), SecretFormat.DOTENV


def _renamed(text: str | None) -> dict[str, str]:
    """`NEW=OLD,…` as old name → new name."""
    names: dict[str, str] = {}
    for pair in text.split(",") if text is not None else ():
        new, sign, old = (part.strip() for part in pair.partition("="))
        if not sign or not _VARIABLE.fullmatch(new) or old not in VARIABLES or old in names:
            raise UsageError(
                "malformed-names",
                f"Invalid --secret-names '{text[:130] if text else ''}'.",
                remedy=f"Use NEW=OLD, separated by commas, where OLD is one of {', '.join(VARIABLES)}, each once.",
            )
        names[old] = new
    if len(set(names.values())) < len(names) or set(names.values()) & (set(VARIABLES) - set(names)):
        raise UsageError(
            "malformed-names",
            "Invalid --secret-names: two variables would have the same name.",
            remedy="Choose another name for one of them.",
        )
    return names


def _checked(form: SecretForm | None) -> SecretForm | None:
    if form is not None and form.names and form.format is SecretFormat.VALUE:
        raise UsageError(
            "contradictory-options",
            "--secret-names has no effect here: the secret is handed over alone, without a name.",
            remedy="Add --secret-format dotenv or --secret-format json.",
        )
    return form
