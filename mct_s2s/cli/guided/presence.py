"""Whether someone can be asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from mct_s2s.cli.options import AzureOptions, ChangingOptions, Output

_CI = ("CI", "GITHUB_ACTIONS", "TF_BUILD")
"""Set by GitHub Actions and most others; by GitHub Actions; by Azure Pipelines. Some give jobs a terminal."""


def may_ask(options: AzureOptions, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether questions may be asked: a person is at the terminal, and has not said that there are none to be asked."""
    if options.output.value != Output.TEXT.value or (isinstance(options, ChangingOptions) and options.yes):
        return False
    if environ.get("TERM") == "dumb" or any(environ.get(name, "").lower() not in {"", "0", "false"} for name in _CI):
        return False
    return _is_terminal(sys.stdin) and _is_terminal(sys.stderr)


def _is_terminal(stream: object) -> bool:
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]  # `None` where the process has no such stream
    except (AttributeError, ValueError):
        return False
