"""What was made, and where each secret is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import SavedCredential


def show_credentials(terminal: Terminal, credentials: Sequence[SavedCredential]) -> None:
    """One line for each; a secret itself only where it was asked for, and only here."""
    for credential in credentials:
        place = credential.saved_to.removeprefix("file:")
        told = f"shown here once: {credential.secret}" if credential.secret else f"saved to {place}"
        terminal.result(
            Text.assemble(
                ("Secret of ", "head"), (credential.client, "head"), f"  expires {credential.expires:%Y-%m-%d}, {told}"
            )
        )
        if credential.saved_to.startswith("keyvault:"):
            terminal.result(Text.assemble("  read it with ", (vault_reading(credential.saved_to), "command")))


def vault_reading(saved_to: str) -> str:
    """The command that prints a secret of a vault, `saved_to` being `keyvault:VAULT/NAME`."""
    vault, _, name = saved_to.removeprefix("keyvault:").partition("/")
    return f"az keyvault secret show --vault-name {vault} --name {name} --query value --output tsv"
