"""Bring the world to what is wanted: observe, plan, agree, apply, and know what it looks like then."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from mct_s2s.flows.apply import apply
from mct_s2s.flows.journal import Journal
from mct_s2s.flows.observe import observe
from mct_s2s.flows.operations import Stage
from mct_s2s.flows.query import Query
from mct_s2s.model.desired import Desired
from mct_s2s.model.observed import Observed, SecretNote
from mct_s2s.planning.changes import AddSecret
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import Facts, Plan
from mct_s2s.planning.projection import project
from mct_s2s.ports import Azure, Progress, SecretPlace

PlacesFor = Callable[[Observed], Mapping[str, SecretPlace]]
Agree = Callable[[Plan], Awaitable["Answer"]]


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
    places_for: PlacesFor


@dataclass
class Convergence:
    """How far a command has come; valid at any moment, also after a failure or an interruption."""

    plan: Plan
    before: Observed
    journal: Journal | None = None

    @property
    def after(self) -> Observed:
        """The world as it is now, as far as this command knows."""
        if self.journal is None:
            return project(self.before, (), Journal(self.plan, time.monotonic).results, None)
        done = [entry.change for entry in self.journal.done]
        return project(self.before, done, self.journal.results, self.journal.settings)


async def prepare(azure: Azure, goal: Goal) -> tuple[Convergence, Mapping[str, SecretPlace]]:
    """Observe and plan; nothing is written.

    Raises:
        S2SError: the world cannot be read, or the wish cannot be met in it.
    """
    observed = await observe(azure, goal.query)
    places = goal.places_for(observed)
    notes: dict[str, SecretNote] = {name: await place.note() for name, place in places.items()}
    observed = replace(observed, secrets=notes)
    return Convergence(make_plan(goal.desired, observed, goal.facts), observed), places


async def converge(
    azure: Azure, goal: Goal, agree: Agree, progress: Progress, watch: Callable[[Convergence], None]
) -> Convergence:
    """Do it, once it is agreed to.

    Args:
        azure: the session.
        goal: what is wanted.
        agree: shows the plan and brings the answer.
        progress: whoever watches the changes.
        watch: is given the convergence as soon as there is one, so that an interruption can be told truthfully.

    Raises:
        S2SError: the first refusal. Everything that was done stays, and the same command resumes.
    """
    convergence, places = await prepare(azure, goal)
    while True:
        watch(convergence)
        answer = await agree(convergence.plan)
        if not answer.go:
            return convergence
        if not answer.asked:
            break
        # The plan was read by a person, who takes a while: it must still be what would be done.
        shown = convergence.plan
        convergence, places = await prepare(azure, goal)
        if convergence.plan == shown:
            watch(convergence)
            break
    for change in convergence.plan.changes:
        if isinstance(change, AddSecret):
            await places[change.client].check(change.client_id if isinstance(change.client_id, str) else None)
    convergence.journal = Journal(convergence.plan, time.monotonic)
    site = convergence.before.app_service
    stage = Stage(azure, convergence.before.tenant, places, site.site.url if site else None, progress)
    await apply(convergence.journal, stage)
    return convergence
