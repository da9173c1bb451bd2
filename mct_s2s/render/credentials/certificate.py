"""A call with a certificate: azure-identity signs for the client."""

from __future__ import annotations

from rich.text import Text

from mct_s2s.render.console import Terminal
from mct_s2s.render.credentials.base import CallingClient
from mct_s2s.render.next_steps import Call, export, export_authority, read_dotenv, script, sdk_example, what_to_ask


def show(terminal: Terminal, call: Call, clients: list[CallingClient]) -> None:
    """The script for the first of them, with the file that was saved, or with what the caller has to fill in."""
    client = clients[0]
    terminal.result(Text("Call the MCT API from a client application with a certificate", style="head"))
    what_to_ask(terminal, call)
    by_hand = [
        export(AZURE_TENANT_ID=call.tenant_id, AZURE_CLIENT_ID=client.client_id),
        "export AZURE_CLIENT_CERTIFICATE_PATH=…   # PEM file with the certificate and its private key",
        *export_authority(call),
    ]
    load = by_hand if client.dotenv is None else [read_dotenv(client.dotenv)]
    script(terminal, [*load, *sdk_example(call, "EnvironmentCredential")])
