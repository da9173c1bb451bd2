"""The same program and the same sandbox as for the command line's own tests."""

from __future__ import annotations

from tests.cli.conftest import mct, process

__all__ = ["mct", "process"]
