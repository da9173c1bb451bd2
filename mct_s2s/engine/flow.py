"""The flow of a command that changes something, at one App Service.

`prepare`: observe, check rights, plan. `carry_out`: look again if the state may have changed,
apply, verify. Between them the command line shows the plan and asks.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace
from typing import Protocol

from mct_s2s import clock
from mct_s2s.activity import Progress, activity
from mct_s2s.azure.connection import RESERVE
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.apply.apply import apply
from mct_s2s.engine.apply.registrations import wait_for_deletions
from mct_s2s.engine.credential_stores import open_stores, places_of, with_dead_not_fresh
from mct_s2s.engine.observe.observe import observe, reading, with_custody
from mct_s2s.engine.observe.rights import AccessLook, permitted, with_all_missing_rights
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request, Session
from mct_s2s.engine.settling import plan_settles_within, refusal_settles_within
from mct_s2s.errors import NotThere, Purged, S2SError
from mct_s2s.model.desired import Desired, SettingsScope, Setup
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.stores.host_lock import hold
from mct_s2s.stores.store import Store

LOOK_PAUSE = 1.0
"""Seconds between two looks at what is unsettled."""
MET_SECONDS = 20.0
"""How long another run may take that creates the same registrations at this moment: some 3 s, and
with replicas that lag some 10 s more.
"""


class Approver(Protocol):
    """The user of a command, who agrees to its plan and watches it."""

    @property
    def may_be_stale(self) -> bool:
        """Whether the state may have changed since the plan was made."""
        ...

    async def confirm(self, outcome: Outcome) -> bool:
        """Agree to a plan that has changed, never to an empty one.

        Raises Cancelled, UsageError, Refused.
        """
        ...

    def applying(self, outcome: Outcome) -> AbstractContextManager[Progress]:
        """From now on `outcome` describes a failure or an interruption."""
        ...


async def prepare(session: Session, request: Request) -> Outcome:
    """Observe, check rights and plan; nothing is written.

    Looks again while something is unsettled: `settling`.

    Raises NotOurs, NotThere.
    """
    began, patience = clock.seconds(), session.connection.remaining(RESERVE)
    while True:
        looked_at = clock.seconds()
        try:
            outcome = await look_and_plan(session, request)
        except (NotOurs, NotThere) as refused:
            settles_within = refusal_settles_within(refused, request.now)
            if request.dry_run or looked_at >= began + min(settles_within, patience):
                raise
        else:
            if request.dry_run or looked_at >= began + min(plan_settles_within(outcome), patience):
                return outcome
        with activity("Waiting for another run, or for replicas"):
            await asyncio.sleep(LOOK_PAUSE)


async def look_and_plan(session: Session, request: Request) -> Outcome:
    """Observe once, plan, and leave out what the caller has no right to."""
    rights = AccessLook(
        session, directory=request.preflight and request.desired.service is not None
    )
    with activity(f"Reading {reading(request)}"):
        async with aclosing(rights):
            observed, stores = await _observe_with_stores(session, request, rights)
            intended = make_plan(_readable(request.desired, observed), observed)
            intended = replace(intended, places=places_of(session, request, stores, observed))
            access = await rights.found()
            plan = await permitted(session, intended, observed, access, request)
    return Outcome(request, plan, observed, access, stores, intended=intended)


async def _observe_with_stores(
    session: Session, request: Request, rights: AccessLook
) -> tuple[ObservedState, Mapping[str, Store]]:
    """Read the directory, the App Service and the caller's rights side by side; then what the
    secrets' places know.
    """
    try:
        observed = await observe(
            session, request, rights.at if request.preflight else lambda _: None
        )
    except S2SError as error:
        if not request.preflight:
            raise
        raise await with_all_missing_rights(session, request, rights, error) from error
    believed, (stores, noted) = await gather_or_cancel(
        with_custody(session, request, observed), open_stores(session, request, observed)
    )
    observed = replace(believed, secrets=noted.secrets, unreadable_stores=noted.unreadable_stores)
    return await with_dead_not_fresh(session, stores, observed), stores


def _readable(desired: Desired, observed: ObservedState) -> Desired:
    """What is wanted, without settings that could not be read."""
    if observed.settings_unread and isinstance(desired, Setup):
        return replace(desired, settings=SettingsScope.NONE)
    return desired


async def _after_others(session: Session, outcome: Outcome, approver: Approver) -> Outcome:
    """Finish what was left out because someone else has created a registration that this run would
    have created.

    Another administrator's run ends with the settings and the consents, which speak for what it
    made. No one else's registration is ever believed that way. Raises NotOurs: that did not happen.
    """
    request, met = outcome.request, next(iter(outcome.met.values()))
    until = clock.seconds() + min(MET_SECONDS, session.connection.remaining(RESERVE))
    later: Outcome | None = None
    with activity("Waiting for another run that creates the same"):
        while later is None:
            await asyncio.sleep(LOOK_PAUSE)
            try:
                later = await look_and_plan(session, request)
            except NotOurs:
                if clock.seconds() >= until:
                    if outcome.done:
                        met.came_after_a_write()
                    raise met from None
    later.continue_from(outcome)
    if not later.plan.is_empty and await approver.confirm(later):
        with approver.applying(later) as progress:
            await apply(session, later, progress)
    return later


async def _agreed_again(
    session: Session, outcome: Outcome, approver: Approver, *, is_stale: bool
) -> tuple[Outcome, bool]:
    """Make the plan again as often as the state may have changed; return it, and whether the user
    agrees to it.

    Plans are compared whole, words included: all that was shown.
    """
    while is_stale or await wait_for_deletions(session, outcome):
        later = await prepare(session, outcome.request)
        later.continue_from(outcome)
        shown, outcome = outcome.plan, later
        if outcome.plan == shown:
            is_stale = False
        elif await approver.confirm(outcome):
            is_stale = approver.may_be_stale
        else:
            return outcome, False
    return outcome, True


async def carry_out(
    session: Session, outcome: Outcome, since: float, approver: Approver
) -> Outcome:
    """Apply the plan of a `prepare` that began at `since` (seconds since the epoch); ask again
    where it has changed.

    Raises the first refusal, by Azure or by the user; what was done stays.
    """
    request = outcome.request
    async with hold(outcome.before.subject, since) as others_ran:
        # After another run, or while a person was reading, the state may have become another one.
        outcome, is_agreed = await _agreed_again(
            session, outcome, approver, is_stale=others_ran or approver.may_be_stale
        )
        while is_agreed:
            try:
                with approver.applying(outcome) as progress:
                    await apply(session, outcome, progress)
                break
            except Purged:
                # Nothing but restorations has begun, as all else waits for them: what is there
                # instead is looked for.
                if session.connection.remaining(RESERVE) <= 0:
                    raise
                for change, _ in outcome.failed:
                    outcome.withdraw(change)
                outcome, is_agreed = await _agreed_again(session, outcome, approver, is_stale=True)
        if not is_agreed:
            return outcome
        while outcome.met:
            outcome = await _after_others(session, outcome, approver)
    if request.verify and not outcome.plan.manual_steps:
        from mct_s2s.engine.verify import verify_outcome  # noqa: PLC0415  # only where something was done

        with activity("Testing the clients"):
            outcome.verification = await verify_outcome(session, outcome)
    return outcome
