"""The options of the commands of `mct-s2s sandbox`."""

from dataclasses import dataclass
from pathlib import Path

from mct_s2s.cli.binding import argument, option

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


@dataclass(kw_only=True)
class SaveOptions:
    file: Path = argument("FILE", "State file to write.", needed=True)


@dataclass(kw_only=True)
class NoOptions:
    pass
