"""The options of `mct-s2s sandbox` and its commands."""

from dataclasses import dataclass
from pathlib import Path

import typer

from mct_s2s.cli.binding import Group, argument, command, late, option
from mct_s2s.cli.interruption import restore_signals

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


DEFAULT_PORT, REAL_PORT = 8443, 443
"""The first needs no root; the second is where Azure's own names lead to."""
_LAST_PORT = 65_000
"""The ports that follow need room, too."""
_REAL_NAMES = ("--real-names", "Use Azure's own host names. See mct-s2s sandbox hosts.")


@dataclass(kw_only=True)
class ServeOptions:
    port: int | None = option(
        "--port NUMBER",
        "First of seven local ports (the only one with --real-names).",
        show_default=f"as last time, or {DEFAULT_PORT}; {REAL_PORT} with --real-names",
        min=1,
        max=_LAST_PORT,
    )
    real_names: bool = option(*_REAL_NAMES)
    faults: Path | None = option("--faults FILE", "Inject faults by the rules in this JSON file.")
    world: Path | None = option(
        "--world FILE", "Start from a state file written by mct-s2s sandbox save."
    )
    listen: str | None = option(
        "--listen ADDRESS", "IP address to listen on, such as 0.0.0.0. Default: the loopback."
    )
    tenant: str | None = option(
        "--tenant NAME",
        "Kind of tenant: tenants differ in what they allow.",
        words=("default", "strict", "legacy", "partner"),
    )
    app: list[str] = option(
        "--app NAME=COMMAND",
        "A web app of that name that runs a program. Repeatable.",
        default=list,
    )
    coverage: bool = option("--coverage", "List every supported operation and exit.")


@dataclass(kw_only=True)
class EnvOptions:
    port: int | None = option(
        "--port NUMBER",
        "Port of the sandbox. Default: the one that is running.",
        min=1,
        max=_LAST_PORT,
    )
    real_names: bool = option(*_REAL_NAMES)
    unset: bool = option("--unset", "Print the lines that remove the variables again.")


@dataclass(kw_only=True)
class SaveOptions:
    file: Path = argument("FILE", "State file to write.", needed=True)


@dataclass(kw_only=True)
class NoOptions:
    pass


for _name, _options, _help in (
    ("serve", ServeOptions, "Start the sandbox and show how clients connect. Stop it with Ctrl-C."),
    (
        "env",
        EnvOptions,
        (
            'Print the environment of a client: eval "$(mct-s2s sandbox env)".\n\nIt is for the '
            "sandbox that is running."
        ),
    ),
    (
        "hosts",
        NoOptions,
        """Print the hosts file lines for sandbox serve --real-names.

        They make Azure's host names, and those of the sandbox's sites and key vaults, resolve to
        this machine. To add them:

        mct-s2s sandbox hosts | sudo tee -a /etc/hosts

        To remove them:

        sudo sed -i.bak '/# mct-s2s sandbox$/d' /etc/hosts
        """,
    ),
    ("save", SaveOptions, "Save the state to a readable file, for sandbox serve --world."),
    ("reset", NoOptions, "Reset the saved state to its seed."),
):
    command(group, _name, _options, late("sandbox", _name), _help)
