"""Service principals on Graph, and the app roles that they hold.

Sources: learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals,
/serviceprincipal-post-approleassignedto, /serviceprincipal-list-approleassignments.
"""

from __future__ import annotations

from collections.abc import Iterable

from mct_s2s.azure.graph import bodies, parse
from mct_s2s.azure.graph.directory_requests import DirectoryRequests, lag_if, select
from mct_s2s.azure.refusals import GraphOperation, already_there, is_lag
from mct_s2s.errors import ServiceError
from mct_s2s.model.directory_objects import Assignment, ServicePrincipal
from mct_s2s.model.ids import AppRoleId, ClientId, PrincipalId


class PrincipalRequests(DirectoryRequests):
    """Service principals and their app role assignments."""

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
