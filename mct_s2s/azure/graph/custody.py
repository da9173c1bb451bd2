"""Who controls a registration: owners and credentials of its application and service principal.

Sources: learn.microsoft.com/graph/api/application-list-owners, /serviceprincipal-list-owners,
/application-list-federatedidentitycredentials.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from mct_s2s.azure.graph import parse, paths
from mct_s2s.azure.graph.paths import key
from mct_s2s.azure.refusals import UNTIL_KNOWN, GraphOperation
from mct_s2s.azure.retry import AGAIN, Sending
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import or_none
from mct_s2s.model.client_credentials import Credential
from mct_s2s.model.directory_objects import Owner
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient

READ = GraphOperation.READ
OWNER_FIELDS = "?$select=id,displayName,userPrincipalName,appId"
CREDENTIAL_FIELDS = "?$select=id,passwordCredentials,keyCredentials"
"""Certificates with their keys, which Graph shows by name only, on a budget of the whole tenant."""


async def owners(
    graph: "GraphClient",
    object_id: ApplicationObjectId,
    principals: Iterable[PrincipalId] = (),
    *,
    may_be_gone: bool = False,
) -> tuple[Owner, ...]:
    """Owners of an application and of its service principals.

    A 404 is waited out, unless it `may_be_gone`.
    """
    sending = AGAIN if may_be_gone else UNTIL_KNOWN
    lists = await gather_or_cancel(
        *(
            graph.rows(f"{path}/owners{OWNER_FIELDS}", READ, parse.owner, sending=sending)
            for path in paths.halves(object_id, principals)
        )
    )
    return _in_order(lists)


async def owners_of_client_id(graph: "GraphClient", client_id: ClientId) -> tuple[Owner, ...]:
    """Owners of an application and its service principal; none of a half that is not there."""
    lists = await gather_or_cancel(
        *(
            or_none(
                graph.rows(
                    f"/{collection}{key('appId', client_id)}/owners{OWNER_FIELDS}",
                    READ,
                    parse.owner,
                )
            )
            for collection in ("applications", "servicePrincipals")
        )
    )
    return _in_order([owners or [] for owners in lists])


def _in_order(lists: Iterable[Sequence[Owner]]) -> tuple[Owner, ...]:
    """The owners of each half in a fixed order: Graph's arrays are sets."""
    return tuple(owner for owners in lists for owner in sorted(owners))


async def federated_credentials(
    graph: "GraphClient", object_id: ApplicationObjectId
) -> list[Credential]:
    """The federated credentials of an application; none where a replica does not show it."""
    return list(await or_none(read_federated(graph, paths.application(object_id), AGAIN)) or ())


async def credentials(
    graph: "GraphClient",
    object_id: ApplicationObjectId,
    principals: Iterable[PrincipalId],
    *,
    may_be_gone: bool = False,
) -> tuple[Credential, ...]:
    """All credentials of an application and its service principals, federated ones too,
    certificates with their keys.

    A 404 is waited out, unless it `may_be_gone`.
    """
    sending = AGAIN if may_be_gone else UNTIL_KNOWN
    halves = paths.halves(object_id, principals)
    federated, of_application, *of_principals = await gather_or_cancel(
        read_federated(graph, halves[0], sending),
        *(
            graph.read(f"{path}{CREDENTIAL_FIELDS}", READ, parse.credentials, sending)
            for path in halves
        ),
    )
    return (*of_application, *federated, *chain.from_iterable(of_principals))


async def credentials_of_principal(
    graph: "GraphClient", principal: PrincipalId
) -> tuple[Credential, ...]:
    """The credentials that a service principal has itself."""
    return await graph.read(
        f"{paths.principal(principal)}{CREDENTIAL_FIELDS}", READ, parse.credentials, UNTIL_KNOWN
    )


async def read_federated(
    graph: "GraphClient", path: str, sending: Sending
) -> tuple[Credential, ...]:
    rows = await graph.rows(
        f"{path}/federatedIdentityCredentials", READ, parse.federated_credential, sending=sending
    )
    return parse.by_age(rows)
