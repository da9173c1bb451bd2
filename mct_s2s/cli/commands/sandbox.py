"""`mct-s2s sandbox`: run a local stand-in for Azure."""

from __future__ import annotations

import contextlib
import inspect
import os
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mct_s2s.cli.binding import command, option
from mct_s2s.cli.help import Command, Group
from mct_s2s.cli.interruption import restore_signals
from mct_s2s.errors import Refused, S2SError, UsageError
from mct_s2s.local_files import must_not_block
from mct_s2s.plain_text import plain

if TYPE_CHECKING:
    from mct_s2s.sandbox.hosting.state_directory import Served

group = typer.Typer(
    cls=Group,
    name="sandbox",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Run a local stand-in for Azure, for this or any other client.",
)
DEFAULT_PORT, REAL_PORT = 8443, 443
"""HTTPS without the rights of root, and the one port that addresses under Azure's own names lead to."""
START_SECONDS = 3.0
"""How long `env --port` waits for a sandbox that was started just before it: a start takes about one second."""
_LAST_PORT = 65_000
"""The ports that follow need room, too."""
_REAL_NAMES = ("--real-names", "Use Azure's own host names. See mct-s2s sandbox hosts.")


@group.callback()
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


@dataclass(kw_only=True)
class ServeOptions:
    """Options of `sandbox serve`."""

    port: int | None = option(
        "--port NUMBER",
        "First of seven local ports (the only one with --real-names).",
        show_default=f"{DEFAULT_PORT}; {REAL_PORT} with --real-names",
        min=1,
        max=_LAST_PORT,
    )
    real_names: bool = option(*_REAL_NAMES)
    faults: Path | None = option("--faults FILE", "Inject faults by the rules in this JSON file.", exists=True)
    world: Path | None = option("--world FILE", "Start from a state file written by mct-s2s sandbox save.", exists=True)
    listen: str | None = option("--listen ADDRESS", "IP address to listen on, such as 0.0.0.0. Default: the loopback.")
    tenant: str | None = option(
        "--tenant NAME", "Kind of tenant: tenants differ in what they allow.", words=("default", "strict", "legacy")
    )
    coverage: bool = option("--coverage", "List every supported operation and exit.")


def serve(options: ServeOptions) -> int:
    """Start the sandbox and show how clients connect. Stop it with Ctrl-C."""
    if options.coverage:
        from mct_s2s.sandbox.services.coverage import table  # noqa: PLC0415

        typer.echo(table())
        return 0
    import ipaddress  # noqa: PLC0415

    from mct_s2s.sandbox.hosting.environment import connecting  # noqa: PLC0415
    from mct_s2s.sandbox.hosting.server import serve as body  # noqa: PLC0415

    with _said_plainly():
        try:
            ipaddress.ip_address(options.listen or "::")  # a host name may be several addresses, or another machine's
        except ValueError as error:
            text = (
                f"Invalid --listen '{plain(options.listen or '')}'. Use an IP address of this machine, such as 0.0.0.0."
            )
            raise ValueError(text) from error
        served = _served()
        if served is not None:
            others = options.world or options.faults or options.listen or options.tenant
            if others or options.real_names != served.real_names or options.port not in (None, served.port):
                raise Refused(
                    "sandbox-already-serving",
                    f"A sandbox is already serving at {served.origin}.",
                    remedy="Stop it with Ctrl-C in its terminal, or serve another one from a folder of its own:",
                    command="export MCT_S2S_SANDBOX_DIR=FOLDER",
                )
            typer.echo(f"Already serving at {served.origin}\n\n{connecting()}")
            return 0
        for file in filter(None, (options.faults, options.world)):
            must_not_block(file)
        body(
            options.port or (REAL_PORT if options.real_names else DEFAULT_PORT),
            real_names=options.real_names,
            announce=typer.echo,
            listen=options.listen or "",
            tenant=options.tenant or "",
            state_file=options.world,
            faults_file=options.faults,
        )
    return 0


@dataclass(kw_only=True)
class EnvOptions:
    """Options of `sandbox env`."""

    port: int | None = option(
        "--port NUMBER", "Port of the sandbox. Default: the one that is running.", min=1, max=_LAST_PORT
    )
    real_names: bool = option(*_REAL_NAMES)
    unset: bool = option("--unset", "Print the lines that remove the variables again.")


def env(options: EnvOptions) -> int:
    """Print the environment of a client: eval "$(mct-s2s sandbox env)".

    It is for the sandbox that is running.
    """
    from mct_s2s.sandbox.hosting.environment import VARIABLES, exports  # noqa: PLC0415

    with _said_plainly():
        if options.unset:
            lines = [f"unset {name}" for name in VARIABLES]
        else:
            found = _running(options.port, real_names=options.real_names)
            exported = exports(found.port, real_names=found.real_names)
            lines = [f"export {name}={shlex.quote(value)}" for name, value in exported.items()]
    for line in lines:
        # A path's own bytes, whatever the encoding of the stream: a shell takes them as they are.
        typer.echo(os.fsencode(line) if os.name == "posix" else line)
    return 0


command(group, "serve", ServeOptions, serve, inspect.getdoc(serve) or "")
command(group, "env", EnvOptions, env, inspect.getdoc(env) or "")


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


@group.command("hosts", cls=Command)
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


@group.command("save", cls=Command)
def save(file: Annotated[Path, typer.Argument(metavar="FILE", help="State file to write.")]) -> None:
    """Save the state to a readable file, for sandbox serve --world."""
    from mct_s2s.sandbox.hosting.server import save as body  # noqa: PLC0415

    with _said_plainly():
        body(file)
    typer.echo(f"Saved to {plain(str(file))}.")


@group.command("reset", cls=Command)
def reset() -> None:
    """Reset the saved state to its seed."""
    from mct_s2s.sandbox.hosting.server import reset as body  # noqa: PLC0415

    with _said_plainly():
        body()
    typer.echo("Sandbox reset.")
