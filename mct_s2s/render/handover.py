"""The values for whoever runs the App Service: the document's step 3, and no secret."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from mct_s2s.model.ids import DEFAULT_ROLE
from mct_s2s.model.observed import Observed
from mct_s2s.model.site_settings import (
    APPLICATION_IDS,
    AUDIENCE,
    ENABLED,
    OBJECT_IDS,
    ROLE,
    TENANT_ID,
    TENANT_NAME,
    AllowList,
)
from mct_s2s.planning.clients import members
from mct_s2s.planning.findings import uri_shown
from mct_s2s.render.console import Terminal


def handed_over(observed: Observed, role: str | None) -> dict[str, str]:
    """The seven settings as they have to be, those that do not apply left out."""
    service, tenant = observed.trust.service, observed.tenant
    values = {ENABLED: "true"}
    if service is not None:
        values[AUDIENCE] = uri_shown(service, observed) or ""
    if tenant is not None:
        values |= {TENANT_NAME: tenant.name, TENANT_ID: tenant.id}
    objects = AllowList("").with_ids(holder.principal_id or "" for holder in observed.holders).text
    clients = AllowList("").with_ids(client.client_id for client in members(observed)).text
    if objects:
        values[OBJECT_IDS] = objects
    if clients:
        values |= {APPLICATION_IDS: clients, ROLE: role or DEFAULT_ROLE}
    return values


def show_handover(terminal: Terminal, values: dict[str, str], file: str | None) -> None:
    """The settings as the portal's Configuration page takes them, and the command that does it."""
    terminal.result(Text("For whoever runs the App Service (Configuration, Application settings):", style="head"))
    table = Table.grid(padding=(0, 2))
    for name, value in values.items():
        table.add_row(Text(f"  {name}"), Text(value))
    terminal.out.print(table)
    command = f"mct-s2s configure-appservice -a APP_SERVICE --from {file}" if file else "then restart it."
    terminal.result(Text.assemble("  → ", (command, "command")))
