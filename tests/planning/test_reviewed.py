"""What is applied was reviewed: by its digest a plan is the same on another day; what goes is never
much at once.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from mct_s2s.errors import Refused
from mct_s2s.model.client_credentials import NEVER, NewCredential
from mct_s2s.model.desired import Pruning, SettingsScope, Setup
from mct_s2s.model.duration import END_OF_DAY
from mct_s2s.model.ids import AppRoleId, PrincipalId
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import (
    AddCredential,
    AnyChange,
    DeleteApplication,
    RestartSite,
    RevokeAppRole,
    SettingsChange,
    SettingsSpec,
    UpdateApplication,
    WriteSettings,
)
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import ManualStep, Plan
from mct_s2s.planning.pruning import prune
from mct_s2s.planning.reviewed import fingerprint

from tests.planning.scenarios import (
    FOREIGN,
    NOW,
    app_service,
    client,
    complete,
    credential,
    guid,
    identity_resource,
    observed_state,
    spec,
)
from tests.render.examples import consent
from tests.support.mct import MCT

SUBJECT = "/subscriptions/…/sites/contosolearn"


def plan_at(now: datetime = NOW, name: str = "Import") -> Plan:
    wanted = spec(name)
    lasting = replace(wanted.clients[0], credential=NewCredential(now + timedelta(365)))
    observed = replace(observed_state(identity_resources=[identity_resource()]), now=now)
    return make_plan(replace(wanted, clients=(lasting,)), observed)


def with_expiry(plan: Plan, expires: datetime) -> Plan:
    spec = NewCredential(expires)
    return replace(
        plan,
        steps=tuple(
            replace(s, spec=spec) if isinstance(s, AddCredential) else s for s in plan.steps
        ),
    )


def with_other_value(plan: Plan) -> Plan:
    (write,) = [step for step in plan.steps if isinstance(step, WriteSettings)]
    values = ((write.spec.values[0][0], ("false",)), *write.spec.values[1:])
    write_other = replace(write, spec=replace(write.spec, values=values))
    steps = (write_other, *(step for step in plan.steps if step is not write))
    return replace(plan, steps=steps)


PLAN = plan_at()
LATER = NOW + timedelta(days=100, hours=5)
TYPED = datetime.combine(NOW.date() + timedelta(365), END_OF_DAY, NOW.tzinfo)
OTHERS = replace(observed_state(), app_service=app_service({**FOREIGN, "Another": "x"}))
IN_ANOTHER_ORDER = replace(PLAN, steps=tuple(reversed(PLAN.steps)), missing={PLAN.steps[0].key: ()})
SAME: dict[str, tuple[Plan, Plan, datetime, str]] = {
    "on another day": (PLAN, plan_at(LATER), LATER, SUBJECT),
    "whatever the order of the steps and the rights": (PLAN, IN_ANOTHER_ORDER, NOW, SUBJECT),
    "whatever others have set": (
        make_plan(spec(), observed_state()),
        make_plan(spec(), OTHERS),
        NOW,
        SUBJECT,
    ),
    "whatever the case of the App Service's id": (PLAN, PLAN, NOW, SUBJECT.upper()),
    "for a typed date on any day": (
        with_expiry(PLAN, TYPED),
        with_expiry(PLAN, TYPED),
        LATER,
        SUBJECT,
    ),
}


@pytest.mark.parametrize(("plan", "other", "now", "subject"), SAME.values(), ids=SAME.keys())
def test_a_fingerprint_is_the_same_for_the_same_steps(
    plan: Plan, other: Plan, now: datetime, subject: str
) -> None:
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
def test_a_fingerprint_changes_with_each_step_of_the_plan(change: str) -> None:
    assert fingerprint(CHANGES[change](PLAN), NOW, SUBJECT) != fingerprint(PLAN, NOW, SUBJECT)
    assert fingerprint(PLAN, NOW, f"{SUBJECT}2") != fingerprint(PLAN, NOW, SUBJECT), (
        "nor for another App Service"
    )


@pytest.mark.parametrize(
    "other",
    [
        replace(consent(), name="Reports"),
        replace(consent(), principal=PrincipalId(guid("another client"))),
        replace(consent(), service=PrincipalId(guid("another API"))),
        replace(consent(), role=AppRoleId(guid("another role"))),
        SettingsChange(key="consent", name="Import", spec=SettingsSpec(MCT.rows)),
    ],
    ids=["name", "client", "service application", "role", "kind"],
)
def test_a_step_that_is_left_to_others_has_another_fingerprint(other: ManualStep) -> None:
    """An administrator does by hand what the list says: it has to be the list that was reviewed."""
    reviewed = replace(PLAN, manual_steps=(consent(),))
    assert fingerprint(replace(PLAN, manual_steps=(other,)), NOW, SUBJECT) != fingerprint(
        reviewed, NOW, SUBJECT
    )


def test_a_step_that_is_left_to_others_is_not_one_of_the_run() -> None:
    """`--no-consent` leaves out a step of the run, and neither plan stands for the other."""
    done, left_plan = Plan((consent(),)), Plan(manual_steps=(consent(),))
    assert fingerprint(done, NOW, SUBJECT) != fingerprint(left_plan, NOW, SUBJECT)


def test_nothing_to_do_has_a_fingerprint_too() -> None:
    assert (
        len(fingerprint(make_plan(spec("Import"), complete(client("Import"))), NOW, SUBJECT)) == 64
    )


KEEP, REMOVE, ALL = Pruning(), Pruning(removes=True), Pruning(removes=True, any_number=True)


def wanted(*names: str, pruning: Pruning = REMOVE) -> Setup:
    return replace(spec(*names), pruning=pruning)


def there(*names: str) -> ObservedState:
    """A trust with these clients, set up by this tool."""
    secret = credential(name="mct-s2s 2026-11-24 a1b2c3d4")
    return complete(*(client(name, secret) for name in names))


def plan_of(desired: Setup, observed: ObservedState) -> Plan:
    return make_plan(desired, observed)


def kinds(plan: Plan, kind: type[AnyChange]) -> list[str]:
    return [step.name for step in plan.changes if isinstance(step, kind)]


def test_a_pruned_registration_goes_after_its_access_and_nothing_added_waits_for_it() -> None:
    plan = plan_of(wanted("A", "B", "New"), there("A", "B", "C"))
    (write,) = [step for step in plan.changes if isinstance(step, WriteSettings)]
    (restart,) = [step for step in plan.changes if isinstance(step, RestartSite)]
    removed = [step for step in plan.changes if step.key in plan.removals]
    assert kinds(plan, DeleteApplication) == ["C"]
    assert kinds(plan, RevokeAppRole) == ["C"]
    for step in removed:
        assert {write.key, restart.key} <= plan.waits_for(step)
    added = {step.key for step in plan.changes} - plan.removals - {write.key, restart.key}
    assert not any(
        plan.waits_for(step) & plan.removals
        for step in plan.changes
        if step.key not in plan.removals
    )
    assert plan.waits_for(restart) == added | {write.key}


@pytest.mark.parametrize(
    ("present", "named", "allowed"),
    [(1, 0, 0), (2, 1, 0), (3, 2, 1), (5, 4, 1), (6, 4, 1), (6, 3, 0), (9, 6, 1)],
)
def test_pruning_removes_a_third_of_the_clients_at_most(
    present: int, named: int, allowed: int
) -> None:
    names = [f"C{number}" for number in range(present)]
    observed = there(*names)
    desired = wanted(*names[:named])
    if allowed:
        assert len(kinds(plan_of(desired, observed), DeleteApplication)) == present - named
        return
    with pytest.raises(Refused) as refused:
        plan_of(desired, observed)
    assert refused.value.code == "too-many-removals"
    assert [item.what for item in refused.value.items] == names[named:]
    many = plan_of(wanted(*names[:named], pruning=ALL), observed)
    assert len(kinds(many, DeleteApplication)) == present - named


def test_a_name_in_another_spelling_or_an_id_is_the_same_client() -> None:
    observed = there("Import", "B", "C")
    (known,) = [client for client in observed.trust.clients if client.display_name == "Import"]
    for name in ("import", known.client_id, known.client_id.upper()):
        assert kinds(plan_of(wanted(name, "B", "C"), observed), DeleteApplication) == []


def test_a_client_that_another_site_of_the_file_names_keeps_what_it_has() -> None:
    observed = there("A", "B", "C")
    (shared,) = [client for client in observed.trust.clients if client.display_name == "C"]
    kept = replace(REMOVE, named_elsewhere=frozenset({shared.client_id.casefold()}))
    plan = plan_of(wanted("A", "B", pruning=kept), observed)
    assert (
        kinds(plan, DeleteApplication)
        == kinds(plan, RevokeAppRole)
        == kinds(plan, UpdateApplication)
        == []
    ), "both may use one API"
    (write,) = [change for change in plan.changes if isinstance(change, WriteSettings)]
    assert write.spec.without == {shared.client_id}


def test_without_the_settings_it_is_not_known_who_is_a_client_and_only_apply_speaks_of_others() -> (
    None
):
    assert plan_of(spec("A"), there("A", "B")).notes == ()
    desired = wanted("A")
    assert desired.service is not None
    assert prune(replace(desired, settings=SettingsScope.NONE), there("A", "B"))[1].steps == ()
