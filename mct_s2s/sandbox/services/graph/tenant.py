"""Graph's operations on the tenant as a whole: organisation, people and their roles, what was
deleted, policies.

Directory roles are listed by the cast of memberships, and by role assignments. Sources: graph:
api/organization-list, api/user-get, api/directory-deleteditems-list,
api/tenantappmanagementpolicy-get, api/directoryobject-getbyids, api/user-list-transitivememberof,
concepts/aad-advanced-queries, api/rbacapplication-list-roleassignments,
api/rbacapplication-list-transitiveroleassignments (in beta alone); docs/azure-contract.md, section
3.9.
"""

import re
from typing import Any

from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.core.wire_errors import WireError, graph_error, service_error
from mct_s2s.sandbox.entra.access import permissions
from mct_s2s.sandbox.entra.access.permissions import assignments_of, roles_of
from mct_s2s.sandbox.entra.registrations import service_principals
from mct_s2s.sandbox.entra.table import Object, Table
from mct_s2s.sandbox.entra.validation import bad_request, is_guid, json_object
from mct_s2s.sandbox.services.graph.call import NO_CONTENT, GraphCall, not_found, operations
from mct_s2s.sandbox.services.graph.objects import kind_of, owned_by, typed
from mct_s2s.sandbox.services.graph.odata import selected

_OF_ONE = re.compile(r"\s*principalId eq '([0-9a-fA-F-]{36})'\s*")
_CAST = "microsoft.graph.directoryRole"


def listed_roles(call: GraphCall, held: list[Object]) -> Answer:
    """Answer with the activated built-in roles at the tenant's scope.

    The cast is an advanced query.
    """
    if call.path.endswith(_CAST):
        _require_advanced(call)
        status = call.directory.variations.role_cast_status
        if status == 500:
            raise graph_error(500, "InternalServerError", "Internal server error.")
        if status:
            raise _unsupported()
    return _page(call, "directoryObjects", held)


def _list_assignments(call: GraphCall) -> Answer:
    call.require("roles.read")
    return _assignments(call, "roleAssignments", transitive=False)


def _list_transitive(call: GraphCall) -> Answer:
    if not _is_eventual(call):
        raise service_error("UnknownError")  # by its page
    _require_advanced(call)
    call.require("roles.read")
    if call.directory.variations.role_assignments_hidden and not permissions.has_any_role(
        call.caller
    ):
        raise permissions.denied()
    return _assignments(call, "transitiveRoleAssignments", transitive=True)


def _assignments(call: GraphCall, collection: str, *, transitive: bool) -> Answer:
    match = _OF_ONE.fullmatch(call.query.get("$filter", ""))
    if match is None:
        raise graph_error(
            501, "NotImplemented", "The sandbox lists role assignments by principalId only."
        )
    held = assignments_of(call.directory, match.group(1), transitive=transitive)
    if "$expand" not in call.query:
        held = [
            {name: value for name, value in assignment.items() if name != "roleDefinition"}
            for assignment in held
        ]
    return _page(call, f"roleManagement/directory/{collection}", held)


def _page(call: GraphCall, context: str, held: list[Object]) -> Answer:
    count = {"@odata.count": len(held)} if call.query.get("$count", "").lower() == "true" else {}
    return Answer(
        200, {"@odata.context": f"{call.root}/$metadata#{context}", **count, "value": held}
    )


def _is_eventual(call: GraphCall) -> bool:
    return call.headers.get("consistencylevel", "").lower() == "eventual"


def _require_advanced(call: GraphCall) -> None:
    if not _is_eventual(call) or call.query.get("$count", "").lower() != "true":
        raise _unsupported()


def _unsupported() -> WireError:
    return graph_error(400, "Request_UnsupportedQuery", "Unsupported Query.")


_DIRECTORY = "roleManagement/directory"
BETA_OPERATIONS = operations(
    (
        "GET",
        f"{_DIRECTORY}/transitiveRoleAssignments",
        _list_transitive,
        "api/rbacapplication-list-transitiveroleassignments",
        "stub",
    ),
)


def _organizations(call: GraphCall) -> Answer:
    call.require("organization.read")
    return call.listed("organization", "organization", [call.directory.tenant.organization()])


