"""The program against the sandbox, as the command line's own tests run it."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest

from tests.cli.conftest import mct, process

__all__ = ["mct", "process"]


@pytest.fixture(autouse=True)
def tidy() -> Iterator[None]:
    """Let go of connections that were cut here, and not in a test that comes later."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
