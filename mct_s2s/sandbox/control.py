"""`/_sandbox/*`: what no real cloud has. No token is needed; the sandbox listens on the loopback only."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox import managed_identity
from mct_s2s.sandbox.addresses import Addresses
from mct_s2s.sandbox.journal import Journal
from mct_s2s.sandbox.wire_errors import arm_error
from mct_s2s.sandbox.world import World

_KNOBS = {"restartSeconds": "restart_seconds", "operationSeconds": "operation_seconds"}
_CENTURY = 100 * 366 * 86_400


def routes(world: World, addresses: Addresses, journal: Journal) -> list[Route]:
    """Health, the request log, the world as a whole, its clock and its knobs."""
    control = _Control(world, addresses, journal)
    return [
        Route("/_sandbox/health", control.health),
        Route("/_sandbox/requests", control.requests, methods=["GET", "DELETE"]),
        Route("/_sandbox/world", control.world, methods=["GET", "PUT"]),
        Route("/_sandbox/clock", control.clock, methods=["GET", "POST"]),
        Route("/_sandbox/knobs", control.knobs, methods=["GET", "PATCH"]),
        Route("/_sandbox/identity-environment", control.identity_environment),
    ]


class _Control:
    def __init__(self, world: World, addresses: Addresses, journal: Journal) -> None:
        self._world = world
        self._addresses = addresses
        self._journal = journal

    async def health(self, request: Request) -> Response:
        """Where everything is."""
        del request
        own = self._addresses
        named = {"login": own.login, "arm": own.arm, "graph": own.graph}
        return JSONResponse({"status": "ready", **named, "sites": dict(own.sites)})

    async def requests(self, request: Request) -> Response:
        """The log, from `?since=` a number on, of one `?service=` or of all; DELETE empties it."""
        if request.method == "DELETE":
            self._journal.clear()
            return Response(status_code=204)
        since = request.query_params.get("since", "0")
        if not since.isdigit():
            raise arm_error(400, "InvalidNumber", f"'{since}' is no number of a request.")
        found = self._journal.to_list(since=int(since), service=request.query_params.get("service"))
        return JSONResponse({"value": found})

    async def world(self, request: Request) -> Response:
        """The world as a file; PUT replaces it. Sites that it did not have before get no port."""
        if request.method == "PUT":
            try:
                self._world.replace_with(World.from_dict(await _object(request)))
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise arm_error(400, "InvalidWorld", f"This is no world: {error}") from error
            return Response(status_code=204)
        return JSONResponse(self._world.to_dict())

    async def clock(self, request: Request) -> Response:
        """The sandbox's time; POST `{"advanceSeconds": n}` moves it."""
        if request.method == "POST":
            seconds = (await _object(request)).get("advanceSeconds")
            if not isinstance(seconds, (int, float)) or not 0 <= seconds <= _CENTURY:
                raise arm_error(400, "InvalidClock", "advanceSeconds is a number of seconds, at most a century.")
            self._world.clock.advance(seconds)
        return JSONResponse({"now": self._world.clock.now().isoformat()})

    async def knobs(self, request: Request) -> Response:
        """How long things take; PATCH changes it."""
        own, replication = self._world.resources, self._world.directory.replication
        if request.method == "PATCH":
            sent = await _object(request)
            lag = {name: sent.pop(name) for name in replication.settings() if name in sent}
            for name, value in sent.items():
                if name not in _KNOBS or not isinstance(value, (int, float)) or value < 0:
                    raise arm_error(400, "InvalidKnob", f"'{name}' is no knob, or {value!r} no number of seconds.")
            try:
                replication.change(lag)
            except ValueError as error:
                raise arm_error(400, "InvalidKnob", str(error)) from error
            for name, value in sent.items():
                setattr(own, _KNOBS[name], float(value))
        knobs = {name: getattr(own, attribute) for name, attribute in _KNOBS.items()}
        return JSONResponse({**knobs, **replication.settings()})

    async def identity_environment(self, request: Request) -> Response:
        """The environment of the code inside `?resource=`, a web or function app."""
        resource = request.query_params.get("resource", "")
        return JSONResponse(managed_identity.environment(self._addresses, resource))


async def _object(request: Request) -> dict[str, Any]:
    try:
        sent = await request.json()
    except ValueError as error:
        raise arm_error(400, "InvalidRequestContent", f"This is no JSON: {error}") from error
    if not isinstance(sent, dict):
        raise arm_error(400, "InvalidRequestContent", "A JSON object is expected.")
    return sent
