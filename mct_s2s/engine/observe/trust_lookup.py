"""From an App Service to its trust in the directory: the service application and everyone around
it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mct_s2s.azure.graph import applications, custody, recycle_bin, service_principals
from mct_s2s.concurrency import ReadOnce, end_all, gather_or_cancel
from mct_s2s.engine.request import Request
from mct_s2s.errors import NotThere, PermissionMissing, or_unknown
from mct_s2s.model.client_credentials import Federation
from mct_s2s.model.desired import Look, Removal, Setup
from mct_s2s.model.directory_objects import Application, Owner, ServicePrincipal
from mct_s2s.model.ids import (
    ClientId,
    PrincipalId,
    Tag,
    client_id_in,
    client_unique_name,
    is_guid,
    same_id,
)
from mct_s2s.model.observed import ClientApplication, Trust
from mct_s2s.model.site_settings import AppSettings, Holds
from mct_s2s.planning.ownership import has_identifier

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient


async def find_trust(
    graph: "GraphClient", request: Request, settings: asyncio.Future[AppSettings]
) -> Trust:
    """What can be asked before the settings are there goes out beside them. Raises NotThere."""
    desired, recycled = request.desired, ReadOnce[list[Application]]()
    lookup = _Lookup(
        graph, request, lambda: recycled.get("", partial(recycle_bin.applications, graph))
    )
    by_name = asyncio.ensure_future(
        applications.by_unique_names(graph, [request.unique_name, *lookup.unique_names])
    )
    tasks: list[asyncio.Task[Any]] = [by_name]
    # A round trip less where something is missing; a refusal concerns only those who look at the
    # result.
    if isinstance(desired, Setup) and (
        desired.clients or (desired.service and desired.service.may_create)
    ):
        tasks.append(asyncio.ensure_future(lookup.deleted()))
    try:
        return await lookup.trust(by_name, await asyncio.shield(settings))
    finally:
        await end_all(tasks)


async def complete_clients(graph: "GraphClient", trust: Trust) -> Trust:
    """Add everyone to whom a role is assigned, and the other half of each client."""
    principals = (
        *trust.identities,
        *(c.principal for c in trust.clients if c.principal is not None),
    )
    known = {one.id for one in principals}
    unlisted = [a.principal_id for a in trust.assignments if a.principal_id not in known]
    without_principal = [c.client_id for c in trust.clients if c.principal is None]
    by_id, of_clients = await gather_or_cancel(
        service_principals.by_object_ids(graph, unlisted),
        service_principals.by_client_ids(graph, without_principal),
    )
    trust = _with(trust, [], [*by_id, *of_clients])
    without_application = [c.client_id for c in trust.clients if not c.is_registered]
    return _with(trust, await applications.by_client_ids(graph, without_application), [])


@dataclass(frozen=True)
class _Lookup:
    graph: "GraphClient"
    request: Request
    deleted: Callable[[], Coroutine[Any, Any, list[Application]]]

    @property
    def unique_names(self) -> list[str]:
        """Of the clients that are asked for by name."""
        base = self.request.unique_name
        return [
            client_unique_name(base, name)
            for name in self.request.desired.names
            if not is_guid(name)
        ]

    async def _owners(self, client_id: ClientId) -> tuple[Owner, ...]:
        """Who else can change the service application is said by commands that change something."""
        if isinstance(self.request.desired, Look):
            return ()
        return await or_unknown(custody.owners_of_client_id(self.graph, client_id)) or ()

    async def trust(
        self, by_name: asyncio.Future[list[Application | None]], settings: AppSettings
    ) -> Trust:
        graph, request = self.graph, self.request
        trust, (listed, principals) = await gather_or_cancel(
            self._service(settings, by_name), self._listed(settings)
        )
        own, *made_for_names = await by_name
        trust = replace(trust, unique_name=request.unique_name)
        if (
            own is not None
            and trust.service is not None
            and own.client_id != trust.service.client_id
        ):
            trust = replace(trust, own_service=own)
        tag = Tag.TRUST.of(trust.unique_name)
        is_by_name = request.desired.removes_unnamed or not request.api.lists
        tagged = await applications.with_tag(graph, tag) if is_by_name else []
        made = (one for one in made_for_names if one is not None)
        trust = _with(trust, [*tagged, *made, *listed], principals)
        trust, deleted = await gather_or_cancel(
            complete_clients(graph, trust), self._needed(trust, settings)
        )
        return await self._with_federated(replace(trust, deleted=deleted))

    async def _service(
        self, settings: AppSettings, by_name: asyncio.Future[list[Application | None]]
    ) -> Trust:
        for named, must_exist in (
            (self.request.desired.adopt, True),
            (self.request.api.service_in(settings), False),
        ):
            if named and named.strip():
                trust = await self._named(named.strip())
                if trust.service is not None:
                    return trust
                if must_exist and any(
                    has_identifier(row, named.strip()) for row in await self._in_bin()
                ):
                    # It is restored or refused, and no other one is used in its place
                    return Trust()
                if must_exist:
                    raise NotThere(
                        "service-application-missing",
                        "No app registration in this tenant has the appId or Application ID URI "
                        f"'{named}'.",
                        remedy="Copy it from the overview page in the portal, or remove "
                        "--service-app to create one.",
                    )
        own = (await by_name)[0]
        return Trust() if own is None else await self._of(own)

    async def _named(self, named: str) -> Trust:
        """The registration that an appId, `api://<appId>` or any other URI names."""
        graph, client_id = self.graph, client_id_in(named)
        if client_id is not None:
            application, around = await gather_or_cancel(
                applications.by_client_id(graph, client_id), self._around(client_id)
            )
            if application is not None:
                return replace(around, service=application)
            if not named.startswith("api://"):
                return Trust()
        matching = await applications.with_uri(graph, named)
        if len(matching) > 1:
            raise NotThere(
                "service-application-ambiguous",
                f"{len(matching)} app registrations have the Application ID URI '{named}'.",
                remedy="Use the appId of one of them: --service-app APP_ID",
            )
        return await self._of(matching[0]) if matching else Trust()

    async def _of(self, service: Application) -> Trust:
        return replace(await self._around(service.client_id), service=service)

    async def _around(self, client_id: ClientId) -> Trust:
        """What belongs to a service application, without itself."""
        principal, assignments, owners = await gather_or_cancel(
            service_principals.by_client_id(self.graph, client_id),
            service_principals.assignments_to(self.graph, client_id),
            self._owners(client_id),
        )
        return Trust(None, principal, tuple(assignments), owners=owners)

    async def _listed(
        self, settings: AppSettings
    ) -> tuple[list[Application], list[ServicePrincipal]]:
        named = [
            *self.request.api.list_in(Holds.APPLICATION_IDS, settings).ids,
            *self.request.desired.names,
        ]
        client_ids = [ClientId(entry) for entry in named if is_guid(entry)]
        allowed = self.request.api.list_in(Holds.OBJECT_IDS, settings)
        object_ids = [PrincipalId(entry) for entry in allowed.ids if is_guid(entry)]
        listed, by_client_id, by_object_id = await gather_or_cancel(
            applications.by_client_ids(self.graph, client_ids),
            service_principals.by_client_ids(self.graph, client_ids),
            service_principals.by_object_ids(self.graph, object_ids),
        )
        return listed, [*by_client_id, *by_object_id]

    async def _needed(self, trust: Trust, settings: AppSettings) -> tuple[Application, ...]:
        """Of the recycle bin, what the trust lacks, or what is in its way."""
        desired, is_removal = self.request.desired, isinstance(self.request.desired, Removal)
        names = desired.names if isinstance(desired, Setup | Removal) else ()
        missing = [name for name in names if not _is_there(name, trust)]
        wanted = {client_unique_name(trust.unique_name, name) for name in missing}
        called = [name for name in missing if is_guid(name)]
        if trust.service is None and not is_removal:
            wanted.add(trust.unique_name)
            called += [
                named.strip()
                for named in (desired.adopt, self.request.api.service_in(settings))
                if named
            ]
        if not wanted:
            return ()
        # Who removes a client and can't look there is told that there is no such client.
        rows = await or_unknown(self.deleted()) if is_removal else await self._in_bin()
        found = (
            row
            for row in rows or ()
            if row.unique_name in wanted or any(has_identifier(row, name) for name in called)
        )
        return tuple(sorted(found, key=lambda row: row.unique_name != trust.unique_name))

    async def _in_bin(self) -> Sequence[Application]:
        """Nothing for callers who may not look there, as most members: a name that is taken shows
        when it is met.
        """
        try:
            return await self.deleted()
        except PermissionMissing:
            return ()

    async def _with_federated(self, trust: Trust) -> Trust:
        """Federated credentials, asked for only where no other credential is good, or where they
        matter.
        """
        lists_all, names = False, list[str]()
        # What is kept, or goes, is named
        match self.request.desired:
            case Setup(clients=specs):
                names = [spec.name for spec in specs if isinstance(spec.credential, Federation)]
            case Removal(everything=lists_all) | Look(all_federated=lists_all):
                names = [*self.request.desired.names]
        wished = {
            *map(str.casefold, names),
            *(client_unique_name(trust.unique_name, name) for name in names),
        }
        wanting = [
            app
            for app in (one.application for one in trust.clients if one.is_registered)
            if lists_all
            or not any(credential.is_valid_at(self.request.now) for credential in app.credentials)
            or not wished.isdisjoint({app.client_id, app.display_name.casefold(), app.unique_name})
        ]
        lists = await gather_or_cancel(
            *(custody.federated_credentials(self.graph, app.object_id) for app in wanting)
        )
        pairs = zip(wanting, lists, strict=True)
        full = [replace(app, credentials=(*app.credentials, *more)) for app, more in pairs if more]
        return _with(trust, full, [])


def _is_there(name: str, trust: Trust) -> bool:
    if is_guid(name):
        return any(same_id(c.client_id, name) and c.is_registered for c in trust.clients)
    made = trust.client_of_unique_name(client_unique_name(trust.unique_name, name))
    return made is not None or any(
        c.display_name.casefold() == name.casefold() for c in trust.clients
    )


def _with(
    trust: Trust, applications: Iterable[Application], principals: Iterable[ServicePrincipal]
) -> Trust:
    clients = {client.client_id: client for client in trust.clients}
    identities = {identity.id: identity for identity in trust.identities}
    for application in applications:
        key = application.client_id
        clients[key] = replace(clients.get(key, ClientApplication()), application=application)
    for principal in principals:
        if principal.is_identity:
            identities[principal.id] = principal
        else:
            key = principal.client_id
            clients[key] = replace(clients.get(key, ClientApplication()), principal=principal)
    return replace(trust, clients=tuple(clients.values()), identities=tuple(identities.values()))
