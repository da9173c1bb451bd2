"""Who has approved a plan can tell whether another run would do the same: by its digest alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from mct_s2s.model.client_credentials import NEVER, NewCredential
from mct_s2s.model.duration import END_OF_DAY
from mct_s2s.planning.changes import AddCredential, WriteSettings
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import Plan, RunContext
from mct_s2s.planning.reviewed import fingerprint

from tests.planning.scenarios import (
    CONTEXT,
    FOREIGN,
    NOW,
    app_service,
    client,
    complete,
    identity_resource,
    observed_state,
    spec,
)
from tests.render.examples import consent

SUBJECT = "/subscriptions/…/sites/contosolearn"


def plan_at(now: datetime = NOW, attempt: str = "a1b2", name: str = "Import") -> Plan:
    wanted = spec(name)
    lasting = replace(wanted.clients[0], credential=NewCredential(now + timedelta(365)))
    observed = observed_state(identity_resources=[identity_resource()])
    return make_plan(replace(wanted, clients=(lasting,)), observed, RunContext(now, attempt))


def with_expiry(plan: Plan, expires: datetime) -> Plan:
    spec = NewCredential(expires)
    return replace(plan, steps=tuple(replace(s, spec=spec) if isinstance(s, AddCredential) else s for s in plan.steps))


def with_other_value(plan: Plan) -> Plan:
    (write,) = [step for step in plan.steps if isinstance(step, WriteSettings)]
    edits = (replace(write.edits[0], after="false"), *write.edits[1:])
    steps = (replace(write, edits=edits), *(step for step in plan.steps if step is not write))
    return replace(plan, steps=steps)


OURS = make_plan(spec(), observed_state(), CONTEXT)
PLAN, LATER = plan_at(), NOW + timedelta(days=100, hours=5)
TYPED = datetime.combine(NOW.date() + timedelta(365), END_OF_DAY, NOW.tzinfo)
OTHERS = replace(observed_state(), app_service=app_service({**FOREIGN, "Another": "x"}))
IN_ANOTHER_ORDER = replace(PLAN, steps=tuple(reversed(PLAN.steps)), missing={PLAN.steps[0].key: ()})
SAME: dict[str, tuple[Plan, Plan, datetime, str]] = {
    "on another day in another run": (PLAN, plan_at(LATER, "c3d4"), LATER, SUBJECT),
    "whatever the order of the steps and the rights": (PLAN, IN_ANOTHER_ORDER, NOW, SUBJECT),
    "whatever others have set": (
        make_plan(spec(), observed_state(), CONTEXT),
        make_plan(spec(), OTHERS, CONTEXT),
        NOW,
        SUBJECT,
    ),
    "whatever the case of the App Service's id": (PLAN, PLAN, NOW, SUBJECT.upper()),
    "for a typed date on any day": (with_expiry(PLAN, TYPED), with_expiry(PLAN, TYPED), LATER, SUBJECT),
}


@pytest.mark.parametrize(("plan", "other", "now", "subject"), SAME.values(), ids=SAME.keys())
def test_it_is_the_same(plan: Plan, other: Plan, now: datetime, subject: str) -> None:
    assert fingerprint(other, now, subject) == fingerprint(plan, NOW, SUBJECT)


CHANGES: dict[str, Callable[[Plan], Plan]] = {
    "another client": lambda _: plan_at(name="Reports"),
    "one step less": lambda plan: replace(plan, steps=plan.steps[:-1]),
    "another lifetime": lambda plan: with_expiry(plan, NOW + timedelta(days=730)),
    "no end": lambda plan: with_expiry(plan, NEVER),
    "a date": lambda plan: with_expiry(plan, TYPED),
    "another value": with_other_value,
    "a step for others": lambda plan: replace(plan, manual_steps=(consent(),)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_changes_with_the_plan(change: str) -> None:
    assert fingerprint(CHANGES[change](PLAN), NOW, SUBJECT) != fingerprint(PLAN, NOW, SUBJECT)
    assert fingerprint(PLAN, NOW, f"{SUBJECT}2") != fingerprint(PLAN, NOW, SUBJECT), "nor for another App Service"


def test_nothing_to_do_has_a_fingerprint_too() -> None:
    assert len(fingerprint(make_plan(spec("Import"), complete(client("Import")), CONTEXT), NOW, SUBJECT)) == 64
