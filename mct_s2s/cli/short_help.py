"""What a group of commands prints when it is called alone: its commands, and where to read more."""

from __future__ import annotations

from typing import Any

WIDEST = 400
"""Longer than any first line of a command's help: nothing is cut, the terminal wraps."""


def short_help(context: Any) -> str:
    """Usage, a line for each command, and the next word to type; without padding, in a pipe as on a terminal.

    Args:
        context: the group's own click context.
    """
    group, name = context.command, context.command_path
    rows = [
        (word, group.get_command(context, word).get_short_help_str(WIDEST)) for word in group.list_commands(context)
    ]
    width = max(len(word) for word, _ in rows)
    lines = [f"Usage: {name} COMMAND [OPTIONS]", "", *(f"  {word:<{width}}  {told}" for word, told in rows)]
    return "\n".join([*lines, "", f"Help for a command: {name} COMMAND --help"])
