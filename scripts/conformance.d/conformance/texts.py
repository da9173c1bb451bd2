"""Texts of an answer without anything that identifies a tenant: names in place of values, formats in place of the rest.

Nothing is kept because it looks harmless. A text stays only if the sandbox returned the same, if the run sent it, or if
it is a service's own word in a place for such words; even there, quoted parts are replaced unless they are known words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial

ANY = "<string>"
_PART = r"(?<![A-Za-z0-9])(?:{})(?![A-Za-z0-9])"
_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_TOP = "com|net|org|edu|gov|mil|int|info|biz|cloud|dev|local|internal|test|example|school|academy|training|[a-z]{2}"
_HOST = rf"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+(?:{_TOP})"

_FORMATS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, flags), shown)
    for pattern, shown, flags in (
        (r"\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*", ANY, 0),
        (_PART.format(_GUID), "<guid>", 0),
        (_PART.format(_GUID), ANY, re.IGNORECASE),
        (_SECONDS + r"\.\d{7}Z", "<utc 7 decimals>", 0),
        (_SECONDS + r"(?:\.\d+)?(?:[+-]\d\d:\d\d)", ANY, 0),
        (_SECONDS + r"\.\d+Z", ANY, 0),
        (_SECONDS + "Z", "<utc seconds>", 0),
        (_SECONDS + r"(?:\.\d{1,7})?", "<utc no zone, 0 to 7 decimals, trailing zeros cut>", 0),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "<utc blank Z>", 0),
        (r"\b\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d(?: [AP]M)?(?: [+-]\d\d:\d\d)?", ANY, 0),
        (r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", ANY, 0),
        (r"[^\s'\"<>()@,;=/]+@[^\s'\"<>()@,;=/]+", ANY, 0),
        (r"(?<=://)(?:localhost|\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::\d+)?(?=[/?#'\",;.\s]|$)", ANY, 0),
        (_PART.format(_HOST), ANY, re.IGNORECASE),
        (r"\b(?:localhost|\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?\b", ANY, 0),
        (r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,}[0-9a-fA-F:.]*", ANY, 0),
        (r"(?<![A-Za-z0-9+_-])(?=(?:[A-Za-z+_-]*\d){2})[A-Za-z0-9+_-]{20,}={0,2}(?![A-Za-z0-9+_-])", ANY, 0),
        (r"(?<![A-Za-z0-9=])\d{5,}(?![A-Za-z0-9])", "<digits>", 0),
    )
)
"""In this order: what is longer comes before what it may contain."""
_HOLDS_WORDS = re.compile(r"[A-Za-z0-9]")
_PLACEHOLDER = re.compile(r"\{[A-Za-z][^{}\"]*\}|<[A-Za-z0-9][^<>]*>")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"|`([^`]*)`")
LONGEST_MESSAGE = 1000
SHORTEST_PRIVATE = 4


class Texts:
    """Renders the texts of one side.

    Args:
        names: the values of the story's names on this side.
        private: further values that may not be shown, wherever they occur.
        words: what may be quoted in a message: words of the run's own requests and of the sandbox.
    """

    def __init__(self, names: Mapping[str, str], *, private: Iterable[str] = (), words: Iterable[str] = ()) -> None:
        self._names = {value: name for name, value in reversed(list(names.items())) if value}
        self._bound = _any_of(self._names)
        self._private = _any_of(value for value in private if len(value) >= SHORTEST_PRIVATE)
        self._words = frozenset(words)

    def plain(self, text: str) -> str:
        """Return a text with names in place of values, and formats in place of ids, times, addresses and secrets."""
        if self._bound is not None:
            text = self._bound.sub(self._named, text)
        if self._private is not None:
            text = _outside(text, partial(self._private.sub, ANY))
        for pattern, shown in _FORMATS:
            text = _outside(text, partial(pattern.sub, shown))
        return text

    def identifies(self, name: str) -> bool:
        """Return whether a member's name holds one of the values that may not be shown."""
        return any(pattern is not None and pattern.search(name) for pattern in (self._bound, self._private))

    def message(self, text: str) -> str:
        """Return a service's message: the same, and without quoted parts unless they are known."""
        shown = _QUOTED.sub(self._quoted, self.plain(text))
        return shown[:LONGEST_MESSAGE]

    def _named(self, match: re.Match[str]) -> str:
        """Return the name of a value; in another case it is private, too, but not the same text."""
        name = self._names.get(match[0])
        return ANY if name is None else "{" + name + "}"

    def _quoted(self, match: re.Match[str]) -> str:
        inner = next(group for group in match.groups() if group is not None)
        mark = match[0][0]
        return match[0] if is_only_placeholders(inner) or inner in self._words else f"{mark}{ANY}{mark}"


def is_only_placeholders(text: str) -> bool:
    """Return whether a text consists of placeholders and punctuation."""
    return _HOLDS_WORDS.search(_PLACEHOLDER.sub("", text)) is None


def _any_of(values: Iterable[str]) -> re.Pattern[str] | None:
    found = sorted({value for value in values if value}, key=lambda value: (-len(value), value))
    return re.compile(_PART.format("|".join(map(re.escape, found))), re.IGNORECASE) if found else None


def _outside(text: str, change: Callable[[str], str]) -> str:
    """Change what is outside of placeholders."""
    parts, end = list[str](), 0
    for match in _PLACEHOLDER.finditer(text):
        parts += [change(text[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*parts, change(text[end:])])
