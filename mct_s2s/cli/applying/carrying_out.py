"""The plans that were reviewed, applied side by side; sites that share a registration take turns."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from mct_s2s.activity import activity
from mct_s2s.cli.applying.site_run import SiteInterface, SiteRun
from mct_s2s.cli.changing import retire_files
from mct_s2s.cli.run import Run
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.change import carry_out
from mct_s2s.errors import S2SError
from mct_s2s.planning.plan import Plan


async def apply_at_all(current: Run, sites: Sequence[SiteRun], *, was_asked: bool, exactly: bool) -> None:
    """Apply the plan of each site that has one; what ends one of them stops no other.

    Args:
        current: the command.
        sites: as they were reviewed.
        was_asked: whether a person has read the plans, and time has passed.
        exactly: whether nothing is done but what was reviewed, not even after deleted registrations are restored.
    """
    shared = _SharedRegistrations()
    await gather_or_cancel(
        *(
            _apply(current, site, shared, SiteInterface(current, site, sites, was_asked=was_asked, exactly=exactly))
            for site in sites
            if site.is_pending
        )
    )
    for site in sites:
        site.is_over = True


async def _apply(current: Run, site: SiteRun, shared: _SharedRegistrations, ui: SiteInterface) -> None:
    assert site.session is not None and site.outcome is not None  # noqa: S101, PT018  # it has a plan
    try:
        with current.display.about(site.key):
            async with shared.held(site.outcome.plan):
                site.outcome = await carry_out(site.session, site.outcome, site.since, ui)
        retire_files(current.terminal, site.session, site.outcome)
    except S2SError as error:
        site.session.azure.directory_access.signed_in.remind(error)
        site.error = error
    except Exception as bug:  # what went wrong at one site stops no other, and what was made there is told
        from mct_s2s.cli.mistakes import bug_report  # noqa: PLC0415  # hardly ever

        site.error = bug_report(bug)
    site.is_over = True


class _SharedRegistrations:
    """Registrations that several sites change: their lists are replaced whole, so only one site writes at a time."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def held(self, plan: Plan) -> AsyncIterator[None]:
        """Hold all that a plan changes; in one order, so that no two sites wait for each other."""
        ids = {one for change in plan.changes if isinstance(one := getattr(change, "object_id", None), str)}
        async with AsyncExitStack() as stack:
            for one in sorted(ids):
                lock = self._locks[one]
                if lock.locked():
                    with activity("Waiting for another site that shares a registration"):
                        await lock.acquire()
                else:
                    await lock.acquire()
                stack.callback(lock.release)
            yield
