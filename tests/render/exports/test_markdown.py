"""`-o markdown`: read back by markdown-it, in which no name is markup."""

import functools
import re
from collections import Counter

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mct_s2s.render.exports import as_markdown
from mct_s2s.render.markdown import fenced, table, text

from tests.planning.scenarios import TENANT, client, complete, guid
from tests.render.examples import WHERE
from tests.render.exports.hostile_reports import COMMON, MARKDOWN, USUAL, report
from tests.render.reports import one, several

MARKDOWN_IT = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def tokens(text: str) -> list[Token]:
    return [part for token in MARKDOWN_IT.parse(text) for part in (token, *(token.children or ()))]


def cells(text: str) -> list[str]:
    """The text of every inline run, tables' cells among them."""
    return ["".join(part.content for part in token.children or ()) for token in MARKDOWN_IT.parse(text)]


@functools.cache
def shape(name: str) -> Counter[str]:
    """How many there are of each piece of markup, code spans and text aside: a name may be either."""
    found = Counter(token.type for token in tokens(as_markdown(report(name))))
    for kind in ("text", "code_inline", "text_special", "fence"):
        found.pop(kind, None)
    return found


def test_an_auditor_reads_who_may_call_until_when_and_what_to_do() -> None:
    text = as_markdown(one())
    found = cells(text)
    for fact in (
        f"{TENANT.name}  ({TENANT.id})",
        "contosolearn",
        guid("Import"),
        guid("by hand400"),
        "2027-12-29T12:00:00Z",
    ):
        assert fact in found
    commands = [token.content.strip() for token in tokens(text) if token.type == "fence"]
    assert f"mct-s2s rotate-secret {guid('Nightly')} {WHERE}" in commands
    assert "3 of 4 clients can call contosolearn. 3 problems." in found
    assert {"yes", "no", "valid", "expiring", "expired"} <= set(found)


def test_several_app_services_have_a_section_each() -> None:
    text = as_markdown(several())
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "## contosolearn",
        "## contosotrain",
        "## contosofail",
    ]
    assert as_markdown(one(complete(client("Import")))).count("No problems found.") == 1


@pytest.mark.parametrize("value", [*MARKDOWN, "plain words", "contosolearn.azurewebsites.net", guid("x")])
def test_a_value_is_read_back_as_it_is(value: str) -> None:
    for written in ("\n".join(table(("a", "b"), [(value, "c")])), f"| a | b |\n| --- | --- |\n| {text(value)} | c |"):
        assert [content for content in cells(written) if content] == ["a", "b", value.strip(), "c"]
        assert not re.search(r"https?:(?=/)|www\.", re.sub("`[^`]*`", "", written))


@pytest.mark.parametrize("value", ["```", "a ```` b", "~~~", "plain"])
def test_a_fence_holds_whatever_is_in_it(value: str) -> None:
    (only,) = MARKDOWN_IT.parse("\n".join(fenced(value)))
    assert (only.type, only.content) == ("fence", f"{value}\n")


@pytest.mark.parametrize("name", [*COMMON, *MARKDOWN])
def test_no_name_is_markup(name: str) -> None:
    if ";" not in name:  # which makes more entries of an allow list, and more findings
        assert shape(name) == shape(USUAL)
    assert not {"link_open", "image", "html_inline", "html_block", "s_open"} & set(shape(name))
