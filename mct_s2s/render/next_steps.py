"""What the operator has to pass on: how each client gets its token and calls the API, as something to paste.

Implements the notes of the document's step 2 and its warning about the `ClientType` header.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from mct_s2s.model.observed import IdentityHolder
from mct_s2s.model.resource_id import CONTAINER_APPS, LOGIC_APPS, USER_ASSIGNED_IDENTITIES
from mct_s2s.render.console import Terminal

API_PATH = "/api/v1/organization"
HEADER = "ClientType: Service"


@dataclass(frozen=True)
class Call:
    """Everything that a caller has to know."""

    login: str
    tenant_id: str
    audience: str
    url: str | None

    @property
    def token_endpoint(self) -> str:
        """Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow."""
        return f"{self.login}/{self.tenant_id}/oauth2/v2.0/token"

    @property
    def api(self) -> str:
        """A first call to try."""
        return f"{self.url or 'https://YOUR-APP-SERVICE.azurewebsites.net'}{API_PATH}"


def show_client_example(terminal: Terminal, call: Call, secret_file: str | None, load: str | None = None) -> None:
    """Approach 2: the client credentials flow, by the file that the secret was saved to, or by what `load` says."""
    terminal.result(Text("How a client application calls the MCT API", style="head"))
    terminal.result(f"  token endpoint  {call.token_endpoint}")
    terminal.result(f"  scope           {call.audience}/.default")
    terminal.result(f"  header          {HEADER}")
    _script(terminal, client_example(call, secret_file, load))


def show_identity_example(terminal: Terminal, call: Call, holder: IdentityHolder) -> None:
    """Approach 1: from inside the resource."""
    terminal.result(Text(f"How {holder.display_name} calls the MCT API, from inside", style="head"))
    terminal.result(f"  resource        {call.audience}")
    terminal.result(f"  header          {HEADER}")
    _script(terminal, identity_example(call, holder))


def client_example(call: Call, secret_file: str | None, load: str | None = None) -> list[str]:
    """A shell script that gets a token and calls the API. The secret never stands in an argument list."""
    load = load or (
        f"set -a; . '{secret_file}'; set +a"
        if secret_file
        else "export AZURE_CLIENT_ID=… AZURE_CLIENT_SECRET=…   # as the portal or the secret's place shows them"
    )
    return [
        load,
        'TOKEN=$(printf %s "$AZURE_CLIENT_SECRET" | curl -sS --data-urlencode client_secret@- \\',
        f'  -d grant_type=client_credentials -d "client_id=$AZURE_CLIENT_ID" -d scope={call.audience}/.default \\',
        f"  {call.token_endpoint} | {_PICK})",
        *_call(call),
    ]


def identity_example(call: Call, holder: IdentityHolder) -> list[str]:
    """The same from a resource with a managed identity: no secret at all.

    Source: learn.microsoft.com/azure/app-service/overview-managed-identity (REST endpoint reference),
    learn.microsoft.com/azure/container-apps/managed-identity and learn.microsoft.com/entra/identity/
    managed-identities-azure-resources/how-to-use-vm-token.
    """
    kind = holder.resource.type
    if kind == LOGIC_APPS:
        return [
            f"HTTP action: GET {call.api}, header {HEADER},",
            f"authentication type Managed identity, audience {call.audience}",
        ]
    which = f"&mi_res_id={holder.resource}" if kind == USER_ASSIGNED_IDENTITIES else ""
    query = f"resource={call.audience}{which}"
    if holder.resource.is_site or kind == CONTAINER_APPS:
        endpoint = f'"$IDENTITY_ENDPOINT?api-version=2019-08-01&{query}"'
        request = f'curl -sS -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" {endpoint}'
    else:
        endpoint = f"'http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&{query}'"
        request = f"curl -sS -H Metadata:true {endpoint}"
    return [f"TOKEN=$({request} | {_PICK})", *_call(call)]


_PICK = "python3 -c 'import json,sys; print(json.load(sys.stdin)[\"access_token\"])'"


def _call(call: Call) -> list[str]:
    """The token goes in by standard input: an argument list can be read by every process."""
    return [f"printf 'Authorization: Bearer %s' \"$TOKEN\" | curl -sS -i -H @- -H '{HEADER}' {call.api}"]


def _script(terminal: Terminal, lines: list[str]) -> None:
    for line in lines:
        terminal.result(Text(f"    {line}", style="command"))
    terminal.result()
