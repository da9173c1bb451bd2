"""`-o csv`: read back cell by cell, and nothing in it is a formula."""

import csv
import io
import re

import pytest
from mct_s2s.plain_text import plain
from mct_s2s.render.exports import COLUMNS, as_csv, cell

from tests.planning.scenarios import complete, guid, with_credentials
from tests.render.examples import IDENTITY, WHERE
from tests.render.exports.hostile_reports import COMMON, FORMULAS, report
from tests.render.reports import one, several


def rows(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff"), "Excel reads another encoding than UTF-8 without it"
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_the_header_is_what_spreadsheets_rely_on() -> None:
    text = as_csv(one())
    assert text.splitlines()[0] == (
        "\ufeffappService,resourceGroup,subscription,client,id,kind,name,keyId,expires,daysLeft,state,canCall,message,"
        "command"
    )
    assert text.count("\r\n") == text.count("\n") == len(rows(text)) + 1


def test_each_credential_has_a_row_with_its_end_and_the_command() -> None:
    found = {row["client"]: row for row in rows(as_csv(one())) if row["kind"] == "secret"}
    assert {name: (row["state"], row["daysLeft"]) for name, row in found.items()} == {
        "Import": ("valid", "400"),
        "Nightly": ("expiring", "20"),
        "Reports": ("expired", "-20"),
    }
    assert found["Nightly"]["command"] == f"mct-s2s rotate-secret {guid('Nightly')} {WHERE}"
    assert found["Nightly"]["expires"] == "2026-12-14T12:00:00Z"
    assert found["Nightly"]["appService"] == "contosolearn"
    who = {row["client"]: row["canCall"] for row in rows(as_csv(one())) if row["kind"] != "finding"}
    assert who == {"Import": "yes", "Nightly": "yes", "Reports": "no", "reports-func": "yes"}


def test_identities_findings_and_what_could_not_be_read_have_rows_of_their_own() -> None:
    found = rows(as_csv(several()))
    kinds = {row["kind"] for row in found}
    assert kinds == {"secret", "managedIdentity", "finding", "failed"}
    (identity,) = [row for row in found if row["kind"] == "managedIdentity"]
    assert (identity["client"], identity["id"]) == ("reports-func", IDENTITY.id)
    (failed,) = [row for row in found if row["kind"] == "failed"]
    assert (failed["appService"], failed["name"], failed["state"]) == ("contosofail", "permission-missing", "error")
    assert [row["name"] for row in found if row["kind"] == "finding"] == [
        "secret-expiring",
        "client-not-allowed",
        "secret-expired",
        "service-application-not-ours",
    ]


def test_a_client_that_cannot_sign_in_has_a_row() -> None:
    found = rows(as_csv(one(complete(with_credentials()))))
    assert [row["kind"] for row in found if row["client"] == "Import"] == ["none", "finding"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_would_be_a_formula_is_text(text: str) -> None:
    shown = cell(text)
    assert re.sub("'(?=[=+@\uff1d-])", "", shown) == plain(text)
    for separator in ";,|:":
        for part in next(csv.reader([shown], delimiter=separator)):
            assert not part.strip().startswith(("=", "+", "-", "@", "\uff1d"))


@pytest.mark.parametrize("name", [*COMMON, *FORMULAS])
def test_no_name_makes_a_formula_or_another_row(name: str) -> None:
    text = as_csv(report(name))
    found = rows(text)
    assert text.count("\n") == len(found) + 1
    for row in found:
        assert set(row) == set(COLUMNS)
        for column, text in row.items():
            assert column == "daysLeft" or not text.strip().startswith(("=", "+", "-", "@", "\uff1d"))
            assert text == plain(text)
