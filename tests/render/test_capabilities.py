"""Who decides on colours and widths: the variables that people and pipelines set, in the order that they expect."""

from __future__ import annotations

import io

import pytest
from mct_s2s.render.console import given_width, is_terminal, shows_colors

CASES: list[tuple[dict[str, str], bool, bool]] = [
    ({}, True, True),
    ({}, False, False),
    ({"NO_COLOR": "1"}, True, False),
    ({"NO_COLOR": ""}, True, True),
    ({"NO_COLOR": "1", "CLICOLOR_FORCE": "1", "FORCE_COLOR": "1"}, True, False),
    ({"CLICOLOR_FORCE": "1"}, False, True),
    ({"CLICOLOR_FORCE": "0"}, False, False),
    ({"FORCE_COLOR": "1"}, False, True),
    ({"FORCE_COLOR": "0"}, False, False),
    ({"FORCE_COLOR": "false"}, False, False),
    ({"CLICOLOR": "0"}, True, False),
    ({"CLICOLOR": "1"}, True, True),
    ({"CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, False, True),
    ({"TERM": "dumb"}, True, False),
    ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
]


@pytest.mark.parametrize(("environ", "on_terminal", "expected"), CASES)
def test_colors_are_shown(environ: dict[str, str], on_terminal: bool, expected: bool) -> None:
    assert shows_colors(on_terminal=on_terminal, environ=environ) is expected


@pytest.mark.parametrize(
    ("columns", "width"),
    [("80", 80), ("0", None), ("", None), ("wide", None), ("-1", None), ("٣", None), ("9" * 5000, 999999)],
)
def test_columns_is_a_width_or_nothing(columns: str, width: int | None) -> None:
    assert given_width({"COLUMNS": columns}) == width


def test_a_stream_that_is_closed_or_not_there_is_no_terminal() -> None:
    closed = io.StringIO()
    closed.close()
    assert not is_terminal(closed)
    assert not is_terminal(None)
