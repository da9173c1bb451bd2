"""What both ways of serving do: the world of a state directory, behind opened ports."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.real_names import RealNames
from mct_s2s.sandbox.hosting import certificates
from mct_s2s.sandbox.hosting.application import build
from mct_s2s.sandbox.hosting.listening import WebServer, addresses_of, open_ports, web_server
from mct_s2s.sandbox.hosting.state_directory import StateDirectory
from mct_s2s.sandbox.observability.observability import Observability
from mct_s2s.sandbox.state.seed import seed
from mct_s2s.sandbox.state.state import SandboxState

Opened = Mapping[str, list[socket.socket]]


def names_of(state: SandboxState) -> list[str]:
    """Everything that needs a port of its own."""
    return ["arm", "graph", *state.resources.sites]


def prepare(folder: StateDirectory, state: SandboxState, opened: Opened) -> tuple[WebServer, Addresses, Observability]:
    """Put the web server for a world together; its sockets are not served yet."""
    addresses = addresses_of(opened)
    ports = {"arm": addresses.arm_port, "graph": addresses.graph_port, **addresses.sites}
    folder.remember_ports(ports)
    return _prepared(folder, state, addresses)


def prepare_real_names(
    folder: StateDirectory, state: SandboxState, port: int
) -> tuple[WebServer, Addresses, Observability]:
    """The same for a sandbox under Azure's own names, which answers at one port."""
    return _prepared(folder, state, RealNames.on(port, state.resources.sites))


def _prepared(
    folder: StateDirectory, state: SandboxState, addresses: Addresses
) -> tuple[WebServer, Addresses, Observability]:
    _, server_pem = certificates.ensure(folder.path, for_real_names=addresses.shared_port is not None)
    if not folder.state_file.exists():
        state.save()
    secret = folder.administrator()["clientSecret"]
    pipeline, services = build(state, addresses, fresh=lambda: seed(secret))
    pipeline.observability.watch.learn(secret)
    server = web_server(pipeline, server_pem)
    server.finished = pipeline.keeper.flush
    pipeline.breaker = server.end
    services.listen = _PortOpener(folder, server, addresses)
    return server, addresses, pipeline.observability


class _PortOpener:
    """Opens ports for sites that came while the sandbox runs, and remembers them like the others."""

    def __init__(self, folder: StateDirectory, server: WebServer, addresses: Addresses) -> None:
        self._state = folder
        self._server = server
        self._addresses = addresses

    async def open(self, site_id: str) -> int:
        known = self._state.ports()
        opened = open_ports([site_id], known)[site_id]
        await self._server.listen_too(opened)
        port = int(opened[0].getsockname()[1])
        self._state.remember_ports({**known, site_id: port})
        return port


def all_of(opened: Opened) -> list[socket.socket]:
    """The sockets in one list, as the web server wants them."""
    return [each for sockets in opened.values() for each in sockets]
