"""Find out what the caller may do, beside everything else that is looked at.

The answers only warn: what cannot be read is unknown, and no one waits long for it once the rest has been seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar

from mct_s2s.concurrency import end_all, gather_or_cancel
from mct_s2s.engine.session import Azure
from mct_s2s.errors import S2SError
from mct_s2s.model.caller_rights import CallerRights, DirectoryRights, ScopeRights, SecretRule
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.planning.permissions.rights import may_do_all

T = TypeVar("T")

GRACE_SECONDS = 5.0
"""How long these answers may come after all others."""


class AccessLook:
    """Asks at once for what concerns the directory, and for each resource as soon as it is named.

    Args:
        azure: the session.
        directory: whether the directory is asked at all.
    """

    def __init__(self, azure: Azure, *, directory: bool) -> None:
        self._azure = azure
        self._scopes: dict[str, asyncio.Task[ScopeRights]] = {}
        self._resources: list[ResourceId] = []
        self._directory: asyncio.Task[DirectoryRights] | None = None
        self._rules: asyncio.Task[tuple[SecretRule, ...] | None] | None = None
        if directory:
            self._directory = asyncio.ensure_future(self._in_directory())
            self._rules = asyncio.ensure_future(_or_unknown(azure.directory_access.secret_rules()))

    def at(self, resource: ResourceId) -> None:
        """Ask about one resource; a second time does nothing."""
        key = str(resource).lower()
        if key not in self._scopes:
            self._resources.append(resource)
            self._scopes[key] = asyncio.ensure_future(self._at(resource))

    def site(self, target: SiteTarget) -> ResourceId | None:
        """The id of a site by its name, once it has been asked about."""
        wanted = (target.name.casefold(), (target.slot or "").casefold())
        for resource in self._resources:
            if resource.is_site and (resource.names[0].casefold(), (resource.slot or "").casefold()) == wanted:
                return resource
        return None

    async def found(self) -> CallerRights:
        """What has been found out, a moment after everything else was seen."""
        tasks = self._tasks()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        return CallerRights(
            _result(self._directory, DirectoryRights(self._azure.directory_access.signed_in)),
            _result(self._rules, None),
            {key: _result(task, ScopeRights()) for key, task in self._scopes.items()},
        )

    async def __aenter__(self) -> AccessLook:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await end_all(self._tasks())

    def _tasks(self) -> list[asyncio.Task[Any]]:
        return [task for task in (self._directory, self._rules, *self._scopes.values()) if task is not None]

    async def _in_directory(self) -> DirectoryRights:
        directory = self._azure.directory_access
        (person, principal), (roles, permissions), owned = await gather_or_cancel(
            gather_or_cancel(_or_unknown(directory.person()), _or_unknown(directory.principal())),
            gather_or_cancel(_or_unknown(directory.roles()), _or_unknown(directory.permissions())),
            _or_unknown(directory.owned()),
        )
        rights = DirectoryRights(
            signed_in=directory.signed_in,
            person=person,
            principal_id=person.id if person else principal.id if principal else None,
            name=person.name if person else principal.display_name if principal else None,
            permissions=permissions,
            roles=roles,
            owned=owned,
            graph=directory.address,
        )
        if rights.principal_id is None or may_do_all(rights):
            return rights
        return replace(rights, assignments=await _or_unknown(directory.assignments(rights.principal_id)))

    async def _at(self, resource: ResourceId) -> ScopeRights:
        rights = self._azure.resource_access
        return ScopeRights(
            *await gather_or_cancel(_or_unknown(rights.permissions(resource)), _or_unknown(rights.locks(resource)))
        )


async def _or_unknown(question: Coroutine[Any, Any, T]) -> T | None:
    try:
        return await question
    except S2SError:
        return None


def _result(task: asyncio.Task[T] | None, otherwise: T) -> T:
    return task.result() if task is not None and task.done() and not task.cancelled() else otherwise
