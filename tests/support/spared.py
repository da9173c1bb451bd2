"""What costs time on every machine and says nothing about the program is done once, or not at all."""

from __future__ import annotations

import functools
import os
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from jwt import algorithms as jwt_algorithms

_read_key = serialization.load_pem_private_key


def pytest_configure(config: pytest.Config) -> None:
    """Before azure-identity and MSAL are imported, which take these functions by name."""
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    patch.setattr(os, "fsync", _without_power_cuts)
    patch.setattr(serialization, "load_pem_private_key", _read_again)
    patch.setattr(jwt_algorithms, "load_pem_private_key", _read_again)


def _without_power_cuts(descriptor: Any) -> None:
    """Leave it to the system when a file reaches the disk: each waits milliseconds. Who tests that replaces it."""
    del descriptor


def _read_again(data: Any, password: Any = None, backend: Any = None, **options: Any) -> Any:
    """A key is checked for its primes whenever it is read, 0.1 to 0.3 s, four times for each sign-in with it."""
    del backend
    return _read(bytes(data), password, **options)


@functools.lru_cache(maxsize=64)
def _read(data: bytes, password: bytes | None, **options: Any) -> Any:
    return _read_key(data, password, **options)
