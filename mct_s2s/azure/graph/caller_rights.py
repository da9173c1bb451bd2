"""What the caller is and may do in the directory.

Tokens are never read: to clients they are opaque.

An application whose appId is not known cannot ask about itself: `/me` is for people, so that these
functions return `None` for it.

Sources: learn.microsoft.com/graph/api/user-list-transitivememberof,
/serviceprincipal-list-approleassignments, /serviceprincipal-list-ownedobjects,
/tenantappmanagementpolicy-get, /rbacapplication-list-transitiveroleassignments.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mct_s2s.azure.answers import Json, Parse, guid, members, rows, text
from mct_s2s.azure.graph import parse, paths
from mct_s2s.azure.refusals import GraphOperation
from mct_s2s.concurrency import ReadOnce
from mct_s2s.errors import ServiceError
from mct_s2s.model.caller_rights import SecretRule, SignedIn
from mct_s2s.model.duration import read_duration
from mct_s2s.model.ids import ApplicationObjectId, PrincipalId
from mct_s2s.planning.permissions.rights import GRAPH_PERMISSIONS

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient

T = TypeVar("T")
READ_RIGHTS = GraphOperation.READ_RIGHTS
DIRECTORY_ROLE = "#microsoft.graph.directoryRole"
ADVANCED_QUERY = {"ConsistencyLevel": "eventual"}
"""Needed by `$count` and casts, for each page.

Source: learn.microsoft.com/graph/aad-advanced-queries.
"""
CAST_REFUSED = frozenset({400, 500})
"""What the cast is answered where it is not possible.

Source: docs/azure-contract.md, section 3.9.
"""
NO_HEADERS: Mapping[str, str] = {}


def _own_path(graph: "GraphClient") -> str:
    client_id = graph.credential.signed_in.client_id
    return f"/servicePrincipals(appId='{client_id}')" if client_id else "/me"


async def identity(graph: "GraphClient") -> SignedIn:
    """Who the caller is, with an id and a name where Graph tells."""
    path, signed_in = _own_path(graph), graph.credential.signed_in
    is_person = path == "/me"
    name = "userPrincipalName" if is_person else "displayName"

    def read(row: Json) -> SignedIn:
        object_id = PrincipalId(guid(row["id"]))
        return replace(
            signed_in, id=object_id, name=text(row.get(name)) or object_id, is_person=is_person
        )

    return await _read_once(graph, f"{path}?$select=id,{name}", read) or signed_in


async def directory_roles(graph: "GraphClient") -> frozenset[str] | None:
    """The template ids of the directory roles that the caller holds, also through a group.

    Some callers are refused the cast, an advanced query: then all memberships are read.
    """

    def read(row: Json) -> str:
        is_role = row.get("@odata.type", DIRECTORY_ROLE) == DIRECTORY_ROLE
        return text(row["roleTemplateId"]).lower() if is_role else ""

    path = f"{_own_path(graph)}/transitiveMemberOf"
    try:
        held = await _rows_once(
            graph, f"{path}/microsoft.graph.directoryRole?$count=true", read, ADVANCED_QUERY
        )
    except ServiceError as error:
        if error.status not in CAST_REFUSED:
            raise
        held = await _rows_once(graph, path, read)
    return None if held is None else frozenset(held) - {""}


async def role_assignments(graph: "GraphClient", principal: PrincipalId) -> list[tuple[str, str]]:
    """Each role (a built-in one's template id, in lower case) with its scope, `/` for everywhere.

    Beta only.
    """
    path = (
        "roleManagement/directory/transitiveRoleAssignments?$count=true&$filter=principalId eq "
        f"'{principal}'"
    )

    def read(row: Json) -> tuple[str, str]:
        return text(row["roleDefinitionId"]).lower(), text(row["directoryScopeId"])

    return (
        await _rows_once(
            graph, f"{graph.base.removesuffix('v1.0')}beta/{path}", read, ADVANCED_QUERY
        )
        or []
    )


async def permissions(graph: "GraphClient") -> frozenset[str] | None:
    """The application permissions of Microsoft Graph that count here; their ids are the same in
    every tenant.
    """
    path = _own_path(graph)
    if path == "/me":
        return None
    held = await _rows_once(
        graph, f"{path}/appRoleAssignments?$top=999", lambda row: guid(row["appRoleId"])
    )
    return frozenset(name for name, role in GRAPH_PERMISSIONS.items() if role in (held or ()))


async def owned_applications(graph: "GraphClient") -> frozenset[ApplicationObjectId] | None:
    path = f"{_own_path(graph)}/ownedObjects/microsoft.graph.application?$select=id&$top=999"
    ask = partial(graph.rows, path, READ_RIGHTS, lambda row: ApplicationObjectId(guid(row["id"])))
    owned = await _unless_unknown(graph.owned, path, ask)
    return None if owned is None else frozenset(owned)


async def secret_rules(graph: "GraphClient") -> tuple[SecretRule, ...]:
    """The rules for secrets of the tenant's default app management policy."""

    def read(policy: Json) -> tuple[SecretRule, ...]:
        return (
            _rules(members(policy.get("applicationRestrictions")))
            if policy.get("isEnabled")
            else ()
        )

    return await _read_once(graph, "/policies/defaultAppManagementPolicy", read) or ()


async def secret_rules_of(
    graph: "GraphClient", object_id: ApplicationObjectId
) -> tuple[SecretRule, ...] | None:
    """The rules of an application's own policy, which goes before the tenant's; `None`
    without one.
    """

    def read(page: Json) -> tuple[SecretRule, ...] | None:
        restrictions = (
            members(row.get("restrictions"))
            for row in rows(page.get("value"))
            if row.get("isEnabled")
        )
        return next(
            (_rules(each) for each in restrictions if each.get("passwordCredentials") is not None),
            None,
        )

    return await _read_once(graph, f"{paths.application(object_id)}/appManagementPolicies", read)


async def _read_once(graph: "GraphClient", path: str, parse: Parse[T]) -> T | None:
    return await _unless_unknown(graph.once, path, partial(graph.read, path, READ_RIGHTS, parse))


async def _rows_once(
    graph: "GraphClient", path: str, parse: Parse[T], headers: Mapping[str, str] = NO_HEADERS
) -> list[T] | None:
    ask = partial(graph.rows, path, READ_RIGHTS, parse, headers=headers)
    return await _unless_unknown(graph.once, path, ask)


async def _unless_unknown(
    answers: ReadOnce[T], path: str, ask: Callable[[], Coroutine[Any, Any, T]]
) -> T | None:
    """Ask once; `None` where Graph refuses `/me`, as the caller is an application whose appId is
    not known.
    """
    try:
        return await answers.get(path, ask)
    except ServiceError as error:
        if error.status == 400 and path.startswith("/me"):
            return None
        raise


def _rules(restrictions: Json) -> tuple[SecretRule, ...]:
    """The rules for secrets that are in force.

    A rule that spares some callers is left out, as it may spare this one: the real request tells.
    """
    in_force = []
    for rule in rows(restrictions.get("passwordCredentials")):
        spares_callers = members(rule.get("excludeActors")).get("customSecurityAttributes")
        if rule.get("state", "enabled") != "enabled" or spares_callers:
            continue
        longest = read_duration(text(rule.get("maxLifetime")))
        created = parse.optional_moment(rule.get("restrictForAppsCreatedAfterDateTime"))
        if rule.get("restrictionType") == "passwordAddition":
            in_force.append(SecretRule(timedelta(0), created))
        elif rule.get("restrictionType") == "passwordLifetime" and longest is not None:
            in_force.append(SecretRule(longest.length, created))
    return tuple(in_force)
