"""What `--help` prints: whole lines for a terminal and for a pipe, in the register of a reference."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from mct_s2s.cli.app import COMMANDS as SUMMARIES
from mct_s2s.cli.app import app
from mct_s2s.cli.help import DOCUMENTATION, HELP, ORDER

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
        if not getattr(param, "hidden", False):
            assert all(name in ended.out for name in param.opts if name.startswith("-"))
    assert "<" not in ended.out
    assert ended.out.rstrip().endswith(DOCUMENTATION)


@pytest.mark.parametrize("columns", ["1", "30", "40", "60"])
def test_on_a_narrow_terminal_explanations_are_below_the_names(mct: Program, columns: str) -> None:
    ended = mct("setup", "--help", env={"COLUMNS": columns})
    assert ended.code == 0
    assert "\n  -g, --resource-group NAME\n        Its resource group." in ended.out or columns == "60"
    shown = [line for line in ended.out.splitlines() if not line.startswith(("  mct-s2s", "  https"))]
    assert max(map(len, shown)) <= max(60, int(columns))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_options_are_listed_by_use_and_the_advanced_ones_last(mct: Program, words: tuple[str, ...]) -> None:
    ended = mct(*words, "--help", env={"COLUMNS": "80"})
    parts = ended.out.split("\n\n")
    titles = [part.partition(":\n")[0] for part in parts if ":\n  " in part and "\n" not in part.partition(":\n")[0]]
    assert [title for title in titles if title in ORDER] == sorted(set(titles) & set(ORDER), key=ORDER.index)
    assert set(titles) - set(ORDER) <= {"Examples", "Documentation"}
    options = ended.out.rpartition("\n\nDocumentation")[0].splitlines()
    assert "--help" in options[-1]


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_examples_of_a_command_are_its_own_and_its_parser_takes_them(name: str) -> None:
    command = COMMANDS[(name,)]
    assert command.epilog
    for line in command.epilog.splitlines():
        words = shlex.split(line.partition("  # ")[0].partition(" > ")[0].partition(" | ")[0])
        words = shlex.split(words[1].strip("$()")) if words[0] == "eval" else words
        assert words[:2] == ["mct-s2s", name]
        command.make_context(name, words[2:])


@pytest.mark.parametrize("words", [(), ("setup",), ("sandbox",), ("sandbox", "serve")], ids=" ".join)
@pytest.mark.parametrize("flag", sorted(HELP))
def test_help_is_shown_wherever_it_is_asked_for(mct: Program, words: tuple[str, ...], flag: str) -> None:
    asked = mct(*words, flag)
    assert asked.code == 0
    assert asked.out.startswith(f"Usage: {' '.join(['mct-s2s', *words])}")
    if words == ("setup",):
        assert mct("setup", "--client", "A", "--nonsense", flag).out == asked.out


def test_help_for_an_unknown_command_is_a_mistake(mct: Program) -> None:
    assert mct("nosuch", "--help").code == 2


HEAVY = ("pydantic", "rich", "asyncio", "mct_s2s.engine", "mct_s2s.planning", "mct_s2s.render.console")


def test_the_help_of_a_command_imports_its_options_alone() -> None:
    script = (
        "import sys, json; from mct_s2s.cli.app import main; main(['rotate-secret', '--help']);"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stderr)
    assert [name for name in loaded for heavy in HEAVY if name == heavy or name.startswith(f"{heavy}.")] == []
    assert [name for name in loaded if name.startswith("mct_s2s.cli.commands.") and "sandbox" not in name] == []


COLORS = [({}, False), ({"CLICOLOR_FORCE": "1"}, True), ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False)]


@pytest.mark.parametrize(("variables", "styled"), COLORS)
def test_help_in_a_pipe_has_styles_only_where_they_are_asked_for(
    mct: Program, variables: dict[str, str], styled: bool
) -> None:
    assert ("\x1b[1m" in mct("status", "--help", env=variables).out) is styled


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
