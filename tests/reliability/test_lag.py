"""The directory's replicas lag: waited for, never taken for a reason to make something twice.

What was deleted moments ago is shown by replicas that lag: nothing rests on it, and no command
calls it a trust. Time is simulated: twenty seconds of lag are waited for, and take none.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import median

import pytest
from mct_s2s.sandbox.observability.exchange import Entry

from tests.conftest import MACHINE, SITE
from tests.reliability.harness import Harness
from tests.support.person import sign_in_as
from tests.support.sampling import sampled

SETUP = (
    "setup",
    "--client",
    "One",
    "--client",
    "Two",
    "--managed-identity",
    MACHINE,
    "-y",
    "-o",
    "json",
)
ONE = ("setup", "--client", "One", "-y", "-o", "json")
MODES = ("replicas", "adversarial")


@contextmanager
def lagging(harness: Harness, seconds: float, mode: str) -> Iterator[None]:
    """Let replicas lag by so many seconds."""
    state = harness.inside.state
    state.turn({"lagSeconds": seconds, "lagJitter": 0.5, "lagMode": mode})
    try:
        yield
    finally:
        state.turn({"lagSeconds": 0.0, "lagMode": "replicas"})


@pytest.fixture(scope="module")
def clean() -> dict[str, Counter[str]]:
    """What a run without lag leads to."""
    return {}


@pytest.mark.parametrize(
    ("seconds", "mode"), sampled(list(product([1, 5, 20], MODES)), 2, salt="lag")
)
def test_lag_is_waited_for_and_nothing_is_made_twice(
    seconds: float, mode: str, harness: Harness, clean: dict[str, Counter[str]], tmp_path: Path
) -> None:
    if not clean:
        assert harness.run(SETUP).code == 0
        clean["world"] = harness.normalized()
        shutil.rmtree(harness.home)
        harness.go_to(harness.seed, tmp_path / "lagging")
    with lagging(harness, seconds, mode):
        first = harness.run(SETUP)
        assert first.code == 0, first.out
        second = harness.run(SETUP)
        assert second.code == 0, second.out
        harness.inside.state.clock.advance(2 * seconds)
    rows = harness.inside.log()
    secrets = sum(row.path.endswith("/addPassword") and row.status == 200 for row in rows)
    restarts = sum(row.path.endswith("/restart") for row in rows)
    now = harness.normalized()
    assert (secrets, restarts) == (2, 1)
    assert (clean["world"] - now, now - clean["world"]) == (Counter(), Counter())
    assert (harness.orphans("One", "Two"), harness.leaks()) == ([], [])
    harness.inside.pipeline.observability.log.clear()
    third = harness.run(SETUP)
    assert {change["action"] for change in third.document["changes"]} == {"none"}
    assert not any(row.wrote for row in harness.inside.log())


@pytest.mark.parametrize("lag", sampled([1.0, 5.0, 15.0], 1, salt="cost of lag"))
def test_a_run_takes_little_longer_than_its_replicas(
    lag: float, harness: Harness, tmp_path: Path
) -> None:
    """Each write reaches each replica after 5 to 100 % of the lag, by chance: the middle one of
    many runs takes less than 1.6 times the lag and a second longer, one of a few by chance more.
    """
    words = ("setup", "--client", "One", "--managed-identity", "reports-func", "-y")
    without = harness.run(words).seconds
    costs = list[float]()
    for chance in range(1, 10):
        harness.go_to(harness.seed, tmp_path / f"lagging {chance}")
        harness.inside.state.turn(
            {
                "lagSeconds": 0.525 * lag,
                "lagJitter": 0.905,
                "lagMode": "replicas",
                "lagSeed": chance,
            }
        )
        lagging = harness.run(words)
        harness.inside.state.turn({"lagSeconds": 0.0})
        assert lagging.code == 0, lagging
        costs.append(lagging.seconds - without)
    bound = 1.6 * lag + 1
    assert (median(costs) <= 1.1 * bound, max(costs) <= 1.5 * bound) == (True, True), costs


@pytest.mark.parametrize(
    ("chance", "restored"), [(1, False), (4, False), (6, False), (4, True), (6, True)]
)
def test_who_may_change_only_its_own_waits_for_its_registration(
    chance: int, restored: bool, harness: Harness
) -> None:
    """The replica that refuses the service principal may be ahead of the one that is asked for the
    registration.
    """
    graph = ("Application.Read.All", "Organization.Read.All", "Application.ReadWrite.OwnedBy")
    consents = "AppRoleAssignment.ReadWrite.All"
    arm = [("Website Contributor", SITE)]
    harness.caller = harness.inside.azure.caller(*graph, consents, arm=arm)
    words = ("setup", "-a", SITE, "--client", "One", "-y", "-o", "json", "--no-verify")
    if restored:  # without its service principal
        assert harness.run(words).code == 0
        (one,) = harness.inside.azure.applications("One")
        azure = harness.inside.azure
        principal = azure.graph("GET", f"/servicePrincipals(appId='{one['appId']}')")["id"]
        azure.graph("DELETE", f"/applications/{one['id']}")
        azure.graph("DELETE", f"/directory/deletedItems/{principal}")
    harness.inside.state.turn({"lagSeed": chance})
    with lagging(harness, 12, "replicas"):
        done = harness.run(words)
    assert done.code == 0, done


def test_a_secret_whose_answer_was_lost_and_that_a_replica_did_not_show_is_gone_in_the_end(
    harness: Harness,
) -> None:
    """It is looked for and not seen, so that another is made: two of one name, of which the next
    run removes one.
    """
    harness.inside.azure.misbehave(
        {"match": {"path": "*/addPassword"}, "times": 1, "fault": {"type": "lostAnswer"}}
    )
    with lagging(harness, 20, "adversarial"):
        assert harness.run(ONE).code == 0
        harness.inside.state.clock.advance(40)
    assert harness.run(ONE).code == 0
    assert (harness.orphans("One"), harness.leaks()) == ([], [])


# what was deleted


ADD = ("add-client", "One", "-y", "-o", "json")
AGAIN = {
    "setup after teardown": (("teardown", "-y"), ONE),
    "setup after teardown --purge": (("teardown", "-y", "--purge"), ONE),
    "add-client after remove-client": (("remove-client", "One", "-y"), ADD),
    "add-client after remove-client --purge": (("remove-client", "One", "-y", "--purge"), ADD),
}


@pytest.mark.parametrize(
    ("seconds", "mode", "again"),
    sampled(list(product([1, 6, 20], MODES, AGAIN)), 2, salt="lag of removals"),
)
def test_a_deleted_registration_is_not_taken_for_existing(
    seconds: float, mode: str, again: str, harness: Harness
) -> None:
    removal, addition = AGAIN[again]
    assert harness.run(ONE).code == 0
    harness.inside.state.clock.advance(60)
    with lagging(harness, seconds, mode):
        assert harness.run(removal).code == 0
        added = harness.run(addition)
        harness.inside.state.clock.advance(2 * seconds)
    assert added.code == 0, added
    assert added.document["verification"] is not None
    assert harness.calls()["one"] == 200
    second = harness.run(addition)
    assert second.code == 0
    assert {change["action"] for change in second.document["changes"]} == {"none"}
    assert (harness.orphans("One"), harness.leaks()) == ([], [])


AT_ONCE = {
    "setup after teardown": (("teardown", "-y"), ONE) * 2,
    "setup after teardown --purge": (("teardown", "-y", "--purge"), ONE) * 2,
    "add-client after remove-client": (("remove-client", "One", "-y"), ADD) * 2,
    "add-client after remove-client --purge": (("remove-client", "One", "-y", "--purge"), ADD) * 2,
    "add-client after setup after teardown": (
        ("teardown", "-y"),
        ("setup", "-y", "-o", "json"),
        ADD,
    ),
}
CALLERS = ("a person", "a person on new machines", "a program", "a pipeline")
AGAIN_AT_ONCE = list(product([1, 3, 8], range(1, 5), [False, True], CALLERS, AT_ONCE))


def signed_in_as(caller: str, harness: Harness, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Let commands be run by this caller; the options that a command takes for it."""
    azure = harness.inside.azure
    if caller == "a pipeline":
        graph = ("Application.Read.All", "Organization.Read.All", "Application.ReadWrite.OwnedBy")
        arm = [("Website Contributor", SITE)]
        harness.caller = azure.caller(*graph, "AppRoleAssignment.ReadWrite.All", arm=arm)
    if not caller.startswith("a person"):
        return ()
    address = azure.person("casey", arm=[("Owner", f"/subscriptions/{azure.subscription_id}")])
    azure.give_directory_role(address, "Cloud Application Administrator")
    harness.caller = {"AZURE_CLIENT_ID": "", "AZURE_CLIENT_SECRET": ""}
    sign_in_as(patch, azure, address)
    return "--auth", "device-code"


