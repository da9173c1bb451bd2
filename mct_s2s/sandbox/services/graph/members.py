"""A list of a directory object, read on its own: `GET /applications/{id}/appRoles`.

Source: docs/azure-contract.md, 3.11.
"""

from __future__ import annotations

from mct_s2s.sandbox.services.answer import Answer
from mct_s2s.sandbox.services.graph.call import GraphCall, GraphOperation


def _read(template: str, kind: str, name: str) -> GraphOperation:
    def read(call: GraphCall) -> Answer:
        call.require("application.read")
        found = call.found(call.table(kind))
        context = f"{call.root}/$metadata#{kind}s('{found['id']}')/{name}"
        return Answer(200, {"@odata.context": context, "value": found[name]})

    return GraphOperation("GET", f"{template}/{name}", read, "docs/azure-contract.md, 3.11")


MEMBER_OPERATIONS = (
    _read("{application}", "application", "appRoles"),
    _read("{principal}", "servicePrincipal", "appRoles"),
    _read("{principal}", "servicePrincipal", "oauth2PermissionScopes"),
)
