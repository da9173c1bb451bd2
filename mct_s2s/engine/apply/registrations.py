"""Create, restore and own registrations, and make sure that one which a plan takes for existing is
still there.

Sources: docs/azure-contract.md, sections 3.8, 3.10 ("Owner") and 3.13; terraform-provider-azuread
(`WaitForDeletion`, `applicationResourceCreate`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, activity, waiting
from mct_s2s.azure.graph import (
    applications,
    caller_rights,
    credentials,
    custody,
    recycle_bin,
    service_principals,
)
from mct_s2s.concurrency import finish_both, gather_or_cancel
from mct_s2s.engine.observe.observe import decide_trust, find_caller_id
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Session
from mct_s2s.errors import MissingRight, NotOwner, PermissionMissing, S2SError, ServiceError
from mct_s2s.model.commands import command
from mct_s2s.model.desired import Desired, Removal, ServiceSpec
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId, Tag
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.belief import (
    Doubted,
    TrustDecision,
    client_trust,
    foreign_owners,
    has_new_owner,
    is_created_by_caller,
    names_of,
    principal_doubts,
    restored_trust,
    service_trust,
)
from mct_s2s.planning.changes import (
    AnyChange,
    CreateApplication,
    changed_registration,
    only_notes_use,
)
from mct_s2s.planning.clients import clients_called, is_listed
from mct_s2s.planning.not_ours import not_ours
from mct_s2s.planning.permissions.rights import BIN_READERS
from mct_s2s.planning.service_facts import SERVICE, is_in_settings
from mct_s2s.waits import (
    AGREEING_READS,
    APPEARS_LOOKS,
    IN_BIN_LOOKS,
    LAG_SECONDS,
    LOOK_PAUSE,
    OWNED_SECONDS,
    REGISTERING_TRIES,
    RESERVE,
    RESTORED_SECONDS,
)

T = TypeVar("T")

NAME_TAKEN = "name-taken"
OVERWRITTEN = (
    "Someone registered it while this run was doing so: the request gave it this run's display "
    "name and audience, a client also its tags and permissions, and nothing else was changed."
)
"""An upsert updates what is there: learn.microsoft.com/graph/api/application-upsert."""


# Create


async def create_registration(
    session: Session, outcome: Outcome, change: CreateApplication
) -> tuple[Application, str]:
    """Create a registration, or restore the one that was just deleted under its name.

    Returns it, and a remark. Raises NotOurs: someone else has created it.
    """
    if outcome.relies_on_ownership:
        return await create_as_owner(session, outcome, change)
    try:
        application, is_new = await applications.create(session.graph, change.application)
    except ServiceError as refusal:
        if refusal.code != NAME_TAKEN:
            raise
        return await _use_named(session, outcome, change, refusal)
    if not is_new:
        await _check_existing(session, outcome, change, application, result=OVERWRITTEN)
    return await applications.complete(session.graph, application, change.application), ""


async def _check_existing(
    session: Session,
    outcome: Outcome,
    change: CreateApplication,
    application: Application,
    *,
    result: str,
) -> None:
    """Check whether to believe a registration that was there already. Raises NotOurs.

    `result` says what this run has done to it.
    """
    decision = await decide_trust(
        session,
        outcome.request,
        outcome.before,
        application,
        is_service=change.resource == SERVICE,
    )
    if isinstance(decision, Doubted):
        refusal = not_ours(application, decision, change.resource, done=result)
        refusal.is_created_meanwhile = True
        raise refusal
    outcome.used_existing.add(application.object_id)


async def _use_named(
    session: Session, outcome: Outcome, change: CreateApplication, taken: ServiceError
) -> tuple[Application, str]:
    """Restore the deleted registration that has the name, or use that of someone who was faster.

    A replica may still show one that is gone: only what takes a write is there. Raises NotOurs;
    `taken`, where neither appears.
    """
    graph = session.graph
    name = change.application.unique_name or ""
    with waiting("waiting for the deleted one to appear in the recycle bin"):
        for _ in range(IN_BIN_LOOKS):
            deleted, [existing] = await gather_or_cancel(
                _deleted_applications(session), applications.by_unique_names(graph, [name])
            )
            for row in deleted or ():
                if row.unique_name == name and row.object_id not in outcome.purged_again:
                    application = replace(row, credentials=(), deleted=None)
                    restored = await restore_registration(
                        session, outcome, application, change.resource, is_sure=False
                    )
                    return application, f"restored: it had just been deleted{restored.remark}"
            if existing is not None and await _is_there(session, existing):
                await _check_existing(
                    session, outcome, change, existing, result="It was left alone."
                )
                return existing, ""
            if deleted is None:
                taken.advise(
                    f"A deleted registration still has the name '{name}', and you can't read the "
                    f"recycle bin. Ask someone with the role {BIN_READERS} to run the same "
                    "command: it restores that registration."
                )
                raise taken
            await asyncio.sleep(LOOK_PAUSE)
    taken.advise(
        f"A registration that was just deleted still has the name '{name}'. Run the same command "
        "again in a minute to restore it."
    )
    raise taken


async def _deleted_applications(session: Session) -> list[Application] | None:
    """List the recycle bin; `None` for a caller who may not read it."""
    try:
        return await recycle_bin.applications(session.graph)
    except PermissionMissing:
        return None


async def _is_there(session: Session, application: Application) -> bool:
    """Decide by a write: a missing right shows, too, that it exists."""
    try:
        return await applications.probe_by_write(session.graph, application)
    except PermissionMissing:
        return True


# Create as the owner: for a caller that may change only what it owns


async def create_as_owner(
    session: Session, outcome: Outcome, change: CreateApplication
) -> tuple[Application, str]:
    """Register by POST, which makes the caller the owner, then set the name.

    An upsert may leave the caller with a registration that it can neither change nor delete.
    Returns and raises what `create_registration` does.
    """
    graph = session.graph
    unique_name = change.application.unique_name or ""
    caller = await find_caller_id(session)
    tag = Tag.NAME.of(unique_name)
    tags = tuple(dict.fromkeys((*change.application.tags, tag)))
    seen = outcome.before.trust.tagged_with.get(unique_name)
    tagged = await applications.with_tag(graph, tag) if seen is None else seen
    application = await _choose_unnamed(session, outcome, tagged)
    if application is None:
        new = replace(change.application, tags=tags)
        application = await _register(session, outcome, new, tag, caller)
    object_id = application.object_id
    outcome.remember(object_id)
    try:
        await _retry_as_owner(
            session,
            application,
            lambda: applications.set_unique_name(graph, object_id, unique_name),
        )
    except ServiceError as refusal:
        if refusal.code != NAME_TAKEN:
            raise
        # Another run was faster, or a deleted registration has the name: ours is one too many. It
        # can be removed only once replicas know it.
        outcome.purged_again.add(object_id)
        return await finish_both(
            _use_named(session, outcome, change, refusal), _delete_and_purge(session, object_id)
        )
    return replace(application, unique_name=unique_name), ""


async def _delete_and_purge(session: Session, object_id: ApplicationObjectId) -> None:
    """Remove a registration that this run has just made."""
    await applications.delete_own(session.graph, object_id)
    await recycle_bin.purge(session.graph, object_id, just_deleted=True)


async def _register(
    session: Session, outcome: Outcome, new: Application, tag: str, caller: PrincipalId | None
) -> Application:
    """POST a registration; look for it after a lost answer, before it is sent again."""
    for tries in range(1, REGISTERING_TRIES + 1):
        try:
            return await applications.register(session.graph, new, caller)
        except ServiceError as error:
            if not error.answer_lost or caller is None or tries == REGISTERING_TRIES:
                raise
        with waiting("looking for the registration whose response was lost"):
            for _ in range(APPEARS_LOOKS):
                tagged = await applications.with_tag(session.graph, tag)
                application = await _choose_unnamed(session, outcome, tagged)
                if application is not None:
                    return application
                await asyncio.sleep(LOOK_PAUSE)
    raise AssertionError(new)


async def _choose_unnamed(
    session: Session, outcome: Outcome, tagged: Iterable[Application]
) -> Application | None:
    """Choose what an interrupted run of this caller has registered and not named.

    Anyone can write our tag, and make the caller an owner. So the directory has to say that the
    caller created it, or a note on this machine.
    """
    caller = await caller_rights.identity(session.graph)
    for application in tagged:
        is_of_caller = (
            is_created_by_caller(application, caller)
            or application.object_id in outcome.before.unfinished
        )
        if is_of_caller and application.unique_name is None and not application.credentials:
            owners = await custody.owners(session.graph, application.object_id)
            if not foreign_owners(owners, caller.id):
                return application
    return None


async def _retry_as_owner(
    session: Session, application: Application, act: Callable[[], Awaitable[T]]
) -> T:
    """Act, and again while a replica may not have heard that the caller owns the registration."""
    gives_up_at = clock.seconds() + OWNED_SECONDS
    while True:
        try:
            return await act()
        except S2SError as refusal:
            if not _may_be_about_ownership(refusal):
                raise
            if clock.seconds() >= gives_up_at:
                raise await explain_not_owner(session, application.object_id, refusal) from refusal
        reason = "waiting for Entra ID to know its owner everywhere"
        with waiting(reason, gives_up_at=gives_up_at):
            await asyncio.sleep(LOOK_PAUSE)


def _may_be_about_ownership(refusal: S2SError) -> bool:
    """Whether a request may be refused because the caller does not own the registration: 403."""
    if isinstance(refusal, PermissionMissing):
        return True
    return isinstance(refusal, ServiceError) and refusal.status == 403


async def _needed_beside_ownership(session: Session) -> str:
    """What an owner that is an application needs, too: ownership is enough for a person alone."""
    caller = await caller_rights.identity(session.graph)
    if caller.is_person is not False:
        return ""
    return "You need the application permission Application.ReadWrite.OwnedBy, too. "


async def explain_not_owner(
    session: Session, object_id: ApplicationObjectId, refusal: S2SError
) -> S2SError:
    """Explain a refusal to a caller that may change only what it owns.

    Returns `refusal` itself where the caller owns the registration, or that cannot be read.
    """
    try:
        caller, application = await gather_or_cancel(
            find_caller_id(session), applications.by_object_id(session.graph, object_id)
        )
        if caller is None:
            return refusal
        owners = await custody.owners(session.graph, application.object_id)
    except S2SError:
        return refusal
    if any(owner == caller for owner, _ in owners):
        return refusal
    name = application.display_name
    client_id = application.client_id
    add = command("az", "ad", "app", "owner", "add", "--id", client_id, "--owner-object-id", caller)
    needed = await _needed_beside_ownership(session)
    step = f"update the app registration '{name}'"
    return NotOwner(
        "not-owner",
        f"You can only update app registrations that you own, and '{name}' (appId {client_id}) is "
        "not one of them.",
        answer=refusal.answer,
        remedy=f"{needed}Run the same command again after one of its "
        "owners, or a Cloud Application Administrator, has made you an owner. They run:",
        command=add,
        request_id=refusal.request_id,
        missing=(MissingRight(step, "ownership", "one of its owners", add),),
    )


# Restore


@dataclass(frozen=True)
class Restored:
    """What came back with a registration."""

    principal: PrincipalId | None
    owners: tuple[str, ...]
    """Their names, without the caller's."""

    @property
    def remark(self) -> str:
        return f"; also owned by {', '.join(self.owners)}" if self.owners else ""


