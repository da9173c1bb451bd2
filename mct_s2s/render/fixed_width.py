"""Text in a space of a fixed width, as a drawing has it: nothing is cut off, and nothing is wider."""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.text import Text


def folded(text: Text, room: int) -> list[Text]:
    """Fold between words; a word that is longer than a line is divided.

    Args:
        text: one line.
        room: cells of a line, at least 2.
    """
    breaks, start, column = [], 0, 0
    for word in re.finditer(r"\s*\S+", text.plain):
        length = cell_len(word[0])
        if column and column + length > room:
            start = word.start() + len(word[0]) - len(word[0].lstrip())
            breaks.append(start)
            column, length = 0, cell_len(word[0].lstrip())
        while length > room:
            cut = _end_of_line(text.plain, start, room)
            breaks.append(cut)
            length -= cell_len(text.plain[start:cut])
            start = cut
        column += length
    lines = list(text.divide(breaks))
    for line in lines:
        line.rstrip()
    return lines


def _end_of_line(text: str, start: int, room: int) -> int:
    """Where a line that begins at `start` is full: a character may be two cells wide."""
    end = start
    while end < len(text) and cell_len(text[start : end + 1]) <= room:
        end += 1
    return max(end, start + 1)
