"""Completion of the command line, for bash, zsh, fish and PowerShell.

A shell's script (`scripts/`) calls the program itself with `_MCT_S2S_COMPLETE` set to the name of the shell, and gets
lines: a word to insert, a tab, and its explanation; or a tab and `files`. It answers within 200 ms, so nothing but
the options is imported, no option is parsed, and no one signs in; names come from `known_names`. Typer's own completion
parses the words, which imports what checks their values, and its scripts insert a name as it is: `$(x)` would run.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

VARIABLE = "_MCT_S2S_COMPLETE"
WORDS = "_MCT_S2S_WORDS"
"""The words as JSON, from PowerShell, which passes no empty argument."""


class Shell(StrEnum):
    """The shells that there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def script(shell: Shell) -> str:
    """What a shell reads once so that it completes from then on."""
    return (Path(__file__).parent / "scripts" / f"mct-s2s.{shell}").read_text(encoding="utf-8")


def answer(program: Any, words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print what the last word may become. Whatever goes wrong, nothing is printed: a person is typing.

    Args:
        program: the group of all commands.
        words: what was typed after the program's name, the last of them unfinished or empty.
        environ: the environment.
    """
    with suppress(Exception):
        from mct_s2s.cli.completion.candidates import candidates  # noqa: PLC0415  # only for this
        from mct_s2s.cli.completion.shells import lines, typed_words  # noqa: PLC0415

        shell = Shell(environ[VARIABLE])
        typed = typed_words(shell, words, environ.get(WORDS))
        found = candidates(program, typed.complete, typed.unfinished, environ)
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]  # a shell reads it, no terminal
        sys.stdout.write("".join(f"{line}\n" for line in lines(shell, found, typed)))
        sys.stdout.flush()
    return 0
