"""Which cells are run: a sample in a run of all tests, or with `--all` every one; of a file that is named, its own."""

from __future__ import annotations

import os
import random
import secrets
from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")

_SEED, _ALL = "MCT_S2S_TEST_SEED", "MCT_S2S_TEST_ALL"
_CASES = {
    "tests/cli/test_mistakes.py": 60, "tests/cli/test_trust_files.py": 60, "tests/cli/": 2,
    "tests/render/test_hostile_text.py": 20, "tests/render/test_marks.py": 20,
}  # fmt: skip
"""How many cases a test has there in a run of all tests: most of them run the program, or draw every screen."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--all`, and the seed of the sample; workers read both from the environment."""
    parser.addoption("--all", action="store_true", dest="every_cell", help="every cell of the matrices")
    parser.addoption("--sample-seed", help="choose the same sample again")


def pytest_configure(config: pytest.Config) -> None:
    """Settle the seed before any worker starts."""
    if hasattr(config, "workerinput"):
        return
    os.environ[_SEED] = config.getoption("sample_seed") or os.environ.get(_SEED) or str(secrets.randbelow(100_000))
    os.environ[_ALL] = "1" if config.getoption("every_cell") else ""


def pytest_report_header() -> str:
    """Say what is run."""
    return "matrices: every cell" if every_cell() else f"matrices: a sample; the same again with --sample-seed {seed()}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose the cases of each test."""
    if every_cell() or config.args != config.getini("testpaths"):
        return
    cases_of: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        cases_of[item.nodeid.partition("[")[0]].append(item)
    left_out: set[pytest.Item] = set()
    for name, found in cases_of.items():
        count = next((count for folder, count in _CASES.items() if name.startswith(folder)), len(found))
        if "render" in name or "inside" in getattr(found[0], "fixturenames", ()):  # others cost nothing
            left_out |= set(found) - set(random.Random(f"{seed()} {name}").sample(found, min(count, len(found))))
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=[*left_out])


def every_cell() -> bool:
    """Whether everything was asked for."""
    return bool(os.environ.get(_ALL))


def seed() -> int:
    """What the sample is chosen by."""
    return int(os.environ[_SEED])


def sampled(cells: Sequence[T], count: int, *, of_all: int | None = None, salt: str = "") -> list[T]:
    """So many of the cells, in their order.

    Args:
        cells: there may be more than any run has time for.
        count: how many a sample has.
        of_all: how many `--all` has, if not every one.
        salt: tells one choice from another.
    """
    if every_cell():
        count = len(cells) if of_all is None else of_all
    chosen = set(random.Random(f"{seed()} {salt}").sample(range(len(cells)), min(count, len(cells))))
    return [cell for at, cell in enumerate(cells) if at in chosen]


def cases(of_a_sample: int, of_all: int) -> int:
    """How many examples a property is tried with."""
    return of_all if every_cell() else of_a_sample
