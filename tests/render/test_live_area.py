"""What is drawn again and again leaves nothing behind, whatever is printed, typed or done to the window meanwhile."""

from __future__ import annotations

import os
import pty
import signal
import sys
import termios
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mct_s2s.render.console import Terminal
from mct_s2s.render.live.live_area import LiveArea
from mct_s2s.render.live.terminal_state import TerminalState
from rich.text import Text

from tests.render.conftest import Screens
from tests.support.emulator import Emulator
from tests.support.sampling import cases

Rows = list[str]


def drawn_on(screens: Screens, rows: Rows, width: int = 40) -> tuple[Terminal, LiveArea, Emulator]:
    """An area that shows these rows; both streams lead to the same screen."""
    terminal, screen = screens(width, is_terminal=True).terminal, Emulator(width)
    terminal.out.file = terminal.err.file = screen

    def frame(width: int, height: int) -> Sequence[Text]:
        return [Text(row[:width]) for row in rows[:height]]

    return terminal, LiveArea(terminal, frame), screen


def test_a_frame_takes_the_place_of_the_one_before(screens: Screens) -> None:
    rows = ["one", "two"]
    _, area, screen = drawn_on(screens, rows)
    area.draw()
    assert (screen.lines, screen.shows_cursor) == (["one", "two"], False)
    rows[:] = ["three"]
    area.draw()
    assert screen.lines == ["three"]
    area.close()


@pytest.mark.parametrize("stream", ["out", "err"])
def test_what_is_printed_stays_above_it(screens: Screens, stream: str) -> None:
    terminal, area, screen = drawn_on(screens, ["running"])
    area.open()
    area.draw()
    getattr(terminal, stream).print("done")
    assert (screen.lines, screen.shows_cursor) == (["done", ""], True)
    area.draw()
    assert screen.lines == ["done", "running"]
    area.close()
    assert (screen.lines, screen.shows_cursor) == (["done", ""], True)


def test_a_document_and_a_secret_make_room_for_themselves(screens: Screens, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, area, screen = drawn_on(screens, ["running"])
    monkeypatch.setattr(sys, "stdout", screen)
    area.open()
    area.draw()
    terminal.hand_over([Text("a secret")])
    area.draw()
    terminal.document({}, indent=None)
    area.close()
    assert screen.lines == ["a secret", "{}", ""]


def test_no_frame_follows_when_it_is_over(screens: Screens) -> None:
    _, area, screen = drawn_on(screens, ["running"])
    area.open()
    area.draw()
    area.close()
    area.draw()
    assert screen.lines == [""]


STEPS = st.lists(
    st.one_of(
        st.lists(st.text("abc ", min_size=1, max_size=60), max_size=6),  # a frame
        st.text("xyz", min_size=1, max_size=90),  # a line that stays
        st.integers(10, 80),  # another width
    ),
    max_size=12,
)


@settings(max_examples=cases(60, 3000), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
@example(["x", ["a" * 18], 18, 10])
def test_only_what_was_printed_is_left_whatever_happened_to_the_window(screens: Screens, steps: list[object]) -> None:
    rows: Rows = []
    terminal, area, screen = drawn_on(screens, rows)
    area._terminal.out.beside = area._terminal.err.beside = area.hidden  # as if it were open, without its thread
    printed = []
    for step in steps:
        match step:
            case list():
                rows[:] = step
                area.draw()
            case str():
                terminal.say(step)
                printed.append(step)
            case int():
                screen.resize(step)
                terminal.out.width = terminal.err.width = step
    with area.hidden():
        pass
    assert screen.lines == [*printed, ""]


def test_a_terminal_that_folds_nothing_is_left_as_it_folds_nothing(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XTERM_VERSION", "XTerm(390)")
    terminal, area, screen = drawn_on(screens, ["a" * 30, "b" * 30])
    terminal.say("stays")
    area.draw()
    terminal.err.width = 10  # its rows are cut, not folded
    assert area._to_top() == "\r\x1b[1A\x1b[J"
    with area.hidden():
        pass
    assert screen.lines == ["stays", ""]


# echo


class Tty:
    """A terminal of the system's, and what is done to it."""

    def __init__(self, stream: TextIO, patch: pytest.MonkeyPatch) -> None:
        self.stream = stream
        self.told: list[str] = []
        self.patch = patch
        self.signal = os.kill
        patch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp())
        patch.setattr(os, "kill", lambda _, number: self.told.append(f"{signal.Signals(number).name} {self.echoes}"))

    @property
    def echoes(self) -> bool:
        return bool(self._attributes()[3] & termios.ECHO)

    def silence(self) -> None:
        attributes = self._attributes()
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(self.stream.fileno(), termios.TCSANOW, attributes)

    def taken(self, stdout: TextIO | None = None) -> TerminalState:
        self.patch.setattr(sys, "stdout", stdout or self.stream)  # here: between fixture and test, pytest sets its own
        state = TerminalState(self.stream, lambda: self.told.append("left"), lambda: self.told.append("back"))
        state.take()
        return state

    def _attributes(self) -> list[Any]:
        return termios.tcgetattr(self.stream.fileno())


@pytest.fixture
def tty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tty]:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream, monkeypatch.context() as patch:
        yield Tty(stream, patch)
    os.close(ours)


def test_nothing_is_echoed_until_it_is_over(tty: Tty) -> None:
    state = tty.taken()
    assert not tty.echoes
    state.give_back()
    assert tty.echoes


def test_what_did_not_echo_before_does_not_echo_after(tty: Tty) -> None:
    tty.silence()
    tty.taken().give_back()
    assert not tty.echoes


def test_a_job_in_the_background_leaves_the_terminal_alone(tty: Tty) -> None:
    tty.patch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp() + 1)
    state = tty.taken()
    assert (tty.echoes, state.is_ours) == (True, False)
    state.give_back()


def test_a_pager_keeps_the_terminal_to_itself(tty: Tty) -> None:
    reads, writes = os.pipe()
    with os.fdopen(writes, "w") as pipe:
        state = tty.taken(pipe)
        assert tty.echoes
        state.give_back()
    os.close(reads)


def test_a_process_that_stops_leaves_the_terminal_in_order_and_takes_it_again(tty: Tty) -> None:
    state = tty.taken()
    tty.signal(os.getpid(), signal.SIGTSTP)
    assert tty.told == ["left", "SIGTSTP True"]
    tty.signal(os.getpid(), signal.SIGCONT)
    assert (tty.told[2:], tty.echoes) == (["back"], False)
    state.give_back()
    assert (signal.getsignal(signal.SIGTSTP), tty.echoes) == (signal.SIG_DFL, True)


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGHUP])
def test_a_process_that_is_ended_by_other_signals_leaves_the_terminal_in_order(
    tty: Tty, number: signal.Signals
) -> None:
    before = signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may ignore it
    state = tty.taken()
    tty.signal(os.getpid(), number)
    assert tty.told == ["left", f"{number.name} True"]
    assert signal.getsignal(number) is signal.SIG_DFL
    state.give_back()
    signal.signal(number, before)
