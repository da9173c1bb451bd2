"""Observe everything that a command needs, as much of it at once as the questions allow."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, activity, waiting
from mct_s2s.azure.connection import RESERVE
from mct_s2s.azure.graph import applications, caller_rights, custody, service_principals
from mct_s2s.concurrency import end_all, gather_or_cancel
from mct_s2s.engine.local_notes import local_notes
from mct_s2s.engine.observe.sites import (
    Located,
    find_app_service,
    find_sites,
    find_subscription,
    find_web_app,
)
from mct_s2s.engine.observe.trust_lookup import find_trust, with_missing_halves
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, or_none, or_unknown
from mct_s2s.model.azure_resources import AppService, FunctionApp, IdentityResource, Site
from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.model.client_credentials import SecretNote, secrets_among
from mct_s2s.model.commands import command
from mct_s2s.model.desired import Desired, Look, Restore, ServiceSpec, SettingsScope, Setup
from mct_s2s.model.directory_objects import Application, Custody, Tenant
from mct_s2s.model.ids import PrincipalId, client_id_in, is_guid, same_id, service_unique_name
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AppSettings
from mct_s2s.planning.belief import TrustDecision, client_trust, clients_to_inspect, service_trust
from mct_s2s.planning.ownership import has_unique_name_below
from mct_s2s.planning.permissions.rights import allowing_roles
from mct_s2s.stores.host_lock import unfinished

AGREEING = 3
"""Reads in a row that have to find it gone: each may be answered by another replica.

Terraform demands five.
"""
PAUSE = 1.0
LONGEST = 300.0
"""Seconds: replication that takes longer is an outage."""
NAMES_SECONDS = 10.0
"""How long names may take that nothing else waits for."""


def reading(request: Request) -> str:
    """What is looked at: `the directory and contosolearn`."""
    site = request.target.label if request.target is not None else ""
    return (
        " and ".join(filter(None, ["the directory" * (request.desired.service is not None), site]))
        or "Azure"
    )


async def observe(
    session: Session, request: Request, located: Located = lambda _: None
) -> ObservedState:
    """`located` gets each resource's id as soon as it is known."""
    settings: asyncio.Future[AppSettings] = asyncio.get_running_loop().create_future()
    with activity(f"Reading {reading(request)}"):
        app_service, (tenant, trust, caller), identity_resources = await gather_or_cancel(
            _app_service(session, request, settings, located),
            _directory(session, request, settings),
            gather_or_cancel(
                *(
                    find_identity_resource(session, request, one, located)
                    for one in request.identities
                )
            ),
        )
    if request.desired.service is None and tenant is not None and app_service is not None:
        # Another tenant's directory knows none of its clients. Nothing else depends on it here, so
        # it is not refused.
        is_of_site = same_id(tenant.id, app_service.tenant_id)
        tenant, trust = (tenant, trust) if is_of_site else (None, Trust())
    observed = ObservedState(
        request.now,
        session.connection.cloud.name,
        tenant,
        app_service,
        trust,
        identity_resources,
        api=request.api,
        caller=caller,
        graph=session.connection.cloud.graph,
        login=session.connection.cloud.login,
        where=request.where(app_service),
        file=request.file,
        typed_url=request.desired.service.url if request.desired.service is not None else None,
    )
    spec = request.desired.service
    # What may be a secret goes no further than here.
    given = request.desired.given.values() if isinstance(request.desired, Setup) else ()
    written = filter(None, (spec.role if spec is not None else None, *given))
    observed = (
        observed.with_settings(observed.settings, written) if app_service is not None else observed
    )
    # The directory knows these
    session.connection.http.untraced -= _names_of_service(request, observed.settings)
    return observed


def _names_of_service(request: Request, settings: AppSettings) -> set[str]:
    """By which it is looked up, where the settings are not sure to be the API's."""
    named = request.api.service_in(settings)
    return {named, client_id_in(named) or named} if named and not request.api.is_shipped else set()


async def _directory(
    session: Session, request: Request, settings: asyncio.Future[AppSettings]
) -> tuple[Tenant | None, Trust, SignedIn]:
    if request.desired.service is None:
        tenant, trust = await _named(session, request, settings)
        return tenant, trust, SignedIn("")
    graph = session.graph
    return await gather_or_cancel(
        applications.tenant(graph), find_trust(graph, request, settings), _caller(session, request)
    )


