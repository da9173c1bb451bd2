"""Two streams: results to standard output, everything else to standard error, and one document for a program."""

import io
import json
import sys
from typing import Any

import pytest
from mct_s2s.render.console import UNBOUNDED, Terminal
from rich.text import Text

from tests.render.conftest import Screens, Stream
from tests.render.examples import ODD_NAMES


def test_a_terminal_that_is_opened_uses_the_streams_of_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal.open(json=False)
    terminal.result("the result")
    terminal.say("the message")
    assert tuple(capsys.readouterr()) == ("the result\n", "the message\n")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_text_is_printed_as_it_is_even_where_it_looks_like_markup(screens: Screens, name: str) -> None:
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


def test_a_line_is_folded_between_words_and_none_of_what_follows_looks_like_a_line_of_ours(screens: Screens) -> None:
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
def test_what_is_written_to_be_kept_is_utf_8_with_its_own_line_ends(
    screens: Screens, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """Windows gives redirected output its code page, and makes of each line end its own."""
    terminal, written = screens(80).terminal, io.BytesIO()
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
def test_colors_are_shown(
    screens: Screens, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], on_terminal: bool, expected: bool
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    screen = screens(80, is_terminal=on_terminal)
    screen.terminal.result("fine", style="head")
    assert ("\x1b[1m" in screen.out_stream.getvalue()) is expected
    assert screen.terminal.out.is_terminal is on_terminal, "nothing that moves a cursor is in a pipe"


@pytest.mark.parametrize(("columns", "width"), [("80", 80), ("0", UNBOUNDED), ("", UNBOUNDED), ("wide", UNBOUNDED)])
def test_columns_is_a_width_or_nothing(
    screens: Screens, monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    del screens
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert Terminal.open(json=False).out.width == width


def test_a_stream_that_is_closed_is_no_terminal(screens: Screens, monkeypatch: pytest.MonkeyPatch) -> None:
    del screens
    closed = Stream(is_terminal=True)
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert not Terminal.open(json=False).err.is_terminal
