"""Run a plan: as wide as its order allows, up to the first refusal.

Nothing is undone: the same command resumes.
"""

import asyncio
from collections.abc import Awaitable, Callable

from mct_s2s.activity import Progress, during, waiting
from mct_s2s.concurrency import end_all
from mct_s2s.engine.apply.registrations import as_not_owned
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Session
from mct_s2s.errors import PermissionMissing, Purged, S2SError
from mct_s2s.model.desired import Removal, Rotation
from mct_s2s.model.ids import ApplicationObjectId, KeyId
from mct_s2s.planning.changes import AnyChange, RestartSite, UpdateApplication, WriteSettings
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.permissions.rights import relies_on_ownership
from mct_s2s.planning.plan import references
from mct_s2s.planning.service_application import SERVICE_KEY

IN_FLIGHT = 16
"""As many as requests to one service (azure/retry.py): with 8, 200 clients at 100 ms took a third
longer.

Graph takes 3,000 writes in 150 s: docs/azure-contract.md, 3.12.
"""


class Skipped(Exception):
    """A change that is not made in this run, and why; nothing has failed."""


class Stopped(Exception):
    """Another change was refused: this one is not to be written any more."""


Send = Callable[[AnyChange, "Run"], Awaitable[str]]
"""Sends the requests of one change, and returns a word on what came of it, or nothing."""


class Run:
    """One application of a plan: what its changes have in common, and which of them may begin."""

    def __init__(self, session: Session, outcome: Outcome, progress: Progress, send: Send) -> None:
        self.session, self.outcome, self.progress, self._send = session, outcome, progress, send
        self.outputs, self.stores, self.now = outcome.outputs, outcome.stores, outcome.request.now
        # Whether the caller may change only what it owns, for all that is known.
        self.as_owner = relies_on_ownership(outcome.access)
        # When each client's credential arrived at its store, in seconds of the clock, and which it
        # is.
        self.delivered: dict[str, tuple[float, KeyId]] = {}
        self.wrote_settings = False
        # Whether one client's trouble stops no other client.
        self._is_each_alone = isinstance(outcome.request.desired, Rotation | Removal)
        # Changes that failed alone or met another run's registration, and what cannot be done
        # without them.
        self._left_out: set[str] = set()
        self._ready = {change.key: asyncio.Event() for change in outcome.plan.changes}
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._confirmed: dict[str, str] = {}

    async def all(self) -> None:
        """Raises S2SError: the first refusal, after what was in flight beside it has ended."""
        tasks = [asyncio.ensure_future(self._one(change)) for change in self.outcome.plan.changes]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            await end_all(tasks)
            raise
        if self.outcome.failed:
            raise self.outcome.failed[0][1]

    async def _one(self, change: AnyChange) -> None:
        plan = self.outcome.plan
        waits_for = plan.waits_for(change)
        if isinstance(change, WriteSettings):
            # Its first reading needs the ids, and goes out beside the last steps; they are waited
            # for before the PUT.
            steps = (step for step in plan.changes if step.key in waits_for)
            before_last = frozenset[str]().union(*map(plan.waits_for, steps))
            waits_for = (waits_for & before_last) | {ref.key for ref in references(change)}
        try:
            await self._wait_for(waits_for)
            if self._lacks(change):
                self._leave_out(change)
                return
            async with self._slots:
                if self._is_stopped:
                    return
                self.outcome.start(change)
                with during(self.progress.started(change)):
                    await self._send_and_report(change)
        except Stopped:
            self.outcome.withdraw(change)

    async def _send_and_report(self, change: AnyChange) -> None:
        try:
            detail = await self._send_or_explain(change)
        except Skipped as skipped:
            self.outcome.skip(change, str(skipped))
            self.progress.skipped(change, str(skipped))
        except S2SError as error:
            self._failed(change, error)
        else:
            done = change.named(self.outputs) if isinstance(change, UpdateApplication) else change
            self.outcome.finish(done, detail)
            if self._confirmed.get(change.key) != detail:
                self.progress.finished(done, detail)
        self.mark_ready(change)

    async def _send_or_explain(self, change: AnyChange) -> str:
        place_refusals = self.outcome.place_refusals.get(change.key)
        if place_refusals is not None:
            raise place_refusals
        try:
            return await self._send(change, self)
        except PermissionMissing as refused:
            object_id = getattr(change, "object_id", None)
            if not self.as_owner or not isinstance(object_id, str):
                raise
            raise await as_not_owned(
                self.session, ApplicationObjectId(object_id), refused
            ) from refused

    def _failed(self, change: AnyChange, error: S2SError) -> None:
        if isinstance(error, NotOurs) and error.is_met:
            # Perhaps by another administrator: what is left out now is done once that run has
            # ended.
            self.outcome.met[change.key] = error
            self.progress.skipped(change, "someone else is creating it")
            self._leave_out(change)
            return
        self.outcome.fail(change, error)
        if isinstance(error, Purged):
            self.progress.skipped(change, "it was deleted permanently")
        else:
            self.progress.failed(change)
        if self._is_each_alone:
            self._leave_out(change)
            return
        for event in self._ready.values():
            event.set()

    def _leave_out(self, change: AnyChange) -> None:
        self._left_out.add(change.key)
        self.mark_ready(change)

    def _lacks(self, change: AnyChange) -> bool:
        """Whether a change that it needs was left out.

        The settings are written without clients that are not there.
        """
        if isinstance(change, RestartSite):
            needs = frozenset(
                step.key for step in self.outcome.plan.changes if isinstance(step, WriteSettings)
            )
        elif isinstance(change, WriteSettings) and not change.first:
            needs = frozenset({SERVICE_KEY})
        else:
            needs = self.outcome.plan.waits_for(change)
        return not needs.isdisjoint(self._left_out)

    @property
    def _is_stopped(self) -> bool:
        return bool(self.outcome.failed) and not self._is_each_alone

    def mark_ready(self, change: AnyChange) -> None:
        """What waits for it may begin: also settings that are written, and are still being read
        back.
        """
        self._ready[change.key].set()

    def confirm(self, change: WriteSettings, detail: str) -> None:
        """It is done for its reader; what is left is to see that no one undoes it."""
        self._confirmed[change.key] = detail
        self.progress.finished(change, detail)

    async def everything_else(self, change: WriteSettings) -> None:
        with waiting("waiting for the other steps"):
            await self._wait_for(self.outcome.plan.waits_for(change))

    async def _wait_for(self, keys: frozenset[str]) -> None:
        for key in keys:
            await self._ready[key].wait()
        if self._is_stopped:
            raise Stopped
