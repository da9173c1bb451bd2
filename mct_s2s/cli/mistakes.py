"""Mistakes on the command line, and our own: both become one message with a way out, also in JSON."""

from __future__ import annotations

import os
import platform
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from mct_s2s import __version__
from mct_s2s.errors import S2SError, UsageError
from mct_s2s.plain_text import plain
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error, show_error_line
from mct_s2s.render.documents import error_document

INTERNAL = 1


def wants_json(words: Sequence[str]) -> bool:
    """Whether JSON was asked for, read from the raw words: the parser may be what failed."""
    asked = os.environ.get("MCT_S2S_OUTPUT", "")
    for at, word in enumerate(words):
        if word in {"-o", "--output"} and at + 1 < len(words):
            asked = words[at + 1]
        elif word.startswith("--output="):
            asked = word.partition("=")[2]
        elif word.startswith("-o") and len(word) > 2:
            asked = word[2:].removeprefix("=")
    return asked.lower() == "json"


def show_usage_error(error: Any, *, as_json: bool) -> int:
    """A word that the parser did not understand."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "mct-s2s"
    shown = UsageError("usage", error.format_message(), remedy=f"{command} --help")
    return show(shown, as_json=as_json)


def show(error: S2SError, *, as_json: bool) -> int:
    """Any of our errors before a command began to run."""
    terminal = Terminal.open(json=as_json)
    if as_json:
        terminal.document(error_document(error))
        show_error_line(terminal, error)
    else:
        show_error(terminal, error)
    return error.exit_code


def internal_error(error: BaseException, issues: str, *, as_json: bool) -> int:
    """Our own bug: the one case in which a traceback is shown. Values of variables never are."""
    if isinstance(error, S2SError):
        return show(error, as_json=as_json)
    for line in "".join(traceback.format_exception(error, chain=False)).splitlines():
        print(plain(line), file=sys.stderr)  # noqa: T201  # as it is, without styles
    facts = f"mct-s2s {__version__}, Python {platform.python_version()}, {platform.system()}"
    shown = S2SError(
        "internal-error",
        f"This is a bug in mct-s2s ({type(error).__name__}). {facts}.",
        remedy=f"Report it at {issues} and include the lines above. Then run the same command again to resume.",
    )
    show(shown, as_json=as_json)
    sys.stderr.flush()
    return INTERNAL
