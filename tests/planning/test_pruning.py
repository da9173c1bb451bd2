"""Clients that nothing asks for: mentioned, or removed in the same plan as what is added, and never many at once."""

from dataclasses import replace

import pytest
from mct_s2s.errors import Refused
from mct_s2s.model.desired import Pruning, SettingsScope, Setup
from mct_s2s.model.ids import Tag
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import (
    AnyChange,
    DeleteApplication,
    RestartSite,
    RevokeAppRole,
    UpdateApplication,
    WriteSettings,
)
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.removal import prune

from tests.planning.scenarios import CONTEXT, client, complete, guid, identity_resource, spec

KEEP, REMOVE, ALL = Pruning(), Pruning(removes=True), Pruning(removes=True, any_number=True)


def wanted(*names: str, pruning: Pruning = REMOVE) -> Setup:
    return replace(spec(*names), pruning=pruning)


def there(*names: str) -> ObservedState:
    """A trust with these clients, set up by this tool."""
    return complete(*map(client, names))


def plan_of(desired: Setup, observed: ObservedState) -> Plan:
    return make_plan(desired, observed, CONTEXT)


def kinds(plan: Plan, kind: type[AnyChange]) -> list[str]:
    return [step.name for step in plan.changes if isinstance(step, kind)]


def test_only_apply_has_something_to_say_about_others() -> None:
    assert plan_of(spec("A"), there("A", "B")).notes == ()


def test_they_are_mentioned_and_left_alone() -> None:
    plan = plan_of(wanted("A", pruning=KEEP), there("A", "B"))
    assert plan.is_empty
    assert plan.notes == ("Left alone, as nothing names them: 'B'. To remove them, add --prune.",)


def test_what_goes_waits_until_it_has_no_access_and_what_is_added_does_not_wait_for_it() -> None:
    plan = plan_of(wanted("A", "B", "New"), there("A", "B", "C"))
    (write,) = [step for step in plan.changes if isinstance(step, WriteSettings)]
    (restart,) = [step for step in plan.changes if isinstance(step, RestartSite)]
    removed = [step for step in plan.changes if step.key in plan.removals]
    assert kinds(plan, DeleteApplication) == ["C"]
    assert kinds(plan, RevokeAppRole) == ["C"]
    for step in removed:
        assert {write.key, restart.key} <= plan.waits_for(step)
    added = {step.key for step in plan.changes} - plan.removals - {write.key, restart.key}
    assert not any(plan.waits_for(step) & plan.removals for step in plan.changes if step.key not in plan.removals)
    assert plan.waits_for(restart) == added | {write.key}


@pytest.mark.parametrize(
    ("present", "named", "allowed"), [(1, 0, 0), (2, 1, 0), (3, 2, 1), (5, 4, 1), (6, 4, 1), (6, 3, 0), (9, 6, 1)]
)
def test_a_third_of_the_clients_goes_at_most(present: int, named: int, allowed: int) -> None:
    names = [f"C{number}" for number in range(present)]
    observed, desired = there(*names), wanted(*names[:named])
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
    (known,) = [one for one in observed.trust.clients if one.display_name == "Import"]
    for name in ("import", known.client_id, known.client_id.upper()):
        assert kinds(plan_of(wanted(name, "B", "C"), observed), DeleteApplication) == []


def test_a_registration_that_another_site_names_stays() -> None:
    observed = there("A", "B", "C")
    (shared,) = [one for one in observed.trust.clients if one.display_name == "C"]
    kept = replace(REMOVE, kept=frozenset({shared.client_id.casefold()}))
    plan = plan_of(wanted("A", "B", pruning=kept), observed)
    assert kinds(plan, DeleteApplication) == []
    assert kinds(plan, RevokeAppRole) == ["C"], "it loses its access to this App Service"


def test_without_the_settings_it_is_not_known_who_is_a_client() -> None:
    desired = wanted("A")
    assert desired.service is not None
    assert prune(replace(desired, settings=SettingsScope.NONE), there("A", "B"), ())[1].steps == ()


def test_tags_that_are_added_beside_are_not_taken_back() -> None:
    """The list of tags is written whole, and the replica that is asked for it may not know the new one."""
    gone, new = identity_resource("gone", guid("gone")), identity_resource("new")
    observed = there("A", "B")
    observed = replace(observed, enabled=(gone,), identity_resources=(new,))
    steps = plan_of(wanted("A", "B"), observed).changes
    edits = [one.edits for one in steps if isinstance(one, UpdateApplication) and one.resource == "service application"]
    assert [one.forget for one in edits] == [(), (Tag.IDENTITY.of(str(gone.resource)),)]
    assert edits[0].tags == edits[1].tags
    assert Tag.IDENTITY.of(str(new.resource)) in edits[0].tags
