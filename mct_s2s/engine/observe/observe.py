"""Observe everything that a command needs, as much at once as the questions allow."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, activity, waiting
from mct_s2s.azure.graph import (
    applications,
    caller_rights,
    custody,
    recycle_bin,
    service_principals,
)
from mct_s2s.concurrency import end_all, gather_or_cancel
from mct_s2s.engine.local_notes import read_local_notes
from mct_s2s.engine.observe.sites import (
    Located,
    find_app_service,
    find_sites,
    find_subscription,
    find_web_app,
)
from mct_s2s.engine.observe.trust_lookup import complete_clients, find_trust
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, or_none, or_unknown
from mct_s2s.model.azure_resources import AppService, FunctionApp, IdentityResource, Site
from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.model.client_credentials import SecretNote, attempt_tag, secrets_among
from mct_s2s.model.commands import command
from mct_s2s.model.desired import Desired, Look, Restore, ServiceSpec, SettingsScope, Setup
from mct_s2s.model.directory_objects import Application, Custody, ServicePrincipal, Tenant
from mct_s2s.model.ids import PrincipalId, client_id_in, is_guid, same_id, service_unique_name
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AppSettings, Holds, spelling_in
from mct_s2s.planning.belief import (
    TrustDecision,
    client_trust,
    doubtful_once_restored,
    is_named_in_command,
    is_of_unknown_site,
    service_trust,
)
from mct_s2s.planning.clients import has_unique_name_below
from mct_s2s.planning.inspection import registrations_to_inspect
from mct_s2s.planning.permissions.rights import allowing_roles
from mct_s2s.stores.remembered_registrations import Remembered, remembered_registrations
from mct_s2s.waits import AGREEING_READS, LAG_SECONDS, LOOK_PAUSE, NAMES_SECONDS, RESERVE


def describe_reading(request: Request) -> str:
    """Name what is looked at: `the directory and contosolearn`."""
    sources: list[str] = []
    if request.desired.service is not None:
        sources.append("the directory")
    if request.target is not None:
        sources.append(request.target.label)
    return " and ".join(sources) or "Azure"


async def observe(
    session: Session, request: Request, located: Located = lambda _: None
) -> ObservedState:
    """Read what a command needs, but who controls the registrations: `read_custody`.

    `located` gets each resource's id as soon as it is known.
    """
    # The directory is asked beside the App Service; only what the settings name waits for them.
    settings: asyncio.Future[AppSettings] = asyncio.get_running_loop().create_future()
    with activity(f"Reading {describe_reading(request)}"):
        app_service, (tenant, trust, caller), identity_resources = await gather_or_cancel(
            _find_site(session, request, settings, located),
            _read_directory(session, request, settings),
            gather_or_cancel(
                *(
                    find_identity_resource(session, request, identity, located)
                    for identity in request.identities
                )
            ),
        )
    is_for_names = request.desired.service is None
    if is_for_names and not _is_of_tenant(app_service, tenant):
        # Another tenant's directory knows none of the site's clients. It is left out, and not
        # refused, as it was read for their names alone.
        tenant = None
        trust = Trust()
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
    if app_service is not None:
        # What may be a secret goes no further than here.
        typed_values = filter(None, _typed_values(request.desired))
        observed = observed.with_settings(observed.settings, typed_values)
    return observed


def _is_of_tenant(app_service: AppService | None, tenant: Tenant | None) -> bool:
    if app_service is None or tenant is None:
        return True
    return same_id(tenant.id, app_service.tenant_id)


def _typed_values(desired: Desired) -> list[str | None]:
    """Values of settings that the user has typed, so that they may be shown."""
    role = desired.service.role if desired.service is not None else None
    others = desired.given.values() if isinstance(desired, Setup) else ()
    return [role, *others, *desired.names]


async def _read_directory(
    session: Session, request: Request, settings: asyncio.Future[AppSettings]
) -> tuple[Tenant | None, Trust, SignedIn]:
    if request.desired.service is None:
        tenant, trust = await _find_names(session, request, settings)
        return tenant, trust, SignedIn("")
    graph = session.graph
    return await gather_or_cancel(
        applications.tenant(graph),
        find_trust(graph, request, settings),
        _find_caller(session, request),
    )


async def _find_names(
    session: Session, request: Request, settings: asyncio.Future[AppSettings]
) -> tuple[Tenant | None, Trust]:
    """Find the names of clients that lose access, for a command that needs no directory else.

    It may be an incident: a directory that cannot be read, or takes its time, must not hold it up.
    """
    desired = request.desired
    is_turned_off = isinstance(desired, Setup) and desired.settings is SettingsScope.OFF
    if not isinstance(desired, Restore) and not is_turned_off:
        return None, Trust()
    unique_name = ""
    if request.target is not None:
        unique_name = service_unique_name(request.target.name, request.target.slot)
    put_back = _ids_put_back(request, desired)
    look = Look(ServiceSpec(), tuple(sorted(put_back)))
    of_names = replace(request, desired=look, unique_name=unique_name)
    graph = session.graph
    with suppress(S2SError, TimeoutError):
        async with asyncio.timeout(NAMES_SECONDS):
            tenant, trust = await gather_or_cancel(
                applications.tenant(graph),
                _find_trust_of_names(session, of_names, settings, desired),
            )
            return tenant, await _with_deleted(session, trust, put_back)
    return None, Trust()


async def _find_trust_of_names(
    session: Session, request: Request, settings: asyncio.Future[AppSettings], desired: Desired
) -> Trust:
    """Find the trust of the settings, with those whose IDs a backup has on its lists."""
    if not isinstance(desired, Restore):
        return await find_trust(session.graph, request, settings)
    merged = dict(await asyncio.shield(settings))
    for setting in request.api.lists:
        put_back = set(filter(is_guid, setting.list_in(desired.backup.settings).ids))
        ids = setting.list_in(merged).with_ids(put_back)
        merged[spelling_in(merged, setting.name)] = ids.text
    of_both: asyncio.Future[AppSettings] = asyncio.get_running_loop().create_future()
    of_both.set_result(merged)
    return await find_trust(session.graph, request, of_both)


def _ids_put_back(request: Request, desired: Desired) -> set[str]:
    """Return the appIds that a backup has: those on its list, and its service application's."""
    if not isinstance(desired, Restore):
        return set()
    backup = desired.backup.settings
    listed = request.api.list_in(Holds.APPLICATION_IDS, backup).ids
    service_id = client_id_in((request.api.service_in(backup) or "").strip())
    return {*filter(is_guid, listed), *filter(None, [service_id])}


