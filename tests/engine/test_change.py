"""A command from looking to having done it: agreed to, overtaken, stopped anywhere, and run again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from mct_s2s.engine.change import run_change
from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import ServiceError
from mct_s2s.model.desired import Desired, Removal
from mct_s2s.planning.plan import Plan

from tests.engine.memory import (
    Agreeing,
    MemoryState,
    carry_out,
    failing,
    lost,
    memory_state,
    refused,
    request,
    run,
    session,
)
from tests.planning.scenarios import SUBSCRIPTION, site, spec

FUNCTION_APP = "reports-func"


def learning() -> MemoryState:
    """An App Service, and a function app that is to call it."""
    here = memory_state()
    here.add_site(site(FUNCTION_APP, "functionapp"))
    return here


def setting_up(here: MemoryState) -> Outcome:
    """`setup` with one client and one managed identity."""
    wanted = request(here, spec("Import"), identities=(FUNCTION_APP,), subscription=SUBSCRIPTION)
    return run(carry_out(here, wanted))


# --- lag ---


def test_a_secret_that_a_lagging_replica_did_not_show_is_removed_by_the_next_run() -> None:
    """The answer was lost, the reading after it came from a replica that had not heard: two secrets of one name."""
    here = memory_state()
    here.after("add_secret", failing(lost()))
    hidden: list[object] = []

    def hide() -> None:
        application = here.application_of("Import")
        hidden.append(application)
        here.applications[application.object_id] = replace(application, credentials=())

    def show() -> None:
        application = here.application_of("Import")
        here.applications[application.object_id] = hidden[0]  # type: ignore[assignment]

    here.before("application_by_object_id", hide)
    here.after("application_by_object_id", show)
    run(carry_out(here, request(here, spec("Import"))))
    assert len(hidden) == 1
    assert len(here.application_of("Import").credentials) == 2
    here.forget()
    run(carry_out(here, request(here, spec("Import"), attempt="c3d4")))
    (held,) = here.application_of("Import").credentials
    stored = here.stores["Import"].stored
    assert stored is not None
    assert held.key_id == stored.key_id
    assert here.writes == ["remove_secret Import"]


# --- agreed to ---


@dataclass
class Person(Agreeing):
    """Somebody who is shown plans, and says something to each."""

    answers: list[bool] = field(default_factory=list)
    shown: list[Plan] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    async def confirm(self, outcome: Outcome) -> bool:
        self.shown.append(outcome.plan)
        if len(self.shown) == 1:
            self.meanwhile()
        return self.answers.pop(0)


def asked(here: MemoryState, person: Person, *, overtaken: bool = False, desired: Desired | None = None) -> Outcome:
    @asynccontextmanager
    async def exclusive(name: str, since: float) -> AsyncIterator[bool]:
        yield overtaken

    return run(run_change(session(here, exclusive=exclusive), request(here, desired or spec("Import")), person))


def test_nothing_is_written_that_was_not_agreed_to() -> None:
    here, person = memory_state(), Person(answers=[False])
    done = asked(here, person)
    assert here.writes == []
    assert not done.applied
    assert not person.shown[0].is_empty
    assert here.applications == {}


def test_what_changed_while_somebody_was_reading_is_shown_again() -> None:
    """Yes was said to another plan."""
    here = memory_state()
    person = Person(takes_time=True, answers=[True, True], meanwhile=lambda: setting_up_alone(here))
    done = asked(here, person, desired=spec("Import", "Export"))
    assert len(person.shown) == 2
    assert person.shown[1] != person.shown[0]
    assert done.plan == person.shown[1]
    assert here.writes.count("create_application MCT service (contosolearn)") == 1


def setting_up_alone(here: MemoryState) -> None:
    """Another run, in a process of its own, while nobody looks."""
    here.register("Unrelated")
    state = here.site_state(site().resource)
    state.settings = {**state.settings, "ServiceAuthEnabled": "true"}


def test_a_plan_that_still_holds_is_not_shown_twice() -> None:
    here, person = memory_state(), Person(takes_time=True, answers=[True])
    asked(here, person)
    assert len(person.shown) == 1
    assert here.calls.count("tenant") == 2, "but the state is looked at again"
    assert here.site_state(site().resource).restarts == 1


def test_without_a_person_who_thinks_the_state_is_looked_at_once() -> None:
    here, person = memory_state(), Person(answers=[True])
    asked(here, person)
    assert here.calls.count("tenant") == 1


def test_after_another_run_had_its_turn_the_state_is_looked_at_again() -> None:
    here, person = memory_state(), Person(answers=[True, False], meanwhile=lambda: setting_up_alone(here))
    done = asked(here, person, overtaken=True)
    assert len(person.shown) == 2
    assert here.writes == []
    assert not done.applied


def test_the_turn_is_that_of_the_app_service_and_begins_after_the_answer() -> None:
    """Whoever reads for an hour must not hold others up."""
    here, log = memory_state(), list[str]()

    @asynccontextmanager
    async def exclusive(name: str, since: float) -> AsyncIterator[bool]:
        log.append(f"turn {name}")
        yield False
        log.append("over")

    person = Person(answers=[True], meanwhile=lambda: log.append("agreed"))
    run(run_change(session(here, exclusive=exclusive), request(here, spec()), person))
    assert log == ["agreed", f"turn {site().resource}", "over"]


# --- before anything is written ---


@pytest.mark.parametrize("call", ["tenant", "settings", "site", "application_by_unique_name", "deleted_applications"])
def test_a_state_that_cannot_be_read_is_not_written_to(call: str) -> None:
    here, ui = memory_state(), Agreeing()
    here.before(call, failing(refused("graph-refused", 500)))
    with pytest.raises(ServiceError):
        run(carry_out(here, request(here, spec("Import")), ui))
    assert here.writes == []
    assert ui.outcome is None, "there is nothing to tell of"


def test_without_preflight_nobody_asks_what_the_caller_may_do() -> None:
    here = memory_state()
    run(carry_out(here, request(here, spec("Import"), preflight=False)))
    assert {"roles", "owned", "secret_rules"} & set(here.calls) == set()
    assert [call for call in here.calls if "_at " in call] == []
    assert here.site_state(site().resource).restarts == 1


# --- leaving and rotating ---


def test_an_identity_that_is_used_elsewhere_stays_on() -> None:
    here = learning()
    setting_up(here)
    resource = site(FUNCTION_APP).resource
    here.azure_roles[str(resource).lower()] = ["/subscriptions/x/resourceGroups/data"]
    run(carry_out(here, request(here, spec(removal=Removal(everything=True)))))
    assert here.identity_resources[str(resource).lower()].principal_id is not None
    assert here.applications == {}


@pytest.mark.parametrize("call", ["roles_of", "assignments_of", "identity_resource"])
def test_an_identity_whose_uses_cannot_be_read_stays_on(call: str) -> None:
    """Unreadable is never taken for unused."""
    here = learning()
    setting_up(here)
    here.before(call, failing(refused("arm-refused", 403)))
    run(carry_out(here, request(here, spec(removal=Removal(everything=True)))))
    assert here.identity_resources[str(site(FUNCTION_APP).resource).lower()].principal_id is not None
