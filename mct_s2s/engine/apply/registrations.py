"""Create, restore and own registrations, and make sure that one which a plan takes for existing is still there.

Sources: docs/azure-contract.md, sections 3.8, 3.10 ("Owner") and 3.13; terraform-provider-azuread (`WaitForDeletion`,
`applicationResourceCreate`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, activity, waiting
from mct_s2s.azure.connection import RESERVE
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.observe import caller_of, find_custody
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Session
from mct_s2s.errors import MissingRight, PermissionMissing, S2SError, ServiceError
from mct_s2s.model.client_credentials import CLOCKS_DIFFER
from mct_s2s.model.commands import command
from mct_s2s.model.desired import Desired, Removal
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId, Tag
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.changes import CreateApplication
from mct_s2s.planning.ownership import (
    clients_called,
    foreign_owners,
    is_allowed,
    is_in_settings,
    not_ours,
    others_control,
)
from mct_s2s.planning.permissions.rights import relies_on_ownership

T = TypeVar("T")

REGISTERING_ATTEMPTS = 3
"""Requests whose answer was lost, before the error is final."""
APPEARS_WITHIN = 10
"""Looks, one second apart: filters and the recycle bin lag behind (docs/azure-contract.md, 3.8 and 3.11)."""
OWNED_WITHIN = 30.0
"""Seconds for which a refusal may mean that a replica has not heard who owns a registration."""
AGREEING = 3
"""Reads in a row that have to find it gone: each may be answered by another replica. Terraform demands five."""
PAUSE = 1.0
LONGEST = 300.0
"""Seconds: replication that takes longer is an outage."""


async def create(
    session: Session, change: CreateApplication, since: datetime, *, as_owner: bool
) -> tuple[Application, str]:
    """Create it, or restore the one that was just deleted under its name; a word on which."""
    directory, name = session.directory, change.application.unique_name or ""
    try:
        made = create_as_owner(session, change) if as_owner else directory.create_application(change.application)
        application, is_made = await made
    except ServiceError as error:
        if error.code != "name-taken":
            raise
        with waiting("waiting for the deleted one to appear in the recycle bin"):
            for _ in range(APPEARS_WITHIN):
                for row in await directory.deleted_applications():
                    if row.unique_name == name:
                        back = replace(row, credentials=(), deleted=None)
                        await restore(session, back, change.resource, is_sure=False)
                        return back, "restored: it had just been deleted"
                await asyncio.sleep(1)
        again = "Run the same command again in a minute to restore it."
        error.advise(f"A registration that was just deleted still has the name '{name}'. {again}")
        raise
    if not is_made:
        caller, principal = await gather_or_cancel(caller_of(session), directory.principal(application.client_id))
        custody = await find_custody(session, ClientApplication(application, principal))
        # Another of our runs may have created it and its credential: then it is the caller's, and as young as this run.
        is_young = application.created is not None and application.created >= since - CLOCKS_DIFFER
        why = others_control(custody, caller, lambda one: is_young and one.is_ours)
        if why:
            raise not_ours(application, why, change.resource)
    return application, ""


async def restore(session: Session, application: Application, resource: str, *, is_sure: bool) -> PrincipalId | None:
    """Restore it without the credentials that its record does not name; the principal that came back. Raises Refused.

    The recycle bin shows no owners: unless `is_sure`, one that someone else owns is deleted again.
    """
    directory, object_id = session.directory, application.object_id
    back = await directory.restore_application(application)
    if not is_sure:
        caller, owners = await gather_or_cancel(caller_of(session), directory.owners(object_id, back))
        others = ", ".join(foreign_owners(owners, caller))
        if others:
            await directory.delete_application(object_id)
            graph = session.connection.cloud.graph
            raise not_ours(application, f"it is owned by {others}", resource, graph)
    await directory.remove_credentials(object_id, back, {one.key_id for one in application.credentials})
    return next(iter(back), None)


async def create_as_owner(session: Session, change: CreateApplication) -> tuple[Application, bool]:
    """Register by POST, which makes the caller the owner, then set the name; whether it was made now.

    By an upsert, who may change only what it owns may be left with one that it can neither change nor delete.
    """
    directory, unique_name, caller = session.directory, change.application.unique_name or "", await caller_of(session)
    tag = Tag.NAME.of(unique_name)
    left = await _left_over(session, tag, caller)
    new = replace(change.application, tags=tuple(dict.fromkeys((*change.application.tags, tag))))
    made = left or await _registered(session, new, tag, caller)
    try:
        await _as_owner(session, made, lambda: directory.name_application(made.object_id, unique_name))
    except ServiceError as error:
        if error.code != "name-taken":
            raise
        await directory.delete_application(made.object_id)
        await directory.purge_application(made.object_id, just_deleted=True)
        [faster] = await directory.applications_by_unique_name([unique_name])
        if faster is None:
            raise
        return faster, False
    return replace(made, unique_name=unique_name), left is None


async def create_principal(
    session: Session, client_id: ClientId, made: Application | None, *, as_owner: bool
) -> ServicePrincipal:
    """`made`: its application, where this run made or restored it: not every replica shows it yet."""
    directory = session.directory
    try:
        return await directory.create_principal(client_id)
    except S2SError as refused:
        if not _is_for_owners(refused) or (isinstance(refused, PermissionMissing) and not as_owner):
            raise
        application = made or await directory.application_by_client_id(client_id)
        if application is None:
            raise
        # Whom it belongs to is known everywhere, where this run did not make it.
        told = refused if made is not None else await explained(session, application.object_id, refused)
        if told is not refused or not directory.is_young(client_id):
            raise told from refused
    return await _as_owner(session, application, lambda: directory.create_principal(client_id))


async def explained(session: Session, object_id: ApplicationObjectId, refused: S2SError) -> S2SError:
    """The refusal, for a caller that may change only what it owns."""
    try:
        caller, application = await gather_or_cancel(
            caller_of(session), session.directory.application_by_object_id(object_id)
        )
        owners = await session.directory.owners(application.object_id) if caller is not None else []
        if caller is None or any(owner == caller for owner, _ in owners):
            return refused
    except S2SError:
        return refused
    name, client_id = application.display_name, application.client_id
    add = command("az", "ad", "app", "owner", "add", "--id", client_id, "--owner-object-id", caller)
    return PermissionMissing(
        "not-owner",
        f"You can only update app registrations that you own, and '{name}' (appId {client_id}) is not one of them.",
        answer=refused.answer,
        remedy="Run the same command again after one of its owners, or a Cloud Application Administrator, has made "
        "you an owner. They run:",
        command=add,
        request_id=refused.request_id,
        missing=(MissingRight(f"update the app registration '{name}'", "ownership", "one of its owners", add),),
    )


async def _left_over(session: Session, tag: str, caller: PrincipalId | None) -> Application | None:
    """What an interrupted run of this caller made and did not name. Anyone can write our tag, too."""
    for application in await session.directory.applications_with_tag(tag):
        if application.unique_name is None:
            owners = await session.directory.owners(application.object_id)
            if owners and not foreign_owners(owners, caller):
                return application
    return None


async def _registered(session: Session, new: Application, tag: str, caller: PrincipalId | None) -> Application:
    for attempt in range(1, REGISTERING_ATTEMPTS + 1):
        try:
            return await session.directory.register_application(new, caller)
        except ServiceError as error:
            if not error.answer_lost or caller is None or attempt == REGISTERING_ATTEMPTS:
                raise
        with waiting("looking for the registration whose response was lost"):
            for _ in range(APPEARS_WITHIN):
                made = await _left_over(session, tag, caller)
                if made is not None:
                    return made
                await asyncio.sleep(1)
    raise AssertionError(new)


async def _as_owner(session: Session, application: Application, act: Callable[[], Awaitable[T]]) -> T:
    until = clock.seconds() + OWNED_WITHIN
    while True:
        try:
            return await act()
        except S2SError as refused:
            if not _is_for_owners(refused):
                raise
            if clock.seconds() >= until:
                raise await explained(session, application.object_id, refused) from refused
        with waiting("waiting for Entra ID to know its owner everywhere", gives_up_at=until):
            await asyncio.sleep(1)


def _is_for_owners(refused: S2SError) -> bool:
    return isinstance(refused, PermissionMissing) or (isinstance(refused, ServiceError) and refused.status == 403)


async def wait_for_deletions(session: Session, outcome: Outcome) -> bool:
    """Whether something is gone, so that the plan has to be made again. Raises ServiceError, PermissionMissing.

    Replicas show a deleted registration for a while; a write meets the newest state, so one is sent without a change.
    """
    doubtful = _found_by_name_alone(outcome.before, outcome.request.desired)
    if not doubtful:
        return False
    gives_up_at = clock.seconds() + min(LONGEST, session.connection.remaining(RESERVE))
    with activity("Checking the app registrations"):
        return any(await gather_or_cancel(*(_is_gone(session, one, outcome, gives_up_at) for one in doubtful)))


async def _accepts_writes(session: Session, application: Application, outcome: Outcome) -> bool:
    try:
        return await session.directory.accepts_writes(application)
    except PermissionMissing as refused:
        if all(getattr(change, "object_id", None) != application.object_id for change in outcome.plan.changes):
            return True
        if not relies_on_ownership(outcome.access):
            raise
        raise await explained(session, application.object_id, refused) from refused


def _found_by_name_alone(observed: ObservedState, desired: Desired) -> list[Application]:
    """The service application and the named clients that the App Service's settings do not name: those never lag."""
    if isinstance(desired, Removal):
        return []
    service = observed.trust.service
    found = [] if service is None or is_in_settings(service, observed) else [service]
    for name in desired.names:
        clients = clients_called(name, observed)
        unlisted = (one for one in clients if not is_allowed(one, observed))
        found += [one.application for one in unlisted if one.is_registered]
    return list({one.object_id: one for one in found}.values())


async def _is_gone(session: Session, application: Application, outcome: Outcome, gives_up_at: float) -> bool:
    agreeing = 0
    while not await _accepts_writes(session, application, outcome):
        if agreeing == AGREEING:
            return True
        if clock.seconds() + PAUSE > gives_up_at:
            raise ServiceError(
                "registration-in-doubt",
                f"Microsoft Graph shows the app registration '{application.display_name}' (appId "
                f"{application.client_id}), but refuses changes to it as if it were deleted. Nothing was changed.",
                remedy="Run the same command again in a few minutes.",
                status=404,
            )
        with waiting(REPLICATION):
            await asyncio.sleep(PAUSE)
            shown = await session.directory.application_by_client_id(application.client_id)
        agreeing = agreeing + 1 if shown is None else 0
    return False