async def restore_registration(
    session: Session, outcome: Outcome, application: Application, resource: str, *, is_sure: bool
) -> Restored:
    """Restore a registration; remove its credentials that are not in `application.credentials`.

    The recycle bin shows neither owners nor whom its roles are assigned to. So, unless `is_sure`,
    it is deleted again where it is not believed once they show. Raises NotOurs.
    """
    graph = session.graph
    object_id = application.object_id
    try:
        principals = await recycle_bin.restore(graph, application)
    except PermissionMissing as refusal:
        if not outcome.relies_on_ownership:
            raise
        raise await _explain_not_restored(session, application, refusal) from refusal
    if not is_sure:
        restored = replace(application, deleted=None)
        decision = await _decide_trust_of_restored(
            session, outcome, restored, principals, is_service=resource == SERVICE
        )
        if isinstance(decision, Doubted):
            await applications.delete(graph, object_id)
            graph_url = session.connection.cloud.graph
            result = "It was restored to check, and deleted again."
            raise not_ours(application, decision, resource, graph_url, done=result)
    named = {credential.key_id for credential in application.credentials}
    await credentials.remove_all_but(graph, object_id, principals, named)
    caller, owners = await gather_or_cancel(
        find_caller_id(session), custody.owners(graph, object_id, principals)
    )
    return Restored(next(iter(principals), None), names_of(foreign_owners(owners, caller)))


