"""Options as dataclasses: a command's options are declared once, and shared ones are inherited.

Typer reads a function's signature; here the signature is made from the dataclass's fields.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import MISSING, Field, fields
from importlib import import_module
from typing import Annotated, Any, NamedTuple, TypeVar, get_type_hints

import typer

from mct_s2s.cli.help import Command, Group
from mct_s2s.errors import UsageError

Options = TypeVar("Options")
AZURE = "Azure"
CHANGES = "Changes"
CREDENTIALS = "Credentials"
FEDERATION = "Federated credentials"
REMOVAL = "Removal"
OUTPUT = "Output"
ADVANCED = "Advanced"
"""The groups of options in the help, which puts them in the order of `help.ORDER`."""
SEVERAL_OPTIONS = "several options"
"""The key of a field's metadata whose value is the parameters that the field, a dictionary, stands for."""
FIRST = "first_word"
_typed: ContextVar[frozenset[str]] = ContextVar("typed options", default=frozenset())


def option(spec: str, text: str, group: str | None = None, *, env: bool = False, **more: Any) -> Any:
    """An option of a command.

    Args:
        spec: `-g --resource-group NAME`: its names, the longest one last, and what its value is called.
        text: its line of help: imperative, 70 characters at most, no semicolon.
        env: whether a variable sets it, too: `MCT_S2S_RESOURCE_GROUP`.
    """
    words = spec.split()
    names = [word for word in words if word.startswith("-")]
    if env:
        more = {"envvar": f"MCT_S2S_{names[-1][2:].upper().replace('-', '_')}", "show_envvar": False, **more}
    metavar = words[-1] if words[-1] != names[-1] else None
    return typer.Option(*names, help=text, rich_help_panel=group, metavar=metavar, **more)


def argument(metavar: str, text: str) -> Any:
    """An argument of a command, under the name that the help shows."""
    return typer.Argument(metavar=metavar, help=text, show_default=False)


class FirstWord(NamedTuple):
    """What the first word of a command means: an option, without the option's name."""

    field: str
    """That option's."""
    metavar: str
    text: str


def command(
    app: typer.Typer, name: str, options: type[Options], summary: str | None = None, examples: Sequence[str] = ()
) -> Callable[[Callable[[Options], int]], Callable[[Options], int]]:
    """Register a function that takes one options object and returns an exit code.

    Args:
        options: the dataclass; its `first_word`, a `FirstWord`, if it has one.
        summary: the command's help; the function's docstring where there is none.
    """

    def register(run: Callable[[Options], int]) -> Callable[[Options], int]:
        hints = get_type_hints(options, include_extras=True)
        parameters: list[inspect.Parameter] = []
        several: dict[str, list[str]] = {}
        first: FirstWord | None = getattr(options, "first_word", None)
        is_needed = False
        if first is not None:
            word: Any = Annotated[str | None, argument(first.metavar, first.text)]
            parameters.append(inspect.Parameter(FIRST, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=word))
        for field in fields(options):  # type: ignore[arg-type]  # every options class is a dataclass
            if SEVERAL_OPTIONS in field.metadata:
                parameters += field.metadata[SEVERAL_OPTIONS]
                several[field.name] = [parameter.name for parameter in field.metadata[SEVERAL_OPTIONS]]
            else:
                kind, default = inspect.Parameter.KEYWORD_ONLY, default_of(field)
                if first is not None and field.name == first.field and default is inspect.Parameter.empty:
                    default, is_needed = None, True
                parameters.append(inspect.Parameter(field.name, kind, default=default, annotation=hints[field.name]))

        def entry(context: typer.Context, **values: Any) -> None:
            sources = {name: context.get_parameter_source(name) for name in values}
            typed = {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
            if first is not None:
                _take_first_word(values, first, typed)
                if is_needed and values[first.field] is None:
                    line = f"{context.command_path} {first.metavar}"
                    remedy = "List the clients with mct-s2s status, then run:"
                    raise UsageError("client-missing", "No client given.", remedy=remedy, command=line)
            _typed.set(frozenset(typed))
            gathered = {name: {each: values.pop(each) for each in names} for name, names in several.items()}
            raise typer.Exit(run(options(**values, **gathered)))

        parameters.insert(0, inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context))
        entry.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        entry.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name, cls=Command, help=summary or run.__doc__, epilog="\n".join(examples))(entry)
        return run

    return register


def _take_first_word(values: dict[str, Any], first: FirstWord, typed: set[str]) -> None:
    word, given, option = values.pop(FIRST), values[first.field], f"--{first.field.replace('_', '-')}"
    if word is None:
        return
    if first.field in typed and not isinstance(given, list):
        two = f"{option} '{given}' and '{word}' cannot be combined."
        raise UsageError("contradictory-options", two, remedy=f"Remove one of them: '{word}' means {option} '{word}'.")
    values[first.field] = [word, *given] if isinstance(given, list) else word
    typed.add(first.field)


def typed_options() -> frozenset[str]:
    """The options of the command that runs, by the names of their fields, that were typed: no variable set them."""
    return _typed.get()


def default_of(field: Field[Any]) -> Any:
    """Its default value, as `inspect` says that there is none."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is MISSING else field.default


class LazyGroup(Group):
    """A group that imports a command when it is asked for.

    The options of `add-client` are the class `AddClientOptions` in `cli/commands/add_client.py`, beside its `EXAMPLES`;
    the function `add_client(options) -> int` is in the module of `cli` that `BODY` names there, imported when it runs.
    """

    lazy: Mapping[str, str] = {}
    """The help of each command, by its name."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        del ctx
        return [*dict.fromkeys([*self.lazy, *self.commands])]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or `None`."""
        if cmd_name in self.lazy and cmd_name not in self.commands:
            self.commands[cmd_name] = _imported(cmd_name, self.lazy[cmd_name])
        return super().get_command(ctx, cmd_name)

    def summary(self, name: str) -> str:
        """The help of one of its commands, which is not imported for it."""
        return self.lazy.get(name) or super().summary(name)


def _imported(name: str, summary: str) -> Any:
    function = name.replace("-", "_")
    module = import_module(f"mct_s2s.cli.commands.{function}")

    def run(given: Any) -> int:
        body: Callable[[Any], int] = getattr(import_module(f"mct_s2s.cli.{module.BODY}"), function)
        return body(given)

    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    options = getattr(module, f"{name.title().replace('-', '')}Options")
    command(app, name, options, summary, module.EXAMPLES)(run)
    return typer.main.get_command(app)
