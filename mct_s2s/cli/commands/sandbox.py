"""`mct-s2s sandbox`: run a local stand-in for Azure."""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mct_s2s.cli.help import Command, Group
from mct_s2s.cli.interruption import restore_signals
from mct_s2s.errors import Refused, S2SError, UsageError
from mct_s2s.local_files import must_not_block
from mct_s2s.plain_text import plain

if TYPE_CHECKING:
    from mct_s2s.sandbox.hosting.state_directory import Served

sandbox_app = typer.Typer(
    cls=Group,
    name="sandbox",
    invoke_without_command=True,
    help="Run a local stand-in for Azure, for this or any other client.",
)
DEFAULT_PORT, REAL_PORT = 8443, 443
"""HTTPS without the rights of root, and the one port that addresses under Azure's own names lead to."""
START_SECONDS = 3.0
"""How long `env --port` waits for a sandbox that was started just before it: a start takes about one second."""
_LAST_PORT = 65_000
"""The ports that follow need room, too."""


@sandbox_app.callback()
def sandbox(context: typer.Context) -> None:
    """Run a local stand-in for Azure, for this or any other client."""
    restore_signals()  # what serves has an end of its own
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@contextlib.contextmanager
def _said_plainly() -> Iterator[None]:
    """Turn what can go wrong with files, ports and locks into a message."""
    try:
        yield
    except (OSError, ValueError, RecursionError) as error:
        text = "The file is nested too deeply." if isinstance(error, RecursionError) else str(error)
        raise UsageError("usage", text, remedy="mct-s2s sandbox --help") from error


@sandbox_app.command("serve", cls=Command)
def serve(
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            metavar="NUMBER",
            help="First of seven local ports (the only one with --real-names).",
            show_default=f"{DEFAULT_PORT}; {REAL_PORT} with --real-names",
            min=1,
            max=_LAST_PORT,
        ),
    ] = None,
    real_names: Annotated[
        bool, typer.Option("--real-names", help="Use Azure's own host names. See mct-s2s sandbox hosts.")
    ] = False,
    faults: Annotated[
        Path | None,
        typer.Option("--faults", metavar="FILE", help="Inject faults by the rules in this JSON file.", exists=True),
    ] = None,
    world: Annotated[
        Path | None,
        typer.Option(
            "--world", metavar="FILE", help="Start from a state file written by mct-s2s sandbox save.", exists=True
        ),
    ] = None,
    listen: Annotated[
        str,
        typer.Option(
            "--listen",
            metavar="ADDRESS",
            help="IP address to listen on, such as 0.0.0.0. Default: the loopback.",
            show_default=False,
        ),
    ] = "",
    tenant: Annotated[
        Literal["default", "strict", "legacy"] | None,
        typer.Option("--tenant", metavar="NAME", help="Kind of tenant: tenants differ in what they allow."),
    ] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="List every supported operation and exit.")] = False,
) -> None:
    """Start the sandbox and show how clients connect. Stop it with Ctrl-C."""
    if coverage:
        from mct_s2s.sandbox.services.coverage import table  # noqa: PLC0415

        typer.echo(table())
        return
    import ipaddress  # noqa: PLC0415

    from mct_s2s.sandbox.hosting.environment import connecting  # noqa: PLC0415
    from mct_s2s.sandbox.hosting.server import serve as body  # noqa: PLC0415

    with _said_plainly():
        try:
            ipaddress.ip_address(listen or "::")  # a host name may be several addresses, or another machine's
        except ValueError as error:
            text = f"Invalid --listen '{plain(listen)}'. Use an IP address of this machine, such as 0.0.0.0."
            raise ValueError(text) from error
        served = _served()
        if served is not None:
            if (
                world
                or faults
                or listen
                or tenant
                or real_names != served.real_names
                or port not in (None, served.port)
            ):
                raise Refused(
                    "sandbox-already-serving",
                    f"A sandbox is already serving at {served.origin}.",
                    remedy="Stop it with Ctrl-C in its terminal, or serve another one from a folder of its own:",
                    command="export MCT_S2S_SANDBOX_DIR=FOLDER",
                )
            typer.echo(f"Already serving at {served.origin}\n\n{connecting()}")
            return
        for file in filter(None, (faults, world)):
            must_not_block(file)
        chosen = port or (REAL_PORT if real_names else DEFAULT_PORT)
        files = {"state_file": world, "faults_file": faults}
        body(chosen, real_names=real_names, announce=typer.echo, listen=listen, tenant=tenant or "", **files)


@sandbox_app.command("env", cls=Command)
def env(
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            metavar="NUMBER",
            help="Port of the sandbox. Default: the one that is running.",
            min=1,
            max=_LAST_PORT,
        ),
    ] = None,
    real_names: Annotated[
        bool, typer.Option("--real-names", help="Use Azure's own host names. See mct-s2s sandbox hosts.")
    ] = False,
    unset: Annotated[bool, typer.Option("--unset", help="Print the lines that remove the variables again.")] = False,
) -> None:
    """Print the environment of a client: eval "$(mct-s2s sandbox env)".

    It is for the sandbox that is running.
    """
    from mct_s2s.sandbox.hosting.environment import VARIABLES, exports  # noqa: PLC0415

    with _said_plainly():
        if unset:
            lines = [f"unset {name}" for name in VARIABLES]
        else:
            found = _running(port, real_names=real_names)
            exported = exports(found.port, real_names=found.real_names)
            lines = [f"export {name}={shlex.quote(value)}" for name, value in exported.items()]
    for line in lines:
        # A path's own bytes, whatever the encoding of the stream: a shell takes them as they are.
        typer.echo(os.fsencode(line) if os.name == "posix" else line)


def _served() -> Served | None:
    from mct_s2s.sandbox.hosting.state_directory import StateDirectory  # noqa: PLC0415

    return StateDirectory().served()


def _running(port: int | None, *, real_names: bool) -> Served:
    """Return the sandbox that is running; where a port is named, one that has just been started is waited for."""
    found, until = _served(), time.monotonic() + (START_SECONDS if port else 0)
    while found is None and time.monotonic() < until:
        time.sleep(0.1)
        found = _served()
    if found is None:
        options = f"{f' --port {port}' if port else ''}{' --real-names' if real_names else ''}"
        text, remedy = "No sandbox is running.", "Start one in another terminal:"
        raise S2SError("sandbox-not-running", text, remedy=remedy, command=f"mct-s2s sandbox serve{options}")
    if port not in (None, found.port) or (real_names and not found.real_names):
        text = f"The sandbox that is running is at {found.origin}{' under names of its own' if real_names else ''}."
        raise S2SError("sandbox-not-running", text, remedy="To use that one:", command="mct-s2s sandbox env")
    return found


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
def save(file: Annotated[Path, typer.Argument(metavar="FILE", help="State file to write.")]) -> None:
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
