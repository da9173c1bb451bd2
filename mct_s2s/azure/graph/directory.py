"""The directory, put together from its parts."""

from __future__ import annotations

from mct_s2s.azure.graph import parse
from mct_s2s.azure.graph.application_requests import ApplicationRequests
from mct_s2s.azure.graph.credential_requests import CredentialRequests
from mct_s2s.azure.graph.directory_requests import select
from mct_s2s.azure.graph.graph_session import GraphSession
from mct_s2s.azure.graph.principal_requests import PrincipalRequests
from mct_s2s.azure.graph.recycle_bin_requests import RecycleBinRequests
from mct_s2s.azure.refusals import GraphOperation
from mct_s2s.azure.services import GRAPH
from mct_s2s.concurrency import ReadOnce
from mct_s2s.model.directory_objects import Tenant


class GraphDirectory(ApplicationRequests, PrincipalRequests, CredentialRequests, RecycleBinRequests):
    """Microsoft Graph, as far as a trust needs it."""

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