async def _with_deleted(session: Session, trust: Trust, client_ids: Collection[str]) -> Trust:
    """Add those of the clients that are in the recycle bin, where one is missing."""
    missing = [
        client_id
        for client_id in client_ids
        if not any(same_id(client.client_id, client_id) for client in trust.clients)
    ]
    rows = await or_unknown(recycle_bin.applications(session.graph)) if missing else ()
    deleted = [row for row in rows or () if any(same_id(row.client_id, each) for each in missing)]
    return replace(trust, deleted=tuple(deleted))


async def _find_caller(session: Session, request: Request) -> SignedIn:
    """Find who the caller is, for commands that write to registrations: it may own some.

    A refusal counts only where that decides.
    """
    signed_in: SignedIn = session.graph.credential.signed_in
    if isinstance(request.desired, Look):
        return signed_in
    return await or_unknown(caller_rights.identity(session.graph)) or signed_in


async def _find_site(
    session: Session, request: Request, settings: asyncio.Future[AppSettings], located: Located
) -> AppService | None:
    """Find the App Service; `settings` gets what in its settings leads into the directory."""
    if request.target is None:
        settings.set_result({})
        return None
    search = _FunctionAppSearch(session, request)

    def note_location(resource: ResourceId) -> None:
        located(resource)
        search.located(resource)

    def note_settings(values: AppSettings | None) -> None:
        settings.set_result(request.api.masked(values or {}))
        if values is not None:
            search.settings_read(values)

    async with aclosing(search):
        site = await find_app_service(
            session.arm,
            request.target,
            note_location,
            note_settings,
            request.api,
            without_settings=request.without_settings,
        )
        mark = request.api.function_app_mark
        if site.is_function_app(mark) and not site.website(mark):
            return await _with_siblings(session, request, site)
        return replace(site, function_app=await search.absence())


