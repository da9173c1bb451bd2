"""The command line: which commands there are."""

import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from mct_s2s import __version__
from mct_s2s.cli.binding import Group, command, write_lines, write_rows
from mct_s2s.cli.streams import check_arguments, replace_unencodable
from mct_s2s.model.commands import use_shell

COMMANDS = {
    "setup": "Set up service-to-service authentication: app registration, clients, App Service "
    "settings.\n\nSafe to run again: it changes only what is missing or wrong.",
    "add-client": "Add a client: an app registration or a managed identity.",
    "configure-appservice": "Write the App Service settings only.",
    "rotate-secret": "Replace a client's secret or certificate with a new, tested one."
    "\n\nThe new one lasts as long as the old one did. What came from --certificate FILE is yours "
    "to replace.",
    "remove-client": "Remove a client's access.",
    "teardown": "Remove everything mct-s2s created for this App Service.",
    "apply": "Set up the sites of a trust file as it says."
    "\n\nSafe to run again: it changes only what is missing or wrong. Sites are worked on side by "
    "side.",
    "status": "Show what is configured, what is missing and what expires.",
    "verify": "Test each client with a real token and a real API call.",
    "snippet": "Print a program that calls the MCT API as a client.",
    "export": "Print what exists as a trust file, which apply reads.",
    "doctor": "Check permissions, locks and policies.",
    "schema": "Print the JSON Schema of a document.",
}
"""Each with its help."""
MODULES = {
    "setup": "setup",
    "add-client": "setup",
    "configure-appservice": "configure_appservice",
    "rotate-secret": "rotate_secret",
    "remove-client": "removal",
    "teardown": "removal",
    "apply": "apply",
    "status": "status",
    "verify": "verify",
    "snippet": "snippet",
    "export": "export",
    "doctor": "doctor",
    "schema": "schema",
    "sandbox": "sandbox_commands",
}
"""The module of `cli.commands` in which each command's options and its function are."""

FIRST_STEPS = [
    ("az login", "Sign in (other ways: --auth)."),
    ("mct-s2s doctor -a SITE", "Check what you are allowed to do."),
    ("mct-s2s setup -a SITE --client NAME", "Set it up: shows a plan, asks first."),
    ("mct-s2s status -a SITE", "Show what is configured, and what expires."),
]


class _Commands(Group):
    """A command is the function of its name in its module, and its options are that's argument.

    The module is imported when the command is asked for, also for its help alone.
    """

    lazy = COMMANDS | {"sandbox": "Run a local stand-in for Azure, for this or any other client."}

    def __init__(self, *, commands: Mapping[str, Any], **attrs: Any) -> None:
        not_imported: dict[str, Any] = dict.fromkeys(self.lazy)
        super().__init__(commands={**not_imported, **commands}, **attrs)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if self.commands.get(cmd_name, self) is None:
            module = import_module(f"mct_s2s.cli.commands.{MODULES[cmd_name]}")
            if cmd_name in COMMANDS:
                run = getattr(module, cmd_name.replace("-", "_"))
                options = run.__annotations__["options"]
                group = typer.Typer(
                    add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
                )
                command(
                    group,
                    cmd_name,
                    options,
                    _signing_in_ahead(run),
                    self.lazy[cmd_name],
                    options.examples,
                )
            else:
                group = module.group
            self.commands[cmd_name] = typer.main.get_command(group)
        return super().get_command(ctx, cmd_name)

    def summary(self, name: str) -> str:
        return self.lazy[name]


def _signing_in_ahead(run: Callable[[Any], int]) -> Callable[[Any], int]:
    """Ask az for tokens, where the command signs in by it, before the rest is imported."""

    def run_signing_in(options: Any) -> int:
        if getattr(options, "signs_in_to", ()):
            from mct_s2s.cli.signing_in import ask_ahead  # noqa: PLC0415  # not for a help, nor for a mistake

            ask_ahead(options)
        return run(options)

    return run_signing_in


app = typer.Typer(
    name="mct-s2s",
    cls=_Commands,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"mct-s2s {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Set up service-to-service authentication for Microsoft Community Training."""
    del version
    if context.invoked_subcommand is None:
        typer.echo(_short_help(context))


def _short_help(context: typer.Context) -> str:
    """What a newcomer types first, folded as every help is."""
    formatter: Any = context.make_formatter()
    formatter.write_text("Let other services call your Microsoft Community Training API.")
    write_rows(formatter, "First steps", FIRST_STEPS)
    write_lines(formatter, "Without Azure", ["mct-s2s setup --cloud sandbox --client demo"])
    write_lines(formatter, "All commands", ["mct-s2s help"])
    return str(formatter.getvalue()).rstrip()


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Git's shell; PowerShell adds a user's folder to the machine's
    if os.name == "nt" and "MSYSTEM" not in os.environ:
        use_shell("powershell" if os.environ.get("PSMODULEPATH", "").count(";") > 1 else "cmd")
    if os.name == "nt":  # azure-identity looks for az and azd by itself
        os.environ.setdefault("NoDefaultCurrentDirectoryInExePath", "1")
    replace_unencodable()
    try:
        check_arguments(words, os.environ.items())
        words = [*words[1:], "--help"] if words[:1] == ["help"] else words
        words = ["--version"] if words == ["version"] else words
        result = _parser()(words, standalone_mode=False, prog_name="mct-s2s")
    except (KeyboardInterrupt, EOFError):
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; no one is left to read a message.
        sys.stderr.close()
        return 1
    except Exception as error:  # the last line of defence
        from mct_s2s.cli.mistakes import report  # noqa: PLC0415  # hardly ever

        return report(error, words)
    return result if isinstance(result, int) else 0


@functools.cache
def _parser() -> Any:
    """Who runs several command lines in one process builds it once."""
    program: Any = typer.main.get_command(app)
    for param in program.get_params(typer.Context(program, **program.context_settings)):
        param.default = (
            False  # typer imports pydantic to convert the `None` of its own flags, also for a help
        )
    return program
