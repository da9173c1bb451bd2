"""`--help` as plain text: options by group, no box, and no name or value shortened however narrow the terminal is.

Rich's panels, which typer draws otherwise, cut long options in a terminal of 80 columns and pad every line.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import click
from typer.core import TyperCommand, TyperGroup

WIDEST = 100
"""Longer lines of prose are hard to read."""
TEXT_AT = 30
"""The column at which explanations begin at the latest; longer names get a line of their own."""
_VALUES = {Path: "FILE", int: "NUMBER", float: "NUMBER"}

Rows = list[tuple[str, str]]


class Command(TyperCommand):
    """A command with this help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help into click's buffer."""
        formatter.write(_page(self, ctx))


class Group(TyperGroup):
    """A group of commands with this help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help into click's buffer."""
        formatter.write(_page(self, ctx))


def short_help(context: Any) -> str:
    """What a group prints when it is called alone: usage, its commands, and how to read more.

    Args:
        context: the group's own click context.
    """
    name = context.command_path
    commands = _commands(context.command, context)
    width = max(len(word) for word, _ in commands)
    lines = [f"Usage: {name} COMMAND [OPTIONS]", "", *(f"  {word:<{width}}  {text}" for word, text in commands)]
    return "\n".join([*lines, "", f"Help for a command: {name} COMMAND --help"])


def _page(command: Any, context: Any) -> str:
    width = min(shutil.get_terminal_size().columns, WIDEST)
    arguments = [_argument(param) for param in command.params if param.param_type_name == "argument"]
    words = [context.command_path, *(["COMMAND"] if hasattr(command, "commands") else []), *arguments, "[OPTIONS]"]
    parts = [f"Usage: {' '.join(words)}"]
    parts += [textwrap.fill(paragraph, width) for paragraph in (command.help or "").strip().split("\n\n")]
    parts += [_section(title, rows, width) for title, rows in _sections(command, context).items() if rows]
    return "\n\n".join(parts) + "\n"


def _sections(command: Any, context: Any) -> dict[str, Rows]:
    sections: dict[str, Rows] = {"Commands": [], "Arguments": [], "Options": []}
    if hasattr(command, "commands"):
        sections["Commands"] = _commands(command, context)
    for param in command.get_params(context):
        if param.param_type_name == "argument":
            sections["Arguments"].append((_argument(param), param.help or ""))
        elif not param.hidden:
            group = getattr(param, "rich_help_panel", None) or "Options"
            sections.setdefault(group, []).append((_names(param), " ".join(_explained(param))))
    return sections


def _section(title: str, rows: Rows, width: int) -> str:
    text_at = min(TEXT_AT, max(len(name) for name, _ in rows) + 4)
    lines = [click.style(f"{title}:", bold=True)]
    for name, text in rows:
        folded = textwrap.wrap(text, width - text_at, break_long_words=False, break_on_hyphens=False) or [""]
        head = f"  {name}"
        lines += [f"{head:<{text_at}}{folded.pop(0)}"] if len(head) + 2 <= text_at else [head]
        lines += [f"{'':<{text_at}}{line}" for line in folded]
    return "\n".join(line.rstrip() for line in lines)


def _commands(group: Any, context: Any) -> Rows:
    commands = ((word, group.get_command(context, word)) for word in group.list_commands(context))
    return [(word, (command.help or "").strip().partition("\n")[0]) for word, command in commands]


def _argument(param: Any) -> str:
    name = param.metavar or param.name.upper()
    return name if param.required else f"[{name}]"


def _names(param: Any) -> str:
    """`-g, --resource-group NAME`; options without a short name are indented below those that have one."""
    names = ", ".join(sorted(param.opts, key=len))
    value = "" if param.is_flag else param.metavar or ("WORD" if _choices(param) else _value(param))
    return f"{'' if names.startswith('-') and not names.startswith('--') else '    '}{names} {value}".rstrip()


def _explained(param: Any) -> Iterator[str]:
    yield param.help or ""
    choices = _choices(param)
    if choices:
        yield f"One of {', '.join(choices)}."
    shown = param.show_default if isinstance(param.show_default, str) else param.default
    if param.show_default is not False and shown not in (None, False, [], ()) and not param.is_flag:
        yield f"Default: {f'{shown:g}' if isinstance(shown, float) else getattr(shown, 'value', shown)}."


def _choices(param: Any) -> list[str]:
    taken = _annotation(param)
    return [word.value for word in taken] if isinstance(taken, type) and issubclass(taken, StrEnum) else []


def _value(param: Any) -> str:
    return _VALUES.get(_annotation(param), "TEXT")


def _annotation(param: Any) -> Any:
    return getattr(getattr(param, "type_descriptor", None), "annotation", None)
