"""Who has approved a plan can tell whether another run would do the same: by its digest alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from mct_s2s.model.client_credentials import NEVER
from mct_s2s.model.desired import SecretSpec
from mct_s2s.model.duration import END_OF_DAY
from mct_s2s.model.ids import KeyId
from mct_s2s.planning.changes import AddCredential, WriteSettings
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import BlockedStep, Facts, Left, ManualStep, Plan
from mct_s2s.planning.reviewed import fingerprint

from tests.planning.scenarios import (
    FACTS,
    FOREIGN,
    NOW,
    app_service,
    client,
    complete,
    identity_resource,
    observed_state,
    spec,
)

SUBJECT = "/subscriptions/…/sites/contosolearn"


def plan_at(now: datetime = NOW, attempt: str = "a1b2", name: str = "Import") -> Plan:
    wanted = spec(name)
    lasting = replace(wanted.clients[0], credential=SecretSpec(now + timedelta(365)))
    observed = observed_state(identity_resources=[identity_resource()])
    return make_plan(replace(wanted, clients=(lasting,)), observed, Facts(now, attempt))


def test_it_is_the_same_on_another_day_in_another_run() -> None:
    later = NOW + timedelta(days=100, hours=5)
    assert fingerprint(plan_at(later, "c3d4"), later, SUBJECT) == fingerprint(plan_at(), NOW, SUBJECT)


def test_it_does_not_depend_on_the_order_of_the_steps_nor_on_rights() -> None:
    plan = plan_at()
    other = replace(plan, steps=tuple(reversed(plan.steps)), blocked=(BlockedStep(plan.steps[0].key, ()),))
    assert fingerprint(other, NOW, SUBJECT) == fingerprint(plan, NOW, SUBJECT)


def test_settings_of_others_do_not_count() -> None:
    more = replace(observed_state(), app_service=app_service({**FOREIGN, "Another": "x"}))
    plans = [make_plan(spec(), observed, FACTS) for observed in (observed_state(), more)]
    assert plans[0] != plans[1]
    assert fingerprint(plans[0], NOW, SUBJECT) == fingerprint(plans[1], NOW, SUBJECT)


def test_what_a_store_on_one_machine_remembers_does_not_count() -> None:
    plan = plan_at()
    steps = (replace(s, instead_of=KeyId("of-old")) if isinstance(s, AddCredential) else s for s in plan.steps)
    assert fingerprint(replace(plan, steps=tuple(steps)), NOW, SUBJECT) == fingerprint(plan, NOW, SUBJECT)


def test_the_case_of_a_subject_does_not_count() -> None:
    assert fingerprint(plan_at(), NOW, SUBJECT.upper()) == fingerprint(plan_at(), NOW, SUBJECT)


def with_expiry(plan: Plan, expires: datetime) -> Plan:
    spec = SecretSpec(expires)
    return replace(plan, steps=tuple(replace(s, spec=spec) if isinstance(s, AddCredential) else s for s in plan.steps))


def with_other_value(plan: Plan) -> Plan:
    (write,) = [step for step in plan.steps if isinstance(step, WriteSettings)]
    edits = (replace(write.edits[0], after="false"), *write.edits[1:])
    steps = (replace(write, edits=edits), *(step for step in plan.steps if step is not write))
    return replace(plan, steps=steps)


CHANGES: dict[str, Callable[[Plan], Plan]] = {
    "another client": lambda _: plan_at(name="Reports"),
    "one step less": lambda plan: replace(plan, steps=plan.steps[:-1]),
    "another lifetime": lambda plan: with_expiry(plan, NOW + timedelta(days=730)),
    "no end": lambda plan: with_expiry(plan, NEVER),
    "a date": lambda plan: with_expiry(plan, datetime.combine(NOW.date() + timedelta(365), END_OF_DAY, NOW.tzinfo)),
    "another value": with_other_value,
    "a step for others": lambda plan: replace(plan, left_to_others=(ManualStep(Left.CONSENT, "…", "Import"),)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_changes_with_the_plan(change: str) -> None:
    assert fingerprint(CHANGES[change](plan_at()), NOW, SUBJECT) != fingerprint(plan_at(), NOW, SUBJECT)


def test_another_app_service_has_another_one() -> None:
    assert fingerprint(plan_at(), NOW, f"{SUBJECT}2") != fingerprint(plan_at(), NOW, SUBJECT)


def test_a_typed_date_is_the_same_on_any_day() -> None:
    end = datetime.combine(NOW.date() + timedelta(365), END_OF_DAY, NOW.tzinfo)
    later = NOW + timedelta(days=60)
    plans = [fingerprint(with_expiry(plan_at(), end), now, SUBJECT) for now in (NOW, later)]
    assert plans[0] == plans[1]


def test_nothing_to_do_has_a_fingerprint_too() -> None:
    assert len(fingerprint(make_plan(spec("Import"), complete(client("Import")), FACTS), NOW, SUBJECT)) == 64
