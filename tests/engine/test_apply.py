"""A plan is applied as wide as its order allows, stops at the first refusal, and its journal tells the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from mct_s2s.engine.apply import apply as flow
from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import PermissionMissing, S2SError
from mct_s2s.model.directory_objects import NewApplication
from mct_s2s.model.ids import AppRoleId, ClientId
from mct_s2s.planning.changes import (
    AnyChange,
    ApplicationEdits,
    CreateApplication,
    CreateServicePrincipal,
    DeleteApplication,
    Part,
    Ref,
    RestartSite,
    SettingSpec,
    SettingsSpec,
    UpdateApplication,
    WriteSettings,
)
from mct_s2s.planning.plan import Plan

from tests.engine.memory import (
    MemoryState,
    Watcher,
    apply_plan,
    elapsed_since,
    failing,
    lost,
    memory_state,
    planned,
    refused,
    run,
)
from tests.planning.scenarios import ROLE, guid, site

SITE = site()
BOTH = (SITE, site("portal"))


@dataclass
class Applied:
    """One run of a plan."""

    here: MemoryState
    plan: Plan
    watcher: Watcher = field(default_factory=Watcher)
    clock: float = 0.0

    def __post_init__(self) -> None:
        self.outcome: Outcome = planned(self.here, *self.plan.steps, where=SITE)
        self.journal = self.outcome.journal

    async def go(self) -> float:
        began = asyncio.get_running_loop().time()
        try:
            await apply_plan(self.here, self.outcome, self.watcher)
        finally:
            self.clock = elapsed_since(began)
        return self.clock

    @property
    def done(self) -> list[str]:
        return [entry.change.key for entry in self.journal.done]

    @property
    def account(self) -> tuple[set[str], set[str], set[str], set[str]]:
        """Keys of what is done, refused, in doubt and not begun."""
        journal = self.journal
        return (
            set(self.done),
            {change.key for change, _ in journal.failed},
            {change.key for change in journal.in_doubt},
            {change.key for change in journal.left},
        )


def applied(here: MemoryState, *changes: AnyChange) -> Applied:
    made = Applied(here, Plan(changes))
    run(made.go())
    return made


def refused_at(here: MemoryState, *changes: AnyChange) -> tuple[Applied, S2SError]:
    made = Applied(here, Plan(changes))
    with pytest.raises(S2SError) as raised:
        run(made.go())
    return made, raised.value


def new(name: str, *after: str) -> CreateApplication:
    return CreateApplication(
        key=name,
        name=name,
        resource="client application",
        new=NewApplication(f"key.{name}", name),
        option="--client",
        after=after,
    )


def principal(name: str) -> CreateServicePrincipal:
    return CreateServicePrincipal(key=f"{name}:principal", name=name, client_id=Ref(name, Part.CLIENT_ID))


def write(*refs: Ref[ClientId], first: bool = False, where: int = 0) -> WriteSettings:
    spec = SettingsSpec(
        (SettingSpec("ServiceAuthEnabled", "true"),), tuple(("ServiceApplicationIds", ref) for ref in refs)
    )
    store = BOTH[where]
    return WriteSettings(key="settings", name=store.label, site=store, spec=spec, changed=("x",), first=first)


RESTART = RestartSite(key="restart", name=SITE.label, site=SITE)


def position(calls: Sequence[str], name: str) -> int:
    return next(at for at, call in enumerate(calls) if call.startswith(name))


# --- the order ---


def test_a_change_begins_when_what_it_refers_to_is_there_and_not_before() -> None:
    here = memory_state()
    here.latency = 1.0
    made = applied(here, principal("A"), new("A"))
    assert made.done == ["A", "A:principal"]
    assert made.clock == pytest.approx(2.0)
    assert here.principal_of(here.application_of("A").client_id) is not None


def test_a_change_waits_for_those_it_is_put_after() -> None:
    here = memory_state()
    here.latency = 1.0
    made = applied(here, new("C", "B"), new("B", "A"), new("A"))
    assert made.done == ["A", "B", "C"]
    assert made.clock == pytest.approx(3.0)


def test_what_does_not_depend_on_each_other_is_done_at_once() -> None:
    """The time of a setup is its longest chain, not its number of changes."""
    here = memory_state()
    here.latency = 1.0
    assert applied(here, *(new(str(number)) for number in range(flow.IN_FLIGHT))).clock == pytest.approx(1.0)


def test_there_is_a_limit_to_what_is_at_work_at_once() -> None:
    """Hundreds of requests at the same moment are throttled."""
    here = memory_state()
    here.latency = 1.0
    made = applied(here, *(new(str(number)) for number in range(3 * flow.IN_FLIGHT)))
    assert here.most_at_once == flow.IN_FLIGHT
    assert made.clock == pytest.approx(3.0)


def test_what_waits_takes_nobodys_place() -> None:
    """Changes that wait for others must not fill the slots that those others need."""
    here = memory_state()
    waiting = [new(f"W{number}", "last") for number in range(2 * flow.IN_FLIGHT)]
    assert len(applied(here, *waiting, new("last")).done) == len(waiting) + 1


def test_the_settings_are_written_when_everything_else_is_done_and_the_restart_comes_last() -> None:
    """The site restarts once, and everything that its settings name is there by then."""
    here = memory_state()
    here.latency = 0.5
    made = applied(here, write(Ref("A", Part.CLIENT_ID)), RESTART, new("A"), new("B"), principal("B"))
    assert made.done[-2:] in (["restart", "settings"], ["settings", "restart"])
    calls = here.answered
    assert position(calls, "write_settings") > position(calls, "create_principal B")
    assert position(calls, "restart") > position(calls, "write_settings")
    assert here.writes.count("restart contosolearn") == 1
    assert here.site_state(SITE.resource).started_with["ServiceApplicationIds"] == here.application_of("A").client_id


def test_the_settings_are_first_listed_beside_the_last_step_of_the_directory() -> None:
    """The listing costs no round trip of its own."""
    here = memory_state()
    here.latency = 0.5
    applied(here, write(Ref("A", Part.CLIENT_ID)), new("A"), principal("A"))
    assert position(here.calls, "settings") < position(here.answered, "create_principal A") + 1
    assert here.calls.index("settings contosolearn") < here.calls.index("write_settings contosolearn")


def test_the_restart_goes_out_beside_the_reading_back() -> None:
    here = memory_state()
    here.latency = 1.0
    made = applied(here, write(), RESTART)
    took = {entry.change.key: entry.seconds for entry in made.journal.done}
    written = here.calls.index("write_settings contosolearn")
    assert set(here.calls[written + 1 : written + 3]) == {"settings contosolearn", "restart contosolearn"}
    assert made.done == ["restart", "settings"]
    assert took["restart"] == pytest.approx(1.0)


def test_who_is_to_be_shut_out_is_shut_out_before_anything_is_deleted() -> None:
    """A client whose registration is gone first could still call for as long as its token lives."""
    here = memory_state()
    application = here.register("A")
    gone = DeleteApplication(
        key="delete", name="A", resource="client application", object_id=application.object_id,
        client_id=application.client_id,
    )  # fmt: skip
    applied(here, gone, write(first=True), RESTART)
    assert [call.split()[0] for call in here.writes] == ["write_settings", "restart", "delete_application"]


# --- the stop ---


def test_at_the_first_refusal_nothing_else_begins_and_what_is_under_way_ends() -> None:
    """What is done is kept and told: the same command resumes."""
    here = memory_state()
    here.latency = 1.0
    here.before("create_principal", failing(refused("graph-refused")))
    slow = [new("B", "A"), new("C", "B"), new("D", "C")]
    made, error = refused_at(here, new("A"), principal("A"), *slow)
    assert error.code == "graph-refused"
    assert made.account == ({"A", "B"}, {"A:principal"}, set(), {"C", "D"})
    assert {app.display_name for app in here.applications.values()} == {"A", "B"}


def test_what_waits_for_its_turn_does_not_begin_after_a_refusal() -> None:
    """A large setup must not send hundreds of requests after the first one was denied."""
    here = memory_state()
    here.latency = 1.0
    here.before("create_application", failing(refused()))
    made, _ = refused_at(here, *(new(str(number)) for number in range(3 * flow.IN_FLIGHT)))
    assert len(here.calls) == flow.IN_FLIGHT
    assert len(made.journal.left) == 2 * flow.IN_FLIGHT


def test_the_first_of_two_refusals_is_the_one_that_is_told() -> None:
    here = memory_state()
    here.latency = 1.0

    async def late() -> None:
        await asyncio.sleep(1.0)
        raise refused("second")

    here.before("create_application", late, failing(refused("first")))
    made, error = refused_at(here, new("A"), new("B"))
    assert error.code == "first"
    assert made.account == (set(), {"A", "B"}, set(), set())


def test_a_refusal_before_the_settings_leaves_them_unwritten_and_not_in_doubt() -> None:
    """They were only listed: to tell an administrator that the site may have changed would be wrong."""
    here = memory_state()
    here.latency = 1.0
    here.before("create_principal", failing(refused()))
    made, _ = refused_at(here, write(Ref("A", Part.CLIENT_ID)), RESTART, new("A"), principal("A"))
    assert "settings contosolearn" in here.calls
    assert made.account == ({"A"}, {"A:principal"}, set(), {"settings", "restart"})
    assert [call for call in here.writes if "contosolearn" in call] == []


def test_a_refused_write_of_the_settings_leaves_the_site_running_as_it_is() -> None:
    here = memory_state()
    here.before("write_settings", failing(refused("locked", 409)))
    made, error = refused_at(here, write(), RESTART)
    assert error.code == "locked"
    assert made.account == (set(), {"settings"}, set(), {"restart"})
    assert here.site_state(SITE.resource).restarts == 0


@pytest.mark.parametrize("name", ["A", "A:principal"])
def test_what_is_interrupted_on_its_way_is_in_doubt_and_nothing_else_is(name: str) -> None:
    """Ctrl+C between the request and its answer: it may have taken effect, and nobody may say that it has not."""
    here = memory_state()
    here.latency = 1.0
    made = Applied(here, Plan((new("A"), principal("A"), new("B", "A:principal"))))

    async def main() -> None:
        running = asyncio.ensure_future(made.go())
        await asyncio.sleep(0.75 if name == "A" else 1.75)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run(main())
    done, failed, doubtful, left = made.account
    assert doubtful == {name}
    assert failed == set()
    assert done == ({"A"} if name == "A:principal" else set())
    assert left == {"A", "A:principal", "B"} - {name} - done


def test_an_error_of_our_own_stops_everything_and_is_not_told_as_a_refusal() -> None:
    here = memory_state()
    here.latency = 1.0
    here.before("create_application", failing(ZeroDivisionError()))
    made = Applied(here, Plan((new("A"), new("B"), new("C", "B"))))
    with pytest.raises(ZeroDivisionError):
        run(made.go())
    assert made.journal.failed == []
    assert "create_application C" not in here.calls


def test_whoever_watches_is_told_of_every_change_as_it_goes() -> None:
    here = memory_state()
    here.before("create_principal", failing(refused()))
    made, _ = refused_at(here, new("A"), principal("A"), new("B", "A:principal"))
    assert made.watcher.told == ["started A", "finished A", "started A:principal", "failed A:principal"]


def test_the_journal_has_the_id_the_time_and_what_came_of_it() -> None:
    here = memory_state()
    here.latency = 2.0
    change = replace(new("A"), detail="what was planned")
    (entry,) = applied(here, change).journal.done
    assert (entry.id, entry.detail) == (here.application_of("A").client_id, "what was planned")
    assert entry.seconds == pytest.approx(2.0)


# --- the restart ---


def test_settings_that_somebody_else_wrote_meanwhile_need_no_restart_of_ours() -> None:
    here = memory_state(settings={"ServiceAuthEnabled": "true"})
    made = applied(here, write(), RESTART)
    assert here.writes == []
    assert {entry.change.key: entry.detail for entry in made.journal.done} == {
        "settings": "someone else wrote the same values at the same time",
        "restart": "by another run",
    }


def test_a_restart_whose_answer_was_lost_is_asked_for_once() -> None:
    """The site restarts by itself when its settings change; a second restart would be one too many."""
    here = memory_state()
    here.after("restart", failing(lost("arm-unreachable")))
    made = applied(here, write(), RESTART)
    assert here.writes.count("restart contosolearn") == 1
    assert "the response was lost" in next(e.detail for e in made.journal.done if e.change.key == "restart")


@pytest.mark.parametrize(("slot", "words"), [(None, "-n contosolearn"), ("staging", "-n contosolearn --slot staging")])
def test_a_refused_restart_says_that_the_settings_are_saved_and_how_to_restart(slot: str | None, words: str) -> None:
    where = replace(SITE, resource=SITE.resource.site(SITE.resource.subscription_id, "mct-prod", "contosolearn", slot))
    here = memory_state()
    here.add_site(where)
    denied = PermissionMissing("permission-missing", "You can't restart it.", remedy="Ask an Owner.")
    here.before("restart", failing(denied))
    made, error = refused_at(here, replace(write(), site=where), replace(RESTART, site=where))
    assert isinstance(error, PermissionMissing)
    assert "The settings are saved" in error.remedy
    assert error.command == f"az webapp restart -g mct-prod {words}"
    assert "Ask an Owner." in error.remedy
    assert made.account == ({"settings"}, {"restart"}, set(), set())


# --- one operation for each type of change ---


def test_a_patch_keeps_what_is_not_ours_as_it_is_at_the_moment_of_writing() -> None:
    """Lists are replaced whole by a PATCH: what somebody added since the plan was made must be sent back."""
    here = memory_state()
    application = here.register("A", identifier_uris=("https://contoso.com/x",), tags=("theirs",))
    added = replace(ROLE, id=AppRoleId(guid("other role")), value="Reader")
    here.applications[application.object_id] = replace(application, app_roles=(added,))
    edits = ApplicationEdits(role=ROLE, tags=("ours",))
    change = UpdateApplication(key="u", name="A", resource="x", object_id=application.object_id, edits=edits)
    applied(here, change)
    after = here.application_of("A")
    assert after.app_roles == (added, ROLE)
    assert after.tags == ("theirs", "ours")
    assert after.identifier_uris == ("https://contoso.com/x",)


LAG: dict[str, AnyChange] = {
    "create_principal": principal("A"),
    "update_application": UpdateApplication(
        key="u", name="A", resource="x", object_id=Ref("A", Part.OBJECT_ID), edits=ApplicationEdits(tags=("x",))
    ),
}


@pytest.mark.parametrize("call", LAG)
@pytest.mark.parametrize("expected", [True, False])
def test_not_there_yet_is_waited_out_only_where_lag_is_expected(call: str, expected: bool) -> None:
    """The same answer about anything else is an error at once."""
    here = memory_state()
    run(apply_plan(here, planned(here, new("A"), LAG[call]), Watcher(), lags=expected))
    assert any(one.startswith(call) for one in here.patient) is expected
