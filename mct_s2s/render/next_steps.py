"""What the operator has to pass on: how each client gets its token and calls the API, as something to paste.

Implements the notes of the document's step 2 and its warning about the `ClientType` header.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from mct_s2s.model.observed import IdentityHolder
from mct_s2s.model.proofs import Federation
from mct_s2s.model.resource_id import CONTAINER_APPS, LOGIC_APPS, USER_ASSIGNED_IDENTITIES
from mct_s2s.render.console import Terminal

API_PATH = "/api/v1/organization"
HEADER = "ClientType: Service"
PUBLIC_LOGIN = "https://login.microsoftonline.com"
LOGIN_ACTION = {
    "https://login.microsoftonline.us": "AzureUSGovernment",
    "https://login.chinacloudapi.cn": "AzureChinaCloud",
}
"""What the action azure/login calls the clouds that are not the public one."""
GITHUB = "https://token.actions.githubusercontent.com"


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
    _what_to_ask(terminal, call)
    _script(terminal, client_example(call, secret_file, load))


def show_certificate_example(terminal: Terminal, call: Call, client_id: str, dotenv: str | None) -> None:
    """Approach 2 with a certificate: azure-identity signs for the client."""
    terminal.result(Text("How a client application with a certificate calls the MCT API", style="head"))
    _what_to_ask(terminal, call)
    load = (
        [f"set -a; . '{dotenv}'; set +a"]
        if dotenv
        else [
            f"export AZURE_TENANT_ID={call.tenant_id} AZURE_CLIENT_ID={client_id}",
            "export AZURE_CLIENT_CERTIFICATE_PATH=…   # PEM file with the certificate and its private key",
            *([] if call.login == PUBLIC_LOGIN else [f"export AZURE_AUTHORITY_HOST={call.login}"]),
        ]
    )
    _script(terminal, [*load, *sdk_example(call, "EnvironmentCredential")])


def show_federated_example(terminal: Terminal, call: Call, client_id: str, federation: Federation) -> None:
    """Approach 2 with another issuer's token: as a workflow for GitHub, as the environment for everybody else."""
    terminal.result(Text(f"How {federation.subject} calls the MCT API", style="head"))
    _what_to_ask(terminal, call)
    terminal.result(f"  issuer          {federation.issuer}")
    terminal.result(f"  audience        {federation.audience}")
    if federation.issuer == GITHUB:
        _script(terminal, github_example(call, client_id, federation))
        return
    lines = [
        f"export AZURE_TENANT_ID={call.tenant_id} AZURE_CLIENT_ID={client_id}",
        *([] if call.login == PUBLIC_LOGIN else [f"export AZURE_AUTHORITY_HOST={call.login}"]),
        "export AZURE_FEDERATED_TOKEN_FILE=…   # the file that the issuer's token is kept in",
    ]
    if federation.subject.startswith("system:serviceaccount:"):
        _, _, namespace, account = federation.subject.split(":", 3)
        lines = [
            f"kubectl annotate serviceaccount -n {namespace} {account} azure.workload.identity/client-id={client_id}",
            '# and the label azure.workload.identity/use: "true" on its pods; the webhook then sets, or you set:',
            *lines,
        ]
    _script(terminal, [*lines, *sdk_example(call, "WorkloadIdentityCredential")])


def sdk_example(call: Call, credential: str) -> list[str]:
    """A call by azure-identity, which reads the environment."""
    return [
        "python3 - <<'END'",
        "import urllib.request",
        f"from azure.identity import {credential}",
        f'token = {credential}().get_token("{call.audience}/.default").token',
        f'headers = {{"Authorization": f"Bearer {{token}}", "ClientType": "{HEADER.partition(": ")[2]}"}}',
        f'print(urllib.request.urlopen(urllib.request.Request("{call.api}", headers=headers)).read())',
        "END",
    ]


def github_example(call: Call, client_id: str, federation: Federation) -> list[str]:
    """Steps of a GitHub workflow. Source: github.com/Azure/login, *login with OpenID Connect*."""
    return [
        "permissions:",
        "  id-token: write",
        "  contents: read",
        "steps:",
        "  - uses: azure/login@v2",
        "    with:",
        f"      client-id: {client_id}",
        f"      tenant-id: {call.tenant_id}",
        f"      audience: {federation.audience}",
        *([f"      environment: {LOGIN_ACTION[call.login]}"] if call.login in LOGIN_ACTION else []),
        "      allow-no-subscriptions: true",
        "  - run: |",
        f"      TOKEN=$(az account get-access-token --scope {call.audience}/.default --query accessToken -o tsv)",
        *(f"      {line}" for line in _call(call)),
    ]


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


def _what_to_ask(terminal: Terminal, call: Call) -> None:
    terminal.result(f"  token endpoint  {call.token_endpoint}")
    terminal.result(f"  scope           {call.audience}/.default")
    terminal.result(f"  header          {HEADER}")


_PICK = "python3 -c 'import json,sys; print(json.load(sys.stdin)[\"access_token\"])'"


def _call(call: Call) -> list[str]:
    """The token goes in by standard input: an argument list can be read by every process."""
    return [f"printf 'Authorization: Bearer %s' \"$TOKEN\" | curl -sS -i -H @- -H '{HEADER}' {call.api}"]


def _script(terminal: Terminal, lines: list[str]) -> None:
    for line in lines:
        terminal.result(Text(f"    {line}", style="command"))
    terminal.result()