async def _explain_not_restored(
    session: Session, application: Application, refusal: PermissionMissing
) -> PermissionMissing:
    """Explain a refusal to a caller that may restore only what it owns.

    The recycle bin shows no owners, so that no check before could tell. Returns `refusal` itself
    where the caller is not known.
    """
    caller = await find_caller_id(session)
    if caller is None:
        return refusal
    name, client_id = application.display_name, application.client_id
    url = f"{session.connection.cloud.graph}/v1.0/directory/deletedItems/{application.object_id}"
    restore = command("az", "rest", "--method", "POST", "--url", f"{url}/restore")
    add = command("az", "ad", "app", "owner", "add", "--id", client_id, "--owner-object-id", caller)
    commands = f"{restore} && {add}"
    step = f"restore the app registration '{name}'"
    return NotOwner(
        "not-owner",
        f"You can't restore the app registration '{name}' (appId {client_id}): you can only "
        "restore those that you own.",
        answer=refusal.answer,
        remedy="Run the same command again after one of its owners, or a Cloud Application "
        "Administrator, has restored it and made you an owner. They run:",
        command=commands,
        request_id=refusal.request_id,
        missing=(MissingRight(step, "ownership", "one of its owners", commands),),
    )


async def _decide_trust_of_restored(
    session: Session,
    outcome: Outcome,
    application: Application,
    principals: list[PrincipalId],
    *,
    is_service: bool,
) -> TrustDecision:
    """Decide whether to believe it.

    It is looked at again while a replica may show it as it was before its removal.
    """
    gives_up_at = clock.seconds() + min(RESTORED_SECONDS, session.connection.remaining(RESERVE))
    owners_then = outcome.before.deleted_here.get(application.object_id, frozenset())
    while True:
        # This run may have restored and checked a registration beside it meanwhile.
        unfinished = outcome.before.unfinished | outcome.remembered
        before = replace(outcome.before, unfinished=unfinished)
        seen = await decide_trust(
            session, outcome.request, before, application, principals, is_service=is_service
        )
        decision = restored_trust(seen, owners_then)
        # A removal does not change owners: where a new one is the doubt, it stays one.
        is_settled = not isinstance(decision, Doubted) or has_new_owner(decision, owners_then)
        if is_settled or clock.seconds() >= gives_up_at:
            return decision
        with waiting(REPLICATION, gives_up_at):
            await asyncio.sleep(LOOK_PAUSE)


