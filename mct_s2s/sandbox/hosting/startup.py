"""What both ways to serve share: a state behind opened ports."""

import socket
from collections.abc import Mapping

from mct_s2s.sandbox.core.addresses import Addresses, RealNames
from mct_s2s.sandbox.hosting import state_directory
from mct_s2s.sandbox.hosting.application import build
from mct_s2s.sandbox.hosting.listening import WebServer, addresses_of, open_ports, web_server
from mct_s2s.sandbox.hosting.state_directory import StateDirectory
from mct_s2s.sandbox.observability.secret_watch import Observability
from mct_s2s.sandbox.state.seed import seed
from mct_s2s.sandbox.state.state import SandboxState

Opened = Mapping[str, list[socket.socket]]


def names_of(state: SandboxState) -> list[str]:
    return ["arm", "graph", *state.resources.sites]


def prepare(
    folder: StateDirectory, state: SandboxState, opened: Opened, listen: str = "", *, real_names: bool = False
) -> tuple[WebServer, Addresses, Observability]:
    """Build the web server for a state; it does not serve yet. New sites listen where `listen` says, too."""
    if real_names:
        addresses: Addresses = RealNames(opened["all"][0].getsockname()[1], state.resources.sites)
    else:
        addresses = addresses_of(opened)
        folder.remember_ports({"arm": addresses.arm_port, "graph": addresses.graph_port, **addresses.sites})
    _, server_pem = state_directory.certificates(folder.path, for_real_names=addresses.shared_port is not None)
    if not folder.state_file.exists():
        state.save()
    secret = folder.administrator()["clientSecret"]
    pipeline, services = build(state, addresses, fresh=lambda: seed(secret))
    pipeline.observability.watch.record(secret)
    server = web_server(pipeline, server_pem)
    server.finished = pipeline.writer.flush
    pipeline.breaker = server.end

    async def open_port(site_id: str) -> int:
        known = folder.ports()
        # The port after the last one, which whoever published a range of a container's ports can reach.
        preferred = {site_id: max(known.values()) + 1, **known} if listen else known
        opened = open_ports([site_id], preferred, listen)[site_id]
        await server.listen_too(opened)
        port = int(opened[0].getsockname()[1])
        folder.remember_ports({**known, site_id: port})
        return port

    services.listen = open_port
    return server, addresses, pipeline.observability


def all_of(opened: Opened) -> list[socket.socket]:
    return [each for sockets in opened.values() for each in sockets]
