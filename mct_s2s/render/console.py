"""The two output streams: results go to standard output, everything else to standard error.

All that is shown is data: a text is one line, without markup, and what could steer a terminal is
replaced.
"""

import errno
import io
import os
import re
import select
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text
from rich.theme import Theme

from mct_s2s.plain_text import json_text, plain

if TYPE_CHECKING:
    from pydantic import BaseModel

UNBOUNDED = 100_000
"""Columns where there is no terminal: a log line is not folded."""

THEME = Theme(
    {
        "create": "green",
        "update": "yellow",
        "delete": "red",
        "unchanged": "dim",
        "good": "green",
        "bad": "bold red",
        "warn": "yellow",
        "quiet": "dim",
        "command": "cyan",
        "head": "bold",
    }
)
SCREEN_READER = "MCT_S2S_SCREEN_READER"
DONE = ("✓ ", "good")
FAILED = ("✗ ", "bad")
UNKNOWN = ("? ", "warn")
OPEN, NOTHING = ("! ", "warn"), ("· ", "quiet")
SIGNS = {True: DONE, False: FAILED, None: UNKNOWN}


class LineConsole(Console):
    """Every text is one line of plain characters, also within other renderables."""

    beside: Callable[[], AbstractContextManager[object]] = staticmethod(nullcontext)
    """Keeps a live area and what is printed apart."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            theme=THEME, highlight=False, markup=False, emoji=False, soft_wrap=True, **options
        )

    def on_broken_pipe(self) -> None:
        """No one reads messages any more: the command goes on without.

        Of what is asked for, the error is told.

        The library would send standard output to nowhere instead, and end the program.
        """
        self.quiet = True
        if not self.stderr:
            raise  # noqa: PLE0704  # it is called where a BrokenPipeError is handled

    def prose(self, text: str | Text = "", style: str | None = None) -> None:
        """Print a line, folded to the width of the screen.

        Further lines are indented by two columns more: text from outside never looks like a line of
        the program.
        """
        shown = one_line(text)
        shown.rstrip()
        shown.style = style or shown.style
        for line in fold(
            shown, self.width, indent=len(shown.plain) - len(shown.plain.lstrip(" ")) + 2
        ):
            self.print(line)

    def print(self, *objects: Any, **options: Any) -> None:
        with self.beside():
            super().print(*objects, **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        return super().render(
            one_line(renderable) if isinstance(renderable, Text) else renderable, options
        )


@dataclass
class Terminal:
    out: LineConsole
    err: LineConsole
    json: bool
    quiet: bool = False
    has_document: bool = False
    """Whether the run's JSON document is written. A run has one, of its result or of its error."""

    @classmethod
    def open(cls, *, json: bool, quiet: bool = False) -> "Terminal":
        return cls(_console(stderr=False), _console(stderr=True), json, quiet)

    @classmethod
    def recording(cls) -> "Terminal":
        console = LineConsole(file=io.StringIO(), record=True, width=UNBOUNDED)
        return cls(console, console, json=False)

    @property
    def recorded(self) -> str:
        return self.out.export_text(clear=False)

    @property
    def talks_to_person(self) -> bool:
        return sys.stdin.isatty() and self.err.is_terminal

    def say(self, text: str | Text = "", style: str | None = None) -> None:
        self.err.prose(text, style)

    def inform(self, text: str | Text, style: str | None = None) -> None:
        """To standard error, unless `--quiet`."""
        if not self.quiet:
            self.say(text, style)

    def ask(self, question: str) -> None:
        self.err.print(one_line(question), end="")
        self.err.file.flush()

    def result(self, text: str | Text = "", style: str | None = None) -> None:
        self.out.prose(text, style)

    def check_reader(self) -> None:
        """Raise OSError: standard output is closed, or its reader is known to be gone."""
        # It was closed from the start, and the null device is in its place
        has_gone = sys.__stdout__ is None
        if hasattr(select, "poll"):
            poll = select.poll()
            with suppress(OSError, ValueError):  # what is no file of the system's has no other end
                poll.register(self.out.file, 0)
            has_gone |= any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
        if has_gone:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def instruct(self, command: str) -> None:
        """A line as it is for the service that keeps the log (`pipelines`)."""
        self.err.file.write(f"{command}\n")
        self.err.file.flush()

    def verbatim(self, text: str) -> None:
        """Print every byte before this returns, as UTF-8, whatever the stream's encoding.

        Raises OSError.
        """
        # None where someone put something in the stream's place
        buffer = getattr(self.out.file, "buffer", None)
        self._write(text if buffer is None else text.encode(errors="replace"), buffer)

    def document(self, document: "BaseModel") -> None:
        self.print_json(document.model_dump(by_alias=True))
        self.has_document = True

    def print_json(self, document: Mapping[str, Any]) -> None:
        self._write(json_text(document, getattr(sys.stdout, "encoding", None)))

    def _write(self, content: str | bytes, buffer: IO[bytes] | None = None) -> None:
        file: IO[Any] = self.out.file
        destination: IO[Any] = buffer or file
        try:
            with self.out.beside():
                file.flush()
                destination.write(content)
                destination.flush()
        except OSError:
            # The interpreter would try once more at its end, fail again, and say so in words of its
            # own.
            with suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), file.fileno())
            raise


