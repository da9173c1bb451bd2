"""A list of a directory object, read on its own: `GET /applications/{id}/appRoles`.

Source: docs/azure-contract.md, 3.11.
"""

from __future__ import annotations

from collections.abc import Callable

from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Table
from mct_s2s.sandbox.services.answer import Answer
from mct_s2s.sandbox.services.graph.call import GraphCall, GraphOperation

SOURCE = "docs/azure-contract.md, 3.11"


def _reads(collection: str, table: Callable[[Directory], Table], name: str) -> Callable[[GraphCall], Answer]:
    def read(call: GraphCall) -> Answer:
        call.require("application.read")
        found = call.found(table(call.directory))
        context = f"{call.root}/$metadata#{collection}('{found['id']}')/{name}"
        return Answer(200, {"@odata.context": context, "value": found[name]})

    return read


def _of_application(name: str) -> GraphOperation:
    read = _reads("applications", lambda directory: directory.applications, name)
    return GraphOperation("GET", f"{{application}}/{name}", read, SOURCE)


def _of_principal(name: str) -> GraphOperation:
    read = _reads("servicePrincipals", lambda directory: directory.service_principals, name)
    return GraphOperation("GET", f"{{principal}}/{name}", read, SOURCE)


MEMBER_OPERATIONS: tuple[GraphOperation, ...] = (
    _of_application("appRoles"),
    _of_principal("appRoles"),
    _of_principal("oauth2PermissionScopes"),
)