@pytest.mark.parametrize(
    ("seconds", "chance", "is_name_hidden", "caller", "again"),
    sampled(AGAIN_AT_ONCE, 4, of_all=80, salt="again at once"),
)
def test_what_was_removed_seconds_ago_is_made_again(
    seconds: float,
    chance: int,
    is_name_hidden: bool,
    caller: str,
    again: str,
    harness: Harness,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twice, so that replicas show what was there at four moments.

    Some have a new machine for each command. Each write reaches the last replica after 1.5 times
    the lag: three such waits follow one another, of what is gone, restored and delivered.
    """
    longest = 3 * 1.5 * seconds + 15
    azure = harness.inside.azure
    options = ("-a", SITE, *signed_in_as(caller, harness, monkeypatch))
    assert harness.run((*ONE, *options)).code == 0
    azure.advance(11 * 60)  # nothing is young by its date
    azure.vary(deleted_without_unique_name=is_name_hidden)
    harness.inside.state.turn({"lagSeed": chance})
    with lagging(harness, seconds, "replicas"):
        for at, words in enumerate(AT_ONCE[again]):
            if caller in {"a pipeline", "a person on new machines"}:
                harness.home = tmp_path / f"machine {at}"
                harness.home.mkdir()
            done = harness.run((*words, *options))
            assert (done.code, done.seconds < longest) == (0, True), done
        harness.inside.state.clock.advance(2 * seconds)
    there = [
        one["displayName"]
        for one in harness.state["directory"]["applications"]
        if not one["deletedDateTime"]
    ]
    assert (there.count("One"), there.count("MCT service (contosolearn)")) == (1, 1)
    assert harness.calls()["one"] == 200
    assert (harness.orphans("One"), harness.leaks()) == ([], [])


@pytest.mark.parametrize("again", ["setup after teardown", "add-client after remove-client"])
def test_a_registration_made_under_a_taken_name_is_withdrawn_while_the_deleted_one_is_restored(
    again: str, harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may change only what it owns learns that a name is taken after it has registered."""
    azure = harness.inside.azure
    options = ("-a", SITE, *signed_in_as("a pipeline", harness, monkeypatch))
    assert harness.run((*ONE, *options)).code == 0
    azure.advance(11 * 60)
    with lagging(harness, 8, "adversarial"):
        for at, words in enumerate(AGAIN[again]):
            harness.home = tmp_path / f"machine {at}"
            harness.home.mkdir()
            done = harness.run((*words, *options))
            assert (done.code, done.seconds < 25) == (0, True), done
        harness.inside.state.clock.advance(20)
    names = [one["displayName"] for one in harness.state["directory"]["applications"]]
    assert names.count("One") == 1
    assert harness.calls()["one"] == 200
    assert (harness.orphans("One"), harness.leaks()) == ([], [])


def test_what_was_deleted_with_its_consents_is_set_up_again(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its role comes back assigned to the client that comes back with it, perhaps a moment
    later.
    """
    azure = harness.inside.azure
    options = signed_in_as("a person", harness, monkeypatch)
    assert harness.run((*ONE, *options)).code == 0
    settings = {
        name: value for name, value in azure.settings().items() if not name.startswith("Service")
    }
    azure.write_settings(settings)
    for name in ("MCT service (contosolearn)", "One"):
        azure.graph("DELETE", f"/applications/{azure.applications(name)[0]['id']}")
    harness.home = tmp_path / "another machine"
    harness.home.mkdir()
    done = harness.run((*ONE, *options))
    assert done.code == 0, done
    assert harness.calls()["one"] == 200
    assert (harness.orphans("One"), harness.leaks()) == ([], [])


def test_a_service_application_that_no_replica_shows_yet_is_waited_for(harness: Harness) -> None:
    """The App Service's settings name it, and they never lag."""
    azure = harness.inside.azure
    looks = list[Entry]()
    assert harness.run(("setup", "-y")).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    principal = azure.graph("GET", f"/servicePrincipals(appId='{service['appId']}')")
    azure.graph("DELETE", f"/applications/{service['id']}")

    async def show_it(entry: Entry) -> None:
        looks.extend(
            [entry]
            if entry.path.endswith("/applications(uniqueName='mct-s2s-contosolearn')")
            else []
        )
        if len(looks) == 3:
            harness.inside.leave_alone()
            for half in (service, principal):
                await asyncio.to_thread(
                    azure.graph, "POST", f"/directory/deletedItems/{half['id']}/restore"
                )

    harness.inside.hooks.before.append(show_it)
    assert harness.run(ADD).code == 0


def test_a_client_of_which_a_replica_shows_one_half_is_removed_with_the_rest(
    harness: Harness, tmp_path: Path
) -> None:
    """Nothing on this machine speaks for it, so that its owners are asked for; of one half, a
    replica knows none.
    """
    azure = harness.inside.azure
    assert harness.run(ONE).code == 0
    (client,) = azure.applications("One")
    principal = azure.graph("GET", f"/servicePrincipals(appId='{client['appId']}')")["id"]
    for given in azure.graph("GET", f"/servicePrincipals/{principal}/appRoleAssignments")["value"]:
        azure.graph("DELETE", f"/servicePrincipals/{principal}/appRoleAssignments/{given['id']}")
    harness.home = tmp_path / "another machine"
    harness.home.mkdir()
    fault = {"type": "status", "status": 404, "code": "Request_ResourceNotFound"}
    path = f"*/servicePrincipals/{principal}/owners"
    azure.misbehave({"match": {"method": "GET", "path": path}, "times": 1, "fault": fault})
    assert harness.run(("teardown", "-y")).code == 0
    assert azure.applications("One") == []


def test_a_client_whose_consent_no_replica_shows_yet_is_removed(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another machine, only the consent tells it from a registration with anyone's secret."""
    azure = harness.inside.azure
    options = signed_in_as("a person", harness, monkeypatch)
    assert harness.run((*ONE, *options)).code == 0
    (client,) = azure.applications("One")
    principal = azure.graph("GET", f"/servicePrincipals(appId='{client['appId']}')")["id"]
    (given,) = azure.graph("GET", f"/servicePrincipals/{principal}/appRoleAssignments")["value"]
    azure.graph("DELETE", f"/servicePrincipals/{principal}/appRoleAssignments/{given['id']}")
    harness.home = tmp_path / "another machine"
    looks = list[Entry]()
    harness.home.mkdir()

    async def show_the_consent(entry: Entry) -> None:
        looks.extend([entry] if entry.path.endswith(f"/applications/{client['id']}/owners") else [])
        if len(looks) == 3:
            harness.inside.leave_alone()
            body = {name: given[name] for name in ("principalId", "resourceId", "appRoleId")}
            path = f"/servicePrincipals/{principal}/appRoleAssignments"
            await asyncio.to_thread(azure.graph, "POST", path, json=body)

    harness.inside.hooks.before.append(show_the_consent)
    assert harness.run(("teardown", "-y", *options)).code == 0
    assert (len(looks), azure.applications("One")) == (3, [])


def test_a_registration_that_is_not_ours_while_a_replica_shows_it_is_read_again(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was deleted seconds ago, on another machine: until that shows, it is a registration that
    anyone may have.
    """
    azure = harness.inside.azure
    options = signed_in_as("a person", harness, monkeypatch)
    assert harness.run((*ONE, *options)).code == 0
    (client,) = azure.applications("One")
    azure.advance(11 * 60)
    settings = {
        name: value for name, value in azure.settings().items() if not name.startswith("Service")
    }
    azure.write_settings(settings)
    azure.graph(
        "DELETE", f"/applications/{azure.applications('MCT service (contosolearn)')[0]['id']}"
    )
    harness.home = tmp_path / "another machine"
    looks = list[Entry]()
    harness.home.mkdir()

    async def show_the_deletion(entry: Entry) -> None:
        looks.extend([entry] if entry.path.endswith(f"/applications/{client['id']}/owners") else [])
        if len(looks) == 3:
            harness.inside.leave_alone()
            await asyncio.to_thread(azure.graph, "DELETE", f"/applications/{client['id']}")

    harness.inside.hooks.before.append(show_the_deletion)
    done = harness.run((*ONE, *options))
    assert (done.code, len(looks)) == (0, 3), done
    assert harness.calls()["one"] == 200


@pytest.mark.parametrize(
    "removal",
    [
        ("teardown", "-y"),
        ("teardown", "-y", "--purge"),
        ("remove-client", "One", "--keep-registration", "-y"),
    ],
)
def test_a_client_that_is_gone_and_still_shown_is_removed(
    removal: tuple[str, ...], harness: Harness
) -> None:
    assert harness.run(ONE).code == 0
    harness.inside.state.clock.advance(60)
    with lagging(harness, 8, "replicas"):
        assert harness.run(("remove-client", "One", "-y", *removal[2:3])).code == 0
        removed = harness.run((*removal, "-o", "json"))
        assert (removed.code, removed.seconds < 60) == (0, True), removed
    if "--purge" in removal:
        harness.inside.state.clock.advance(30)
        bin_ = "/directory/deletedItems/microsoft.graph.application"
        assert harness.inside.azure.graph("GET", bin_)["value"] == []


@pytest.mark.parametrize(("named", "code"), [(False, "registration-in-doubt"), (True, None)])
def test_a_registration_that_refuses_writes_is_said_unless_the_site_names_it(
    named: bool, code: str | None, harness: Harness
) -> None:
    """A registration that only a read speaks for is written before anything rests on it."""
    azure = harness.inside.azure
    assert harness.run(("setup", "-y")).code == 0
    if not named:
        settings = {
            name: value
            for name, value in azure.settings().items()
            if not name.startswith("Service")
        }
        azure.write_settings(settings)
    (service,) = azure.applications("MCT service (contosolearn)")
    fault = {"type": "status", "status": 404, "code": "Request_ResourceNotFound"}
    azure.misbehave(
        {"match": {"method": "PATCH", "path": f"*/applications/{service['id']}"}, "fault": fault}
    )
    azure.forget()
    done = harness.run(("setup", "--client", "One", "--timeout", "30", "-y", "-o", "json"))
    azure.behave()
    assert done.document.get("error", {}).get("code") == code
    assert bool([entry for entry in harness.inside.log() if entry.wrote]) is named
