"""What is in the recycle bin and is wanted: it counts only where something is missing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.request import Request
from mct_s2s.errors import S2SError
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import api_uri, client_unique_name, is_guid, same_id
from mct_s2s.model.site_settings import AppSettings
from mct_s2s.model.trust import Trust
from mct_s2s.planning.registrations.application_uri import holder_of_uri, uri_in_use
from mct_s2s.planning.registrations.restoring import deleted_client, deleted_service, is_called
from mct_s2s.planning.removing.removal_targets import made_for
from mct_s2s.ports.graph import Directory


class RecycleBin:
    """The directory's recycle bin, read once.

    A command that may make a registration asks early, beside the first reading: it is a round trip less where something
    is missing. What comes of that, a refusal too, concerns only those who look.
    """

    def __init__(self, directory: Directory, *, early: bool) -> None:
        self._directory = directory
        self._reading: asyncio.Task[list[Application]] | None = None
        if early:
            self._reading = asyncio.ensure_future(directory.deleted_applications())

    async def close(self) -> None:
        """Forget it."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def applications(self) -> list[Application]:
        """The deleted registrations."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._directory.deleted_applications())
        return await self._reading

    async def service(self, request: Request, settings: AppSettings) -> Application | None:
        """The service application, for a command that would make one."""
        if request.removed_clients or request.everything:
            return None
        return deleted_service(request.adopt, request.unique_name, settings, await self.applications())

    async def holds(self, named: str) -> bool:
        """Whether a registration that was asked for by name is here."""
        return any(is_called(row, named) for row in await self.applications())

    async def of(self, trust: Trust, request: Request, base: str, settings: AppSettings) -> tuple[Application, ...]:
        """Everything deleted that the trust lacks, or that is in its way."""
        if request.everything:
            return ()
        if request.removed_clients:
            return await self._left(trust, request, base)
        missing = [name for name in request.clients if not _is_there(name, base, trust)]
        wanted: list[Application | None] = []
        if trust.service is None:
            wanted.append(await self.service(request, settings))
        elif not _has_uri(trust.service, request, settings):
            uri = api_uri(trust.service.client_id)
            wanted.append(holder_of_uri(uri, await self.applications(), but=trust.service.client_id))
        if missing:
            rows = await self.applications()
            wanted += await gather_or_cancel(
                *(self._with_certificates(deleted_client(name, base, rows)) for name in missing)
            )
        return tuple(dict.fromkeys(row for row in wanted if row is not None))

    async def _with_certificates(self, row: Application | None) -> Application | None:
        """A client, whose certificate may be the one in its store."""
        whole = await self._directory.deleted_application(row.object_id) if row is not None else None
        return replace(row, credentials=whole.credentials) if row is not None and whole is not None else row

    async def _left(self, trust: Trust, request: Request, base: str) -> tuple[Application, ...]:
        """Clients that were to leave and have: an earlier run has deleted their registrations."""
        missing = [name for name in request.removed_clients if not _is_there(name, base, trust)]
        try:
            rows = await self.applications() if missing else []
        except S2SError:
            return ()  # a caller who can't look there is told that there is no such client
        found = (deleted_client(name, base, rows) for name in missing)
        return tuple(row for row in found if row is not None and made_for(row, base))

    async def with_principals(self, trust: Trust, request: Request, base: str) -> Trust:
        """The trust with the deleted service principals of whatever lacks one."""
        if request.removed_clients or request.everything:
            return trust
        client_ids = [row.client_id for row in trust.deleted]
        if trust.service is not None and trust.principal is None:
            client_ids.append(trust.service.client_id)
        names = {client_unique_name(base, name) for name in request.clients} | {
            name.lower() for name in request.clients
        }
        client_ids += [
            client.client_id
            for client in trust.clients
            if client.principal is None
            and client.application is not None
            and not names.isdisjoint({client.client_id.lower(), client.application.unique_name})
        ]
        found = await self._directory.deleted_principals(dict.fromkeys(client_ids)) if client_ids else []
        return replace(trust, deleted_principals=tuple(found))


def _is_there(name: str, base: str, trust: Trust) -> bool:
    if is_guid(name):
        return any(same_id(c.client_id, name) and c.application is not None for c in trust.clients)
    made = trust.client_of_unique_name(client_unique_name(base, name))
    return made is not None or any(c.display_name.casefold() == name.casefold() for c in trust.clients)


def _has_uri(application: Application, request: Request, settings: AppSettings) -> bool:
    return uri_in_use(application, settings, request.adopt) is not None
