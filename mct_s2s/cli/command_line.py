"""Options back into the words that stand for them, so that what was chosen can be typed, or put into a script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from enum import Enum
from typing import Any, get_type_hints

from mct_s2s.model.commands import command


def command_line(verb: str, options: Any) -> str:
    """The command that has these options, for a shell. Those that have their default value are left out.

    Args:
        verb: `add-client`.
        options: its options; each field that has another value than its default is one option.
    """
    hints = get_type_hints(type(options), include_extras=True)
    words: list[str] = []
    for field in fields(options):
        value = getattr(options, field.name)
        (declared,) = hints[field.name].__metadata__
        if value == _default(field):
            continue
        words += _words(declared.default, value)  # typer keeps an option's first name there
    return command("mct-s2s", verb, *words)


def _words(name: str, value: Any) -> Iterator[str]:
    if value is True:
        yield name
        return
    for one in value if isinstance(value, list) else [value]:
        text = str(one.value) if isinstance(one, Enum) else f"{one:g}" if isinstance(one, float) else str(one)
        if text.startswith("-"):
            yield f"{name}={text}" if name.startswith("--") else f"{name}{text}"
        else:
            yield from (name, text)


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default