async def _with_siblings(session: Session, request: Request, site: AppService) -> AppService:
    """Add the API's sites to a function app, which is refused: the user may have meant one."""
    with suppress(S2SError):
        subscription = site.resource.subscription_id
        api_sites, _ = await find_sites(session.arm, subscription, request.api)
        siblings = tuple(f"{each.names[0]} ({each.resource_group})" for each in api_sites)
        return replace(site, siblings=siblings)
    return site


async def _explain_absence(session: Session, site: ResourceId) -> FunctionApp:
    """Tell a function app that does not exist from one that the caller may not read.

    A list has only the apps that the caller may read.
    """
    permissions = await or_unknown(session.arm.permissions(site.group))
    can_read = permissions is None or allowing_roles(permissions, "Microsoft.Web/sites/read")
    return FunctionApp.MISSING if can_read else FunctionApp.HIDDEN


class _FunctionAppSearch:
    """Looks for the function app that a deployment of the API has beside its web app.

    It goes on beside the reading of the App Service, as far as it may tell more than that.
    """

    def __init__(self, session: Session, request: Request) -> None:
        self._session = session
        self._api = request.api
        desired = request.desired
        has_mark = request.api.function_app_mark is not None
        self._is_wanted = (
            isinstance(desired, Setup) and bool(request.credential_suffix) and has_mark
        )
        # A client is added to what is set up: there it hardly ever tells more.
        self._reads_ahead = (
            isinstance(desired, Setup) and desired.settings is not SettingsScope.CLIENTS
        )
        self._site: ResourceId | None = None
        self._reading: asyncio.Task[list[Site] | None] | None = None
        self._explaining: asyncio.Task[FunctionApp | None] | None = None

    def located(self, site: ResourceId) -> None:
        self._site = site
        if self._is_wanted and self._reads_ahead:
            self._reading = asyncio.ensure_future(or_unknown(self._readable_beside(site)))

    def settings_read(self, settings: AppSettings) -> None:
        """Settings of the API show that the App Service is one of its sites."""
        if self._is_wanted and self._site is not None and not self._api.shown(settings):
            self._explaining = asyncio.ensure_future(self._explain_absence_beside(self._site))

    async def absence(self) -> FunctionApp | None:
        """Why none is seen; `None` where one is, or where it would tell nothing."""
        return None if self._explaining is None else await self._explaining

    async def _explain_absence_beside(self, site: ResourceId) -> FunctionApp | None:
        sites = await (self._reading or or_unknown(self._readable_beside(site)))
        mark = self._api.function_app_mark
        if sites is None or any(other.website(mark) == site.name.casefold() for other in sites):
            return None
        return await _explain_absence(self._session, site)

    async def _readable_beside(self, site: ResourceId) -> list[Site]:
        try:
            return await self._session.arm.sites(site.subscription_id, site.resource_group)
        except PermissionMissing:
            return []

    async def aclose(self) -> None:
        await end_all(task for task in (self._explaining, self._reading) if task is not None)


async def find_identity_resource(
    session: Session, request: Request, identity: str | ResourceId, located: Located
) -> IdentityResource:
    """Find a resource by its id, or a web or function app by its bare name. Raises NotThere."""
    if isinstance(identity, str):
        subscription = (request.target or session).subscription or ""
        if not is_guid(subscription):
            subscription = (await find_subscription(session.arm, subscription or None)).id
        identity = await find_web_app(session.arm, subscription, identity, request.api)
    located(identity)
    resource = await read_identity_resource(session, identity)
    if resource.principal_id is None:
        # Enabling its identity sends those again that users assigned: that takes rights, too.
        for assigned in resource.assigned:
            located(assigned)
    return resource


