"""`/_sandbox/*`: what no real cloud has. No token is needed, but see `local_only`.

GET health                       where everything is            GET, DELETE requests, leaks     see `control_log`
GET, PUT, DELETE faults          see `faults`                   GET, PUT world                  the world as a file
POST reset                       the seed again                 GET, POST clock                 {"advanceSeconds": n}
GET, PATCH knobs                 see `knobs`                    POST callers, sites, …          see `control_access`
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.entra.registrations import recycle_bin
from mct_s2s.sandbox.observability import tuning
from mct_s2s.sandbox.observability.observability import Observability
from mct_s2s.sandbox.resources import vault_references
from mct_s2s.sandbox.services.control.observations import Observations
from mct_s2s.sandbox.services.control.provisioning import Provisioning
from mct_s2s.sandbox.services.control.request_body import json_object, refused
from mct_s2s.sandbox.services.login import managed_identity
from mct_s2s.sandbox.state.state import SandboxState

_CENTURY = 100 * 366 * 86_400


class PortOpener(Protocol):
    """Whoever can give sites a port of their own while the sandbox runs."""

    async def open(self, site_id: str) -> int:
        """Let a site be reached; give its port."""


Fresh = Callable[[], SandboxState]


def routes(
    state: SandboxState,
    addresses: Addresses,
    observability: Observability,
    doors: PortOpener,
    fresh: Fresh | None = None,
) -> list[Route]:
    """Health, the request log, faults, the world as a whole, its clock and knobs, and who may do what in it."""
    control = _Control(state, addresses, observability, doors, fresh)
    log = Observations(observability)
    access = Provisioning(state, addresses, observability, doors.open)
    rows: list[tuple[str, Callable[[Request], Awaitable[Response]], list[str]]] = [
        ("health", control.health, ["GET"]),
        ("requests", log.requests, ["GET", "DELETE"]),
        ("leaks", log.leaks, ["GET", "DELETE"]),
        ("faults", log.faults, ["GET", "PUT", "DELETE"]),
        ("world", control.state, ["GET", "PUT"]),
        ("reset", control.reset, ["POST"]),
        ("clock", control.clock, ["GET", "POST"]),
        ("knobs", control.knobs, ["GET", "PATCH"]),
        ("callers", access.callers, ["POST"]),
        ("people", access.people, ["POST"]),
        ("sites", access.sites, ["POST"]),
        ("role-assignments", access.role_assignments, ["POST", "DELETE"]),
        ("deny-assignments", access.deny_assignments, ["POST", "DELETE"]),
        ("locks", access.locks, ["POST", "DELETE"]),
        ("identity-environment", control.identity_environment, ["GET"]),
        ("app-environment", control.app_environment, ["GET"]),
    ]
    return [Route(f"/_sandbox/{path}", run, methods=methods) for path, run, methods in rows]


class _Control:
    def __init__(
        self,
        state: SandboxState,
        addresses: Addresses,
        observability: Observability,
        doors: PortOpener,
        fresh: Fresh | None,
    ) -> None:
        self._state = state
        self._addresses = addresses
        self._instruments = observability
        self._routers = doors
        self._fresh = fresh

    async def health(self, request: Request) -> Response:
        """Where everything is."""
        del request
        own = self._addresses
        named = {"login": own.login, "arm": own.arm, "graph": own.graph}
        return JSONResponse({"status": "ready", **named, "sites": dict(own.sites)})

    async def state(self, request: Request) -> Response:
        """The world as a file; PUT replaces it, and gives sites that it did not have before a port."""
        if request.method == "PUT":
            try:
                other = SandboxState.from_dict(await json_object(request))
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise arm_error(400, "InvalidWorld", f"This is no world: {error}") from error
            await self._become(other)
            return Response(status_code=204)
        return JSONResponse(self._state.to_dict())

    async def reset(self, request: Request) -> Response:
        """Back to the seed, on the same ports: no faults, knobs as they were, and every token out is worthless.

        Tokens name principals that the new world does not have, apart from the administrator. The log and the leaks
        stay.
        """
        del request
        if self._fresh is None:
            raise arm_error(409, "NoSeed", "This sandbox was started without a seed to go back to.")
        self._instruments.faults.replace([])
        self._instruments.tokens.forget_refusals()
        await self._become(self._fresh())
        return Response(status_code=204)

    async def _become(self, other: SandboxState) -> None:
        self._state.replace_with(other)
        for site_id in self._state.resources.sites:
            if site_id not in self._addresses.sites:
                await self._routers.open(site_id)

    async def clock(self, request: Request) -> Response:
        """The sandbox's time; POST `{"advanceSeconds": n}` moves it."""
        if request.method == "POST":
            seconds = (await json_object(request)).get("advanceSeconds")
            if not isinstance(seconds, (int, float)) or not 0 <= seconds <= _CENTURY:
                raise arm_error(400, "InvalidClock", "advanceSeconds is a number of seconds, at most a century.")
            self._state.clock.advance(seconds)
            recycle_bin.expire(self._state.directory)
        return JSONResponse({"now": self._state.clock.now().isoformat()})

    async def knobs(self, request: Request) -> Response:
        """How long things take; PATCH changes it."""
        if request.method == "PATCH":
            sent: dict[str, Any] = await json_object(request)
            with refused("InvalidKnob"):
                tuning.change(self._state, sent)
        return JSONResponse(tuning.values(self._state))

    async def identity_environment(self, request: Request) -> Response:
        """The environment of the code inside `?resource=`, a web or function app."""
        resource = request.query_params.get("resource", "")
        return JSONResponse(managed_identity.environment(self._addresses, resource))

    async def app_environment(self, request: Request) -> Response:
        """What the code inside `?resource=`, a web or function app, reads of its settings: references resolved."""
        key, resources = request.query_params.get("resource", "").lower(), self._state.resources
        site, site_state = resources.resources.get(key), resources.sites.get(key)
        if site is None or site_state is None:
            raise arm_error(404, "ResourceNotFound", f"There is no site '{key}'.")
        return JSONResponse(vault_references.environment(resources, site, site_state))
