"""Where a long line goes on: between words, and nowhere in what is copied; and tables, in any width."""

import io
import uuid
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mct_s2s.render.columns import INDENT, Columns
from mct_s2s.render.console import LineConsole, fold, widest_piece
from rich.cells import cell_len
from rich.text import Text

from tests.support.sampling import cases

GUID = str(uuid.UUID(int=7))
WORDS = st.one_of(st.text("abc日本é.,;:'\"-", min_size=1, max_size=12), st.uuids().map(str))
WHOLE = (
    "mct-s2s add-client --managed-identity RESOURCE",
    "mct-s2s rotate-secret 'My app, the old one' -a contosolearn",
    "az role assignment create --role 'Website Contributor' --scope /subscriptions/0/resourceGroups/mct-prod",
    'az keyvault show --name v --scope "$(az keyvault show --name v --query id)"',
    "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/mct-prod/providers/Microsoft.Web/sites/x",
    "https://login.microsoftonline.com/common/adminconsent?client_id=0b1f6471",
    "export MCT_S2S_CLOUD=sandbox AZURE_TENANT_ID=0",
)


def lines(text: str | Text, width: int, indent: int = 2) -> list[str]:
    return [line.plain for line in fold(text if isinstance(text, Text) else Text(text), width, indent=indent)]


@pytest.mark.parametrize("whole", WHOLE)
@pytest.mark.parametrize("sentence", ["{}", "Run {}.", "Ask an Owner to run {}, or do it yourself.", "Then: {}"])
@pytest.mark.parametrize("width", [20, 40, 60])
def test_what_is_copied_is_on_one_line_whatever_is_around_it(whole: str, sentence: str, width: int) -> None:
    folded = lines(sentence.format(whole), width)
    assert sum(whole in line for line in folded) == 1
    assert [line for line in folded if cell_len(line) > width and whole not in line] == []
    assert [line for line in folded if line != line.rstrip()] == []


@pytest.mark.parametrize(
    "text", ["az cannot be found on this machine", "Until then, mct-s2s setup stops before it changes anything."]
)
def test_a_sentence_about_a_program_is_a_sentence(text: str) -> None:
    assert max(map(cell_len, lines(text, 20))) <= 22


def test_a_styled_command_is_whole_whatever_its_words() -> None:
    text = Text.assemble("  → ", ("az ad app show, then: more", "command"))
    assert lines(text, 10) == ["  → az ad app show, then: more"]
    assert lines(Text("print(a, b)  # a line of a script", style="command"), 10) == [
        "print(a, b)  # a line of a script"
    ]


def test_a_number_is_not_folded_away_from_its_unit() -> None:
    assert lines("✓ S2S-client can call it   (200 from GET /api, 12 s)", 50, 2)[-1] == "  12 s)"


def test_an_allow_list_is_folded_between_its_ids() -> None:
    assert lines(f"{GUID};{GUID}", 40, 0) == [f"{GUID};", GUID]
    assert widest_piece(Text(f"{GUID};{GUID}")) == len(GUID) + 1


def test_indentation_of_the_first_line_stays_and_that_of_the_others_is_given() -> None:
    assert lines("  - one two three", 9, 4) == ["  - one", "    two", "    three"]


@settings(max_examples=cases(100, 5000))
@given(st.lists(WORDS, max_size=12), st.integers(1, 120), st.integers(0, 8))
def test_folding_keeps_every_word_in_its_order(words: list[str], width: int, indent: int) -> None:
    folded = lines(" ".join(words), width, indent)
    assert " ".join(folded).split() == " ".join(words).split()
    assert [line for line in folded if line != line.rstrip(" ")] == []


NAMES = st.one_of(st.text("abc日本é", min_size=1, max_size=12), st.uuids().map(str))
CELLS = st.lists(NAMES, max_size=5).map(" ".join)
ROWS = st.integers(1, 5).flatmap(
    lambda columns: st.lists(st.lists(CELLS, min_size=columns, max_size=columns), min_size=1, max_size=5)
)


def shown(rows: list[list[str]], width: int, heads: Sequence[str] = ()) -> str:
    stream = io.StringIO()
    columns = Columns(heads)
    for row in rows:
        columns.add(*row)
    LineConsole(file=stream, width=width).print(columns)
    return stream.getvalue()


@settings(max_examples=cases(100, 5000))
@given(ROWS, st.integers(len(GUID) + INDENT, 200), st.booleans())
def test_every_word_is_whole_and_no_line_is_too_long(rows: list[list[str]], width: int, titled: bool) -> None:
    text = shown(rows, width, [f"H{at}" for at in range(len(rows[0]))] if titled else ())
    assert {word for row in rows for cell in row for word in cell.split()} <= set(text.split())
    for line in text.split("\n"):
        assert line == line.rstrip()
        assert cell_len(line) <= width


def test_a_row_that_does_not_fit_is_stacked_and_one_without_a_name_continues_it() -> None:
    path, one = "/home/ada/" + "x" * 60, str(uuid.UUID(int=1))
    assert shown([["Name", "one"], ["A longer name", path], ["", path], ["Last", "two"]], 40).splitlines() == [
        "Name  one", "A longer name", f"    {path}", f"    {path}", "Last  two",
    ]  # fmt: skip
    assert shown([["Import", one, "yes"]], 42, ["Client", "Id", "Consent"]).split() == [
        "Import", "Id:", one, "Consent:", "yes",
    ]  # fmt: skip
