"""The process's streams and arguments.

An encoding that lacks a character (cp1252 where Windows redirects output, ASCII in a job without a
locale) must not hide what a command has done.
"""

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

MARKS = {"✓": "+", "✗": "x", "→": "->", "·": ".", "…": "...", **dict.fromkeys("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "*")}
"""What the program prints beyond ASCII, its spinner included, as ASCII has it."""
_HANDLER = "mct-s2s"


def replace_unencodable() -> None:
    codecs.register_error(_HANDLER, _replaced)
    for name, mode, errors in (
        ("stdin", "r", "replace"),
        ("stdout", "w", _HANDLER),
        ("stderr", "w", _HANDLER),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  # until the end
        # What someone put in its place may have none
        reconfigure = getattr(getattr(sys, name), "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=errors)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(
        MARKS.get(character, "?") for character in error.object[error.start : error.end]
    ), error.end


def check_arguments(words: Iterable[str], environment: Iterable[tuple[str, str]] = ()) -> None:
    named = [(f"'{plain(word)}'", word) for word in words]
    named += [
        (f"The environment variable {plain(name)}", value)
        for name, value in environment
        if name.startswith("MCT_S2S_")
    ]
    for shown, word in named:
        if "\0" in word or any("\ud800" <= character <= "\udfff" for character in word):
            raise UsageError(
                "usage",
                f"{shown} is not valid text in this system's encoding.",
                remedy="Type it again. If you copied it, look for invisible characters.",
            )


def forget_typed() -> None:
    """Discard what was typed before the question was on the screen."""
    if not sys.stdin.isatty():
        return
    if sys.platform == "win32":
        while msvcrt.kbhit():
            msvcrt.getwch()
    else:
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


async def ask(terminal: "Terminal", question: str) -> str:
    """The answer is one line of standard input, empty where it has ended."""
    import asyncio  # noqa: PLC0415  # a command that asks has loaded it; `mct-s2s --help` need not

    forget_typed()
    terminal.ask(question)
    if sys.platform == "win32":
        return await asyncio.to_thread(sys.stdin.readline)
    # Not on a thread: it cannot be cancelled, and Ctrl-C and the deadline would wait for the
    # keyboard.
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()
