"""GitHub's Markdown, in which no name is markup.

Values are code spans, or are written with character references.

Sources: spec.commonmark.org/0.31.2, "Code spans" and "Entity and numeric character references";
github.github.com/gfm, "Tables".
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from mct_s2s.plain_text import plain

_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|&~$@^]|:(?=\S)|(?<=www)\.", re.IGNORECASE)
_SAFE_IN_CODE = re.compile(r"[^\\`|\s](?:[^\\`|]*[^\\`|\s])?")
"""No backtick, which ends a code span; neither pipe nor backslash, which mean something in tables.
"""
_PLAIN = re.compile(r"(?:[·+~!-] )?[^\W_](?:[^\W_]|[ ,;()-]|: )*")
"""Mere words, perhaps after the sign of a step."""


def text(words: str) -> str:
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", plain(" ".join(words.split())))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = [f"| {' | '.join(_cell(plain(cell)) for cell in row)} |" for row in rows]
    if lines:
        yield from ("", f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}", *lines)


def page(title: str, shown: str, *above: str) -> str:
    lines = (f"# {text(title)}", "", *above, *fenced(*shown.splitlines(), language="text"))
    return "".join(f"{line}\n" for line in lines)


def fenced(*lines: str, language: str = "sh") -> Iterator[str]:
    """The fence is longer than any row of backticks in it."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"{fence}{language}", *map(plain, lines), fence)


def _cell(value: str) -> str:
    if not value or _PLAIN.fullmatch(value):
        return value
    return f"`{value}`" if _SAFE_IN_CODE.fullmatch(value) else text(value)
