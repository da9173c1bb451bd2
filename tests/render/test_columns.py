"""Tables in any width: folded or stacked, but never with half an id, and never with blanks at a line's end."""

import io
import uuid
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from mct_s2s.render.columns import INDENT, Columns
from mct_s2s.render.console import LineConsole
from rich.cells import cell_len

from tests.support.sampling import cases

GUID = 36
WORDS = st.one_of(st.text("abc日本é", min_size=1, max_size=12), st.uuids().map(str), st.just("yes"))
CELLS = st.lists(WORDS, max_size=5).map(" ".join)
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
@given(ROWS, st.integers(GUID + INDENT, 200), st.booleans())
def test_every_word_is_whole_and_no_line_is_too_long(rows: list[list[str]], width: int, titled: bool) -> None:
    text = shown(rows, width, [f"H{at}" for at in range(len(rows[0]))] if titled else ())
    assert {word for row in rows for cell in row for word in cell.split()} <= set(text.split())
    for line in text.split("\n"):
        assert line == line.rstrip()
        assert cell_len(line) <= width


def test_a_long_word_after_a_short_one_goes_below_it_where_that_is_shorter() -> None:
    long = "e3e70682-c209-4cac-629f-6fbed82c07cd"
    assert shown([["abcd " + long, "f" * 36]], 40).split("\n")[:2] == ["abcd", f"    {long}"]


def test_columns_stand_below_each_other_where_there_is_room() -> None:
    assert shown([["a", "bb", "c"], ["aaa", "b", ""]], 40, ["X", "", "Y"]).split("\n") == [
        "X        Y",
        "a    bb  c",
        "aaa  b",
        "",
    ]


def test_cells_are_stacked_with_their_titles_where_there_is_none() -> None:
    one = str(uuid.UUID(int=1))
    assert shown([["Import", one, "yes"]], 42, ["Client", "Id", "Consent"]).split() == [
        "Import", "Id:", one, "Consent:", "yes",
    ]  # fmt: skip


def test_a_stacked_row_without_its_first_cell_continues_the_one_before_it() -> None:
    assert shown([["Import", "x" * 30], ["", "y" * 30]], 32, ["Client", "Id"]).splitlines() == [
        "Import", "    Id:", f"    {'x' * 30}", "    Id:", f"    {'y' * 30}",
    ]  # fmt: skip


def test_a_row_that_is_too_wide_is_stacked_and_the_others_stay_a_table() -> None:
    path = "/home/ada/" + "x" * 60
    assert shown([["Name", "one"], ["A longer name", path], ["Last", "two"]], 40).splitlines() == [
        "Name  one",
        "A longer name",
        f"    {path}",
        "Last  two",
    ]


def test_a_table_without_rows_is_nothing() -> None:
    assert shown([], 40, ["a"]).strip() == ""
