"""One site's share of an `apply`: its plan, how far it has come, and what ended it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from mct_s2s import clock
from mct_s2s.activity import Progress, activity
from mct_s2s.cli.changing import retire_files
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.requests import where
from mct_s2s.cli.run import Run
from mct_s2s.cli.trust_file import SiteSetup
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.change import carry_out
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.errors import Refused, S2SError
from mct_s2s.model.client_credentials import MadeCredential
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import site_title
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.reviewed import fingerprint, is_covered

STALE_SECONDS = 5.0
"""A plan that is older when its turn comes is made again: other sites, the question and a shared registration take
their time."""


@dataclass
class SiteRun:
    """A site of the file while the command runs."""

    wanted: SiteSetup
    session: Session | None = None
    outcome: Outcome | None = None
    """As it was reviewed, then as far as it has been applied; `None` until it could be read."""
    error: S2SError | None = None
    """What ended it."""
    is_over: bool = False
    """Whether it came to its end: nothing of it is under way."""
    since: float = 0.0
    """When its reading began, in seconds since the epoch."""
    read_at: float = 0.0
    """The same on the clock of `clock.seconds`."""

    @property
    def key(self) -> str:
        """What the file calls it."""
        return self.wanted.key

    @property
    def title(self) -> str:
        """The same, with the App Service where that has another name."""
        return site_title(self.key, self.wanted.target.label)

    @property
    def options(self) -> ChangingOptions:
        """As if the command were about this site alone."""
        return self.wanted.setup.options

    @property
    def is_pending(self) -> bool:
        """Whether there is something to do that can be done."""
        return self.outcome is not None and not self.outcome.plan.is_empty

    @property
    def fingerprint(self) -> str | None:
        """The digest of its plan, the same for every caller, on every machine; `None` where it could not be made."""
        if self.outcome is None:
            return None
        request, plan = self.outcome.request, self.outcome.intended or self.outcome.plan
        return fingerprint(plan, request.now, request.subject(self.outcome.before))


@dataclass
class SiteInterface:
    """Agrees to what was reviewed, and to nothing else; there is no second question about one site of many."""

    run: Run
    site: SiteRun
    sites: Sequence[SiteRun] = ()
    """All of the run, which may share registrations and identities."""
    was_asked: bool = False
    """Whether a person has read the plans meanwhile."""
    exactly: bool = True
    """Whether nothing is done but what was reviewed, not even after deleted registrations are restored."""

    @property
    def takes_time(self) -> bool:
        """Whether the plan was made so long ago that it may be another one by now."""
        return self.was_asked or clock.seconds() - self.site.read_at > STALE_SECONDS

    async def confirm(self, outcome: Outcome) -> bool:
        """Refuse what was not reviewed. Less may be left to do: another site shares a registration, say."""
        reviewed = self.site.outcome
        if outcome.plan.is_empty:
            self.site.outcome = outcome
            return False
        is_rest = bool(outcome.restored) and not self.exactly
        done = [(one.change, site.outcome.results) for site in self.sites if site.outcome for one in site.outcome.done]
        if is_rest or (reviewed is not None and is_covered(outcome.plan, reviewed.plan, outcome.request.now, done)):
            self.was_asked, self.site.read_at = False, clock.seconds()
            return True
        raise Refused(
            "plan-changed",
            f"What would be done at {self.site.title} is not what was reviewed: "
            + (
                "what was deleted is restored, and the rest has yet to be reviewed."
                if outcome.restored
                else "something has changed meanwhile. Nothing was changed there."
            ),
            remedy="Run the same command again to see the new plan.",
        )

    @contextmanager
    def applying(self, outcome: Outcome) -> Iterator[Progress]:
        """Show the steps; what ends the site from now on is told by the outcome."""
        self.site.outcome = outcome
        with self.run.display.applying(outcome.plan) as steps:
            yield steps

    def options(self, observed: ObservedState) -> str:
        """The options that name the App Service."""
        return where(self.site.options, observed.site)

    def look(self) -> None:
        """No secret is shown: a trust file cannot ask for it."""

    def show(self, made: MadeCredential) -> None:
        """As above."""
        raise AssertionError(made.client_name)


async def apply_at_all(current: Run, sites: Sequence[SiteRun], *, was_asked: bool, exactly: bool) -> None:
    """Apply the plan of each site that has one; what ends one of them stops no other.

    Args:
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
