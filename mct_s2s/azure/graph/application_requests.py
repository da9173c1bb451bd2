"""App registrations on Graph: read, created under a key, changed, deleted.

Sources: learn.microsoft.com/graph/api/application-upsert, /application-post-applications, /application-post-owners,
/application-update (`uniqueName`); docs/azure-contract.md, section 3.10, "Owner".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kiota_abstractions.method import Method
from msgraph.generated.models.application import Application as ApplicationModel

from mct_s2s.azure.graph import bodies, parse
from mct_s2s.azure.graph.directory_requests import DirectoryRequests, create_if_missing, lag_if, quoted
from mct_s2s.azure.refusals import GraphOperation, is_lag
from mct_s2s.errors import ServiceError
from mct_s2s.model.directory_objects import Application, NewApplication
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId
from mct_s2s.planning.edits import ApplicationPatch

OWNERS = "owners@odata.bind"


class ApplicationRequests(DirectoryRequests):
    """Applications are read whole, without `$select`.

    That shows their certificates without the keys, which one that names `keyCredentials` shows, too, from a budget of
    150 requests a minute for the whole tenant. Source: learn.microsoft.com/graph/api/application-get;
    docs/azure-contract.md, section 3.5.
    """

    async def application_by_client_id(self, client_id: ClientId) -> Application | None:
        """GET /applications(appId='…')."""
        builder = self._graph.applications_with_app_id(client_id)
        return await self._read(builder.to_get_request_information(), parse.application)

    async def application_by_unique_name(self, unique_name: str) -> Application | None:
        """GET /applications(uniqueName='…')."""
        builder = self._graph.applications_with_unique_name(unique_name)
        return await self._read(builder.to_get_request_information(), parse.application)

    async def applications_by_unique_name(self, unique_names: Sequence[str]) -> list[Application | None]:
        """The same for several, in order."""
        builders = map(self._graph.applications_with_unique_name, unique_names)
        paths = [self._session.path_of(builder.to_get_request_information()) for builder in builders]
        return await self._read_paths(paths, parse.application)

    async def application_by_object_id(self, object_id: ApplicationObjectId, *, is_new: bool) -> Application:
        """GET /applications/{id}; the object must be there."""
        info = self._graph.applications.by_application_id(object_id).to_get_request_information()
        return parse.application(await self._session.send(info, GraphOperation.READ, lag=lag_if(is_new)) or {})

    async def applications(self, client_ids: Iterable[ClientId]) -> list[Application]:
        """GET /applications?$filter=appId in (…); those that do not exist are left out."""
        return await self._read_many(
            self._graph.applications,
            "appId",
            client_ids,
            parse.application,
            lambda client_id: self._graph.applications_with_app_id(client_id).to_get_request_information(),
            lambda one: one.client_id,
        )

    async def applications_with_uri(self, uri: str) -> list[Application]:
        """GET /applications?$filter=identifierUris/any(…): at most one in a settled directory."""
        rows = await self._filtered(self._graph.applications, f"identifierUris/any(u:u eq {quoted(uri)})")
        return [parse.application(row) for row in rows]

    async def applications_with_tag(self, tag: str) -> list[Application]:
        """GET /applications?$filter=tags/any(…)."""
        rows = await self._filtered(self._graph.applications, f"tags/any(t:t eq {quoted(tag)})")
        return sorted((parse.application(row) for row in rows), key=lambda one: (one.display_name, one.object_id))

    async def create_application(self, new: NewApplication) -> tuple[Application, bool]:
        """PATCH /applications(uniqueName='…') with `Prefer: create-if-missing`: two runs can never make two.

        The body says only what a new registration must say: where one exists already, nothing of it changes.

        Returns:
            The registration, and whether it was created just now. One whose answer was lost comes out as there already.
        """
        builder = self._graph.applications_with_unique_name(new.unique_name)
        info = builder.to_patch_request_information(bodies.new_application(new), create_if_missing())
        row = await self._session.send(info, GraphOperation.CREATE_APPLICATION)
        if row is not None:
            return parse.application(row), True
        builder = self._graph.applications_with_unique_name(new.unique_name)  # its key may be another's by now
        existing = await self._session.send(builder.to_get_request_information(), GraphOperation.READ, lag=is_lag)
        return parse.application(existing or {}), False

    async def register_application(self, new: NewApplication, owner: PrincipalId | None) -> Application:
        """POST /applications, with the caller as its owner by name: some tenants demand that, others refuse it.

        The creator of a registration by POST owns it; the creator by the upsert may not, and with
        `Application.ReadWrite.OwnedBy` can then neither change nor delete it.
        """
        body = bodies.new_application(new)
        try:
            row = await self._register(body, owner)
        except ServiceError as refused:
            if owner is None or refused.status != 400 or refused.contention is not None:
                raise
            row = await self._register(body, None)
        return parse.application(row)

    async def _register(self, body: ApplicationModel, owner: PrincipalId | None) -> dict[str, Any]:
        body.additional_data.pop(OWNERS, None)
        if owner is not None:
            body.additional_data[OWNERS] = [f"{self._session.base_url}/directoryObjects/{owner}"]
        info = self._graph.applications.to_post_request_information(body)
        return await self._session.send(info, GraphOperation.CREATE_APPLICATION, repeatable=False) or {}

    async def name_application(self, object_id: ApplicationObjectId, unique_name: str) -> None:
        """PATCH /applications/{id} with the `uniqueName`, which can be set once."""
        info = self._session.request(Method.PATCH, f"/applications/{object_id}", {"uniqueName": unique_name})
        await self._session.send(info, GraphOperation.NAME_APPLICATION, lag=is_lag)

    async def add_owner(self, object_id: ApplicationObjectId, owner: PrincipalId) -> None:
        """POST /applications/{id}/owners/$ref; one that is an owner already is no error."""
        body = {"@odata.id": f"{self._session.base_url}/directoryObjects/{owner}"}
        info = self._session.request(Method.POST, f"/applications/{object_id}/owners/$ref", body)
        try:
            await self._session.send(info, GraphOperation.ADD_OWNER, lag=is_lag)
        except ServiceError as refused:
            if "already exist" not in refused.service_message:
                raise

    async def update_application(
        self, object_id: ApplicationObjectId, patch: ApplicationPatch, *, is_new: bool
    ) -> None:
        """PATCH /applications/{id}, with whole lists."""
        builder = self._graph.applications.by_application_id(object_id)
        info = builder.to_patch_request_information(bodies.application_patch(patch))
        await self._session.send(info, GraphOperation.CHANGE_APPLICATION, lag=lag_if(is_new))

    async def accepts_writes(self, application: Application) -> bool:
        """PATCH /applications/{id} with the name that it has: `False` alone is certain of its answer's moment.

        Reads may show what was deleted moments ago.

        Raises:
            PermissionMissing: the caller may not write it.
        """
        body = {"displayName": application.display_name}
        info = self._session.request(Method.PATCH, f"/applications/{application.object_id}", body)
        try:
            await self._session.send(info, GraphOperation.CHANGE_APPLICATION)
        except ServiceError as refused:
            if refused.answer_lost or refused.status == 429:
                raise
            return refused.status != 404
        return True

    async def delete_application(self, object_id: ApplicationObjectId) -> None:
        """DELETE /applications/{id}: into the recycle bin; one that is gone already is no error."""
        info = self._graph.applications.by_application_id(object_id).to_delete_request_information()
        await self._delete(info, GraphOperation.DELETE_APPLICATION)
