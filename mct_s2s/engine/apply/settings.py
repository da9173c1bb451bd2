"""Write the application settings without losing anyone's, and restart the site.

App Service has no ETag for them and a write replaces them all. So: list, merge, write once, read
back, and merge again what someone erased. Another run may have listed before we wrote and write
after we read back, so the last look goes out when such a run must have written. A foreign write
between our last listing and our write, one round trip, stays unseen. Source:
learn.microsoft.com/rest/api/appservice/web-apps/update-application-settings.
"""

import asyncio
import random
from dataclasses import replace
from functools import partial

from mct_s2s import clock
from mct_s2s.activity import activity, waiting
from mct_s2s.engine.apply.plan_run import Run
from mct_s2s.errors import S2SError, ServiceError
from mct_s2s.model.commands import webapp_command
from mct_s2s.model.site_settings import AppSettings
from mct_s2s.plain_text import counted
from mct_s2s.planning.changes import RestartSite, WriteSettings
from mct_s2s.planning.site import edits, merge

FRESH_SECONDS = 0.02
"""When a write is asked for, the listing that it merges is no older than this, or than one more
would take.
"""
QUEUED_SECONDS = 1.0
"""The same for when it is sent: until then it may wait for its turn, or as the service asks."""
READINGS = 5
"""New listings for that reason; the last one has to do, however old it is."""
WINDOW_SECONDS = 0.1
"""What another run may take between its reading and its writing.

Our longest reading is added to it; before every look but the first, our longest write, too.
"""
WRITES = 8
"""Writes in all, before it is given up."""
LATER_LOOKS = 12
"""Looks at settings that are as before our write, before it is taken for erased: some 8 s."""
LOOKS = 30
"""Looks at settings that hold ours before we let others go on writing."""


async def write_settings(change: WriteSettings, run: Run) -> str:
    """Write the settings, read them back, and watch them while the restart and the tests go on."""
    writer = _Writer(change, run)
    backup = run.outcome.request.backup
    await writer.read()
    await run.wait_for_everything_else(change)
    writer.leave_out_unknown()
    if writer.is_older_than(FRESH_SECONDS):
        await writer.read()
    if not writer.is_due:
        run.outcome.settings = writer.settings
        return "someone else wrote the same values at the same time"
    if backup is not None:
        backup.keep(str(change.site), writer.settings)
    await writer.write()
    run.wrote_settings = True
    run.mark_ready(change)
    await writer.read_back()
    run.show_as_done(change, writer.summary)
    with activity(f"Watching {change.name} for other writers of its settings"):
        await writer.settle()
    run.outcome.settings = writer.settings
    return writer.summary


async def restart_site(change: RestartSite, run: Run) -> str:
    """Restart it, unless another run wrote the settings and restarts it."""
    if not run.wrote_settings:
        return "by another run"
    try:
        await run.session.arm.restart(change.site)
    except S2SError as error:
        if isinstance(error, ServiceError) and error.answer_lost:
            # Asked once, and not again: App Service restarts by itself when its settings change.
            return "requested; the response was lost"
        by_hand = webapp_command("restart", change.site)
        error.advise(f"The settings are saved. {error.advice} Or restart it yourself:", by_hand)
        raise
    return ""


class _Stale(Exception):
    """The write was held back until what it would write is old."""


