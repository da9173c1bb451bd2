"""Observe everything that a command needs, as much of it at once as the questions allow."""

import asyncio
from contextlib import suppress
from dataclasses import replace

from mct_s2s.activity import activity
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.sites import Located, find_app_service, find_subscription, find_web_app
from mct_s2s.engine.observe.trust_lookup import find_trust
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import NotThere, S2SError, or_none, or_unknown
from mct_s2s.model.azure_resources import AppService, IdentityResource
from mct_s2s.model.commands import command
from mct_s2s.model.desired import Desired, Removal, Setup
from mct_s2s.model.directory_objects import Custody, Tenant
from mct_s2s.model.ids import PrincipalId, Tag, client_id_in, is_guid
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AppSettings, ours
from mct_s2s.planning.ownership import in_question


def reading(request: Request) -> str:
    """What is looked at: `the directory and contosolearn`."""
    site = request.target.label if request.target is not None else ""
    return " and ".join(filter(None, ["the directory" * (request.desired.service is not None), site])) or "Azure"


async def observe(session: Session, request: Request, located: Located = lambda _: None) -> ObservedState:
    """`located` gets each resource's id as soon as it is known."""
    settings: asyncio.Future[AppSettings] = asyncio.get_running_loop().create_future()
    with activity(f"Reading {reading(request)}"):
        app_service, (tenant, trust), identity_resources = await gather_or_cancel(
            _app_service(session, request, settings, located),
            _directory(session, request, settings),
            gather_or_cancel(*(find_identity_resource(session, request, one, located) for one in request.identities)),
        )
        removes = isinstance(request.desired, Removal) or request.desired.removes_unnamed
        remembered = trust.service.tags if trust.service is not None and removes else ()
        resources = Tag.IDENTITY.values(remembered)
        uses = await gather_or_cancel(*(_use(session, trust, resource) for resource in resources))
    return ObservedState(
        request.now,
        session.connection.cloud.name,
        tenant,
        app_service,
        trust,
        identity_resources,
        enabled=tuple(one for one in uses if one is not None),
        graph=session.connection.cloud.graph,
        login=session.connection.cloud.login,
        where=request.where(app_service),
    )


async def _directory(
    session: Session, request: Request, settings: asyncio.Future[AppSettings]
) -> tuple[Tenant | None, Trust]:
    if request.desired.service is None:
        return None, Trust()
    return await gather_or_cancel(session.directory.tenant(), find_trust(session.directory, request, settings))


async def _app_service(
    session: Session, request: Request, settings: asyncio.Future[AppSettings], located: Located
) -> AppService | None:
    if request.target is None:
        settings.set_result({})
        return None
    site = await find_app_service(session.arm, request.target, located, without_settings=request.without_settings)
    settings.set_result(site.settings)
    is_new = isinstance(request.desired, Setup) and not site.refusal and not ours(site.settings)
    if request.attempt and is_new:
        with suppress(S2SError):  # who may not list them is not told
            beside = await session.arm.sites(site.resource.subscription_id, site.resource.resource_group)
            return replace(site, is_unusual=all(one.website != site.name.casefold() for one in beside))
    return site


async def find_identity_resource(
    session: Session, request: Request, wanted: str | ResourceId, located: Located
) -> IdentityResource:
    """By its id, or the bare name of a web or function app. Raises NotThere."""
    if isinstance(wanted, str):
        subscription = (request.target or session).subscription or ""
        if not is_guid(subscription):
            subscription = (await find_subscription(session.arm, subscription or None)).id
        wanted = await find_web_app(session.arm, subscription, wanted)
    located(wanted)
    found = await session.arm.identity_resource(wanted)
    if found is not None:
        return found
    raise NotThere(
        "resource-not-found",
        f"The resource '{wanted}' does not exist, or you can't read it.",
        remedy="Check the ID:",
        command=command("az", "resource", "show", "--ids", str(wanted)),
    )


async def _use(session: Session, trust: Trust, resource: str) -> IdentityResource | None:
    try:
        found = await session.arm.identity_resource(ResourceId.parse(resource))
    except S2SError:
        return None
    if found is None or found.principal_id is None:
        return found
    uses = await or_unknown(
        gather_or_cancel(session.arm.roles_of(found), session.directory.assignments_of(found.principal_id))
    )
    if uses is None:
        return replace(found, used_by=None)
    roles, assignments = uses
    service = trust.principal.id if trust.principal is not None else None
    apps = [f"app role of {a.resource_id}" for a in assignments if a.resource_id != service]
    return replace(found, used_by=(*(f"Azure role at {scope}" for scope in roles), *apps))


# Who controls a registration: asked only where that decides, or has to be said


async def with_custody(session: Session, request: Request, observed: ObservedState) -> ObservedState:
    asked = [*in_question(observed, request.desired)]
    if not asked:
        return observed
    caller, found = await gather_or_cancel(
        caller_of(session), gather_or_cancel(*(_custody_or_gone(session, request.desired, one) for one in asked))
    )
    custody, trust = dict[str, Custody](), observed.trust
    for client, one in zip(asked, found, strict=True):
        if one is None:
            trust = trust.without(client.client_id)
        else:
            custody[client.client_id] = one
    return replace(observed, trust=trust, caller=caller, custody=custody)


async def _custody_or_gone(session: Session, desired: Desired, client: ClientApplication) -> Custody | None:
    """`None` where replicas disagree whether it exists: if it does, its creation by name looks at its custody."""
    words = {*map(str.lower, desired.names), client_id_in(desired.adopt or "") or desired.adopt}
    is_named = not words.isdisjoint({client.client_id, *client.application.identifier_uris})
    return await or_none(find_custody(session, client, may_be_gone=not is_named))


async def find_custody(session: Session, client: ClientApplication, *, may_be_gone: bool = False) -> Custody:
    directory, object_id = session.directory, client.application.object_id
    principals = [client.principal.id] if client.principal is not None else []
    found = await gather_or_cancel(
        directory.owners(object_id, principals, may_be_gone=may_be_gone),
        directory.credentials(object_id, principals, may_be_gone=may_be_gone),
    )
    return Custody(*found)


async def caller_of(session: Session) -> PrincipalId | None:
    return (await session.directory.caller()).id
