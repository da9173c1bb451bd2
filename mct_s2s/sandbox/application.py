"""All services as one ASGI application: the port that a request came to, or a vault's name, says whom it is for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router

from mct_s2s.sandbox import arm, control, graph, local_only, login, managed_identity, mct, metadata, vault
from mct_s2s.sandbox.addresses import Addresses
from mct_s2s.sandbox.exchange import App, Receive, Scope, Send
from mct_s2s.sandbox.instruments import Instruments
from mct_s2s.sandbox.journal import Journal
from mct_s2s.sandbox.pipeline import Pipeline
from mct_s2s.sandbox.routing import below
from mct_s2s.sandbox.wire_errors import graph_error
from mct_s2s.sandbox.world import World


class Services:
    """Every port's services. A site may get a port while they run: `open` is replaced by whoever can listen."""

    def __init__(
        self, world: World, addresses: Addresses, instruments: Instruments, fresh: control.Fresh | None
    ) -> None:
        self._world = world
        self._addresses = addresses
        main = _router(
            *control.routes(world, addresses, instruments, self, fresh),
            *managed_identity.routes(world, addresses),
            *metadata.routes(world, addresses),
            *login.routes(world, addresses),
            *arm.routes(world, addresses),
        )
        self._ports: dict[int, App] = {
            addresses.arm_port: main,
            addresses.graph_port: _router(*graph.routes(world, addresses), _unknown()),
        }
        for site_id, port in addresses.sites.items():
            self.add_site(site_id, port)
        self._vaults = _router(*vault.routes(world, addresses))
        self.listen: control.Doors | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the services of its port, or to the vault that it names."""
        local_only.check(scope)
        app = self._vaults if _vault(scope, self._addresses) else self._ports[_port(scope)]
        await app(scope, receive, send)

    def add_site(self, site_id: str, port: int) -> None:
        """Let a site answer at a port."""
        self._ports[port] = _router(*mct.routes(self._world, self._addresses, site_id))

    async def open(self, site_id: str) -> int:
        """Give a site a port; one that nobody listens on where nobody can."""
        port = await self.listen.open(site_id) if self.listen is not None else max(self._ports) + 1
        self._addresses.add_site(site_id, port)
        self.add_site(site_id, port)
        return port


def build(
    world: World, addresses: Addresses, journal: Journal | None = None, *, fresh: control.Fresh | None = None
) -> tuple[Pipeline, Services]:
    """Put the services of one world together; `fresh` makes the world that a reset goes back to."""
    world.directory.origins = addresses
    instruments = Instruments(addresses, journal)
    services = Services(world, addresses, instruments, fresh)

    def service_of(scope: Scope) -> str:
        return _service(scope, addresses)

    return Pipeline(services, service_of, world, instruments), services


def _router(*routes: BaseRoute) -> Router:
    return Router(routes=list(routes), redirect_slashes=False)


def _port(scope: Scope) -> int:
    port: int = scope["server"][1]
    return port


def _service(scope: Scope, addresses: Addresses) -> str:
    port = _port(scope)
    if port == addresses.graph_port:
        return "graph"
    if port != addresses.arm_port:
        return "site"
    if _vault(scope, addresses):
        return "vault"
    head, *rest = scope["path"].strip("/").lower().split("/")
    if head == "_sandbox":
        return "identity" if rest[:1] == ["identity"] else "control"
    return "arm" if head in {"subscriptions", "providers", "tenants", "metadata"} else "entra"


def _vault(scope: Scope, addresses: Addresses) -> str | None:
    """The name of the vault that a request is for, if it is for one."""
    if _port(scope) != addresses.arm_port:
        return None
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    return addresses.vault_named_by(host)


def _unknown() -> Route:
    async def refuse(request: Request) -> Response:
        raise graph_error(
            501, "NotImplemented", f"The sandbox does not know {request.method} {request.url.path} of Graph."
        )

    return below("/", refuse)
