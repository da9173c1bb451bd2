"""The command line: which commands there are."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from mct_s2s import __version__
from mct_s2s.cli.binding import LateCommand
from mct_s2s.cli.commands.sandbox import sandbox_app
from mct_s2s.cli.help import Group, short_help
from mct_s2s.cli.streams import check_arguments, replace_unencodable

WATCH_SECONDS = 30
"""Between two looks of `--watch`: far below every throttling limit (docs/azure-contract.md, 3.12 and 4.6)."""
ISSUES = "https://github.com/mct-s2s/mct-s2s/issues"

COMMANDS = {
    "setup": "Set up service-to-service authentication: app registration, clients, App Service settings."
    "\n\nSafe to run again: it changes only what is missing or wrong.",
    "add-client": "Add a client: an app registration or a managed identity.",
    "configure-appservice": "Write the App Service settings only.",
    "rotate-secret": "Replace a client's secret: add a new one, test it, remove the old one.",
    "remove-client": "Remove a client's access.",
    "teardown": "Remove everything mct-s2s created for this App Service.",
    "status": "Show what is configured, what is missing and what expires.",
    "verify": "Test each client with a real token and a real API call.",
    "doctor": "Check permissions, locks and policies. Changes nothing without --fix.",
    "schema": "Print the JSON Schema of a document.",
}
"""Each with its help: a module of `cli/commands/`, imported when the command is called."""


class _Commands(Group):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {**{name: LateCommand(name, text) for name, text in COMMANDS.items()}, **self.commands}


app = typer.Typer(
    name="mct-s2s",
    cls=_Commands,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(sandbox_app, name="sandbox")


def _version(value: bool) -> None:
    if value:
        typer.echo(f"mct-s2s {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Set up service-to-service authentication for Microsoft Community Training."""
    del version
    if context.invoked_subcommand is None:
        typer.echo(short_help(context))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is the contract's."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    replace_unencodable()
    try:
        check_arguments(words, os.environ.items())
        result = _parser()(_with_interval(words), standalone_mode=False, prog_name="mct-s2s")
    except (KeyboardInterrupt, EOFError):
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; no one is left to read a message.
        sys.stderr.close()
        return 1
    except Exception as error:  # the last line of defence
        return _report(error, words)
    return result if isinstance(result, int) else 0


@functools.cache
def _parser() -> Any:
    """Who runs several command lines in one process builds it once."""
    return typer.main.get_command(app)


def _with_interval(words: Sequence[str]) -> list[str]:
    """`--watch` alone means every 30 seconds: the parser knows no option whose value may be left out."""
    following = [*words, ""][1:]
    return [
        f"--watch={WATCH_SECONDS}" if word == "--watch" and not after.replace(".", "", 1).isdecimal() else word
        for word, after in zip(words, following, strict=True)
    ]


def _report(error: Any, words: Sequence[str]) -> int:
    from mct_s2s.cli.mistakes import internal_error, show_usage_error, wants_json  # noqa: PLC0415

    if type(error).__name__ == "Abort":
        return 130
    if hasattr(error, "format_message"):
        return show_usage_error(error, as_json=wants_json(words))
    return internal_error(error, ISSUES, as_json=wants_json(words))
