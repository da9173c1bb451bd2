"""The directory's recycle bin on Graph: what was deleted less than 30 days ago, restored or purged.

Sources: learn.microsoft.com/graph/api/directory-deleteditems-list, /directory-deleteditems-restore.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from kiota_abstractions.request_information import RequestInformation

from mct_s2s.activity import REPLICATION, waiting
from mct_s2s.azure.graph import parse
from mct_s2s.azure.graph.directory_requests import DirectoryRequests, lag_if, quoted, select
from mct_s2s.azure.refusals import GraphOperation, already_there
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import ServiceError
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId

RESTORE_ATTEMPTS = 8
"""Requests to restore one registration, 8 s in all."""
RESTORE_PAUSE = 0.3
"""Seconds, times the attempt's number: for so long a replica may not show what another has in its recycle bin."""


class RecycleBinRequests(DirectoryRequests):
    """Deleted registrations and service principals."""

    async def deleted_applications(self) -> list[Application]:
        """GET …/microsoft.graph.application, all of it: `uniqueName` is no filter there. No certificates."""
        builder = self._graph.directory.deleted_items.graph_application
        info = builder.to_get_request_information(select(parse.DELETED_FIELDS, top=999))
        found = parse.deleted_applications(await self._session.rows(info, GraphOperation.READ))
        return sorted(found, key=lambda one: (one.display_name, one.object_id))

    async def deleted_principals(self, client_ids: Iterable[ClientId]) -> list[ServicePrincipal]:
        """GET /directory/deletedItems/microsoft.graph.servicePrincipal?$filter=appId eq '…', one for each."""
        builder = self._graph.directory.deleted_items.graph_service_principal
        filters = [f"appId eq {quoted(one)}" for one in dict.fromkeys(entry.lower() for entry in client_ids)]
        pages = await gather_or_cancel(*(self._filtered(builder, text, parse.PRINCIPAL_FIELDS) for text in filters))
        return [parse.principal(row) for page in pages for row in page]

    async def restore_application(self, object_id: ApplicationObjectId) -> None:
        """POST /directory/deletedItems/{id}/restore; one that is there again already is no error."""
        builder = self._graph.applications.by_application_id(object_id)
        if not await self._restored(object_id, builder.to_get_request_information(select(["id"]))):
            raise ServiceError(
                "not-in-recycle-bin",
                f"The app registration {object_id} is no longer in the recycle bin: someone purged it.",
                remedy="Run the same command again to create a new one.",
                status=404,
            )

    async def restore_principal(self, principal: PrincipalId) -> bool:
        """POST /directory/deletedItems/{id}/restore; `False` where it is not, or no longer, in there."""
        builder = self._graph.service_principals.by_service_principal_id(principal)
        return await self._restored(principal, builder.to_get_request_information(select(["id"])))

    async def purge_application(self, object_id: ApplicationObjectId, *, is_new: bool) -> None:
        """DELETE /directory/deletedItems/{id}: permanently; one that is gone already is no error."""
        info = self._graph.directory.deleted_items.by_directory_object_id(object_id).to_delete_request_information()
        lag, lost = lag_if(is_new), False

        def until_lost(error: ServiceError) -> bool:
            """What is not there after an answer was lost has been deleted by the request before."""
            nonlocal lost
            lost = lost or error.answer_lost
            return not lost and lag(error)

        await self._delete(info, GraphOperation.PURGE_APPLICATION, lag=until_lost)

    async def _restored(self, object_id: str, there: RequestInformation) -> bool:
        """Whether it came back. *Not there* is believed only when it has been said to the end.

        It may mean a replica that has not heard of the deletion, and shows the object as it was; or a restoration whose
        answer was lost.
        """
        builder = self._graph.directory.deleted_items.by_directory_object_id(object_id).restore
        for attempt in range(RESTORE_ATTEMPTS):
            with waiting(REPLICATION):
                await asyncio.sleep(attempt * RESTORE_PAUSE)
            try:
                await self._session.send(builder.to_post_request_information(), GraphOperation.RESTORE)
            except ServiceError as error:
                if already_there(error):  # someone made another one
                    return False
                if error.status != 404:
                    raise
            else:
                return True
        return await self._read(there, dict) is not None
