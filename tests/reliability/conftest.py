"""The ground that the matrices are run on."""

from __future__ import annotations

import copy
import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Json
from tests.reliability.harness import Ground
from tests.support.sandbox_inside import Inside


@pytest.fixture
def ground(inside: Inside, seeded: Json, tmp_path: Path) -> Iterator[Ground]:
    """As new."""
    made = Ground(inside, seeded, tmp_path)
    made.go_to(seeded)
    yield made
    inside.become(copy.deepcopy(seeded))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # here, and not in a test that comes later