def _organization(call: GraphCall) -> Answer:
    call.require("organization.read")
    if call.params["tenant"].lower() != call.directory.tenant_id:
        raise not_found(call.params["tenant"])
    return call.single("organization", "organization", call.directory.tenant.organization())


def _signed_in(call: GraphCall) -> Object:
    if not call.caller.scopes:
        raise graph_error(
            400, "BadRequest", "/me request is only valid with delegated authentication flow."
        )
    user = call.directory.users.seen(call.caller.object_id)
    if user is None:
        raise not_found(call.caller.object_id)
    return user


def _me(call: GraphCall) -> Answer:
    return call.single("user", "users", _signed_in(call))


def _my_roles(call: GraphCall) -> Answer:
    return listed_roles(
        call, roles_of(call.directory, _signed_in(call), transitive="transitive" in call.path)
    )


def _my_applications(call: GraphCall) -> Answer:
    me = _signed_in(call)["id"]
    return call.listed("application", "applications", owned_by(call.directory.applications, me))


def _users(call: GraphCall) -> Answer:
    call.require("user.read")
    return call.listed("user", "users", call.directory.users)


def _user(call: GraphCall) -> Answer:
    call.require("user.read")
    name = call.params["user"]
    user = call.directory.users.seen(name) or call.directory.users.first_seen_by(
        "userPrincipalName", name
    )
    if user is None:
        raise not_found(name)
    return call.single("user", "users", user)


_KINDS = {"application": "applications", "servicePrincipal": "service_principals", "user": "users"}


def _tables(call: GraphCall, kinds: Any = None) -> list[Table]:
    return [
        getattr(call.directory, name) for kind, name in _KINDS.items() if not kinds or kind in kinds
    ]


def _by_ids(call: GraphCall) -> Answer:
    call.require("directory.read")
    body = call.body
    ids = body.get("ids") if isinstance(body, dict) else None
    if (
        not isinstance(ids, list)
        or not ids
        or not all(is_guid(object_id) for object_id in ids)
        or len(ids) > 1000
    ):
        raise bad_request(
            "Invalid value specified for parameter 'ids': 1 to 1000 object ids are expected."
        )
    kinds = body.get("types") or []
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise bad_request(
            "Invalid value specified for parameter 'types': an array of Edm.String is expected."
        )
    matches = [
        typed(hit)
        for table in _tables(call, kinds)
        for hit in map(table.seen, ids)
        if hit is not None
    ]
    return Answer(
        200, {"@odata.context": f"{call.root}/$metadata#directoryObjects", "value": matches}
    )


def _directory_object(call: GraphCall) -> Answer:
    call.require("directory.read")
    for table in _tables(call):
        target = table.seen(call.params["object"])
        if target is not None:
            return Answer(
                200,
                {
                    "@odata.context": f"{call.root}/$metadata#directoryObjects/$entity",
                    **typed(target),
                },
            )
    raise not_found(call.params["object"])


def _reading_deleted(call: GraphCall) -> str:
    """Return what reading the recycle bin takes: docs/azure-contract.md, section 3.8."""
    return (
        "application.read" if call.directory.variations.recycle_bin_for_members else "deleted.read"
    )


def _deleted_kind(call: GraphCall) -> Answer:
    call.require(_reading_deleted(call))
    kind = call.params["kind"]
    if kind not in {"application", "servicePrincipal"}:
        raise graph_error(
            501, "NotImplemented", f"The sandbox keeps no deleted objects of type {kind}."
        )
    table = _tables(call, [kind])[0]
    return call.listed(kind, f"{kind}s", [_as_deleted(call, item) for item in table.deleted()])


def _as_deleted(call: GraphCall, value: Object) -> Object:
    """Return a deleted object, with or without its `uniqueName`: docs/azure-contract.md, section
    3.8.
    """
    hidden = call.directory.variations.deleted_without_unique_name and "uniqueName" in value
    return {**value, "uniqueName": None} if hidden else value


