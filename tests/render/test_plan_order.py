"""Steps are reported in the plan's order, unless one would be hidden for long; and never before what they wait for."""

from __future__ import annotations

import pytest
from mct_s2s.planning.changes import RestartSite, WriteSettings
from mct_s2s.planning.plan import Plan
from mct_s2s.render.live.plan_order import HELD_SECONDS, PlanOrder

from tests.render.examples import full_plan, principal

A, B, C = (principal(name) for name in "ABC")
THREE = Plan((A, B, C))


def ended(order: PlanOrder[str], name: str, now: float = 0.0) -> list[str]:
    """What is shown when a step ends."""
    order.ended(f"principal:{name}", name, now)
    return list(order.due(now))


def test_a_step_waits_for_its_turn() -> None:
    order: PlanOrder[str] = PlanOrder(THREE)
    assert ended(order, "C") == []
    assert ended(order, "A") == ["A"]
    assert ended(order, "B") == ["B", "C"]
    assert order.next_due() is None


def test_a_step_is_not_held_back_for_longer_than_that_helps() -> None:
    order: PlanOrder[str] = PlanOrder(THREE)
    assert ended(order, "C", 10.0) == []
    assert order.next_due() == 10.0 + HELD_SECONDS
    assert list(order.due(10.0 + HELD_SECONDS - 0.1)) == []
    assert list(order.due(10.0 + HELD_SECONDS)) == ["C"]
    assert ended(order, "A", 20.0) == ["A"]


def test_what_is_left_is_shown_in_the_plans_order() -> None:
    order: PlanOrder[str] = PlanOrder(THREE)
    assert ended(order, "C") + ended(order, "B") == []
    assert list(order.rest()) == ["B", "C"]
    assert list(order.rest()) == []


def test_a_log_gets_steps_as_they_end() -> None:
    order: PlanOrder[str] = PlanOrder(THREE, 0.0)
    assert [ended(order, name) for name in "CAB"] == [["C"], ["A"], ["B"]]


@pytest.mark.parametrize("seconds", [0.0, HELD_SECONDS])
def test_the_restart_is_never_shown_before_the_settings(seconds: float) -> None:
    plan = full_plan()
    (settings,) = (change for change in plan.changes if isinstance(change, WriteSettings))
    (restart,) = (change for change in plan.changes if isinstance(change, RestartSite))
    order: PlanOrder[str] = PlanOrder(plan, seconds)
    for change in plan.changes:
        if change.key not in {settings.key, restart.key}:
            order.ended(change.key, change.key, 0.0)
    list(order.due(0.0))
    order.ended(restart.key, "restarted", 0.0)
    assert list(order.due(1000.0)) == []
    order.ended(settings.key, "updated", 1000.0)
    assert list(order.due(1000.0)) == ["updated", "restarted"]


def test_a_step_of_which_more_is_told_is_shown_again() -> None:
    order: PlanOrder[str] = PlanOrder(THREE)
    assert ended(order, "A") == ["A"]
    order.ended("principal:A", "A, merged twice", 1.0)
    assert list(order.due(1.0)) == ["A, merged twice"]
