"""Service principals on Microsoft Graph, and the app roles that are assigned to them.

Sources: learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals,
/serviceprincipal-post-approleassignedto, /serviceprincipal-list-approleassignments,
/serviceprincipal-delete-approleassignedto.
"""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from mct_s2s.azure.graph import parse, paths
from mct_s2s.azure.graph.applications import read_by_client_ids
from mct_s2s.azure.graph.paths import key, query
from mct_s2s.azure.graph.replicas import write_unless_gone
from mct_s2s.azure.refusals import UNTIL_KNOWN, GraphOperation, already_there, is_lag
from mct_s2s.azure.retry import Sending
from mct_s2s.errors import ServiceError, or_none
from mct_s2s.model.directory_objects import Assignment, ServicePrincipal
from mct_s2s.model.ids import AppRoleId, ClientId, PrincipalId

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient

READ = GraphOperation.READ
FIELDS = query(select=parse.PRINCIPAL_FIELDS)
SHOWN_IN_PORTAL = "WindowsAzureActiveDirectoryIntegratedApp"
"""The tag that the portal sets: without it, its list of enterprise applications lacks the service
principal.
"""


async def by_client_id(graph: "GraphClient", client_id: ClientId) -> ServicePrincipal | None:
    return await graph.get(f"/servicePrincipals{key('appId', client_id)}{FIELDS}", parse.principal)


async def by_client_ids(
    graph: "GraphClient", client_ids: Iterable[ClientId]
) -> list[ServicePrincipal]:
    """The service principals of these appIds that exist."""
    return await read_by_client_ids(
        graph, "/servicePrincipals", client_ids, parse.principal, parse.PRINCIPAL_FIELDS
    )


async def by_object_ids(graph: "GraphClient", ids: Iterable[PrincipalId]) -> list[ServicePrincipal]:
    """The service principals of these object IDs that exist."""
    distinct = dict.fromkeys(object_id.lower() for object_id in ids)
    return await graph.get_known(
        [f"{paths.principal(object_id)}{FIELDS}" for object_id in distinct], parse.principal
    )


async def create(graph: "GraphClient", client_id: ClientId) -> ServicePrincipal:
    """Create the service principal of an application; one that exists already is read."""

    def is_unknown_application(error: ServiceError) -> bool:
        """Whether a replica does not know the application yet.

        A missing right is no lag here: it may be permanent, and who owns the application tells.
        """
        return error.status != 403 and graph.is_young(client_id) and is_lag(error)

    body = {"appId": client_id, "tags": [SHOWN_IN_PORTAL]}
    sending = Sending(lag=is_unknown_application)
    try:
        return await graph.write(
            "POST",
            "/servicePrincipals",
            GraphOperation.CREATE_PRINCIPAL,
            parse.principal,
            body,
            sending,
        )
    except ServiceError as error:
        if not already_there(error):
            raise
        existing = f"/servicePrincipals{key('appId', client_id)}{FIELDS}"
        return await graph.read(existing, READ, parse.principal, UNTIL_KNOWN)


async def assignments_to(graph: "GraphClient", client_id: ClientId) -> list[Assignment]:
    """The assignments of a service application's roles; none without a service principal."""
    path = f"/servicePrincipals{key('appId', client_id)}/appRoleAssignedTo{query(top=999)}"
    assignments = await or_none(graph.rows(path, READ, parse.assignment))
    return sorted(assignments or (), key=lambda assignment: assignment.id)


async def assign(
    graph: "GraphClient", principal: PrincipalId, service: PrincipalId, role: AppRoleId
) -> Assignment | None:
    """Assign an app role of `service`, which is admin consent to it.

    Returns `None` where it is assigned already.
    """
    path = f"{paths.principal(service)}/appRoleAssignedTo"
    body = {"principalId": principal, "resourceId": service, "appRoleId": role}
    sending = graph.sending_about(principal, service)
    try:
        return await graph.write(
            "POST", path, GraphOperation.CONSENT, parse.assignment, body, sending
        )
    except ServiceError as error:
        if already_there(error):
            return None
        raise


async def revoke(graph: "GraphClient", service: PrincipalId, assignment_id: str) -> None:
    """Remove an app role assignment; one that is gone already is no error."""
    path = f"{paths.principal(service)}/appRoleAssignedTo"

    async def is_shown() -> bool:
        assignments = await or_none(graph.rows(f"{path}{query(top=999)}", READ, parse.assignment))
        return any(assignment.id == assignment_id for assignment in assignments or ())

    send_deletion = partial(
        graph.send, "DELETE", f"{path}/{quote(assignment_id, safe='')}", GraphOperation.REVOKE
    )
    await write_unless_gone(send_deletion, is_shown)
