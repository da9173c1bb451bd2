"""Apply a plan: as wide as its order allows, and stopping at the first refusal with what is done kept.

The plan's order is the only order. Nothing is undone: every change is safe to repeat, and the same command resumes.
"""

from __future__ import annotations

import asyncio

from mct_s2s.engine.apply.context import ApplyContext, LeftOut, Postponed
from mct_s2s.engine.apply.journal import LEFT, Journal
from mct_s2s.engine.apply.operations import Operations
from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import AnyChange, WriteSettings
from mct_s2s.planning.plan import references

IN_FLIGHT = 8
"""Changes at work at once: enough for the widest step of a large setup, far below any throttling limit."""


async def apply(journal: Journal, stage: ApplyContext) -> None:
    """Apply every change of the journal's plan; the journal says how far it came.

    Raises:
        S2SError: the first refusal, after what was in flight beside it has ended.
    """
    await _Run(journal, stage).all()
    if journal.failed:
        raise journal.failed[0][1]


class _Stopped(Exception):
    """Another change was refused: this one is not to be written any more."""


class _Run:
    def __init__(self, journal: Journal, stage: ApplyContext) -> None:
        self._journal = journal
        self._progress = stage.progress
        self._operations = Operations(stage, journal.results, self._everything_else, self._mark_ready)
        self._ready = {change.key: asyncio.Event() for change in journal.plan.changes}
        self._stop = asyncio.Event()
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def all(self) -> None:
        tasks = [asyncio.ensure_future(self._one(change)) for change in self._journal.plan.changes]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _one(self, change: AnyChange) -> None:
        waits_for = self._journal.plan.waits_for(change)
        if isinstance(change, WriteSettings):
            # Its first reading needs only the ids; everything else is waited for just before the PUT.
            waits_for = frozenset(ref.key for ref in references(change))
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
        self._progress.started(change)
        try:
            identifier, detail = await self._operations.do(change)
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
            self._journal.finish(change, identifier, detail)
            self._progress.finished(change, detail)
            self._mark_ready(change)

    def _mark_ready(self, change: AnyChange) -> None:
        self._ready[change.key].set()

    async def _everything_else(self, change: WriteSettings) -> None:
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
