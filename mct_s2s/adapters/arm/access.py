"""What the caller may do to a resource, asked of Azure Resource Manager.

Sources: learn.microsoft.com/rest/api/authorization/permissions/list-for-resource, /deny-assignments/list-for-scope;
learn.microsoft.com/rest/api/resources/management-locks/list-by-scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mct_s2s.adapters.arm.session import ArmSession
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.rights import Denial, Lock, Permission

AUTHORIZATION = "/providers/Microsoft.Authorization"
AUTHORIZATION_API = "2022-04-01"
LOCKS_API = "2020-05-01"
READ = "find out what you may do"


class ArmAccess:
    """Azure Resource Manager as `mct_s2s.ports.ResourceAccess`."""

    def __init__(self, session: ArmSession) -> None:
        self._session = session

    async def permissions(self, resource: ResourceId) -> tuple[Permission, ...]:
        """GET …/permissions: of the caller, whoever that is."""
        return tuple(_permission(row) for row in await self._rows(resource, "permissions", AUTHORIZATION_API))

    async def locks(self, resource: ResourceId) -> tuple[Lock, ...]:
        """GET …/locks, without those that only bind what lies below."""
        locks = [_lock(row) for row in await self._rows(resource, "locks", LOCKS_API)]
        here = f"{str(resource).lower()}/"
        return tuple(lock for lock in locks if here.startswith(f"{lock.scope.lower().rstrip('/')}/"))

    async def denials(self, resource: ResourceId) -> tuple[Denial, ...]:
        """GET …/denyAssignments."""
        rows = await self._rows(resource, "denyAssignments", AUTHORIZATION_API)
        return tuple(denial for row in rows for denial in _denials(row, resource))

    async def _rows(self, resource: ResourceId, kind: str, version: str) -> list[Mapping[str, Any]]:
        page = await self._session.get(f"{resource}{AUTHORIZATION}/{kind}", version, READ)
        return list(page.get("value") or ())


def _permission(row: Mapping[str, Any]) -> Permission:
    return Permission(
        tuple(row.get("actions") or ()), tuple(row.get("notActions") or ()), is_conditional=bool(row.get("condition"))
    )


def _lock(row: Mapping[str, Any]) -> Lock:
    identifier = str(row["id"])
    scope = identifier[: identifier.lower().rfind(AUTHORIZATION.lower())]
    return Lock(str(row["name"]), scope, str(row["properties"]["level"]).lower() == "readonly")


def _denials(row: Mapping[str, Any], resource: ResourceId) -> list[Denial]:
    properties: Mapping[str, Any] = row["properties"]
    scope = str(properties.get("scope") or "").rstrip("/").lower()
    if properties.get("doNotApplyToChildScopes") and scope != str(resource).lower():
        return []
    return [
        Denial(
            str(properties.get("denyAssignmentName") or row.get("name") or ""),
            _permission(permission),
            _ids(properties.get("principals")),
            _ids(properties.get("excludePrincipals")),
            any(str(spared.get("type")).lower() == "group" for spared in properties.get("excludePrincipals") or ()),
        )
        for permission in properties.get("permissions") or ()
    ]


def _ids(principals: Any) -> frozenset[str]:
    return frozenset(str(principal["id"]).lower() for principal in principals or ())
