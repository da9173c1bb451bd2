"""The command line: which commands there are. Each imports what it does only when it is called."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from mct_s2s import __version__
from mct_s2s.cli.binding import command
from mct_s2s.cli.commands.sandbox import sandbox_app
from mct_s2s.cli.help import Group, short_help
from mct_s2s.cli.options import (
    AddClientOptions,
    ConfigureOptions,
    DoctorOptions,
    RemovalOptions,
    RemoveClientOptions,
    RotateOptions,
    SchemaOptions,
    SetupOptions,
    StatusOptions,
    VerifyOptions,
)
from mct_s2s.cli.streams import check_arguments, take_what_comes

WATCH_SECONDS = 30
ISSUES = "https://github.com/mct-s2s/mct-s2s/issues"

app = typer.Typer(
    name="mct-s2s",
    cls=Group,
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


@command(app, "setup", SetupOptions)
def setup(options: SetupOptions) -> int:
    """Set up service-to-service authentication: app registration, clients, App Service settings.

    Safe to run again: it changes only what is missing or wrong.
    """
    from mct_s2s.cli.commands.setup import setup as body  # noqa: PLC0415

    return body(options)


@command(app, "add-client", AddClientOptions)
def add_client(options: AddClientOptions) -> int:
    """Add a client: an app registration or a managed identity."""
    from mct_s2s.cli.commands.add_client import add_client as body  # noqa: PLC0415

    return body(options)


@command(app, "configure-appservice", ConfigureOptions)
def configure_appservice(options: ConfigureOptions) -> int:
    """Write the App Service settings only."""
    from mct_s2s.cli.commands.configure_appservice import configure_appservice as body  # noqa: PLC0415

    return body(options)


@command(app, "rotate-secret", RotateOptions)
def rotate_secret(options: RotateOptions) -> int:
    """Replace a client's secret: add a new one, test it, remove the old one."""
    from mct_s2s.cli.commands.rotate_secret import rotate_secret as body  # noqa: PLC0415

    return body(options)


@command(app, "remove-client", RemoveClientOptions)
def remove_client(options: RemoveClientOptions) -> int:
    """Remove a client's access."""
    from mct_s2s.cli.commands.remove_client import remove_client as body  # noqa: PLC0415

    return body(options)


@command(app, "teardown", RemovalOptions)
def teardown(options: RemovalOptions) -> int:
    """Remove everything mct-s2s created for this App Service."""
    from mct_s2s.cli.commands.teardown import teardown as body  # noqa: PLC0415

    return body(options)


@command(app, "status", StatusOptions)
def status(options: StatusOptions) -> int:
    """Show what is configured, what is missing and what expires."""
    from mct_s2s.cli.commands.status import status as body  # noqa: PLC0415

    return body(options)


@command(app, "verify", VerifyOptions)
def verify(options: VerifyOptions) -> int:
    """Test each client with a real token and a real API call."""
    from mct_s2s.cli.commands.verify import verify as body  # noqa: PLC0415

    return body(options)


@command(app, "doctor", DoctorOptions)
def doctor(options: DoctorOptions) -> int:
    """Check your permissions, locks and policies. Changes nothing."""
    from mct_s2s.cli.commands.doctor import doctor as body  # noqa: PLC0415

    return body(options)


@command(app, "schema", SchemaOptions)
def schema(options: SchemaOptions) -> int:
    """Print the JSON Schema of a document."""
    from mct_s2s.cli.commands.schema import print_schema as body  # noqa: PLC0415

    return body(options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is the contract's."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    take_what_comes()
    try:
        check_arguments(words, os.environ.items())
        result = _parser()(_with_interval(words), standalone_mode=False, prog_name="mct-s2s")
    except (KeyboardInterrupt, EOFError):
        return 130
    except BrokenPipeError:
        # Whoever read our output has left; there is nobody to tell.
        sys.stderr.close()
        return 1
    except Exception as error:  # the last line of defence
        return _told(error, words)
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


def _told(error: Any, words: Sequence[str]) -> int:
    from mct_s2s.cli.mistakes import internal_error, show_usage_error, wants_json  # noqa: PLC0415

    if type(error).__name__ == "Abort":
        return 130
    if hasattr(error, "format_message"):
        return show_usage_error(error, as_json=wants_json(words))
    return internal_error(error, ISSUES, as_json=wants_json(words))
