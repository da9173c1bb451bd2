"""Run a plan: as wide as its order allows, up to the first refusal.

Nothing is undone: the same command resumes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mct_s2s.activity import Progress, during, waiting
from mct_s2s.concurrency import end_all
from mct_s2s.engine.apply.registrations import explain_not_owner
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Session
from mct_s2s.errors import PermissionMissing, Purged, S2SError
from mct_s2s.model.desired import Removal, Rotation
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import KeyId
from mct_s2s.planning.changes import (
    AddCredential,
    AnyChange,
    ApplicationEdits,
    CreateApplication,
    Deferred,
    OutputRef,
    RestartSite,
    UpdateApplication,
    WriteSettings,
    changed_registration,
)
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.plan import apply_edits, references
from mct_s2s.planning.service_application import SERVICE_KEY

CHANGES_AT_ONCE = 16
"""Changes at once: as many as requests to one service (azure/retry.py).

With 8, 200 clients at 100 ms took a third longer. Graph takes 3,000 writes in 150 s:
docs/azure-contract.md, 3.12.
"""


class Skipped(Exception):
    """A change that is not made in this run, and why; nothing has failed."""


class Postponed(Exception):
    """A change that is made once the JSON document has been written: `end_attempts`."""


class Stopped(Exception):
    """Another change was refused: this one is not to be written any more."""


Send = Callable[[AnyChange, "Run"], Awaitable[str]]
"""Sends the requests of one change; returns a remark on its result, or an empty text."""


class Run:
    """One application of a plan: what its changes have in common, and which of them may begin."""

    def __init__(self, session: Session, outcome: Outcome, progress: Progress, send: Send) -> None:
        self.session = session
        self.outcome = outcome
        self.progress = progress
        self._send = send
        self.outputs = outcome.outputs
        self.stores = outcome.stores
        self.now = outcome.request.now
        # When each client's credential arrived at its store, by `clock.seconds`, and its id.
        self.delivered: dict[str, tuple[float, KeyId]] = {}
        self.wrote_settings = False
        self._is_each_alone = isinstance(outcome.request.desired, Rotation | Removal)
        # Changes that failed alone or found another run's registration, and those that need them.
        self._left_out: set[str] = set()
        self._ready = {change.key: asyncio.Event() for change in outcome.plan.changes}
        self._settings_readable = {change.key: asyncio.Event() for change in outcome.plan.changes}
        self._slots = asyncio.Semaphore(CHANGES_AT_ONCE)
        changes = outcome.plan.changes
        created = [change for change in changes if isinstance(change, CreateApplication)]
        # More registrations than leave at once wait for the service application, whose id their
        # creation can then name as the API that they need: one request less for each.
        self._is_service_first = len(created) > CHANGES_AT_ONCE
        # What is written later into a registration that this run creates, by the creation's key:
        # its API permission goes out with the creation, where the API's id is known by then.
        self._updates = {
            change.object_id.key: change
            for change in changes
            if isinstance(change, UpdateApplication) and isinstance(change.object_id, OutputRef)
        }
        # What was shown of changes that are done for their reader, and still go on.
        self._shown_as_done: dict[str, str] = {}

    def created_registration(self, deferred: Deferred[Any]) -> Application | None:
        """The registration that a deferred id names, if this run has created or restored it."""
        if not isinstance(deferred, OutputRef):
            return None
        return self.outcome.created.get(deferred.key)

    def with_permission(self, key: str, created: Application) -> Application:
        """Add the API permission that a later step gives to what the change of `key` creates.

        Where the API's id is not known yet, that is left to the step; else the step finds nothing
        to write.
        """
        edits = self._later_edits(key)
        if edits.access_to is None or self.outputs.known(edits.access_to) is None:
            return created
        access = ApplicationEdits(access_to=edits.access_to, access_role=edits.access_role)
        return next(iter(apply_edits(created, access, self.outputs)), created)

    def is_complete(self, deferred: Deferred[Any]) -> bool:
        """Whether this run has created the registration, and no later step writes to it."""
        created = self.created_registration(deferred)
        if created is None or not isinstance(deferred, OutputRef):
            return False
        edits = self._later_edits(deferred.key)
        if edits.access_to is not None and self.outputs.known(edits.access_to) is None:
            return False
        return not apply_edits(created, edits, self.outputs)

    def count_update(self, deferred: Deferred[Any]) -> None:
        """Count the later step as done that finds nothing to write to the registration any more.

        It may not run: another change may be refused before its turn.
        """
        update = self._updates.get(deferred.key) if isinstance(deferred, OutputRef) else None
        if update is not None and self.is_complete(deferred):
            self.outcome.start(update)
            self.outcome.finish(update.named(self.outputs), "")

    def _later_edits(self, key: str) -> ApplicationEdits:
        update = self._updates.get(key)
        return update.edits if update is not None else ApplicationEdits()

    async def apply_all(self) -> None:
        """Apply each change as soon as those that it needs are done.

        Raises S2SError: the first refusal, after what was in flight beside it has ended.
        """
        tasks = [asyncio.ensure_future(self._apply(change)) for change in self.outcome.plan.changes]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            await end_all(tasks)
            raise
        if self.outcome.failed:
            _, first_refusal = self.outcome.failed[0]
            raise first_refusal

    async def _apply(self, change: AnyChange) -> None:
        try:
            await self._wait_for(self._awaited_keys(change))
            if isinstance(change, WriteSettings):
                await self._wait_until_settings_may_be_read(change)
            if self._needs_left_out(change):
                self._leave_out(change)
                return
            async with self._slots:
                if self._is_stopped:
                    return
                # Settings are only read until all else is done: cut off then, they are unchanged.
                if not isinstance(change, WriteSettings):
                    self.outcome.start(change)
                # A credential's change says by itself when it is likely to succeed.
                if not isinstance(change, AddCredential):
                    self.let_settings_be_read(change)
                with during(self.progress.started(change)):
                    await self._send_and_report(change)
        except Stopped:
            self.outcome.mark_not_begun(change)

    def _awaited_keys(self, change: AnyChange) -> frozenset[str]:
        """The changes after which this one begins."""
        plan = self.outcome.plan
        keys = plan.waits_for(change)
        if isinstance(change, WriteSettings):
            return frozenset(reference.key for reference in references(change))
        is_client = isinstance(change, CreateApplication) and change.key != SERVICE_KEY
        if is_client and self._is_service_first and SERVICE_KEY in self._ready:
            return keys | {SERVICE_KEY}
        return keys

    async def _wait_until_settings_may_be_read(self, change: WriteSettings) -> None:
        """Wait until all that the settings need is likely to succeed soon, or is done.

        The settings are first read beside what is still sent; `wait_for_everything_else` waits for
        the answers before the PUT.
        """
        for key in self.outcome.plan.waits_for(change):
            await self._settings_readable[key].wait()

    async def _send_and_report(self, change: AnyChange) -> None:
        try:
            detail = await self._send_or_explain(change)
        except Skipped as skipped:
            self.outcome.skip(change, str(skipped))
            self.progress.skipped(change, str(skipped))
        except Postponed as postponed:
            # Neither done nor failed: it is in doubt until the run has ended.
            self.progress.skipped(change, str(postponed))
        except S2SError as error:
            self._record_failure(change, error)
        else:
            result = change.named(self.outputs) if isinstance(change, UpdateApplication) else change
            self.outcome.finish(result, detail)
            if self._shown_as_done.get(change.key) != detail:
                self.progress.finished(result, detail)
        self.mark_ready(change)

    async def _send_or_explain(self, change: AnyChange) -> str:
        place_refusal = self.outcome.place_refusals.get(change.key)
        if place_refusal is not None:
            raise place_refusal
        try:
            return await self._send(change, self)
        except PermissionMissing as refusal:
            registration = changed_registration(change)
            if not self.outcome.relies_on_ownership or registration is None:
                raise
            raise await explain_not_owner(self.session, registration, refusal) from refusal

    def _record_failure(self, change: AnyChange, error: S2SError) -> None:
        if isinstance(error, NotOurs) and error.is_created_meanwhile:
            # Another administrator's run may have created it: `flow.carry_out` waits for its end,
            # and does then what is left out now.
            self.outcome.awaits_other_run[change.key] = error
            self.progress.skipped(change, "someone else is creating it")
            self._leave_out(change)
            return
        self.outcome.fail(change, error)
        if isinstance(error, Purged):
            self.progress.skipped(change, "it was deleted permanently")
        else:
            self.progress.failed(change)
        if self._fails_alone(change):
            self._leave_out(change)
            return
        # Everyone who waits looks up that the run is stopped.
        for event in (*self._ready.values(), *self._settings_readable.values()):
            event.set()

    def _leave_out(self, change: AnyChange) -> None:
        self._left_out.add(change.key)
        self.mark_ready(change)

    def _needs_left_out(self, change: AnyChange) -> bool:
        """Whether a change that this one needs was left out."""
        if isinstance(change, RestartSite):
            needs = frozenset(
                step.key for step in self.outcome.plan.changes if isinstance(step, WriteSettings)
            )
        elif isinstance(change, WriteSettings) and not change.first:
            # A client that was left out is left out of the settings, too; they need the API alone.
            needs = frozenset({SERVICE_KEY})
        else:
            needs = self.outcome.plan.waits_for(change)
        return not needs.isdisjoint(self._left_out)

    @property
    def _is_stopped(self) -> bool:
        return not all(self._fails_alone(change) for change, _ in self.outcome.failed)

    def _fails_alone(self, change: AnyChange) -> bool:
        """Whether it is one client's trouble, which stops no other client."""
        return self._is_each_alone or change.key in self.outcome.plan.removals

    def mark_ready(self, change: AnyChange) -> None:
        """Let those begin that wait for the change, which may still be reading back its write."""
        self._settings_readable[change.key].set()
        self._ready[change.key].set()

    def let_settings_be_read(self, change: AnyChange) -> None:
        """Let the settings be read: from here on, the change is likely to succeed soon.

        A credential is, once its attempt is noted; any other change, as it begins.
        """
        self._settings_readable[change.key].set()

    def show_as_done(self, change: AnyChange, detail: str) -> None:
        """Show the change as done for its reader, while it still watches or tidies up."""
        self._shown_as_done[change.key] = detail
        self.progress.finished(change, detail)

    async def wait_for_everything_else(self, change: WriteSettings) -> None:
        with waiting("waiting for the other steps"):
            await self._wait_for(self.outcome.plan.waits_for(change))
        self.outcome.start(change)

    async def _wait_for(self, keys: frozenset[str]) -> None:
        """Raises Stopped."""
        for key in keys:
            await self._ready[key].wait()
        if self._is_stopped:
            raise Stopped