async def read_identity_resource(session: Session, identity: ResourceId) -> IdentityResource:
    """Read a resource by its ID. Raises NotThere."""
    resource = await session.arm.identity_resource(identity)
    if resource is None:
        raise NotThere(
            "resource-not-found",
            f"The resource '{identity}' does not exist, or you can't read it.",
            remedy="Check the ID:",
            command=command("az", "resource", "show", "--ids", str(identity)),
        )
    return resource


# Who controls a registration: asked only where that decides, or has to be said


async def read_custody(
    session: Session, request: Request, observed: ObservedState
) -> ObservedState:
    """Read owners and credentials of the registrations, as far as this command has to know them.

    They decide whether a registration is believed: `planning/belief.py`.
    """
    observed = replace(
        observed,
        unfinished=frozenset(remembered_registrations(observed.subject, Remembered.UNFINISHED)),
        deleted_here=remembered_registrations(observed.subject, Remembered.DELETED),
        sole_here=remembered_registrations(observed.subject, Remembered.SOLE),
    )
    observed = await _with_twins(session, request, observed)
    clients = list(registrations_to_inspect(observed, request.desired))
    if clients:
        observed = await _read_owners(session, request, observed, clients)
    notes = await read_local_notes(session, request, observed)
    attempted = remembered_registrations(observed.subject, Remembered.ATTEMPTED)
    with_undelivered = tuple(
        _with_undelivered(
            client,
            notes.get(client.client_id, ()),
            attempted.get(client.application.object_id.casefold(), frozenset()),
        )
        for client in observed.trust.clients
    )
    trust = replace(observed.trust, clients=with_undelivered)
    return replace(observed, local_notes=notes, trust=trust)


async def _with_twins(session: Session, request: Request, observed: ObservedState) -> ObservedState:
    """Add other App Services of the name, where nothing says whose the service application is."""
    site, service = observed.app_service, observed.trust.service
    if site is None or service is None or isinstance(request.desired, Look):
        return observed
    if not is_of_unknown_site(service, observed):
        return observed
    subscription, name = site.resource.subscription_id, site.resource.names[0]
    # Who may not list them has no role at another one, either.
    resources = await or_unknown(session.arm.sites_named(subscription, name)) or []
    own = ResourceId.site(subscription, site.resource.resource_group, name)
    twins = [str(resource) for resource in resources if not same_id(str(resource), str(own))]
    return replace(observed, twins=tuple(sorted(twins)))


def _with_undelivered(
    client: ClientApplication, notes: Collection[SecretNote], attempted: frozenset[str]
) -> ClientApplication:
    """Mark the secrets that are known to have reached no place.

    A file of this machine outweighs the tags, which owners of the registration write, too.
    `attempted`: the tags of attempts whose secret a run here has not handed over. Another run may
    have taken such a tag off, if no replica had shown it to that run's plan.
    """
    application = client.application
    undelivered = set(application.undelivered)
    for secret in secrets_among(application.credentials):
        is_noted = any(note.is_undelivered(secret, client.client_id) for note in notes)
        if is_noted or attempt_tag(secret.name or "") in attempted:
            undelivered.add(secret.key_id)
        if any(note.is_of_client(client.client_id) and note.has_received(secret) for note in notes):
            undelivered.discard(secret.key_id)
    return replace(client, application=replace(application, undelivered=frozenset(undelivered)))


