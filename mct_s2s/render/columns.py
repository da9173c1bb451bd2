"""Tables in which no ID is ever cut, and no line ends in blanks; rich's do both."""

from collections.abc import Iterator, Sequence
from typing import Self

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mct_s2s.render.console import fold, one_line, widest_piece

INDENT, GAP = 4, 2
LEAST_WIDTH = 20
"""Of a column whose cells are folded: in a narrower one, a sentence is a word a line."""
FEW = 4
"""Where no more than one row in so many is too wide, it alone has cells below it."""

Row = list[Text]


class Columns:
    """Rows that all have the same shape.

    As many of the first columns are beside each other as the room allows. The cells of the others
    are below them, a line each. The last cell of a line is folded between words. A few rows that
    are too wide have more of their cells below them, and the others do not pay for that.
    """

    def __init__(self, heads: Sequence[str] = ()) -> None:
        self._heads = [Text(head, style="head") for head in heads]
        self._rows: list[Row] = []
        self._parts: list[Row | Text | Self] = []

    def add(self, *cells: str | Text) -> None:
        row = [one_line(cell) for cell in cells]
        self._rows.append(row)
        self._parts.append(row)

    def add_below(self, part: Text | Self) -> None:
        """Add what belongs to the row before it, and has no part in the columns."""
        self._parts.append(part)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = options.update(no_wrap=True, overflow="ignore")
        for part in self._lines(options.max_width):
            if isinstance(part, Text):
                part.rstrip()
            yield from console.render(part, whole)

    def _lines(self, room: int) -> Iterator[Text | Self]:
        rows = [self._heads, *self._rows] if self._heads else self._rows
        if not rows:
            yield from (part for part in self._parts if not isinstance(part, list))
            return
        whole = [row for row in rows if _fit([row], len(row), room)]
        is_apart = not self._heads and (len(rows) - len(whole)) * FEW <= len(rows)
        common = whole if is_apart else rows
        beside = next(count for count in range(len(rows[0]), 0, -1) if _fit(common, count, room))
        widths = _widths(common, beside)
        if self._heads and beside > 1:
            yield from _first_line(self._heads[:beside], widths, room)
        indent = INDENT
        for part in self._parts:
            if not isinstance(part, list):
                yield part
                continue
            is_start = bool(part[0].plain.strip())  # else the row continues the one before it
            if is_start:
                indent = INDENT + _blanks_before(part[0])
            count = _count_beside(part, beside, widths, room) if is_apart else beside
            if is_start or count > 1:
                yield from _first_line(part[:count], widths[: count - 1], room, indent)
            yield from self._below(part, count, room, indent)

    def _below(self, row: Row, beside: int, room: int, indent: int) -> Iterator[Text]:
        for at, cell in enumerate(row[beside:], beside):
            if not cell.plain.strip():
                continue
            head = self._heads[at].plain.strip() if self._heads else ""
            title = (f"{head}: ", "quiet") if head else ""
            yield from fold(Text.assemble(" " * indent, title, cell), room, indent=indent)


def _blanks_before(cell: Text) -> int:
    return len(cell.plain) - len(cell.plain.lstrip())


def _fit(rows: Sequence[Row], count: int, room: int) -> bool:
    """Whether the first `count` columns fit beside each other; a single one always does."""
    left = room - sum(_widths(rows, count))
    return count == 1 or all(_least_width(row[count - 1]) <= left for row in rows)


def _count_beside(row: Row, most: int, widths: Sequence[int], room: int) -> int:
    """How many cells of a row are beside each other in columns of these widths."""
    for count in range(most, 1, -1):
        before = widths[: count - 1]
        has_room = _least_width(row[count - 1]) <= room - sum(before)
        if has_room and all(
            cell_len(cell.plain) + GAP <= width for cell, width in zip(row, before, strict=False)
        ):
            return count
    return 1


def _widths(rows: Sequence[Row], count: int) -> list[int]:
    """Of the first `count` columns but the last of them, with the blanks behind them."""
    return [
        max(cell_len(cell.plain) for cell in column) + GAP for column in zip(*rows, strict=True)
    ][: count - 1]


def _least_width(cell: Text) -> int:
    return min(cell_len(cell.plain), max(widest_piece(cell), LEAST_WIDTH))


def _first_line(
    cells: Row, widths: Sequence[int], room: int, indent: int = INDENT
) -> Iterator[Text]:
    """The cells beside each other; the last one goes on in its column, a single one at `indent`."""
    if not widths:
        yield from fold(cells[0], room, indent=indent)
        return
    start = Text()
    for cell, width in zip(cells, widths, strict=False):
        start.append_text(cell).append(" " * (width - cell_len(cell.plain)))
    for line in fold(cells[-1], room - sum(widths)):
        yield start.append_text(line)
        start = Text(" " * sum(widths))
