"""All services as one ASGI application: the port a request came to says which of them it is for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router

from mct_s2s.sandbox import arm, control, graph, login, managed_identity, mct, metadata
from mct_s2s.sandbox.addresses import Addresses
from mct_s2s.sandbox.journal import Journal
from mct_s2s.sandbox.pipeline import App, Pipeline, Receive, Scope, Send
from mct_s2s.sandbox.wire_errors import graph_error
from mct_s2s.sandbox.world import World


def build(world: World, addresses: Addresses, journal: Journal | None = None) -> Pipeline:
    """Put the services of one world together."""
    journal = journal or Journal()
    world.directory.origins = addresses
    main = _router(
        *control.routes(world, addresses, journal),
        *managed_identity.routes(world, addresses),
        *metadata.routes(world, addresses),
        *login.routes(world, addresses),
        *arm.routes(world, addresses),
    )
    ports: dict[int, App] = {
        addresses.arm_port: main,
        addresses.graph_port: _router(*graph.routes(world, addresses), _unknown()),
    }
    for site_id, port in addresses.sites.items():
        ports[port] = _router(*mct.routes(world, addresses, site_id))

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await ports[_port(scope)](scope, receive, send)

    def service_of(scope: Scope) -> str:
        return _service(scope, addresses)

    return Pipeline(dispatch, service_of, world, journal)


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
    head = scope["path"].strip("/").split("/")[0].lower()
    if head == "_sandbox":
        return "control"
    return "arm" if head in {"subscriptions", "providers", "tenants", "metadata"} else "entra"


def _unknown() -> Route:
    async def refuse(request: Request) -> Response:
        raise graph_error(
            501, "NotImplemented", f"The sandbox does not know {request.method} {request.url.path} of Graph."
        )

    return Route("/{path:path}", refuse, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
