"""What the matrices came to, in one line each at the end of a run: also when they ran on several workers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

PROPERTY = "matrix"
COUNTS = ("lost writes", "orphans", "doubles", "leaks")
"""What must stay 0: something of the end state is missing; a secret that nobody holds; something twice; a secret where
it has no business."""


class Tally:
    """Counts for one matrix; kept with the test's report, which also travels from worker to controller."""

    def __init__(self, request: pytest.FixtureRequest, matrix: str) -> None:
        self._properties = request.node.user_properties
        self._matrix = matrix

    def cell(self, **counts: int) -> None:
        """One cell has been run; `lost`, `orphans`, `doubles` and `leaks` are what it came to."""
        found = [counts.get(name.partition(" ")[0], 0) for name in COUNTS]
        self._properties.append((PROPERTY, [self._matrix, 1, *found]))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the totals."""
    totals: dict[str, Counter[str]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                _add(totals, getattr(report, "user_properties", ()))
    terminalreporter.ensure_newline()
    for matrix, counts in sorted(totals.items()):
        told = ", ".join(f"{counts[name]} {name}" for name in ("cells", *COUNTS))
        terminalreporter.write_line(f"{matrix} matrix: {told}")


def _add(totals: dict[str, Counter[str]], properties: Any) -> None:
    for name, value in properties:
        if name == PROPERTY:
            matrix, *numbers = value
            totals.setdefault(matrix, Counter()).update(dict(zip(("cells", *COUNTS), numbers, strict=True)))
