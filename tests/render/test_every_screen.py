"""Every screen: no name steers a terminal, what is copied is whole on a narrow one, and any
encoding can write it.
"""

import ast
import io
import json
import re
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import mct_s2s
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mct_s2s.cli.streams import MARKS, replace_unencodable
from mct_s2s.plain_text import plain
from mct_s2s.render.console import UNBOUNDED, Terminal
from rich.text import Text

from tests.render.conftest import Screens
from tests.render.hostile import MARKUP, SCREENS, STEERING, is_plain
from tests.support.parsing import parsed
from tests.support.sampling import cases
from tests.support.screens import FOLDER, PICTURES, Shown, check_readable, copied

_OURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[(?:\d+A|J|H|2J|2K)|\r")
"""Colours, and what moves the cursor of lines that are drawn anew."""
_COMMAND = re.compile(r"^\s*::[a-z][^\n]*::|##(?:vso)?\[", re.IGNORECASE | re.MULTILINE)
"""What GitHub's runner and the agent of Azure Pipelines obey."""


@pytest.mark.parametrize("width", [None, 40, 200])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_log_holds_plain_lines_and_not_one_more(
    screens: Screens, screen: str, width: int | None
) -> None:
    for tries, text in STEERING.items():
        hostile, harmless = screens(width), screens(width)
        SCREENS[screen](hostile.terminal, f"N{text}")
        SCREENS[screen](harmless.terminal, plain(f"N{text}"))
        for attacked, usual in ((hostile.out, harmless.out), (hostile.err, harmless.err)):
            lines = attacked.split("\n")
            assert [line for line in lines if not is_plain(line)] == [], tries
            if width != 40:  # where lines are folded, a character more or less may make one of them
                assert len(lines) == len(usual.split("\n")), tries
            assert [line for line in lines if line.startswith("error: forged")] == [], tries
            assert not _COMMAND.search(attacked), tries


@pytest.mark.parametrize("screen", sorted(SCREENS.keys() - {"documents"}))
def test_a_terminal_gets_nothing_but_our_own_colours(screens: Screens, screen: str) -> None:
    for tries, text in STEERING.items():
        shown = screens(120, is_terminal=True)
        SCREENS[screen](shown.terminal, f"N{text}")
        for stream in (shown.out_stream, shown.err_stream):
            raw = _OURS.sub("", stream.getvalue())
            assert all(is_plain(line) for line in raw.split("\n")), tries


COMMANDS = (
    "::add-mask::a",
    " \u2003::error::a",
    "word ::set-output name=a::b",
    "##[group]a",
    "x ##vso[task.complete]",
)


@pytest.mark.parametrize("width", [None, 12, 40])
@pytest.mark.parametrize("screen", SCREENS)
def test_no_name_is_a_command_for_a_pipeline_wherever_a_line_is_folded(
    screens: Screens, monkeypatch: pytest.MonkeyPatch, screen: str, width: int | None
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ours = re.compile(r"^::(?:group::\d+ changes?|endgroup::|error::).*$", re.MULTILINE)
    for name in (*COMMANDS, *(f"{'x' * before}{COMMANDS[0]}" for before in (11, 39, 40, 79))):
        shown = screens(width)
        SCREENS[screen](shown.terminal, name)
        for stream in (shown.out, shown.err):
            assert not _COMMAND.search(ours.sub("", stream)), name


@pytest.mark.parametrize("screen", SCREENS)
def test_markup_in_a_name_is_a_name(screens: Screens, screen: str) -> None:
    for name in MARKUP:
        shown = screens()
        SCREENS[screen](shown.terminal, name)
        written = json.dumps(name)[1:-1] if screen == "documents" else name
        assert written in shown.out + shown.err
        assert "\x1b" not in shown.out_stream.getvalue() + shown.err_stream.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
def test_a_document_for_a_program_holds_the_name_itself(screens: Screens, as_json: bool) -> None:
    screen = screens(json=as_json)
    name = "".join(STEERING.values()).replace("\ud800", "").replace("\udcff", "")
    screen.terminal.print_json({"name": name})
    assert json.loads(screen.out_stream.getvalue()) == {"name": name}
    assert all(is_plain(line) for line in screen.out_stream.getvalue().split("\n"))


@settings(max_examples=cases(30, 2000), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.characters(), min_size=1, max_size=60),
    width=st.integers(1, 150),
    at=st.sampled_from([*SCREENS]),
)
def test_any_name_is_shown_on_any_screen_of_any_width(
    screens: Screens, name: str, width: int, at: str
) -> None:
    screen = screens(width)
    SCREENS[at](screen.terminal, name)
    assert all(is_plain(line) for line in (screen.out + screen.err).split("\n"))


LONG = "a" * 8 + "/Nightly-import-of-users.and-courses/" + "b" * 30
"""A name as long as a path, that is in ids, addresses, paths and commands."""


@pytest.mark.parametrize("name", ["Import", LONG], ids=["short", "long"])
@pytest.mark.parametrize("screen", sorted(SCREENS.keys() - {"documents"}))  # which nobody reads
def test_ids_addresses_and_paths_are_whole_on_a_narrow_screen(
    screens: Screens, screen: str, name: str
) -> None:
    wide = screens(UNBOUNDED)
    SCREENS[screen](wide.terminal, name)
    pieces = [piece for piece in copied(wide.out + wide.err) if " " not in piece.replace(name, "")]
    for width, is_terminal in product([40, 60, 80], [True, False]):
        narrow = screens(width, is_terminal=is_terminal)
        SCREENS[screen](narrow.terminal, name)
        assert [piece for piece in pieces if piece not in narrow.out + narrow.err] == [], (
            width,
            is_terminal,
        )


def wide(terminal: Terminal) -> None:
    terminal.out.file.write("word " * 30 + "\n")


def cut(terminal: Terminal) -> None:
    width = terminal.out.width
    terminal.out.file.write("14f696cc-f0bf-5899-a660-eb1e9cad077b"[: max(width - 20, 0)] + "\n")


def colored(terminal: Terminal) -> None:
    terminal.out.file.write("\x1b[1;31mred\x1b[0m\n")


@pytest.mark.parametrize("shown", [wide, cut, colored, Text("→ ☃")])
def test_a_screen_that_breaks_a_rule_is_not_readable(shown: Shown) -> None:
    with pytest.raises(AssertionError):
        check_readable(shown)


def test_every_picture_that_is_kept_is_compared() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == PICTURES


@pytest.mark.parametrize("screen", sorted(SCREENS.keys() - {"talk"}))
def test_no_line_of_a_pipe_ends_in_blanks(screens: Screens, screen: str) -> None:
    for width in (40, 60, 80, None):
        shown = screens(width)
        SCREENS[screen](shown.terminal, LONG)
        assert [
            line for line in (shown.out + shown.err).split("\n") if line != line.rstrip()
        ] == [], width


PACKAGE = Path(mct_s2s.__file__).parent
DATA = {"plain_text.py", "dotenv.py", "exports.py", "streams.py", "snippets/__init__.py"}
"""Modules whose characters are looked for, or stand for something in a template, and are not shown.
"""


def shown() -> Iterator[tuple[str, str]]:
    """Every character beyond ASCII in a text of the program, docstrings left out."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "sandbox" in path.parts or path.as_posix().endswith(tuple(f"/{name}" for name in DATA)):
            continue
        tree = parsed(path)
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in alone
            ):
                yield from ((char, path.name) for char in node.value if not char.isascii())


def test_every_character_of_our_own_has_a_mark() -> None:
    assert {(char, where) for char, where in shown() if char not in MARKS} == set()
    assert all(mark.isascii() for mark in MARKS.values())


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "cp932"])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_is_written_in_any_encoding(
    screen: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    raw = {name: io.BytesIO() for name in ("stdout", "stderr")}
    for name, stream in raw.items():
        monkeypatch.setattr(
            sys, name, io.TextIOWrapper(stream, encoding=encoding, write_through=True)
        )
    replace_unencodable()
    SCREENS[screen](Terminal.open(json=screen == "documents"), "Düsseldorf 日本語 🚀")
    text = b"".join(stream.getvalue() for stream in raw.values()).decode(encoding, "replace")
    assert "sseldorf" in text
