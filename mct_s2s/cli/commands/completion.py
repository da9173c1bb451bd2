"""`mct-s2s completion`: print the script with which a shell completes commands, options and names."""

from __future__ import annotations

import typer

from mct_s2s.cli.completion.shell import script
from mct_s2s.cli.options.completion import CompletionOptions


def completion(options: CompletionOptions) -> int:
    """Print a shell's script; return the process exit code."""
    typer.echo(script(options.shell), nl=False)
    return 0