async def _named(
    session: Session, request: Request, settings: asyncio.Future[AppSettings]
) -> tuple[Tenant | None, Trust]:
    """Who loses access, by name, where a command cuts clients off and needs nothing else of the
    directory.

    It may be an incident: a directory that cannot be read, or takes its time, must not hold it up.
    """
    desired = request.desired
    if not (
        isinstance(desired, Restore)
        or (isinstance(desired, Setup) and desired.settings is SettingsScope.OFF)
    ):
        return None, Trust()
    own = (
        service_unique_name(request.target.name, request.target.slot)
        if request.target is not None
        else ""
    )
    reading, graph = replace(request, desired=Look(ServiceSpec()), unique_name=own), session.graph
    with suppress(S2SError, TimeoutError):
        async with asyncio.timeout(NAMES_SECONDS):
            return await gather_or_cancel(
                applications.tenant(graph), find_trust(graph, reading, settings)
            )
    return None, Trust()


async def _caller(session: Session, request: Request) -> SignedIn:
    """Whose own the registrations may be that a command writes to.

    A refusal counts only where it decides.
    """
    signed_in: SignedIn = session.graph.credential.signed_in
    if isinstance(request.desired, Look):
        return signed_in
    return await or_unknown(caller_rights.identity(session.graph)) or signed_in


async def _app_service(
    session: Session, request: Request, settings: asyncio.Future[AppSettings], located: Located
) -> AppService | None:
    if request.target is None:
        settings.set_result({})
        return None
    beside = _SitesBeside(session, request)

    def found(resource: ResourceId) -> None:
        located(resource)
        beside.located(resource)

    async with aclosing(beside):
        site = await find_app_service(
            session.arm,
            request.target,
            found,
            request.api,
            without_settings=request.without_settings,
        )
        looked_up = request.api.of_their_kind(site.settings)
        session.connection.http.untraced |= _names_of_service(request, looked_up)
        settings.set_result(looked_up)
        return await _with_sites_beside(session, request, site, beside)


async def _with_sites_beside(
    session: Session, request: Request, site: AppService, beside: "_SitesBeside"
) -> AppService:
    api = request.api
    mark = api.function_app_mark
    if site.is_function_app(mark) and not site.website(mark):
        with suppress(S2SError):  # the refusal is the same without them
            found, _ = await find_sites(session.arm, site.resource.subscription_id, api)
            return replace(
                site, siblings=tuple(f"{one.names[0]} ({one.resource_group})" for one in found)
            )
    is_new = not site.refusal and not api.shown(site.settings)
    sites = await beside.sites(site.resource) if is_new else None
    if sites is None or any(one.website(mark) == site.name.casefold() for one in sites):
        return site
    return replace(site, function_app=await _why_unseen(session, site.resource))


async def _why_unseen(session: Session, site: ResourceId) -> FunctionApp:
    """A list has only the apps that the caller may read."""
    permissions = await or_unknown(session.arm.permissions(site.group))
    can_read = permissions is None or allowing_roles(permissions, "Microsoft.Web/sites/read")
    return FunctionApp.MISSING if can_read else FunctionApp.HIDDEN


class _SitesBeside:
    """The sites in an App Service's resource group, read beside it where it may turn out to be none
    of the API's.
    """

    def __init__(self, session: Session, request: Request) -> None:
        self._arm = session.arm
        is_setup = isinstance(request.desired, Setup)
        self._is_wanted = (
            is_setup and bool(request.attempt) and request.api.function_app_mark is not None
        )
        # A client is added to what is set up: there they hardly ever decide.
        self._reads_ahead = (
            isinstance(request.desired, Setup)
            and request.desired.settings is not SettingsScope.CLIENTS
        )
        self._reading: asyncio.Task[list[Site] | None] | None = None

    def located(self, resource: ResourceId) -> None:
        if self._is_wanted and self._reads_ahead:
            self._begin(resource)

    async def sites(self, resource: ResourceId) -> list[Site] | None:
        """Those that the caller may read; `None` where they are not asked for, or not known."""
        if not self._is_wanted:
            return None
        return await (self._reading or self._begin(resource))

    def _begin(self, resource: ResourceId) -> asyncio.Task[list[Site] | None]:
        self._reading = asyncio.ensure_future(or_unknown(self._readable(resource)))
        return self._reading

    async def _readable(self, resource: ResourceId) -> list[Site]:
        try:
            return await self._arm.sites(resource.subscription_id, resource.resource_group)
        except PermissionMissing:
            return []

    async def aclose(self) -> None:
        await end_all([self._reading] if self._reading is not None else [])


