"""The reference of the commands, from their own help: usage, and a table of the options of each
group.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from mct_s2s.cli.app import app
from mct_s2s.cli.binding import choices

Panels = dict[str, list[Any]]
"""Options by the group under which `--help` shows them."""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown; bars within cells are escaped."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )


def anchor(heading: str) -> str:
    """How a link names a heading, as GitHub does."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def commands() -> dict[str, Any]:
    """Every command by the words that call it."""
    by_name: dict[str, Any] = {}

    def walk(command: Any, name: str) -> None:
        by_name[name] = command
        for word in command.list_commands(None) if hasattr(command, "list_commands") else ():
            walk(command.get_command(None, word), f"{name} {word}")

    walk(typer.main.get_command(app), "mct-s2s")
    return by_name


def command_regions() -> Mapping[str, str]:
    """A region for each command, one for each shared group, and the list of commands."""
    known = commands()
    leaves = {
        name: command for name, command in known.items() if not hasattr(command, "list_commands")
    }
    groups = shared_groups(leaves)
    rows = ((f"[`{name}`](#{anchor(name)})", summary(command)) for name, command in leaves.items())
    regions = {"commands": table(("command", "does"), rows)}
    regions |= {title: options_table(options) for title, options in groups.items()}
    return regions | {name: reference(name, command, groups) for name, command in leaves.items()}


def shared_groups(leaves: Mapping[str, Any]) -> Panels:
    """The named groups with all their options: a command that takes all of one refers to it."""
    groups: Panels = {}
    for command in leaves.values():
        for title, rows in panels(command).items():
            known = {row.name for row in groups.setdefault(title, [])}
            groups[title] += [row for row in rows if row.name not in known]
    del groups[""]
    return groups


def reference(name: str, command: Any, groups: Panels) -> str:
    """One command: what it does, its usage, its own options, and the shared groups of which it
    takes most.
    """
    arguments = [spelling(param).strip("`") for param in command.params if is_argument(param)]
    usage = " ".join([name, *arguments, "[OPTIONS]"])
    text = f"{escaped(command.help)}\n\n```text\n{usage}\n```\n"
    linked = []
    for title, rows in panels(command).items():
        shared = {row.name: row for row in groups.get(title, ())}
        missing = [row for name, row in shared.items() if name not in {own.name for own in rows}]
        if title in groups and len(missing) < len(rows):
            without = (
                f" (without {', '.join(f'`{row.opts[-1]}`' for row in missing)})" if missing else ""
            )
            linked.append(f"[{title}](#{anchor(title)}){without}")
            own = [row for row in rows if meaning(row) != meaning(shared[row.name])]
            text += (
                f"\nWith other choices here than elsewhere:\n\n{options_table(own)}" if own else ""
            )
        else:
            heading = f"{title}:\n\n" if title in groups else ""
            text += f"\n{heading}{options_table(rows)}"
    if linked:
        text += f"\nShared options: {', '.join(linked)}.\n"
    return text


def panels(command: Any) -> Panels:
    """A command's arguments, and its options by group; those of its own first."""
    by_title: Panels = {"": []}
    for param in sorted(command.params, key=is_argument, reverse=True):
        if not getattr(param, "hidden", False) and param.name != "help":
            by_title.setdefault(getattr(param, "rich_help_panel", None) or "", []).append(param)
    return {title: rows for title, rows in by_title.items() if rows}


def options_table(rows: list[Any]) -> str:
    """A table with a column for the environment variables where there are any."""
    variables = any(row.envvar for row in rows)
    head = ["option", *(["environment variable"] if variables else []), "meaning"]
    return table(
        head,
        (
            [
                spelling(row),
                *([f"`{row.envvar}`" if row.envvar else ""] if variables else []),
                meaning(row),
            ]
            for row in rows
        ),
    )


def is_argument(param: Any) -> bool:
    """Whether it is a word without a name of its own."""
    return bool(param.param_type_name == "argument")


def spelling(param: Any) -> str:
    """An option as it is typed, or an argument's name; brackets where it may be left out."""
    if is_argument(param):
        name = param.metavar or param.name.upper()
        return f"`{name}`" if param.required else f"`[{name}]`"
    names = "`, `".join(sorted(param.opts, key=len))
    metavar = "" if param.is_flag else param.metavar or kind(param)
    return f"`{names} {metavar}".rstrip() + "`"


def kind(param: Any) -> str:
    """What an option takes."""
    if choices(param):
        return "WORD"
    return {Path: "FILE", int: "NUMBER", float: "NUMBER"}.get(
        param.type_descriptor.annotation, "TEXT"
    )


def meaning(param: Any) -> str:
    """The help of an option, with its choices and its default."""
    words = ", ".join(f"`{word}`" for word in choices(param))
    return " ".join(
        [escaped(param.help or ""), *([f"One of {words}."] if words else []), *_default(param)]
    )


def _default(param: Any) -> Iterator[str]:
    shown = param.show_default if isinstance(param.show_default, str) else param.default
    if param.show_default is not False and shown not in (None, False, []):
        yield (
            "Default: "
            f"`{f'{shown:g}' if isinstance(shown, float) else getattr(shown, 'value', shown)}`."
        )


def summary(command: Any) -> str:
    """The first line of a command's help."""
    return escaped(command.help).partition("\n")[0]


def escaped(text: str) -> str:
    """Help without rich's escapes, and without what Markdown would take for markup."""
    return text.replace("\\[", "[").replace("<", "&lt;").strip()
