"""From an App Service to its trust in the directory: the service application and everyone around it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from mct_s2s.concurrency import end_all, gather_or_cancel
from mct_s2s.engine.request import Request
from mct_s2s.errors import NotThere, S2SError
from mct_s2s.model.desired import Desired, FederatedSpec, Look, Removal, Rotation, Setup
from mct_s2s.model.directory_objects import Application, PrincipalKind, ServicePrincipal
from mct_s2s.model.ids import (
    ClientId,
    PrincipalId,
    api_uri,
    client_id_in,
    client_unique_name,
    is_guid,
    same_id,
    trust_tag,
)
from mct_s2s.model.site_settings import APPLICATION_IDS, AUDIENCE, OBJECT_IDS, AppSettings
from mct_s2s.model.trust import ClientApplication, Trust
from mct_s2s.planning.registrations.exposed import is_called, uri_in_use

if TYPE_CHECKING:
    from mct_s2s.azure.graph.directory import GraphDirectory


async def find_trust(directory: GraphDirectory, request: Request, settings: asyncio.Future[AppSettings]) -> Trust:
    """Read all of it. What can be asked before the settings are there goes out beside them.

    Raises:
        NotThere: the registration to adopt does not exist, or two share its URI.
    """
    desired = request.desired
    makes_some = isinstance(desired, Setup) and (desired.clients or (desired.service and desired.service.may_create))
    recycled = _RecycleBin(directory, early=bool(makes_some))
    try:
        trust = await _find_trust(directory, desired, settings, recycled)
        return await _with_federated(directory, desired, trust, request.now)
    finally:
        await recycled.close()


class _RecycleBin:
    """The deleted registrations, read once.

    A command that may make a registration asks early, beside the first reading: it is a round trip less where something
    is missing. What comes of that, a refusal too, concerns only those who look.
    """

    def __init__(self, directory: GraphDirectory, *, early: bool) -> None:
        self._directory = directory
        self._reading: asyncio.Task[list[Application]] | None = None
        if early:
            self._reading = asyncio.ensure_future(directory.deleted_applications())

    async def close(self) -> None:
        if self._reading is not None:
            await end_all([self._reading])

    async def applications(self) -> list[Application]:
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._directory.deleted_applications())
        return await self._reading

    async def of(self, trust: Trust, desired: Desired, base: str, settings: AppSettings) -> tuple[Application, ...]:
        """What the trust lacks, or what is in its way."""
        is_removal = isinstance(desired, Removal)
        if isinstance(desired, Removal) and desired.everything:
            return ()
        names = desired.names if isinstance(desired, Setup | Removal) else ()
        missing = [name for name in names if not _is_there(name, base, trust)]
        wanted = {client_unique_name(base, name) for name in missing}
        called = [name for name in missing if is_guid(name)]
        if is_removal:
            try:
                rows = await self.applications() if missing else []
            except S2SError:
                return ()  # a caller who can't look there is told that there is no such client
        elif trust.service is None:
            wanted.add(desired.unique_name)
            called += [named.strip() for named in (desired.adopt, AUDIENCE.value_in(settings)) if named]
            rows = await self.applications()
        else:
            if uri_in_use(trust.service, settings, desired.adopt) is None:
                called.append(api_uri(trust.service.client_id))
            rows = await self.applications() if missing or called else []
        found = (row for row in rows if row.unique_name in wanted or any(is_called(row, name) for name in called))
        return tuple(sorted(found, key=lambda row: row.unique_name != desired.unique_name))


def _is_there(name: str, base: str, trust: Trust) -> bool:
    if is_guid(name):
        return any(same_id(c.client_id, name) and c.application is not None for c in trust.clients)
    made = trust.client_of_unique_name(client_unique_name(base, name))
    return made is not None or any(c.display_name.casefold() == name.casefold() for c in trust.clients)


async def _find_trust(
    directory: GraphDirectory, desired: Desired, settings: asyncio.Future[AppSettings], recycled: _RecycleBin
) -> Trust:
    early = asyncio.ensure_future(
        directory.applications_by_unique_name([desired.unique_name, *_unique_names(desired, desired.unique_name)])
    )
    try:
        found = await asyncio.shield(settings)
        trust, (applications, principals) = await gather_or_cancel(
            _find_service(directory, desired, found, early, recycled), _listed(directory, desired, found)
        )
        own, *made_for_names = await early
    except BaseException:
        await end_all([early])
        raise
    if own is not None and trust.service is not None and own.client_id != trust.service.client_id:
        trust = replace(trust, own=own)
    base = trust.service.unique_name if trust.service else None
    if base and base != desired.unique_name:
        made_for_names = await directory.applications_by_unique_name(_unique_names(desired, base))
    base = base or desired.unique_name
    tagged = await directory.applications_with_tag(trust_tag(base)) if desired.removes_unnamed else []
    made = (one for one in made_for_names if one is not None)
    trust = _with(trust, [*tagged, *made, *applications], principals)
    trust, deleted = await gather_or_cancel(_completed(directory, trust), recycled.of(trust, desired, base, found))
    return replace(trust, deleted=deleted)


def _unique_names(desired: Desired, base: str) -> list[str]:
    return [client_unique_name(base, name) for name in desired.names if not is_guid(name)]


async def _find_service(
    directory: GraphDirectory,
    desired: Desired,
    settings: AppSettings,
    early: asyncio.Future[list[Application | None]],
    recycled: _RecycleBin,
) -> Trust:
    for named, must_exist in ((desired.adopt, True), (AUDIENCE.value_in(settings), False)):
        if named and named.strip():
            trust = await _named(directory, named.strip())
            if trust.service is not None:
                return trust
            if must_exist and any(is_called(row, named.strip()) for row in await recycled.applications()):
                return Trust()  # it is restored or refused, and no other one is used in its place
            if must_exist:
                raise NotThere(
                    "service-application-missing",
                    f"No app registration in this tenant has the appId or Application ID URI '{named}'.",
                    remedy="Copy it from the overview page in the portal, or remove --service-app to create one.",
                )
    own = (await early)[0]
    return Trust() if own is None else await _around(directory, own)


async def _around(directory: GraphDirectory, service: Application) -> Trust:
    """A service application with its service principal and its assignments."""
    principal, assignments = await gather_or_cancel(
        directory.principal(service.client_id), directory.assignments_to(service.client_id)
    )
    return Trust(service, principal, tuple(assignments))


async def _named(directory: GraphDirectory, named: str) -> Trust:
    """The registration that an appId, `api://<appId>` or any other URI names."""
    client_id = client_id_in(named)
    if client_id is not None:
        application, principal, assignments = await gather_or_cancel(
            directory.application_by_client_id(client_id),
            directory.principal(client_id),
            directory.assignments_to(client_id),
        )
        if application is not None:
            return Trust(application, principal, tuple(assignments))
        if not named.startswith("api://"):
            return Trust()
    matching = await directory.applications_with_uri(named)
    if len(matching) > 1:
        raise NotThere(
            "service-application-ambiguous",
            f"{len(matching)} app registrations have the Application ID URI '{named}'.",
            remedy="Use the appId of one of them: --service-app APP_ID",
        )
    return await _around(directory, matching[0]) if matching else Trust()


async def _listed(
    directory: GraphDirectory, desired: Desired, settings: AppSettings
) -> tuple[list[Application], list[ServicePrincipal]]:
    """What the allow lists and the command name by id."""
    named = [*APPLICATION_IDS.list_in(settings).ids, *desired.names]
    client_ids = [ClientId(entry) for entry in named if is_guid(entry)]
    object_ids = [PrincipalId(entry) for entry in OBJECT_IDS.list_in(settings).ids if is_guid(entry)]
    applications, by_client_id, by_object_id = await gather_or_cancel(
        directory.applications(client_ids), directory.principals_of(client_ids), directory.principals(object_ids)
    )
    return applications, [*by_client_id, *by_object_id]


async def _completed(directory: GraphDirectory, trust: Trust) -> Trust:
    """The missing halves: principals that hold the role but are on no list, registrations of known principals."""
    known = {p.id.casefold() for p in _principals(trust)}
    unlisted = [a.principal_id for a in trust.assignments if a.principal_id.casefold() not in known]
    without_principal = [c.client_id for c in trust.clients if c.principal is None]
    by_id, of_clients = await gather_or_cancel(
        directory.principals(unlisted), directory.principals_of(without_principal)
    )
    trust = _with(trust, [], [*by_id, *of_clients])
    without_application = [c.client_id for c in trust.clients if c.application is None]
    return _with(trust, await directory.applications(without_application), [])


async def _with_federated(directory: GraphDirectory, desired: Desired, trust: Trust, now: datetime) -> Trust:
    """Federated credentials, asked for only where no other credential is good, or where they matter."""
    base = trust.service.unique_name if trust.service and trust.service.unique_name else desired.unique_name
    asks = not isinstance(desired, Setup) or any(isinstance(one.credential, FederatedSpec) for one in desired.clients)
    named = desired.names if asks and not isinstance(desired, Rotation) else ()
    wished = {*named, *map(str.casefold, named), *(_unique_names(desired, base) if named else ())}
    # What is kept, or goes, is named.
    lists_all = (
        desired.everything if isinstance(desired, Removal) else isinstance(desired, Look) and desired.all_federated
    )
    wanting = [
        client.application
        for client in trust.clients
        if client.application is not None
        and (
            not any(credential.is_valid_at(now) for credential in client.application.credentials)
            or lists_all
            or not wished.isdisjoint(
                {client.client_id, client.display_name, client.display_name.casefold(), client.application.unique_name}
            )
        )
    ]
    lists = await gather_or_cancel(*(directory.federated_credentials(app.object_id) for app in wanting))
    full = [
        replace(app, credentials=(*app.credentials, *more)) for app, more in zip(wanting, lists, strict=True) if more
    ]
    return _with(trust, full, [])


def _principals(trust: Trust) -> list[ServicePrincipal]:
    return [*trust.identities, *(c.principal for c in trust.clients if c.principal is not None)]


def _with(trust: Trust, applications: Iterable[Application], principals: Iterable[ServicePrincipal]) -> Trust:
    """The trust with more of its halves filled in; a newer application replaces an older one."""
    clients = {client.client_id.casefold(): client for client in trust.clients}
    identities = {identity.id.casefold(): identity for identity in trust.identities}
    for application in applications:
        key = application.client_id.casefold()
        clients[key] = replace(clients.get(key, ClientApplication(None, None)), application=application)
    for principal in principals:
        if principal.kind is PrincipalKind.MANAGED_IDENTITY:
            identities[principal.id.casefold()] = principal
        else:
            key = principal.client_id.casefold()
            clients[key] = replace(clients.get(key, ClientApplication(None, None)), principal=principal)
    return replace(trust, clients=tuple(clients.values()), identities=tuple(identities.values()))
