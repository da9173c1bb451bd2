"""A trust without a client is not all well: nobody can call the API, and status says so."""

from __future__ import annotations

from tests.cli.conftest import Program


def test_status_without_clients_is_a_finding(mct: Program) -> None:
    made = mct("setup", "-y", "-o", "json")
    assert made.code == 0
    assert mct("status", "-o", "json").document["healthy"] is False
    seen = mct("status", "-o", "json")
    assert seen.code == 3
    (finding,) = seen.document["findings"]
    assert (finding["code"], finding["severity"], finding["subject"]) == ("no-clients", "warning", "contosolearn")
    assert finding["remedy"].startswith("mct-s2s add-client NAME -a contosolearn")
    for_people = mct("status")
    assert for_people.code == 3
    assert "No problems found" not in for_people.out


def test_the_first_client_mends_it(mct: Program) -> None:
    assert mct("setup", "-y").code == 0
    assert mct("add-client", "A", "-y").code == 0
    assert mct("status").code == 0
    assert mct("remove-client", "A", "-y").code == 0
    assert mct("status").code == 3


def test_a_managed_identity_is_a_client(mct: Program) -> None:
    assert mct("setup", "--managed-identity", "reports-func", "-y").code == 0
    assert mct("status").code == 0


def test_a_lifetime_without_end_is_not_shown_as_a_date(mct: Program) -> None:
    done = mct("setup", "--client", "A", "--secret-lifetime", "never", "-y")
    assert done.code == 0
    seen = mct("status")
    for text in (done.out, done.err, seen.out):
        assert "2299" not in text
    assert "does not expire" in done.out
