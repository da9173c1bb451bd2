"""Everything on the page, by the names that the template uses."""

from __future__ import annotations

from typing import Any

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.observability.observability import Observability
from mct_s2s.sandbox.services.page import directory_rows, request_rows, resource_rows
from mct_s2s.sandbox.state.state import SandboxState


def of(state: SandboxState, addresses: Addresses, observability: Observability) -> dict[str, Any]:
    """Return the state as rows, without a secret."""
    directory, resources = state.directory, state.resources
    names = directory_rows.Names(directory)
    return {
        "tenant": directory.tenant,
        "services": {"Sign-in": addresses.login, "Resource Manager": addresses.arm, "Microsoft Graph": addresses.graph},
        "requests": request_rows.requests(observability.log, names),
        "leaks": request_rows.leaks(observability.watch),
        "faults": request_rows.faults(observability.faults),
        "sites": resource_rows.sites(resources, addresses),
        "secrets": resource_rows.secrets(resources),
        "locks": resource_rows.locks(resources),
        "azure_roles": resource_rows.roles(resources, names),
        "registrations": directory_rows.registrations(directory),
        "principals": directory_rows.principals(directory),
        "grants": directory_rows.grants(directory, names),
    }
