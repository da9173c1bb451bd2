"""A plan is agreed to, applied as wide as its order allows, stops at the first refusal; its outcome
tells the truth.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from mct_s2s import clock
from mct_s2s.azure.graph import applications, service_principals
from mct_s2s.engine import flow
from mct_s2s.engine.apply.plan_run import CHANGES_AT_ONCE
from mct_s2s.engine.apply.send_changes import apply_plan
from mct_s2s.engine.flow import carry_out, prepare
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import Instruction, S2SError
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.client_credentials import YOUNG
from mct_s2s.model.desired import ClientSpec
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId, Tag
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.changes import (
    AnyChange,
    ApplicationEdits,
    AssignAppRole,
    CreateApplication,
    CreateServicePrincipal,
    DeleteApplication,
    EnableIdentity,
    Output,
    OutputRef,
    RestartSite,
    RestoreApplication,
    SettingEdit,
    SettingsSpec,
    UpdateApplication,
    WriteSettings,
)
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.plan import Plan
from mct_s2s.stores.remembered_registrations import (
    Remembered,
    remember_registrations,
    remembered_registrations,
)

from tests.conftest import MACHINE, SITE, SLOT
from tests.engine.conftest import LIST, PUT, TARGET, WHERE, Engine, Watcher, applied, planned
from tests.planning.scenarios import ROLE, SERVICE_KEY, guid, spec
from tests.support.mct import APPLICATION_IDS, ENABLED, MCT

RESTARTED, PRINCIPALS = "/restart", "/servicePrincipals"
RESTART = RestartSite(key="restart", name=WHERE.label, site=WHERE.resource)


def new(name: str, *after: str) -> CreateApplication:
    registration = Application(display_name=name, unique_name=f"mct-s2s-key-{name}")
    return CreateApplication(
        key=name, name=name, resource="client application", application=registration, after=after
    )


def principal(name: str) -> CreateServicePrincipal:
    return CreateServicePrincipal(
        key=f"{name}:principal", name=name, client_id=OutputRef(name, Output.CLIENT_ID)
    )


def write(*refs: OutputRef[ClientId], first: bool = False) -> WriteSettings:
    spec = SettingsSpec(
        MCT.rows, ((ENABLED, ("true",)),), tuple((APPLICATION_IDS, ref) for ref in refs)
    )
    return WriteSettings(
        key="settings",
        name=WHERE.label,
        site=WHERE.resource,
        spec=spec,
        edits=(SettingEdit("x"),),
        first=first,
    )


def account(outcome: Outcome) -> tuple[set[str], set[str], set[str], set[str]]:
    """Keys of what is done, refused, in doubt and not begun."""
    failed = {change.key for change, _ in outcome.failed}
    return (
        {*outcome.done},
        failed,
        {change.key for change in outcome.in_doubt},
        {change.key for change in outcome.not_begun},
    )


# --- the order ---


@pytest.mark.parametrize(
    ("changes", "order", "seconds"),
    [
        ([principal("A"), new("A")], ["A", "A:principal"], 2.0),
        ([new("C", "B"), new("B", "A"), new("A")], ["A", "B", "C"], 3.0),
        ([new(str(number)) for number in range(CHANGES_AT_ONCE)], None, 1.0),
        ([new(str(number)) for number in range(3 * CHANGES_AT_ONCE)], None, 3.0),
        (
            [*(new(str(number), "last") for number in range(2 * CHANGES_AT_ONCE)), new("last")],
            None,
            3.0,
        ),
    ],
    ids=[
        "what it refers to",
        "what it is put after",
        "at once",
        "not too many at once",
        "who waits takes no place",
    ],
)
def test_a_change_begins_when_what_it_needs_is_there_and_beside_all_others(
    changes: Sequence[AnyChange], order: Sequence[str] | None, seconds: float, engine: Engine
) -> None:
    """The time of a setup is its longest chain, not its number of changes."""
    outcome, took, _ = applied(engine, *changes, latency=1.0)
    done = [*outcome.done]
    assert done == order or (order is None and len(done) == len(changes))
    assert took == pytest.approx(seconds, abs=0.1)


def test_the_settings_are_written_when_everything_else_is_done_and_the_restart_comes_last(
    engine: Engine,
) -> None:
    """One restart, when all that the settings name is there; neither listing nor reading back costs
    its own time.
    """
    outcome, _, reports = applied(
        engine,
        write(OutputRef("A", Output.CLIENT_ID)),
        RESTART,
        new("A"),
        principal("A"),
        latency=0.5,
    )
    requests = engine.requests_to(LIST, PUT, RESTARTED, PRINCIPALS)
    assert set(requests[:2]) == {"POST list", "POST servicePrincipals"}
    assert requests[2] == "PUT appsettings"
    assert set(requests[3:5]) == {"POST list", "POST restart"}
    assert requests.count("POST restart") == 1
    assert engine.settings["ServiceApplicationIds"] == outcome.outputs["A", Output.CLIENT_ID]
    assert outcome.seconds["A"] == pytest.approx(0.5, abs=0.1)
    order = (
        "settings: waiting for the other steps",
        "settings no longer: waiting for the other steps",
        "finished settings: 1 setting written, ",
        "Watching contosolearn for other writers of its settings",
    )
    places = [
        next(at for at, line in enumerate(reports) if line.startswith(text)) for text in order
    ]
    assert places == sorted(places)


def test_a_merge_with_changes_by_someone_else_is_told_with_its_reason(engine: Engine) -> None:
    """At the second look after the write: it has been read back, and is told again."""
    engine.before(LIST, None, None, lambda: engine.settings.update(ServiceAuthEnabled="false"))
    _, _, reports = applied(engine, write())
    results = [line.partition("; ")[2] for line in reports if line.startswith("finished settings")]
    assert results == ["", "merged 2 times with changes by someone else"]
    assert any(line.endswith(": merging with changes by someone else") for line in reports)


def test_a_removed_client_is_shut_out_before_anything_is_deleted(engine: Engine) -> None:
    """A client whose registration is gone first could still call for as long as its token lives."""
    registration = engine.register()
    deletion = DeleteApplication(
        key="delete",
        name="A",
        resource="client application",
        object_id=registration["id"],
        client_id=registration["appId"],
    )
    applied(engine, deletion, write(first=True), RESTART)
    requests = engine.requests_to(PUT, RESTARTED, registration["id"])
    assert requests == ["PUT appsettings", "POST restart", f"DELETE {registration['id']}"]


# --- the stop ---

CHAIN = (new("A"), principal("A"), new("B", "A"), new("C", "B"), new("D", "C"))
LATER = {"match": {"writes": True}, "fault": {"type": "latency", "seconds": 1.0}}
"""What is not refused is answered after what is: else their order would be that of two connections.
"""
SITE_TOO = (write(OutputRef("A", Output.CLIENT_ID)), RESTART, new("A"), principal("A"))


@pytest.mark.parametrize(
    ("refused", "changes", "expected"),
    [
        (PRINCIPALS, CHAIN, ({"A", "B"}, {"A:principal"}, set(), {"C", "D"})),
        (PRINCIPALS, SITE_TOO, ({"A"}, {"A:principal"}, set(), {"settings", "restart"})),
        (PUT, (write(), RESTART), (set(), {"settings"}, set(), {"restart"})),
    ],
    ids=[
        "what is under way ends",
        "settings that were only listed are not in doubt",
        "the site runs on as it is",
    ],
)
def test_at_the_first_refusal_nothing_else_begins(
    refused: str, changes: Sequence[AnyChange], expected: tuple[set[str], ...], engine: Engine
) -> None:
    """What is done is kept and told: the same command resumes."""
    refusal = {"type": "status", "status": 403}
    engine.inside.azure.misbehave({"match": {"path": f"*{refused}"}, "fault": refusal}, LATER)
    outcome, _, reports = applied(engine, *changes)
    assert account(outcome) == expected
    assert {f"failed {key}" for key in expected[1]} <= set(reports)
    assert not {f"started {key}" for key in expected[3]} & set(reports) - {"started settings"}
    assert "POST restart" not in engine.requests_to(RESTARTED)


def test_a_change_that_waits_for_its_turn_does_not_begin_after_a_refusal(engine: Engine) -> None:
    """A large setup must not send hundreds of requests after the first one was denied."""
    refusal = {"match": {"method": "PATCH"}, "nth": 1, "fault": {"type": "status", "status": 403}}
    engine.inside.azure.misbehave(refusal, LATER)
    outcome, _, _ = applied(engine, *(new(str(number)) for number in range(3 * CHANGES_AT_ONCE)))
    assert len(outcome.not_begun) == 2 * CHANGES_AT_ONCE


# --- the restart ---


def details(outcome: Outcome) -> Mapping[str, str]:
    return {key: change.detail for key, change in outcome.done.items()}


def test_settings_that_somebody_else_wrote_meanwhile_need_no_restart_of_ours(
    engine: Engine,
) -> None:
    engine.settings["ServiceAuthEnabled"] = "true"
    outcome, _, _ = applied(engine, write(), RESTART)
    assert engine.requests_to(PUT, RESTARTED) == []
    assert details(outcome) == {
        "settings": "someone else wrote the same values at the same time",
        "restart": "by another run",
    }


def test_a_restart_whose_answer_was_lost_is_asked_for_once(engine: Engine) -> None:
    """The site restarts by itself when its settings change; a second restart would be one
    too many.
    """
    engine.misbehave(RESTARTED, type="lostAnswer")
    outcome, _, _ = applied(engine, write(), RESTART)
    assert engine.requests_to(RESTARTED) == ["POST restart"]
    assert "the response was lost" in details(outcome)["restart"]


@pytest.mark.parametrize(("where", "words"), [(SITE, ""), (SLOT, " --slot staging")])
def test_a_refused_restart_says_what_is_saved_and_how_to_do_it(
    where: str, words: str, engine: Engine
) -> None:
    engine.misbehave(RESTARTED)
    site = ResourceId.parse(where)
    outcome, _, _ = applied(engine, replace(write(), site=site), replace(RESTART, site=site))
    ((_, error),) = outcome.failed
    assert "The settings are saved" in error.remedy
    assert error.command == f"az webapp restart -g {site.resource_group} -n contosolearn{words}"
    assert account(outcome) == ({"settings"}, {"restart"}, set(), set())


# --- one operation for each type of change ---


def test_a_patch_keeps_what_is_not_ours_as_it_is_at_the_moment_of_writing(engine: Engine) -> None:
    """Lists are replaced whole by a PATCH: what somebody added since the plan was made must be sent
    back.
    """
    added = {"id": guid("other role"), "value": "Reader", "displayName": "R", "description": "R",
             "isEnabled": True,
             "allowedMemberTypes": ["Application"]}  # fmt: skip
    registration = engine.register(tags=["theirs"], appRoles=[added])
    edits = ApplicationEdits(role=ROLE, tags=("ours",))
    applied(
        engine,
        UpdateApplication(
            key="u", name="A", resource="x", object_id=registration["id"], edits=edits, is_new=False
        ),
    )
    after = engine.inside.azure.graph("GET", f"/applications/{registration['id']}")
    assert {role["id"] for role in after["appRoles"]} == {guid("other role"), ROLE.id}
    assert set(after["tags"]) == {"theirs", "ours"}


@pytest.mark.parametrize(
    ("second", "seconds"), [("the same", 2.0), ("its service principal", 2.0), ("another one", 1.0)]
)
def test_writes_to_one_registration_take_turns(second: str, seconds: float, engine: Engine) -> None:
    """Graph refuses those that meet; each would then be waited for and sent again, seconds
    later.
    """
    ids = [ApplicationObjectId(engine.register(name)["id"]) for name in ("A", "B")]

    async def main(session: Session) -> float:
        graph = session.graph
        application, other = [
            await applications.by_object_id(graph, object_id) for object_id in ids
        ]
        writes: dict[str, Callable[[], Awaitable[object]]] = {
            "the same": lambda: applications.update(
                graph, application, replace(application, notes="ours")
            ),
            "its service principal": lambda: service_principals.create(
                graph, application.client_id
            ),
            "another one": lambda: applications.update(
                graph, other, replace(other, tags=("ours",))
            ),
        }
        engine.inside.state.latency_seconds = 1.0
        began = clock.seconds()
        tagging = applications.update(graph, application, replace(application, tags=("ours",)))
        await asyncio.gather(tagging, writes[second]())
        engine.inside.state.latency_seconds = 0.0
        return clock.seconds() - began

    assert engine.run(main) == pytest.approx(seconds, abs=0.1)


TAKES_AWAY = ApplicationEdits(no_access_to=ClientId(guid("service")))


@pytest.mark.parametrize(
    ("edits", "is_done"),
    [(TAKES_AWAY, True), (replace(TAKES_AWAY, tags=("ours",)), False)],
    ids=["what is taken away", "what is also written"],
)
def test_a_registration_that_is_gone_has_nothing_left_to_take_away(
    edits: ApplicationEdits, is_done: bool, engine: Engine
) -> None:
    """What someone deletes between plan and removal ends no removal; what was to be written there
    cannot be.
    """
    change = UpdateApplication(
        key="A:access",
        name="A",
        resource="x",
        object_id=ApplicationObjectId(guid("gone")),
        edits=edits,
        is_new=False,
    )
    outcome, _, _ = applied(engine, change)
    assert (details(outcome), len(outcome.failed)) == (
        ({"A:access": "already deleted"}, 0) if is_done else ({}, 1)
    )


def test_an_attempt_of_a_killed_run_stays_noted_when_another_run_ends(engine: Engine) -> None:
    async def main(session: Session) -> frozenset[str]:
        registration = planned(new("A"))
        subject = registration.before.subject
        remember_registrations(subject, Remembered.UNFINISHED, {"other": ()})
        await apply_plan(session, registration, Watcher())
        return frozenset(remembered_registrations(subject, Remembered.UNFINISHED))

    assert engine.run(main) == {"other"}


DENIED: dict[str, Any] = {
    "code": "Authorization_RequestDenied",
    "message": "Insufficient privileges.",
}


def after(outcome: Outcome, engine: Engine) -> Outcome:
    """The outcome, once its plan has been applied as far as it could be."""

    async def main(session: Session) -> None:
        with suppress(S2SError):
            await apply_plan(session, outcome, Watcher())

    engine.run(main)
    return outcome


@pytest.mark.parametrize(
    ("tag", "is_left_out"), [(f"{Tag.USED}mct-s2s-contosolearn", True), ("ours", False)]
)
def test_only_a_note_of_use_is_left_out_where_the_caller_may_not_write_it(
    tag: str, is_left_out: bool, engine: Engine
) -> None:
    registration = engine.register()
    engine.misbehave("/applications/*", method="PATCH", **DENIED)
    change = UpdateApplication(
        key="u",
        name="A",
        resource="x",
        object_id=registration["id"],
        edits=ApplicationEdits(tags=(tag,)),
        is_new=False,
    )
    outcome, _, reports = applied(engine, change)
    assert ("skipped u" in reports, len(outcome.failed)) == (is_left_out, int(not is_left_out))


@pytest.mark.parametrize(
    ("holds_it", "after_a_grant", "is_left"),
    [
        (True, (Instruction("Sign in again.", "az login"),), False),
        (True, (), True),
        (False, (Instruction("Sign in again.", "az login"),), True),
    ],
    ids=["a right that an older token lacks", "any other refusal", "a right that is missing"],
)
def test_a_consent_that_is_refused_is_left_to_others_unless_a_new_sign_in_would_grant_it(
    holds_it: bool, after_a_grant: tuple[Instruction, ...], is_left: bool, engine: Engine
) -> None:
    registration = engine.register()
    service = engine.inside.azure.graph("POST", PRINCIPALS, json={"appId": registration["appId"]})[
        "id"
    ]
    engine.misbehave("/appRoleAssignedTo", method="POST", **DENIED)
    consent = AssignAppRole(
        key="consent", name="A", principal=service, service=service, role=ROLE.id
    )
    outcome = planned(consent)
    roles = outcome.access.roles if holds_it else frozenset[str]()
    signed_in = replace(outcome.access.signed_in, after_a_grant=after_a_grant)
    access = replace(
        outcome.access, signed_in=signed_in, roles=roles, permissions=frozenset(), owned=frozenset()
    )
    outcome.access = access
    failed = [change.key for change, _ in after(outcome, engine).failed]
    assert (failed, bool(outcome.plan.missing_rights)) == ([] if is_left else ["consent"], is_left)


@pytest.mark.parametrize(
    ("is_known", "is_named", "is_refused"),
    [(True, False, True), (True, True, False), (False, False, False)],
    ids=["found by its name", "named by its appId", "none of this trust"],
)
def test_a_service_principal_that_appears_meanwhile_is_checked_unless_it_is_named(
    is_known: bool, is_named: bool, is_refused: bool, engine: Engine
) -> None:
    """Its registration had none: the owner of one that was deleted may have restored it."""
    azure = engine.inside.azure
    registration = engine.register()
    principal = azure.graph("POST", PRINCIPALS, json={"appId": registration["appId"]})
    azure.graph("POST", f"{PRINCIPALS}/{principal['id']}/addPassword", json={})
    client_id = ClientId(registration["appId"])
    outcome = planned(
        CreateServicePrincipal(key="p", name="A", client_id=client_id),
    )
    application = Application(ApplicationObjectId(registration["id"]), client_id, display_name="A")
    clients = (ClientApplication(application, None),) if is_known else ()
    trust = replace(outcome.before.trust, clients=clients)
    outcome.before = replace(outcome.before, trust=trust)
    named = spec(ClientSpec(client_id if is_named else "A", None))
    outcome.request = replace(outcome.request, desired=named)
    codes = [getattr(error, "code", "") for _, error in after(outcome, engine).failed]
    assert codes == (["registration-not-ours"] if is_refused else [])


@pytest.mark.parametrize("first", ["a role", "an identity", "a restoration", None])
@pytest.mark.as_administrator("it restores a service principal that another caller made")
def test_consent_to_what_this_run_has_just_made_is_waited_for(
    first: str | None, engine: Engine
) -> None:
    """A role reaches the service principal later, also an old one's; without one, the refusal is an
    error at once.
    """
    graph = engine.inside.azure.graph
    registration = engine.register()
    machine = ResourceId.parse(MACHINE)
    service = graph("POST", PRINCIPALS, json={"appId": registration["appId"]})["id"]
    principal = None
    edits = ApplicationEdits(role=ROLE)
    holder = IdentityResource(machine, None, api_version="2024-03-01")
    deleted = Application(
        object_id=registration["id"], client_id=registration["appId"], display_name="A"
    )
    steps: dict[str | None, AnyChange] = {
        "a role": UpdateApplication(
            key="u", name="A", resource="x", object_id=registration["id"], edits=edits, is_new=False
        ),
        "an identity": EnableIdentity(key="u", name="A", identity_resource=holder),
        "a restoration": RestoreApplication(
            key="u", name="A", resource="x", application=deleted, is_sure=True
        ),
    }
    if first != "a role":
        applied(engine, steps["a role"])
    engine.run(lambda _: asyncio.sleep(YOUNG.total_seconds()))
    if first == "a restoration":
        graph("DELETE", f"/applications/{registration['id']}")
    if first == "an identity":
        principal = OutputRef[PrincipalId]("u", Output.PRINCIPAL_ID)
    own_steps = [steps[first]] if first else []
    grant = AssignAppRole(
        key="a",
        name="A",
        principal=principal or service,
        service=service,
        role=ROLE.id,
        after=("u",) * len(own_steps),
    )

    async def main(session: Session) -> Outcome:
        await service_principals.by_client_id(session.graph, registration["appId"])
        outcome = planned(*own_steps, grant)
        with suppress(S2SError):
            await apply_plan(session, outcome, Watcher())
        return outcome

    engine.misbehave("/appRoleAssignedTo", times=3, status=404, code="Request_ResourceNotFound")
    assert account(engine.run(main))[1] == (set() if first else {"a"})


@pytest.mark.parametrize("is_new", [True, False])
def test_an_object_that_is_not_there_yet_is_waited_for_only_where_lag_is_expected(
    is_new: bool, engine: Engine
) -> None:
    """The same answer about anything else is an error at once."""
    registration = engine.register()
    engine.misbehave(PRINCIPALS, times=3, status=404, code="Request_ResourceNotFound")
    old = CreateServicePrincipal(key="A:principal", name="A", client_id=registration["appId"])
    outcome, _, _ = applied(engine, new("A"), principal("A") if is_new else old)
    assert account(outcome)[1] == (set() if is_new else {"A:principal"})
    assert len(engine.requests_to(PRINCIPALS)) == (4 if is_new else 1)


@dataclass
class Person:
    """Somebody who is shown plans, and says something to each."""

    engine: Engine
    may_be_stale: bool
    answers: list[bool]
    meanwhile: dict[str, str]
    """What is set while the first plan is read."""
    afterwards: dict[str, str] = field(default_factory=dict)
    """What is set once a plan has been applied."""
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
        self.engine.settings.update(self.afterwards)

    def where(self, observed: ObservedState) -> str:
        del observed
        return ""


CHANGED = {"ServiceAuthEnabled": "true"}


@pytest.mark.parametrize(
    ("may_be_stale", "overtaken", "meanwhile", "answers", "looks"),
    [
        (False, False, {}, [True], 1),
        (True, False, {}, [True], 2),
        (True, False, CHANGED, [True, True], 3),
        (False, True, CHANGED, [True, False], 2),
    ],
    ids=[
        "at once",
        "a plan that still holds",
        "yes was said to another plan",
        "another run had its turn",
    ],
)
def test_only_the_plan_that_was_agreed_to_is_applied(
    may_be_stale: bool,
    overtaken: bool,
    meanwhile: dict[str, str],
    answers: list[bool],
    looks: int,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Looked at again where it may have changed, asked again where it did; who reads for an hour
    holds no one up.
    """
    person = Person(engine, may_be_stale, [*answers], meanwhile)
    turns = list[str]()

    @asynccontextmanager
    async def exclusive(name: str, since: float) -> AsyncIterator[bool]:
        del since
        person.log.append("turn")
        turns.append(name)
        yield overtaken

    async def work(session: Session) -> Outcome:
        outcome = await prepare(
            session, Request(spec(), clock.now(), TARGET, "a1b2", unique_name=SERVICE_KEY, api=MCT)
        )
        return (
            await carry_out(session, outcome, 0.0, person)
            if await person.confirm(outcome)
            else outcome
        )

    monkeypatch.setattr(flow, "hold", exclusive)
    outcome = engine.run(work)
    assert len(engine.requests_to("/sites/contosolearn")) == looks
    assert person.log[:2] == ["asked", "turn"]
    assert [name.lower() for name in turns] == [SITE.lower()]
    assert len({id(plan) for plan in person.shown}) == len(answers)
    assert outcome.plan == person.shown[-1]
    assert outcome.has_begun is answers[-1]
    assert bool(engine.requests_to("/config/appsettings")) is answers[-1]


@pytest.mark.parametrize(
    ("changed", "asked"), [({}, 1), ({"ServiceAuthEnabled": "false"}, 2)], ids=["nothing", "a step"]
)
def test_what_is_left_to_do_after_another_run_is_asked_for_before_it_is_applied(
    changed: dict[str, str], asked: int, engine: Engine
) -> None:
    person = Person(
        engine, may_be_stale=False, answers=[True, False], meanwhile={}, afterwards=changed
    )

    async def work(session: Session) -> None:
        outcome = await prepare(
            session, Request(spec(), clock.now(), TARGET, "a1b2", unique_name=SERVICE_KEY, api=MCT)
        )
        assert await person.confirm(outcome)
        outcome.awaits_other_run["x"] = NotOurs("x", "Another run creates it.", remedy="Wait.")
        await carry_out(session, outcome, 0.0, person)

    engine.run(work)
    assert (person.log.count("asked"), person.log.count("applied")) == (asked, 1)
