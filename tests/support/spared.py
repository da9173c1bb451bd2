"""What costs time on every machine and says nothing about the program is done once, or not
at all.
"""

import functools
import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt import algorithms as jwt_algorithms

_read_key = serialization.load_pem_private_key
_make_key = rsa.generate_private_key
_KEYS = 6
_made: dict[int, list[rsa.RSAPrivateKey]] = {}
"""Keys by their size, the longest unused one first."""


def pytest_configure(config: pytest.Config) -> None:
    """Before azure-identity and MSAL are imported, which take these functions by name."""
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    patch.setattr(os, "fsync", _without_power_cuts)
    patch.setattr(serialization, "load_pem_private_key", _read_again)
    patch.setattr(jwt_algorithms, "load_pem_private_key", _read_again)
    patch.setattr(rsa, "generate_private_key", _made_again)


def _without_power_cuts(descriptor: Any) -> None:
    """Leave it to the system when a file reaches the disk: each waits milliseconds.

    Who tests that replaces it.
    """
    del descriptor


def _read_again(data: Any, password: Any = None, backend: Any = None, **options: Any) -> Any:
    """A key is checked for its primes whenever it is read, 0.1 to 0.3 s, four times for each
    sign-in with it.
    """
    del backend
    return _read(bytes(data), password, **options)


@functools.lru_cache(maxsize=64)
def _read(data: bytes, password: bytes | None, **options: Any) -> Any:
    return _read_key(data, password, **options)


def _made_again(public_exponent: int, key_size: int, backend: Any = None) -> rsa.RSAPrivateKey:
    """A new key takes 0.1 to 0.5 s: some are made, and taken in turns."""
    del backend
    keys = _made.setdefault(key_size, [])
    keys.append(keys.pop(0) if len(keys) == _KEYS else _make_key(public_exponent, key_size))
    return keys[-1]


# --- garbage is collected where it was made, in a millisecond ---


def pytest_collection_finish() -> None:
    """What has been imported stays: a collection does not look through it, and comes where it finds
    something.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What a run of the program has left goes before a test that does not pass over such
    warnings.
    """
    if "inside" in getattr(item, "fixturenames", ()) and "inside" not in getattr(
        nextitem, "fixturenames", ()
    ):
        with collected():
            pass


@contextmanager
def collected() -> Iterator[None]:
    """Let go of the connections that were cut in here, and not in a test that comes later.

    A collection looks through everything that is alive, 0.3 s for a worker that has run some
    hundred tests, unless what survived the last one is frozen.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    gc.freeze()
