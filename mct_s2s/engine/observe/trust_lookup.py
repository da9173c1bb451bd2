"""Find an App Service's trust in the directory: its service application, and all around it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mct_s2s.azure.graph import (
    applications,
    caller_rights,
    custody,
    recycle_bin,
    service_principals,
)
from mct_s2s.concurrency import ReadOnce, end_all, gather_or_cancel
from mct_s2s.engine.request import Request
from mct_s2s.errors import NotThere, PermissionMissing, or_unknown
from mct_s2s.model.caller_rights import CallerRights
from mct_s2s.model.client_credentials import Federation
from mct_s2s.model.desired import Look, Removal, Rotation, Setup
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
from mct_s2s.planning.permissions.rights import relies_on_ownership
from mct_s2s.planning.service_facts import has_identifier
from mct_s2s.waits import RIGHTS_SECONDS

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient


async def find_trust(
    graph: "GraphClient", request: Request, settings: asyncio.Future[AppSettings]
) -> Trust:
    """Find the service application, its clients, and whom its roles are assigned to.

    What can be asked before the settings are there goes out beside them. Raises NotThere.
    """
    desired = request.desired
    bin_rows = ReadOnce[list[Application]]()
    lookup = _Lookup(
        graph, request, lambda: bin_rows.get("", partial(recycle_bin.applications, graph))
    )
    by_name = asyncio.ensure_future(applications.by_unique_names(graph, lookup.own_names))
    tasks: list[asyncio.Task[Any]] = [by_name]
    # Where something is missing, the recycle bin is read at last: beginning now saves a round trip.
    # `_find_deleted` reuses the reading, and only there its errors count.
    may_create = desired.service is not None and desired.service.may_create
    if isinstance(desired, Setup) and (desired.clients or may_create):
        tasks.append(asyncio.ensure_future(lookup.read_bin_once()))
    try:
        return await lookup.find(by_name, await asyncio.shield(settings))
    finally:
        await end_all(tasks)


async def complete_clients(graph: "GraphClient", trust: Trust) -> Trust:
    """Add everyone to whom a role is assigned, and the other half of each client."""
    principals = [client.principal for client in trust.clients if client.principal is not None]
    known = {principal.id for principal in (*trust.identities, *principals)}
    unknown = [
        assignment.principal_id
        for assignment in trust.assignments
        if assignment.principal_id not in known
    ]
    without_principal = [client.client_id for client in trust.clients if client.principal is None]
    by_id, of_clients = await gather_or_cancel(
        service_principals.by_object_ids(graph, unknown),
        service_principals.by_client_ids(graph, without_principal),
    )
    trust = _merged(trust, principals=[*by_id, *of_clients])
    without_application = [
        client.client_id for client in trust.clients if not client.is_registered_here
    ]
    rows = await applications.by_client_ids(graph, without_application)
    return _merged(trust, applications=rows)


@dataclass(frozen=True)
class _Lookup:
    graph: "GraphClient"
    request: Request
    read_bin_once: Callable[[], Coroutine[Any, Any, list[Application]]]
    """Lists the recycle bin: it is read at the first call, and every call returns that reading."""

    @property
    def own_names(self) -> list[str]:
        """The App Service's own service application, and the clients that are asked for by name."""
        base = self.request.unique_name
        names = self.request.desired.names
        return [base, *(client_unique_name(base, name) for name in names if not is_guid(name))]

    async def find(
        self, by_name: asyncio.Future[list[Application | None]], settings: AppSettings
    ) -> Trust:
        """`by_name`: the registrations of `own_names`."""
        trust, (listed, principals), tagged_with = await gather_or_cancel(
            self._find_service(settings, by_name),
            self._find_listed(settings),
            self._find_unnamed(settings, by_name),
        )
        own_service, *named_clients = await by_name
        trust = replace(
            trust,
            unique_name=self.request.unique_name,
            own_unused=own_service if _is_another(own_service, trust.service) else None,
            tagged_with=tagged_with,
        )
        tagged = await self._find_tagged(trust)
        existing = [client for client in named_clients if client is not None]
        trust = _merged(trust, applications=[*tagged, *existing, *listed], principals=principals)
        trust, deleted, predecessor = await gather_or_cancel(
            complete_clients(self.graph, trust),
            self._find_deleted(trust, settings),
            self._find_predecessor(trust, settings),
        )
        federated = await self._read_federated(trust)
        trust = replace(trust, deleted=deleted, predecessor=predecessor)
        return _merged(trust, applications=federated)

    # The service application

    async def _find_service(
        self, settings: AppSettings, by_name: asyncio.Future[list[Application | None]]
    ) -> Trust:
        """Find the one that the user names, else the settings, else the App Service's own.

        Raises NotThere.
        """
        adopted = (self.request.desired.adopt or "").strip()
        if adopted:
            trust = await self._find_named(adopted)
            if trust.service is not None:
                return trust
            if not any(has_identifier(row, adopted) for row in await self._read_bin()):
                raise NotThere(
                    "service-application-missing",
                    "No app registration in this tenant has the appId or Application ID URI "
                    f"'{self.request.desired.adopt}'.",
                    remedy="Copy it from the overview page in the portal, or remove "
                    "--service-app to create one.",
                )
            # It is restored or refused, and no other one is used in its place.
            return Trust()
        in_settings = (self.request.api.service_in(settings) or "").strip()
        if in_settings:
            trust = await self._find_named(in_settings)
            if trust.service is not None:
                return trust
        own_service, *_ = await by_name
        return Trust() if own_service is None else await self._with_surroundings(own_service)

    async def _find_predecessor(self, trust: Trust, settings: AppSettings) -> Trust | None:
        """Find the trust that the settings name, where a setup names another service application.

        Its clients lose access. `None` where there is none.
        """
        desired = self.request.desired
        in_settings = (self.request.api.service_in(settings) or "").strip()
        if not isinstance(desired, Setup) or not desired.adopt or not in_settings:
            return None
        if trust.service is not None and has_identifier(trust.service, in_settings):
            return None
        earlier = Trust()
        # A URI that several registrations have names none of them: the operator has named another.
        with suppress(NotThere):
            earlier = await self._find_named(in_settings)
        if earlier.service is None:
            return None
        earlier = replace(
            earlier,
            unique_name=trust.unique_name,
            clients=trust.clients,
            identities=trust.identities,
        )
        earlier = await complete_clients(self.graph, earlier)
        return _merged(earlier, applications=await self._read_federated(earlier))

    async def _find_named(self, identifier: str) -> Trust:
        """Find the registration that an appId, `api://<appId>` or any other URI names."""
        graph = self.graph
        client_id = client_id_in(identifier)
        if client_id is not None:
            application, surroundings = await gather_or_cancel(
                applications.by_client_id(graph, client_id), self._find_surroundings(client_id)
            )
            if application is not None:
                return replace(surroundings, service=application)
            if not identifier.startswith("api://"):
                return Trust()
        matching = await applications.with_uri(graph, identifier)
        if len(matching) > 1:
            raise NotThere(
                "service-application-ambiguous",
                f"{len(matching)} app registrations have the Application ID URI '{identifier}'.",
                remedy="Use the appId of one of them: --service-app APP_ID",
            )
        return await self._with_surroundings(matching[0]) if matching else Trust()

    async def _with_surroundings(self, service: Application) -> Trust:
        return replace(await self._find_surroundings(service.client_id), service=service)

    async def _find_surroundings(self, client_id: ClientId) -> Trust:
        """Find what belongs to a service application, without itself."""
        principal, assignments, owners = await gather_or_cancel(
            service_principals.by_client_id(self.graph, client_id),
            service_principals.assignments_to(self.graph, client_id),
            self._find_owners(client_id),
        )
        return Trust(None, principal, tuple(assignments), owners=owners)

    async def _find_owners(self, client_id: ClientId) -> tuple[Owner, ...]:
        """Find who can change it, for commands that change something, and exports: they show it."""
        match self.request.desired:
            case Look(all_federated=False):
                return ()
        return await or_unknown(custody.owners_of_client_id(self.graph, client_id)) or ()

    # The clients

    async def _find_tagged(self, trust: Trust) -> list[Application]:
        """Find clients that nothing names, by their tag.

        They may be removed, too, or the API has no lists.
        """
        if not self.request.desired.removes_unnamed and self.request.api.lists:
            return []
        return await applications.with_tag(self.graph, Tag.TRUST.of(trust.unique_name))

    async def _find_unnamed(
        self, settings: AppSettings, by_name: asyncio.Future[list[Application | None]]
    ) -> dict[str, tuple[Application, ...]]:
        """Find what an interrupted run may have registered and not named, of what is missing.

        Only a caller that may change nothing but its own registers without the name. What is not
        looked for here, the creation looks for by itself (`create_as_owner`).
        """
        if not isinstance(self.request.desired, Setup) or self.request.dry_run:
            return {}
        registrations = zip(self.own_names, await by_name, strict=True)
        if not await self._may_rely_on_ownership():
            return {}
        missing = [name for name, registration in registrations if registration is None]
        if not self._may_create_service(settings):
            missing = [name for name in missing if name != self.request.unique_name]
        tags = [Tag.NAME.of(name) for name in missing]
        rows = await or_unknown(applications.with_each_tag(self.graph, tags)) or ()
        return {
            name: tuple(tagged)
            for name, tagged in zip(missing, rows, strict=False)
            if tagged is not None
        }

    def _may_create_service(self, settings: AppSettings) -> bool:
        """Whether the App Service's own is created where its name is missing: no other is used."""
        desired = self.request.desired
        may_create = desired.service is not None and desired.service.may_create
        return may_create and not desired.adopt and not self.request.api.service_in(settings)

    async def _may_rely_on_ownership(self) -> bool:
        """Decide it by the first answers about the caller, for which the check of rights asks, too.

        False where they do not come.
        """
        graph = self.graph
        if not self.request.preflight:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(RIGHTS_SECONDS):
                caller, roles, permissions = await gather_or_cancel(
                    or_unknown(caller_rights.identity(graph)),
                    or_unknown(caller_rights.directory_roles(graph)),
                    or_unknown(caller_rights.permissions(graph)),
                )
            signed_in = caller or graph.credential.signed_in
            return relies_on_ownership(CallerRights(signed_in, permissions, roles))
        return False

    async def _find_listed(
        self, settings: AppSettings
    ) -> tuple[list[Application], list[ServicePrincipal]]:
        """Find the clients and identities that the App Service's lists, or the user, name by id."""
        listed = self.request.api.list_in(Holds.APPLICATION_IDS, settings).ids
        entries = [*listed, *self.request.desired.names]
        client_ids = [ClientId(entry) for entry in entries if is_guid(entry)]
        allowed = self.request.api.list_in(Holds.OBJECT_IDS, settings).ids
        object_ids = [PrincipalId(entry) for entry in allowed if is_guid(entry)]
        rows, by_client_id, by_object_id = await gather_or_cancel(
            applications.by_client_ids(self.graph, client_ids),
            service_principals.by_client_ids(self.graph, client_ids),
            service_principals.by_object_ids(self.graph, object_ids),
        )
        return rows, [*by_client_id, *by_object_id]

    async def _find_deleted(self, trust: Trust, settings: AppSettings) -> tuple[Application, ...]:
        """Find in the recycle bin what the trust lacks, or what is in its way."""
        desired = self.request.desired
        is_removal = isinstance(desired, Removal)
        names = desired.names if isinstance(desired, Setup | Removal) else ()
        missing = [name for name in names if not _is_known(name, trust)]
        unique_names = {client_unique_name(trust.unique_name, name) for name in missing}
        identifiers = [name for name in missing if is_guid(name)]
        if trust.service is None and not is_removal:
            unique_names.add(trust.unique_name)
            service_identifiers = (desired.adopt, self.request.api.service_in(settings))
            identifiers += [identifier.strip() for identifier in service_identifiers if identifier]
        if not unique_names:
            return ()
        # Who removes a client is told that there is none where the bin, for any reason, cannot be
        # read. To everything else, only a missing right is no error.
        rows = await or_unknown(self.read_bin_once()) if is_removal else await self._read_bin()
        deleted = [
            row
            for row in rows or ()
            if row.unique_name in unique_names
            or any(has_identifier(row, identifier) for identifier in identifiers)
        ]
        # The service application comes first.
        return tuple(sorted(deleted, key=lambda row: row.unique_name != trust.unique_name))

    async def _read_bin(self) -> Sequence[Application]:
        """Read the recycle bin; nothing where the caller, as most members, may not.

        A name that is taken by a deleted registration shows when it is met.
        """
        try:
            return await self.read_bin_once()
        except PermissionMissing:
            return ()

    async def _read_federated(self, trust: Trust) -> list[Application]:
        """Read federated credentials, of clients that have no other good one or are in question.

        Returns the registrations that have some, with them.
        """
        registered = [client.application for client in trust.clients if client.is_registered_here]
        in_question = self._identifiers_in_question(trust)
        to_read = [
            application
            for application in registered
            if self._lists_all_federated
            or self._has_no_valid_credential(application)
            or _is_called_any(application, in_question)
        ]
        lists = await gather_or_cancel(
            *(
                custody.federated_credentials(self.graph, application.object_id)
                for application in to_read
            )
        )
        return [
            replace(application, credentials=(*application.credentials, *federated))
            for application, federated in zip(to_read, lists, strict=True)
            if federated
        ]

    def _has_no_valid_credential(self, application: Application) -> bool:
        now = self.request.now
        return not any(credential.is_valid_at(now) for credential in application.credentials)

    def _identifiers_in_question(self, trust: Trust) -> set[str]:
        names = self._names_in_question()
        identifiers = {name.casefold() for name in names}
        return identifiers | {client_unique_name(trust.unique_name, name) for name in names}

    @property
    def _lists_all_federated(self) -> bool:
        match self.request.desired:
            case Removal(everything=everything):
                return everything
            case Look(all_federated=all_federated):
                return all_federated
            case _:
                return False

    def _names_in_question(self) -> list[str]:
        """Clients whose federated credentials are set up, removed or shown."""
        match self.request.desired:
            case Setup(clients=specs):
                asked = [spec.name for spec in specs if isinstance(spec.credential, Federation)]
                return [*asked, *self._names_in_file()]
            case Look(names=names):
                return [*names, *self._names_in_file()]
            case Rotation():  # what no rotation renews decides whether an earlier one counts
                return self._names_in_file(Federation)
            case Removal(names=names):
                return [*names]
            case _:
                return []

    def _names_in_file(self, kind: type = object) -> list[str]:
        """Clients of which a trust file says what they sign in with: another one is reported."""
        file = self.request.file
        if file is None:
            return []
        return [
            name
            for name, specs in file.credentials.items()
            if any(isinstance(spec, kind) for spec in specs)
        ]


