"""`--help` as typer writes it, without the blanks that fill its lines: who reads a pipe has no use for them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """A command whose help is whole lines."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help to standard output."""
        _trimmed(lambda: super(Command, self).format_help(ctx, formatter))


class Group(TyperGroup):
    """A group of commands whose help is whole lines."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help to standard output."""
        _trimmed(lambda: super(Group, self).format_help(ctx, formatter))


def _trimmed(write: Callable[[], None]) -> None:
    if sys.stdout.isatty():
        write()  # in its colours
        return
    with redirect_stdout(io.StringIO()) as written:
        write()
    lines = [line.rstrip() for line in written.getvalue().strip("\n").splitlines()]
    sys.stdout.write("\n".join(lines).lstrip("\n") + "\n")
