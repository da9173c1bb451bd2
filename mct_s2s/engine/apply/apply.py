"""Apply a plan: as wide as its order allows, and stopping at the first refusal with what is done kept.

The plan's order is the only order. Nothing is undone: every change is safe to repeat, and the same command resumes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from mct_s2s import clock
from mct_s2s.activity import Progress, during, waiting
from mct_s2s.concurrency import end_all, gather_or_cancel
from mct_s2s.engine.apply.context import ApplyContext, LeftOut, Postponed
from mct_s2s.engine.apply.operations import Operations
from mct_s2s.engine.outcome import LEFT, Outcome
from mct_s2s.engine.session import Session
from mct_s2s.errors import PermissionMissing, S2SError
from mct_s2s.model.ids import ClientId
from mct_s2s.planning.changes import (
    AddCredential,
    AnyChange,
    DisableIdentity,
    RestartSite,
    UpdateApplication,
    WriteSettings,
)
from mct_s2s.planning.permissions.preflight import holds, likely_missing, requests
from mct_s2s.planning.plan import Plan, references

IN_FLIGHT = 16
"""Changes at work at once: as many as requests to one service (azure/retry.py). With 8, the network was idle half the
time, and 200 clients at 100 ms took a third longer. Graph takes 3,000 writes in 150 s: docs/azure-contract.md, 3.12."""


async def apply(session: Session, outcome: Outcome, progress: Progress) -> None:
    """Apply the outcome's plan; its journal says how far it came.

    Raises:
        UsageError: a store cannot be written to. Nothing was changed.
        S2SError: the first refusal, after what was in flight beside it has ended.
    """
    request, plan, before = outcome.request, outcome.plan, outcome.before
    if request.backup is not None and before.app_service is not None:
        request.backup.check(str(before.app_service.site.resource))
    await gather_or_cancel(*(outcome.stores[client].check(owner) for client, owner in _written_to(plan)))
    outcome.applied, outcome.began = True, clock.seconds()
    departing = [str(c.identity_resource.principal_id) for c in plan.changes if isinstance(c, DisableIdentity)]
    departures = request.departures if departing else None
    if departures is not None:
        departures.begin(request.subject(before), departing)
    try:
        await apply_changes(ApplyContext(session, outcome, progress))
    except PermissionMissing as refused:
        if (
            refused.code == "permission-missing"
            and refused.missing
            and holds(outcome.journal.failed[0][0], before, outcome.access)
        ):
            refused.missing = ()
            refused.advise(
                "You have the role or permission for this, but it has not taken effect yet. Run the same command again "
                "in a few minutes."
            )
        # So that all that is missing is asked for at once.
        here = likely_missing([change for change, _ in outcome.journal.failed], before, outcome.access)
        rest = likely_missing(outcome.journal.left, before, outcome.access)
        refused.missing = tuple(dict.fromkeys((*here, *rest))) or refused.missing
        refused.mention((f"also not confirmed: {text}", command) for text, command in requests(rest))
        raise
    if departures is not None:
        departures.end(request.subject(before), departing)


def _written_to(plan: Plan) -> Iterator[tuple[str, ClientId | None]]:
    """The clients whose stores a plan writes to, each with its appId where it exists."""
    for change in plan.changes:
        if isinstance(change, AddCredential) and change.needs_store:
            yield change.client, change.client_id if isinstance(change.client_id, str) else None


async def apply_changes(context: ApplyContext) -> None:
    """Apply every change of the plan.

    Raises:
        S2SError: as for `apply`.
    """
    await _Run(context).all()
    failed = context.outcome.journal.failed
    if failed:
        raise failed[0][1]


class _Stopped(Exception):
    """Another change was refused: this one is not to be written any more."""


class _Run:
    def __init__(self, context: ApplyContext) -> None:
        self._journal = journal = context.outcome.journal
        self._progress = context.progress
        self._operations = Operations(context, self._everything_else, self._mark_ready, self._confirm)
        self._confirmed: dict[str, str] = {}
        self._ready = {change.key: asyncio.Event() for change in journal.plan.changes}
        self._stop = asyncio.Event()
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def all(self) -> None:
        tasks = [asyncio.ensure_future(self._one(change)) for change in self._journal.plan.changes]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            await end_all(tasks)
            raise

    async def _one(self, change: AnyChange) -> None:
        waits_for = self._journal.plan.waits_for(change)
        if isinstance(change, WriteSettings):
            # Its first reading needs the ids, and goes out beside the last steps; they are waited for before the PUT.
            steps = (step for step in self._journal.plan.changes if not isinstance(step, WriteSettings | RestartSite))
            before_last = frozenset[str]().union(*map(self._journal.plan.waits_for, steps))
            waits_for = (waits_for & before_last) | {ref.key for ref in references(change)}
        try:
            await self._wait_for(waits_for)
            async with self._slots:
                await self._attempt(change)
        except _Stopped:
            self._journal.withdraw(change)

    async def _attempt(self, change: AnyChange) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._journal.start(change)
        with during(self._progress.started(change)):
            await self._carry_out(change)

    async def _carry_out(self, change: AnyChange) -> None:
        try:
            _, detail = await self._operations.do(change)
        except Postponed as later:
            self._journal.postpone(change, str(later))
            self._progress.skipped(change, str(later))
            self._mark_ready(change)
        except LeftOut as out:
            self._journal.hand_over(change, out.note)
            self._progress.skipped(change, LEFT)
            self._mark_ready(change)
        except S2SError as error:
            self._journal.fail(change, error)
            self._progress.failed(change, error)
            self._stop.set()
        else:
            self._journal.settings = self._operations.settings
            done = change.named(self._journal.results) if isinstance(change, UpdateApplication) else change
            self._journal.finish(done, detail)
            if self._confirmed.get(change.key) != detail:
                self._progress.finished(done, detail)
            self._mark_ready(change)

    def _mark_ready(self, change: AnyChange) -> None:
        self._ready[change.key].set()

    def _confirm(self, change: WriteSettings, detail: str) -> None:
        """It is done as far as its reader is concerned; what is left is to see that no one undoes it."""
        self._confirmed[change.key] = detail
        self._progress.finished(change, detail)

    async def _everything_else(self, change: WriteSettings) -> None:
        with waiting("waiting for the other steps"):
            await self._wait_for(self._journal.plan.waits_for(change))

    async def _wait_for(self, keys: frozenset[str]) -> None:
        """Wait for changes.

        Raises:
            _Stopped: the run has to stop instead.
        """
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            for key in keys:
                ready = asyncio.ensure_future(self._ready[key].wait())
                try:
                    await asyncio.wait({ready, stop}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    ready.cancel()
                if self._stop.is_set():
                    raise _Stopped
        finally:
            stop.cancel()
