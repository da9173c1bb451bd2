"""`mct-s2s sandbox`: a local Azure to rehearse in."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

sandbox_app = typer.Typer(
    name="sandbox", no_args_is_help=True, help="A local Azure to rehearse in, for this tool and any other client."
)

DEFAULT_PORT = 8443
Port = Annotated[int, typer.Option("--port", help="The first of a handful of loopback ports.", min=1, max=65000)]


@sandbox_app.command("serve")
def serve(port: Port = DEFAULT_PORT) -> None:
    """Serve until interrupted; says when it is ready."""
    from mct_s2s.sandbox.server import serve as body  # noqa: PLC0415

    body(port, announce=typer.echo)


@sandbox_app.command("env")
def env(port: Port = DEFAULT_PORT) -> None:
    """Print, as shell exports, what any client needs: eval "$(mct-s2s sandbox env)"."""
    from mct_s2s.sandbox.environment import exports  # noqa: PLC0415

    for name, value in exports(port).items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@sandbox_app.command("reset")
def reset() -> None:
    """Bring the kept world back to its seed."""
    from mct_s2s.sandbox.server import reset as body  # noqa: PLC0415

    body()
    typer.echo("The sandbox is as new.")