# The service principal


async def create_principal(
    session: Session, outcome: Outcome, client_id: ClientId, created: Application | None
) -> ServicePrincipal:
    """Create the service principal of a registration.

    `created`: the registration, where this run created or restored it: not every replica shows it.
    """
    graph = session.graph
    try:
        return await service_principals.create(graph, client_id)
    except S2SError as refusal:
        # A caller that may change every registration needs no ownership: it lacks the right itself.
        if isinstance(refusal, PermissionMissing) and not outcome.relies_on_ownership:
            raise
        if not _may_be_about_ownership(refusal):
            raise
        application = created or await applications.by_client_id(graph, client_id)
        if application is None:
            raise
        if created is None:
            # Every replica knows who owns a registration that this run did not create.
            explanation = await explain_not_owner(session, application.object_id, refusal)
            if explanation is not refusal:
                raise explanation from refusal
        # A replica may be behind on a young object alone.
        if not graph.is_young(client_id):
            raise
    return await _retry_as_owner(
        session, application, lambda: service_principals.create(graph, client_id)
    )


async def check_principal(
    session: Session, application: Application, principal: ServicePrincipal, kind: str
) -> None:
    """Make sure that no one else controls the service principal of an older registration.

    One that the first look did not show may have been deleted and restored by its owner. Raises
    NotOurs.
    """
    graph = session.graph
    owners = await custody.owners(graph, application.object_id, [principal.id])
    held = await custody.credentials_of_principal(graph, principal.id)
    doubted = principal_doubts(owners, held, await find_caller_id(session))
    if doubted is not None:
        raise not_ours(application, doubted, kind, done="It was left alone.")


