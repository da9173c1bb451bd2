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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.activity import activity, waiting
from mct_s2s.errors import ServiceError
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.app_service.site import changed_names, merge
from mct_s2s.planning.changes import Results, WriteSettings

if TYPE_CHECKING:
    from mct_s2s.azure.arm.app_services import ArmSites

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


@dataclass(frozen=True)
class Written:
    """The settings as they are now, and how they came to be so."""

    settings: dict[str, str | None]
    detail: str


async def write_settings(
    sites: ArmSites,
    change: WriteSettings,
    results: Results,
    everything_else: Callable[[], Awaitable[None]],
    written: Callable[[bool], None],
    keep: Callable[[Mapping[str, str | None]], None] | None = None,
    confirmed: Callable[[str], None] | None = None,
) -> Written:
    """Merge what is wanted into whatever is there now.

    Args:
        sites: the App Service's side of Azure.
        change: what is wanted.
        results: the ids that the plan has yielded.
        everything_else: waits until all other changes are done.
        written: called before the reading back, so that the restart goes out beside it; with False where nothing
            had to be written.
        keep: is given the settings as they are, just before the first write.
        confirmed: called with what came of it once the settings have been read back; others may still be writing.

    Raises:
        ServiceError: refused; or someone keeps writing over it.
    """
    view = _View(sites, change.site.resource)
    await view.read()
    await everything_else()
    if view.is_older_than(FRESH_SECONDS):
        await view.read()
    writing = _Writing(view, change, results)
    if not writing.is_due:
        written(False)
        return Written(view.settings, "someone else wrote the same values at the same time")
    if keep is not None:
        keep(view.settings)
    await writing.write()
    written(True)
    await writing.read_back()
    if confirmed is not None:
        confirmed(_summary(writing.writes, change.changed, view.settings))
    with activity(f"Watching {change.site.label} for other writers of its settings"):
        await writing.settle()
    return Written(view.settings, _summary(writing.writes, change.changed, view.settings))


@dataclass
class _View:
    """The settings as they were read last.

    Times are in seconds. `took` is the longest that a reading has taken, from the sending of the request that was
    answered: waiting for a turn and attempts that failed do not count towards a reading's age.
    """

    sites: ArmSites
    resource: ResourceId
    settings: dict[str, str | None] = field(default_factory=dict)
    took: float = 0.0
    _sent_at: float = 0.0
    _read_at: float = 0.0

    async def read(self) -> None:
        self.settings = await self.sites.settings(self.resource, leaves=self._leaves)
        self._read_at = clock.seconds()
        self.took = max(self.took, self._read_at - self._sent_at)

    def is_older_than(self, seconds: float) -> bool:
        """Whether it is older than this, and than one more reading would take."""
        return clock.seconds() - self._read_at > max(self.took, seconds)

    def _leaves(self) -> None:
        self._sent_at = clock.seconds()


class _Stale(Exception):
    """The write was held back for so long that what it would write is old."""


@dataclass
class _Writing:
    """One run's part in a conversation that all runs have through the settings themselves."""

    view: _View
    change: WriteSettings
    results: Results
    writes: int = 0
    took: float = 0.0
    _replaced: Mapping[str, str | None] | None = None
    """The settings as they were when the last write was sent."""
    _sent_at: float | None = None
    """When the last attempt was sent; `None` where there was nothing to send any more."""
    _written_at: float = 0.0
    """When the write that was answered last was sent."""
    _readings: int = 0

    @property
    def is_due(self) -> bool:
        return bool(changed_names(self.view.settings, self.change.spec, self.results))

    async def write(self) -> None:
        self._readings = 0
        while True:
            try:
                await self.view.sites.write_settings(self.view.resource, self._merged, self.view.read)
                break
            except _Stale:
                await self.view.read()
            except ServiceError as error:
                _name_others(error, self.view.settings)
                raise
        self.writes += 1
        # Where a lost answer turned out to be a success, how long that took is not known.
        self._written_at = clock.seconds() if self._sent_at is None else self._sent_at
        self.took = max(self.took, self.view.took if self._sent_at is None else clock.seconds() - self._sent_at)

    async def read_back(self) -> None:
        """Look at what came of the write; some kinds of hosting accept it first (202) and carry it out later."""
        for look in range(LATER_LOOKS):
            if self.view.settings != self._replaced:
                return
            if look:
                with waiting("waiting for App Service to write them"):
                    await asyncio.sleep(min(1.0, 0.1 * 2 ** (look - 1)))
            await self.view.read()

    async def settle(self) -> None:
        """Look until ours is in and no one has written for as long as a writing may be on its way.

        Raises:
            ServiceError: someone keeps erasing ours.
        """
        for look in range(LOOKS):
            if self.is_due:
                await self._write_again()
            before = self.view.settings
            window = WINDOW_SECONDS + self.view.took + self.took
            # Jitter, so that runs that met once part; where no one else writes there is one look and none of it.
            wait = window * random.uniform(1, 2) if look else self._written_at + window - clock.seconds()  # noqa: S311
            await asyncio.sleep(max(0.0, wait))
            await self.view.read()
            if self.view.settings == before and not self.is_due:
                return
        if self.is_due:
            raise self._contended()

    async def _write_again(self) -> None:
        if self.writes == WRITES:
            raise self._contended()
        with waiting("merging with changes by someone else"):
            await asyncio.sleep(random.uniform(0.02, 0.1) * self.writes)  # noqa: S311  # jitter, as above
            await self.view.read()
            if self.is_due:
                await self.write()
                await self.read_back()

    def _contended(self) -> ServiceError:
        return ServiceError(
            "settings-contended",
            f"Someone else keeps overwriting the application settings of '{self.change.site.label}'.",
            remedy="Find what writes them (a pipeline, another administrator), then run the same command again.",
        )

    def _merged(self) -> Mapping[str, str | None] | None:
        """What is sent now, made from what was read last."""
        self._sent_at = None
        if not self.is_due:
            return None
        if self.view.is_older_than(QUEUED_SECONDS) and self._readings < READINGS:
            self._readings += 1
            raise _Stale
        self._sent_at, self._replaced = clock.seconds(), self.view.settings
        return merge(self.view.settings, self.change.spec, self.results)


def _name_others(error: ServiceError, settings: Mapping[str, str | None]) -> None:
    """App Service names one setting at a time: name those that would be next, so that they are renamed together."""
    if error.code != "setting-name-refused":
        return
    unusual = [name for name in sorted(settings) if not _USUAL_NAME.fullmatch(name)]
    others = [f"'{name}'" for name in unusual if name.lower() not in error.message.lower()]
    if others:
        error.advise(f"{error.advice} The same may apply to {', '.join(others)}.")


def _summary(writes: int, changed: tuple[str, ...], settings: dict[str, str | None]) -> str:
    untouched = len(set(settings) - set(changed))
    again = f"; merged {writes} times with changes by someone else" if writes > 1 else ""
    return f"{len(changed)} setting{'s' * (len(changed) != 1)} written, {untouched} unchanged{again}"
