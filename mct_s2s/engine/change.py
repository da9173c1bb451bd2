"""What a command that changes something does at one App Service: its plan, and the way to it."""

import asyncio
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from mct_s2s import clock
from mct_s2s.activity import Progress, activity
from mct_s2s.azure.connection import RESERVE
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.apply.apply import apply
from mct_s2s.engine.apply.registrations import wait_for_deletions
from mct_s2s.engine.credential_stores import open_stores, places_of, without_dead
from mct_s2s.engine.observe.observe import observe, reading, with_custody
from mct_s2s.engine.observe.rights import AccessLook, permitted, with_all_missing_rights
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import NotThere, Purged, S2SError
from mct_s2s.model.client_credentials import YOUNG
from mct_s2s.model.desired import Removal, SettingsScope, Setup
from mct_s2s.planning.belief import Doubted, client_trust
from mct_s2s.planning.changes import RemoveCredential
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.ownership import clients_called, is_allowed
from mct_s2s.stores.host_lock import hold

BEGUN_SECONDS, MET_SECONDS, PAUSE = 10.0, 20.0, 1.0
"""How long another run may take that has created the same registrations already, or does so at this moment; and between
two looks at it. A setup takes some 3 s, and with replicas that lag some 10 s more."""
ARRIVES_WITHIN = timedelta(minutes=1)
"""A secret that is older and has not arrived at its place will not."""


class Interface(Protocol):
    @property
    def takes_time(self) -> bool:
        """Whether the state may have changed since the plan was made."""
        ...

    async def confirm(self, outcome: Outcome) -> bool:
        """Agree to a plan that has changed, never to an empty one. Raises Cancelled, UsageError, Refused."""
        ...

    def applying(self, outcome: Outcome) -> AbstractContextManager[Progress]:
        """From now on `outcome` describes a failure or an interruption."""
        ...


async def prepare(session: Session, request: Request) -> Outcome:
    """Observe, check rights and plan; nothing is written. Raises NotOurs, NotThere.

    A registration that is minutes old may be another administrator's, whose run is not over yet. Of any other one, a
    replica may show what it was before it was deleted; and what the settings name, it may not show yet. Then it is
    looked at again for a while.
    """
    patience = session.connection.remaining(RESERVE)
    until = clock.seconds() + min(BEGUN_SECONDS, patience)
    arrives_until = clock.seconds() + min(ARRIVES_WITHIN.total_seconds(), patience)
    while True:
        is_over = request.dry_run or clock.seconds() >= until
        try:
            outcome = await _prepared(session, request)
            may_arrive = clock.seconds() < arrives_until and _removes_what_may_be_arriving(outcome)
            if request.dry_run or not (may_arrive or (not is_over and _leaves_its_own(outcome))):
                return outcome
        except (NotOurs, NotThere) as refused:
            if is_over or not _may_pass(refused, request.now):
                raise
        with activity("Waiting for another run, or for replicas"):
            await asyncio.sleep(PAUSE)


def _removes_what_may_be_arriving(outcome: Outcome) -> bool:
    """Whether the plan takes a secret for lost that a run on another machine may be delivering at this moment."""
    before = outcome.before
    removed = {change.key_id for change in outcome.plan.changes if isinstance(change, RemoveCredential)}
    return any(
        credential.key_id in removed & client.application.undelivered
        and credential.begins is not None
        and before.now - credential.begins < ARRIVES_WITHIN
        for client in before.trust.clients
        if client.application.object_id not in before.unfinished
        for credential in client.application.credentials
    )


def _may_pass(refused: NotOurs | NotThere, now: datetime) -> bool:
    """Whether the same state may be seen otherwise soon."""
    if isinstance(refused, NotThere):
        return refused.may_appear
    is_young = refused.created is not None and now - refused.created < YOUNG
    return is_young or refused.may_be_gone


def _leaves_its_own(outcome: Outcome) -> bool:
    """Whether a removal leaves a client alone for a reason that a replica may not have heard of yet.

    The consent of one that was set up seconds ago may be missing; without it, its credentials may be anyone's.
    """
    request, observed = outcome.request, outcome.before
    desired, spec = request.desired, request.desired.service
    if not isinstance(desired, Removal) or spec is None:
        return False
    named = {client for name in desired.names for client in clients_called(name, observed)}
    asked = [client for client in observed.trust.clients if desired.everything or client in named]
    decisions = [
        client_trust(client, observed, spec, desired.names) for client in asked if is_allowed(client, observed)
    ]
    doubted = [decision for decision in decisions if isinstance(decision, Doubted)]
    return any(decision.is_about_its_content and not decision.owners for decision in doubted)


