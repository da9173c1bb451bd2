"""What the caller may do in the directory. Tokens are never read: to clients they are opaque.

Sources: learn.microsoft.com/graph/api/user-list-transitivememberof, /serviceprincipal-list-approleassignments,
/serviceprincipal-list-ownedobjects, /tenantappmanagementpolicy-get, /rbacapplication-list-transitiveroleassignments.
"""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from mct_s2s.azure.answers import Json, Parse, guid, members, rows, text
from mct_s2s.azure.graph import parse
from mct_s2s.azure.graph.session import ADVANCED, GraphSession
from mct_s2s.azure.refusals import GraphOperation
from mct_s2s.concurrency import ReadOnce
from mct_s2s.errors import ServiceError
from mct_s2s.model.caller_rights import SecretRule, SignedIn
from mct_s2s.model.duration import read_duration
from mct_s2s.model.ids import ApplicationObjectId, PrincipalId
from mct_s2s.planning.permissions.rights import GRAPH_PERMISSIONS

T = TypeVar("T")
READ_RIGHTS = GraphOperation.READ_RIGHTS
ROLE = "#microsoft.graph.directoryRole"
CAST_REFUSED = frozenset({400, 500})
"""What the cast is answered where it is not possible. Source: docs/azure-contract.md, section 3.9."""


class CallerRequests(GraphSession):
    """`None` is the answer about an application that no one knows by its appId: it may not ask about `/me`."""

    @property
    def _own(self) -> str:
        client_id = self.credential.signed_in.client_id
        return f"/servicePrincipals(appId='{client_id}')" if client_id else "/me"

    async def caller(self) -> SignedIn:
        is_person, signed_in = self._own == "/me", self.credential.signed_in
        name = "userPrincipalName" if is_person else "displayName"

        def read(row: Json) -> SignedIn:
            object_id = PrincipalId(guid(row["id"]))
            return replace(signed_in, id=object_id, name=text(row.get(name)) or object_id, is_person=is_person)

        return await self._read(f"{self._own}?$select=id,{name}", read) or signed_in

    async def caller_roles(self) -> frozenset[str] | None:
        """Also through a group. Some callers are refused the cast, an advanced query: then all are read."""

        def read(row: Json) -> str:
            return text(row["roleTemplateId"]).lower() if row.get("@odata.type", ROLE) == ROLE else ""

        path = f"{self._own}/transitiveMemberOf"
        try:
            held = await self._rows(f"{path}/microsoft.graph.directoryRole?$count=true", read, headers=ADVANCED)
        except ServiceError as error:
            if error.status not in CAST_REFUSED:
                raise
            held = await self._rows(path, read)
        return None if held is None else frozenset(held) - {""}

    async def role_assignments(self, principal: PrincipalId) -> list[tuple[str, str]]:
        """Role (a built-in one's template id, in lower case) and scope, `/` everywhere. Graph has it in beta only."""
        path = f"roleManagement/directory/transitiveRoleAssignments?$count=true&$filter=principalId eq '{principal}'"

        def read(row: Json) -> tuple[str, str]:
            return text(row["roleDefinitionId"]).lower(), text(row["directoryScopeId"])

        return await self._rows(f"{self.base.removesuffix('v1.0')}beta/{path}", read, headers=ADVANCED) or []

    async def caller_permissions(self) -> frozenset[str] | None:
        """Those of Microsoft Graph that count, whose ids are the same in every tenant."""
        if self._own == "/me":
            return None
        held = await self._rows(f"{self._own}/appRoleAssignments?$top=999", lambda row: guid(row["appRoleId"]))
        return frozenset(name for name, role in GRAPH_PERMISSIONS.items() if role in (held or ()))

    async def owned(self) -> frozenset[ApplicationObjectId] | None:
        path = f"{self._own}/ownedObjects/microsoft.graph.application?$select=id&$top=999"
        ask = partial(self.rows, path, READ_RIGHTS, lambda row: ApplicationObjectId(guid(row["id"])))
        found = await self._known(self._owned, path, ask)
        return None if found is None else frozenset(found)

    async def secret_rules(self) -> tuple[SecretRule, ...]:
        def read(policy: Json) -> tuple[SecretRule, ...]:
            return _rules(members(policy.get("applicationRestrictions"))) if policy.get("isEnabled") else ()

        return await self._read("/policies/defaultAppManagementPolicy", read) or ()

    async def secret_rules_of(self, object_id: ApplicationObjectId) -> tuple[SecretRule, ...] | None:
        """Where there is one, it goes before the tenant's."""

        def read(page: Json) -> tuple[SecretRule, ...] | None:
            found = (members(one.get("restrictions")) for one in rows(page.get("value")) if one.get("isEnabled"))
            return next((_rules(one) for one in found if one.get("passwordCredentials") is not None), None)

        return await self._read(f"/applications/{object_id}/appManagementPolicies", read)

    async def _read(self, path: str, parse: Parse[T]) -> T | None:
        return await self._known(self.once, path, partial(self.read, path, READ_RIGHTS, parse))

    async def _rows(self, path: str, parse: Parse[T], **options: Any) -> list[T] | None:
        ask = partial(self.rows, path, READ_RIGHTS, parse, **options)
        return await self._known(self.once, path, ask)

    async def _known(self, answers: ReadOnce[T], path: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        try:
            return await answers.get(path, ask)
        except ServiceError as error:
            if error.status == 400 and path.startswith("/me"):
                return None
            raise


def _rules(restrictions: Json) -> tuple[SecretRule, ...]:
    """Secrets' rules that are in force. One that spares some callers may spare this one: the real request tells."""
    found = []
    for rule in rows(restrictions.get("passwordCredentials")):
        spares = members(rule.get("excludeActors")).get("customSecurityAttributes")
        if rule.get("state", "enabled") != "enabled" or spares:
            continue
        longest = read_duration(text(rule.get("maxLifetime")))
        created = parse.optional_moment(rule.get("restrictForAppsCreatedAfterDateTime"))
        if rule.get("restrictionType") == "passwordAddition":
            found.append(SecretRule(timedelta(0), created))
        elif rule.get("restrictionType") == "passwordLifetime" and longest is not None:
            found.append(SecretRule(longest.length, created))
    return tuple(found)
