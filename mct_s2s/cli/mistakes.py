"""Mistakes on the command line, and our own: both become one message with a way out, also in JSON."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from typing import Any

from mct_s2s import __version__
from mct_s2s.cli.crash_log import crash_text, write_crash
from mct_s2s.cli.usage_errors import usage_error
from mct_s2s.errors import S2SError
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error, show_error_line
from mct_s2s.render.documents import error_document

INTERNAL = 1
ISSUES = "https://github.com/mct-s2s/mct-s2s/issues"


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


def show_usage_error(error: Any, words: Sequence[str] = (), *, as_json: bool) -> int:
    """A word that the parser did not understand; `words` is the command line."""
    return show(usage_error(error, words), as_json=as_json)


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
    """Our own bug: one line, and its traceback in a file."""
    if isinstance(error, S2SError):
        return show(error, as_json=as_json)
    show(bug_report(error, issues), as_json=as_json)
    sys.stderr.flush()
    return INTERNAL


def bug_report(error: BaseException, issues: str = ISSUES) -> S2SError:
    """Our own bug as an error, its traceback in a file. Where no file can be written, the traceback is shown."""
    facts = f"mct-s2s {__version__}, Python {platform.python_version()}, {platform.system()}"
    text = crash_text(error, facts)
    log = write_crash(text)
    if log is None:
        print(text, file=sys.stderr)  # noqa: T201  # as it is, without styles
    evidence = "attach that file" if log is not None else "include the lines above"
    return S2SError(
        "internal-error",
        f"This is a bug in mct-s2s ({type(error).__name__}). {facts}.",
        remedy=f"Report it at {issues} and {evidence}. Then run the same command again to resume.",
        items=[("Its traceback is in a file:", str(log))] if log is not None else [],
    )
