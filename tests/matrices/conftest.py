"""The ground that the matrices are run on."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Json
from tests.inside import Inside
from tests.matrices.ground import Ground

PASSING = (
    # msgraph-sdk's own modules warn of their deprecation when they are imported.
    "ignore:(GetQueryParameters|This class) is deprecated:DeprecationWarning",
    # Connections that were cut are let go by the end of the process, which does not come here.
    "ignore::ResourceWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every matrix pass over warnings that are nobody's fault."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            for warning in PASSING:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def seed(inside: Inside) -> Json:
    """The world as it begins, in which nothing takes its time."""
    inside.azure.reset()
    return inside.world.to_dict()


@pytest.fixture
def ground(inside: Inside, seed: Json, tmp_path: Path) -> Iterator[Ground]:
    """As new."""
    made = Ground(inside, seed, tmp_path)
    made.go_to(seed)
    yield made
    inside.become(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # here, and not in a test that comes later
