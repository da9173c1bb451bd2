"""Tables without rules, in which nothing is ever cut: an ID without its last digit is useless."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from mct_s2s.plain_text import plain
from mct_s2s.render.console import one_line

WHOLE_WORD = 48
"""Words up to this length are not folded: an id has 36 characters, an Application ID URI 42."""
INDENT = 4


class Columns:
    """Rows of cells. Without enough room, cells are folded between words, or else stacked.

    No line ends in blanks, on a terminal neither.

    Args:
        heads: the columns' titles; `None` for each that has none, and if no column has one there is no line of them.
        narrow: by column, from 0: those that are never folded, as their cells are short.
        gap: blanks between two columns.
    """

    def __init__(self, heads: Sequence[str | None], *, narrow: Sequence[int] = (), gap: int = 2) -> None:
        self._heads = [Text(head or "", style="head") for head in heads]
        self._narrow = frozenset(narrow)
        self._gap = gap
        self._rows: list[list[Text]] = []

    def add(self, *cells: str | Text) -> None:
        """A row: a cell for each column."""
        self._rows.append([one_line(cell) for cell in cells])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Line by line."""
        if not self._rows:
            return
        widths = self._widths(options.max_width)
        lines = self._stacked(console, options) if widths is None else self._table(widths, console, options)
        for line in lines:
            yield from _inert(_without_end(line))
            yield Segment.line()

    def _widths(self, room: int) -> list[int] | None:
        """The width of each column; `None` where they do not fit beside each other."""
        titled = any(head.plain for head in self._heads)
        columns = list(zip(*([self._heads] if titled else []), *self._rows, strict=True))
        widest = [max(cell_len(cell.plain) for cell in column) for column in columns]
        least = [
            wanted if at in self._narrow else min(wanted, max(map(_longest_word, column)))
            for at, (wanted, column) in enumerate(zip(widest, columns, strict=True))
        ]
        spare = room - self._gap * (len(columns) - 1) - sum(least)
        if spare < 0:
            return None
        widths = least
        while spare > 0 and widths != widest:
            at = min((at for at in range(len(widths)) if widths[at] < widest[at]), key=lambda at: widths[at])
            widths[at] += 1
            spare -= 1
        return widths

    def _table(self, widths: list[int], console: Console, options: ConsoleOptions) -> list[list[Segment]]:
        titled = any(head.plain for head in self._heads)
        table = Table(box=None, pad_edge=False, padding=(0, self._gap, 0, 0), show_header=titled)
        for head, width in zip(self._heads, widths, strict=True):
            table.add_column(head, overflow="fold", width=width)
        for row in self._rows:
            table.add_row(*row)
        return console.render_lines(table, options.update(no_wrap=False), pad=False)

    def _stacked(self, console: Console, options: ConsoleOptions) -> Iterator[list[Segment]]:
        """Each cell on lines of its own, all but a row's first indented."""
        room = options.update(no_wrap=False, overflow="fold")
        for row in self._rows:
            yield from console.render_lines(row[0], room, pad=False)
            for head, cell in zip(self._heads[1:], row[1:], strict=True):
                titled = Text.assemble((f"{head.plain}: ", "quiet"), cell) if head.plain else cell
                if cell.plain.strip():
                    yield from console.render_lines(Padding(titled, (0, 0, 0, INDENT)), room, pad=False)


def _longest_word(cell: Text) -> int:
    return max((min(cell_len(word), WHOLE_WORD) for word in cell.plain.split(" ")), default=0)


def _inert(line: Sequence[Segment]) -> Iterator[Segment]:
    """A line that begins within a cell's word, and so perhaps as a command for a pipeline does, is made plain again."""
    shown = iter(plain("".join(segment.text for segment in line)))
    for segment in line:
        yield Segment("".join(islice(shown, len(segment.text))), segment.style, segment.control)


def _without_end(line: Sequence[Segment]) -> list[Segment]:
    kept = list(line)
    while kept and not kept[-1].text.strip(" "):
        kept.pop()
    if kept:
        kept[-1] = Segment(kept[-1].text.rstrip(" "), kept[-1].style, kept[-1].control)
    return kept