def _is_called_any(application: Application, identifiers: set[str]) -> bool:
    names = {application.client_id, application.display_name.casefold(), application.unique_name}
    return not identifiers.isdisjoint(names)


def _is_known(name: str, trust: Trust) -> bool:
    if is_guid(name):
        return any(
            same_id(client.client_id, name) and client.is_registered_here
            for client in trust.clients
        )
    unique_name = client_unique_name(trust.unique_name, name)
    if trust.client_of_unique_name(unique_name) is not None:
        return True
    return any(client.display_name.casefold() == name.casefold() for client in trust.clients)


def _is_another(own_service: Application | None, service: Application | None) -> bool:
    """Whether there is a service application of the App Service's own beside the one it uses."""
    if own_service is None or service is None:
        return False
    return own_service.client_id != service.client_id


def _merged(
    trust: Trust,
    *,
    applications: Iterable[Application] = (),
    principals: Iterable[ServicePrincipal] = (),
) -> Trust:
    """Add registrations and service principals to the clients and identities that they are of."""
    clients = {client.client_id: client for client in trust.clients}
    identities = {identity.id: identity for identity in trust.identities}
    for application in applications:
        client = clients.get(application.client_id, ClientApplication())
        clients[application.client_id] = replace(client, application=application)
    for principal in principals:
        if principal.is_identity:
            identities[principal.id] = principal
        else:
            client = clients.get(principal.client_id, ClientApplication())
            clients[principal.client_id] = replace(client, principal=principal)
    return replace(trust, clients=tuple(clients.values()), identities=tuple(identities.values()))