async def find_identity_resource(
    session: Session, request: Request, wanted: str | ResourceId, located: Located
) -> IdentityResource:
    """By its id, or the bare name of a web or function app. Raises NotThere."""
    if isinstance(wanted, str):
        subscription = (request.target or session).subscription or ""
        if not is_guid(subscription):
            subscription = (await find_subscription(session.arm, subscription or None)).id
        wanted = await find_web_app(session.arm, subscription, wanted, request.api)
    located(wanted)
    found = await session.arm.identity_resource(wanted)
    if found is not None:
        for beside in found.assigned if found.principal_id is None else ():
            located(beside)
        return found
    raise NotThere(
        "resource-not-found",
        f"The resource '{wanted}' does not exist, or you can't read it.",
        remedy="Check the ID:",
        command=command("az", "resource", "show", "--ids", str(wanted)),
    )


# Who controls a registration: asked only where that decides, or has to be said


async def with_custody(
    session: Session, request: Request, observed: ObservedState
) -> ObservedState:
    """With what decides whether registrations are believed, as far as this command has to
    know it.
    """
    observed = replace(observed, unfinished=unfinished(observed.subject))
    if asked := [*clients_to_inspect(observed, request.desired)]:
        observed = await _with_owners(session, request, observed, asked)
    notes = await local_notes(session, request, observed)
    clients = (
        _with_undelivered(client, notes.get(client.client_id, ()))
        for client in observed.trust.clients
    )
    return replace(
        observed, local_notes=notes, trust=replace(observed.trust, clients=tuple(clients))
    )


def _with_undelivered(
    client: ClientApplication, notes: Collection[SecretNote]
) -> ClientApplication:
    """What a file on this machine has received counts, whatever a tag says, which owners write,
    too.
    """
    application = client.application
    secrets, lost = secrets_among(application.credentials), set(application.undelivered)
    lost |= {
        one.key_id
        for note in notes
        for one in secrets
        if note.is_undelivered(one, client.client_id)
    }
    lost -= {
        one.key_id
        for note in notes
        for one in secrets
        if note.is_of(client.client_id) and note.has_received(one)
    }
    return replace(client, application=replace(application, undelivered=frozenset(lost)))


async def _with_owners(
    session: Session, request: Request, observed: ObservedState, asked: Sequence[ClientApplication]
) -> ObservedState:
    caller, found = await gather_or_cancel(
        caller_rights.identity(session.graph),
        gather_or_cancel(
            *(_custody_or_gone(session, request.desired, observed, one) for one in asked)
        ),
    )
    custody, trust = dict[str, Custody](), observed.trust
    for client, one in zip(asked, found, strict=True):
        if one is not None:
            custody[client.client_id] = one
        elif _decides(client, observed):
            trust = trust.without(client.client_id)
    trust = await _read_again(session, trust, [one for one in asked if _decides(one, observed)])
    return replace(observed, trust=trust, caller=caller, custody=custody)


async def _read_again(session: Session, trust: Trust, asked: Sequence[ClientApplication]) -> Trust:
    """With what an owner could change until the owners were read."""
    graph, service = session.graph, trust.service
    client_ids = [one.client_id for one in asked]
    fresh = {one.client_id: one for one in await applications.by_client_ids(graph, client_ids)}

    def again(application: Application) -> Application:
        """Its credentials stay, federated ones included: those of its custody decide."""
        read = fresh.get(application.client_id)
        return application if read is None else replace(read, credentials=application.credentials)

    clients = (replace(one, application=again(one.application)) for one in trust.clients)
    trust = replace(trust, clients=tuple(clients))
    if service is None or service.client_id not in fresh:
        return trust
    assignments = await service_principals.assignments_to(graph, service.client_id)
    return replace(trust, service=again(service), assignments=tuple(assignments))


