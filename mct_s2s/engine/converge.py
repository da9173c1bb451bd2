"""Bring the world to what is wanted: observe, plan, agree, apply, and know what it looks like then."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.apply.apply import apply
from mct_s2s.engine.apply.context import ApplyContext
from mct_s2s.engine.apply.journal import Journal
from mct_s2s.engine.observe.access import AccessLook
from mct_s2s.engine.observe.observe import observe
from mct_s2s.engine.observe.preflight import Asked, explained, permitted
from mct_s2s.engine.observe.query import Query
from mct_s2s.engine.observe.registration_custody import with_custody
from mct_s2s.errors import PermissionMissing, S2SError
from mct_s2s.model.caller_rights import CallerRights
from mct_s2s.model.desired import Desired
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import AddCredential, DisableIdentity
from mct_s2s.planning.grants import Lack, in_words
from mct_s2s.planning.lag import expects_lag
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import Facts, ManualStep, Plan, Results
from mct_s2s.planning.preflight import left_if_refused, likely_missing
from mct_s2s.planning.projection import project
from mct_s2s.planning.rights import relies_on_ownership
from mct_s2s.ports.apply_progress import Progress
from mct_s2s.ports.client_side import Tokens
from mct_s2s.ports.secret_stores import Departures, SecretStore, StoredSecrets
from mct_s2s.ports.signed_in_cloud import Azure

StoresFor = Callable[[ObservedState], Mapping[str, SecretStore]]
Keep = Callable[[Mapping[str, str | None]], None]
Agree = Callable[[Plan], Awaitable["Answer"]]


Turn = Callable[[str, float], AbstractAsyncContextManager[bool]]
"""Takes what is to be changed and since when it is known; yields whether another run had its turn since."""


@dataclass(frozen=True)
class Answer:
    """What was said to a plan. `asked` tells that a person had time to think, so the world is looked at again."""

    go: bool
    asked: bool = False


@dataclass(frozen=True)
class Goal:
    """One command: what to look at, what to want, and where its secrets go."""

    query: Query
    desired: Desired
    facts: Facts
    stores_for: StoresFor
    keep_for: Callable[[str], Keep] | None = None
    """For an App Service's resource id: what keeps its settings as they were. Raises `UsageError` if it cannot."""
    tokens: Tokens | None = None
    stored: StoredSecrets | None = None
    """For deleting what key vaults hold, where that is wanted."""
    departures: Departures | None = None
    """Where a removal notes the identities that it is about to switch off."""
    preflight: bool = True
    """Whether the caller's rights are looked at before anything is written."""

    def turn_of(self, observed: ObservedState) -> str:
        """What two runs must not change at the same moment: the App Service, or where none is, the registration."""
        site = observed.app_service
        return (
            str(site.site.resource)
            if site
            else f"{observed.tenant.id if observed.tenant else ''}/{self.query.unique_name}"
        )


@dataclass
class Convergence:
    """How far a command has come; valid at any moment, also after a failure or an interruption."""

    plan: Plan
    before: ObservedState
    journal: Journal | None = None
    access: CallerRights = field(default_factory=CallerRights)
    """What was found out about the caller."""

    @property
    def results(self) -> Results:
        """The ids that the applied changes have yielded."""
        return self.journal.results if self.journal else Results()

    @property
    def left_to_others(self) -> tuple[ManualStep, ...]:
        """What somebody else has to do: by the plan, and by what was refused on the way."""
        return (*self.plan.left_to_others, *(self.journal.handed_over if self.journal else ()))

    @property
    def lacks(self) -> tuple[Lack, ...]:
        """What the caller would need for the steps that no option left out."""
        return tuple(lack for note in self.left_to_others for lack in note.needed)

    @property
    def after(self) -> ObservedState:
        """The world as it is now, as far as this command knows."""
        if self.journal is None:
            return project(self.before, (), Journal(self.plan, time.monotonic).results, None)
        done = [entry.change for entry in self.journal.done]
        return project(self.before, done, self.journal.results, self.journal.settings)


