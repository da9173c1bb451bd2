"""What both ways of serving do: the world of a state directory, behind opened ports."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from mct_s2s.sandbox import certificates
from mct_s2s.sandbox.addresses import Addresses
from mct_s2s.sandbox.application import build
from mct_s2s.sandbox.listening import WebServer, addresses_of, web_server
from mct_s2s.sandbox.state import State
from mct_s2s.sandbox.world import World

Opened = Mapping[str, list[socket.socket]]


def names_of(world: World) -> list[str]:
    """Everything that needs a port of its own."""
    return ["arm", "graph", *world.resources.sites]


def prepare(state: State, world: World, opened: Opened) -> tuple[WebServer, Addresses]:
    """Put the web server for a world together; its sockets are not served yet."""
    addresses = addresses_of(opened)
    ports = {"arm": addresses.arm_port, "graph": addresses.graph_port, **addresses.sites}
    state.remember_ports(ports)
    _, server_pem = certificates.ensure(state.directory)
    if not state.world_file.exists():
        world.save()
    pipeline = build(world, addresses)
    server = web_server(pipeline, server_pem)
    server.finished = pipeline.keeper.flush
    return server, addresses


def all_of(opened: Opened) -> list[socket.socket]:
    """The sockets in one list, as the web server wants them."""
    return [each for sockets in opened.values() for each in sockets]