# Is it still there?


async def is_any_deleted(session: Session, outcome: Outcome) -> bool:
    """Whether a registration that the plan takes for existing is gone, so that it is planned again.

    Replicas show a deleted registration for a while; a write meets the newest state. So one is
    sent that changes nothing. Raises ServiceError, PermissionMissing.
    """
    may_be_gone = _believed_outside_settings(outcome.before, outcome.request.desired)
    if not may_be_gone:
        return False
    gives_up_at = clock.seconds() + min(LAG_SECONDS, session.connection.remaining(RESERVE))
    checks = [
        _is_deleted(session, registration, outcome, gives_up_at) for registration in may_be_gone
    ]
    with activity("Checking the app registrations"):
        return any(await gather_or_cancel(*checks))


def _believed_outside_settings(observed: ObservedState, desired: Desired) -> list[Application]:
    """The believed registrations that the App Service's settings, which never lag, do not name."""
    if isinstance(desired, Removal):
        return []
    spec = desired.service or ServiceSpec()
    registrations: dict[str, Application] = {}
    service = observed.trust.service
    if service is not None and not is_in_settings(service, observed):
        decision = service_trust(service, observed, spec)
        if not isinstance(decision, Doubted):
            registrations[service.object_id] = service
    for name in desired.names:
        for client in clients_called(name, observed):
            if not client.is_registered_here or is_listed(client, observed):
                continue
            # No plan writes to one that is doubted.
            if not isinstance(client_trust(client, observed, spec, desired.names), Doubted):
                registrations[client.application.object_id] = client.application
    return list(registrations.values())


async def _is_deleted(
    session: Session, application: Application, outcome: Outcome, gives_up_at: float
) -> bool:
    """Whether it takes no write, and `AGREEING_READS` in a row do not show it either.

    Raises ServiceError: it takes no write, and is shown to the end.
    """
    missed_reads = 0
    while not await probe_planned_write(session, application, outcome):
        if missed_reads == AGREEING_READS:
            return True
        if clock.seconds() + LOOK_PAUSE > gives_up_at:
            raise ServiceError(
                "registration-in-doubt",
                f"Microsoft Graph shows the app registration '{application.display_name}' (appId "
                f"{application.client_id}), but refuses changes to it as if it were deleted.",
                says_unchanged=True,
                remedy="Run the same command again in a few minutes.",
                status=404,
            )
        with waiting(REPLICATION):
            await asyncio.sleep(LOOK_PAUSE)
            row = await applications.by_client_id(session.graph, application.client_id)
        missed_reads = missed_reads + 1 if row is None else 0
    return False


async def probe_planned_write(session: Session, application: Application, outcome: Outcome) -> bool:
    """PATCH the name that it has; return false where it may be gone.

    Raises PermissionMissing: the plan writes to it, and the caller may not.
    """
    try:
        return await applications.probe_by_write(session.graph, application)
    except PermissionMissing as refusal:
        # A plan that does not write to it needs no right to.
        if not any(_needs_to_write(change, application) for change in outcome.plan.changes):
            return True
        if not outcome.relies_on_ownership:
            raise
        raise await explain_not_owner(session, application.object_id, refusal) from refusal


def _needs_to_write(change: AnyChange, application: Application) -> bool:
    is_target = changed_registration(change) == application.object_id
    return is_target and not only_notes_use(change)
