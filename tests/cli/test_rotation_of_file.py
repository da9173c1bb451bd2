"""`rotate-secret -f`: the secrets that a trust file asks for, each into the place that the file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ended
from tests.cli.fleets import Fleet, check_costs, fleet

__all__ = ["fleet"]

SOON = ("--expiring-within", "30d")
ROTATE = (*SOON, "-y", "-o", "json")
DUE = [f"t{tenant}-{number}" for tenant in (1, 2, 3) for number in (1, 2)]


def made(done: Ended) -> dict[str, list[Any]]:
    """The new credentials of each site that could be read."""
    results = {site["site"]: site["result"] for site in done.document["sites"] if site["result"]}
    return {key: [one for one in result["credentials"] if one["created"]] for key, result in results.items()}


def test_each_secret_that_ends_is_replaced_where_the_file_says(fleet: Fleet, tmp_path: Path) -> None:
    place = tmp_path / "own" / "import.env"
    fleet.write(t2_2=f'secret-to = "file:{place}"\nsecret-lifetime = "90d"')
    done = fleet("rotate-secret", *ROTATE)
    assert done.code == 0, done
    found = made(done)
    assert [key for key, credentials in found.items() if credentials] == DUE
    assert all(len(found[key]) == 1 for key in DUE)
    (own,) = found["t2-2"]
    assert own["savedTo"] == f"file:{place}"
    assert f"AZURE_CLIENT_ID={own['appId']}" in place.read_text().replace("'", "")
    assert own["expires"] < found["t1-2"][0]["expires"]
    files = {credential["savedTo"] for key in DUE for credential in found[key]}
    assert len(files) == len(DUE)
    assert all(Path(file.removeprefix("file:")).is_file() for file in files)
    again = fleet("rotate-secret", *ROTATE)
    assert (again.code, [one for credentials in made(again).values() for one in credentials]) == (0, [])


def test_a_site_costs_its_own_requests_and_a_tenant_its_caller(fleet: Fleet) -> None:
    check_costs(lambda *words: fleet("rotate-secret", "--expiring-within", "10d", "-y", *words), fleet.tenants)


def test_a_client_that_the_file_does_not_name_is_said_and_left(fleet: Fleet) -> None:
    told = "Left alone, although a credential expires: 'Other'."
    assert told in " ".join(fleet("rotate-secret", *SOON, "--dry-run", "-q", "--only", "t1-1").out.split())
    done = fleet("rotate-secret", *ROTATE, "--only", "t1-1")
    (site,) = done.document["sites"]
    assert [one["client"] for one in made(done)["t1-1"]] == ["Import 1"]
    notes = [note["text"] for note in site["result"]["notes"]]
    assert any(note.startswith(told) for note in notes)


def test_the_file_stays_when_the_old_secret_goes(fleet: Fleet) -> None:
    """The new secret is in the same file as the one that is removed."""
    only = ("--only", "t1-2", "-y", "-o", "json")
    assert fleet("rotate-secret", *SOON, *only).code == 0
    done = fleet("rotate-secret", "--expiring-within", "400d", "--secret-lifetime", "2y", *only)
    (site,), (credential,) = done.document["sites"], made(done)["t1-2"]
    assert "delete" in [change["action"] for change in site["result"]["changes"]]
    assert Path(credential["savedTo"].removeprefix("file:")).is_file()
    (now,) = fleet("status", "--only", "t1-2", "-o", "json").document["sites"]
    assert now["healthy"]


def test_a_dry_run_writes_nothing_and_tells_each_site(fleet: Fleet) -> None:
    done = fleet("rotate-secret", *SOON, "--dry-run", "-o", "markdown")
    assert done.code == 3
    assert all(f"Plan for {key} (mct-" in done.out for key in DUE)
    assert "3 up to date" in done.out
    assert [row.path for one in fleet.tenants.all for row in one.log() if row.path.endswith("/addPassword")] == []


def test_a_site_that_fails_stops_no_other(fleet: Fleet) -> None:
    second = fleet.tenants.all[1]
    second.azure.misbehave(
        {"match": {"path": "*/sites/mct-2/config/appsettings/list"}, "fault": {"type": "status", "status": 409},
         "times": 99}
    )  # fmt: skip
    done = fleet("rotate-secret", *ROTATE)
    second.azure.behave()
    assert done.code == 1
    failed = [site["site"] for site in done.document["sites"] if site["error"]]
    assert failed == ["t2-2"]
    assert sorted(key for key, credentials in made(done).items() if credentials) == sorted(set(DUE) - {"t2-2"})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "nothing says which of their secrets"),
        (("Import 1", *SOON), "--client cannot be combined with --file"),
        ((*SOON, "--secret-to", "show"), "--secret-to cannot be combined with --file"),
        ((*SOON, "--secret-lifetime", "30d"), "of 'Import 1' at t1-1 would itself expire"),
    ],
)
def test_what_does_not_fit_is_refused(words: tuple[str, ...], told: str, fleet: Fleet) -> None:
    done = fleet("rotate-secret", *words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert fleet.tenants.all[0].log() == []
