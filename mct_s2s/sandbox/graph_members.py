"""A list that is part of a directory object, read alone: `GET /applications/{id}/appRoles`.

Source: docs/azure-contract.md, 3.1.
"""

from __future__ import annotations

from collections.abc import Callable

from mct_s2s.sandbox.directory.store import Directory
from mct_s2s.sandbox.directory.table import Table
from mct_s2s.sandbox.graph_call import Answer, GraphCall, Operation

SOURCE = "docs/azure-contract.md, 3.1"


def member_operations(
    template: str, collection: str, table: Callable[[Directory], Table], *names: str
) -> tuple[Operation, ...]:
    """Give the operations that read these lists of an object which `template` names."""
    return tuple(Operation("GET", f"{template}/{name}", _reads(collection, table, name), SOURCE) for name in names)


def _reads(collection: str, table: Callable[[Directory], Table], name: str) -> Callable[[GraphCall], Answer]:
    def read(call: GraphCall) -> Answer:
        call.require("application.read")
        found = call.found(table(call.directory))
        context = f"{call.root}/$metadata#{collection}('{found['id']}')/{name}"
        return Answer(200, {"@odata.context": context, "value": found[name]})

    return read