class _Writer:
    def __init__(self, change: WriteSettings, run: Run) -> None:
        self._change = change
        self._outputs = run.outputs
        self._arm = run.session.arm
        self.settings: AppSettings = {}
        self._replaced: AppSettings | None = None
        """As they were when the last write was sent."""
        self._writes = 0
        self._read_at = 0.0
        self._sent_at = 0.0
        self._written_at = 0.0
        self._longest_reading = 0.0
        """Seconds, without failed tries and turns."""
        self._longest_writing = 0.0
        """The same; at least as long as a reading."""

    async def read(self) -> None:
        sent_at = list[float]()  # of each try
        self.settings = await self._arm.settings(
            self._change.site, leaves=lambda: sent_at.append(clock.seconds())
        )
        self._read_at = clock.seconds()
        self._longest_reading = max(self._longest_reading, self._read_at - sent_at[-1])

    def leave_out_unknown(self) -> None:
        """Leave out ids that are still unknown after everything else: their client was left out."""
        spec = self._change.spec
        listed = tuple(
            (setting, client_id)
            for setting, client_id in spec.listed
            if self._outputs.known(client_id) is not None
        )
        self._change = replace(self._change, spec=replace(spec, listed=listed))

    def is_older_than(self, seconds: float) -> bool:
        """Whether the listing is older than that, and than a new one would take."""
        return clock.seconds() - self._read_at > max(self._longest_reading, seconds)

    @property
    def is_due(self) -> bool:
        return bool(edits(self.settings, self._change.spec, self._outputs))

    @property
    def summary(self) -> str:
        changes = self._change.edits
        removed = {edit.name.casefold() for edit in changes if edit.is_removal}
        written = {edit.name.casefold() for edit in changes} - removed
        unchanged = sum(name.casefold() not in written for name in self.settings)
        counts = [f"{counted(len(written), 'setting')} written"] if written else []
        counts += [f"{counted(len(removed), 'setting')} removed"] if removed else []
        merges = (
            f"; merged {self._writes} times with changes by someone else"
            if self._writes > 1
            else ""
        )
        return f"{', '.join(counts)}, {unchanged} unchanged{merges}"

    async def write(self) -> None:
        for readings in range(READINGS + 1):
            # The last reading has to do, however old it is.
            may_be_old = readings == READINGS
            try:
                merged = partial(self._merged, may_be_old=may_be_old)
                await self._arm.write_settings(self._change.site, merged, self.read)
                break
            except _Stale:
                await self.read()
        self._writes += 1
        self._written_at = clock.seconds()
        # Where a lost answer turned out to be a success, nothing was sent last, and no time passed:
        # a reading is the least that a write takes.
        writing = max(self._longest_reading, self._written_at - self._sent_at)
        self._longest_writing = max(self._longest_writing, writing)

    def _merged(self, *, may_be_old: bool) -> AppSettings | None:
        """Return what is sent now; `None` where a lost answer turns out to be a success.

        Raises _Stale.
        """
        self._sent_at = clock.seconds()
        if not self.is_due:
            return None
        if not may_be_old and self.is_older_than(QUEUED_SECONDS):
            raise _Stale
        self._replaced = self.settings
        return merge(self.settings, self._change.spec, self._outputs)

    async def read_back(self) -> None:
        """Read until the settings are no longer as before the write.

        Some kinds of hosting accept a write first (202) and carry it out later.
        """
        for look in range(LATER_LOOKS):
            if self.settings != self._replaced:
                return
            if look:
                with waiting("waiting for App Service to write them"):
                    await asyncio.sleep(min(1.0, 0.1 * 2 ** (look - 1)))
            await self.read()

    async def settle(self) -> None:
        """Look until ours is in and no other write can be on its way. Raises ServiceError."""
        for look in range(LOOKS):
            if self.is_due:
                if self._writes == WRITES:
                    break
                await self._merge_again()
            before = self.settings
            await asyncio.sleep(self._pause_before(look))
            await self.read()
            if self.settings == before and not self.is_due:
                return
        if self.is_due:
            raise ServiceError(
                "settings-contended",
                "Someone else keeps overwriting the application settings of "
                f"'{self._change.name}'.",
                remedy="Find what writes them (a pipeline, another administrator), then run the "
                "same command again.",
            )

    async def _merge_again(self) -> None:
        """Write once more what another writer has erased."""
        with waiting("merging with changes by someone else"):
            # Jitter, so that runs that met once part.
            await asyncio.sleep(random.uniform(0.02, 0.1) * self._writes)  # noqa: S311  # jitter
            await self.read()
            if self.is_due:
                await self.write()
                await self.read_back()

    def _pause_before(self, look: int) -> float:
        """Seconds in which another run that had read before our write must have written."""
        window = WINDOW_SECONDS + self._longest_reading
        if look == 0:
            return max(0.0, self._written_at + window - clock.seconds())
        # Where no one else writes there is one look, and none of this jitter.
        return (window + self._longest_writing) * random.uniform(1, 2)  # noqa: S311  # jitter
