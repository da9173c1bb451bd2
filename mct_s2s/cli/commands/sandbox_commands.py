"""The commands of `mct-s2s sandbox`, whose functions are in `sandbox.py`.

That is imported when a command runs: what serves takes half a second, and a help needs none of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from mct_s2s.cli.binding import Group, command
from mct_s2s.cli.interruption import restore_signals
from mct_s2s.cli.sandbox_options import EnvOptions, NoOptions, SaveOptions, ServeOptions

group = typer.Typer(
    cls=Group,
    name="sandbox",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@group.callback()
def sandbox(context: typer.Context) -> None:
    """Run a local stand-in for Azure, for this or any other client."""
    restore_signals()  # what serves has an end of its own
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@contextmanager
def _an_extra() -> Iterator[None]:
    """Raise UsageError where the program is installed without its sandbox."""
    try:
        yield
    except ImportError as error:
        from mct_s2s.azure.clouds import sandbox_not_installed

        raise sandbox_not_installed(error) from error


def _serve(options: ServeOptions) -> int:
    with _an_extra():
        from mct_s2s.cli.sandbox import serve

    return serve(options)


def _env(options: EnvOptions) -> int:
    with _an_extra():
        from mct_s2s.cli.sandbox import env

    return env(options)


def _hosts(options: NoOptions) -> int:
    with _an_extra():
        from mct_s2s.cli.sandbox import hosts

    return hosts(options)


def _save(options: SaveOptions) -> int:
    with _an_extra():
        from mct_s2s.cli.sandbox import save

    return save(options)


def _reset(options: NoOptions) -> int:
    with _an_extra():
        from mct_s2s.cli.sandbox import reset

    return reset(options)


command(
    group,
    "serve",
    ServeOptions,
    _serve,
    "Start the sandbox and show how clients connect. Stop it with Ctrl-C.",
)
command(
    group,
    "env",
    EnvOptions,
    _env,
    'Print the environment of a client: eval "$(mct-s2s sandbox env)".\n\n'
    "It is for the sandbox that is running.",
)
command(
    group,
    "hosts",
    NoOptions,
    _hosts,
    """Print the hosts file lines for sandbox serve --real-names.

        They make Azure's host names, and those of the sandbox's sites and key vaults, resolve to
        this machine. To add them:

        mct-s2s sandbox hosts | sudo tee -a /etc/hosts

        To remove them:

        sudo sed -i.bak '/# mct-s2s sandbox$/d' /etc/hosts
        """,
)
command(
    group,
    "save",
    SaveOptions,
    _save,
    "Save the state to a readable file, for sandbox serve --world.",
)
command(group, "reset", NoOptions, _reset, "Reset the saved state to its seed.")
