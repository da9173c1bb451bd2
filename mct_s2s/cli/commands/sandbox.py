"""`mct-s2s sandbox`: a local Azure to rehearse in."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from mct_s2s.cli.help import Command, Group
from mct_s2s.cli.interruption import as_usual
from mct_s2s.local_files import must_not_block
from mct_s2s.plain_text import plain

sandbox_app = typer.Typer(
    cls=Group,
    name="sandbox",
    invoke_without_command=True,
    help="Run a local Azure to try things on, with this or any other client.",
)


@sandbox_app.callback()
def sandbox(context: typer.Context) -> None:
    """Run a local Azure to try things on, with this or any other client."""
    as_usual()  # what serves has an end of its own
    if context.invoked_subcommand is None:
        from mct_s2s.cli.short_help import short_help  # noqa: PLC0415

        typer.echo(short_help(context))


DEFAULT_PORT, REAL_PORT = 8443, 443
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        help="The first of a handful of loopback ports; the only one with --real-names.",
        show_default=f"{DEFAULT_PORT}; {REAL_PORT} with --real-names",
        min=1,
        max=65000,
    ),
]
RealNames = Annotated[bool, typer.Option("--real-names", help="Use Azure's own host names; see `sandbox hosts`.")]
Faults = Annotated[
    Path | None,
    typer.Option("--faults", help="Misbehave by the rules in this JSON file.", exists=True, dir_okay=False),
]
World = Annotated[
    Path | None,
    typer.Option(
        "--world", help="Start with the state in this file, as `save` writes it.", exists=True, dir_okay=False
    ),
]
Coverage = Annotated[bool, typer.Option("--coverage", help="List every operation that it knows, and serve nothing.")]
File = Annotated[Path, typer.Argument(help="Where to write the state.", dir_okay=False)]


@contextlib.contextmanager
def _said_plainly() -> Iterator[None]:
    """Turn what can go wrong with files, ports and locks into a message."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    except RecursionError as error:
        raise typer.BadParameter("a file is nested too deep") from error


@sandbox_app.command("serve", cls=Command)
def serve(
    port: Port = None,
    real_names: RealNames = False,
    faults: Faults = None,
    world: World = None,
    coverage: Coverage = False,
) -> None:
    """Serve until interrupted; says when it is ready, and how clients get there."""
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
    """Print, as shell exports, what any client needs: eval "$(mct-s2s sandbox env)"."""
    from mct_s2s.sandbox.hosting.environment import exports, real_exports  # noqa: PLC0415

    found = real_exports() if real_names else exports(port or DEFAULT_PORT)
    for name, value in found.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@sandbox_app.command("hosts", cls=Command)
def hosts() -> None:
    """Print the lines of the hosts file that `serve --real-names` needs, IPv4 and IPv6.

    They lead Azure's names, and those of the kept world's sites and key vaults, to this machine. To add them:

    mct-s2s sandbox hosts | sudo tee -a /etc/hosts

    To take them out again: sudo sed -i.bak '/# mct-s2s sandbox$/d' /etc/hosts
    """
    from mct_s2s.sandbox.hosting.server import hosts as body  # noqa: PLC0415

    with _said_plainly():
        for line in body():
            typer.echo(line)


@sandbox_app.command("save", cls=Command)
def save(file: File) -> None:
    """Write the world to a readable file, which `serve --world` takes."""
    from mct_s2s.sandbox.hosting.server import save as body  # noqa: PLC0415

    with _said_plainly():
        body(file)
    typer.echo(f"Saved to {plain(str(file))}.")


@sandbox_app.command("reset", cls=Command)
def reset() -> None:
    """Bring the kept world back to its seed."""
    from mct_s2s.sandbox.hosting.server import reset as body  # noqa: PLC0415

    with _said_plainly():
        body()
    typer.echo("Sandbox reset.")
