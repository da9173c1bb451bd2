"""Directory roles of a principal in Graph: by the cast of memberships, and by role assignments.

Sources: graph: api/user-list-transitivememberof, concepts/aad-advanced-queries,
api/rbacapplication-list-roleassignments, api/rbacapplication-list-transitiveroleassignments (in beta alone);
docs/azure-contract.md, section 3.9.
"""

from __future__ import annotations

import re

from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.core.wire_errors import WireError, graph_error, service_error
from mct_s2s.sandbox.entra.access import permissions
from mct_s2s.sandbox.entra.access.directory_roles import assignments_of
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.services.graph.call import GraphCall, GraphOperation

_OF_ONE = re.compile(r"\s*principalId eq '([0-9a-fA-F-]{36})'\s*")
_CAST = "microsoft.graph.directoryRole"


def listed_roles(call: GraphCall, held: list[Object]) -> Answer:
    """Answer with the activated built-in roles at the tenant's scope. The cast is an advanced query."""
    if call.path.endswith(_CAST):
        _require_advanced(call)
        status = call.directory.variations.role_cast_status
        if status == 500:
            raise graph_error(500, "InternalServerError", "Internal server error.")
        if status:
            raise _unsupported()
    return _page(call, "directoryObjects", held)


def _list(call: GraphCall) -> Answer:
    call.require("roles.read")
    return _assignments(call, "roleAssignments", transitive=False)


def _list_transitive(call: GraphCall) -> Answer:
    if not _is_eventual(call):
        raise service_error("UnknownError")  # by its page
    _require_advanced(call)
    call.require("roles.read")
    if call.directory.variations.role_assignments_hidden and not permissions.has_any_role(call.caller):
        raise permissions.denied()
    return _assignments(call, "transitiveRoleAssignments", transitive=True)


def _assignments(call: GraphCall, collection: str, *, transitive: bool) -> Answer:
    match = _OF_ONE.fullmatch(call.query.get("$filter", ""))
    if match is None:
        raise graph_error(501, "NotImplemented", "The sandbox lists role assignments by principalId only.")
    held = assignments_of(call.directory, match.group(1), transitive=transitive)
    if "$expand" not in call.query:
        held = [{name: value for name, value in one.items() if name != "roleDefinition"} for one in held]
    return _page(call, f"roleManagement/directory/{collection}", held)


def _page(call: GraphCall, context: str, held: list[Object]) -> Answer:
    count = {"@odata.count": len(held)} if call.query.get("$count", "").lower() == "true" else {}
    return Answer(200, {"@odata.context": f"{call.root}/$metadata#{context}", **count, "value": held})


def _is_eventual(call: GraphCall) -> bool:
    return call.headers.get("consistencylevel", "").lower() == "eventual"


def _require_advanced(call: GraphCall) -> None:
    if not _is_eventual(call) or call.query.get("$count", "").lower() != "true":
        raise _unsupported()


def _unsupported() -> WireError:
    return graph_error(400, "Request_UnsupportedQuery", "Unsupported Query.")


_DIRECTORY = "roleManagement/directory"
OPERATIONS = (
    GraphOperation("GET", f"{_DIRECTORY}/roleAssignments", _list, "api/rbacapplication-list-roleassignments", "stub"),
)
BETA_OPERATIONS = (
    GraphOperation(
        "GET",
        f"{_DIRECTORY}/transitiveRoleAssignments",
        _list_transitive,
        "api/rbacapplication-list-transitiveroleassignments",
        "stub",
    ),
)
