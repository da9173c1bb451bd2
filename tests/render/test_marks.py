"""What an encoding lacks is replaced by a mark that means the same: for every character of our own, on every screen."""

import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import mct_s2s
import pytest
from mct_s2s.cli.streams import MARKS, replace_unencodable
from mct_s2s.render.console import Terminal

from tests.render.hostile import SCREENS
from tests.support.parsing import parsed

PACKAGE = Path(mct_s2s.__file__).parent
DATA = {
    "plain_text.py",
    "dotenv.py",
    "exports.py",
    "streams.py",
    "snippets/__init__.py",
}
"""Modules whose characters are looked for, or stand for something in a template, and are not shown."""


def shown() -> Iterator[tuple[str, str]]:
    """Every character beyond ASCII in a text of the program, docstrings left out."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "sandbox" in path.parts or path.as_posix().endswith(tuple(f"/{name}" for name in DATA)):
            continue
        tree = parsed(path)
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
                yield from ((char, path.name) for char in node.value if not char.isascii())


def test_every_character_of_our_own_has_a_mark() -> None:
    assert {(char, where) for char, where in shown() if char not in MARKS} == set()
    assert all(mark.isascii() for mark in MARKS.values())


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "cp932"])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_is_written_in_any_encoding(screen: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    raw = {name: io.BytesIO() for name in ("stdout", "stderr")}
    for name, stream in raw.items():
        monkeypatch.setattr(sys, name, io.TextIOWrapper(stream, encoding=encoding, write_through=True))
    replace_unencodable()
    SCREENS[screen](Terminal.open(json=screen == "documents"), "Düsseldorf 日本語 🚀")
    text = b"".join(stream.getvalue() for stream in raw.values()).decode(encoding, "replace")
    assert "sseldorf" in text
