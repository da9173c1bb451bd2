"""What `--help` prints: whole lines for a terminal and for a pipe, in the register of a reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from mct_s2s.cli.app import app

from tests.cli.conftest import Program

LONGEST = 70
LONGER = {"", "setup"}
"""Commands whose line has names of its own: the product, and the three parts of a setup."""


def commands(group: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command by the words that call it."""
    group = group or typer.main.get_command(app)
    yield words, group
    for word, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*words, word))


COMMANDS = dict(commands())


def texts() -> Iterator[tuple[str, str]]:
    """Each help text with where it is from."""
    for words, command in COMMANDS.items():
        yield " ".join(words), command.help.strip().partition("\n")[0]
        yield from ((f"{' '.join(words)} {param.name}", param.help) for param in command.params)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_line_of_help_is_padded_or_too_wide_and_no_name_is_cut(mct: Program, words: tuple[str, ...]) -> None:
    ended = mct(*words, "--help", env={"COLUMNS": "80"})
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Usage: mct-s2s")
    lines = ended.out.splitlines()
    assert [line for line in lines if line != line.rstrip() or len(line) > 80 or "…" in line.split("  ")[0]] == []
    for param in COMMANDS[words].params:
        assert all(name in ended.out for name in param.opts if name.startswith("-"))


@pytest.mark.parametrize(("where", "text"), list(texts()), ids=lambda value: value if " " not in value else None)
def test_a_help_text_is_one_short_line_without_semicolons(where: str, text: str) -> None:
    assert text
    assert text[0].isupper() or text.startswith("file:")
    assert text.endswith((".", "…", '".'))
    assert len(text) <= LONGEST or where in LONGER
    assert ";" not in text or text in {
        "Do not restart; restart the App Service yourself.",
        "Entra ID only; skip the App Service.",
    }
