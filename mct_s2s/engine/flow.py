"""The flow of a command that changes something, at one App Service.

`prepare` observes, plans and checks rights. `carry_out` observes again if the state may have
changed, applies and verifies. Between them the command line shows the plan and asks.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace
from typing import Protocol

from mct_s2s import clock
from mct_s2s.activity import Progress, activity
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.apply.registrations import is_any_deleted
from mct_s2s.engine.apply.send_changes import apply_plan
from mct_s2s.engine.credential_stores import (
    expire_dead_notes,
    find_lost_in_vaults,
    find_lost_secrets,
    name_places,
    open_stores,
    rehearse_stores,
)
from mct_s2s.engine.observe.observe import describe_reading, observe, read_custody
from mct_s2s.engine.observe.rights_lookup import (
    RightsProbe,
    check_rights,
    explain_doubt,
    explain_refusal,
)
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request, Session
from mct_s2s.engine.settling import plan_settles_within, refusal_settles_within
from mct_s2s.errors import Instruction, NotThere, Purged, S2SError
from mct_s2s.model.desired import Desired, Rotation, SettingsScope, Setup
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.rotation import describe_naming, is_service_known
from mct_s2s.stores.host_lock import hold
from mct_s2s.stores.store import Store
from mct_s2s.waits import ANOTHER_RUN_ENDS_SECONDS, LOOK_PAUSE, RESERVE


class Approver(Protocol):
    """The user of a command, who agrees to its plan and watches it."""

    @property
    def may_be_stale(self) -> bool:
        """Whether the state may have changed since the plan was made."""
        ...

    async def confirm(self, outcome: Outcome) -> bool:
        """Agree to a plan that has changed. It may be an empty one, which is never asked about.

        Raises Cancelled, UsageError, Refused.
        """
        ...

    def applying(self, outcome: Outcome) -> AbstractContextManager[Progress]:
        """Show the progress of `outcome`, which from now on describes a failure or interruption."""
        ...


async def prepare(session: Session, request: Request) -> Outcome:
    """Observe, plan and check rights. Nothing is written.

    Looks again while something may still settle by itself (`engine/settling.py`); a dry run looks
    once. Raises NotOurs, NotThere.
    """
    began = clock.seconds()
    patience = session.connection.remaining(RESERVE)
    while True:
        looked_at = clock.seconds()
        try:
            outcome = await observe_and_plan(session, request)
        except (NotOurs, NotThere) as refusal:
            settles_within = refusal_settles_within(refusal, request.now)
            if request.dry_run or looked_at >= began + min(settles_within, patience):
                raise
        else:
            settles_within = plan_settles_within(outcome)
            if request.dry_run or looked_at >= began + min(settles_within, patience):
                return outcome
        with activity("Waiting for another run, or for replicas"):
            await asyncio.sleep(LOOK_PAUSE)


async def observe_and_plan(session: Session, request: Request) -> Outcome:
    """Observe once, plan, and leave out what the caller has no right to."""
    asks_directory = request.preflight and request.desired.service is not None
    probe = RightsProbe(session, directory=asks_directory)
    with activity(f"Reading {describe_reading(request)}"):
        async with aclosing(probe):
            observed, stores = await _observe_with_stores(session, request, probe)
            desired = _without_unread_settings(request.desired, observed)
            try:
                plan_of_all = make_plan(desired, observed)
            except NotOurs as doubt:
                if not request.preflight:
                    raise
                raise await explain_doubt(session, request, probe, observed, doubt) from doubt
            places = name_places(session, request, stores, observed)
            intended = replace(plan_of_all, places=places)
            access = await probe.rights()
            plan = await check_rights(session, intended, observed, access, request)
    outcome = Outcome(request, plan, observed, access, stores, intended=intended)
    if request.dry_run:
        outcome.place_refusals = await rehearse_stores(outcome)
    return outcome


async def _observe_with_stores(
    session: Session, request: Request, probe: RightsProbe
) -> tuple[ObservedState, Mapping[str, Store]]:
    """Read the directory and the App Service; then who controls what, and the secrets' stores.

    The caller's rights are asked for meanwhile, by `probe`.
    """
    try:
        observed = await observe(
            session, request, probe.ask_about if request.preflight else lambda _: None
        )
    except S2SError as error:
        if not request.preflight:
            raise
        raise await explain_refusal(session, request, probe, error) from error
    if isinstance(request.desired, Rotation):
        await _check_service_is_known(session, request, request.desired, probe, observed)
        # A tag says where the secret of a believed client is, which may take its owners to know.
        inspected = await read_custody(session, request, observed)
        stores, with_notes = await open_stores(session, request, inspected)
    else:
        inspected, (stores, with_notes) = await gather_or_cancel(
            read_custody(session, request, observed), open_stores(session, request, observed)
        )
    observed = replace(
        inspected,
        secrets=with_notes.secrets,
        unreadable_stores=with_notes.unreadable_stores,
    )
    if isinstance(request.desired, Rotation) and request.desired.expiring_within is not None:
        observed = await find_lost_secrets(session, request, observed)
    elif isinstance(request.desired, Setup):
        observed = await find_lost_in_vaults(session, request, observed)
    return await expire_dead_notes(session, stores, observed), stores


async def _check_service_is_known(
    session: Session,
    request: Request,
    rotation: Rotation,
    probe: RightsProbe,
    observed: ObservedState,
) -> None:
    """Refuse a rotation that takes the settings, as nothing else names the service application.

    Raises S2SError.
    """
    site = observed.app_service
    if site is None or site.refusal is None or is_service_known(rotation, observed):
        return
    if not request.preflight:
        raise site.refusal
    refusal = await explain_refusal(session, request, probe, site.refusal)
    refusal.ways_out += (Instruction(describe_naming(rotation, observed)),)
    raise refusal from site.refusal


def _without_unread_settings(desired: Desired, observed: ObservedState) -> Desired:
    """Leave the settings out of a setup where they could not be read."""
    if observed.settings_unread and isinstance(desired, Setup):
        return replace(desired, settings=SettingsScope.NONE)
    return desired


async def carry_out(
    session: Session, outcome: Outcome, since: float, approver: Approver
) -> Outcome:
    """Apply the plan of a `prepare` that began at `since`, in seconds since the epoch.

    The user is asked again where the plan has changed. Raises the first refusal, by Azure or by
    the user; what was done stays.
    """
    if outcome.request.verify:
        session.tokens.load()
    async with hold(outcome.before.subject, since) as others_ran:
        # Another run, or the time that a person took to read, may have changed the state.
        outcome, is_agreed = await _apply_agreed(
            session, outcome, approver, is_stale=others_ran or approver.may_be_stale
        )
        if not is_agreed:
            return outcome
        while outcome.awaits_other_run:
            outcome = await _finish_after_other_run(session, outcome, approver)
    if outcome.request.verify and not outcome.plan.manual_steps:
        from mct_s2s.engine.verify import verify_outcome  # noqa: PLC0415  # only after a change

        with activity("Testing the clients"):
            outcome.verification = await verify_outcome(session, outcome)
    return outcome


async def _apply_agreed(
    session: Session, outcome: Outcome, approver: Approver, *, is_stale: bool
) -> tuple[Outcome, bool]:
    """Plan again while the state may have changed, then apply the plan that the user agrees to.

    Returns how far it came, and whether the user agreed.
    """
    while True:
        outcome, is_agreed = await _plan_again(session, outcome, approver, is_stale=is_stale)
        if not is_agreed:
            return outcome, False
        try:
            with approver.applying(outcome) as progress:
                await apply_plan(session, outcome, progress)
        except Purged:
            # Only restorations have begun, as all else waits for them. The next plan creates what
            # this one wanted to restore.
            if session.connection.remaining(RESERVE) <= 0:
                raise
            for change, _ in outcome.failed:
                outcome.mark_not_begun(change)
            is_stale = True
        else:
            return outcome, True


async def _plan_again(
    session: Session, outcome: Outcome, approver: Approver, *, is_stale: bool
) -> tuple[Outcome, bool]:
    """Plan again as often as the state may have changed.

    Returns the outcome with the last plan, and whether the user agrees to it. Whether a
    registration of the plan was deleted meanwhile is tried by a write that changes nothing
    (`is_any_deleted`).
    """
    while is_stale or await is_any_deleted(session, outcome):
        shown_plan = outcome.plan
        later = await prepare(session, outcome.request)
        later.continue_from(outcome)
        outcome = later
        # Plans are compared whole, words included but display names (`Plan.names`): the user has
        # agreed to all that was shown.
        if outcome.plan == shown_plan:
            is_stale = False
        elif await approver.confirm(outcome):
            is_stale = approver.may_be_stale
        else:
            return outcome, False
    return outcome, True


async def _finish_after_other_run(
    session: Session, outcome: Outcome, approver: Approver
) -> Outcome:
    """Finish what was left out because another run has created the same registration meanwhile.

    Waits until that run has written its settings and consents, which make the registration
    believed. One of anyone else never becomes so. Raises NotOurs: that did not happen.
    """
    later = await _plan_after_other_run(session, outcome)
    later.continue_from(outcome)
    if not later.plan.is_empty and await approver.confirm(later):
        with approver.applying(later) as progress:
            await apply_plan(session, later, progress)
    return later


async def _plan_after_other_run(session: Session, outcome: Outcome) -> Outcome:
    """Observe and plan until the other run's registrations are believed. Raises NotOurs."""
    refusal = next(iter(outcome.awaits_other_run.values()))
    patience = session.connection.remaining(RESERVE)
    gives_up_at = clock.seconds() + min(ANOTHER_RUN_ENDS_SECONDS, patience)
    with activity("Waiting for another run that creates the same"):
        while True:
            await asyncio.sleep(LOOK_PAUSE)
            try:
                return await observe_and_plan(session, outcome.request)
            except NotOurs:
                if clock.seconds() >= gives_up_at:
                    if outcome.done:
                        refusal.mark_as_after_write()
                    raise refusal from None
