"""What the operator has to pass on: how each client gets its token and calls the API, as something to paste.

Implements the notes of the document's step 2 and its warning about the `ClientType` header.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote

from rich.text import Text

from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.client_credentials import Federation
from mct_s2s.model.commands import command
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
    terminal.result(Text("Call the MCT API from a client application", style="head"))
    _what_to_ask(terminal, call)
    _script(terminal, client_example(call, secret_file, load))


def show_certificate_example(terminal: Terminal, call: Call, client_id: str, dotenv: str | None) -> None:
    """Approach 2 with a certificate: azure-identity signs for the client."""
    terminal.result(Text("Call the MCT API from a client application with a certificate", style="head"))
    _what_to_ask(terminal, call)
    load = (
        [_read(dotenv)]
        if dotenv
        else [
            _export(AZURE_TENANT_ID=call.tenant_id, AZURE_CLIENT_ID=client_id),
            "export AZURE_CLIENT_CERTIFICATE_PATH=…   # PEM file with the certificate and its private key",
            *_authority(call),
        ]
    )
    _script(terminal, [*load, *sdk_example(call, "EnvironmentCredential")])


def show_federated_example(terminal: Terminal, call: Call, client_id: str, federation: Federation) -> None:
    """Approach 2 with another issuer's token: as a workflow for GitHub, as the environment for everybody else."""
    terminal.result(Text(f"Call the MCT API from {federation.subject}", style="head"))
    _what_to_ask(terminal, call)
    terminal.result(f"  issuer          {federation.issuer}")
    terminal.result(f"  audience        {federation.audience}")
    if federation.issuer == GITHUB:
        _script(terminal, github_example(call, client_id, federation))
        return
    lines = [
        _export(AZURE_TENANT_ID=call.tenant_id, AZURE_CLIENT_ID=client_id),
        *_authority(call),
        "export AZURE_FEDERATED_TOKEN_FILE=…   # the file with the issuer's token",
    ]
    if federation.subject.startswith("system:serviceaccount:"):
        _, _, namespace, account = federation.subject.split(":", 3)
        lines = [
            command("kubectl", "annotate", "serviceaccount", "-n", namespace, account)
            + f" azure.workload.identity/client-id={shlex.quote(client_id)}",
            '# and the label azure.workload.identity/use: "true" on its pods. The webhook sets these, or you do:',
            *lines,
        ]
    _script(terminal, [*lines, *sdk_example(call, "WorkloadIdentityCredential")])


def sdk_example(call: Call, credential: str) -> list[str]:
    """A call by azure-identity, which reads the environment."""
    return [
        "python3 - <<'END'",
        "import urllib.request",
        f"from azure.identity import {credential}",
        f"token = {credential}().get_token({_literal(f'{call.audience}/.default')}).token",
        f'headers = {{"Authorization": f"Bearer {{token}}", "ClientType": "{HEADER.partition(": ")[2]}"}}',
        f"print(urllib.request.urlopen(urllib.request.Request({_literal(call.api)}, headers=headers)).read())",
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
        f"      client-id: {_yaml(client_id)}",
        f"      tenant-id: {_yaml(call.tenant_id)}",
        f"      audience: {_yaml(federation.audience)}",
        *([f"      environment: {LOGIN_ACTION[call.login]}"] if call.login in LOGIN_ACTION else []),
        "      allow-no-subscriptions: true",
        "  - run: |",
        f"      TOKEN=$({_token_by_az(call)})",
        *(f"      {line}" for line in _call(call)),
    ]


def show_identity_example(terminal: Terminal, call: Call, holder: IdentityResource) -> None:
    """Approach 1: from inside the resource."""
    terminal.result(Text(f"Call the MCT API from inside {holder.display_name}", style="head"))
    terminal.result(f"  resource        {call.audience}")
    terminal.result(f"  header          {HEADER}")
    _script(terminal, identity_example(call, holder))


def client_example(call: Call, secret_file: str | None, load: str | None = None) -> list[str]:
    """A shell script that gets a token and calls the API. The secret is never in an argument list."""
    load = load or (
        _read(secret_file)
        if secret_file
        else "export AZURE_CLIENT_ID=… AZURE_CLIENT_SECRET=…   # from the portal or where the secret is stored"
    )
    return [
        load,
        'TOKEN=$(printf %s "$AZURE_CLIENT_SECRET" | curl -sS --data-urlencode client_secret@- \\',
        f'  -d grant_type=client_credentials -d "client_id=$AZURE_CLIENT_ID" -d {_scope(call)} \\',
        f"  {shlex.quote(call.token_endpoint)} | {_PICK})",
        *_call(call),
    ]


def identity_example(call: Call, holder: IdentityResource) -> list[str]:
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
    which = f"&mi_res_id={_in_query(str(holder.resource))}" if kind == USER_ASSIGNED_IDENTITIES else ""
    query = f"resource={_in_query(call.audience)}{which}"
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


_PLAIN_SCALAR = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]*(:[A-Za-z0-9./_-]+)*")
_PICK = "python3 -c 'import json,sys; print(json.load(sys.stdin)[\"access_token\"])'"


def _call(call: Call) -> list[str]:
    """The token goes in by standard input: an argument list can be read by every process."""
    return [f"printf 'Authorization: Bearer %s' \"$TOKEN\" | curl -sS -i -H @- -H '{HEADER}' {shlex.quote(call.api)}"]


def _read(dotenv: str) -> str:
    return f"set -a; . {shlex.quote(dotenv)}; set +a"


def _export(**variables: str) -> str:
    return " ".join(["export", *(f"{name}={shlex.quote(value)}" for name, value in variables.items())])


def _authority(call: Call) -> list[str]:
    return [] if call.login == PUBLIC_LOGIN else [_export(AZURE_AUTHORITY_HOST=call.login)]


def _scope(call: Call) -> str:
    return shlex.quote(f"scope={_in_query(call.audience)}/.default")


def _token_by_az(call: Call) -> str:
    scope = f"{call.audience}/.default"
    return command("az", "account", "get-access-token", "--scope", scope, "--query", "accessToken", "-o", "tsv")


def _in_query(value: str) -> str:
    """A value in a query or a form; nothing that a shell looks at between quotation marks is left in it."""
    return quote(value, safe=":/-._~", errors="replace")


def _literal(value: str) -> str:
    """A text of JSON, which is one of Python and of YAML, too."""
    return json.dumps(value, ensure_ascii=False)


def _yaml(value: str) -> str:
    """A scalar: as it is where YAML takes it for nothing else, otherwise as JSON, which is YAML too."""
    return value if _PLAIN_SCALAR.fullmatch(value) else _literal(value)


def _script(terminal: Terminal, lines: list[str]) -> None:
    """Without indentation: what is pasted with it never comes to the end of its here-document, nor is it Python."""
    for line in lines:
        terminal.result(Text(line, style="command"))
    terminal.result()
