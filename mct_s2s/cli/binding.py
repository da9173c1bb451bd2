"""Options as fields of dataclasses, and the help that shows them."""

import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import MISSING, Field, field, fields
from enum import Enum
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from mct_s2s.errors import DOCS, UsageError, contradiction
from mct_s2s.model import commands as shell

AZURE = "Azure"
CHANGES = "Changes"
CREDENTIALS = "Credentials"
FEDERATION = "Federated credentials"
REMOVAL = "Removal"
OUTPUT = "Output"
ADVANCED = "Advanced"
PANELS = (
    "Arguments",
    "Options",
    AZURE,
    CHANGES,
    CREDENTIALS,
    FEDERATION,
    REMOVAL,
    OUTPUT,
    ADVANCED,
)
TEXT_AT = 28
"""The column at which explanations begin at the latest; longer names get a line of their own."""
TYPER, WORDS = "typer", "words"
"""Keys of a field's metadata."""
FIRST = "first_word"
OF_A_SITE = (
    "app_service",
    "resource_group",
    "subscription",
    "slot",
    "tenant",
    "api",
    "cloud",
    "auth",
)
"""The options that a command and the next one about the same site share, by their fields."""
OF_A_FILE = ("file", "only", "subscription", "tenant", "cloud", "auth")
"""The same where a trust file names the site."""
_typed: ContextVar[frozenset[str]] = ContextVar("typed options", default=frozenset())


def option(
    spec: str,
    text: str,
    group: str | None = None,
    default: Any = None,
    *,
    env: bool = False,
    words: Sequence[str] = (),
    **more: Any,
) -> Any:
    """`spec`: `-g --resource-group NAME`, the longest name last; a flag has no `NAME`.

    `default`: `list` if it may be repeated, `MISSING` if it has to be given. `env`:
    `MCT_S2S_RESOURCE_GROUP` sets it, too. `words`: it takes one of them.
    """
    *names, last = spec.split()
    if last.startswith("-"):
        names.append(last)
        default = False
    else:
        more["metavar"] = last
    if env:
        more |= {
            "envvar": f"MCT_S2S_{names[-1][2:].upper().replace('-', '_')}",
            "show_envvar": False,
        }
    metadata = {TYPER: typer.Option(*names, help=text, rich_help_panel=group, **more), WORDS: words}
    return field(
        **({"default_factory": list} if default is list else {"default": default}),
        metadata=metadata,
    )


def argument(metavar: str, text: str, *, needed: bool = False, **more: Any) -> Any:
    declared = typer.Argument(metavar=metavar, help=text, show_default=False, **more)
    return field(default=MISSING if needed else None, metadata={TYPER: declared, WORDS: ()})


class FirstWord(NamedTuple):
    """The option that the first word of a command stands for."""

    field: str
    metavar: str
    text: str


def command(
    app: typer.Typer,
    name: str,
    options: type[Any],
    run: Callable[[Any], int],
    summary: str,
    examples: Sequence[str] = (),
) -> None:
    first, needed = getattr(options, "first_word", None), False
    parameter = partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY)
    signature = [parameter("context", annotation=typer.Context)]
    if first is not None:
        word: Any = Annotated[
            str | None, typer.Argument(metavar=first.metavar, help=first.text, show_default=False)
        ]
        signature.append(parameter(FIRST, default=None, annotation=word))
    for each in fields(options):
        words, default = each.metadata[WORDS], default_of(each)
        if first is not None and each.name == first.field and default is inspect.Parameter.empty:
            default, needed = None, True
        kind: Any = Literal[tuple(words)] if words else each.type
        signature.append(
            parameter(each.name, default=default, annotation=Annotated[kind, each.metadata[TYPER]])
        )

    def entry(context: typer.Context, **values: Any) -> None:
        typed = {
            name
            for name in values
            if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
        }
        if first is not None:
            _take_first_word(values, first, typed)
            if needed and values[first.field] is None:
                where = shell.command(*_site_words(options, values))
                line = " ".join(filter(None, (context.command_path, first.metavar, where)))
                remedy = (
                    f"List the clients with {shell.own_command('status', where=where)}, then run:"
                )
                raise UsageError("client-missing", "No client given.", remedy=remedy, command=line)
        _typed.set(frozenset(typed))
        raise typer.Exit(run(options(**values)))

    entry.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    app.command(name, cls=Command, help=summary, epilog="\n".join(examples))(entry)


def _take_first_word(values: dict[str, Any], first: FirstWord, typed: set[str]) -> None:
    word = values.pop(FIRST)
    value = values[first.field]
    option = f"--{first.field.replace('_', '-')}"
    if word is None:
        return
    if first.field in typed and not isinstance(value, list) and value != word:
        two = f"{option} '{value}' and '{word}' cannot be combined."
        raise contradiction(two, f"Remove one of them: '{word}' means {option} '{word}'.")
    values[first.field] = [word, *value] if isinstance(value, list) else word
    typed.add(first.field)


def typed_options() -> frozenset[str]:
    """The fields of the running command's options that were typed, and not set by variables."""
    return _typed.get()


