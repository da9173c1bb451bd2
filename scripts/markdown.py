"""Markdown, as the reference pages need it."""

from __future__ import annotations

import re
from collections.abc import Iterable


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; bars within cells are escaped."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def anchor(heading: str) -> str:
    """How a link names a heading, as GitHub does."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