def _deleted(call: GraphCall) -> tuple[Table, Object]:
    object_id = call.params["object"]
    for table in (call.directory.applications, call.directory.service_principals):
        item = table.seen_deleted(object_id)
        if item is not None:
            return table, item
    raise not_found(object_id)


def _get_deleted(call: GraphCall) -> Answer:
    _, item = _deleted(call)
    call.require(_reading_deleted(call), item)
    select = selected(kind_of(item), call.query.get("$select"))
    fields = f"({','.join(select)})" if select else ""
    context = f"{call.root}/$metadata#directoryObjects{fields}/$entity"
    return Answer(200, {"@odata.context": context, **typed(_as_deleted(call, item), select)})


def _restore(call: GraphCall) -> Answer:
    table, item = _deleted(call)
    call.require("application.write", item)
    if table is call.directory.service_principals:
        service_principals.check_restorable(call.directory, item)
    newest = table.latest(item["id"])
    if newest is None or not newest["deletedDateTime"]:
        raise not_found(item["id"])
    restored = table.put({**newest, "deletedDateTime": None})
    if table is call.directory.service_principals:
        restored = service_principals.catch_up(call.directory, restored)
    return Answer(
        200,
        {"@odata.context": f"{call.root}/$metadata#directoryObjects/$entity", **typed(restored)},
    )


def _purge(call: GraphCall) -> Answer:
    _, item = _deleted(call)
    call.require("application.delete", item)
    service_principals.purge(call.directory, item["id"])
    return NO_CONTENT


def _policy(call: GraphCall) -> Answer:
    call.require("policy.read")
    context = f"{call.root}/$metadata#policies/defaultAppManagementPolicy/$entity"
    return Answer(200, {"@odata.context": context, **call.directory.policies.document})


def _patch_policy(call: GraphCall) -> Answer:
    permissions.require(call.directory, call.caller, "policy.write")
    sent = json_object(call.body)
    call.directory.policies.change({name: value for name, value in sent.items() if "@" not in name})
    return NO_CONTENT


_DELETED = "directory/deletedItems"

OPERATIONS = operations(
    ("GET", "organization", _organizations, "api/organization-list"),
    ("GET", "organization/{tenant}", _organization, "api/organization-get"),
    ("GET", "me", _me, "api/user-get"),
    ("GET", "me/memberOf", _my_roles, "api/user-list-memberof"),
    ("GET", "me/transitiveMemberOf", _my_roles, "api/user-list-transitivememberof"),
    (
        "GET",
        "me/transitiveMemberOf/microsoft.graph.directoryRole",
        _my_roles,
        "api/user-list-transitivememberof",
    ),
    (
        "GET",
        "me/ownedObjects/microsoft.graph.application",
        _my_applications,
        "api/user-list-ownedobjects",
    ),
    ("GET", "users", _users, "api/user-list"),
    ("GET", "users/{user}", _user, "api/user-get"),
    ("POST", "directoryObjects/getByIds", _by_ids, "api/directoryobject-getbyids"),
    ("GET", "directoryObjects/{object}", _directory_object, "api/directoryobject-get"),
    (
        "GET",
        f"{_DELETED}/microsoft.graph.{{kind}}",
        _deleted_kind,
        "api/directory-deleteditems-list",
    ),
    # The SDKs write the schema's alias.
    ("GET", f"{_DELETED}/graph.{{kind}}", _deleted_kind, "api/directory-deleteditems-list"),
    ("GET", f"{_DELETED}/{{object}}", _get_deleted, "api/directory-deleteditems-get"),
    ("POST", f"{_DELETED}/{{object}}/restore", _restore, "api/directory-deleteditems-restore"),
    ("DELETE", f"{_DELETED}/{{object}}", _purge, "api/directory-deleteditems-delete"),
    ("GET", "policies/defaultAppManagementPolicy", _policy, "api/tenantappmanagementpolicy-get"),
    (
        "PATCH",
        "policies/defaultAppManagementPolicy",
        _patch_policy,
        "api/tenantappmanagementpolicy-update",
    ),
    (
        "GET",
        f"{_DIRECTORY}/roleAssignments",
        _list_assignments,
        "api/rbacapplication-list-roleassignments",
        "stub",
    ),
)
