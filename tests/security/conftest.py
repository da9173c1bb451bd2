"""The program against the sandbox, as the command line's own tests run it."""

from __future__ import annotations

from tests.cli.conftest import mct, process
from tests.render.conftest import screens

__all__ = ["mct", "process", "screens"]
