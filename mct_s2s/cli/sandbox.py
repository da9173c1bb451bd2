"""`mct-s2s sandbox`: a local Azure to rehearse in."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from mct_s2s.cli.interruption import as_usual
from mct_s2s.local_files import must_not_block
from mct_s2s.plain_text import plain

sandbox_app = typer.Typer(
    name="sandbox",
    invoke_without_command=True,
    help="A local Azure to rehearse in, for this tool and any other client.",
)


@sandbox_app.callback()
def sandbox(context: typer.Context) -> None:
    """A local Azure to rehearse in, for this tool and any other client."""
    as_usual()  # what serves has an end of its own
    if context.invoked_subcommand is None:
        from mct_s2s.cli.short_help import short_help  # noqa: PLC0415

        typer.echo(short_help(context))


DEFAULT_PORT = 8443
Port = Annotated[int, typer.Option("--port", help="The first of a handful of loopback ports.", min=1, max=65000)]
Faults = Annotated[
    Path | None,
    typer.Option("--faults", help="Misbehave by the rules in this JSON file.", exists=True, dir_okay=False),
]
World = Annotated[
    Path | None,
    typer.Option(
        "--world", help="Begin with the world in this file, as `save` writes it.", exists=True, dir_okay=False
    ),
]
Coverage = Annotated[bool, typer.Option("--coverage", help="List every operation that it knows, and serve nothing.")]
File = Annotated[Path, typer.Argument(help="Where to write the world.", dir_okay=False)]


@contextlib.contextmanager
def _said_plainly() -> Iterator[None]:
    """Turn what can go wrong with files, ports and locks into a message."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    except RecursionError as error:
        raise typer.BadParameter("a file is nested too deep") from error


@sandbox_app.command("serve")
def serve(port: Port = DEFAULT_PORT, faults: Faults = None, world: World = None, coverage: Coverage = False) -> None:
    """Serve until interrupted; says when it is ready, and how clients get there."""
    if coverage:
        from mct_s2s.sandbox.coverage import table  # noqa: PLC0415

        typer.echo(table())
        return
    from mct_s2s.sandbox.server import serve as body  # noqa: PLC0415

    with _said_plainly():
        for file in (faults, world):
            if file is not None:
                must_not_block(file)
        body(port, announce=typer.echo, world_file=world, faults_file=faults)


@sandbox_app.command("env")
def env(port: Port = DEFAULT_PORT) -> None:
    """Print, as shell exports, what any client needs: eval "$(mct-s2s sandbox env)"."""
    from mct_s2s.sandbox.environment import exports  # noqa: PLC0415

    for name, value in exports(port).items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@sandbox_app.command("save")
def save(file: File) -> None:
    """Write the world to a readable file, which `serve --world` takes."""
    from mct_s2s.sandbox.server import save as body  # noqa: PLC0415

    with _said_plainly():
        body(file)
    typer.echo(f"The world is in {plain(str(file))}.")


@sandbox_app.command("reset")
def reset() -> None:
    """Bring the kept world back to its seed."""
    from mct_s2s.sandbox.server import reset as body  # noqa: PLC0415

    with _said_plainly():
        body()
    typer.echo("The sandbox is as new.")