async def _prepared(session: Session, request: Request) -> Outcome:
    look = AccessLook(session, directory=request.preflight and request.desired.service is not None)
    with activity(f"Reading {reading(request)}"):
        async with aclosing(look):
            try:
                observed = await observe(session, request, look.at if request.preflight else lambda _: None)
            except S2SError as error:
                if not request.preflight:
                    raise
                raise await with_all_missing_rights(session, request, look, error) from error
            believed, (stores, noted) = await gather_or_cancel(
                with_custody(session, request, observed), open_stores(session, request, observed)
            )
            observed = replace(believed, secrets=noted.secrets, unreadable_stores=noted.unreadable_stores)
            observed = await without_dead(session, stores, observed)
            desired = request.desired
            if observed.settings_unread and isinstance(desired, Setup):
                desired = replace(desired, settings=SettingsScope.NONE)
            intended = make_plan(desired, observed)
            intended = replace(intended, places=places_of(session, request, stores, observed))
            access = await look.found()
            plan = await permitted(session, intended, observed, access, request)
    return Outcome(request, plan, observed, access, stores, intended=intended)


async def _after_others(session: Session, outcome: Outcome, ui: Interface) -> Outcome:
    """Finish what was left out because someone else has created a registration that this run would have created.

    Another administrator's run ends with the settings and the consents, which speak for what it made. No one else's
    registration is ever believed that way. Raises NotOurs: that did not happen.
    """
    request, met = outcome.request, next(iter(outcome.met.values()))
    until = clock.seconds() + min(MET_SECONDS, session.connection.remaining(RESERVE))
    later: Outcome | None = None
    with activity("Waiting for another run that creates the same"):
        while later is None:
            await asyncio.sleep(PAUSE)
            try:
                later = await _prepared(session, request)
            except NotOurs:
                if clock.seconds() >= until:
                    met.exit_code = S2SError.exit_code if outcome.done else met.exit_code
                    raise met from None
    later.continue_from(outcome)
    if not later.plan.is_empty and await ui.confirm(later):
        with ui.applying(later) as progress:
            await apply(session, later, progress)
    return later


async def _still_right(session: Session, outcome: Outcome, ui: Interface, *, is_stale: bool) -> tuple[Outcome, bool]:
    """The plan, made again as often as the state may have changed; and whether the user agrees to it."""
    while is_stale or await wait_for_deletions(session, outcome):
        later = await prepare(session, outcome.request)
        later.continue_from(outcome)
        shown, outcome = outcome.plan, later
        if outcome.plan == shown:
            is_stale = False
        elif await ui.confirm(outcome):
            is_stale = ui.takes_time
        else:
            return outcome, False
    return outcome, True


async def carry_out(session: Session, outcome: Outcome, since: float, ui: Interface) -> Outcome:
    """Apply the plan of a `prepare` that began at `since` (seconds since the epoch); ask again where it has changed.

    Raises the first refusal, by Azure or by the user; what was done stays.
    """
    request = outcome.request
    async with hold(outcome.before.subject, since) as others_ran:
        # After another run, or while a person was reading, the state may have become another one.
        outcome, is_agreed = await _still_right(session, outcome, ui, is_stale=others_ran or ui.takes_time)
        while is_agreed:
            try:
                with ui.applying(outcome) as progress:
                    await apply(session, outcome, progress)
                break
            except Purged:
                # Nothing but restorations has begun, as all else waits for them: what is there instead is looked for.
                if session.connection.remaining(RESERVE) <= 0:
                    raise
                for change, _ in outcome.failed:
                    outcome.withdraw(change)
                outcome, is_agreed = await _still_right(session, outcome, ui, is_stale=True)
        if not is_agreed:
            return outcome
        while outcome.met:
            outcome = await _after_others(session, outcome, ui)
    if request.verify and not outcome.plan.manual_steps:
        from mct_s2s.engine.verify import verify_outcome  # noqa: PLC0415  # only where something was done

        with activity("Testing the clients"):
            outcome.verification = await verify_outcome(session, outcome)
    return outcome
