"""The directory on Graph: registrations, service principals, app roles, the recycle bin. Credentials: its base class.

Sources: learn.microsoft.com/graph/api/application-upsert, /application-post-applications, /application-post-owners,
/application-update (`uniqueName`), /serviceprincipal-post-serviceprincipals, /serviceprincipal-post-approleassignedto,
/serviceprincipal-list-approleassignments, /directory-deleteditems-list, /directory-deleteditems-restore;
docs/azure-contract.md, section 3.10, "Owner".
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from msgraph.generated.models.application import Application as ApplicationModel

from mct_s2s.activity import REPLICATION, waiting
from mct_s2s.azure.graph import bodies, parse
from mct_s2s.azure.graph.credential_requests import CredentialRequests
from mct_s2s.azure.graph.directory_requests import create_if_missing, lag_if, quoted, select
from mct_s2s.azure.graph.graph_session import GraphSession
from mct_s2s.azure.refusals import GraphOperation, already_there, is_lag
from mct_s2s.azure.services import GRAPH
from mct_s2s.concurrency import ReadOnce, gather_or_cancel
from mct_s2s.errors import ServiceError
from mct_s2s.model.directory_objects import Application, Assignment, NewApplication, ServicePrincipal, Tenant
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, PrincipalId
from mct_s2s.planning.edits import ApplicationPatch

OWNERS = "owners@odata.bind"
RESTORE_ATTEMPTS = 8
"""Requests to restore one registration, 8 s in all."""
RESTORE_PAUSE = 0.3
"""Seconds, times the attempt's number: for so long a replica may not show what another has in its recycle bin."""


class GraphDirectory(CredentialRequests):
    """Microsoft Graph, as far as a trust needs it.

    Applications are read whole, without `$select`. That shows their certificates without the keys, which one that names
    `keyCredentials` shows, too, from a budget of 150 requests a minute for the whole tenant.
    Source: learn.microsoft.com/graph/api/application-get; docs/azure-contract.md, section 3.5.
    """

    def __init__(self, session: GraphSession) -> None:
        super().__init__(session)
        self._tenant: ReadOnce[Tenant] = ReadOnce()

    async def tenant(self) -> Tenant:
        """GET /organization, once: several App Services of a tenant ask for it."""
        return await self._tenant.get("", self._read_tenant)

    async def _read_tenant(self) -> Tenant:
        fields = select(["id", "displayName", "verifiedDomains"])
        page = await self._session.send(
            self._graph.organization.to_get_request_information(fields), GraphOperation.READ
        )
        with GRAPH.readable(GraphOperation.READ):
            return parse.tenant((page or {})["value"][0])

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

    async def principal(self, client_id: ClientId) -> ServicePrincipal | None:
        """GET /servicePrincipals(appId='…')."""
        builder = self._graph.service_principals_with_app_id(client_id)
        return await self._read(builder.to_get_request_information(select(parse.PRINCIPAL_FIELDS)), parse.principal)

    async def principals_of(self, client_ids: Iterable[ClientId]) -> list[ServicePrincipal]:
        """GET /servicePrincipals?$filter=appId in (…)."""
        return await self._read_many(
            self._graph.service_principals,
            "appId",
            client_ids,
            parse.principal,
            lambda client_id: self._graph.service_principals_with_app_id(client_id).to_get_request_information(
                select(parse.PRINCIPAL_FIELDS)
            ),
            lambda one: one.client_id,
            parse.PRINCIPAL_FIELDS,
        )

    async def principals(self, ids: Iterable[PrincipalId]) -> list[ServicePrincipal]:
        """GET /servicePrincipals?$filter=id in (…)."""
        builder = self._graph.service_principals
        return await self._read_many(
            builder,
            "id",
            ids,
            parse.principal,
            lambda one: builder.by_service_principal_id(one).to_get_request_information(select(parse.PRINCIPAL_FIELDS)),
            lambda one: one.id,
            parse.PRINCIPAL_FIELDS,
        )

    async def create_principal(self, client_id: ClientId, *, is_new: bool) -> ServicePrincipal:
        """POST /servicePrincipals; one that exists already is read."""
        info = self._graph.service_principals.to_post_request_information(bodies.new_principal(client_id))
        lag = lag_if(is_new)
        try:
            # A refusal is no lag here: it may be permanent, and who owns the application tells.
            row = await self._session.send(
                info, GraphOperation.CREATE_PRINCIPAL, lag=lambda error: error.status != 403 and lag(error)
            )
        except ServiceError as error:
            if not already_there(error):
                raise
            builder = self._graph.service_principals_with_app_id(client_id)
            read = builder.to_get_request_information(select(parse.PRINCIPAL_FIELDS))
            row = await self._session.send(read, GraphOperation.READ, lag=is_lag)
        return parse.principal(row or {})

    async def assignments_to(self, client_id: ClientId, *, is_new: bool = False) -> list[Assignment]:
        """GET /servicePrincipals(appId='…')/appRoleAssignedTo; none where there is no service principal."""
        # The SDK's builder for this key has no navigation beyond the object itself.
        url = f"{self._session.base_url}/servicePrincipals(appId='{client_id}')/appRoleAssignedTo?$top=999"
        builder = self._graph.service_principals.by_service_principal_id("").app_role_assigned_to.with_url(url)
        info = builder.to_get_request_information()
        try:
            rows = await self._session.rows(info, GraphOperation.READ, lag=lag_if(is_new))
        except ServiceError as error:
            if error.status == 404:
                return []
            raise
        return sorted((parse.assignment(row) for row in rows), key=lambda one: one.id)

    async def assignments_of(self, principal: PrincipalId) -> list[Assignment]:
        """GET /servicePrincipals/{id}/appRoleAssignments."""
        builder = self._graph.service_principals.by_service_principal_id(principal).app_role_assignments
        rows = await self._session.rows(builder.to_get_request_information(), GraphOperation.READ)
        return sorted((parse.assignment(row) for row in rows), key=lambda one: one.id)

    async def assign(
        self, principal: PrincipalId, service: PrincipalId, role: AppRoleId, *, is_new: bool
    ) -> Assignment | None:
        """POST /servicePrincipals/{service}/appRoleAssignedTo; one that exists already is no error and gives `None`."""
        builder = self._graph.service_principals.by_service_principal_id(service).app_role_assigned_to
        info = builder.to_post_request_information(bodies.new_assignment(principal, service, role))
        try:
            row = await self._session.send(info, GraphOperation.CONSENT, lag=lag_if(is_new))
        except ServiceError as error:
            if already_there(error):
                return None
            raise
        return parse.assignment(row or {})

    async def revoke(self, service: PrincipalId, assignment: str) -> None:
        """DELETE /servicePrincipals/{service}/appRoleAssignedTo/{id}; one that is gone already is no error."""
        builder = self._graph.service_principals.by_service_principal_id(service)
        info = builder.app_role_assigned_to.by_app_role_assignment_id(assignment).to_delete_request_information()
        await self._delete(info, GraphOperation.REVOKE)

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
