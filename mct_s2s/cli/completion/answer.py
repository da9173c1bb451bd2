"""The answer to a press of the tab key."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from mct_s2s.cli.completion.shell import VARIABLE, WORDS, Shell


def answer(program: Any, words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print what the last word may become. Whatever goes wrong, nothing is printed: a person is typing.

    Args:
        program: the group of all commands.
        words: what was typed after the program's name, the last of them unfinished or empty.
        environ: the environment.
    """
    with suppress(Exception):
        from mct_s2s.cli.completion.candidates import candidates  # noqa: PLC0415  # only for this
        from mct_s2s.cli.completion.quoting import lines, typed_words  # noqa: PLC0415

        shell = Shell(environ[VARIABLE])
        typed = typed_words(shell, words, environ.get(WORDS))
        found = candidates(program, typed.complete, typed.unfinished, environ)
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]  # a shell reads it, no terminal
        sys.stdout.write("".join(f"{line}\n" for line in lines(shell, found, typed)))
        sys.stdout.flush()
    return 0