def has_screen_reader(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether what is printed is read aloud: no line is drawn over, choices have numbers."""
    return environ.get(SCREEN_READER, "").casefold() not in {"", "0", "false"}


def one_line(text: str | Text) -> Text:
    shown = text.copy() if isinstance(text, Text) else Text(plain(text))
    shown.plain = plain(shown.plain)
    return shown


# A long text is folded between words, and nowhere in what is copied: an id, a path or a command
# with a line end in it cannot be pasted. What is wider than the screen is on a line of its own,
# whole: the terminal folds it.

_ENDS = r"[.,;:)?!'\"`]{0,9}"
"""Punctuation behind a word: bounded, as it is looked for behind each character of any text."""
_WORD = rf"(?> +(?:'[^']*'|\"[^\"]*\"|[^\s'\"])+?(?={_ENDS}(?:\s|$)))"
_OPTION = r"(?= +(?:-|\S*(?:=|[A-Z]{2}|['\"])))"
"""In every command: `az cannot be found here` is none.

In its first words, so that any text is quick.
"""
_PROGRAM = r"(?:mct-s2s|az|azd|gh|kubectl|sudo|curl|export(?= +\w+=)|eval)"
"""A client may well be called `Nightly export`: the shell's is followed by a variable."""
_PIECE = re.compile(
    r"(?:^ *[^\w\s] +)?"  # an arrow or a tick is not alone on its line
    rf"(?:[('\"`]?{_PROGRAM}{_WORD}{{0,9}}?{_OPTION}{_WORD}+{_ENDS}"
    r"|mct-s2s [a-z-]+\S*|\d+ s\b\S*"
    r"|(?i:\S+?[0-9a-f];(?=[0-9a-f]{8}-))"  # between two ids of an allow list
    r"|\S+)"
)
_BEGINS = re.compile(r"[a-z0-9./$_-]|[A-Z0-9_]+=")
"""What is styled as a command and begins otherwise is a sentence: `Run mct-s2s add-client NAME, or
…`.
"""


def fold(text: Text, width: int, *, indent: int = 0) -> list[Text]:
    """Text of the style `command` is never folded.

    A piece that is wider than `width` is alone on its line.
    """
    breaks = list[int]()
    column = 0
    end_before = 0
    for start, end in _pieces(text):
        blanks, length = cell_len(text.plain[end_before:start]), cell_len(text.plain[start:end])
        is_shorter_below = end_before > 0 and column + blanks > indent
        if column + blanks + length > width and is_shorter_below:
            breaks.append(start)
            column, blanks = indent, 0
        column += blanks + length
        end_before = end
    lines = text.divide(breaks)
    for line in lines:
        line.rstrip()
    return [Text.assemble(" " * indent, line) if at else line for at, line in enumerate(lines)]


def widest_piece(text: Text) -> int:
    return max((cell_len(text.plain[start:end]) for start, end in _pieces(text)), default=0)


def _pieces(text: Text) -> Iterator[tuple[int, int]]:
    """From where to where each one goes.

    Commands are as they are styled, or else as far as can be told.
    """
    plain = text.plain if text.style != "command" else "x" * len(text)
    for start, end, style in text.spans:
        if style == "command" and _BEGINS.match(plain, start):
            plain = plain[:start] + "x" * (end - start) + plain[end:]
    return (piece.span() for piece in _PIECE.finditer(plain))


def _console(*, stderr: bool) -> LineConsole:
    """`FORCE_COLOR` colours what is piped, but no lines are drawn anew there."""
    stream = sys.stderr if stderr else sys.stdout
    on_terminal = not stream.closed and stream.isatty()
    forced = os.environ.get("FORCE_COLOR", "").lower() not in {"", "0", "false"}
    console = LineConsole(
        stderr=stderr,
        force_terminal=on_terminal,
        color_system=None if os.environ.get("NO_COLOR") else "standard" if forced else "auto",
    )
    if not on_terminal and not os.environ.get("COLUMNS", "").strip("0").isdigit():
        console.width = UNBOUNDED
    return console
