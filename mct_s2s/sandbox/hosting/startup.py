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
from mct_s2s.sandbox.observability.observability import Instruments
from mct_s2s.sandbox.state.seed import seed
from mct_s2s.sandbox.state.state import World

Opened = Mapping[str, list[socket.socket]]


def names_of(world: World) -> list[str]:
    """Everything that needs a port of its own."""
    return ["arm", "graph", *world.resources.sites]


def prepare(state: StateDirectory, world: World, opened: Opened) -> tuple[WebServer, Addresses, Instruments]:
    """Put the web server for a world together; its sockets are not served yet."""
    addresses = addresses_of(opened)
    ports = {"arm": addresses.arm_port, "graph": addresses.graph_port, **addresses.sites}
    state.remember_ports(ports)
    return _prepared(state, world, addresses)


def prepare_real_names(state: StateDirectory, world: World, port: int) -> tuple[WebServer, Addresses, Instruments]:
    """The same for a sandbox under Azure's own names, which answers at one port."""
    return _prepared(state, world, RealNames.on(port, world.resources.sites))


def _prepared(state: StateDirectory, world: World, addresses: Addresses) -> tuple[WebServer, Addresses, Instruments]:
    _, server_pem = certificates.ensure(state.directory, for_real_names=addresses.shared_port is not None)
    if not state.world_file.exists():
        world.save()
    secret = state.administrator()["clientSecret"]
    pipeline, services = build(world, addresses, fresh=lambda: seed(secret))
    pipeline.instruments.watch.learn(secret)
    server = web_server(pipeline, server_pem)
    server.finished = pipeline.keeper.flush
    pipeline.breaker = server.end
    services.listen = _Doors(state, server, addresses)
    return server, addresses, pipeline.instruments


class _Doors:
    """Opens ports for sites that came while the sandbox runs, and remembers them like the others."""

    def __init__(self, state: StateDirectory, server: WebServer, addresses: Addresses) -> None:
        self._state = state
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
