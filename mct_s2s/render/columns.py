"""Tables without rules, in which nothing is ever cut: an ID without its last digit is useless."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mct_s2s.render.console import one_line
from mct_s2s.render.folding import fold, widest_piece

INDENT = 4

Row = list[Text]


class Columns:
    """Rows of cells. Without enough room, cells are folded between words; a row with a wider word is stacked.

    No line ends in blanks, on a terminal neither. A word that is wider than the screen is a line of its own, whole.

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
        for line in self._lines(options.max_width):
            line.rstrip()
            yield from console.render(line, options.update(no_wrap=True, overflow="ignore"))

    def _lines(self, room: int) -> Iterator[Text]:
        if not self._rows:
            return
        beside = [row for row in self._rows if self._least(row) <= room]
        widths = self._widths(beside, room)
        if widths is not None and self._is_titled:
            yield from self._table_row(self._heads, widths)
        for row in self._rows:
            if widths is not None and any(row is one for one in beside):
                yield from self._table_row(row, widths)
            elif self._is_titled:
                yield from self._stacked(row, room)
            else:
                yield from self._joined(row, room)

    @property
    def _is_titled(self) -> bool:
        return any(head.plain for head in self._heads)

    def _least(self, row: Row) -> int:
        """The columns that a row needs, at the least, to be one of the table."""
        return sum(self._needed(at, cell) for at, cell in enumerate(row)) + self._gap * (len(row) - 1)

    def _needed(self, at: int, cell: Text) -> int:
        return cell_len(cell.plain) if at in self._narrow else widest_piece(cell)

    def _widths(self, rows: Sequence[Row], room: int) -> list[int] | None:
        """The width of each column; `None` where they do not fit beside each other."""
        if not rows:
            return None
        columns = list(zip(*([self._heads] if self._is_titled else []), *rows, strict=True))
        widest = [max(cell_len(cell.plain) for cell in column) for column in columns]
        widths = [max(self._needed(at, cell) for cell in column) for at, column in enumerate(columns)]
        spare = room - self._gap * (len(columns) - 1) - sum(widths)
        if spare < 0:
            return None
        while spare > 0 and widths != widest:
            at = min((at for at in range(len(widths)) if widths[at] < widest[at]), key=lambda at: widths[at])
            widths[at] += 1
            spare -= 1
        return widths

    def _table_row(self, row: Row, widths: Sequence[int]) -> Iterator[Text]:
        """Each cell below its title, folded to the width of its column."""
        folded = [fold(cell, width) for cell, width in zip(row, widths, strict=True)]
        for at in range(max(len(lines) for lines in folded)):
            line = Text()
            for lines, width in zip(folded, widths, strict=True):
                cell = lines[at] if at < len(lines) else Text()
                line.append_text(cell).append(" " * (width - cell_len(cell.plain) + self._gap))
            yield line

    def _stacked(self, row: Row, room: int) -> Iterator[Text]:
        """Each cell on lines of its own, all but a row's first indented, with its title."""
        if row[0].plain.strip():  # else the row continues the one before it
            yield from fold(row[0], room, indent=INDENT)
        for head, cell in zip(self._heads[1:], row[1:], strict=True):
            if cell.plain.strip():
                title = (f"{head.plain}: ", "quiet") if head.plain else ""
                yield from fold(Text.assemble(" " * INDENT, title, cell), room, indent=INDENT)

    def _joined(self, row: Row, room: int) -> Iterator[Text]:
        """Cell after cell as if the row were a sentence, and cells that do not fit on lines of their own."""
        line = row[0].copy()
        for cell in row[1:]:
            if not cell.plain.strip():
                continue
            if cell_len(line.plain) + self._gap + cell_len(cell.plain) <= room:
                line = Text.assemble(line, " " * self._gap, cell)
            else:
                yield from fold(line, room, indent=INDENT)
                line = Text.assemble(" " * INDENT, cell)
        yield from fold(line, room, indent=INDENT)
