"""The ground that the matrices are run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Json
from tests.reliability.commands import Course
from tests.reliability.harness import Harness
from tests.support.sandbox_inside import Inside
from tests.support.spared import collected


@pytest.fixture(scope="session")
def courses() -> dict[str, Course]:
    """Each worker finds a command's course out once."""
    return {}


@pytest.fixture
def harness(inside: Inside, seeded: Json, tmp_path: Path) -> Iterator[Harness]:
    """As new."""
    made = Harness(inside, seeded, tmp_path)
    made.go_to(seeded)
    with collected():
        yield made
        inside.become(seeded)
