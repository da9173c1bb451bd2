"""Many clients in one run: side by side, with one write of the settings, one restart and few requests each."""

from __future__ import annotations

from pathlib import Path

import pytest
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.state import seed

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


def test_the_second_run_changes_nothing(mct: Program, inside: Inside, listed: Path) -> None:
    assert mct("setup", *JSON).code == 0
    assert mct("add-client", "--from", str(listed), *JSON).code == 0
    inside.pipeline.observability.log.clear()
    again = mct("add-client", "--from", str(listed), *JSON)
    assert (again.code, [row.path for row in inside.log() if row.wrote]) == (0, [])
    assert sum(row.path.endswith("/$batch") for row in inside.log()) == 1, "19 registrations are read in one request"


def test_a_column_counts_for_its_client_and_an_option_for_all_others(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "clients.csv"
    file.write_text("name,credential,github,secret-lifetime\nA,,,90d\nB,federated,octo/reports,\nC,none,,\n")
    assert mct("setup", *JSON).code == 0
    done = mct("add-client", "--from", str(file), "--secret-lifetime", "2y", *JSON)
    assert done.code == 0, done
    assert [one["client"] for one in done.made] == ["A", "B"]
    (a,), (b,), (c,) = (azure.applications(name) for name in "ABC")
    assert (len(a["passwordCredentials"]), len(b["passwordCredentials"]), len(c["passwordCredentials"])) == (1, 0, 0)
    (federated,) = azure.graph("GET", f"/applications/{b['id']}/federatedIdentityCredentials")["value"]
    assert federated["subject"] == "repo:octo/reports:ref:refs/heads/main"


def test_each_client_of_a_file_has_a_place_of_its_own(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    file, folder = tmp_path / "clients.csv", tmp_path / "data" / "mct-s2s" / "secrets"
    rows = (f"In a vault,keyvault:{seed.VAULT}", f"In a file,file:{folder}/of-its-own.env", "As the others,")
    file.write_text("\n".join(("name,secret-to", *rows)))
    assert mct("setup", *JSON).code == 0
    done = mct("add-client", "--from", str(file), "--secret-to", f"file:{folder}/usual.env", *JSON)
    assert done.code == 0, done
    saved = {one["client"]: one["savedTo"] for one in done.made}
    assert saved.pop("In a vault").startswith(f"keyvault:{seed.VAULT}/mct-s2s-contosolearn-in-a-vault-")
    assert saved == {
        "In a file": f"file:{folder}/of-its-own.env",
        "As the others": f"file:{folder}/usual.env",
    }


def test_two_rows_never_name_one_place(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "clients.csv"
    file.write_text(f"name,secret-to\nA,file:{tmp_path}/a.env\nB,file:{tmp_path}/./a.env\n")
    azure.forget()
    done = mct("add-client", "--from", str(file), *JSON)
    assert (done.code, done.document["error"]["code"], azure.log()) == (2, "secret-place-shared", [])


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("A,certificate,octo/reports", "line 2: --github requires --credential federated"),
        ("A,password,", "line 2: Invalid credential 'password'."),
    ],
)
def test_a_mistake_in_a_row_is_told_with_its_line_and_nothing_is_sent(
    mct: Program, azure: Sandbox, tmp_path: Path, row: str, told: str
) -> None:
    file = tmp_path / "clients.csv"
    file.write_text(f"name,credential,github\n{row}\n")
    azure.forget()
    done = mct("add-client", "--from", str(file), *JSON)
    assert (done.code, azure.log()) == (2, [])
    assert told in done.document["error"]["message"]


def test_a_limit_of_graph_is_waited_for_and_said_and_no_client_fails(
    mct: Program, azure: Sandbox, inside: Inside, listed: Path
) -> None:
    assert mct("setup", *JSON).code == 0
    inside.time.move_to(inside.time.seconds + 150)  # the next window
    inside.state.directory.request_quota.change({"graphWrites": 30})
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
