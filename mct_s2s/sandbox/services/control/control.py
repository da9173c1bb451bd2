"""`/_sandbox/*`: what no real cloud has. No token is needed, but see `local_only`.

GET health                       addresses                      GET, DELETE requests, leaks     see `observations`
GET, PUT, DELETE faults          see `faults`                   GET, PUT world                  the state as a file
POST reset                       back to the seed               GET, POST clock                 {"advanceSeconds": n}
GET, PATCH knobs                 see `tuning`                   POST callers, sites, …          see `provisioning`
GET, PUT tenant                  {"name": "default", "strict" or "legacy"}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.entra.registrations import recycle_bin
from mct_s2s.sandbox.entra.tenant.variations import TENANTS, Variations
from mct_s2s.sandbox.observability import tuning
from mct_s2s.sandbox.observability.observability import Observability
from mct_s2s.sandbox.resources import vault_references
from mct_s2s.sandbox.services.control.observations import Observations
from mct_s2s.sandbox.services.control.provisioning import Provisioning
from mct_s2s.sandbox.services.control.request_body import json_object, refused
from mct_s2s.sandbox.services.login import managed_identity
from mct_s2s.sandbox.state.state import SandboxState

_CENTURY = 100 * 366 * 86_400

Fresh = Callable[[], SandboxState]
"""Creates the state that a reset returns to."""
OpenPort = Callable[[str], Awaitable[int]]
"""Opens a port for a site, by its resource id; returns the port."""


def routes(
    state: SandboxState,
    addresses: Addresses,
    observability: Observability,
    open_port: OpenPort,
    fresh: Fresh | None = None,
) -> list[Route]:
    control = _Control(state, addresses, observability, open_port, fresh)
    log = Observations(observability)
    access = Provisioning(state, addresses, observability, open_port)
    rows: list[tuple[str, Callable[[Request], Awaitable[Response]], list[str]]] = [
        ("health", control.health, ["GET"]),
        ("requests", log.requests, ["GET", "DELETE"]),
        ("leaks", log.leaks, ["GET", "DELETE"]),
        ("faults", log.faults, ["GET", "PUT", "DELETE"]),
        ("world", control.state, ["GET", "PUT"]),
        ("reset", control.reset, ["POST"]),
        ("clock", control.clock, ["GET", "POST"]),
        ("knobs", control.knobs, ["GET", "PATCH"]),
        ("tenant", control.tenant, ["GET", "PUT"]),
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
        open_port: OpenPort,
        fresh: Fresh | None,
    ) -> None:
        self._state = state
        self._addresses = addresses
        self._instruments = observability
        self._open_port = open_port
        self._fresh = fresh

    async def health(self, request: Request) -> Response:
        del request
        own = self._addresses
        named = {"login": own.login, "arm": own.arm, "graph": own.graph}
        return JSONResponse({"status": "ready", **named, "sites": dict(own.sites)})

    async def state(self, request: Request) -> Response:
        if request.method == "PUT":
            try:
                other = SandboxState.from_dict(await json_object(request))
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise arm_error(400, "InvalidWorld", f"Invalid state: {error}") from error
            await self._become(other)
            return Response(status_code=204)
        return JSONResponse(self._state.to_dict())

    async def reset(self, request: Request) -> Response:
        """Reset the state to the seed, with the same ports, without faults and with all options at their defaults.

        Issued tokens become useless: their principals do not exist any more, apart from the administrator. The log and
        the leaks stay.
        """
        del request
        if self._fresh is None:
            raise arm_error(409, "NoSeed", "This sandbox was started without a seed, so it cannot be reset.")
        self._instruments.faults.replace([])
        self._instruments.tokens.forget_refusals()
        await self._become(self._fresh())
        return Response(status_code=204)

    async def _become(self, other: SandboxState) -> None:
        self._state.replace_with(other)
        for site_id in self._state.resources.sites:
            if site_id not in self._addresses.sites:
                await self._open_port(site_id)

    async def clock(self, request: Request) -> Response:
        if request.method == "POST":
            seconds = (await json_object(request)).get("advanceSeconds")
            if not isinstance(seconds, (int, float)) or not 0 <= seconds <= _CENTURY:
                raise arm_error(400, "InvalidClock", "advanceSeconds must be a number of seconds, at most 100 years.")
            self._state.clock.advance(seconds)
            recycle_bin.expire(self._state.directory)
        return JSONResponse({"now": self._state.clock.now().isoformat()})

    async def knobs(self, request: Request) -> Response:
        if request.method == "PATCH":
            sent: dict[str, Any] = await json_object(request)
            with refused("InvalidKnob"):
                tuning.change(self._state, sent)
        return JSONResponse(tuning.values(self._state))

    async def tenant(self, request: Request) -> Response:
        """Return in what this tenant differs from most; PUT `{"name": "strict"}`, or single members of `Variations`."""
        directory = self._state.directory
        if request.method == "PUT":
            sent = await json_object(request)
            name = sent.pop("name", None)
            if name is not None and (not isinstance(name, str) or name not in TENANTS):
                raise arm_error(400, "InvalidTenant", f"There is no tenant {name!r}, but {', '.join(TENANTS)}.")
            try:
                directory.variations = Variations.of(
                    {**asdict(TENANTS[name] if name else directory.variations), **sent}
                )
            except TypeError as error:
                raise arm_error(400, "InvalidTenant", str(error)) from error
        return JSONResponse(asdict(directory.variations))

    async def identity_environment(self, request: Request) -> Response:
        resource = request.query_params.get("resource", "")
        return JSONResponse(managed_identity.environment(self._addresses, resource))

    async def app_environment(self, request: Request) -> Response:
        key, resources = request.query_params.get("resource", "").lower(), self._state.resources
        site, site_state = resources.resources.get(key), resources.sites.get(key)
        if site is None or site_state is None:
            raise arm_error(404, "ResourceNotFound", f"The site '{key}' does not exist.")
        return JSONResponse(vault_references.environment(resources, site, site_state))
