"""The command line's fixtures, and other people of the tenant."""

from collections.abc import Callable, Iterator

import pytest

from tests.cli.conftest import mct, process
from tests.conftest import Sandbox
from tests.render.conftest import screens
from tests.security.people import Member
from tests.support.spared import collected

__all__ = ["mct", "process", "screens"]


@pytest.fixture
def member(azure: Sandbox) -> Iterator[Callable[[str], Member]]:
    """Makes people of the tenant who hold no role, signed in."""
    signed_in: list[Member] = []

    def sign_in(name: str) -> Member:
        signed_in.append(Member(azure, name))
        return signed_in[-1]

    yield sign_in
    for one in signed_in:
        one.close()


@pytest.fixture(autouse=True)
def tidy() -> Iterator[None]:
    """No test of the others' garbage."""
    with collected():
        yield
