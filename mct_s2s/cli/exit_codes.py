"""One exit code for several things that went well or not: that of the worst."""

from __future__ import annotations

from collections.abc import Iterable

WORST_LAST = (0, 3, 4, 1)
"""Exit codes by how little is known: a problem that was found, a missing permission, an answer that did not come. Any
other is worse: something was refused because it is wrong as it was asked for."""


def worst(codes: Iterable[int]) -> int:
    """The worst of them; 0 where there is none."""
    return max(codes, key=lambda code: WORST_LAST.index(code) if code in WORST_LAST else len(WORST_LAST), default=0)
