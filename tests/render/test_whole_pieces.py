"""Every screen, as narrow as terminals are: no id, path, address or command is broken, and no line ends in blanks."""

from __future__ import annotations

import re

import pytest
from mct_s2s.render.console import UNBOUNDED

from tests.render.conftest import Screens
from tests.render.hostile import SCREENS

LONG = "a" * 8 + "/Nightly-import-of-users.and-courses/" + "b" * 30
"""A name as long as a path, that is in ids, addresses, paths and commands."""
_COPIED = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|https://\S+|/subscriptions/\S+|/home/\S+|(?:mct-s2s|az) [^\n]*? -[^\n]*"
)
NOT_PRINTED_FOR_PEOPLE = {"documents"}


def copied(text: str) -> list[str]:
    """What someone may copy, without the punctuation of a sentence that follows it."""
    return sorted(found[0].rstrip(".,;:)' ") for found in _COPIED.finditer(text))


@pytest.mark.parametrize("is_terminal", [True, False], ids=["terminal", "pipe"])
@pytest.mark.parametrize("name", ["Import", LONG], ids=["short", "long"])
@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("screen", sorted(SCREENS.keys() - NOT_PRINTED_FOR_PEOPLE))
def test_what_is_copied_is_whole_on_a_narrow_screen(
    screens: Screens, screen: str, width: int, name: str, is_terminal: bool
) -> None:
    narrow, wide = screens(width, is_terminal=is_terminal), screens(UNBOUNDED)
    for shown in (narrow, wide):
        SCREENS[screen](shown.terminal, name)
    missing = [
        piece
        for piece in copied(wide.out + wide.err)
        if piece not in narrow.out + narrow.err and " " not in piece.replace(name, "")
    ]
    assert missing == []


@pytest.mark.parametrize("width", [40, 60, 80, None])
@pytest.mark.parametrize("screen", sorted(SCREENS.keys() - {"talk"}))
def test_no_line_of_a_pipe_ends_in_blanks(screens: Screens, screen: str, width: int | None) -> None:
    shown = screens(width)
    SCREENS[screen](shown.terminal, LONG)
    assert [line for line in (shown.out + shown.err).split("\n") if line != line.rstrip()] == []
