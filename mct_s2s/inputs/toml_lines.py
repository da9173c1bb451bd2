"""The line of every key and element of a TOML text: `tomllib` reads the values, and does not say where they were."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

Place = tuple[str | int, ...]
"""Keys and indexes from the top: `("sites", "learn", "clients", 0, "name")`."""

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
"""Also where only spaces may stand: the text is known to be TOML."""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r"""
    \"{3} (?: \\. | [^\\] )*? \"{3} \"{0,2}
    | '{3} .*? '{3} '{0,2}
    | \" (?: \\. | [^"\\] )* \"
    | ' [^']* '
    """,
    re.VERBOSE | re.DOTALL,
)
"""In a string of several lines, one or two quotation marks may stand before the three that end it."""
_PLAIN = re.compile(r"[^,\]}#\n]+")
"""A number, a date, a time or a boolean."""


def lines_of(text: str) -> dict[Place, int]:
    """The line, from 1, on which each table, key and element of an array begins.

    A table that is only named by the header of one inside it is where that header is.

    Args:
        text: what `tomllib` has accepted.

    Raises:
        RecursionError: it is nested too deeply.
    """
    scanner = _Scanner(text.replace("\r\n", "\n"))
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.lines: dict[Place, int] = {}
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._counts: dict[Place, int] = {}
        """How many tables each array of tables has so far."""

    def document(self) -> None:
        table: Place = ()
        while self._next():
            if self._next() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Place:
        line, is_array = self._line(), self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        keys = self._keys()
        path: Place = ()
        self._at += 2 if is_array else 1
        for number, key in enumerate(keys, start=1):
            path = self._enter((*path, key), line, adds=is_array and number == len(keys))
        return path

    def _enter(self, path: Place, line: int, *, adds: bool) -> Place:
        """The table of that name; of an array of tables its last one, or one more."""
        self.lines.setdefault(path, line)
        if adds:
            self._counts[path] = self._counts.get(path, 0) + 1
        if path not in self._counts:
            return path
        element = (*path, self._counts[path] - 1)
        self.lines.setdefault(element, line)
        return element

    def _pair(self, table: Place) -> None:
        line, path = self._line(), table
        for key in self._keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._at += 1  # the sign
        self._value(path)

    def _keys(self) -> list[str]:
        keys = [self._key()]
        while self._next() == ".":
            self._at += 1
            keys.append(self._key())
        return keys

    def _key(self) -> str:
        if self._next() in {'"', "'"}:
            key: str = tomllib.loads(f"key = {self._take(_STRING)}")["key"]
            return key
        return self._take(_BARE_KEY)

    def _value(self, path: Place) -> None:
        match self._next():
            case "[":
                self._elements(path)
            case "{":
                self._members(path)
            case '"' | "'":
                self._take(_STRING)
            case _:
                self._take(_PLAIN)

    def _elements(self, path: Place) -> None:
        self._at += 1
        count = 0
        while self._next() != "]":
            element = (*path, count)
            self.lines[element] = self._line()
            self._value(element)
            self._comma()
            count += 1
        self._at += 1

    def _members(self, path: Place) -> None:
        self._at += 1
        while self._next() != "}":
            self._pair(path)
            self._comma()
        self._at += 1

    def _comma(self) -> None:
        if self._next() == ",":
            self._at += 1

    def _next(self) -> str:
        """The next character that counts; empty at the end."""
        self._take(_BLANK)
        return self._text[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"not TOML at character {self._at}")
        self._at = match.end()
        return match[0]

    def _line(self) -> int:
        return bisect_right(self._starts, self._at)
