"""The steps as they run: one line for each in a log, a list that fills on a terminal."""

from __future__ import annotations

import re
import time

import pytest
from mct_s2s.planning.changes import AnyChange
from mct_s2s.render.progress import LONGEST_NAME, LiveProgress, PlainProgress, progress

from tests.render.conftest import Screen, Screens
from tests.render.examples import LONG_NAME, ODD_NAMES, full_plan, principal, refusal
from tests.render.reading import line_with

CURSOR_SHOWN = "\x1b[?25h"


def final_rows(screen: Screen, count: int) -> list[str]:
    """The last list that was drawn: it stays on the screen."""
    return [line for line in screen.err.splitlines() if line.strip()][-count:]


def test_a_log_gets_plain_lines_and_a_terminal_a_live_list(screens: Screens) -> None:
    assert isinstance(progress(screens().terminal), PlainProgress)
    assert isinstance(progress(screens(80, is_terminal=True).terminal), LiveProgress)


# in a log


def test_a_step_is_reported_once_when_it_has_ended(screens: Screens) -> None:
    screen = screens()
    with progress(screen.terminal) as shown:
        shown.started(principal())
        assert screen.err == ""
        shown.finished(principal(), "restored")
    assert len(screen.err.splitlines()) == 1
    line_with(screen.err, "service principal of Import", "restored")
    assert screen.out == ""


def test_a_step_without_a_detail_has_no_empty_brackets(screens: Screens) -> None:
    screen = screens()
    with progress(screen.terminal) as shown:
        shown.finished(principal(), "")
    assert screen.err.rstrip().endswith("service principal of Import")


def test_a_failed_step_is_reported_and_its_error_is_not(screens: Screens) -> None:
    screen = screens()
    with progress(screen.terminal) as shown:
        shown.started(principal())
        shown.failed(principal(), refusal("Graph refused it."))
    assert "Failed to create" in line_with(screen.err, "service principal of Import")
    assert "Graph refused it." not in screen.err  # printed once, at the end


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_is_in_the_log_as_it_is(screens: Screens, name: str) -> None:
    screen = screens()
    with progress(screen.terminal) as shown:
        shown.finished(principal(name), f"detail of {name}")
        shown.failed(principal(name), refusal())
    assert screen.err.count(f"service principal of {name}") == 2
    assert f"detail of {name}" in screen.err


# on a terminal


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_that_stays_has_a_line_and_a_sign_for_each_step(screens: Screens, width: int) -> None:
    steps = full_plan().steps[:4]
    screen = screens(width, is_terminal=True)
    with progress(screen.terminal) as shown:
        for step in steps:
            shown.started(step)
        shown.finished(steps[0], "made")
        shown.failed(steps[1], refusal("Graph refused it."))
        shown.finished(steps[3], "")
    rows = final_rows(screen, 4)
    assert [row.split()[0] for row in rows] == ["✓", "✗", "?", "✓"]  # the third was cut off
    for row, step in zip(rows, steps, strict=True):
        assert step.resource in row
        assert step.name in row
    assert "made" in rows[0]
    assert re.search(r"\d\.\d s", rows[0])
    assert re.search(r"\d\.\d s", rows[1]) is None
    assert "Graph refused it." not in screen.err
    assert screen.out == ""


def test_a_step_that_runs_shows_what_it_is_about_to_do(screens: Screens) -> None:
    step = next(step for step in full_plan().steps if step.resource == "secret")
    screen = screens(120, is_terminal=True)
    with progress(screen.terminal) as shown:
        shown.started(step)
        for _ in range(2_000):  # it is drawn by a thread, twelve times a second
            if step.detail in screen.err:
                break
            time.sleep(0.005)
        row = final_rows(screen, 1)[0]
    assert row.split()[1:3] == ["secret", "Import"]  # after the spinner
    assert step.detail in row


def test_a_step_without_news_keeps_what_the_plan_said_of_it(screens: Screens) -> None:
    step = next(step for step in full_plan().steps if step.resource == "secret")
    screen = screens(120, is_terminal=True)
    with progress(screen.terminal) as shown:
        shown.started(step)
        shown.finished(step, "")
    assert step.detail in final_rows(screen, 1)[0]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_each_step_keeps_to_one_line_however_long_its_words_are(screens: Screens, width: int) -> None:
    steps: list[AnyChange] = [principal(LONG_NAME), principal("Import")]
    screen = screens(width, is_terminal=True)
    with progress(screen.terminal) as shown:
        for step in steps:
            shown.started(step)
            shown.finished(step, "many words " * 40)
    long, short = final_rows(screen, 2)
    assert len(long) <= width
    assert long.split()[0] == short.split()[0] == "✓"
    assert LONG_NAME[:15] in long
    assert "many" in short


@pytest.mark.parametrize("name", [name for name in ODD_NAMES if len(name) <= LONGEST_NAME])
def test_an_odd_name_is_in_the_list_as_it_is(screens: Screens, name: str) -> None:
    screen = screens(120, is_terminal=True)
    with progress(screen.terminal) as shown:
        shown.started(principal(name))
        shown.finished(principal(name), "[/red]")
    (row,) = final_rows(screen, 1)
    assert name in row
    assert "[/red]" in row


def test_nothing_is_drawn_before_the_first_step_and_nothing_is_left_behind(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    with progress(screen.terminal):
        pass
    assert screen.err_stream.getvalue() == ""


def test_the_cursor_comes_back_also_after_an_error(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)

    def cut_off() -> None:
        with progress(screen.terminal) as shown:
            shown.started(principal())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_off()
    assert screen.err_stream.getvalue().rstrip().endswith(CURSOR_SHOWN)
    assert final_rows(screen, 1)[0].split()[0] == "?"
