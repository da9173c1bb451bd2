"""What both ways to serve share: a state behind opened ports."""

import socket
from collections.abc import Iterable, Mapping

from mct_s2s.sandbox.core.addresses import Addresses, RealNames
from mct_s2s.sandbox.hosting import state_directory
from mct_s2s.sandbox.hosting.application import build
from mct_s2s.sandbox.hosting.listening import WebServer, addresses_of, open_ports, web_server
from mct_s2s.sandbox.hosting.state_directory import StateDirectory
from mct_s2s.sandbox.observability.secret_watch import Observability
from mct_s2s.sandbox.services.hosted_app import HostedApp
from mct_s2s.sandbox.state.seed import (
    ADMINISTRATOR_ID,
    SUBSCRIPTION,
    SUBSCRIPTION_ID,
    add_site,
    seed,
)
from mct_s2s.sandbox.state.state import SandboxState

Opened = Mapping[str, list[socket.socket]]
APPS_GROUP = "apps"
"""The resource group of the web apps that run a program."""


def names_of(state: SandboxState) -> list[str]:
    return ["arm", "graph", *state.resources.sites]


def prepare(
    folder: StateDirectory,
    state: SandboxState,
    opened: Opened,
    listen: str = "",
    *,
    real_names: bool = False,
    apps: Mapping[str, HostedApp] | None = None,
) -> tuple[WebServer, Addresses, Observability]:
    """Build the web server for a state; it does not serve yet.

    New sites listen where `listen` says, too.
    """
    if real_names:
        addresses: Addresses = RealNames(opened["all"][0].getsockname()[1], state.resources.sites)
    else:
        addresses = addresses_of(opened)
        folder.remember_ports(
            {"arm": addresses.arm_port, "graph": addresses.graph_port, **addresses.sites}
        )
    _, server_pem = state_directory.certificates(
        folder.path, for_real_names=addresses.shared_port is not None
    )
    if not folder.state_file.exists():
        state.save()
    secret = folder.administrator()["clientSecret"]
    hosted = dict(apps or {})

    def fresh() -> SandboxState:
        state = seed(secret)
        add_apps(state, hosted)
        return state

    pipeline, services = build(state, addresses, fresh=fresh, apps=hosted)
    pipeline.observability.watch.record(secret)
    server = web_server(pipeline, server_pem)
    server.apps = hosted

    def finished() -> None:
        pipeline.writer.flush()
        for app in hosted.values():
            app.end()

    server.finished = finished
    pipeline.breaker = server.end

    def open_port(site_id: str) -> int:
        known = folder.ports()
        # The port after the last one, which whoever published a range of a container's ports can
        # reach.
        preferred = {site_id: max(known.values()) + 1, **known}
        opened = open_ports([site_id], preferred, listen)[site_id]
        server.listen_too(opened)
        port = int(opened[0].getsockname()[1])
        folder.remember_ports({**known, site_id: port})
        return port

    services.listen = open_port
    return server, addresses, pipeline.observability


def app_id(name: str) -> str:
    return (
        f"{SUBSCRIPTION}/resourceGroups/{APPS_GROUP}/providers/Microsoft.Web/sites/{name}".lower()
    )


def add_apps(state: SandboxState, apps: Iterable[str]) -> None:
    """Add a web app without settings for each program, by its resource id, where there is
    none yet.
    """
    for resource_id in apps:
        if resource_id not in state.resources.sites:
            add_site(
                state.resources,
                subscription=SUBSCRIPTION_ID,
                group=APPS_GROUP,
                name=resource_id.rpartition("/")[2],
                kind="app,linux",
                settings={},
                owner_app_id=ADMINISTRATOR_ID,
            )


def all_of(opened: Opened) -> list[socket.socket]:
    return [each for sockets in opened.values() for each in sockets]
