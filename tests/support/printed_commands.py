"""Commands that the program prints: found in what it wrote, and read by the programs that they are
for.
"""

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mct_s2s.cli import app

AZ: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("az_options.json").read_text(encoding="utf-8")
)
"""The options of each command of the Azure CLI 2.91 that is printed; `scripts/clients` compares it
with that CLI.
"""
_COMMAND = re.compile(r"(?:mct-s2s|az) [a-z]")
"""`mct-s2s 2026-11-30 a79ee3a7` is a credential's name."""
_LINE = re.compile(
    r"^\s*(?:→ |- |[^#\s].*[:?] (?=mct-s2s [a-z-]+ -))?((?:mct-s2s|az) [a-z].*[^\\])$"
)


def printed_commands(text: str) -> Iterator[str]:
    """Each command of ours or of az on a line of its own, at the end of a sentence of ours, or as a
    whole text of a JSON document.
    """
    if text.startswith(("{", "[")):
        yield from (value for value in _texts(json.loads(text)) if _COMMAND.match(value))
        return
    yield from (match[1] for line in text.splitlines() if (match := _LINE.match(line)))


def _texts(node: Any) -> Iterator[str]:
    match node:
        case str():
            yield node
        case list():
            for item in node:
                yield from _texts(item)
        case dict():
            for item in node.values():
                yield from _texts(item)


def unreadable(commands: Iterable[str]) -> list[str]:
    """What the programs would refuse, with the reason."""
    problems = []
    for line in commands:
        for part in re.split(r" && |; ", line):
            why = _refused(part) if _COMMAND.match(part) else ""
            problems += [f"{line}: {why}"] if why else []
    return problems


def _refused(line: str) -> str:
    program, *words = shlex.split(line.partition(' --scope "$(')[0])
    return refused_by_az(words) if program == "az" else refused_by_us(words)


def refused_by_us(words: list[str]) -> str:
    """Why a command line of ours is no usage of it; empty where it is."""
    if words[-1:] == ["--help"]:  # it prints, and ends: what else is missing does not matter
        is_command = known_options("mct-s2s", " ".join(words[:-1]))
        return "" if is_command else f"No such command: {words[0]}"
    group: Any = app._parser()  # as `main` makes it
    name: Any = "mct-s2s"
    try:
        with group.make_context("mct-s2s", [], resilient_parsing=True) as context:
            while words and hasattr(group, "resolve_command"):
                name, group, words = group.resolve_command(context, words)
            if group is None:
                return f"No such command: {name}"
            group.make_context(name, words)
    except Exception as error:
        if hasattr(error, "format_message"):  # a mistake, of whichever click typer has
            return str(error.format_message())
        raise
    return ""


def known_options(program: str, line: str) -> frozenset[str]:
    """The options of the command with which a line begins; none where its program has no such
    command.
    """
    if program == "az":
        verb = _verb_of_az(line)
        return frozenset(AZ[verb] if verb is not None else ())
    command: Any = app._parser()
    with command.make_context("mct-s2s", [], resilient_parsing=True) as context:
        for word in line.split():
            below = command.get_command(context, word) if hasattr(command, "get_command") else None
            command = below if below is not None else command
        return frozenset({"--help", "-h"}.union(*(parameter.opts for parameter in command.params)))


def _verb_of_az(line: str) -> str | None:
    known = (
        verb for verb in sorted(AZ, key=len, reverse=True) if f"{line} ".startswith(f"{verb} ")
    )
    return next(known, None)


def refused_by_az(words: list[str]) -> str:
    verb = _verb_of_az(" ".join(words))
    if verb is None:
        return "no such command of az is known here"
    options = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return ", ".join(f"no option {option}" for option in options if option not in AZ[verb])
