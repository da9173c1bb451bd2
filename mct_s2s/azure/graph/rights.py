"""What the caller may do in the directory, asked of Microsoft Graph. Tokens are never read: to clients they are opaque.

Sources: learn.microsoft.com/graph/api/user-list-transitivememberof, /serviceprincipal-list-approleassignments,
/serviceprincipal-list-ownedobjects, /tenantappmanagementpolicy-get, /rbacapplication-list-transitiveroleassignments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mct_s2s.azure.answers import guid, members, text
from mct_s2s.azure.answers import rows as rows_of
from mct_s2s.azure.graph import parse
from mct_s2s.azure.graph.session import ADVANCED, GraphSession
from mct_s2s.azure.refusals import GraphOperation
from mct_s2s.azure.services import GRAPH
from mct_s2s.concurrency import ReadOnce, gather_or_cancel
from mct_s2s.errors import ServiceError
from mct_s2s.model.caller_rights import Caller, RoleAssignment, SecretRule, SignedIn
from mct_s2s.model.duration import iso_duration
from mct_s2s.model.ids import ApplicationObjectId, PrincipalId
from mct_s2s.planning.permissions.rights import GRAPH_APP_ID

ROLE = "#microsoft.graph.directoryRole"
CAST_REFUSED = frozenset({400, 500})
"""What the cast is answered where it is not possible. Source: docs/azure-contract.md, section 3.9."""
NOT_A_PERSON = 400
"""What `/me` answers an application."""


class GraphAccess:
    """What the caller may do in the directory, found out by asking Microsoft Graph."""

    def __init__(self, session: GraphSession, signed_in: SignedIn, *, keep: bool = False) -> None:
        self._session = session
        self._signed_in = signed_in
        self._answers: ReadOnce[dict[str, Any] | None] = ReadOnce(keep=keep)
        self._lists: ReadOnce[list[Mapping[str, Any]] | None] = ReadOnce(keep=keep)
        self._owned: ReadOnce[list[Mapping[str, Any]] | None] = ReadOnce(keep=False)

    def shared(self) -> GraphAccess:
        """For all sites of a session: each answer is kept, but that of what the caller owns, which grows meanwhile."""
        return GraphAccess(self._session, self._signed_in, keep=True)

    @property
    def signed_in(self) -> SignedIn:
        """What is known without asking."""
        return self._signed_in

    @property
    def address(self) -> str:
        """Where the directory is asked: `https://graph.microsoft.com/v1.0`."""
        return self._session.base

    async def caller(self) -> Caller | None:
        """GET /me, or of an application that is known its service principal; none where no one can tell."""
        is_person = self._signed_in.client_id is None
        name = "userPrincipalName" if is_person else "displayName"
        try:
            row = await self._get(f"{self._own}?$select=id,{name}")
        except ServiceError as error:
            if is_person and error.status == NOT_A_PERSON:
                return None
            raise
        with GRAPH.readable(GraphOperation.READ_RIGHTS):
            return Caller(PrincipalId(guid(row["id"])), text(row.get(name)) or row["id"], is_person)

    async def roles(self) -> frozenset[str] | None:
        """GET …/transitiveMemberOf/microsoft.graph.directoryRole: those that come through a group, too.

        The cast is an advanced query, which some callers are refused: then it is everything, and looked through here.
        """
        path = f"{self._own}/transitiveMemberOf"
        try:
            rows = await self._rows(f"{path}/microsoft.graph.directoryRole?$count=true", advanced=True)
        except ServiceError as error:
            if error.status not in CAST_REFUSED:
                raise
            rows = await self._rows(path)
        with GRAPH.readable(GraphOperation.READ_RIGHTS):
            if rows is None:
                return None
            held = [row for row in rows if row.get("@odata.type", ROLE) == ROLE]
            return frozenset(text(row["roleTemplateId"]).lower() for row in held)

    async def assignments(self, principal: PrincipalId) -> tuple[RoleAssignment, ...]:
        """GET /beta/roleManagement/directory/transitiveRoleAssignments: Graph has it in no other version."""
        filtered = f"$count=true&$filter=principalId eq '{principal}'"
        path = f"/roleManagement/directory/transitiveRoleAssignments?{filtered}"
        rows = await self._rows(f"{self._session.base.removesuffix('v1.0')}beta{path}", advanced=True)
        with GRAPH.readable(GraphOperation.READ_RIGHTS):
            return tuple((text(row["roleDefinitionId"]).lower(), text(row["directoryScopeId"])) for row in rows or ())

    async def permissions(self) -> frozenset[str] | None:
        """GET …/appRoleAssignments, and what Microsoft Graph calls the roles in them."""
        if self._signed_in.client_id is None:
            return None
        graph, assigned = await gather_or_cancel(
            self._get(f"/servicePrincipals(appId='{GRAPH_APP_ID}')?$select=id,appRoles"),
            self._get(f"{self._own}/appRoleAssignments?$top=999"),
        )
        with GRAPH.readable(GraphOperation.READ_RIGHTS):
            own = guid(graph["id"]).lower()
            names = {guid(role["id"]).lower(): text(role["value"]) for role in rows_of(graph["appRoles"])}
            held = [row for row in rows_of(assigned["value"]) if guid(row["resourceId"]).lower() == own]
            return frozenset(names.get(guid(row["appRoleId"]).lower(), "") for row in held) - {""}

    async def owned(self) -> frozenset[ApplicationObjectId] | None:
        """GET …/ownedObjects/microsoft.graph.application."""
        path = f"{self._own}/ownedObjects/microsoft.graph.application?$select=id&$top=999"
        rows = await self._owned.get(path, lambda: self._listed(path))
        with GRAPH.readable(GraphOperation.READ_RIGHTS):
            return None if rows is None else frozenset(ApplicationObjectId(guid(row["id"])) for row in rows)

    async def secret_rules(self) -> tuple[SecretRule, ...]:
        """GET /policies/defaultAppManagementPolicy."""
        policy = await self._get("/policies/defaultAppManagementPolicy")
        if not policy.get("isEnabled"):
            return ()
        with GRAPH.readable(GraphOperation.READ_RIGHTS):
            return _rules(members(policy.get("applicationRestrictions")))

    async def secret_rules_of(self, object_id: ApplicationObjectId) -> tuple[SecretRule, ...] | None:
        """GET /applications/{id}/appManagementPolicies: where there is one, it goes before the tenant's."""
        page = await self._get(f"/applications/{object_id}/appManagementPolicies")
        with GRAPH.readable(GraphOperation.READ_RIGHTS):
            for policy in rows_of(page.get("value")):
                restrictions = members(policy.get("restrictions"))
                if policy.get("isEnabled") and restrictions.get("passwordCredentials") is not None:
                    return _rules(restrictions)
        return None

    @property
    def _own(self) -> str:
        """The path to the signed-in caller."""
        client_id = self._signed_in.client_id
        return f"/servicePrincipals(appId='{client_id}')" if client_id else "/me"

    async def _get(self, path: str) -> dict[str, Any]:
        answer = await self._answers.get(path, lambda: self._session.send("GET", path, GraphOperation.READ_RIGHTS))
        if answer is None:
            raise GRAPH.unreadable(GraphOperation.READ_RIGHTS)  # none of these has nothing to say
        return answer

    async def _rows(self, path: str, *, advanced: bool = False) -> list[Mapping[str, Any]] | None:
        return await self._lists.get(path, lambda: self._listed(path, advanced=advanced))

    async def _listed(self, path: str, *, advanced: bool = False) -> list[Mapping[str, Any]] | None:
        """All rows; none where an application that no one knows asks for itself."""
        try:
            return await self._session.rows(path, GraphOperation.READ_RIGHTS, headers=ADVANCED if advanced else {})
        except ServiceError as error:
            if error.status == NOT_A_PERSON and self._signed_in.client_id is None:
                return None
            raise


def _rules(restrictions: Mapping[str, Any]) -> tuple[SecretRule, ...]:
    """The rules about secrets that are in force, and that make no exception by an attribute.

    A rule that spares some callers may spare this one: then it is left to the real request to say so.
    """
    in_force = (
        rule
        for rule in rows_of(restrictions.get("passwordCredentials"))
        if rule.get("state", "enabled") == "enabled"
        and not members(rule.get("excludeActors")).get("customSecurityAttributes")
    )
    found = []
    for rule in in_force:
        since, longest = rule.get("restrictForAppsCreatedAfterDateTime"), iso_duration(text(rule.get("maxLifetime")))
        created = parse.moment(text(since)) if since else None
        if rule.get("restrictionType") == "passwordAddition":
            found.append(SecretRule(None, created))
        elif rule.get("restrictionType") == "passwordLifetime" and longest is not None:
            found.append(SecretRule(longest, created))
    return tuple(found)
