"""Registrations (application objects) on Microsoft Graph: found, created, changed, deleted.

They are read without `$select`, which would take their keys from a budget of the whole tenant, 150
requests a minute: learn.microsoft.com/graph/api/application-get; docs/azure-contract.md, section
3.5.

Sources: learn.microsoft.com/graph/api/application-upsert, /application-post-applications,
/application-update (`uniqueName`), /application-delete.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from mct_s2s.azure.answers import Json, Parse, listed
from mct_s2s.azure.graph import parse, paths, replicas
from mct_s2s.azure.graph.paths import key, literal, query
from mct_s2s.azure.refusals import UNTIL_KNOWN, GraphOperation
from mct_s2s.azure.retry import ONCE, Sending
from mct_s2s.errors import ServiceError
from mct_s2s.model.directory_objects import Application, ServicePrincipal, Tenant
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient

Registered = TypeVar("Registered", Application, ServicePrincipal)
READ = GraphOperation.READ
NOT_IN_UPSERT = ("api",)
"""Properties that an upsert would write over someone's who was faster: the token version. The note
that names the App Service is not in a creation at all: it goes out with the Application ID URI
(`_complete_marks`, planning/service_application.py).

A client's tags and permissions are in it, those that every run of this tool gives to that client.
By the tags a teardown finds what a killed run has left; apart, both would be one more request for
each client, on the longest chain of a setup.
"""
IN_ONE_FILTER = 15
"""Values of `in`; more are refused. Source: learn.microsoft.com/graph/filter-query-parameter."""


async def tenant(graph: "GraphClient") -> Tenant:
    """The tenant of the sign-in, read once: several App Services of a tenant ask for it."""
    path = f"/organization{query(select=['id', 'displayName', 'verifiedDomains'])}"
    read = partial(graph.read, path, READ, lambda page: parse.tenant(page["value"][0]))
    signed_in_to: Tenant = await graph.once.get(path, read)
    return signed_in_to


async def by_client_id(graph: "GraphClient", client_id: ClientId) -> Application | None:
    return await graph.get(f"/applications{key('appId', client_id)}", parse.application)


async def by_unique_names(
    graph: "GraphClient", unique_names: Sequence[str]
) -> list[Application | None]:
    """The registration of each name; `None` where no living one has it."""
    return await graph.get_many(
        [f"/applications{key('uniqueName', name)}" for name in unique_names], parse.application
    )


async def by_object_id(graph: "GraphClient", object_id: ApplicationObjectId) -> Application:
    """The registration, which must be there."""
    return await graph.read(
        paths.application(object_id), READ, parse.application, graph.sending_about(object_id)
    )


async def by_client_ids(graph: "GraphClient", client_ids: Iterable[ClientId]) -> list[Application]:
    """The registrations of these appIds that exist."""
    return await read_by_client_ids(graph, "/applications", client_ids, parse.application)


async def read_by_client_ids(
    graph: "GraphClient",
    collection: str,
    client_ids: Iterable[ClientId],
    parse_row: Parse[Registered],
    select: Sequence[str] = (),
) -> list[Registered]:
    """Read many by few requests with a filter; what no index knows (yet) by its key."""
    ids = list(dict.fromkeys(client_id.lower() for client_id in client_ids))
    parts = (
        [ids[start : start + IN_ONE_FILTER] for start in range(0, len(ids), IN_ONE_FILTER)]
        if len(ids) > 1
        else []
    )
    filters = [f"appId in ({','.join(map(literal, part))})" for part in parts]

    def parse_page(page: Json) -> list[Registered]:
        return [parse_row(row) for row in listed(page.get("value"))]

    pages = await graph.get_many(
        [f"{collection}{query(select=select, filter=each)}" for each in filters], parse_page
    )
    registered: dict[str, Registered] = {row.client_id: row for page in pages for row in page or ()}
    options = query(select=select) if select else ""
    missing = [
        f"{collection}{key('appId', client_id)}{options}"
        for client_id in ids
        if client_id not in registered
    ]
    registered |= {row.client_id: row for row in await graph.get_known(missing, parse_row)}
    return [registered[client_id] for client_id in ids if client_id in registered]


async def with_uri(graph: "GraphClient", uri: str) -> list[Application]:
    """The registrations with an Application ID URI: at most one in a settled directory."""
    return await _matching(graph, f"identifierUris/any(u:u eq {literal(uri)})")


async def with_tag(graph: "GraphClient", tag: str) -> list[Application]:
    return await _matching(graph, _has_tag(tag))


async def with_each_tag(
    graph: "GraphClient", tags: Sequence[str]
) -> list[list[Application] | None]:
    """The registrations with each of the tags, by few requests.

    `None` where more have it than one answer holds: anyone can write it. `with_tag` lists those.
    """

    def parse_page(page: Json) -> list[Application] | None:
        is_whole = graph.next_link not in page
        return [parse.application(row) for row in listed(page.get("value"))] if is_whole else None

    return await graph.get_many(
        [f"/applications{query(filter=_has_tag(tag))}" for tag in tags], parse_page
    )


def _has_tag(tag: str) -> str:
    return f"tags/any(t:t eq {literal(tag)})"


async def _matching(graph: "GraphClient", condition: str) -> list[Application]:
    rows = await graph.rows(f"/applications{query(filter=condition)}", READ, parse.application)
    return sorted(rows, key=lambda application: (application.display_name, application.object_id))


async def create(graph: "GraphClient", new: Application) -> tuple[Application, bool]:
    """Create it by an upsert of its `uniqueName`, so that two runs never make two.

    Where someone was faster, Graph updates what is there, so the upsert leaves `NOT_IN_UPSERT` to
    `complete`. Return it, and whether Graph was seen to create it.
    """
    path = f"/applications{key('uniqueName', new.unique_name or '')}"
    body = parse.new_application(new)
    harmless = {name: value for name, value in body.items() if name not in NOT_IN_UPSERT}
    return await graph.upsert(path, GraphOperation.CREATE_APPLICATION, parse.application, harmless)


async def complete(graph: "GraphClient", existing: Application, new: Application) -> Application:
    """Write what a creation left out, and nothing in place of what is there."""
    known = {entry.resource_client_id for entry in existing.required_access}
    added_access = [entry for entry in new.required_access if entry.resource_client_id not in known]
    token_version = existing.token_version
    # Without a version, tokens are v1: no need to write that.
    if (token_version or 1) != (new.token_version or 1):
        token_version = new.token_version or 1
    whole = replace(
        existing,
        token_version=token_version,
        tags=tuple(dict.fromkeys((*existing.tags, *new.tags))),
        required_access=(*existing.required_access, *added_access),
    )
    if whole != existing:
        await graph.send(
            "PATCH",
            paths.application(existing.object_id),
            GraphOperation.CHANGE_APPLICATION,
            body=parse.application_patch(existing, whole),
            sending=UNTIL_KNOWN,
        )
    return whole


async def register(
    graph: "GraphClient", new: Application, owner: PrincipalId | None
) -> Application:
    """Create it by a POST, which leaves it without a `uniqueName`; the caller owns it, if possible.

    Some tenants demand an owner, others refuse one. The creator by POST owns it; the creator by the
    upsert may not, and with `Application.ReadWrite.OwnedBy` can then neither change nor delete it:
    docs/azure-contract.md, section 3.10, "Owner".
    """
    create_from = partial(
        graph.write,
        "POST",
        "/applications",
        GraphOperation.CREATE_APPLICATION,
        parse.application,
        sending=ONCE,
    )
    body = parse.new_application(new)
    if new.token_version in {None, 1}:
        del body["api"]  # left out as by `create`: without a version, tokens are v1
    if owner is not None:
        owners = [f"{graph.base}/directoryObjects/{owner}"]
        try:
            return await create_from(body={**body, "owners@odata.bind": owners})
        except ServiceError as refused:
            if refused.status != 400 or refused.contention is not None:
                raise
    return await create_from(body=body)


async def set_unique_name(
    graph: "GraphClient", object_id: ApplicationObjectId, unique_name: str
) -> None:
    path, body = paths.application(object_id), {"uniqueName": unique_name}
    await graph.send("PATCH", path, GraphOperation.NAME_APPLICATION, body=body, sending=UNTIL_KNOWN)


async def update(graph: "GraphClient", before: Application, after: Application) -> None:
    """PATCH what differs."""
    path, body = paths.application(before.object_id), parse.application_patch(before, after)
    sending = graph.sending_about(before.object_id)
    await graph.send("PATCH", path, GraphOperation.CHANGE_APPLICATION, body=body, sending=sending)


async def probe_by_write(graph: "GraphClient", application: Application) -> bool:
    """PATCH the name that it has; false where it may be gone."""
    return await replicas.probe_by_write(
        graph, paths.application(application.object_id), application.display_name
    )


async def delete(graph: "GraphClient", object_id: ApplicationObjectId) -> None:
    """Move it into the recycle bin; one that is gone already is no error."""
    path = paths.application(object_id)
    send_deletion = partial(graph.send, "DELETE", path, GraphOperation.DELETE_APPLICATION)
    await replicas.write_unless_gone(send_deletion, partial(replicas.is_shown, graph, path))


async def delete_own(graph: "GraphClient", object_id: ApplicationObjectId) -> None:
    """Delete a registration that this run has just created: a replica may not know it yet."""
    sending = Sending(lag=replicas.is_lag_of_own())
    await graph.delete(paths.application(object_id), GraphOperation.DELETE_APPLICATION, sending)
