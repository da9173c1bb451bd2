"""What the caller may do to a resource, asked of Azure Resource Manager.

Sources: learn.microsoft.com/rest/api/authorization/permissions/list-for-resource;
learn.microsoft.com/rest/api/resources/management-locks/list-by-scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mct_s2s.azure.answers import text, texts
from mct_s2s.azure.arm.session import AUTHORIZATION, LOCKS, ArmSession, versioned
from mct_s2s.concurrency import ReadOnce, gather_or_cancel
from mct_s2s.errors import S2SError
from mct_s2s.model.caller_rights import Permission
from mct_s2s.model.resource_id import ResourceId

_PROVIDER = "/providers/Microsoft.Authorization"
READ = "check your permissions"


class ArmAccess:
    """What the caller may do to an Azure resource."""

    def __init__(self, session: ArmSession) -> None:
        self._session = session
        self._of_subscription: ReadOnce[list[str]] = ReadOnce()

    async def permissions(self, resource: ResourceId) -> tuple[Permission, ...]:
        """GET …/permissions: of the caller."""
        path = versioned(f"{resource}{_PROVIDER}/permissions", AUTHORIZATION)
        return tuple(await self._session.rows(path, READ, _permission))

    async def locks(self, resource: ResourceId) -> tuple[str, ...]:
        """GET …/locks: the read-only ones, without those of resources below it, as far as the caller may list them.

        A subscription's own locks are not documented to be in the list of a resource.
        """
        subscription = f"/subscriptions/{resource.subscription_id}"
        locks = await gather_or_cancel(
            self._locks(str(resource)),
            self._of_subscription.get(subscription.lower(), lambda: self._readable_locks(subscription)),
        )
        here, level = f"{str(resource).lower()}/", f"{_PROVIDER}/locks/".lower()
        above = (lock for some in locks for lock in some if here.startswith(f"{lock.lower().partition(level)[0]}/"))
        return tuple({lock.lower(): lock for lock in above}.values())

    async def _locks(self, scope: str) -> list[str]:
        path = versioned(f"{scope}{_PROVIDER}/locks", LOCKS)
        found = await self._session.rows(path, READ, lambda one: (text(one["id"]), text(one["properties"]["level"])))
        return [identifier for identifier, level in found if level.lower() == "readonly"]

    async def _readable_locks(self, scope: str) -> list[str]:
        try:
            return await self._locks(scope)
        except S2SError:
            return []


def _permission(row: Mapping[str, Any]) -> Permission:
    return Permission(
        texts(row.get("actions")), texts(row.get("notActions")), is_conditional=bool(row.get("condition"))
    )
