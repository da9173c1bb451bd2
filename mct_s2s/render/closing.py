"""The credentials that were created, and where each secret is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from mct_s2s.model.client_credentials import ending
from mct_s2s.model.commands import command
from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import SavedCredential


def show_credentials(terminal: Terminal, credentials: Sequence[SavedCredential]) -> None:
    """Print one line for each; a secret itself only with `--secret-to show`."""
    for credential in credentials:
        for line in credential_lines(credential):
            terminal.result(line)
        if credential.saved_to and is_in_vault(credential.saved_to):
            terminal.result(Text.assemble("  read it with ", (vault_reading(credential.saved_to), "command")))


def credential_lines(credential: SavedCredential) -> list[Text]:
    """The client, expiry and location in one line, and the lines of a private key that is shown."""
    what = credential.kind.noun.capitalize()
    here, *below = _where(credential)
    head = Text.assemble((f"{what} of ", "head"), (credential.client, "head"), f"  {ending(credential.expires)}{here}")
    return [head, *map(Text, below)]


def is_in_vault(saved_to: str) -> bool:
    """Whether it is in a key vault, by what `--secret-to` takes."""
    return saved_to.startswith("keyvault:")


def vault_reading(saved_to: str) -> str:
    """The command that prints a secret of a key vault; `saved_to` is `keyvault:VAULT/NAME`."""
    vault, _, name = saved_to.removeprefix("keyvault:").partition("/")
    place = ["--vault-name", vault, "--name", name]
    return command("az", "keyvault", "secret", "show", *place, "--query", "value", "--output", "tsv")


def _where(credential: SavedCredential) -> list[str]:
    """Where it is. A shown value of several lines, such as a private key, has lines of its own."""
    if credential.secret:
        lines = credential.secret.rstrip().split("\n")
        return [", shown here once:", *lines] if len(lines) > 1 else [f", shown here once: {lines[0]}"]
    return [f", saved to {credential.saved_to.removeprefix('file:')}" if credential.saved_to else ""]
