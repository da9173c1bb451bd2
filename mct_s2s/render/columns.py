"""Tables in which no ID is ever cut, and no line ends in blanks; rich's do both."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mct_s2s.render.console import fold, one_line, widest_piece

INDENT, GAP = 4, 2

Row = list[Text]


class Columns:
    """A row's last cell is folded between words; a row that does not fit even so is stacked: each
    cell below the one before it. Without heads, what fits into a line stays beside it.
    """

    def __init__(self, heads: Sequence[str] = ()) -> None:
        self._heads = [Text(head, style="head") for head in heads]
        self._rows: list[Row] = []

    def add(self, *cells: str | Text) -> None:
        self._rows.append([one_line(cell) for cell in cells])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self._lines(options.max_width):
            line.rstrip()
            yield from console.render(line, options.update(no_wrap=True, overflow="ignore"))

    def _lines(self, room: int) -> Iterator[Text]:
        heads = [self._heads] if self._heads else []
        narrow = [row for row in [*heads, *self._rows] if _least(row, _widths([row])) <= room]
        widths = _widths(narrow)
        beside = {id(row) for row in narrow if _least(row, widths) <= room}
        is_table = len(beside) > len(heads) and all(id(row) in beside for row in heads)
        for row in [*heads, *self._rows] if is_table else self._rows:
            yield from (
                _beside(row, widths, room)
                if is_table and id(row) in beside
                else self._stacked(row, room)
            )

    def _stacked(self, row: Row, room: int) -> Iterator[Text]:
        is_start = bool(row[0].plain.strip())  # else the row continues the one before it
        if self._heads:
            if is_start:
                yield from fold(row[0], room, indent=INDENT)
            for head, cell in zip_longest(self._heads[1:], row[1:], fillvalue=Text()):
                if cell.plain.strip():
                    title = (f"{head.plain}: ", "quiet") if head.plain else ""
                    yield from fold(Text.assemble(" " * INDENT, title, cell), room, indent=INDENT)
            return
        indent = INDENT + (_blanks_before(row[0]) if is_start else 0)
        if indent + max(map(widest_piece, row[1:]), default=0) > room:
            indent = INDENT
        line = row[0] if is_start else Text()
        for cell in map(Text.copy, row[1:]):
            cell.rstrip()
            if not cell:
                continue
            beside = Text.assemble(line, " " * GAP, cell)
            if line and cell_len(beside.plain) <= room:
                line = beside
                continue
            if line:
                yield from fold(line, room, indent=indent)
            line = Text.assemble(" " * indent, cell)
        yield from fold(line, room, indent=indent)


def _blanks_before(cell: Text) -> int:
    return len(cell.plain) - len(cell.plain.lstrip())


def _widths(rows: Sequence[Row]) -> list[int]:
    """Of all columns but the last, with the blanks behind them."""
    return [
        max(cell_len(cell.plain) for cell in column) + GAP for column in zip(*rows, strict=True)
    ][:-1]


def _least(row: Row, widths: Sequence[int]) -> int:
    """The room that it takes beside each other, however its last cell is folded."""
    return sum(widths) + widest_piece(row[-1])


def _beside(row: Row, widths: Sequence[int], room: int) -> Iterator[Text]:
    start = Text()
    for cell, width in zip(row, widths, strict=False):
        start.append_text(cell).append(" " * (width - cell_len(cell.plain)))
    for line in fold(row[-1], room - sum(widths)):
        yield start.append_text(line)
        start = Text(" " * sum(widths))
