"""With `--all`, coverage is measured until the cells begin: thousands of them go over the same lines, at half speed."""

from __future__ import annotations

import os

import coverage
import pytest

from tests.support.sampling import every_cell

_OF_CELLS = ("tests/reliability/", "tests/security/test_any_shape.py", "tests/sandbox/test_fuzzing.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put them last: what has been stopped does not start again in threads that are there already."""
    if every_cell():
        items.sort(key=_has_cells)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stop measuring, here and in the processes that are started from now on."""
    measured = coverage.Coverage.current()
    if measured is not None and every_cell() and _has_cells(item):
        measured.stop()
        for name in [name for name in os.environ if name.startswith(("COV_CORE_", "COVERAGE_PROCESS_"))]:
            del os.environ[name]


def _has_cells(item: pytest.Item) -> bool:
    """Whether it is a matrix, or tried with thousands of examples."""
    return item.nodeid.startswith(_OF_CELLS) or getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
