"""`-o csv|markdown`, read back by parsers that are not ours: no name is a formula, another line
or markup.

In `report(name)` every text that others choose is hostile, for each format in its own way.
"""

import csv
import functools
import io
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mct_s2s.errors import S2SError
from mct_s2s.model.client_credentials import OUR_CREDENTIALS
from mct_s2s.plain_text import plain
from mct_s2s.planning.reports.findings import Finding
from mct_s2s.planning.reports.status import StatusReport
from mct_s2s.render.exports import COLUMNS, as_csv, as_markdown, cell
from mct_s2s.render.markdown import fenced, table, text

from tests.planning.scenarios import (
    NOW,
    TENANT,
    WHERE,
    client,
    complete,
    credential,
    guid,
    with_credentials,
)
from tests.render.examples import (
    IDENTITY,
    LONG_NAME,
    ODD_NAMES,
    one,
    several,
    status_of,
)
from tests.render.hostile import STEERING, observed

FORMULAS = (
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", '=HYPERLINK("http://evil.example")', "\uff1d1",
    "\u2003@x",
    "x;=cmd|' /C calc'!A0", "x; -1", 'x;"=1', "x,@x", "x|+1", "x\t=1",
)  # fmt: skip
MARKDOWN = (
    "a|b", "a\\|b", "`code`", "``a`` `b`",
    "[x](https://evil.example)", "![x](https://evil.example/x.png)", "<script>",
    "<!-- -->", "https://evil.example", "www.evil.example", "*a* _b_ ~~c~~", "# a", "\\", "&lt;",
    "$x$", "a`",
    "|", "```",
    "a | --- | b", "javascript:alert(1)", "trailing\\",
)  # fmt: skip
COMMON = (*STEERING.values(), "<[x](https://evil.example)>`|;,", ODD_NAMES[-2], LONG_NAME)
"""What every format has to stand."""
USUAL = "Harmless"


@functools.cache
def report(name: str) -> StatusReport:
    """Everything is called so: tenant, site's state, clients, credentials, findings, errors."""
    sites = several()
    site = status_of(observed(name))
    finding = Finding("x", name, f"'{name}' is wrong.", f"mct-s2s add-client '{name}'")
    site = replace(site, findings=(*site.findings, finding))
    failed = replace(sites.failed[0], error=S2SError("x", name, remedy=name, command=name))
    return replace(sites, sites=(site, *sites.sites), failed=(failed,))


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
    secrets = {row["client"]: row for row in rows(as_csv(one())) if row["kind"] == "secret"}
    assert {name: (row["state"], row["daysLeft"]) for name, row in secrets.items()} == {
        "Import": ("valid", "400"),
        "Nightly": ("expiring", "20"),
        "Reports": ("expired", "-20"),
    }
    assert secrets["Nightly"]["command"] == f"mct-s2s rotate-secret {guid('Nightly')} {WHERE}"
    assert secrets["Nightly"]["expires"] == "2026-12-14T12:00:00Z"
    assert secrets["Nightly"]["appService"] == "contosolearn"
    who = {row["client"]: row["canCall"] for row in rows(as_csv(one())) if row["kind"] != "finding"}
    assert who == {"Import": "yes", "Nightly": "yes", "Reports": "no", "reports-func": "yes"}


def test_identities_findings_and_what_could_not_be_read_have_rows_of_their_own() -> None:
    lines = rows(as_csv(several()))
    kinds = {row["kind"] for row in lines}
    assert kinds == {"secret", "managedIdentity", "finding", "failed"}
    (identity,) = [row for row in lines if row["kind"] == "managedIdentity"]
    assert (identity["client"], identity["id"]) == ("reports-func", IDENTITY.id)
    (failed,) = [row for row in lines if row["kind"] == "failed"]
    assert (failed["appService"], failed["name"], failed["state"]) == (
        "contosofail",
        "permission-missing",
        "error",
    )
    assert [row["name"] for row in lines if row["kind"] == "finding"] == [
        "secret-expiring",
        "client-not-allowed",
        "secret-expired",
        "service-application-not-ours",
    ]


