"""`--help`: options under the panels that they name, and nothing shortened.

Rich's panels, which typer would draw, cut names such as `--service-management-reference` in 80 columns.
"""

from __future__ import annotations

import textwrap
from typing import Any

from typer.core import TyperCommand, TyperGroup

from mct_s2s.errors import DOCS

TEXT_AT = 28
"""The column at which explanations begin at the latest; longer names get a line of their own."""
LAST = "Advanced"
ORDER = ("Arguments", "Options", "Azure", "Changes", "Credentials", "Federated credentials", "Removal", "Output", LAST)
"""The panels, by how often their options are typed."""


class Command(TyperCommand):
    """A command with this help."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options."""
        _write_panels(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, which are commands and never folded, and where to read more."""
        if ctx.command.epilog:
            _write_lines(formatter, "Examples", ctx.command.epilog.splitlines())
        _write_lines(formatter, "Documentation", [f"{DOCS}commands.md"])


class Group(TyperGroup):
    """A group of commands with this help."""

    def summary(self, name: str) -> str:
        """The help of one of its commands."""
        return self.commands[name].help or ""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands and options."""
        rows = [(name, self.summary(name).partition("\n")[0]) for name in self.list_commands(ctx)]
        _write_rows(formatter, "Commands", rows)
        _write_panels(self, ctx, formatter)

    format_epilog = Command.format_epilog


def _write_panels(command: Any, ctx: Any, formatter: Any) -> None:
    panels: dict[str, list[tuple[str, str]]] = {title: [] for title in ORDER}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if param.param_type_name == "argument":
            panels["Arguments"].append((param.metavar, _explained(param)))
        elif record is not None:
            is_last = param.name == "help" and panels[LAST]
            panel = LAST if is_last else getattr(param, "rich_help_panel", None) or "Options"
            panels[panel].append((record[0] if len(param.opts) > 1 else f"    {record[0]}", _explained(param)))
    for title, rows in panels.items():
        if rows:
            _write_rows(formatter, title, rows)


def _write_rows(formatter: Any, title: str, rows: list[tuple[str, str]]) -> None:
    """As `write_dl` of the formatter, which breaks `managed-identity` at its hyphen."""
    column = min(TEXT_AT, max(len(name) for name, _ in rows) + 2)
    lines = []
    for name, text in rows:
        folded = textwrap.wrap(text, formatter.width - column - 2, break_long_words=False, break_on_hyphens=False)
        lines += [f"{name:<{column}}{folded.pop(0)}"] if len(name) + 2 <= column else [name]
        lines += [f"{'':<{column}}{line}" for line in folded]
    _write_lines(formatter, title, lines)


def _write_lines(formatter: Any, title: str, lines: list[str]) -> None:
    with formatter.section(title):
        for line in lines:
            formatter.write(f"  {line}\n")


def _explained(param: Any) -> str:
    """Its help, with the words of which it takes one, and its default."""
    text, words = param.help or "", choices(param)
    if words:
        text += f" One of {', '.join(words)}."
    shown = param.show_default if isinstance(param.show_default, str) else param.default
    if param.show_default is not False and shown not in (None, False, [], ()):
        text += f" Default: {f'{shown:g}' if isinstance(shown, float) else getattr(shown, 'value', shown)}."
    return text


def choices(param: Any) -> list[str]:
    """The words of which an option takes one; none where it takes any."""
    return [getattr(word, "value", word) for word in param.type_descriptor.choices or ()]
