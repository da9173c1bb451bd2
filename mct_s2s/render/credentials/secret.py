"""A call with a client secret: the client credentials flow, by curl."""

from __future__ import annotations

import shlex

from rich.text import Text

from mct_s2s.render.closing import is_in_vault, vault_reading
from mct_s2s.render.console import Terminal
from mct_s2s.render.credentials.base import CallingClient
from mct_s2s.render.next_steps import PICK_TOKEN, Call, call_lines, in_query, read_dotenv, script, what_to_ask


def show(terminal: Terminal, call: Call, clients: list[CallingClient]) -> None:
    """The script for the first of them, with whatever fetches its secret from where it was saved."""
    terminal.result(Text("Call the MCT API from a client application", style="head"))
    what_to_ask(terminal, call)
    script(terminal, client_example(call, clients[0]))


def client_example(call: Call, client: CallingClient) -> list[str]:
    """A shell script that gets a token and calls the API. The secret is never in an argument list.

    Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
    """
    scope = shlex.quote(f"scope={in_query(call.audience)}/.default")
    return [
        _load(client),
        'TOKEN=$(printf %s "$AZURE_CLIENT_SECRET" | curl -sS --data-urlencode client_secret@- \\',
        f'  -d grant_type=client_credentials -d "client_id=$AZURE_CLIENT_ID" -d {scope} \\',
        f"  {shlex.quote(call.token_endpoint)} | {PICK_TOKEN})",
        *call_lines(call),
    ]


def _load(client: CallingClient) -> str:
    if client.dotenv is not None:
        return read_dotenv(client.dotenv)
    if client.saved_to is not None and is_in_vault(client.saved_to):
        known = f"AZURE_CLIENT_ID={shlex.quote(client.client_id) if client.client_id else '…'}"
        return f'export {known} AZURE_CLIENT_SECRET="$({vault_reading(client.saved_to)})"'
    return "export AZURE_CLIENT_ID=… AZURE_CLIENT_SECRET=…   # from the portal or where the secret is stored"
