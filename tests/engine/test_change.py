"""A command from looking to having done it: agreed to, overtaken, stopped anywhere, and run again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache

import pytest
from mct_s2s.engine.change import run_change
from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import Refused, S2SError, ServiceError, UsageError
from mct_s2s.model.desired import ClientSpec, Desired, Removal, Rotation
from mct_s2s.planning.credentials.certificate import CertificateSpec
from mct_s2s.planning.credentials.federated import FederatedSpec
from mct_s2s.planning.plan import Plan

from tests.engine.memory import (
    STORING,
    WRITES,
    Agreeing,
    Hook,
    MemoryState,
    carry_out,
    failing,
    lost,
    memory_state,
    refused,
    request,
    run,
    session,
    summary,
)
from tests.planning.scenarios import FOREIGN, LATER, NOW, SUBSCRIPTION, site, spec

FUNCTION_APP = "reports-func"
CERTIFICATE = ClientSpec("Import", CertificateSpec(NOW, LATER))
FEDERATED = ClientSpec("Import", FederatedSpec("https://ci.example", "repo:contoso/app"))


def learning() -> MemoryState:
    """An App Service, and a function app that is to call it."""
    here = memory_state()
    here.add_site(site(FUNCTION_APP, "functionapp"))
    return here


def setting_up(
    here: MemoryState, attempt: str = "a1b2", client: str | ClientSpec = "Import", **more: object
) -> Outcome:
    """`setup` with one client and one managed identity."""
    return run(_setting_up(here, attempt, client, **more))


async def _setting_up(here: MemoryState, attempt: str, client: str | ClientSpec = "Import", **more: object) -> Outcome:
    keys = not isinstance(client, str)
    wanted = request(
        here, spec(client, **more), attempt=attempt, key_pairs=keys, identities=(FUNCTION_APP,),
        subscription=SUBSCRIPTION,
    )  # fmt: skip
    return await carry_out(here, wanted)


# --- run again ---

WAYS: dict[str, str | ClientSpec] = {"secret": "Import", "certificate": CERTIFICATE, "federated": FEDERATED}


# --- stopped anywhere ---


@dataclass(frozen=True)
class Cut:
    """A way in which a run ends early, at one of its writes."""

    before: Callable[[asyncio.Task[Outcome]], Hook] | None = None
    after: Callable[[asyncio.Task[Outcome]], Hook] | None = None


def killed(task: asyncio.Task[Outcome]) -> Hook:
    """The process is gone: nothing of it runs any more."""

    async def kill() -> None:
        task.cancel()
        await asyncio.sleep(3600)

    return kill


CUTS = {
    "refused": Cut(before=lambda _: failing(refused("graph-refused", 400))),
    "unanswered, without effect": Cut(before=lambda _: failing(lost())),
    "unanswered, with effect": Cut(after=lambda _: failing(lost())),
    "killed before": Cut(before=killed),
    "killed after": Cut(after=killed),
}


@cache
def clean_run(kind: str) -> tuple[dict[str, object], int]:
    """What one run that nobody disturbs leaves, and how many calls of it change something, at places or in Azure."""
    here = learning()
    setting_up(here, client=WAYS[kind])
    return summary(here), sum(call.split()[0] in WRITES | STORING for call in here.calls)


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
@pytest.mark.parametrize("kind", WAYS)
def test_stopped_at_any_write_the_same_command_resumes(kind: str, cut: Cut) -> None:
    """No second application, no secret that nobody has, no doubled entry: the end is that of one clean run."""
    expected, writes = clean_run(kind)
    assert writes > 8
    stopped = 0
    for at in range(writes):
        here = learning()

        async def main(here: MemoryState = here, at: int = at) -> bool:
            task = asyncio.ensure_future(_setting_up(here, "a1b2", WAYS[kind]))
            here.at_write[at] = (cut.before and cut.before(task), cut.after and cut.after(task))
            try:
                await task
            except (S2SError, asyncio.CancelledError):
                return True
            return False

        stopped += run(main())
        here.forget()
        setting_up(here, "c3d4", WAYS[kind])
        assert summary(here) == expected, f"stopped at write {at}"
        here.forget()
        assert setting_up(here, "e5f6", WAYS[kind]).plan.is_empty
    assert stopped > writes / 3, "some are repeated at once; most end the run"


@pytest.mark.parametrize("way", CUTS)
def test_what_is_told_after_a_stop_is_true(way: str) -> None:
    """Done is done, not begun has no trace; only what is in doubt may be either."""
    cut = CUTS[way]
    _, writes = clean_run("secret")
    doubts = 0
    for at in range(writes):
        here, ui = learning(), Agreeing()

        async def main(here: MemoryState = here, at: int = at, ui: Agreeing = ui) -> None:
            wanted = request(here, spec("Import"), identities=(FUNCTION_APP,), subscription=SUBSCRIPTION)
            task = asyncio.ensure_future(carry_out(here, wanted, ui))
            here.at_write[at] = (cut.before and cut.before(task), cut.after and cut.after(task))
            await asyncio.wait({task})

        run(main())
        assert ui.outcome is not None
        journal = ui.outcome.journal
        doubts += bool(journal.in_doubt)
        done = {one.change.key for one in journal.done if "was lost" not in one.detail}
        left = {one.key for one in journal.left}
        apps = {app.display_name: app for app in here.applications.values()}
        there = {
            "service-application": "MCT service (contosolearn)" in apps,
            "client:Import": "Import" in apps,
            "client:Import:secret": "Import" in apps and bool(apps["Import"].credentials),
            "client:Import:consent": bool(here.assignments),
            "settings": "ServiceAuthEnabled" in here.site_state(site().resource).settings,
            "restart": bool(here.site_state(site().resource).restarts),
        }
        assert all(there[key] for key in done & there.keys()), at
        assert not any(there[key] for key in left & there.keys()), at
    assert (doubts > 0) is way.startswith("killed"), "only a run that was killed leaves doubts"


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


def test_a_place_that_cannot_be_written_to_is_found_out_before_anything_is_made() -> None:
    here = memory_state()
    here.before("check", failing(UsageError("secret-place-unwritable", "Full.", remedy="Elsewhere.")))
    with pytest.raises(UsageError):
        run(carry_out(here, request(here, spec("Import"))))
    assert here.writes == []


@pytest.mark.parametrize("call", ["tenant", "settings", "site", "application_by_unique_name", "deleted_applications"])
def test_a_state_that_cannot_be_read_is_not_written_to(call: str) -> None:
    here, ui = memory_state(), Agreeing()
    here.before(call, failing(refused("graph-refused", 500)))
    with pytest.raises(ServiceError):
        run(carry_out(here, request(here, spec("Import")), ui))
    assert here.writes == []
    assert ui.outcome is None, "there is nothing to tell of"


def test_a_wish_that_cannot_be_met_is_refused_before_anything_is_written() -> None:
    here = MemoryState()
    here.add_site(site(kind="functionapp"))
    with pytest.raises(Refused):
        run(carry_out(here, request(here, spec("Import"))))
    assert here.writes == []


def test_without_preflight_nobody_asks_what_the_caller_may_do() -> None:
    here = memory_state()
    run(carry_out(here, request(here, spec("Import"), preflight=False)))
    assert {"roles", "person", "owned", "secret_rules"} & set(here.calls) == set()
    assert [call for call in here.calls if "_at " in call] == []
    assert here.site_state(site().resource).restarts == 1


def test_settings_are_kept_before_they_are_written() -> None:
    here, kept = memory_state(), dict[str, object]()

    class Backup:
        def check(self, app_service: str) -> None:
            assert app_service == str(site().resource)
            assert here.writes == []

        def keep(self, app_service: str, settings: Mapping[str, str | None]) -> None:
            kept[app_service] = dict(settings)

    run(carry_out(here, request(here, spec("Import"), backup=Backup())))
    assert kept == {str(site().resource): FOREIGN}


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


def test_a_rotation_ends_with_one_secret_and_can_be_stopped_anywhere() -> None:
    async def rotate(here: MemoryState, attempt: str) -> Outcome:
        later = NOW + timedelta(days=200)
        desired = spec(rotation=Rotation(later + timedelta(days=365), ("Import",)))
        return await carry_out(here, request(here, desired, attempt=attempt, now=later))

    def prepared() -> MemoryState:
        here = memory_state()
        run(carry_out(here, request(here, spec("Import"))))
        here.forget()
        return here

    here = prepared()
    (old,) = here.application_of("Import").credentials
    run(rotate(here, "c3d4"))
    expected = summary(here)
    writes = sum(call.split()[0] in WRITES | STORING for call in here.calls)
    assert old not in here.application_of("Import").credentials
    assert writes == 4
    for at in range(writes):
        for cut in (CUTS["refused"], CUTS["unanswered, with effect"], CUTS["killed before"], CUTS["killed after"]):
            here = prepared()

            async def main(here: MemoryState = here, at: int = at, cut: Cut = cut) -> None:
                task = asyncio.ensure_future(rotate(here, "c3d4"))
                here.at_write[at] = (cut.before and cut.before(task), cut.after and cut.after(task))
                await asyncio.wait({task})

            run(main())
            stored = here.stores["Import"].stored
            assert stored is not None
            held = [one.key_id for one in here.application_of("Import").credentials]
            assert stored.key_id in held, "what callers read works at every moment"
            here.forget()
            run(rotate(here, "e5f6"))
            assert summary(here) == expected, f"stopped at write {at}"


def test_nobody_is_asked_about_an_empty_plan_twice() -> None:
    here = memory_state()
    run(carry_out(here, request(here, spec("Import"))))
    here.forget()
    run(carry_out(here, request(here, spec("Import"))))
    assert here.calls.count("tenant") == 1
