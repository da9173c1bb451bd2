"""What a stream can show, and what its reader wants: the one place that asks the environment about it.

Imports next to nothing, so that the help can ask, too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

UNBOUNDED = 400
"""Columns where there is no terminal: a log line is not folded."""
_OFF = {"", "0", "false"}


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal; one that is closed is none."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def shows_colors(*, on_terminal: bool, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether to write colours and other styles.

    `NO_COLOR` counts most, then `FORCE_COLOR` and `CLICOLOR_FORCE`, then `CLICOLOR=0`, then what the stream is.
    Source: no-color.org, force-color.org and bixense.com/clicolors.
    """
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name, "").lower() not in _OFF for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if environ.get("CLICOLOR") == "0" or environ.get("TERM", "").lower() in {"dumb", "unknown"}:
        return False
    return on_terminal


def given_width(environ: Mapping[str, str] = os.environ) -> int | None:
    """The width in `COLUMNS`; `None` where it is not there or is no width."""
    columns = environ.get("COLUMNS", "")
    number = int(columns[:6]) if columns.isascii() and columns.isdecimal() else 0
    return number or None
