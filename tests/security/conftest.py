"""The program against the sandbox, as the command line's own tests run it."""

from __future__ import annotations

from tests.cli.conftest import mct, process

__all__ = ["mct", "process"]
