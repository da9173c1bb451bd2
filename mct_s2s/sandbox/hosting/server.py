"""The sandbox as a process of its own: serves until it is interrupted."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from mct_s2s.sandbox.core.files import replace_file
from mct_s2s.sandbox.entra.tenant.variations import TENANTS
from mct_s2s.sandbox.hosting import banner, listening, startup
from mct_s2s.sandbox.hosting.banner import hosts_lines
from mct_s2s.sandbox.hosting.environment import answer_of, ports_from
from mct_s2s.sandbox.hosting.state_directory import Served, StateDirectory
from mct_s2s.sandbox.state.seed import seed
from mct_s2s.sandbox.state.state import SandboxState


def serve(
    port: int,
    *,
    real_names: bool = False,
    state_dir: Path | None = None,
    announce: Callable[[str], None],
    state_file: Path | None = None,
    faults_file: Path | None = None,
    listen: str = "",
    tenant: str = "",
) -> None:
    """Serve the state of a directory until interrupted.

    Args:
        port: Resource Manager and sign-in; Graph takes the next one, then the sites in their order.
        real_names: answer under Azure's own names instead, all at that one port.
        state_file: a state that replaces the saved one; the file itself stays as it is.
        listen: an IP address of this machine instead of the loopback. Whoever reaches it controls the sandbox.

    Raises:
        PortTaken: one of the ports is not free.
        TimeoutError: another process serves this directory.
        ValueError: the saved state is of another version, or one of the files does not hold what it should.
        OSError: one of the files cannot be read.
    """
    folder = StateDirectory(state_dir)
    rules = json.loads(faults_file.read_text(encoding="utf-8")) if faults_file else []
    with folder.exclusive(seconds=2):
        if state_file is not None:
            folder.adopt(state_file)
        state = folder.state()
        if tenant:
            state.directory.variations = TENANTS[tenant]
        if real_names:
            opened = listening.open_exactly({"all": port}, listen)
            server, addresses, observability = startup.prepare_real_names(folder, state, port)
        else:
            opened = listening.open_exactly(ports_from(port, startup.names_of(state)), listen)
            server, addresses, observability = startup.prepare(folder, state, opened, listen)
        observability.faults.replace(rules)

        def ready() -> None:
            for line in banner.lines(addresses, listen):
                announce(line)

        server.started_up = ready
        with folder.serving(Served(port, real_names)), contextlib.suppress(KeyboardInterrupt):
            server.run(startup.all_of(opened))


def save(path: Path, state_dir: Path | None = None) -> None:
    """Write the state to a file for `serve --world`: the one that is being served, or the saved one.

    Raises:
        ValueError: the saved state is of another version.
        OSError: the file cannot be written, or the served sandbox does not answer.
    """
    folder = StateDirectory(state_dir)
    served = folder.served()
    if served is None:
        kept = folder.state_file
        (SandboxState.load(kept) if kept.exists() else folder.state()).save(path)
        return
    content = json.loads(answer_of(folder, served, "world"))
    replace_file(path, json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8"))


def reset(state_dir: Path | None = None) -> None:
    """Reset the saved state to the seed. Raises TimeoutError: it is being served at this moment."""
    folder = StateDirectory(state_dir)
    with folder.exclusive(seconds=10):
        folder.reset()


def hosts(state_dir: Path | None = None) -> list[str]:
    """Return the lines of the hosts file for the saved state, or for the seed where none is saved.

    Raises:
        ValueError: the saved state is of another version.
        OSError: it cannot be read.
    """
    kept = StateDirectory(state_dir).state_file
    return list(hosts_lines((SandboxState.load(kept) if kept.exists() else seed("")).resources))
