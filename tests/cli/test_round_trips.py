"""How many requests a command sends, and how many of them wait for one another: neither may creep
up.

Time is simulated, so the second number is exact: the slope of a run's time over the time that each
request takes. The reading of a cloud's endpoints is left out: the public cloud needs none.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from mct_s2s.sandbox.entra import seeding

from tests.cli.conftest import Program
from tests.conftest import FUNCTION_APP, SITE, Sandbox
from tests.support.sandbox_inside import Inside

SECONDS = 10.0
"""For each request: long beside anything else that a command waits for."""
SETUP = ("setup", "--client", "One", "-y", "--no-verify")
WITH_IDENTITY = (*SETUP, "--managed-identity", "reports-func")
DISCOVERY = 1
MANY = 18


@dataclass(frozen=True)
class Cost:
    """Of one command: everything it sends, sign-in and reading back included."""

    requests: int
    depth: int


@dataclass
class Measured:
    """A command in a state, with and without latency."""

    mct: Program
    inside: Inside
    home: Path
    kept: Path

    def cost(self, *words: str) -> Cost:
        """Run it twice from the same state; the state is then as after the command."""
        before = self.inside.keep()
        times = []
        counts = []
        shutil.rmtree(self.kept, ignore_errors=True)
        shutil.copytree(self.home, self.kept)
        for seconds in (0.0, SECONDS):
            shutil.rmtree(self.home)
            shutil.copytree(self.kept, self.home)
            self.inside.become(before)
            self.inside.state.latency_seconds = seconds
            done = self.mct(*words, "--timeout", "3000")
            self.inside.state.latency_seconds = 0.0
            assert done.code == 0, done
            times.append(done.seconds)
            counts.append(len(self.inside.log()) - DISCOVERY)
        assert counts[0] == counts[1]
        return Cost(counts[0], round((times[1] - times[0]) / SECONDS) - DISCOVERY)


@pytest.fixture
def measured(
    mct: Program, inside: Inside, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Measured:
    return Measured(mct, inside, tmp_path, tmp_path_factory.mktemp("kept") / "home")


def costs_of_commands(measured: Measured) -> dict[str, Cost]:
    """What a setup and the commands after it cost, in this order."""
    return {
        "setup": measured.cost(*WITH_IDENTITY),
        "setup again": measured.cost(*WITH_IDENTITY),
        "status": measured.cost("status"),
        "status --all": measured.cost("status", "--all"),
        "add-client": measured.cost("add-client", "Two", "-y", "--no-verify"),
        "verify": measured.cost("verify"),
        "doctor": measured.cost("doctor"),
    }


@pytest.mark.as_administrator(
    "the targets are an administrator's, who asks least: a pipeline's are below"
)
def test_setup_and_the_commands_after_it_take_the_known_number_of_requests(
    measured: Measured,
) -> None:
    costs = costs_of_commands(measured)
    assert costs == {
        "setup": Cost(38, 9),  # its managed identity is looked up by name
        "setup again": Cost(32, 3),
        "status": Cost(15, 3),
        "status --all": Cost(19, 7),
        "add-client": Cost(36, 9),
        "verify": Cost(20, 5),
        "doctor": Cost(26, 3),
    }


@pytest.mark.parametrize("words", [SETUP, (*SETUP, "--managed-identity", FUNCTION_APP)])
def test_setup_as_a_pipeline_is_two_rows_deeper_than_an_administrators(
    measured: Measured, words: tuple[str, ...]
) -> None:
    """What the subscription hides is found otherwise beside the look for registrations that an
    interrupted run has not named; the name of a registration is a request of its own.
    """
    assert measured.cost(*words).depth == 10


@pytest.mark.parametrize(
    ("words", "cost"),
    [
        (SETUP, Cost(33, 8)),
        ((*SETUP, "--managed-identity", FUNCTION_APP), Cost(37, 8)),  # it need not be looked up
    ],
)
@pytest.mark.as_administrator(
    "the targets are an administrator's, who asks least: a pipeline's are below"
)
def test_setup_of_parts_takes_fewer_requests(
    measured: Measured, words: tuple[str, ...], cost: Cost
) -> None:
    assert measured.cost(*words) == cost


@pytest.mark.as_administrator(
    "the targets are an administrator's, who asks least: a pipeline's are below"
)
def test_setup_with_a_named_place_waits_for_the_note_of_its_secret_alone(
    measured: Measured,
) -> None:
    """Two requests after one another: the tag that notes it, and a look whether it stayed."""
    place = f"file:{measured.home / 'one.env'}"
    assert measured.cost(*SETUP, "--secret-to", place) == Cost(37, 10)


@pytest.mark.as_administrator(
    "the targets are an administrator's, who asks least: a pipeline's are below"
)
def test_rotation_and_removals_take_the_known_number_of_requests(measured: Measured) -> None:
    measured.cost(*WITH_IDENTITY)
    costs = {
        "rotate-secret": measured.cost("rotate-secret", "One", "-y"),
        "remove-client": measured.cost("remove-client", "One", "-y"),
        "teardown": measured.cost("teardown", "-y"),
    }
    # What signs in as a client is looked at before it is deleted.
    assert costs == {
        "rotate-secret": Cost(37, 8),
        "remove-client": Cost(41, 12),
        "teardown": Cost(37, 12),
    }


def test_a_pipeline_takes_the_known_number_of_requests(measured: Measured) -> None:
    """It registers first and names afterwards, and reads what the subscription hides elsewhere."""
    costs = {
        **costs_of_commands(measured),
        "rotate-secret": measured.cost("rotate-secret", "One", "-y"),
        "remove-client": measured.cost("remove-client", "One", "-y"),
        "teardown": measured.cost("teardown", "-y"),
    }
    assert costs == {
        "setup": Cost(46, 11),
        "setup again": Cost(35, 4),
        "status": Cost(16, 3),
        "status --all": Cost(20, 8),
        "add-client": Cost(40, 10),
        "verify": Cost(21, 5),
        "doctor": Cost(28, 3),
        "rotate-secret": Cost(39, 8),
        "remove-client": Cost(43, 12),
        "teardown": Cost(50, 15),
    }


# many clients in one run: side by side, with one write of the settings, one restart and few
# requests each


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    file = tmp_path / "clients.txt"
    file.write_text("\n".join(f"Client {number}" for number in range(MANY)))
    return file


@pytest.mark.as_administrator(
    "the targets are an administrator's, who asks least: a pipeline's are below"
)
def test_many_clients_take_four_requests_each_one_write_and_one_restart(
    mct: Program, azure: Sandbox, inside: Inside, listed: Path
) -> None:
    assert mct("setup", "-y").code == 0
    before = len(azure.writes())
    inside.pipeline.observability.log.clear()
    done = mct("add-client", "--from", str(listed), "--no-verify", "-y", "-o", "json")
    assert done.code == 0, done
    assert len(done.made) == MANY
    assert len((azure.settings()["ServiceApplicationIds"] or "").split(";")) == MANY
    rows = inside.log()
    of_clients = [row for row in rows if row.service == "graph" and row.wrote]
    assert len(of_clients) == 4 * MANY, before
    assert sum(row.path.endswith("/config/appsettings") for row in rows) == 1
    assert sum(row.path.endswith("/restart") for row in rows) == 1
    assert len(rows) <= 4 * MANY + 40, "what does not grow with every client"


@pytest.mark.as_administrator(
    "the targets are an administrator's, who asks least: a pipeline's are below"
)
def test_many_clients_of_a_first_setup_take_four_requests_each_too(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    """They wait for the service application, and name it in their creation."""
    named = [word for number in range(MANY) for word in ("--client", f"Client {number}")]
    done = mct("setup", *named, "--no-verify", "-y", "-o", "json")
    assert done.code == 0, done
    of_clients = [row for row in inside.log() if row.service == "graph" and row.wrote]
    assert len(of_clients) == 4 * MANY + 3, "beside the three of the service application"
    clients = [row for row in azure.made_by_us() if row["displayName"].startswith("Client ")]
    assert [len(client["requiredResourceAccess"]) for client in clients] == [1] * MANY
    azure.forget()
    assert mct("setup", *named, "--no-verify", "-y").code == 0
    assert [write for write in azure.writes() if not write.endswith("/$batch")] == []


def test_many_clients_take_five_requests_each_as_a_pipeline(
    mct: Program, inside: Inside, listed: Path
) -> None:
    """It names each registration after it has registered it, and looks in batches for those that an
    interrupted run has not named.
    """
    assert mct("setup", "-y").code == 0
    inside.pipeline.observability.log.clear()
    assert mct("add-client", "--from", str(listed), "--no-verify", "-y").code == 0
    rows = [row for row in inside.log() if row.service == "graph"]
    assert sum(row.wrote for row in rows) == 5 * MANY
    assert len(rows) <= 5 * MANY + 20, "what does not grow with every client"


def test_many_clients_of_a_first_setup_take_five_requests_each_as_a_pipeline(
    mct: Program, inside: Inside
) -> None:
    named = [word for number in range(MANY) for word in ("--client", f"Client {number}")]
    assert mct("setup", *named, "--no-verify", "-y").code == 0
    rows = [row for row in inside.log() if row.service == "graph"]
    assert sum(row.wrote for row in rows) == 5 * MANY + 4, "the service application's are four"
    assert len(rows) <= 5 * MANY + 20, "what does not grow with every client"


def test_a_throttle_of_graph_is_waited_for_and_said(
    mct: Program, azure: Sandbox, inside: Inside, listed: Path
) -> None:
    assert mct("setup", "-y").code == 0
    inside.time.move_to(inside.time.seconds + 150)  # the next window
    limit = {"type": "status", "status": 429, "retryAfter": 150}
    azure.misbehave({"match": {"service": "Graph", "writes": True}, "every": 31, "fault": limit})
    done = mct("add-client", "--from", str(listed), "--no-verify", "-y", "-o", "json")
    assert done.code == 0, done
    assert len((azure.settings()["ServiceApplicationIds"] or "").split(";")) == MANY
    allowed = 150 * (4 * MANY // 30)
    assert allowed <= done.seconds <= 1.2 * allowed
    assert done.err.count("Microsoft Graph limits requests: waiting 150 s.") == 4 * MANY // 30


def test_a_thousand_clients_are_read_in_a_few_requests(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    assert mct("setup", "-y").code == 0
    applications = [
        seeding.add_application(inside.state.directory, f"Client {number}", secret="s")
        for number in range(1000)
    ]
    site = inside.state.resources.sites[SITE.lower()]
    site.settings = {
        **site.settings,
        "ServiceApplicationIds": ";".join(app["appId"] for app, _ in applications),
    }
    inside.pipeline.observability.log.clear()
    done = mct("status", "-o", "json")
    assert (done.code, len(done.document["clients"])) == (3, 1000), "none of them has the role"
    assert len(inside.log()) <= 25
