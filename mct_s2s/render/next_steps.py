"""What the operator has to pass on: how each client gets its token and calls the API, as something to paste.

Implements the notes of the document's step 2 and its warning about the `ClientType` header.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from urllib.parse import quote

from rich.text import Text

from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.mct_api import API_PATH, SERVICE_HEADER
from mct_s2s.model.resource_id import CONTAINER_APPS, LOGIC_APPS, USER_ASSIGNED_IDENTITIES
from mct_s2s.render.console import Terminal

HEADER = ": ".join(*SERVICE_HEADER.items())
PUBLIC_LOGIN = "https://login.microsoftonline.com"


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


def sdk_example(call: Call, credential: str) -> list[str]:
    """A call by azure-identity, which reads the environment."""
    return [
        "python3 - <<'END'",
        "import urllib.request",
        f"from azure.identity import {credential}",
        f"token = {credential}().get_token({literal(f'{call.audience}/.default')}).token",
        f'headers = {{"Authorization": f"Bearer {{token}}", {literal(SERVICE_HEADER)[1:-1]}}}',
        f"print(urllib.request.urlopen(urllib.request.Request({literal(call.api)}, headers=headers)).read())",
        "END",
    ]


def show_identity_example(terminal: Terminal, call: Call, identity_resource: IdentityResource) -> None:
    """Approach 1: from inside the resource."""
    terminal.result(Text(f"Call the MCT API from inside {identity_resource.display_name}", style="head"))
    terminal.result(f"  resource        {call.audience}")
    terminal.result(f"  header          {HEADER}")
    script(terminal, identity_example(call, identity_resource))


def identity_example(call: Call, identity_resource: IdentityResource) -> list[str]:
    """The same from a resource with a managed identity: no secret at all.

    Source: learn.microsoft.com/azure/app-service/overview-managed-identity (REST endpoint reference),
    learn.microsoft.com/azure/container-apps/managed-identity and learn.microsoft.com/entra/identity/
    managed-identities-azure-resources/how-to-use-vm-token.
    """
    kind = identity_resource.resource.type
    if kind == LOGIC_APPS:
        return [
            f"HTTP action: GET {call.api}, header {HEADER},",
            f"authentication type Managed identity, audience {call.audience}",
        ]
    which = f"&mi_res_id={in_query(str(identity_resource.resource))}" if kind == USER_ASSIGNED_IDENTITIES else ""
    query = f"resource={in_query(call.audience)}{which}"
    if identity_resource.resource.is_site or kind == CONTAINER_APPS:
        endpoint = f'"$IDENTITY_ENDPOINT?api-version=2019-08-01&{query}"'
        request = f'curl -sS -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" {endpoint}'
    else:
        endpoint = f"'http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&{query}'"
        request = f"curl -sS -H Metadata:true {endpoint}"
    return [f"TOKEN=$({request} | {PICK_TOKEN})", *call_lines(call)]


def what_to_ask(terminal: Terminal, call: Call) -> None:
    """What a token is asked for, where, and the header that goes with it."""
    terminal.result(f"  token endpoint  {call.token_endpoint}")
    terminal.result(f"  scope           {call.audience}/.default")
    terminal.result(f"  header          {HEADER}")


PICK_TOKEN = "python3 -c 'import json,sys; print(json.load(sys.stdin)[\"access_token\"])'"  # noqa: S105  # takes one out of an answer


def call_lines(call: Call) -> list[str]:
    """The token goes in by standard input: an argument list can be read by every process."""
    return [f"printf 'Authorization: Bearer %s' \"$TOKEN\" | curl -sS -i -H @- -H '{HEADER}' {shlex.quote(call.api)}"]


def read_dotenv(dotenv: str) -> str:
    """The line that reads a file of variables."""
    return f"set -a; . {shlex.quote(dotenv)}; set +a"


def export(**variables: str) -> str:
    """The line that sets variables."""
    return " ".join(["export", *(f"{name}={shlex.quote(value)}" for name, value in variables.items())])


def export_authority(call: Call) -> list[str]:
    """The line that sets the login host, where it is not the public cloud's."""
    return [] if call.login == PUBLIC_LOGIN else [export(AZURE_AUTHORITY_HOST=call.login)]


def in_query(value: str) -> str:
    """A value in a query or a form; nothing that a shell looks at between quotation marks is left in it."""
    return quote(value, safe=":/-._~", errors="replace")


def literal(value: str | dict[str, str]) -> str:
    """JSON, which is also Python and YAML."""
    return json.dumps(value, ensure_ascii=False)


def script(terminal: Terminal, lines: list[str]) -> None:
    """Without indentation: what is pasted with it never comes to the end of its here-document, nor is it Python."""
    for line in lines:
        terminal.result(Text(line, style="command"))
    terminal.result()
