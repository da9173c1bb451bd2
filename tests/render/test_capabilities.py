"""Who decides on colours and widths: the variables that people and pipelines set, and the stream."""

from __future__ import annotations

import io
import sys

import pytest
from mct_s2s.render.console import UNBOUNDED, Terminal

from tests.render.conftest import Screens, Stream


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
