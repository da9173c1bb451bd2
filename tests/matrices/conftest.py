"""The ground that the matrices are run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Json
from tests.inside import Inside
from tests.matrices.ground import Ground
from tests.totals import Tally


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


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[[str], Tally]:
    """Where a matrix counts its cells."""
    return lambda matrix: Tally(request, matrix)
