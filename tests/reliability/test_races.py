"""Somebody else writes at each point of our writing, or to the same object: nobody loses anything.

The one exception is App Service's own: between our last listing and our write, one round trip, a
foreign write cannot be seen by anyone. It is here, too, so that it is known and does not grow.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.entra.tenant.variations import TENANTS
from mct_s2s.sandbox.observability.exchange import Cut, Entry

from tests.cli.conftest import Ended
from tests.conftest import FUNCTION_APP, JSON, MACHINE, SITE, USER_IDENTITY
from tests.reliability.harness import Harness
from tests.support.sampling import cases, sampled
from tests.support.sandbox_inside import Inside

SETUP = ("setup", "--client", "One", "-y", "-o", "json")
CLIENTS = cases(4, 10)
"""How many are added at the same moment, each by a process of its own."""
THEIRS = "11111111-2222-3333-4444-555555555555"


def step(entry: Entry) -> str:
    """Which request of the settings step this is, if any."""
    if not entry.path.lower().startswith(SITE.lower() + "/"):
        return ""
    if entry.path.endswith("/config/appsettings/list"):
        return "list"
    if entry.path.endswith("/config/appsettings"):
        return "put"
    return "restart" if entry.path.endswith("/restart") else ""


class Stranger:
    """Writes a client's id and a setting of its own, as another run would, at one point of ours.

    Args:
        inside: the sandbox.
        point: before or after which request of the settings step: `before list 1`.
        stale: whether it merges into what it has read when our command began, so that it erases
            what we wrote since.
    """

    def __init__(self, inside: Inside, point: str, *, stale: bool) -> None:
        self.moment, self.step, number = point.split()
        self.number = int(number)
        self.stale = stale
        self.seen: list[str] = []
        self.has_written = False
        self._state = inside.state.resources.sites[SITE.lower()]
        self._read = dict(self._state.settings)
        inside.hooks.before.append(lambda entry: self._at("before", entry))
        inside.hooks.after.append(lambda entry: self._at("after", entry))

    async def _at(self, moment: str, entry: Entry) -> None:
        if moment == "before" and step(entry):
            self.seen.append(step(entry))
        hit = (
            moment == self.moment
            and step(entry) == self.step
            and self.seen.count(self.step) == self.number
        )
        if hit and not self.has_written:
            self.has_written = True
            base = self._read if self.stale else self._state.settings
            listed = [
                entry for entry in (base.get("ServiceApplicationIds") or "").split(";") if entry
            ]
            self._state.settings = {
                **base,
                "ServiceApplicationIds": ";".join([*listed, THEIRS]),
                "Theirs": "new",
            }


POINTS = ("before list 1", "after list 1", "before list 2", "after put 1", "before list 3",
          "after list 3",
          "before restart 1", "after restart 1")  # fmt: skip


@pytest.mark.parametrize(
    ("point", "stale"), sampled(list(product(POINTS, [False, True])), 5, salt="points")
)
def test_a_foreign_write_at_any_point_is_kept_and_erases_nothing(
    point: str, stale: bool, harness: Harness
) -> None:
    before = harness.inside.azure.settings()
    stranger = Stranger(harness.inside, point, stale=stale)
    ended = harness.run(SETUP)
    assert ended.code == 0, ended.out
    assert stranger.has_written, stranger.seen
    (client,) = harness.run(["status", "-o", "json"]).document["clients"][:1]
    after = harness.inside.azure.settings()
    listed = (after["ServiceApplicationIds"] or "").split(";")
    lost = [name for name in before if after.get(name) != before[name]]
    lost += [entry for entry in (THEIRS, client["appId"]) if entry not in listed]
    lost += [] if after.get("Theirs") == "new" else ["Theirs"]
    assert lost == []
    assert sorted(listed) == sorted({THEIRS, client["appId"]})
    assert stranger.seen.count("restart") == 1
    harness.inside.leave_alone()
    again = harness.run(["setup", "--client", "One", "-y", "-o", "json"])
    assert {change["action"] for change in again.document["changes"]} == {"none"}


def test_in_the_one_window_only_the_write_of_that_moment_is_lost(harness: Harness) -> None:
    before = harness.inside.azure.settings()
    stranger = Stranger(harness.inside, "before put 1", stale=False)
    ended = harness.run(SETUP)
    assert ended.code == 0, ended.out
    assert stranger.has_written
    after = harness.inside.azure.settings()
    assert {name: after.get(name) for name in before} == before
    assert {
        name for name in after.keys() - before.keys() if not name.startswith("Service")
    } == set()
    assert allowed(harness) == {"One"}
    assert THEIRS not in (after["ServiceApplicationIds"] or ""), (
        "the window is closed: say so where it is documented"
    )


def test_settings_read_while_others_were_slow_are_read_again_just_before_the_write(
    harness: Harness,
) -> None:
    steps: list[str] = []

    async def slow_secret(entry: Entry) -> None:
        if entry.path.endswith("/addPassword"):
            await harness.inside.time.sleep(1.5)
        steps.append(step(entry) or entry.path.rpartition("/")[2])

    harness.inside.hooks.before.append(slow_secret)
    assert harness.run(SETUP).code == 0
    assert "list" in steps[steps.index("addPassword") : steps.index("put")]


@pytest.mark.parametrize("refusals", [("reset",), (429, 503, 500, "busy")], ids=str)
def test_a_repeated_write_writes_nothing_back_that_was_read(
    harness: Harness, refusals: tuple[int | str, ...]
) -> None:
    """Cut off, asked to wait, or behind another operation, it reads again before it writes again:
    others may write.

    The HTTP library itself would send the same bytes once more, where the connection that was reset
    was a used one.
    """
    inside = harness.inside
    answers = list(refusals)
    state = inside.state.resources.sites[SITE.lower()]

    async def refuse(entry: Entry) -> None:
        if step(entry) == "put" and answers:
            state.settings[f"Theirs{len(answers)}"] = "new"
            match answers.pop(0):
                case "reset":
                    raise Cut("reset")
                case "busy":
                    state.busy_until = inside.time.timestamp() + 20
                case status:
                    raise arm_error(int(status), "Busy", "Later.", headers={"Retry-After": "0"})

    inside.hooks.before.append(refuse)
    assert harness.run(SETUP).code == 0
    after = inside.azure.settings()
    assert [after.get(f"Theirs{number + 1}") for number in range(len(refusals))] == ["new"] * len(
        refusals
    )


def test_settings_that_are_accepted_first_and_written_later_are_waited_for(
    harness: Harness,
) -> None:
    directory = harness.inside.state.directory
    directory.variations = replace(directory.variations, settings_accept_202=True)
    harness.inside.state.resources.operation_seconds = 40.0
    assert harness.run(SETUP).code == 0
    assert harness.inside.azure.settings()["ServiceAuthEnabled"] == "true"
    steps = [(step(entry), entry.status) for entry in harness.inside.log()]
    assert steps.count(("put", 202)) == 1
    assert not [status for _, status in steps if status == 409], "nothing else is written meanwhile"


def test_an_identity_that_somebody_assigns_meanwhile_stays(harness: Harness) -> None:
    """`identity.type` says all that a resource has: before the change is sent again, the resource
    is read again.
    """
    inside = harness.inside
    refused = False

    async def assign(entry: Entry) -> None:
        nonlocal refused
        if entry.method == "PATCH" and entry.path == FUNCTION_APP and not refused:
            refused = True
            resource = inside.state.resources.resources[FUNCTION_APP.lower()]
            resource["identity"] = {
                "type": "UserAssigned",
                "userAssignedIdentities": {USER_IDENTITY: {}},
            }
            raise arm_error(503, "ServiceUnavailable", "Later.")

    inside.hooks.before.append(assign)
    assert harness.run(("setup", "--managed-identity", FUNCTION_APP, "-y", "-o", "json")).code == 0
    identity = inside.state.resources.resources[FUNCTION_APP.lower()]["identity"]
    assert (identity["type"], list(identity["userAssignedIdentities"])) == (
        "SystemAssigned, UserAssigned",
        [USER_IDENTITY],
    )


@pytest.mark.parametrize("resource", [FUNCTION_APP, MACHINE])
def test_a_resource_that_somebody_deletes_meanwhile_has_no_identity_to_remove(
    harness: Harness, resource: str
) -> None:
    assert harness.run(("setup", "--managed-identity", resource, "-y", "-o", "json")).code == 0

    async def delete(entry: Entry) -> None:
        if entry.method == "PATCH" and entry.path == resource:
            harness.inside.state.resources.remove(resource.lower())

    harness.inside.hooks.before.append(delete)
    removed = harness.run(("remove-client", resource, "-y", "-o", "json"))
    assert removed.code == 0, removed


class Barrier:
    """Makes two runs meet: both have listed before either writes, and the second writes when the
    first has looked.

    That is the worst that two runs can do to each other: the second erases what the first has
    written and read back.
    """

    def __init__(self, inside: Inside) -> None:
        self.puts, self.looks, self.restarts = 0, 0, 0
        self.met = self.is_written = False
        inside.hooks.before.append(self._before)
        inside.hooks.after.append(self._after)

    async def _before(self, entry: Entry) -> None:
        if step(entry) != "put":
            return
        self.puts += 1
        if self.puts == 1:
            await self._until(lambda: self.puts == 2)
        elif self.puts == 2:
            await self._until(lambda: self.looks >= 1 and self.restarts >= 1)
            self.met = True

    async def _after(self, entry: Entry) -> None:
        self.is_written |= step(entry) == "put"
        self.looks += self.is_written and step(entry) == "list"
        self.restarts += step(entry) == "restart"

    async def _until(self, condition: Callable[[], bool]) -> None:
        for _ in range(5_000):  # less than a client waits for an answer
            if condition():
                return
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("command", sampled(["setup --client", "add-client"], 1, salt="commands"))
def test_two_runs_on_two_machines_that_meet_at_the_worst_moment(
    command: str, harness: Harness, tmp_path: Path
) -> None:
    if command == "add-client":
        assert harness.run(("setup", "-y", "-o", "json")).code == 0
    barrier = Barrier(harness.inside)
    ended = at_once(
        harness, [tmp_path / "a", tmp_path / "b"], [[*command.split(), name] for name in ("A", "B")]
    )
    assert [each.code for each in ended] == [0, 0], ended
    assert barrier.met
    assert {"A", "B"} <= allowed(harness)
    assert (
        len(harness.state["directory"]["applications"])
        == len(harness.seed["directory"]["applications"]) + 3
    )


@pytest.mark.parametrize("machines", sampled([1, CLIENTS // 2], 1, salt="machines"))
def test_clients_added_at_the_same_moment_are_all_let_in(
    machines: int, harness: Harness, tmp_path: Path
) -> None:
    assert harness.run(("setup", "-y", "-o", "json")).code == 0
    before = harness.inside.azure.settings()
    names = [f"At once {number}" for number in range(CLIENTS)]
    homes = [tmp_path / f"machine {number % machines}" for number in range(CLIENTS)]
    ended = at_once(harness, homes, [["add-client", name] for name in names])
    assert [each.code for each in ended] == [0] * CLIENTS, [each.out for each in ended if each.code]
    after = harness.inside.azure.settings()
    listed = (after["ServiceApplicationIds"] or "").split(";")
    assert (set(names) - allowed(harness), set(before) - set(after), harness.leaks()) == (
        set(),
        set(),
        [],
    )
    assert len(listed) == len(set(listed)) == CLIENTS
    if machines == 1:
        now, before_all = (
            len(state["directory"]["applications"]) for state in (harness.state, harness.seed)
        )
        assert now == before_all + CLIENTS + 1


def at_once(harness: Harness, homes: list[Path], commands: list[list[str]]) -> list[Ended]:
    """Start them all, then wait for them all; each home is another machine."""
    processes = []
    for home, words in zip(homes, commands, strict=True):
        harness.home = home
        processes.append(harness.process([*words, "-y", "-o", "json"]))
    ended = [harness.ended(process) for process in processes]
    harness.home = homes[0].parent
    return ended


def allowed(harness: Harness) -> set[str]:
    """The clients that are let in, by name."""
    listed = (harness.inside.azure.settings().get("ServiceApplicationIds") or "").lower().split(";")
    rows = harness.state["directory"]["applications"]
    return {row["displayName"] for row in rows if row["appId"] in listed}


REFERENCE = ("--service-management-reference", "a4b1c2d3-0000-4000-8000-000000000001")
OTHERS = (
    "setup",
    *(f"--client={name}" for name in "ABC"),
    "--managed-identity",
    FUNCTION_APP,
    *REFERENCE,
    *JSON,
)
MANY = cases(12, 50)
LATENCY = 0.1


@pytest.mark.parametrize("seconds", [LATENCY / 2, TENANTS["strict"].directory_write_seconds])
def test_every_write_is_made_once_and_no_object_is_written_by_two_requests_at_once(
    seconds: float, harness: Harness, tmp_path: Path
) -> None:
    """Whoever writes only after the answer to the write before is never refused by a lock shorter
    than the latency.
    """
    state = harness.inside.state
    names = tmp_path / "names"
    names.write_text("\n".join(f"Client {number}" for number in range(MANY)))
    state.directory.variations = replace(TENANTS["strict"], directory_write_seconds=seconds)
    state.latency_seconds = LATENCY
    add = ("add-client", "--from", str(names), *REFERENCE, *JSON)
    for words in (OTHERS, ("rotate-secret", "A", *JSON), add):
        done = harness.run(words)
        assert done.code == 0, done
    state.latency_seconds = 0.0
    writes = [
        request
        for request in harness.inside.log()
        if request.service == "graph" and request.method not in {"GET", "HEAD"}
    ]
    refused = [
        f"{request.method} {request.path} {request.status}"
        for request in writes
        if request.status >= 400
    ]
    assert bool(refused) is (seconds > LATENCY), refused
    clients = [
        application
        for application in state.directory.applications.dump()
        if application["displayName"][:6] in {*"ABC", "Client"}
    ]
    assert [len(client["passwordCredentials"]) for client in clients] == [1] * (3 + MANY)
    principals = {
        principal["id"]: principal["appId"]
        for principal in state.directory.service_principals.dump()
    }
    consented = [
        principals[assignment["principalId"]]
        for assignment in state.directory.assignments.dump()
        if assignment["principalId"] in principals
    ]
    for client in clients:
        assert (
            list(principals.values()).count(client["appId"]),
            consented.count(client["appId"]),
        ) == (1, 1)
    assert (harness.orphans(*"ABC"), harness.leaks()) == ([], [])
    for words in (OTHERS, add):
        assert {change["action"] for change in harness.run(words).document["changes"]} == {"none"}


def test_a_registration_deleted_a_moment_ago_is_restored_once_it_can_be_written(
    harness: Harness,
) -> None:
    harness.inside.state.directory.variations = TENANTS["strict"]
    words = ("setup", "--client", "A", *REFERENCE, *JSON)
    setup = harness.run(words)
    assert harness.run(("teardown", *JSON)).code == 0
    back = harness.run(words)
    assert back.code == 0, back
    ids = [
        {change["appId"] for change in done.document["changes"] if change.get("appId")}
        for done in (setup, back)
    ]
    assert ids[0] == ids[1], "out of the recycle bin"
    assert any(
        request.path.endswith("/restore") and request.status >= 400
        for request in harness.inside.log()
    )
