"""Every screen, as narrow as terminals are: no id, path, address or command is broken, and no line ends in blanks."""

import re
from itertools import product

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


def copied(text: str) -> list[str]:
    """What someone may copy, without the punctuation of a sentence that follows it."""
    return sorted(found[0].rstrip(".,;:)' ") for found in _COPIED.finditer(text))


@pytest.mark.parametrize("name", ["Import", LONG], ids=["short", "long"])
@pytest.mark.parametrize("screen", sorted(SCREENS.keys() - {"documents"}))  # which nobody reads
def test_what_is_copied_is_whole_on_a_narrow_screen(screens: Screens, screen: str, name: str) -> None:
    wide = screens(UNBOUNDED)
    SCREENS[screen](wide.terminal, name)
    pieces = [piece for piece in copied(wide.out + wide.err) if " " not in piece.replace(name, "")]
    for width, is_terminal in product([40, 60, 80], [True, False]):
        narrow = screens(width, is_terminal=is_terminal)
        SCREENS[screen](narrow.terminal, name)
        assert [piece for piece in pieces if piece not in narrow.out + narrow.err] == [], (width, is_terminal)


@pytest.mark.parametrize("screen", sorted(SCREENS.keys() - {"talk"}))
def test_no_line_of_a_pipe_ends_in_blanks(screens: Screens, screen: str) -> None:
    for width in (40, 60, 80, None):
        shown = screens(width)
        SCREENS[screen](shown.terminal, LONG)
        assert [line for line in (shown.out + shown.err).split("\n") if line != line.rstrip()] == [], width
