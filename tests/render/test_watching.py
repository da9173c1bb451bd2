"""`--watch`: a log grows only when something has changed, a terminal always shows the last look."""

from __future__ import annotations

import json
import re

import pytest
from mct_s2s.render.console import Terminal
from mct_s2s.render.watching import Watching

from tests.render.conftest import Screens
from tests.render.examples import ODD_NAMES, REQUEST_ID, refusal
from tests.render.reading import line_with

MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
CLEARED = "\x1b[2J"
ERROR = {"schema": "mct-s2s/error/v1"}


class Watched:
    """A watch, and pages to see."""

    def __init__(self, terminal: Terminal, seconds: float = 5) -> None:
        self.watch = Watching(terminal, seconds)

    def see(self, text: str) -> None:
        self.watch.seen({"page": text}, lambda terminal: terminal.result(text))


def test_a_log_gets_a_page_with_its_moment_when_it_has_changed(screens: Screens) -> None:
    screen = screens()
    watched = Watched(screen.terminal)
    for text in ("healthy", "healthy", "broken", "broken", "healthy"):
        watched.see(text)
    lines = [line for line in screen.out.splitlines() if line]
    assert [line for line in lines if not MOMENT.fullmatch(line)] == ["healthy", "broken", "healthy"]
    assert sum(MOMENT.fullmatch(line) is not None for line in lines) == 3
    assert screen.out_stream.unflushed == ""


def test_a_page_is_written_once_and_not_also_while_it_is_captured(screens: Screens) -> None:
    screen = screens()
    Watched(screen.terminal).see("healthy")
    assert screen.out.count("healthy") == 1


def test_a_terminal_is_drawn_anew_at_each_look_and_says_when_the_next_is(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    watched = Watched(screen.terminal, 7.5)
    watched.see("healthy")
    watched.see("healthy")
    assert screen.out_stream.getvalue().count(CLEARED) == 2
    assert screen.out.count("healthy") == 2
    last = screen.out.splitlines()[-1]
    assert MOMENT.search(last)
    assert "7.5 s" in last
    assert "Ctrl-C" in last
    assert screen.out_stream.unflushed == ""


def test_a_whole_number_of_seconds_has_no_point(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    Watched(screen.terminal, 60.0).see("healthy")
    assert line_with(screen.out, " 60 s")


def test_colors_of_a_page_reach_the_terminal(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    Watching(screen.terminal, 5).seen({}, lambda terminal: terminal.result("fine", style="good"))
    assert "\x1b[32mfine" in screen.out_stream.getvalue()


def test_a_program_gets_one_line_of_json_for_each_change(screens: Screens) -> None:
    screen = screens(json=True)
    watched = Watched(screen.terminal)
    for text in ("healthy", "healthy", "Düsseldorf\n[/red]", "healthy"):
        watched.see(text)
    documents = [json.loads(line) for line in screen.out_stream.getvalue().splitlines()]
    assert [document["page"] for document in documents] == ["healthy", "Düsseldorf\n[/red]", "healthy"]
    assert "Düsseldorf" in screen.out
    assert screen.out_stream.unflushed == ""


def test_a_program_gets_a_failure_as_a_line_of_json_and_no_prose(screens: Screens) -> None:
    screen = screens(json=True)
    watched = Watched(screen.terminal)
    watched.see("healthy")
    watched.watch.failed(refusal(), ERROR)
    watched.watch.failed(refusal(), ERROR)
    watched.see("healthy")
    documents = [json.loads(line) for line in screen.out_stream.getvalue().splitlines()]
    assert documents == [{"page": "healthy"}, ERROR, {"page": "healthy"}]
    assert screen.err == ""


def test_a_failure_is_reported_on_standard_error_and_the_next_page_is_shown_again(screens: Screens) -> None:
    screen = screens()
    watched = Watched(screen.terminal)
    watched.see("healthy")
    watched.watch.failed(refusal(), ERROR)
    watched.see("healthy")
    assert screen.out.count("healthy") == 2
    assert line_with(screen.err, REQUEST_ID)
    assert REQUEST_ID not in screen.out


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_on_a_page_is_shown_as_it_is(screens: Screens, name: str, is_terminal: bool) -> None:
    screen = screens(80, is_terminal=is_terminal)
    Watched(screen.terminal).see(name)
    assert line_with(screen.out, name)
