"""A call with another issuer's token: a workflow for GitHub, the environment for everyone else."""

from __future__ import annotations

import re
import shlex

from rich.text import Text

from mct_s2s.model.client_credentials import Federation
from mct_s2s.model.commands import command
from mct_s2s.planning.credentials.federated import AddFederatedCredential
from mct_s2s.render.console import Terminal
from mct_s2s.render.credentials.base import CallingClient
from mct_s2s.render.next_steps import (
    Call,
    call_lines,
    export,
    export_authority,
    literal,
    script,
    sdk_example,
    what_to_ask,
)

GITHUB = "https://token.actions.githubusercontent.com"
LOGIN_ACTION = {
    "https://login.microsoftonline.us": "AzureUSGovernment",
    "https://login.chinacloudapi.cn": "AzureChinaCloud",
}
"""What the action azure/login calls the clouds that are not the public one."""

_PLAIN_SCALAR = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]*(:[A-Za-z0-9./_-]+)*")


def show(terminal: Terminal, call: Call, clients: list[CallingClient]) -> None:
    """An example for each credential that was added: no two are alike."""
    for client in clients:
        if isinstance(client.added, AddFederatedCredential):
            _show(terminal, call, client.client_id, client.added.federation)


def _show(terminal: Terminal, call: Call, client_id: str, federation: Federation) -> None:
    terminal.result(Text(f"Call the MCT API from {federation.subject}", style="head"))
    what_to_ask(terminal, call)
    terminal.result(f"  issuer          {federation.issuer}")
    terminal.result(f"  audience        {federation.audience}")
    if federation.issuer == GITHUB:
        script(terminal, github_example(call, client_id, federation))
        return
    lines = [
        export(AZURE_TENANT_ID=call.tenant_id, AZURE_CLIENT_ID=client_id),
        *export_authority(call),
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
    script(terminal, [*lines, *sdk_example(call, "WorkloadIdentityCredential")])


def github_example(call: Call, client_id: str, federation: Federation) -> list[str]:
    """Steps of a GitHub workflow. Source: github.com/Azure/login, *login with OpenID Connect*."""
    scope = f"{call.audience}/.default"
    token = command("az", "account", "get-access-token", "--scope", scope, "--query", "accessToken", "-o", "tsv")
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
        f"      TOKEN=$({token})",
        *(f"      {line}" for line in call_lines(call)),
    ]


def _yaml(value: str) -> str:
    """A scalar: as it is where YAML takes it for nothing else, otherwise as JSON, which is YAML too."""
    return value if _PLAIN_SCALAR.fullmatch(value) else literal(value)
