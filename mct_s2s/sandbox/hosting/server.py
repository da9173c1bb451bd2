"""The sandbox as a process of its own: serves until it is interrupted."""

from __future__ import annotations

import contextlib
import json
import ssl
import urllib.request
from collections.abc import Callable
from pathlib import Path

from mct_s2s.sandbox.core.addresses import HOST
from mct_s2s.sandbox.hosting import banner, certificates, listening, startup
from mct_s2s.sandbox.hosting.environment import exports, ports_from, real_exports
from mct_s2s.sandbox.hosting.hosts_file import hosts_lines
from mct_s2s.sandbox.hosting.state_directory import Served, StateDirectory
from mct_s2s.sandbox.state.seed import seed
from mct_s2s.sandbox.state.state import World, replace_file


def serve(
    port: int,
    *,
    real_names: bool = False,
    state_dir: Path | None = None,
    announce: Callable[[str], None],
    world_file: Path | None = None,
    faults_file: Path | None = None,
) -> None:
    """Serve the world of a state directory until interrupted.

    Args:
        port: Resource Manager and sign-in; Graph takes the next one, then the sites in their order.
        real_names: answer under Azure's own names instead, all at that one port.
        state_dir: where the world is kept; the user's own by default.
        announce: called with each line to show once the sandbox is ready.
        world_file: a world that takes the place of the kept one; the file itself stays as it is.
        faults_file: a list of rules (see `faults`), as JSON.

    Raises:
        PortTaken: one of the ports is not free.
        TimeoutError: another process serves this directory.
        ValueError: the kept world is of another version, or one of the files does not hold what it should.
        OSError: one of the files cannot be read.
    """
    state = StateDirectory(state_dir)
    rules = json.loads(faults_file.read_text(encoding="utf-8")) if faults_file else []
    with state.exclusive(seconds=2):
        if world_file is not None:
            state.adopt(world_file)
        world = state.world()
        if real_names:
            opened = listening.open_exactly({"all": port})
            server, addresses, instruments = startup.prepare_real_names(state, world, port)
            exported = real_exports(state_dir=state.directory)
        else:
            opened = listening.open_exactly(ports_from(port, startup.names_of(world)))
            server, addresses, instruments = startup.prepare(state, world, opened)
            exported = exports(port, state_dir=state.directory)
        instruments.faults.replace(rules)

        def ready() -> None:
            for line in banner.lines(addresses, exported):
                announce(line)

        server.started_up = ready
        with state.serving(Served(port, real_names)), contextlib.suppress(KeyboardInterrupt):
            server.run(startup.all_of(opened))


def save(path: Path, state_dir: Path | None = None) -> None:
    """Write the world to a file that `serve` can be given: the served one where it is served, or the kept one.

    Raises:
        ValueError: the kept world is of another version.
        OSError: the file cannot be written, or the served sandbox does not answer.
    """
    state = StateDirectory(state_dir)
    served = state.served()
    if served is None:
        kept = state.world_file
        (World.load(kept) if kept.exists() else state.world()).save(path)
        return
    authority, _ = certificates.ensure(state.directory, for_real_names=served.real_names)
    trusted = ssl.create_default_context(cafile=authority)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusted), urllib.request.ProxyHandler({}))
    with opener.open(f"https://{HOST}:{served.port}/_sandbox/world", timeout=60) as answer:
        content = json.loads(answer.read())
    replace_file(path, json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8"))


def reset(state_dir: Path | None = None) -> None:
    """Bring the kept world back to its seed.

    Raises:
        TimeoutError: it is being served at this moment.
    """
    state = StateDirectory(state_dir)
    with state.exclusive(seconds=10):
        state.reset()


def hosts(state_dir: Path | None = None) -> list[str]:
    """The lines for the hosts file that lead Azure's names to the kept world, or to the seed where none is kept.

    Raises:
        ValueError: the kept world is of another version.
        OSError: it cannot be read.
    """
    kept = StateDirectory(state_dir).world_file
    return list(hosts_lines((World.load(kept) if kept.exists() else seed("")).resources))