async def prepare(azure: Azure, goal: Goal) -> tuple[Convergence, Mapping[str, SecretStore]]:
    """Observe and plan; nothing is written.

    Raises:
        S2SError: the world cannot be read, or the wish cannot be met in it.
    """
    async with AccessLook(azure, directory=goal.preflight and goal.query.directory) as look:
        located = look.at if goal.preflight else lambda _: None
        try:
            observed = await observe(azure, goal.query, located)
        except S2SError as error:
            if not goal.preflight:
                raise
            raise await explained(azure, Asked(goal.query, goal.desired, goal.facts), look, error) from error
        stores = goal.stores_for(observed)
        observed, notes = await gather_or_cancel(
            with_custody(azure, goal.query, observed), gather_or_cancel(*(store.note() for store in stores.values()))
        )
        observed = replace(observed, secrets=dict(zip(stores, notes, strict=True)))
        if goal.departures is not None and goal.desired.removal is not None:
            observed = replace(observed, departing=goal.departures.of(goal.turn_of(observed)))
        plan = make_plan(goal.desired, observed, goal.facts)
        access = await look.found()
        plan = await permitted(azure, plan, observed, access, goal.facts.now)
    return Convergence(plan, observed, access=access), stores


async def converge(
    azure: Azure, goal: Goal, agree: Agree, progress: Progress, watch: Callable[[Convergence], None], turn: Turn
) -> Convergence:
    """Do it, once it is agreed to.

    Args:
        azure: the session.
        goal: what is wanted.
        agree: shows the plan and brings the answer.
        progress: whoever watches the changes.
        turn: holds the turn of one App Service for one run of this machine at a time.
        watch: is given the convergence as soon as there is one, so that an interruption can be told truthfully.

    Raises:
        S2SError: the first refusal. Everything that was done stays, and the same command resumes.
    """
    since = time.time()
    convergence, stores = await prepare(azure, goal)
    watch(convergence)
    answer = await agree(convergence.plan)
    if not answer.go:
        return convergence
    async with turn(goal.turn_of(convergence.before), since) as overtaken:
        stale = answer.asked or overtaken
        while stale:
            # A person took a while to read, or another run went first: it must still be what would be done.
            shown = convergence.plan
            convergence, stores = await prepare(azure, goal)
            watch(convergence)
            if convergence.plan == shown:
                break
            answer = await agree(convergence.plan)
            if not answer.go:
                return convergence
            stale = answer.asked
        return await _apply(azure, goal, convergence, stores, progress)


async def _apply(
    azure: Azure, goal: Goal, convergence: Convergence, stores: Mapping[str, SecretStore], progress: Progress
) -> Convergence:
    secrets = [one for one in convergence.plan.changes if isinstance(one, AddCredential) and one.needs_store]
    await gather_or_cancel(
        *(stores[one.client].check(one.client_id if isinstance(one.client_id, str) else None) for one in secrets)
    )
    convergence.journal = Journal(convergence.plan, time.monotonic)
    plan, before = convergence.plan, convergence.before
    stage = ApplyContext(
        azure,
        before.tenant,
        stores,
        lambda change: expects_lag(change, plan, before, goal.facts.now),
        goal.facts.now,
        before.app_service.site.url if before.app_service else None,
        progress,
        goal.tokens,
        goal.stored,
        relies_on_ownership(convergence.access),
        (lambda change: left_if_refused(change, before, convergence.access)) if goal.preflight else lambda _: None,
        goal.keep_for(str(before.app_service.site.resource)) if goal.keep_for and before.app_service else None,
    )
    departing = [str(c.holder.principal_id) for c in plan.changes if isinstance(c, DisableIdentity)]
    departures = goal.departures if departing else None
    if departures is not None:
        departures.begin(goal.turn_of(before), departing)
    try:
        await apply(convergence.journal, stage)
    except PermissionMissing as refused:
        _tell_of_the_rest(convergence, refused)
        raise
    if departures is not None:
        departures.end(goal.turn_of(before), departing)
    return convergence


def _tell_of_the_rest(convergence: Convergence, refused: PermissionMissing) -> None:
    """Add to a refusal what the caller probably lacks for the rest of the plan, so that all is asked for at once."""
    assert convergence.journal is not None  # noqa: S101  # something was refused
    rest = likely_missing(convergence.journal.left, convergence.before, convergence.access)
    refused.mention(f"also not confirmed: {line}" for line in in_words(rest))
