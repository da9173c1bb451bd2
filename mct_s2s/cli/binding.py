"""Options as dataclasses: a command's options are declared once, and shared ones are inherited.

Typer reads a function's signature; here the signature is made from the dataclass's fields.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar, get_type_hints

import typer

from mct_s2s.cli.help import Command

Options = TypeVar("Options")
SEVERAL_OPTIONS = "several options"
"""The key of a field's metadata whose value is the parameters that the field, a dictionary, stands for."""


def command(
    app: typer.Typer, name: str, options: type[Options]
) -> Callable[[Callable[[Options], int]], Callable[[Options], int]]:
    """Register a function that takes one options object and returns an exit code, under its own docstring."""

    def register(run: Callable[[Options], int]) -> Callable[[Options], int]:
        hints = get_type_hints(options, include_extras=True)
        parameters: list[inspect.Parameter] = []
        several: dict[str, list[str]] = {}
        for field in fields(options):  # type: ignore[arg-type]  # every options class is a dataclass
            if SEVERAL_OPTIONS in field.metadata:
                parameters += field.metadata[SEVERAL_OPTIONS]
                several[field.name] = [parameter.name for parameter in field.metadata[SEVERAL_OPTIONS]]
            else:
                kind, default = inspect.Parameter.KEYWORD_ONLY, _default(field)
                parameters.append(inspect.Parameter(field.name, kind, default=default, annotation=hints[field.name]))

        def entry(**values: Any) -> None:
            gathered = {name: {each: values.pop(each) for each in names} for name, names in several.items()}
            raise typer.Exit(run(options(**values, **gathered)))

        entry.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        entry.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        entry.__doc__ = run.__doc__
        app.command(name, cls=Command)(entry)
        return run

    return register


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is MISSING else field.default