def test_a_client_that_cannot_sign_in_has_a_row() -> None:
    lines = rows(as_csv(one(complete(with_credentials()))))
    assert [row["kind"] for row in lines if row["client"] == "Import"] == ["none", "finding"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_that_would_be_a_formula_is_text(text: str) -> None:
    shown = cell(text)
    assert re.sub("'(?=[=+@\uff1d-])", "", shown) == plain(text)
    for separator in ";,|:":
        for part in next(csv.reader([shown], delimiter=separator)):
            assert not part.strip().startswith(("=", "+", "-", "@", "\uff1d"))


@pytest.mark.parametrize("name", [*COMMON, *FORMULAS])
def test_no_name_makes_a_formula_or_another_row(name: str) -> None:
    text = as_csv(report(name))
    lines = rows(text)
    assert text.count("\n") == len(lines) + 1
    for row in lines:
        assert set(row) == set(COLUMNS)
        for column, text in row.items():
            assert column == "daysLeft" or not text.strip().startswith(
                ("=", "+", "-", "@", "\uff1d")
            )
            assert text == plain(text)


def test_a_secret_that_a_rotation_kept_for_a_while_is_not_to_be_replaced() -> None:
    held = [
        replace(credential(ends, f"{OUR_CREDENTIALS}{ends}"), begins=NOW - timedelta(days=age))
        for ends, age in ((20, 3), (300, 2))
    ]
    rotated = one(complete(client("Import", *held)))
    commands = {row["daysLeft"]: row["command"] for row in rows(as_csv(rotated)) if row["keyId"]}
    assert not commands["20"]
    assert commands["300"]


MARKDOWN_IT = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def tokens(text: str) -> list[Token]:
    return [part for token in MARKDOWN_IT.parse(text) for part in (token, *(token.children or ()))]


def cells(text: str) -> list[str]:
    """The text of every inline run, tables' cells among them."""
    return [
        "".join(part.content for part in token.children or ()) for token in MARKDOWN_IT.parse(text)
    ]


@functools.cache
def shape(name: str) -> Counter[str]:
    """How many there are of each piece of markup, code spans and text aside: a name may be
    either.
    """
    counts = Counter(token.type for token in tokens(as_markdown(report(name))))
    for kind in ("text", "code_inline", "text_special", "fence"):
        counts.pop(kind, None)
    return counts


def test_an_auditor_reads_who_may_call_until_when_and_what_to_do() -> None:
    text = as_markdown(one())
    table = cells(text)
    for fact in (
        f"{TENANT.name}  ({TENANT.id})",
        "contosolearn",
        guid("Import"),
        guid("by hand400"),
        "2027-12-29T12:00:00Z",
    ):
        assert fact in table
    commands = [token.content.strip() for token in tokens(text) if token.type == "fence"]
    assert f"mct-s2s rotate-secret {guid('Nightly')} {WHERE}" in commands
    assert "3 of 4 clients can call contosolearn. 3 problems." in table
    assert {"yes", "no", "valid", "expiring", "expired"} <= set(table)


def test_several_app_services_have_a_row_and_a_section_each() -> None:
    text = as_markdown(several())
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## contosolearn", "## contosotrain", "## contosofail"]
    start = text.partition("\n## ")[0]
    assert start.index("| contosolearn |") < start.index("| contosotrain |")
    assert start.rstrip().splitlines()[-1].startswith("| contosofail | unknown | not read: ")
    assert as_markdown(one()).partition("\n## ")[0].count("|") == 0
    assert as_markdown(one(complete(client("Import")))).count("No problems found.") == 1


@pytest.mark.parametrize(
    "value", [*MARKDOWN, "plain words", "contosolearn.azurewebsites.net", guid("x")]
)
def test_a_value_in_markdown_is_read_back_as_it_is(value: str) -> None:
    for written in (
        "\n".join(table(("a", "b"), [(value, "c")])),
        f"| a | b |\n| --- | --- |\n| {text(value)} | c |",
    ):
        assert [content for content in cells(written) if content] == ["a", "b", value.strip(), "c"]
        assert not re.search(r"https?:(?=/)|www\.", re.sub("`[^`]*`", "", written))


@pytest.mark.parametrize("value", ["```", "a ```` b", "~~~", "plain"])
def test_a_fenced_block_holds_whatever_is_in_it(value: str) -> None:
    (only,) = MARKDOWN_IT.parse("\n".join(fenced(value)))
    assert (only.type, only.content) == ("fence", f"{value}\n")


@pytest.mark.parametrize("name", [*COMMON, *MARKDOWN])
def test_no_name_is_markup_in_markdown(name: str) -> None:
    if ";" not in name:  # which makes more entries of an allow list, and more findings
        assert shape(name) == shape(USUAL)
    assert not {"link_open", "image", "html_inline", "html_block", "s_open"} & set(shape(name))
