"""The process's streams and arguments, whatever the system makes of text: nothing of it ends a command.

A stream's encoding may carry less than is written: cp1252 where Windows redirects output, ASCII where a job has no
locale. Found out at the end of a command, that would hide what the command has done.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mct_s2s.errors import UsageError
from mct_s2s.plain_text import plain

if sys.platform == "win32":
    import msvcrt
else:
    import termios

if TYPE_CHECKING:
    from mct_s2s.render.console import Terminal

MARKS = {
    "✓": "+",
    "✗": "x",
    "→": "->",
    "←": "<-",
    "▼": "v",
    "·": ".",
    "•": "*",
    "●": "*",
    "○": "o",
    "…": "...",
    "━": "=",
    "╌": "-",
    "─": "-",
    "═": "=",
    "│": "|",
    "║": "|",
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯", "+"),
    **dict.fromkeys("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "*"),
}
"""Replacements of our own characters, if the encoding lacks them; others become a question mark."""
_HANDLER = "mct-s2s"


def replace_unencodable() -> None:
    """Make the streams replace characters that they cannot encode; a closed stream is replaced by the null device."""
    codecs.register_error(_HANDLER, _replaced)
    for name, mode, errors in (("stdin", "r", "replace"), ("stdout", "w", _HANDLER), ("stderr", "w", _HANDLER)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  # until the end
        reconfigure = getattr(getattr(sys, name), "reconfigure", None)  # what someone put in its place may have none
        if reconfigure is not None:
            reconfigure(errors=errors)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(MARKS.get(character, "?") for character in error.object[error.start : error.end]), error.end


def check_arguments(words: Iterable[str], environment: Iterable[tuple[str, str]] = ()) -> None:
    """Refuse arguments that are not text in this locale, or contain NUL, which no system call accepts."""
    named = [(f"'{plain(word)}'", word) for word in words]
    named += [
        (f"The environment variable {plain(name)}", value) for name, value in environment if name.startswith("MCT_S2S_")
    ]
    for shown, word in named:
        if "\0" in word or any("\ud800" <= character <= "\udfff" for character in word):
            raise UsageError(
                "usage",
                f"{shown} is not valid text in this system's encoding.",
                remedy="Type it again. If you copied it, look for invisible characters.",
            )


def forget_typed() -> None:
    """Throw away what was typed before a question was on the screen: it answers something else, or nothing."""
    if not sys.stdin.isatty():
        return
    if sys.platform == "win32":
        while msvcrt.kbhit():
            msvcrt.getwch()
    else:
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


async def ask(terminal: Terminal, question: str) -> str:
    """Ask on standard error; the answer is one line of standard input, empty where it has ended.

    Ctrl-C and the deadline end it at once, whatever the keyboard does.
    """
    import asyncio  # noqa: PLC0415  # a command that asks has loaded it; `mct-s2s --help` need not

    forget_typed()
    terminal.ask(question)
    if sys.platform == "win32":
        return await asyncio.to_thread(sys.stdin.readline)
    # Not on a thread: one that waits for the keyboard cannot be cancelled, and the process would wait for it.
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()