async def _read_owners(
    session: Session,
    request: Request,
    observed: ObservedState,
    clients: Sequence[ClientApplication],
) -> ObservedState:
    caller, custodies = await gather_or_cancel(
        caller_rights.identity(session.graph),
        gather_or_cancel(
            *(
                _find_custody_unless_gone(session, request.desired, observed, client)
                for client in clients
            )
        ),
    )
    known: dict[str, Custody] = {}
    trust = observed.trust
    gone: set[str] = set()
    for client, custody_or_none in zip(clients, custodies, strict=True):
        if custody_or_none is not None:
            known[client.client_id] = custody_or_none
        elif _is_decisive(client, observed):
            trust = trust.without(client.client_id)
            gone.add(client.application.object_id)
    decisive = [client for client in clients if _is_decisive(client, observed)]
    trust = await _read_again(session, trust, decisive)
    if gone and isinstance(request.desired, Setup):
        trust = replace(trust, deleted=(*trust.deleted, *await _find_deleted(session, gone)))
    return replace(observed, trust=trust, caller=caller, custody=known)


async def _find_deleted(session: Session, object_ids: Collection[str]) -> Collection[Application]:
    """Find those that a replica of the recycle bin shows by now, for the plan to restore them.

    Otherwise, they are met when another one is created. Who creates it without its name has to wait
    until it can be named, deleted and purged.
    """
    looks = (or_unknown(recycle_bin.applications(session.graph)) for _ in range(AGREEING_READS))
    rows = [row for look in await gather_or_cancel(*looks) for row in look or ()]
    return {row.object_id: row for row in rows if row.object_id in object_ids}.values()


async def _read_again(
    session: Session, trust: Trust, clients: Sequence[ClientApplication]
) -> Trust:
    """Read registrations again, as an owner could change them until the owners were read."""
    graph = session.graph
    service = trust.service
    client_ids = [client.client_id for client in clients]
    rows = {row.client_id: row for row in await applications.by_client_ids(graph, client_ids)}

    def refresh(application: Application) -> Application:
        row = rows.get(application.client_id)
        # Its credentials stay, federated ones included: those of its custody decide.
        return application if row is None else replace(row, credentials=application.credentials)

    refreshed = tuple(
        replace(client, application=refresh(client.application)) for client in trust.clients
    )
    trust = replace(trust, clients=refreshed)
    if service is None or service.client_id not in rows:
        return trust
    assignments = await service_principals.assignments_to(graph, service.client_id)
    return replace(trust, service=refresh(service), assignments=tuple(assignments))


async def _find_custody_unless_gone(
    session: Session, desired: Desired, observed: ObservedState, client: ClientApplication
) -> Custody | None:
    """Find who controls a registration; `None` where it is gone, or where that decides nothing.

    A 404 may come from a replica that is behind. Only a setup takes a single one for an answer: if
    the registration exists, its creation by name meets it, and looks at its custody. Any other
    command would leave out a client that exists, so it asks until `AGREEING_READS` find nothing.
    """
    is_named = is_named_in_command(client.application, desired)
    is_decisive = _is_decisive(client, observed)
    gives_up_at = clock.seconds() + min(LAG_SECONDS, session.connection.remaining(RESERVE))
    missed_reads = 0
    while True:
        search = find_custody(session, client, may_be_gone=not is_named)
        # Owners of other registrations are only shown: a refusal to read them stops nothing.
        result = await (or_none(search) if is_named or is_decisive else or_unknown(search))
        if result is not None:
            return result
        if not is_decisive or isinstance(desired, Setup) or clock.seconds() >= gives_up_at:
            return None
        with waiting(REPLICATION, gives_up_at):
            await asyncio.sleep(LOOK_PAUSE)
            application, principal = await gather_or_cancel(
                applications.by_client_id(session.graph, client.client_id),
                service_principals.by_client_id(session.graph, client.client_id),
            )
        missed_reads = missed_reads + 1 if application is None else 0
        if missed_reads == AGREEING_READS:
            return None
        client = replace(client, principal=principal)


