"""Deleted registrations, which Microsoft Graph keeps for 30 days.

Sources: learn.microsoft.com/graph/api/directory-deleteditems-list, /directory-deleteditems-restore,
/directory-deleteditems-delete.
"""

from functools import partial
from typing import TYPE_CHECKING

from mct_s2s.azure.graph import parse, paths, replicas, service_principals
from mct_s2s.azure.graph.paths import BIN, literal, query
from mct_s2s.azure.graph.replicas import is_lag_of_own
from mct_s2s.azure.refusals import GraphOperation, already_there
from mct_s2s.azure.retry import AGAIN, Sending
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import Purged, ServiceError
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationObjectId, PrincipalId

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient

READ_BIN = GraphOperation.READ_BIN


async def applications(graph: "GraphClient") -> list[Application]:
    """All deleted registrations, without certificates, but for those that are known to be purged.

    The recycle bin has no filter by `uniqueName`.
    """
    path = f"{BIN}/microsoft.graph.application{query(select=parse.DELETED_FIELDS, top=999)}"
    deleted = parse.deleted_applications(await graph.rows(path, READ_BIN, parse.application))
    in_bin = (
        application for application in deleted if application.object_id not in graph.not_restorable
    )
    return sorted(in_bin, key=lambda application: (application.display_name, application.object_id))


async def restore(graph: "GraphClient", application: Application) -> list[PrincipalId]:
    """Restore a registration and its service principals; return the ids of the latter.

    What is there already is no error. Raises Purged.
    """
    graph.expect_lag(application.client_id)
    if not await _restore(
        graph,
        paths.application(application.object_id),
        application.object_id,
        application.display_name,
    ):
        graph.not_restorable.add(application.object_id)
        raise Purged(
            "not-in-recycle-bin",
            f"The app registration {application.object_id} is no longer in the recycle bin: "
            "someone purged it, or made another one in its place.",
            remedy="Run the same command again to use that one, or to create a new one.",
            status=404,
        )
    options = query(
        select=parse.PRINCIPAL_FIELDS, filter=f"appId eq {literal(application.client_id)}"
    )
    deleted, shown = await gather_or_cancel(
        graph.rows(f"{BIN}/microsoft.graph.servicePrincipal{options}", READ_BIN, parse.principal),
        service_principals.by_client_id(graph, application.client_id),
    )
    # One that a replica shows may be deleted, and one that the recycle bin shows may be there.
    principals = {principal.id: principal for principal in deleted}
    if shown is not None:
        principals[shown.id] = shown
    return [
        principal.id
        for principal in principals.values()
        if await _restore(
            graph, paths.principal(principal.id), principal.id, principal.display_name
        )
    ]


async def _restore(graph: "GraphClient", path: str, object_id: str, display_name: str) -> bool:
    """Restore one object; return whether it is there in the end."""
    deleted_path = f"{BIN}/{object_id}"

    async def send_restoration() -> None:
        try:
            await graph.send("POST", f"{deleted_path}/restore", GraphOperation.RESTORE)
        except ServiceError as error:
            # Restored already, by a request whose answer was lost or by someone else? Only a write
            # tells: a replica may show the object as it was before it was deleted.
            if error.status != 404 or not await replicas.probe_by_write(graph, path, display_name):
                raise

    try:
        return await replicas.write_unless_gone(
            send_restoration, partial(replicas.is_shown, graph, path, deleted_path)
        )
    except ServiceError as error:
        if already_there(error):  # someone made another one
            return False
        raise


async def purge(
    graph: "GraphClient", object_id: ApplicationObjectId, *, just_deleted: bool
) -> None:
    """Delete a registration permanently; one that is gone already is no error."""
    sending = Sending(lag=is_lag_of_own()) if just_deleted else AGAIN
    await graph.delete(f"{BIN}/{object_id}", GraphOperation.PURGE_APPLICATION, sending)
