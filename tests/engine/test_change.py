"""A command from looking to having done it: agreed to, overtaken, and looked at again where it may have changed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import pytest
from mct_s2s import clock
from mct_s2s.engine import change
from mct_s2s.engine.change import carry_out, prepare
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Session
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.plan import Plan

from tests.conftest import SITE
from tests.engine.conftest import TARGET, Engine, Watcher
from tests.planning.scenarios import spec


@dataclass
class Person:
    """Somebody who is shown plans, and says something to each."""

    engine: Engine
    takes_time: bool
    answers: list[bool]
    meanwhile: dict[str, str]
    """What is set while the first plan is read."""
    shown: list[Plan] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    async def confirm(self, outcome: Outcome) -> bool:
        self.log.append("asked")
        self.shown.append(outcome.plan)
        if len(self.shown) == 1:
            self.engine.settings.update(self.meanwhile)
        return self.answers.pop(0)

    @contextmanager
    def applying(self, outcome: Outcome) -> Iterator[Watcher]:
        del outcome
        self.log.append("applied")
        yield Watcher()

    def where(self, observed: ObservedState) -> str:
        del observed
        return ""


CHANGED = {"ServiceAuthEnabled": "true"}


@pytest.mark.parametrize(
    ("takes_time", "overtaken", "meanwhile", "answers", "looks"),
    [
        (False, False, {}, [True], 1),
        (True, False, {}, [True], 2),
        (True, False, CHANGED, [True, True], 3),
        (False, True, CHANGED, [True, False], 2),
    ],
    ids=["at once", "a plan that still holds", "yes was said to another plan", "another run had its turn"],
)
def test_what_was_agreed_to_is_what_is_done(
    takes_time: bool,
    overtaken: bool,
    meanwhile: dict[str, str],
    answers: list[bool],
    looks: int,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Looked at again where it may have changed, asked again where it did; who reads for an hour holds no one up."""
    person, turns = Person(engine, takes_time, [*answers], meanwhile), list[str]()

    @asynccontextmanager
    async def exclusive(name: str, since: float) -> AsyncIterator[bool]:
        del since
        person.log.append("turn")
        turns.append(name)
        yield overtaken

    async def work(session: Session) -> Outcome:
        outcome = await prepare(session, Request(spec(), clock.now(), TARGET, "a1b2"))
        return await carry_out(session, outcome, 0.0, person) if await person.confirm(outcome) else outcome

    monkeypatch.setattr(change, "hold", exclusive)
    outcome = engine.run(work)
    assert len(engine.asked("/sites/contosolearn")) == looks
    assert person.log[:2] == ["asked", "turn"]
    assert [name.lower() for name in turns] == [SITE.lower()]
    assert len({id(plan) for plan in person.shown}) == len(answers)
    assert outcome.plan == person.shown[-1]
    assert outcome.applied is answers[-1]
    assert bool(engine.asked("/config/appsettings")) is answers[-1]
