"""`--help` as plain text: options by group, no box, and no name or value shortened however narrow the terminal is.

Rich's panels, which typer draws otherwise, cut long options in a terminal of 80 columns and pad every line.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from mct_s2s.cli.conversion import SparesConversion, value_type
from mct_s2s.render.capabilities import is_terminal, shows_colors

DOCUMENTATION = "https://github.com/mct-s2s/mct-s2s/blob/main/docs/commands.md"
WIDEST = 100
"""Longer lines of prose are hard to read."""
TEXT_AT = 30
"""The column at which explanations begin at the latest; longer names get a line of their own."""
LEAST_TEXT, BELOW = 28, 8
"""With fewer columns than that beside the names, explanations are below them, at this column."""
LAST = "Advanced"
ORDER = (
    *("Commands", "Arguments", "Options"),
    *("Azure", "Changes", "Credentials", "Federated credentials", "Removal", "Output"),
    LAST,
)
"""The groups, by how often their options are typed; one that is not named here comes before the last."""
HELP = frozenset({"-h", "--help"})
_VALUES = {Path: "FILE", int: "NUMBER", float: "NUMBER"}

Rows = list[tuple[str, str]]


class Command(SparesConversion, TyperCommand):
    """A command with this help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help into the parser's buffer."""
        formatter.write(_page(self, ctx))


class Group(SparesConversion, TyperGroup):
    """A group of commands with this help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help into the parser's buffer."""
        formatter.write(_page(self, ctx))


def asked_help(program: Any, name: str, words: Sequence[str]) -> str | None:
    """The help that a command line asks for, found without parsing its options.

    Parsing one option imports what checks the values of all: 0.1 s, half of what a help takes.

    Args:
        program: the group of all commands.
        name: what a person types to call it.
        words: the command line.

    Returns:
        `None` where no help is asked for, or that of an unknown command.
    """
    command, context = program, typer.Context(program, info_name=name, **program.context_settings)
    for word in words:
        if word in HELP:
            return _page(command, context)
        known = getattr(command, "commands", None)
        if known is None:
            if word == "--":
                return None
        elif word not in known:
            return None
        else:
            command = known[word]
            context = typer.Context(command, info_name=word, parent=context)
    return None


def short_help(context: Any) -> str:
    """What a group prints when it is called alone: usage, its commands, and how to read more.

    Args:
        context: the group's own context.
    """
    name = context.command_path
    commands = _commands(context.command, context)
    width = max(len(word) for word, _ in commands)
    lines = [f"Usage: {name} COMMAND [OPTIONS]", "", *(f"  {word:<{width}}  {text}" for word, text in commands)]
    return "\n".join([*lines, "", f"Help for a command: {name} COMMAND --help"])


def _page(command: Any, context: Any) -> str:
    width = max(LEAST_TEXT, min(shutil.get_terminal_size().columns, WIDEST))
    arguments = [_argument(param) for param in command.params if param.param_type_name == "argument"]
    words = [context.command_path, *(["COMMAND"] if hasattr(command, "commands") else []), *arguments, "[OPTIONS]"]
    parts = [f"Usage: {' '.join(words)}"]
    parts += [_folded(paragraph, width) for paragraph in (command.help or "").strip().split("\n\n")]
    if command.epilog:
        parts.append("\n".join([_title("Examples"), *(f"  {line}" for line in command.epilog.splitlines())]))
    parts += [_section(title, rows, width) for title, rows in _sections(command, context) if rows]
    parts.append(f"Documentation:\n  {DOCUMENTATION}")
    return "\n\n".join(parts) + "\n"


def _folded(paragraph: str, width: int) -> str:
    """Folded between words; a line that is a command, in a paragraph of its own, is not."""
    if paragraph.startswith(("mct-s2s ", "sudo ")):
        return paragraph
    return textwrap.fill(paragraph, width, break_long_words=False, break_on_hyphens=False)


def _sections(command: Any, context: Any) -> list[tuple[str, Rows]]:
    sections: dict[str, Rows] = {}
    if hasattr(command, "commands"):
        sections["Commands"] = _commands(command, context)
    for param in command.get_params(context):  # that of the help itself comes last
        if param.param_type_name == "argument":
            sections.setdefault("Arguments", []).append((_argument(param), " ".join(_explained(param))))
        elif not param.hidden:
            last = HELP & set(param.opts) and LAST in sections
            group = LAST if last else getattr(param, "rich_help_panel", None) or "Options"
            sections.setdefault(group, []).append((_names(param), " ".join(_explained(param))))
    return sorted(sections.items(), key=lambda section: _rank(section[0]))


def rank(param: Any) -> float:
    """Where an option's group comes in the help."""
    return _rank(getattr(param, "rich_help_panel", None) or "Options")


def _rank(title: str) -> float:
    return ORDER.index(title) if title in ORDER else ORDER.index(LAST) - 0.5


def _section(title: str, rows: Rows, width: int) -> str:
    text_at = min(TEXT_AT, max(len(name) for name, _ in rows) + 4)
    if width < text_at + LEAST_TEXT:
        text_at = BELOW
    lines = [_title(title)]
    for name, text in rows:
        folded = textwrap.wrap(text, width - text_at, break_long_words=False, break_on_hyphens=False) or [""]
        head = f"  {name}"
        lines += [f"{head:<{text_at}}{folded.pop(0)}"] if len(head) + 2 <= text_at else [head]
        lines += [f"{'':<{text_at}}{line}" for line in folded]
    return "\n".join(line.rstrip() for line in lines)


def _title(text: str) -> str:
    return typer.style(f"{text}:", bold=True) if shows_colors(on_terminal=is_terminal(sys.stdout)) else f"{text}:"


def _commands(group: Any, context: Any) -> Rows:
    commands = ((word, group.get_command(context, word)) for word in group.list_commands(context))
    return [(word, (command.help or "").strip().partition("\n")[0]) for word, command in commands if not command.hidden]


def _argument(param: Any) -> str:
    name = param.metavar or param.name.upper()
    return name if param.required else f"[{name}]"


def _names(param: Any) -> str:
    """`-g, --resource-group NAME`; options without a short name are indented below those that have one."""
    names = ", ".join(sorted(param.opts, key=len))
    value = "" if param.is_flag else param.metavar or ("WORD" if choices(param) else _value(param))
    return f"{'' if names.startswith('-') and not names.startswith('--') else '    '}{names} {value}".rstrip()


def _explained(param: Any) -> Iterator[str]:
    yield param.help or ""
    words = choices(param)
    if words:
        yield f"One of {', '.join(words)}."
    shown = param.show_default if isinstance(param.show_default, str) else param.default
    if param.show_default is not False and shown not in (None, False, [], ()) and not param.is_flag:
        yield f"Default: {f'{shown:g}' if isinstance(shown, float) else getattr(shown, 'value', shown)}."


def choices(param: Any) -> list[str]:
    """The words of which an option takes one; none where it takes any."""
    taken = value_type(param)
    return [word.value for word in taken] if isinstance(taken, type) and issubclass(taken, StrEnum) else []


def _value(param: Any) -> str:
    return _VALUES.get(value_type(param), "TEXT")
