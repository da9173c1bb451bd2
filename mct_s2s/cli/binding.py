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
AZURE = "Azure"
CHANGES = "Changes"
CREDENTIALS = "Credentials"
FEDERATION = "Federated credentials"
REMOVAL = "Removal"
"""The groups of options in the help."""
SEVERAL_OPTIONS = "several options"
"""The key of a field's metadata whose value is the parameters that the field, a dictionary, stands for."""


def option(*names: str, text: str, group: str | None = None, variable: str | None = None, **more: Any) -> Any:
    """An option of a command.

    Args:
        names: `-g`, `--resource-group`.
        text: its line of help: imperative, 70 characters at most, no semicolon.
        group: the group of the help that it is listed in.
        variable: the environment variable that sets it, without `MCT_S2S_`.
        more: what else typer takes.
    """
    if variable is not None:
        more = {"envvar": f"MCT_S2S_{variable}", "show_envvar": False, **more}
    return typer.Option(*names, help=text, rich_help_panel=group, **more)


def argument(metavar: str, text: str) -> Any:
    """An argument of a command, under the name that the help shows."""
    return typer.Argument(metavar=metavar, help=text, show_default=False)


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
