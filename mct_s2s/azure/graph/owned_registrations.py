"""Registrations by callers that may change only what they own: `Application.ReadWrite.OwnedBy`.

Whoever creates a registration by POST owns it; whoever creates it by the upsert may not, and can then neither change
nor delete it. Sources: docs/azure-contract.md, section 9, "Owner"; learn.microsoft.com/graph/api/
application-post-applications, /application-post-owners, /application-update (`uniqueName`).
"""

from __future__ import annotations

from typing import Any

from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.method import Method
from msgraph.generated.models.application import Application

from mct_s2s.azure.graph.graph_refusals import is_lag
from mct_s2s.azure.graph.graph_session import GraphSession
from mct_s2s.azure.graph.operations import Operation
from mct_s2s.errors import ServiceError
from mct_s2s.model.ids import ApplicationObjectId, PrincipalId

OWNERS = "owners@odata.bind"


async def register(session: GraphSession, body: Application, owner: PrincipalId | None) -> dict[str, Any]:
    """POST /applications, with whoever asks as its owner by name: some tenants demand that, others do not take it."""
    try:
        return await _post(session, body, owner)
    except ServiceError as refused:
        if owner is None or refused.status != 400:
            raise
    return await _post(session, body, None)


async def name(session: GraphSession, object_id: ApplicationObjectId, unique_name: str) -> None:
    """PATCH /applications/{id} with the `uniqueName`, which can be set once."""
    info = session.request(Method.PATCH, f"/applications/{object_id}", {"uniqueName": unique_name})
    await session.send(info, Operation.NAME_APPLICATION, lag=is_lag)


async def add_owner(session: GraphSession, object_id: ApplicationObjectId, owner: PrincipalId) -> None:
    """POST /applications/{id}/owners/$ref."""
    body = {"@odata.id": f"{session.base_url}/directoryObjects/{owner}"}
    info = session.request(Method.POST, f"/applications/{object_id}/owners/$ref", body)
    try:
        await session.send(info, Operation.ADD_OWNER, lag=is_lag)
    except ServiceError as refused:
        if "already exist" not in refused.service_message:
            raise


async def _post(session: GraphSession, body: Application, owner: PrincipalId | None) -> dict[str, Any]:
    body.additional_data.pop(OWNERS, None)
    if owner is not None:
        body.additional_data[OWNERS] = [f"{session.base_url}/directoryObjects/{owner}"]
    configuration: RequestConfiguration[Any] = RequestConfiguration()
    info = session.client.applications.to_post_request_information(body, configuration)
    return await session.send(info, Operation.CREATE_APPLICATION, repeatable=False) or {}
