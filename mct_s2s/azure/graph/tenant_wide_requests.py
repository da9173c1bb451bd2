"""All registrations of a tenant with their credentials, and the owners of many.

Sources: learn.microsoft.com/graph/api/application-list, /application-list-owners, /graph/paging;
docs/azure-contract.md, section 9.
"""

from __future__ import annotations

from collections.abc import Sequence

from kiota_abstractions.method import Method

from mct_s2s.azure.graph import parse
from mct_s2s.azure.graph.directory_requests import DirectoryRequests
from mct_s2s.azure.graph.graph_operations import GraphOperation
from mct_s2s.azure.services import GRAPH
from mct_s2s.model.directory_objects import Application, Owner
from mct_s2s.model.ids import ApplicationObjectId

PAGE = 200
"""Registrations in one answer. `$select=keyCredentials` brings the certificates along, some 2 KiB each, and is allowed
150 times a minute for the whole tenant: 30,000 registrations a minute, in answers of at most a few MiB."""
FIELDS = ("id", "appId", "displayName", "passwordCredentials", "keyCredentials")


class TenantWideRequests(DirectoryRequests):
    """What is asked of the directory as a whole."""

    async def applications_with_credentials(self) -> list[Application]:
        """GET /applications?$select=…, page after page."""
        info = self._session.request(Method.GET, f"/applications?$select={','.join(FIELDS)}&$top={PAGE}")
        found = [parse.application(row) for row in await self._session.rows(info, GraphOperation.READ)]
        found = [one for one in found if one.credentials]
        return sorted(found, key=lambda one: (one.display_name.casefold(), one.client_id))

    async def owners_of(
        self, object_ids: Sequence[ApplicationObjectId]
    ) -> dict[ApplicationObjectId, tuple[Owner, ...]]:
        """GET /applications/{id}/owners?$select=…, in batches."""
        paths = [f"/applications/{one}/owners?$select=id,displayName,userPrincipalName" for one in object_ids]
        lists = await self._session.rows_of_many(paths)
        with GRAPH.readable(GraphOperation.READ):
            return {one: parse.owners(rows) for one, rows in zip(object_ids, lists, strict=True)}
