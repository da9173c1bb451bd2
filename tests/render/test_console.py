"""Two streams, one document for a program; lines fold between words, and nowhere in what is copied;
tables, too.
"""

import io
import json
import sys
import time
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mct_s2s.render.columns import INDENT, Columns
from mct_s2s.render.console import UNBOUNDED, LineConsole, Terminal, fold, widest_piece
from rich.cells import cell_len
from rich.text import Text

from tests.render.conftest import Screens, Stream
from tests.render.examples import ODD_NAMES
from tests.support.sampling import cases


def test_a_terminal_that_is_opened_uses_the_streams_of_the_process(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal = Terminal.open(json=False)
    terminal.result("the result")
    terminal.say("the message")
    assert tuple(capsys.readouterr()) == ("the result\n", "the message\n")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_text_is_printed_as_it_is_even_where_it_looks_like_markup(
    screens: Screens, name: str
) -> None:
    screen = screens(80, is_terminal=True)
    screen.terminal.result(name)
    screen.terminal.say(Text(name))
    screen.terminal.ask(name)
    assert screen.out == f"{name}\n"
    assert screen.err == f"{name}\n{name}"


def test_a_question_is_seen_before_it_is_answered(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    screen.terminal.ask("Apply? [y/N] ")
    assert screen.err == "Apply? [y/N] "
    assert screen.err_stream.unflushed == ""
    assert screen.out == ""


def test_a_line_of_a_log_is_never_folded(screens: Screens) -> None:
    screen = screens()
    assert (screen.terminal.out.width, screen.terminal.err.width) == (UNBOUNDED, UNBOUNDED)
    line = "word " * 200
    screen.terminal.result(line)
    assert screen.out == f"{line.rstrip()}\n"


def test_a_line_is_folded_between_words_and_none_of_what_follows_looks_like_a_line_of_ours(
    screens: Screens,
) -> None:
    screen = screens(20)
    screen.terminal.say("Created client x x x error: forged")
    assert screen.err == "Created client x x x\n  error: forged\n"


def test_a_command_is_not_folded_on_a_terminal_either(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    command = f"mct-s2s configure-appservice {'--application-id 0 ' * 30}".strip()
    screen.terminal.result(Text(command, style="command"))
    screen.terminal.result(command, style="command")
    assert screen.out == f"{command}\n" * 2


def test_a_document_is_one_json_value_on_standard_output(screens: Screens) -> None:
    screen = screens(json=True)
    document: dict[str, Any] = {
        "schema": "mct-s2s/status/v1",
        "name": "Düsseldorf 日本語 [/red]",
        "part": None,
        "rows": [],
    }
    screen.terminal.print_json(document)
    text = screen.out_stream.getvalue()
    assert json.loads(text) == document
    assert "Düsseldorf 日本語 [/red]" in text  # readable, not \u escapes
    assert text.endswith("}\n")
    assert screen.out_stream.unflushed == ""
    assert screen.err == ""


@pytest.mark.parametrize(
    ("reads_from_terminal", "writes_to_terminal", "somebody"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_a_question_needs_somebody_who_sees_it_and_can_answer(
    screens: Screens,
    monkeypatch: pytest.MonkeyPatch,
    reads_from_terminal: bool,
    writes_to_terminal: bool,
    somebody: bool,
) -> None:
    monkeypatch.setattr(sys, "stdin", Stream(is_terminal=reads_from_terminal))
    assert screens(is_terminal=writes_to_terminal).terminal.talks_to_person is somebody


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_redirected_output_is_utf_8_with_plain_line_ends(
    screens: Screens, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """Windows gives redirected output its code page, and makes of each line end its own."""
    terminal = screens(80).terminal
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding, newline="\r\n")
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.out.file = stream
    terminal.result("before")
    terminal.verbatim("München,日本\r\nx\n")
    assert written.getvalue() == "before\r\nMünchen,日本\r\nx\n".encode()


# who decides on colours and widths: the variables that people and pipelines set, and the stream


@pytest.mark.parametrize(
    ("environ", "on_terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "false"}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
    ],
)
def test_colors_are_shown_where_terminal_and_environment_allow(
    screens: Screens,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    on_terminal: bool,
    expected: bool,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    screen = screens(80, is_terminal=on_terminal)
    screen.terminal.result("fine", style="head")
    assert ("\x1b[1m" in screen.out_stream.getvalue()) is expected
    assert screen.terminal.out.is_terminal is on_terminal, (
        "nothing that moves a cursor is in a pipe"
    )


@pytest.mark.parametrize(
    ("columns", "width"), [("80", 80), ("0", UNBOUNDED), ("", UNBOUNDED), ("wide", UNBOUNDED)]
)
def test_columns_is_a_width_or_none(
    screens: Screens, monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    del screens
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert Terminal.open(json=False).out.width == width


def test_a_stream_that_is_closed_is_no_terminal(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    del screens
    closed = Stream(is_terminal=True)
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert not Terminal.open(json=False).err.is_terminal


GUID = str(uuid.UUID(int=7))
WORDS = st.one_of(st.text("abc日本é.,;:'\"-", min_size=1, max_size=12), st.uuids().map(str))
WHOLE = (
    "mct-s2s add-client --managed-identity RESOURCE",
    "mct-s2s rotate-secret 'My app, the old one' -a contosolearn",
    (
        "az role assignment create --role 'Website Contributor' --scope "
        "/subscriptions/0/resourceGroups/mct-prod"
    ),
    'az keyvault show --name v --scope "$(az keyvault show --name v --query id)"',
    "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/mct-prod/providers/Microsoft.Web/sites/x",
    "https://login.microsoftonline.com/common/adminconsent?client_id=0b1f6471",
    "export MCT_S2S_CLOUD=sandbox AZURE_TENANT_ID=0",
)


def lines(text: str | Text, width: int, indent: int = 2) -> list[str]:
    return [
        line.plain
        for line in fold(text if isinstance(text, Text) else Text(text), width, indent=indent)
    ]


@pytest.mark.parametrize("whole", WHOLE)
@pytest.mark.parametrize(
    "sentence", ["{}", "Run {}.", "Ask an Owner to run {}, or do it yourself.", "Then: {}"]
)
@pytest.mark.parametrize("width", [20, 40, 60])
def test_an_id_path_or_command_is_on_one_line_whatever_is_around_it(
    whole: str, sentence: str, width: int
) -> None:
    folded = lines(sentence.format(whole), width)
    assert sum(whole in line for line in folded) == 1
    assert [line for line in folded if cell_len(line) > width and whole not in line] == []
    assert [line for line in folded if line != line.rstrip()] == []


@pytest.mark.parametrize(
    "text",
    [
        "az cannot be found on this machine",
        "Until then, mct-s2s setup stops before it changes anything.",
        "Nightly export can call contosolearn (200 from GET /api/x, 1 s)",
    ],
)
def test_a_sentence_about_a_program_is_a_sentence(text: str) -> None:
    assert max(map(cell_len, lines(text, 20))) <= 22


def test_a_styled_command_is_whole_whatever_its_words() -> None:
    text = Text.assemble("  → ", ("az ad app show, then: more", "command"))
    assert lines(text, 10) == ["  → az ad app show, then: more"]
    assert lines(Text("print(a, b)  # a line of a file", style="command"), 10) == [
        "print(a, b)  # a line of a file"
    ]


@pytest.mark.parametrize("value", [f"az x{'.' * 40_000}y", f"az {chr(39) * 40_000}-x"])
def test_a_value_of_any_length_takes_no_time(value: str) -> None:
    """Whoever may write an App Service's settings does not hold up who reads them: it took half a
    minute.
    """
    began = time.process_time()
    assert sum(map(len, lines(value, 80))) >= len(value.replace(" ", ""))
    assert time.process_time() - began < 3


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
    lambda columns: st.lists(
        st.lists(CELLS, min_size=columns, max_size=columns), min_size=1, max_size=5
    )
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
def test_every_word_is_whole_and_no_line_is_too_long(
    rows: list[list[str]], width: int, titled: bool
) -> None:
    text = shown(rows, width, [f"H{at}" for at in range(len(rows[0]))] if titled else ())
    assert {word for row in rows for cell in row for word in cell.split()} <= set(text.split())
    for line in text.split("\n"):
        assert line == line.rstrip()
        assert cell_len(line) <= width


def test_where_a_row_does_not_fit_all_are_stacked_and_one_without_a_name_continues_it() -> None:
    path = "/home/ada/" + "x" * 60
    identifier = str(uuid.UUID(int=1))
    assert shown([["Name", "one"], ["A longer name", path], ["", path], ["Last", "two"]],
                 40).splitlines() == [
        "Name", "    one", "A longer name", f"    {path}", f"    {path}", "Last", "    two",
    ]  # fmt: skip
    assert shown([["Import", identifier, "yes"]], 42, ["Client", "Id", "Consent"]).split() == [
        "Import", "Id:", identifier, "Consent:", "yes",
    ]  # fmt: skip


def test_one_row_of_many_that_does_not_fit_is_stacked_alone() -> None:
    path = "/home/ada/" + "x" * 60
    rows = [["+ a", "Name", "one"], ["+ b", "Name", path], ["+ c", path, "two"], *[["+ d"] * 3] * 5]
    assert shown(rows, 40).splitlines()[:7] == [
        "+ a  Name  one", "+ b  Name", f"    {path}", "+ c", f"    {path}", "    two",
        "+ d  + d   + d",
    ]  # fmt: skip


def test_of_stacked_rows_the_first_cells_stay_in_columns() -> None:
    rows = [["  + secret", "Import", "expires 2027-12-01"], ["  + a wider resource", "x" * 20, ""]]
    assert shown(rows, 44).splitlines() == [
        "  + secret            Import",
        "      expires 2027-12-01",
        f"  + a wider resource  {'x' * 20}",
    ]
    assert shown(rows, 36).splitlines() == [
        "  + secret",
        "      Import",
        "      expires 2027-12-01",
        "  + a wider resource",
        f"      {'x' * 20}",
    ]


def test_a_last_column_too_narrow_for_a_few_words_is_below() -> None:
    identifier = str(uuid.UUID(int=1))
    row = ["Import", identifier, "blocked: see the error above"]
    heads = ["  Client", "ID", "Needs next"]
    assert shown([row], 60, heads).splitlines() == [
        "  Client  ID", f"Import    {identifier}", "    Needs next: blocked: see the error above",
    ]  # fmt: skip


def test_what_continues_a_setting_is_indented_more_than_its_name() -> None:
    uri = f"api://{uuid.UUID(int=1)}"
    rows = [["      + ServiceAuthEnabled", "true"], ["      + ServiceAuthAudience", uri]]
    assert shown(rows, 60).splitlines() == [
        "      + ServiceAuthEnabled", "          true",
        "      + ServiceAuthAudience", f"          {uri}",
    ]  # fmt: skip
