"""Write the application settings without losing anybody's.

App Service has no ETag for them and a write replaces them all. So: list, wait for everything else, list again if that
took long, merge, write once, read back. What we put in and somebody erased at the same moment is merged again; ids are
a set, so several runs that all do this come to agree. Source: learn.microsoft.com/rest/api/appservice/web-apps/
update-application-settings.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from mct_s2s.errors import ServiceError
from mct_s2s.planning.changes import WriteSettings
from mct_s2s.planning.plan import Results
from mct_s2s.planning.site import changed_names, merge
from mct_s2s.ports import Sites

FRESH_SECONDS = 0.5
"""How old a listing may be when it is merged and written."""
ROUNDS = 6
"""Writes before we say that somebody keeps erasing ours."""


@dataclass(frozen=True)
class Written:
    """The settings as they stand, and a word on how they came to."""

    settings: dict[str, str | None]
    detail: str


async def write_settings(
    sites: Sites,
    change: WriteSettings,
    results: Results,
    everything_else: Callable[[], Awaitable[None]],
    written: Callable[[bool], None],
    keep: Callable[[Mapping[str, str | None]], None] | None = None,
) -> Written:
    """Merge the wish into whatever stands there now.

    Args:
        sites: the App Service's side of Azure.
        change: what is wanted.
        results: the ids that the plan has yielded.
        everything_else: waits until all other changes are done.
        written: called before the reading back, so that the restart goes out beside it; with False where nothing
            had to be written.
        keep: is given the settings as they are, just before the first write.

    Raises:
        ServiceError: refused; or somebody keeps writing over it.
    """
    resource, listed_at = change.site.resource, time.monotonic()
    current = await sites.settings(resource)
    await everything_else()
    if time.monotonic() - listed_at > FRESH_SECONDS:
        current = await sites.settings(resource)
    for round_ in range(ROUNDS):
        names = changed_names(current, change.wish, results)
        if not names:
            if round_ == 0:
                written(False)
            return Written(current, _told(round_, change.changed, current))
        if keep is not None and round_ == 0:
            keep(current)
        await sites.write_settings(resource, merge(current, change.wish, results))
        if round_ == 0:
            written(True)
        current = await sites.settings(resource)
        if round_:
            await asyncio.sleep(random.uniform(0.05, 0.3) * round_)  # noqa: S311  # jitter, so that two runs part
    raise ServiceError(
        "settings-contended",
        f"Somebody keeps writing over the application settings of '{change.site.label}'.",
        remedy="Find the other writer (a pipeline, a second administrator), then run the same command again.",
    )


def _told(rounds: int, changed: tuple[str, ...], settings: dict[str, str | None]) -> str:
    if rounds == 0:
        return "somebody else wrote the same at this moment"
    untouched = len(set(settings) - set(changed))
    again = f"; merged {rounds} times, somebody else was writing too" if rounds > 1 else ""
    return f"{len(changed)} of ours written, {untouched} others untouched{again}"