def _is_decisive(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether it is the service application or has a name below its own: it may be believed."""
    trust = observed.trust
    if client.application == trust.service:
        return True
    return has_unique_name_below(client.application, trust.unique_name)


async def find_custody(
    session: Session, client: ClientApplication, *, may_be_gone: bool = False
) -> Custody:
    """Find the owners and credentials of a registration.

    A 404 is waited out, unless it `may_be_gone`: then it is raised, as ServiceError.
    """
    graph = session.graph
    object_id = client.application.object_id
    principals = [client.principal.id] if client.principal is not None else []
    # Owners first: who is no owner then adds nothing any more, and what was added before shows.
    owners = await custody.owners(graph, object_id, principals, may_be_gone=may_be_gone)
    credentials = await custody.credentials(graph, object_id, principals, may_be_gone=may_be_gone)
    return Custody(owners, credentials)


async def find_caller_id(session: Session) -> PrincipalId | None:
    return (await caller_rights.identity(session.graph)).id


async def decide_trust(
    session: Session,
    request: Request,
    before: ObservedState,
    application: Application,
    restored: Collection[PrincipalId] | None = None,
    *,
    is_service: bool,
) -> TrustDecision:
    """Decide anew whether to believe a registration that this run has met or restored.

    `restored`: the service principals that came back with it, which not every replica shows yet.
    All credentials of a restored one but the delivered one are removed next, so only credentials of
    another maker count.
    """
    spec = request.desired.service or ServiceSpec()
    graph = session.graph
    principal = await service_principals.by_client_id(graph, application.client_id)
    # A replica may still show the service principal from before the removal.
    if restored is not None and principal is not None and principal.id not in restored:
        principal = None
    principal_ids = set(restored or ())
    if principal is not None:
        principal_ids.add(principal.id)
    caller, owners = await gather_or_cancel(
        caller_rights.identity(graph), custody.owners(graph, application.object_id, principal_ids)
    )
    credentials = await custody.credentials(graph, application.object_id, principal_ids)
    row = await applications.by_object_id(graph, application.object_id)
    if restored is None:
        # A replica may not show yet the name that this run has just given it.
        application = replace(row, unique_name=application.unique_name)
    else:
        # In the recycle bin, a name may have been taken from tags, which anyone writes.
        application = row
        credentials = doubtful_once_restored(credentials, application, before)
    known = {**before.custody, application.client_id: Custody(owners, credentials)}
    observed = replace(before, caller=caller, custody=known)
    if is_service:
        observed = await _with_service(session, observed, application, principal)
        observed = replace(observed, local_notes=await read_local_notes(session, request, observed))
        return service_trust(application, observed, spec)
    client = ClientApplication(application, principal)
    observed = _with_client(observed, client)
    observed = replace(observed, local_notes=await read_local_notes(session, request, observed))
    return client_trust(client, observed, spec, request.desired.names)


def _with_client(observed: ObservedState, client: ClientApplication) -> ObservedState:
    others = (other for other in observed.trust.clients if other.client_id != client.client_id)
    trust = replace(observed.trust, clients=(*others, client))
    return replace(observed, trust=trust)


async def _with_service(
    session: Session,
    observed: ObservedState,
    service: Application,
    principal: ServicePrincipal | None,
) -> ObservedState:
    """Replace the service application, and add the clients to whom its roles are assigned.

    Some of these clients came back only just now.
    """
    assignments = await service_principals.assignments_to(session.graph, service.client_id)
    trust = replace(
        observed.trust, service=service, principal=principal, assignments=tuple(assignments)
    )
    trust = await complete_clients(session.graph, trust)
    holders = {assignment.principal_id for assignment in trust.assignments}
    clients = [
        client
        for client in trust.clients
        if client.principal_id in holders
        and client.is_registered_here
        and has_unique_name_below(client.application, trust.unique_name)
        and client.client_id not in observed.custody
    ]
    searches = [or_none(find_custody(session, client, may_be_gone=True)) for client in clients]
    custodies = await gather_or_cancel(*searches)
    known = dict(observed.custody)
    for client, custody_or_none in zip(clients, custodies, strict=True):
        if custody_or_none is not None:
            known[client.client_id] = custody_or_none
    return replace(observed, trust=trust, custody=known)
