"""The commands of `mct-s2s sandbox`."""

import contextlib
import errno
import ipaddress
import os
import re
import shlex
import shutil
import time
from collections.abc import Iterator

import typer

from mct_s2s.azure.clouds import sandbox_unwritable
from mct_s2s.cli.sandbox_options import (
    DEFAULT_PORT,
    REAL_PORT,
    EnvOptions,
    NoOptions,
    SaveOptions,
    ServeOptions,
)
from mct_s2s.errors import Refused, S2SError, UsageError
from mct_s2s.local_files import must_not_block
from mct_s2s.model.commands import own_command
from mct_s2s.plain_text import plain
from mct_s2s.sandbox.core.files import Mistake
from mct_s2s.sandbox.hosting import server
from mct_s2s.sandbox.hosting.environment import (
    connecting,
    export_lines,
    exports,
    in_its_folder,
)
from mct_s2s.sandbox.hosting.listening import PortTaken
from mct_s2s.sandbox.hosting.state_directory import Served, StateDirectory
from mct_s2s.sandbox.services.coverage import table

_UNWRITABLE = {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EACCES}
START_SECONDS = 3.0
"""`env --port` waits for a sandbox that was started just before it: a start takes about one second.
"""


@contextlib.contextmanager
def _said_plainly(verb: str) -> Iterator[None]:
    explained = own_command("sandbox", verb, "--help")
    try:
        yield
    except Mistake as error:
        raise UsageError("usage", str(error), remedy=error.remedy, command=error.command) from error
    except TimeoutError as error:
        raise UsageError(
            "usage", str(error), remedy="Run it again when that command has ended."
        ) from error
    except OSError as error:
        if error.filename is not None and error.errno in _UNWRITABLE:
            raise sandbox_unwritable(error) from error
        if error.filename is not None:
            text = f"Cannot use '{error.filename}': {error.strerror}."
            raise UsageError("usage", text, remedy="Check the path.") from error
        raise UsageError("usage", str(error), remedy=explained) from error
    except (ValueError, RecursionError) as error:
        text = "The file is nested too deeply." if isinstance(error, RecursionError) else str(error)
        raise UsageError("usage", text, remedy=explained) from error


def serve(options: ServeOptions) -> int:
    if options.coverage:
        typer.echo(table())
        return 0
    with _said_plainly("serve"):
        try:
            # A host name may be several addresses, or another machine's
            ipaddress.ip_address(options.listen or "::")
        except ValueError as error:
            text = f"Invalid --listen '{plain(options.listen or '')}'."
            raise ValueError(
                f"{text} Use an IP address of this machine, such as 0.0.0.0."
            ) from error
        served = StateDirectory().served()
        if served is not None:
            others = (
                options.app or options.world or options.faults or options.listen or options.tenant
            )
            if (
                others
                or options.real_names != served.real_names
                or options.port not in (None, served.port)
            ):
                raise Refused(
                    "sandbox-already-serving",
                    f"A sandbox is already serving at {served.origin}.",
                    remedy="Stop it with Ctrl-C in its terminal, or serve another one from a "
                    "folder of its own:",
                    command="export MCT_S2S_SANDBOX_DIR=FOLDER",
                )
            typer.echo(f"Already serving at {served.origin}\n\n{connecting()}")
            return 0
        for file in filter(None, (options.faults, options.world)):
            must_not_block(file)
        try:
            _serve(options)
        except PortTaken as error:
            if error.free_port is not None:
                error.command = _at_port(error.free_port, options)
            raise
    return 0


def _serve(options: ServeOptions) -> None:
    server.serve(
        options.port
        or (REAL_PORT if options.real_names else StateDirectory().ports().get("arm", DEFAULT_PORT)),
        real_names=options.real_names,
        announce=typer.echo,
        listen=options.listen or "",
        tenant=options.tenant or "",
        commands=dict(map(_app, options.app)),
        state_file=options.world,
        faults_file=options.faults,
    )


def _at_port(port: int, options: ServeOptions) -> str:
    """Return the command that serves as these options say, but at another port."""
    values = [
        ("--faults", options.faults),
        ("--world", options.world),
        ("--listen", options.listen),
        ("--tenant", options.tenant),
        *(("--app", app) for app in options.app),
    ]
    words = [word for name, value in values if value for word in (name, str(value))]
    names = ["--real-names"] if options.real_names else []
    return own_command("sandbox", "serve", "--port", str(port), *names, *words)


def _app(text: str) -> tuple[str, str]:
    name, _, command = text.partition("=")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise Mistake(
            f"Invalid --app '{plain(text)}': a quotation mark is not closed.", "Close it."
        ) from error
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?", name) or not words:
        raise ValueError(
            f"Invalid --app '{plain(text)}'. Use NAME=COMMAND, with a name of lower case letters."
        )
    if shutil.which(words[0]) is None:
        raise Mistake(
            f"The program '{plain(words[0])}' of --app {name} is not on this machine.",
            "Name a program of the PATH, or by its path.",
        )
    return name, command


def env(options: EnvOptions) -> int:
    with _said_plainly("env"):
        served = _running(options.port, real_names=options.real_names)
        lines = [*export_lines(exports(served.port, real_names=served.real_names))]
    for line in lines:
        # A path's own bytes, whatever the encoding of the stream: a shell takes them as they are.
        typer.echo(os.fsencode(line) if os.name == "posix" else line)
    return 0


def _running(port: int | None, *, real_names: bool) -> Served:
    served, until = StateDirectory().served(), time.monotonic() + (START_SECONDS if port else 0)
    while served is None and time.monotonic() < until:
        time.sleep(0.1)
        served = StateDirectory().served()
    if served is None:
        words = [
            *(["--port", str(port)] if port else []),
            *(["--real-names"] if real_names else []),
        ]
        text, remedy = "No sandbox is running.", "Start one in another terminal:"
        raise S2SError(
            "sandbox-not-running",
            text,
            remedy=remedy,
            command=in_its_folder(own_command("sandbox", "serve", *words)),
        )
    if port not in (None, served.port) or (real_names and not served.real_names):
        text = (
            "The sandbox that is running is at "
            f"{served.origin}{' under names of its own' if real_names else ''}."
        )
        raise S2SError(
            "sandbox-not-running", text, remedy="To use that one:", command="mct-s2s sandbox env"
        )
    return served


def hosts(options: NoOptions) -> int:
    del options
    with _said_plainly("hosts"):
        lines = server.hosts()
    typer.echo("\n".join(lines))
    return 0


def save(options: SaveOptions) -> int:
    with _said_plainly("save"):
        server.save(options.file)
    typer.echo(f"Saved to {plain(str(options.file))}.")
    return 0


def reset(options: NoOptions) -> int:
    del options
    with _said_plainly("reset"):
        server.reset()
    typer.echo("Sandbox reset.")
    return 0
