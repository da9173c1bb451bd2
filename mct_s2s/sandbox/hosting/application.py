"""All services as one ASGI application."""

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, Router

from mct_s2s.sandbox.core.addresses import Addresses, Destination
from mct_s2s.sandbox.core.operation import below
from mct_s2s.sandbox.core.wire_errors import arm_error, graph_error
from mct_s2s.sandbox.middleware import pipeline
from mct_s2s.sandbox.middleware.pipeline import Pipeline
from mct_s2s.sandbox.observability.exchange import App, Receive, RequestLog, Scope, Send
from mct_s2s.sandbox.observability.secret_watch import Observability
from mct_s2s.sandbox.services import key_vault, mct_site, page
from mct_s2s.sandbox.services.arm import arm
from mct_s2s.sandbox.services.control import control
from mct_s2s.sandbox.services.graph import graph
from mct_s2s.sandbox.services.hosted_app import HostedApp
from mct_s2s.sandbox.services.login import issuer, login, managed_identity
from mct_s2s.sandbox.state.state import SandboxState


class Services:
    """All services, and which of them a request is for.

    `listen` opens a port for a new site while they run; it is set by what listens.
    """

    def __init__(
        self,
        state: SandboxState,
        addresses: Addresses,
        observability: Observability,
        fresh: Callable[[], SandboxState] | None,
        apps: Mapping[str, HostedApp],
    ) -> None:
        self._apps = apps
        self._state = state
        self._addresses = addresses
        own_routes = [
            *page.routes(state, addresses, observability),
            *control.routes(state, addresses, observability, self.open_port, fresh),
            *managed_identity.routes(state),
        ]
        manager = [*arm.metadata_routes(addresses), *arm.routes(state, addresses, self.open_port)]
        sign_in = login.routes(state, addresses)
        self._routers: dict[str, App] = {
            "main": _router(*own_routes, *sign_in, *manager),
            "control": _router(
                *own_routes, *issuer.routes(state, addresses), _unknown("on this host")
            ),
            "login": _router(*sign_in, _unknown("of the token service")),
            "arm": _router(*manager),
            "graph": _router(*graph.routes(state, addresses), _unknown("of Graph")),
            "vault": _router(*key_vault.routes(state, addresses)),
            "nowhere": _router(_misdirected()),
        }
        self._sites: dict[str, App] = {}
        for site_id in addresses.sites:
            self.add_site(site_id)
        self.listen: Callable[[str], int] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pipeline.check_is_local(scope)
        destination = _destination(scope, self._addresses)
        app: App
        if destination.kind == "site":
            app = self._sites.get(destination.name, _NO_SITE)
        elif destination.kind in {"main", "control"} and _is_browser_at_root(scope):
            app = RedirectResponse(page.PATH)
        else:
            app = self._routers[destination.kind]
        await app(scope, receive, send)

    def add_site(self, site_id: str) -> None:
        identity = managed_identity.environment(self._addresses, site_id)
        self._sites[site_id] = _router(
            *mct_site.routes(self._state, self._addresses, site_id, self._apps, identity)
        )

    def open_port(self, site_id: str) -> int:
        """Return the port of a site; a new one gets one, an unused one where nothing can listen."""
        if site_id not in self._addresses.sites:
            port = self._addresses.shared_port or self._new_port(site_id)
            self._addresses.add_site(site_id, port)
            self.add_site(site_id)
        return self._addresses.sites[site_id]

    def _new_port(self, site_id: str) -> int:
        if self.listen is not None:
            return self.listen(site_id)
        return (
            max(
                self._addresses.arm_port,
                self._addresses.graph_port,
                *self._addresses.sites.values(),
            )
            + 1
        )


def build(
    state: SandboxState,
    addresses: Addresses,
    log: RequestLog | None = None,
    *,
    fresh: Callable[[], SandboxState] | None = None,
    apps: Mapping[str, HostedApp] | None = None,
) -> tuple[Pipeline, Services]:
    """Build the application for a state; `fresh` creates the state that a reset returns to.

    `apps`: by resource id, the programs that answer in place of MCT; more may be added while it
    serves.
    """
    state.directory.addresses = addresses
    observability = Observability(addresses, log)
    services = Services(state, addresses, observability, fresh, {} if apps is None else apps)

    def service_of(scope: Scope) -> str:
        return _service(scope, addresses)

    return Pipeline(services, service_of, state, observability), services


def _router(*routes: BaseRoute) -> Router:
    return Router(routes=list(routes), redirect_slashes=False)


def _destination(scope: Scope, addresses: Addresses) -> Destination:
    return addresses.destination(_header(scope, b"host"), scope["server"][1])


def _is_browser_at_root(scope: Scope) -> bool:
    return (
        scope["path"] == "/"
        and scope["method"] == "GET"
        and "text/html" in _header(scope, b"accept")
    )


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")


def _service(scope: Scope, addresses: Addresses) -> str:
    kind = _destination(scope, addresses).kind
    if kind not in {"main", "control"}:
        return "entra" if kind == "login" else kind
    head, *rest = scope["path"].strip("/").lower().split("/")
    if head in {"_sandbox", ""}:
        return "identity" if rest[:1] == ["identity"] else "control"
    if kind == "control":
        return kind
    return "arm" if head in {"subscriptions", "providers", "tenants", "metadata"} else "entra"


_NO_SITE = PlainTextResponse("404 Web Site not found.", 404)


def _unknown(where: str) -> Route:
    async def refuse(request: Request) -> Response:
        message = f"The sandbox does not support {request.method} {request.url.path} {where}."
        raise graph_error(501, "NotImplemented", message)

    return below("/", refuse)


def _misdirected() -> Route:
    async def refuse(request: Request) -> Response:
        host = request.headers.get("host", "")
        raise arm_error(421, "MisdirectedRequest", f"The sandbox has no service named '{host}'.")

    return below("/", refuse)
