"""What the matrices came to, in one line each at the end of a run: also when they ran on several workers."""

from collections import Counter
from typing import Any

import pytest

PROPERTY = "total"
_WHAT_MUST_STAY_0 = {"lost": "lost writes", "orphans": "orphans", "doubles": "doubles", "leaks": "leaks"}
"""Something of the end state is missing; a secret that nobody holds; something twice; a secret where it has no
business."""
_running: list[list[tuple[str, object]]] = []


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Counts go with the report of the test that runs, which also travels from worker to controller."""
    _running[:] = [item.user_properties]


def count(what: str, **counts: int) -> None:
    """Add to the totals of `what`."""
    _running[0].append((PROPERTY, [what, counts]))


def cell(matrix: str, **counts: int) -> None:
    """One cell of a matrix has been run; `lost`, `orphans`, `doubles` and `leaks` are what it came to."""
    found = {name: counts.get(key, 0) for key, name in _WHAT_MUST_STAY_0.items()}
    count(f"{matrix} matrix", cells=1, **found)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    totals: dict[str, Counter[str]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for name, value in getattr(report, "user_properties", ()):
                    if name == PROPERTY:
                        what, counts = value
                        totals.setdefault(what, Counter()).update(counts)
    terminalreporter.ensure_newline()
    for what, counts in sorted(totals.items()):
        terminalreporter.write_line(f"{what}: " + ", ".join(f"{number} {name}" for name, number in counts.items()))
