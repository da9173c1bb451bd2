"""Create, restore and own registrations, and make sure that one which a plan takes for existing is
still there.

Sources: docs/azure-contract.md, sections 3.8, 3.10 ("Owner") and 3.13; terraform-provider-azuread
(`WaitForDeletion`, `applicationResourceCreate`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, activity, waiting
from mct_s2s.azure.connection import RESERVE
from mct_s2s.azure.graph import (
    applications,
    caller_rights,
    credentials,
    custody,
    recycle_bin,
    service_principals,
)
from mct_s2s.azure.retry import LAG_SECONDS
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.observe import AGREEING_READS, READ_PAUSE, decide_trust, find_caller_id
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Session
from mct_s2s.errors import MissingRight, PermissionMissing, S2SError, ServiceError
from mct_s2s.model.commands import command
from mct_s2s.model.desired import Desired, Removal
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId, Tag
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.belief import (
    Doubt,
    Doubted,
    Reason,
    TrustDecision,
    foreign_owners,
    is_created_by_caller,
)
from mct_s2s.planning.changes import AnyChange, CreateApplication, only_notes_use
from mct_s2s.planning.not_ours import not_ours
from mct_s2s.planning.ownership import SERVICE, clients_called, is_in_settings, is_listed
from mct_s2s.planning.permissions.rights import BIN_READERS, relies_on_ownership

T = TypeVar("T")

REGISTERING_ATTEMPTS = 3
"""Requests whose answer was lost, before the error is final."""
OVERWRITTEN = (
    "Someone registered it while this run was doing so: the request gave it this run's display "
    "name and audience, a client also its tags and permissions, and nothing else was changed."
)
"""An upsert updates what is there: learn.microsoft.com/graph/api/application-upsert."""
APPEARS_WITHIN = 10
"""Looks, one second apart: filters and the recycle bin lag behind (docs/azure-contract.md, 3.8 and
3.11).
"""
OWNED_WITHIN = 30.0
"""Seconds for which a refusal may mean that a replica has not heard who owns a registration."""

SETTLES_WITHIN = 15.0
"""Seconds for which a replica may show a registration as it was before it was deleted and restored.
"""


async def create(
    session: Session, outcome: Outcome, change: CreateApplication, *, as_owner: bool
) -> tuple[Application, str]:
    """Create it, or restore the one that was just deleted under its name; a word on which.

    Raises NotOurs.
    """
    graph, name = session.graph, change.application.unique_name or ""
    try:
        if as_owner:
            application, is_made = await create_as_owner(session, outcome, change)
        else:
            application, is_made = await applications.create(graph, change.application)
    except ServiceError as error:
        if error.code != "name-taken":
            raise
        with waiting("waiting for the deleted one to appear in the recycle bin"):
            for _ in range(APPEARS_WITHIN):
                for row in await _deleted_applications(session, error, name):
                    if row.unique_name == name and row.object_id not in outcome.withdrawn:
                        back = replace(row, credentials=(), deleted=None)
                        await restore(session, outcome, back, change.resource, is_sure=False)
                        return back, "restored: it had just been deleted"
                await asyncio.sleep(1)
        again = "Run the same command again in a minute to restore it."
        error.advise(f"A registration that was just deleted still has the name '{name}'. {again}")
        raise
    if not is_made:
        is_service = change.resource == SERVICE
        trusted = await decide_trust(
            session, outcome.request, outcome.before, application, is_service=is_service
        )
        if isinstance(trusted, Doubted):
            done = "It was left alone." if as_owner else OVERWRITTEN
            refused = not_ours(application, trusted, change.resource, done=done)
            refused.is_met = True
            raise refused
    if not as_owner:
        application = await applications.complete(graph, application, change.application)
    return application, ""


async def _deleted_applications(
    session: Session, taken: ServiceError, name: str
) -> list[Application]:
    """Raises `taken`, with who can do it, for a caller who may not read the recycle bin."""
    try:
        return await recycle_bin.applications(session.graph)
    except PermissionMissing as refused:
        taken.advise(
            f"A deleted registration still has the name '{name}', and you can't read the recycle "
            "bin. Ask someone with the role "
            f"{BIN_READERS} to run the same command: it restores that registration."
        )
        raise taken from refused


async def restore(
    session: Session, outcome: Outcome, application: Application, resource: str, *, is_sure: bool
) -> PrincipalId | None:
    """Restore it without the credentials that its record does not name; the principal that came
    back.

    Raises NotOurs.

    The recycle bin shows neither owners nor whom its roles are assigned to: unless `is_sure`, one
    that is not believed then is deleted again.
    """
    graph, object_id = session.graph, application.object_id
    back = await recycle_bin.restore(graph, application)
    if not is_sure:
        shown = replace(application, deleted=None)
        trusted = await _trust_of_restored(
            session, outcome, shown, back, is_service=resource == SERVICE
        )
        if isinstance(trusted, Doubted):
            await applications.delete(graph, object_id)
            graph_url = session.connection.cloud.graph
            done = "It was restored to check, and deleted again."
            raise not_ours(application, trusted, resource, graph_url, done=done)
    await credentials.remove_all_but(
        graph, object_id, back, {one.key_id for one in application.credentials}
    )
    return next(iter(back), None)


async def _trust_of_restored(
    session: Session,
    outcome: Outcome,
    application: Application,
    back: list[PrincipalId],
    *,
    is_service: bool,
) -> TrustDecision:
    """Whether it is believed; doubted only once replicas had the time to show what its removal took
    away from it.
    """
    gives_up_at = clock.seconds() + min(SETTLES_WITHIN, session.connection.remaining(RESERVE))
    while True:
        # What this run has restored and checked meanwhile is its own, too.
        noted = outcome.before.unfinished | outcome.before.deleted_here | outcome.remembered
        before = replace(outcome.before, unfinished=noted)
        trusted = await decide_trust(
            session, outcome.request, before, application, back, is_service=is_service
        )
        # Owners are not changed by a removal.
        if not isinstance(trusted, Doubted) or trusted.owners or clock.seconds() >= gives_up_at:
            return trusted
        with waiting(REPLICATION, gives_up_at):
            await asyncio.sleep(READ_PAUSE)


async def create_as_owner(
    session: Session, outcome: Outcome, change: CreateApplication
) -> tuple[Application, bool]:
    """Register by POST, which makes the caller the owner, then set the name; whether it was made
    now.

    By an upsert, who may change only what it owns may be left with one that it can neither change
    nor delete.
    """
    graph, unique_name, caller = (
        session.graph,
        change.application.unique_name or "",
        await find_caller_id(session),
    )
    tag = Tag.NAME.of(unique_name)
    left = await _left_over(session, outcome, tag)
    new = replace(change.application, tags=tuple(dict.fromkeys((*change.application.tags, tag))))
    made = left or await _registered(session, outcome, new, tag, caller)
    outcome.remember(made.object_id)
    try:
        await _as_owner(
            session, made, lambda: applications.set_unique_name(graph, made.object_id, unique_name)
        )
    except ServiceError as error:
        if error.code != "name-taken":
            raise
        outcome.withdrawn.add(made.object_id)
        await applications.delete(graph, made.object_id)
        await recycle_bin.purge(graph, made.object_id, just_deleted=True)
        [faster] = await applications.by_unique_names(graph, [unique_name])
        if faster is None:
            raise
        return faster, False
    return replace(made, unique_name=unique_name), True


async def create_principal(
    session: Session, client_id: ClientId, made: Application | None, *, as_owner: bool
) -> ServicePrincipal:
    """`made`: its application, where this run made or restored it: not every replica shows
    it yet.
    """
    graph = session.graph
    try:
        return await service_principals.create(graph, client_id)
    except S2SError as refused:
        if not _is_for_owners(refused) or (isinstance(refused, PermissionMissing) and not as_owner):
            raise
        application = made or await applications.by_client_id(graph, client_id)
        if application is None:
            raise
        # Whom it belongs to is known everywhere, where this run did not make it.
        told = (
            refused
            if made is not None
            else await as_not_owned(session, application.object_id, refused)
        )
        if told is not refused or not graph.is_young(client_id):
            raise told from refused
    return await _as_owner(
        session, application, lambda: service_principals.create(graph, client_id)
    )


async def check_principal(
    session: Session, application: Application, principal: ServicePrincipal, kind: str
) -> None:
    """Make sure that the service principal of a registration that was there before is no one
    else's.

    Raises NotOurs.

    One that the first look did not show may have been deleted and restored by its owner.
    """
    graph, halves = session.graph, [principal.id]
    owners = await custody.owners(graph, application.object_id, halves)
    credentials = await custody.credentials_of_principal(graph, principal.id)
    others = foreign_owners(owners, await find_caller_id(session))
    if others or credentials:
        nouns = tuple(one.kind.noun for one in credentials)
        reasons = [Reason(Doubt.OWNED, others)] if others else []
        reasons += [Reason(Doubt.CREDENTIALS, nouns)] if nouns else []
        raise not_ours(application, Doubted(tuple(reasons)), kind, done="It was left alone.")


async def as_not_owned(
    session: Session, object_id: ApplicationObjectId, refused: S2SError
) -> S2SError:
    """The refusal, for a caller that may change only what it owns."""
    try:
        caller, application = await gather_or_cancel(
            find_caller_id(session), applications.by_object_id(session.graph, object_id)
        )
        owners = (
            await custody.owners(session.graph, application.object_id) if caller is not None else []
        )
        if caller is None or any(owner == caller for owner, _ in owners):
            return refused
    except S2SError:
        return refused
    name, client_id = application.display_name, application.client_id
    add = command("az", "ad", "app", "owner", "add", "--id", client_id, "--owner-object-id", caller)
    return PermissionMissing(
        "not-owner",
        f"You can only update app registrations that you own, and '{name}' (appId {client_id}) is "
        "not one of them.",
        answer=refused.answer,
        remedy="Run the same command again after one of its owners, or a Cloud Application "
        "Administrator, has made you an owner. They run:",
        command=add,
        request_id=refused.request_id,
        missing=(
            MissingRight(
                f"update the app registration '{name}'", "ownership", "one of its owners", add
            ),
        ),
    )


async def _left_over(session: Session, outcome: Outcome, tag: str) -> Application | None:
    """What an interrupted run of this caller created and did not name: by the directory's word, or
    this machine's.

    Anyone can write our tag, and make the caller an owner.
    """
    caller = await caller_rights.identity(session.graph)
    for application in await applications.with_tag(session.graph, tag):
        is_known = (
            is_created_by_caller(application, caller)
            or application.object_id in outcome.before.unfinished
        )
        if is_known and application.unique_name is None and not application.credentials:
            owners = await custody.owners(session.graph, application.object_id)
            if not foreign_owners(owners, caller.id):
                return application
    return None


async def _registered(
    session: Session, outcome: Outcome, new: Application, tag: str, caller: PrincipalId | None
) -> Application:
    for attempt in range(1, REGISTERING_ATTEMPTS + 1):
        try:
            return await applications.register(session.graph, new, caller)
        except ServiceError as error:
            if not error.answer_lost or caller is None or attempt == REGISTERING_ATTEMPTS:
                raise
        with waiting("looking for the registration whose response was lost"):
            for _ in range(APPEARS_WITHIN):
                made = await _left_over(session, outcome, tag)
                if made is not None:
                    return made
                await asyncio.sleep(1)
    raise AssertionError(new)


async def _as_owner(
    session: Session, application: Application, act: Callable[[], Awaitable[T]]
) -> T:
    until = clock.seconds() + OWNED_WITHIN
    while True:
        try:
            return await act()
        except S2SError as refused:
            if not _is_for_owners(refused):
                raise
            if clock.seconds() >= until:
                raise await as_not_owned(session, application.object_id, refused) from refused
        with waiting("waiting for Entra ID to know its owner everywhere", gives_up_at=until):
            await asyncio.sleep(1)


def _is_for_owners(refused: S2SError) -> bool:
    return isinstance(refused, PermissionMissing) or (
        isinstance(refused, ServiceError) and refused.status == 403
    )


async def wait_for_deletions(session: Session, outcome: Outcome) -> bool:
    """Whether something is gone, so that the plan has to be made again.

    Raises ServiceError, PermissionMissing.

    Replicas show a deleted registration for a while; a write meets the newest state, so one is sent
    without a change.
    """
    doubtful = _found_by_name_alone(outcome.before, outcome.request.desired)
    if not doubtful:
        return False
    gives_up_at = clock.seconds() + min(LAG_SECONDS, session.connection.remaining(RESERVE))
    with activity("Checking the app registrations"):
        return any(
            await gather_or_cancel(
                *(_is_gone(session, one, outcome, gives_up_at) for one in doubtful)
            )
        )


async def _accepts_writes(session: Session, application: Application, outcome: Outcome) -> bool:
    try:
        return await applications.accepts_write(session.graph, application)
    except PermissionMissing as refused:
        if all(not _needs_to_write(change, application) for change in outcome.plan.changes):
            return True
        if not relies_on_ownership(outcome.access):
            raise
        raise await as_not_owned(session, application.object_id, refused) from refused


def _needs_to_write(change: AnyChange, application: Application) -> bool:
    return getattr(change, "object_id", None) == application.object_id and not only_notes_use(
        change
    )


def _found_by_name_alone(observed: ObservedState, desired: Desired) -> list[Application]:
    """The service application and the named clients that the App Service's settings do not name:
    those never lag.
    """
    if isinstance(desired, Removal):
        return []
    service = observed.trust.service
    found = [] if service is None or is_in_settings(service, observed) else [service]
    for name in desired.names:
        clients = clients_called(name, observed)
        unlisted = (one for one in clients if not is_listed(one, observed))
        found += [one.application for one in unlisted if one.is_registered]
    return list({one.object_id: one for one in found}.values())


async def _is_gone(
    session: Session, application: Application, outcome: Outcome, gives_up_at: float
) -> bool:
    agreeing = 0
    while not await _accepts_writes(session, application, outcome):
        if agreeing == AGREEING_READS:
            return True
        if clock.seconds() + READ_PAUSE > gives_up_at:
            raise ServiceError(
                "registration-in-doubt",
                f"Microsoft Graph shows the app registration '{application.display_name}' (appId "
                f"{application.client_id}), but refuses changes to it as if it were deleted. "
                "Nothing was changed.",
                remedy="Run the same command again in a few minutes.",
                status=404,
            )
        with waiting(REPLICATION):
            await asyncio.sleep(READ_PAUSE)
            shown = await applications.by_client_id(session.graph, application.client_id)
        agreeing = agreeing + 1 if shown is None else 0
    return False
