"""`mct-s2s sandbox`: run a local stand-in for Azure."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from mct_s2s.cli.help import Command, Group, short_help
from mct_s2s.cli.interruption import restore_signals
from mct_s2s.local_files import must_not_block
from mct_s2s.plain_text import plain

sandbox_app = typer.Typer(
    cls=Group,
    name="sandbox",
    invoke_without_command=True,
    help="Run a local stand-in for Azure, for this or any other client.",
)


@sandbox_app.callback()
def sandbox(context: typer.Context) -> None:
    """Run a local stand-in for Azure, for this or any other client."""
    restore_signals()  # what serves has an end of its own
    if context.invoked_subcommand is None:
        typer.echo(short_help(context))


DEFAULT_PORT, REAL_PORT = 8443, 443
"""HTTPS without the rights of root, and the one port that addresses under Azure's own names lead to."""
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        help="First of six local ports (the only one with --real-names).",
        show_default=f"{DEFAULT_PORT}; {REAL_PORT} with --real-names",
        min=1,
        max=65000,  # the ports that follow need room, too
    ),
]
RealNames = Annotated[bool, typer.Option("--real-names", help="Use Azure's own host names. See mct-s2s sandbox hosts.")]
Faults = Annotated[
    Path | None,
    typer.Option("--faults", help="Inject faults by the rules in this JSON file.", exists=True, dir_okay=False),
]
World = Annotated[
    Path | None,
    typer.Option(
        "--world", help="Start from a state file written by mct-s2s sandbox save.", exists=True, dir_okay=False
    ),
]
Coverage = Annotated[bool, typer.Option("--coverage", help="List every supported operation and exit.")]
File = Annotated[Path, typer.Argument(help="State file to write.", dir_okay=False)]


@contextlib.contextmanager
def _said_plainly() -> Iterator[None]:
    """Turn what can go wrong with files, ports and locks into a message."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    except RecursionError as error:
        raise typer.BadParameter("the file is nested too deeply") from error


@sandbox_app.command("serve", cls=Command)
def serve(
    port: Port = None,
    real_names: RealNames = False,
    faults: Faults = None,
    world: World = None,
    coverage: Coverage = False,
) -> None:
    """Start the sandbox and show how clients connect. Stop it with Ctrl-C."""
    if coverage:
        from mct_s2s.sandbox.services.coverage import table  # noqa: PLC0415

        typer.echo(table())
        return
    from mct_s2s.sandbox.hosting.server import serve as body  # noqa: PLC0415

    with _said_plainly():
        for file in (faults, world):
            if file is not None:
                must_not_block(file)
        chosen = port or (REAL_PORT if real_names else DEFAULT_PORT)
        body(chosen, real_names=real_names, announce=typer.echo, state_file=world, faults_file=faults)


@sandbox_app.command("env", cls=Command)
def env(port: Port = None, real_names: RealNames = False) -> None:
    """Print the environment of a client: eval "$(mct-s2s sandbox env)"."""
    from mct_s2s.sandbox.hosting.environment import exports, real_exports  # noqa: PLC0415

    found = real_exports() if real_names else exports(port or DEFAULT_PORT)
    for name, value in found.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@sandbox_app.command("hosts", cls=Command)
def hosts() -> None:
    """Print the hosts file lines for sandbox serve --real-names.

    They make Azure's host names, and those of the sandbox's sites and key vaults, resolve to this machine. To add them:

    mct-s2s sandbox hosts | sudo tee -a /etc/hosts

    To remove them:

    sudo sed -i.bak '/# mct-s2s sandbox$/d' /etc/hosts
    """
    from mct_s2s.sandbox.hosting.server import hosts as body  # noqa: PLC0415

    with _said_plainly():
        for line in body():
            typer.echo(line)


@sandbox_app.command("save", cls=Command)
def save(file: File) -> None:
    """Save the state to a readable file, for sandbox serve --world."""
    from mct_s2s.sandbox.hosting.server import save as body  # noqa: PLC0415

    with _said_plainly():
        body(file)
    typer.echo(f"Saved to {plain(str(file))}.")


@sandbox_app.command("reset", cls=Command)
def reset() -> None:
    """Reset the saved state to its seed."""
    from mct_s2s.sandbox.hosting.server import reset as body  # noqa: PLC0415

    with _said_plainly():
        body()
    typer.echo("Sandbox reset.")
