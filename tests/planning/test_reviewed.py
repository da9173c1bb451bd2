"""What is applied was reviewed: a plan that is made later may do less, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mct_s2s.model.client_credentials import NewCredential
from mct_s2s.planning.changes import (
    AddCredential,
    AnyChange,
    Output,
    OutputRef,
    Outputs,
    RestartSite,
    UpdateApplication,
    WriteSettings,
)
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.reviewed import is_covered

from tests.planning.scenarios import CONTEXT, FOREIGN, app_service, guid, observed_state, spec

PLAN = make_plan(spec("A", "B"), observed_state(), CONTEXT)


def with_known_ids(change: AnyChange) -> AnyChange:
    """The same step when what it refers to is there."""
    known = {
        name: guid(f"{value.key}{value.output}")
        for name in ("object_id", "client_id", "principal", "service")
        if isinstance(value := getattr(change, name, None), OutputRef)
    }
    return replace(change, **known)  # type: ignore[arg-type]  # members that it has


def test_the_same_plan_and_less_of_it_are_covered() -> None:
    assert is_covered(PLAN, PLAN, CONTEXT.now)
    assert is_covered(Plan(), PLAN, CONTEXT.now)
    assert all(
        is_covered(Plan(tuple(s for s in PLAN.steps if s is not left)), PLAN, CONTEXT.now) for left in PLAN.steps
    )


def test_an_id_that_was_to_be_made_is_covered_only_if_this_run_has_made_it() -> None:
    later = Plan(tuple(with_known_ids(step) for step in PLAN.steps))
    outputs = Outputs()
    for change in PLAN.changes:
        for part in Output:
            outputs.record(change.key, part, guid(f"{change.key}{part}"))
    assert is_covered(later, PLAN, CONTEXT.now, [(change, outputs) for change in PLAN.changes])
    assert not is_covered(later, PLAN, CONTEXT.now), "someone else has"
    others = [(replace(change, name="Other"), outputs) for change in PLAN.changes]
    assert not is_covered(later, PLAN, CONTEXT.now, others), "made by another change of the same key"


def test_a_step_more_is_not_covered() -> None:
    assert not is_covered(make_plan(spec("A", "B", "C"), observed_state(), CONTEXT), PLAN, CONTEXT.now)
    assert not is_covered(
        PLAN, Plan(tuple(step for step in PLAN.steps if not isinstance(step, RestartSite))), CONTEXT.now
    )


@pytest.mark.parametrize("change", [c for c in PLAN.changes if isinstance(c, AddCredential | WriteSettings)], ids=type)
def test_a_step_that_does_something_else_is_not_covered(change: AnyChange) -> None:
    if isinstance(change, AddCredential):
        assert isinstance(change.spec, NewCredential)
        longer = replace(change.spec, expires=change.spec.expires.replace(year=2099))
        other: AnyChange = replace(change, spec=longer)
    else:
        assert isinstance(change, WriteSettings)
        other = replace(change, spec=replace(change.spec, without=frozenset({guid("someone")})))
    assert not is_covered(Plan(tuple(other if step is change else step for step in PLAN.steps)), PLAN, CONTEXT.now)


def test_a_setting_that_someone_has_changed_meanwhile_is_not_covered() -> None:
    changed = replace(observed_state(), app_service=app_service({**FOREIGN, "ServiceAuthEnabled": "false"}))
    assert not is_covered(make_plan(spec("A", "B"), changed, CONTEXT), PLAN, CONTEXT.now)
    others = replace(observed_state(), app_service=app_service({**FOREIGN, "Theirs": "new"}))
    assert is_covered(make_plan(spec("A", "B"), others, CONTEXT), PLAN, CONTEXT.now), (
        "other people's settings are not shown"
    )


def test_an_edit_of_a_registration_may_do_less() -> None:
    full = next(c for c in PLAN.changes if isinstance(c, UpdateApplication) and c.edits.tags)
    less = replace(full, edits=replace(full.edits, tags=()))
    assert is_covered(Plan((less,)), Plan((full,)), CONTEXT.now)
    more = replace(full, edits=replace(full.edits, tags=(*full.edits.tags, "another")))
    assert not is_covered(Plan((more,)), Plan((full,)), CONTEXT.now)


def test_references_to_other_results_are_no_free_pass() -> None:
    """A step that was to use something made cannot become a step of another kind."""
    first = PLAN.changes[0]
    other = replace(PLAN.changes[-1], key=first.key)
    assert not is_covered(Plan((other,)), PLAN, CONTEXT.now)
