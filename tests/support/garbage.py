"""Garbage is collected where it was made, in a millisecond."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


def pytest_collection_finish() -> None:
    """What has been imported stays: a collection does not look through it, and comes where it finds something."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What a run of the program has left goes before a test that does not pass over such warnings."""
    if "inside" in getattr(item, "fixturenames", ()) and "inside" not in getattr(nextitem, "fixturenames", ()):
        with collected():
            pass


@contextmanager
def collected() -> Iterator[None]:
    """Let go of the connections that were cut in here, and not in a test that comes later.

    A collection looks through everything that is alive, 0.3 s for a worker that has run some hundred tests, unless
    what survived the last one is frozen.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    gc.freeze()
