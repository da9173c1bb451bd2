"""What was made, and where each secret is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from mct_s2s.model.observed import CredentialKind
from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import SavedCredential

KINDS = {
    CredentialKind.SECRET: "Secret",
    CredentialKind.CERTIFICATE: "Certificate",
    CredentialKind.FEDERATED: "Federated credential",
}


def show_credentials(terminal: Terminal, credentials: Sequence[SavedCredential]) -> None:
    """One line for each; a secret itself only where it was asked for, and only here."""
    for credential in credentials:
        terminal.result(credential_line(credential))
        if credential.saved_to and credential.saved_to.startswith("keyvault:"):
            terminal.result(Text.assemble("  read it with ", (vault_reading(credential.saved_to), "command")))


def credential_line(credential: SavedCredential) -> Text:
    """Whose credential it is, when it ends, and where it is."""
    until = f"expires {credential.expires:%Y-%m-%d}" if credential.expires else "does not expire"
    what = KINDS[credential.kind]
    return Text.assemble((f"{what} of ", "head"), (credential.client, "head"), f"  {until}{_where(credential)}")


def vault_reading(saved_to: str) -> str:
    """The command that prints a secret of a vault, `saved_to` being `keyvault:VAULT/NAME`."""
    vault, _, name = saved_to.removeprefix("keyvault:").partition("/")
    return f"az keyvault secret show --vault-name {vault} --name {name} --query value --output tsv"


def _where(credential: SavedCredential) -> str:
    if credential.secret:
        several_lines = "\n" in credential.secret
        return f", shown here once:{chr(10) if several_lines else ' '}{credential.secret.rstrip()}"
    return f", saved to {credential.saved_to.removeprefix('file:')}" if credential.saved_to else ""
