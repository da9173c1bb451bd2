"""Where a long text may go on to the next line: between words, and nowhere in what is copied.

An id, a path, an address or a command with a line end in it cannot be pasted. What is wider than the screen goes on a
line of its own, whole: the terminal itself folds it, and a copy of it has no line end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.containers import Lines
from rich.text import Text

_PROGRAMS = "mct-s2s|az|azd|gh|kubectl|sudo|curl|export|eval"
_END = r"[.,;:)?!'\"`]*(?:\s|$)"
_WORD = r"(?:'[^']*'|\"[^\"]*\"|[^\s'\"])+?"
_COMMAND = re.compile(rf"(?<!\S)[('\"`]?(?:{_PROGRAMS})(?= )(?: +{_WORD}(?={_END}))+(?<=\S)[.,;:)?!'\"`]*")
"""A program and the words that follow it, up to a mark of punctuation that ends a word, or the end of the text."""
_OPTION = re.compile(r" -|=|[A-Z]{2}|['\"]")
"""In every command that is longer than its verbs: `az cannot be found here` is none."""
_BEGINS = re.compile(r"[a-z0-9./$_-]")
"""What is styled as a command and begins otherwise is a sentence: `Run mct-s2s add-client NAME, or …`."""
_PIECE = re.compile(r"mct-s2s [a-z-]+\S*|\d+ s\b\S*|\S+")
"""A number of seconds is one, too."""
_AFTER_SEMICOLON = re.compile(r"(?<=[0-9a-f]);(?=[0-9a-f]{8}-)", re.IGNORECASE)
"""Between two ids of an allow list, which is one word however many they are."""


def fold(text: Text, width: int, *, indent: int = 0) -> list[Text]:
    """The lines of a text, none of which ends in blanks.

    Args:
        text: one line, its own indentation included. Of the style `command` it is never folded.
        width: columns. A piece that has to stay whole may be wider; it is alone on its line then.
    """
    lines = text.divide(_breaks(text, width, indent)) if text.style != "command" else Lines([text.copy()])
    for line in lines:
        line.rstrip()
    return [Text.assemble(" " * indent, line) if at else line for at, line in enumerate(lines)]


def widest_piece(text: Text) -> int:
    """Columns that a text needs so that every piece of it is whole."""
    return max((cell_len(text.plain[start:end]) for start, end in _pieces(text)), default=0)


def _breaks(text: Text, width: int, indent: int) -> Iterator[int]:
    """Where the lines after the first begin."""
    column = end_before = 0
    for start, end in _pieces(text):
        blanks, length = cell_len(text.plain[end_before:start]), cell_len(text.plain[start:end])
        is_shorter_below = end_before > 0 and column + blanks > indent
        if column + blanks + length > width and is_shorter_below and not _is_sign(text.plain[:start]):
            yield start
            column, blanks = indent, 0
        column += blanks + length
        end_before = end


def _is_sign(beginning: str) -> bool:
    """Whether nothing has been said yet: an arrow or a tick is not alone on its line."""
    said = beginning.strip()
    return len(said) <= 1 and not said.isalnum()


def _pieces(text: Text) -> Iterator[tuple[int, int]]:
    """Where each piece that stays whole begins and ends."""
    at = 0
    for first, last in [*_commands(text), (len(text.plain), len(text.plain))]:
        for word in _PIECE.finditer(text.plain, at, first):
            start = word.start()
            for semicolon in _AFTER_SEMICOLON.finditer(text.plain, *word.span()):
                yield start, semicolon.end()
                start = semicolon.end()
            yield start, word.end()
        if first < last:
            yield first, last
        at = max(at, last)


def _commands(text: Text) -> list[tuple[int, int]]:
    """Where commands are: as they are styled, or else, in a sentence, as far as can be told."""
    styled = [(span.start, span.end) for span in text.spans if span.style == "command"]
    styled = [(start, end) for start, end in styled if _BEGINS.match(text.plain, start)]
    return styled or [found.span() for found in _COMMAND.finditer(text.plain) if _OPTION.search(found[0])]
