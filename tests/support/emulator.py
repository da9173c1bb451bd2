"""A terminal in memory: what is on its screen after all that was written to it, also when its window changes."""

from __future__ import annotations

import io
import re

_PARTS = re.compile(r"\x1b\[\?25[lh]|\x1b\[(\d*)([A-Za-z])|\r|\n|.", re.DOTALL)


class Emulator(io.StringIO):
    """As tmux and Windows Terminal do it: lines that are too long are folded, also those that were drawn before.

    Every character is one column wide.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.raw = ""
        self.shows_cursor = True
        self._rows: list[tuple[str, bool]] = [("", False)]
        """Each row, and whether the next one goes on with it."""
        self._at, self._column = 0, 0

    def isatty(self) -> bool:
        """It is one."""
        return True

    @property
    def lines(self) -> list[str]:
        """The lines that were written, however they are folded, without empty ones at the end."""
        return [text.rstrip() for text, _ in self._logical()]

    @property
    def row_count(self) -> int:
        """Rows of the screen that are not empty at its end."""
        return len(self._rows)

    def write(self, text: str) -> int:
        """Show it."""
        self.raw += text
        for part in _PARTS.finditer(text):
            match part[0]:
                case "\x1b[?25l" | "\x1b[?25h":
                    self.shows_cursor = part[0].endswith("h")
                case "\r":
                    self._column = 0
                case "\n":
                    self._next_row(continues=False)
                case _ if part[2] is not None:
                    self._control(part[2], int(part[1] or 1))
                case character:
                    self._put(character)
        return len(text)

    def resize(self, width: int) -> None:
        """Fold every line anew; the cursor stays where it is in its line."""
        rows: list[tuple[str, bool]] = []
        for text, has_cursor in self._logical():
            cells = [text[at : at + width] for at in range(0, max(1, len(text)), width)]
            if has_cursor:
                offset = min(self._offset(), max(0, len(text)))
                row = min(offset // width, len(cells) - 1)  # after a line that fills its row, the cursor stays in it
                self._at, self._column = len(rows) + row, offset - row * width
            rows += [(cell, at < len(cells) - 1) for at, cell in enumerate(cells)]
        self._rows, self.width = rows, width

    def _control(self, letter: str, number: int) -> None:
        if letter == "A":
            self._at = max(0, self._at - number)
        elif letter == "J":
            self._rows = self._rows[: self._at + 1]
            self._rows[-1] = (self._rows[-1][0][: self._column], False)
        else:
            assert letter == "m", letter

    def _put(self, character: str) -> None:
        if self._column == self.width:
            self._next_row(continues=True)
        text = self._rows[self._at][0].ljust(self._column)
        self._rows[self._at] = (text[: self._column] + character + text[self._column + 1 :], self._rows[self._at][1])
        self._column += 1

    def _next_row(self, *, continues: bool) -> None:
        self._rows[self._at] = (self._rows[self._at][0], continues)
        self._at, self._column = self._at + 1, 0
        if self._at == len(self._rows):
            self._rows.append(("", False))

    def _logical(self) -> list[tuple[str, bool]]:
        """Each line, and whether the cursor is in it."""
        lines, text, has_cursor = [], "", False
        for at, (row, continues) in enumerate(self._rows):
            text, has_cursor = text + row, has_cursor or at == self._at
            if not continues:
                lines.append((text, has_cursor))
                text, has_cursor = "", False
        return lines

    def _offset(self) -> int:
        """Columns from the beginning of the cursor's line."""
        first = self._at
        while first and self._rows[first - 1][1]:
            first -= 1
        return (self._at - first) * self.width + self._column