def default_of(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is MISSING else field.default


def option_words(options: type[Any], values: Mapping[str, Any]) -> Iterator[str]:
    """What is typed for the values, by their fields, that are not the defaults."""
    for declared in fields(options):
        name, value = (
            declared.metadata[TYPER].default,
            values.get(declared.name),
        )  # typer keeps the first name there
        if declared.name not in values or value == default_of(declared):
            continue
        for item in value if isinstance(value, list) else [value]:
            text = (
                str(item.value)
                if isinstance(item, Enum)
                else f"{item:g}"
                if isinstance(item, float)
                else str(item)
            )
            if item is True:
                yield name
            elif text.startswith("-"):
                yield f"{name}={text}" if name.startswith("--") else f"{name}{text}"
            else:
                yield from (name, text)


def site_words(options: Any) -> list[str]:
    """The words by which another command is about the same App Service, as it was typed."""
    return _site_words(type(options), vars(options))


def _site_words(options: type[Any], values: Mapping[str, Any]) -> list[str]:
    names = OF_A_SITE if values.get("file") is None else OF_A_FILE
    return [*option_words(options, {name: values[name] for name in names})]


def command_line(verb: str, options: Any) -> str:
    return shell.command("mct-s2s", verb, *option_words(type(options), vars(options)))


class Command(TyperCommand):
    """A command whose help has plain panels.

    Rich's, which typer would draw, cut names such as `--service-management-reference` in 80
    columns.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = [*args]
        try:
            rest = super().parse_args(ctx, args)
        except Exception as error:
            # An option without its value does not know whose it is
            if getattr(error, "ctx", self) is None:
                error.ctx = ctx  # type: ignore[attr-defined]
            raise
        if not ctx.resilient_parsing:  # for the Tab key
            self._refuse_second_file(ctx, words)
        return rest

    def _refuse_second_file(self, ctx: Any, words: list[str]) -> None:
        """Refuse two trust files: click takes the last value of an option, as az does.

        The sites of the other file would go unnoticed. Raises UsageError.
        """
        params: list[Any] = [*self.params]
        file = next((param for param in params if "--file" in param.opts), None)
        if file is None:
            return
        parser: Any = self.make_parser(ctx)
        parser.add_option(file, opts=file.opts, dest="file", action="append", nargs=1)
        values, _, _ = parser.parse_args(args=words)
        first, *others = dict.fromkeys(values.get("file") or [None])
        if others:
            raise contradiction(
                f"--file '{first}' and --file '{others[0]}' cannot be combined.",
                "Run the command once for each file.",
            )

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_panels(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if ctx.command.epilog:
            write_lines(formatter, "Examples", ctx.command.epilog.splitlines())
        write_lines(formatter, "Documentation", [f"{DOCS}commands.md"])


class Group(TyperGroup):
    def summary(self, name: str) -> str:
        return self.commands[name].help or ""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        rows = [(name, self.summary(name).partition("\n")[0]) for name in self.list_commands(ctx)]
        write_rows(formatter, "Commands", rows)
        _write_panels(self, ctx, formatter)

    format_epilog = Command.format_epilog


def _write_panels(command: Any, ctx: Any, formatter: Any) -> None:
    panels: dict[str, list[tuple[str, str]]] = {title: [] for title in PANELS}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if param.param_type_name == "argument":
            panels["Arguments"].append((param.metavar, _explained(param)))
        elif record is not None:
            is_advanced = param.name == "help" and panels[ADVANCED]
            panel = (
                ADVANCED if is_advanced else getattr(param, "rich_help_panel", None) or "Options"
            )
            panels[panel].append(
                (record[0] if len(param.opts) > 1 else f"    {record[0]}", _explained(param))
            )
    for title, rows in panels.items():
        if rows:
            write_rows(formatter, title, rows)


def write_rows(formatter: Any, title: str, rows: list[tuple[str, str]]) -> None:
    """Write names with their texts, folded: the formatter's `write_dl` breaks `managed-identity` at
    its hyphen.
    """
    column = min(TEXT_AT, max(len(name) for name, _ in rows) + 2)
    lines = []
    for name, text in rows:
        folded = textwrap.wrap(
            text, formatter.width - column - 2, break_long_words=False, break_on_hyphens=False
        )
        lines += [f"{name:<{column}}{folded.pop(0)}"] if len(name) + 2 <= column else [name]
        lines += [f"{'':<{column}}{line}" for line in folded]
    write_lines(formatter, title, lines)


def write_lines(formatter: Any, title: str, lines: list[str]) -> None:
    """Write lines as they are, since a command is not folded."""
    with formatter.section(title):
        for line in lines:
            formatter.write(f"  {line}\n")


def _explained(param: Any) -> str:
    text, words = param.help or "", choices(param)
    if words:
        text += f" One of {', '.join(words)}."
    shown = param.show_default if isinstance(param.show_default, str) else param.default
    if param.show_default is not False and shown not in (None, False, [], ()):
        text += (
            " Default: "
            f"{f'{shown:g}' if isinstance(shown, float) else getattr(shown, 'value', shown)}."
        )
    return text


def choices(param: Any) -> list[str]:
    return [getattr(word, "value", word) for word in param.type_descriptor.choices or ()]
