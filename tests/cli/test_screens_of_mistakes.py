"""Help, mistakes and a crash as pictures, as narrow and as plain as terminals are."""

import platform
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from mct_s2s.cli import mistakes
from mct_s2s.cli.app import SHORT_HELP, app, main
from mct_s2s.cli.mistakes import usage_error
from mct_s2s.errors import NotThere, UsageError
from mct_s2s.planning.ownership import did_you_mean
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error
from rich.console import Group
from rich.text import Text

from tests.support.screens import check_screen

PROGRAM = typer.main.get_command(app)
TERMINALS: Mapping[str, Mapping[str, Any]] = {
    "80x24": {"width": 80},
    "40": {"width": 40},
    "no-colour": {"width": 80, "color": False},
    "ascii": {"width": 80, "unicode": False},
}
LINES = (
    "stauts",
    "setup --cleint A",
    "-a contosolearn status --all",
    "status --auth clii",
    "setup contosolearn Import",
)


def _usage_error(line: str) -> UsageError:
    words = shlex.split(line)
    try:
        PROGRAM(words, standalone_mode=False, prog_name="mct-s2s")
    except Exception as error:
        return usage_error(error, words)
    raise AssertionError(line)


def _mistakes(terminal: Terminal) -> None:
    for line in LINES:
        show_error(terminal, _usage_error(line))


def _unknown_client(terminal: Terminal) -> None:
    there = ["Import", "Nightly import of users", "S2S-client"]
    message = f"'S2S-clinet' is not a client of this App Service. The clients are: {', '.join(there)}."
    remedy = f"{did_you_mean('S2S-clinet', there, '')} If it may already be removed, add --ignore-missing."
    show_error(terminal, NotThere("client-unknown", message, remedy=remedy))


def _crash(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Path("/home/ada/.local/state/mct-s2s/log/crash-20261124-120000-00ff.log")
    monkeypatch.setattr(mistakes, "write_crash", lambda _: log)
    monkeypatch.setattr(Terminal, "open", lambda **_: terminal)
    monkeypatch.setattr(mistakes, "__version__", "1.0.0")
    monkeypatch.setattr(platform, "python_version", lambda: "3.13.1")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    mistakes.report(KeyError("x"), ())


@pytest.mark.parametrize("kind", TERMINALS)
@pytest.mark.parametrize("screen", [_mistakes, _unknown_client], ids=["mistakes", "unknown-client"])
def test_a_mistake_looks_like_this(screen: Callable[[Terminal], None], kind: str) -> None:
    check_screen(f"{screen.__name__[1:].replace('_', '-')}.{kind}", screen, **TERMINALS[kind])


@pytest.mark.parametrize("kind", ["80x24", "40"])
def test_a_crash_looks_like_this(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    check_screen(f"crash.{kind}", lambda terminal: _crash(terminal, monkeypatch), **TERMINALS[kind])


@pytest.mark.parametrize("words", [(), ("rotate-secret",)], ids=" ".join)
def test_help_looks_like_this(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*words, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    check_screen("-".join(("help", *words)), Group(*map(Text, lines)))


def test_the_program_alone_looks_like_this() -> None:
    check_screen("short-help", Group(*map(Text, SHORT_HELP.splitlines())))
