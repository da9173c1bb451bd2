"""`--client`, `--managed-identity`, `--credential` and `--secret-to` as typed, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.inputs.vault import VaultTo, vault_to
from mct_s2s.model.commands import option
from mct_s2s.model.ids import file_stem

LONGEST_NAME = 120
"""Source: learn.microsoft.com/entra/identity-platform/supported-accounts-validation."""


def client_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names without blanks around them, each once, in order.

    Raises:
        UsageError: empty, or longer than Entra takes.
    """
    trimmed = [name.strip() for name in names]
    for name in trimmed:
        if not name:
            raise UsageError(
                "client-name-empty",
                "Invalid client name '': it is empty.",
                remedy="Use a display name or an appId, such as --client 'Reports import'",
            )
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise UsageError(
                "client-name-unusable",
                f"Invalid client name '{name[:40]}…'. Use {LONGEST_NAME} printable characters at most.",
                remedy="Choose a shorter name.",
            )
    return tuple(dict.fromkeys(trimmed))


@dataclass(frozen=True)
class SecretTo:
    """Where secrets are to go: `show`, a vault, a file or a folder, or (neither) the user's data directory."""

    show: bool = False
    path: Path | None = None
    is_folder: bool = False
    vault: VaultTo | None = None

    def file_for(self, client: str, default_folder: Path) -> Path:
        """The file of one client's secret."""
        if self.path is None:
            return default_folder / f"{file_stem(client)}.env"
        return self.path / f"{file_stem(client)}.env" if self.is_folder else self.path


def secret_to(text: str | None, clients: int) -> SecretTo:
    """Read `--secret-to`.

    Raises:
        UsageError: an unknown kind of store, or one file or one secret of a vault for several clients.
    """
    if not text:
        return SecretTo()
    if text == "show":
        return SecretTo(show=True)
    kind, _, rest = text.partition(":")
    if kind == "keyvault" and rest:
        vault = vault_to(rest)
        if clients > 1 and vault.secret:
            raise UsageError(
                "secret-place-shared",
                f"Invalid --secret-to '{text}': it names one secret for {clients} clients.",
                remedy="To give each client its own secret, omit NAME: "
                + option("--secret-to", f"keyvault:{vault.vault}"),
            )
        return SecretTo(vault=vault)
    if kind != "file" or not rest:
        raise UsageError(
            "secret-place-unknown",
            f"Invalid --secret-to '{text}'.",
            remedy="Use file:PATH, keyvault:VAULT[/NAME], or show (printed once).",
        )
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