async def _custody_or_gone(
    session: Session, desired: Desired, observed: ObservedState, client: ClientApplication
) -> Custody | None:
    """`None` where it is gone, or may not be read and is of a registration whose owners are only
    told.

    Where replicas disagree, a setup takes it for gone: if it exists, its creation by name looks at
    its custody. Any other command would leave out what is there, so it asks until they agree.
    """
    words = {*map(str.lower, desired.names), client_id_in(desired.adopt or "") or desired.adopt}
    is_named = not words.isdisjoint({client.client_id, *client.application.identifier_uris})
    decides, missed = _decides(client, observed), 0
    gives_up_at = clock.seconds() + min(LONGEST, session.connection.remaining(RESERVE))
    while True:
        custody = find_custody(session, client, may_be_gone=not is_named)
        found = await (or_none(custody) if is_named or decides else or_unknown(custody))
        if (
            found is not None
            or isinstance(desired, Setup)
            or not decides
            or clock.seconds() >= gives_up_at
        ):
            return found
        with waiting(REPLICATION, gives_up_at):
            await asyncio.sleep(PAUSE)
            shown, principal = await gather_or_cancel(
                applications.by_client_id(session.graph, client.client_id),
                service_principals.by_client_id(session.graph, client.client_id),
            )
        missed = missed + 1 if shown is None else 0
        if missed == AGREEING:
            return None
        client = replace(client, principal=principal)


def _decides(client: ClientApplication, observed: ObservedState) -> bool:
    trust = observed.trust
    return client.application == trust.service or has_unique_name_below(
        client.application, trust.unique_name
    )


async def find_custody(
    session: Session, client: ClientApplication, *, may_be_gone: bool = False
) -> Custody:
    graph, object_id = session.graph, client.application.object_id
    principals = [client.principal.id] if client.principal is not None else []
    # Owners first: who is none by then adds nothing any more, and what they have added shows.
    owners = await custody.owners(graph, object_id, principals, may_be_gone=may_be_gone)
    return Custody(
        owners, await custody.credentials(graph, object_id, principals, may_be_gone=may_be_gone)
    )


async def caller_of(session: Session) -> PrincipalId | None:
    return (await caller_rights.identity(session.graph)).id


async def trust_of(
    session: Session,
    request: Request,
    before: ObservedState,
    application: Application,
    restored: Collection[PrincipalId] | None = None,
    *,
    is_service: bool,
) -> TrustDecision:
    """Decide it anew for a registration that a request of this run has met or restored, and not
    created.

    `restored`: its service principals that came back with it, which not every replica shows yet;
    then all credentials but the delivered one are removed next, and decide nothing. Nor does a
    service principal that a replica shows from before the removal.
    """
    spec, desired, graph = request.desired.service or ServiceSpec(), request.desired, session.graph
    name = application.unique_name
    principal = await service_principals.by_client_id(graph, application.client_id)
    if restored is not None and principal is not None and principal.id not in restored:
        principal = None
    halves = {*(restored or ()), *([principal.id] if principal is not None else [])}
    caller, owners = await gather_or_cancel(
        caller_rights.identity(graph), custody.owners(graph, application.object_id, halves)
    )
    credentials = (
        await custody.credentials(graph, application.object_id, halves) if restored is None else ()
    )
    application = replace(
        await applications.by_object_id(graph, application.object_id), unique_name=name
    )
    client, trust = ClientApplication(application, principal), before.trust
    if is_service:
        assignments = await service_principals.assignments_to(graph, application.client_id)
        trust = replace(
            trust, service=application, principal=principal, assignments=tuple(assignments)
        )
    else:
        clients = (one for one in trust.clients if one.client_id != application.client_id)
        trust = replace(trust, clients=(*clients, client))
    known = {**before.custody, application.client_id: Custody(owners, credentials)}
    observed = replace(before, trust=trust, caller=caller, custody=known)
    if is_service:
        observed = await _with_assigned(session, observed)
    observed = replace(observed, local_notes=await local_notes(session, request, observed))
    if is_service:
        return service_trust(application, observed, spec)
    return client_trust(client, observed, spec, desired.names)


async def _with_assigned(session: Session, observed: ObservedState) -> ObservedState:
    """Add the clients to whom the service application's roles are assigned: some came back only
    just now.
    """
    trust = await with_missing_halves(session.graph, observed.trust)
    assigned = {assignment.principal_id for assignment in trust.assignments}
    known = dict(observed.custody)
    asked = [
        client
        for client in trust.clients
        if client.principal_id in assigned
        and client.is_registered
        and has_unique_name_below(client.application, trust.unique_name)
        and client.client_id not in known
    ]
    found = await gather_or_cancel(
        *(or_none(find_custody(session, client, may_be_gone=True)) for client in asked)
    )
    pairs = zip(asked, found, strict=True)
    known.update((client.client_id, custody) for client, custody in pairs if custody is not None)
    return replace(observed, trust=trust, custody=known)
