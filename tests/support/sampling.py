"""Choose the cases that are run: in a run of all tests the same sample each time, or with `--all`
every one.

Of a file that is named, every case is run. A nightly run takes another sample by `--sample-seed`.
"""

import os
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

_SEED, _ALL = "MCT_S2S_TEST_SEED", "MCT_S2S_TEST_ALL"
_DEFAULT_SEED = "1"
"""The same for each run, so that a red run is about the change, and not about luck."""
_OF_CELLS = (
    "tests/reliability/", "tests/sandbox/test_fuzzing.py",
    "tests/security/test_never_a_traceback.py::test_a_command_bears_an_answer_of_any_shape",
)  # fmt: skip
_CASES = {
    "tests/cli/test_mistakes.py": 60, "tests/cli/test_trust_files.py": 60,
    "tests/cli/test_other_apis.py": 60, "tests/cli/": 2,
    "tests/render/test_every_screen.py": 26,
}  # fmt: skip
"""How many cases a test has there in a run of all tests: most of them run the program, or draw
every screen.
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--all`, and the seed of the sample; workers read both from the environment."""
    parser.addoption(
        "--all", action="store_true", dest="every_cell", help="every cell of the matrices"
    )
    parser.addoption(
        "--sample-seed", type=int, help=f"choose another sample than that of {_DEFAULT_SEED}"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Settle the seed before any worker starts."""
    if hasattr(config, "workerinput"):
        return
    root = Path(__file__).parents[2]
    missing = [
        name for name in (*_OF_CELLS, *_CASES) if not (root / name.partition("::")[0]).exists()
    ]
    assert not missing, f"{__file__} names what is not there: {missing}"
    chosen_seed = config.getoption("sample_seed")
    os.environ[_SEED] = _DEFAULT_SEED if chosen_seed is None else str(chosen_seed)
    os.environ[_ALL] = "1" if config.getoption("every_cell") else ""


def pytest_report_header() -> str:
    return (
        f"matrices: {'every cell' if every_cell() else 'a sample'}; the same again with "
        f"--sample-seed {seed()}"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose the cases of each test; with `--all`, cells come last: what is cheap fails first."""
    if every_cell():
        items.sort(key=_has_cells)
    if every_cell() or config.args != config.getini("testpaths"):
        return
    cases_of: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        cases_of[item.nodeid.partition("[")[0]].append(item)
    left_out: set[pytest.Item] = set()
    for name, cases in cases_of.items():
        count = next(
            (count for folder, count in _CASES.items() if name.startswith(folder)), len(cases)
        )
        # Others cost nothing
        if "render" in name or "inside" in getattr(cases[0], "fixturenames", ()):
            left_out |= set(cases) - set(
                random.Random(f"{seed()} {name}").sample(cases, min(count, len(cases)))
            )
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=[*left_out])


def _has_cells(item: pytest.Item) -> bool:
    """Whether it is a matrix, or tried with thousands of examples."""
    return item.nodeid.startswith(_OF_CELLS) or getattr(
        getattr(item, "obj", None), "is_hypothesis_test", False
    )


def every_cell() -> bool:
    return bool(os.environ.get(_ALL))


def seed() -> int:
    return int(os.environ[_SEED])


def sampled(
    cells: Sequence[T], count: int, *, of_all: int | None = None, salt: str = ""
) -> list[T]:
    """So many of the cells, in their order.

    Args:
        cells: there may be more than any run has time for.
        count: how many a sample has.
        of_all: how many `--all` has, if not every one.
        salt: tells one choice from another.
    """
    if every_cell():
        count = len(cells) if of_all is None else of_all
    chosen = set(
        random.Random(f"{seed()} {salt}").sample(range(len(cells)), min(count, len(cells)))
    )
    return [cell for at, cell in enumerate(cells) if at in chosen]


def cases(of_a_sample: int, of_all: int) -> int:
    """How many examples a property is tried with."""
    return of_all if every_cell() else of_a_sample
