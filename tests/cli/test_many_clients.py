"""Many clients in one run: side by side, with one write of the settings, one restart and few requests each."""

from __future__ import annotations

from pathlib import Path

import pytest
from mct_s2s.sandbox.entra import seeding

from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox
from tests.support.sandbox_inside import Inside

JSON = ("-y", "-o", "json")
MANY = 18


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    file = tmp_path / "clients.txt"
    file.write_text("\n".join(f"Client {number}" for number in range(MANY)))
    return file


def test_many_clients_take_four_requests_each_one_write_and_one_restart(
    mct: Program, azure: Sandbox, inside: Inside, listed: Path
) -> None:
    assert mct("setup", *JSON).code == 0
    before = len(azure.writes())
    inside.pipeline.observability.log.clear()
    done = mct("add-client", "--from", str(listed), "--no-verify", *JSON)
    assert done.code == 0, done
    assert len(done.made) == MANY
    assert len((azure.settings()["ServiceApplicationIds"] or "").split(";")) == MANY
    rows = inside.log()
    of_clients = [row for row in rows if row.service == "graph" and row.wrote]
    assert len(of_clients) == 4 * MANY, before
    assert sum(row.path.endswith("/config/appsettings") for row in rows) == 1
    assert sum(row.path.endswith("/restart") for row in rows) == 1
    assert len(rows) <= 4 * MANY + 40, "what does not grow with every client"


def test_a_limit_of_graph_is_waited_for_and_said_and_no_client_fails(
    mct: Program, azure: Sandbox, inside: Inside, listed: Path
) -> None:
    assert mct("setup", *JSON).code == 0
    inside.time.move_to(inside.time.seconds + 150)  # the next window
    limit = {"type": "status", "status": 429, "retryAfter": 150}
    azure.misbehave({"match": {"service": "Graph", "writes": True}, "every": 31, "fault": limit})
    done = mct("add-client", "--from", str(listed), "--no-verify", *JSON)
    assert done.code == 0, done
    assert len((azure.settings()["ServiceApplicationIds"] or "").split(";")) == MANY
    allowed = 150 * (4 * MANY // 30)
    assert allowed <= done.seconds <= 1.2 * allowed
    assert done.err.count("Microsoft Graph limits requests: waiting 150 s.") == 4 * MANY // 30


def test_a_thousand_clients_are_read_in_a_few_requests(mct: Program, azure: Sandbox, inside: Inside) -> None:
    assert mct("setup", *JSON).code == 0
    made = [seeding.add_application(inside.state.directory, f"Client {number}", secret="s") for number in range(1000)]
    site = inside.state.resources.sites[SITE.lower()]
    site.settings = {**site.settings, "ServiceApplicationIds": ";".join(app["appId"] for app, _ in made)}
    inside.pipeline.observability.log.clear()
    done = mct("status", "-o", "json")
    assert (done.code, len(done.document["clients"])) == (3, 1000), "none of them has the role"
    assert len(inside.log()) <= 25
