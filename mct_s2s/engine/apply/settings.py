"""Write the application settings without losing anyone's.

App Service has no ETag for them and a write replaces them all. So: list, wait for everything else, list again if that
took long, merge, write once, read back. What we put in and someone erased is merged again; ids are a set, so several
runs that all do this come to agree. Another run may have listed before we wrote and write after we read back, so the
last look goes out when the time that lies between such a reading and its writing has gone by since ours was sent; the
restart and the tests of the clients go on beside it.
Source: learn.microsoft.com/rest/api/appservice/web-apps/update-application-settings.

What no one can see is a foreign write between our last listing and our write: one round trip.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.activity import activity, waiting
from mct_s2s.errors import ServiceError
from mct_s2s.planning.changes import Outputs, WriteSettings
from mct_s2s.planning.site import changed_names, merge

if TYPE_CHECKING:
    from mct_s2s.azure.arm.sites import ArmSites

FRESH_SECONDS = 0.02
"""A listing that is merged and written is no older than this, or than one more listing would take."""
QUEUED_SECONDS = 1.0
"""A write that has waited for so long to be sent, because the service asked for patience, needs a new listing."""
READINGS = 5
"""New listings for that reason, before the last one has to do."""
WINDOW_SECONDS = 0.1
"""What another run may take between its reading and its writing, beside what our own longest two have taken."""
WRITES = 8
"""Writes before the error that someone keeps erasing ours."""
LATER_LOOKS = 12
"""Looks at settings that are as they were before our write, before it is taken for erased: some eight seconds."""
_USUAL_NAME = re.compile(r"[A-Za-z0-9._]+")
"""What every plan takes: docs/azure-contract.md, section 4.3."""
LOOKS = 30
"""Looks at settings that hold ours before we let others go on writing."""


async def write_settings(
    sites: ArmSites,
    change: WriteSettings,
    outputs: Outputs,
    everything_else: Callable[[], Awaitable[None]],
    written: Callable[[bool], None],
    keep: Callable[[Mapping[str, str | None]], None] = lambda _: None,
    confirmed: Callable[[str], None] = lambda _: None,
) -> tuple[dict[str, str | None], str]:
    """Merge what is wanted into whatever is there now; the settings as they are then, and a word on it.

    Args:
        everything_else: waits until all other changes are done.
        written: called before the reading back, so that the restart goes out beside it; with False where nothing
            had to be written.
        keep: is given the settings as they are, just before the first write.
        confirmed: called with what came of it once the settings have been read back; others may still be writing.
    """
    writer = _Writer(sites, change, outputs)
    await writer.read()
    await everything_else()
    if writer.is_older_than(FRESH_SECONDS):
        await writer.read()
    if not writer.is_due:
        written(False)
        return writer.settings, "someone else wrote the same values at the same time"
    keep(writer.settings)
    await writer.write()
    written(True)
    await writer.read_back()
    confirmed(writer.summary)
    with activity(f"Watching {change.site.label} for other writers of its settings"):
        await writer.settle()
    return writer.settings, writer.summary


class _Stale(Exception):
    """The write was held back for so long that what it would write is old."""


class _Writer:
    """One run's part in a conversation that all runs have through the settings themselves. Times are in seconds."""

    def __init__(self, sites: ArmSites, change: WriteSettings, outputs: Outputs) -> None:
        self._sites, self._change, self._outputs = sites, change, outputs
        self._resource = change.site.resource
        self.settings: dict[str, str | None] = {}
        """As they were read last."""
        self._replaced: Mapping[str, str | None] | None = None
        """As they were when the last write was sent."""
        self._writes = self._stale_readings = 0
        self._asked_at = self._read_at = self._written_at = 0.0
        self._sent_at: float | None = None
        """When the last attempt to write was sent; `None` where there was nothing to send any more."""
        self._reading = self._writing = 0.0
        """The longest that each has taken, from the sending of the request that was answered: waiting for a turn and
        attempts that failed do not count."""

    async def read(self) -> None:
        self.settings = await self._sites.settings(self._resource, leaves=self._asking)
        self._read_at = clock.seconds()
        self._reading = max(self._reading, self._read_at - self._asked_at)

    def _asking(self) -> None:
        self._asked_at = clock.seconds()

    def is_older_than(self, seconds: float) -> bool:
        """Whether what was read is older than this, and than one more reading would take."""
        return clock.seconds() - self._read_at > max(self._reading, seconds)

    @property
    def is_due(self) -> bool:
        return bool(changed_names(self.settings, self._change.spec, self._outputs))

    @property
    def summary(self) -> str:
        changed = self._change.changed
        untouched = len(set(self.settings) - set(changed))
        again = f"; merged {self._writes} times with changes by someone else" if self._writes > 1 else ""
        return f"{len(changed)} setting{'s' * (len(changed) != 1)} written, {untouched} unchanged{again}"

    async def write(self) -> None:
        self._stale_readings = 0
        while True:
            try:
                await self._sites.write_settings(self._resource, self._merged, self.read)
                break
            except _Stale:
                await self.read()
            except ServiceError as error:
                _name_others(error, self.settings)
                raise
        self._writes += 1
        # Where a lost answer turned out to be a success, how long that took is not known.
        self._written_at = clock.seconds() if self._sent_at is None else self._sent_at
        took = self._reading if self._sent_at is None else clock.seconds() - self._sent_at
        self._writing = max(self._writing, took)

    def _merged(self) -> Mapping[str, str | None] | None:
        """What is sent now, made from what was read last."""
        self._sent_at = None
        if not self.is_due:
            return None
        if self.is_older_than(QUEUED_SECONDS) and self._stale_readings < READINGS:
            self._stale_readings += 1
            raise _Stale
        self._sent_at, self._replaced = clock.seconds(), self.settings
        return merge(self.settings, self._change.spec, self._outputs)

    async def read_back(self) -> None:
        """Look at what came of the write; some kinds of hosting accept it first (202) and carry it out later."""
        for look in range(LATER_LOOKS):
            if self.settings != self._replaced:
                return
            if look:
                with waiting("waiting for App Service to write them"):
                    await asyncio.sleep(min(1.0, 0.1 * 2 ** (look - 1)))
            await self.read()

    async def settle(self) -> None:
        """Look until ours is in and no one has written for as long as a writing may be on its way."""
        for look in range(LOOKS):
            if self.is_due:
                await self._write_again()
            before = self.settings
            window = WINDOW_SECONDS + self._reading + self._writing
            # Jitter, so that runs that met once part; where no one else writes there is one look and none of it.
            wait = window * random.uniform(1, 2) if look else self._written_at + window - clock.seconds()  # noqa: S311
            await asyncio.sleep(max(0.0, wait))
            await self.read()
            if self.settings == before and not self.is_due:
                return
        if self.is_due:
            raise self._contended()

    async def _write_again(self) -> None:
        if self._writes == WRITES:
            raise self._contended()
        with waiting("merging with changes by someone else"):
            await asyncio.sleep(random.uniform(0.02, 0.1) * self._writes)  # noqa: S311  # jitter, as above
            await self.read()
            if self.is_due:
                await self.write()
                await self.read_back()

    def _contended(self) -> ServiceError:
        return ServiceError(
            "settings-contended",
            f"Someone else keeps overwriting the application settings of '{self._change.site.label}'.",
            remedy="Find what writes them (a pipeline, another administrator), then run the same command again.",
        )


def _name_others(error: ServiceError, settings: Mapping[str, str | None]) -> None:
    """App Service names one setting at a time: name those that would be next, so that they are renamed together."""
    if error.code != "setting-name-refused":
        return
    unusual = [name for name in sorted(settings) if not _USUAL_NAME.fullmatch(name)]
    others = [f"'{name}'" for name in unusual if name.lower() not in error.message.lower()]
    if others:
        error.advise(f"{error.advice} The same may apply to {', '.join(others)}.")
