"""The ground that the matrices are run on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Json
from tests.reliability.commands import Command, Course, course
from tests.reliability.harness import Harness
from tests.support.sandbox_inside import Inside
from tests.support.spared import collected


@pytest.fixture(scope="session")
def courses() -> dict[Command, Course]:
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


@pytest.fixture
def course_of(
    harness: Harness, courses: dict[Command, Course], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Command], Course]:
    """A command's clean run."""

    def known(command: Command) -> Course:
        if command not in courses:
            courses[command] = course(command, harness, tmp_path_factory.mktemp("course"))
        return courses[command]

    return known
