"""Control routes of the request log, the leaks and the faults."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.observability.observability import Observability
from mct_s2s.sandbox.services.control.request_body import json_value, refused


class Observations:
    """Routes of what a sandbox observes and injects."""

    def __init__(self, observability: Observability) -> None:
        self._own = observability

    async def requests(self, request: Request) -> Response:
        """Return the log, of requests after number `?since=`, of one `?service=` or of all; DELETE empties it."""
        if request.method == "DELETE":
            self._own.log.clear()
            return Response(status_code=204)
        since = request.query_params.get("since", "0")
        if not since.isdigit():
            raise arm_error(400, "InvalidNumber", f"'{since}' is not a request number.")
        found = self._own.log.to_list(since=int(since), service=request.query_params.get("service"))
        return JSONResponse({"value": found})

    async def leaks(self, request: Request) -> Response:
        """Return secrets in wrong places (see `secret_watch`); DELETE empties the list."""
        if request.method == "DELETE":
            self._own.watch.leaks.clear()
            return Response(status_code=204)
        return JSONResponse({"value": self._own.watch.to_list()})

    async def faults(self, request: Request) -> Response:
        """Return the fault rules with their counters; PUT replaces them, DELETE removes all.

        DELETE also accepts tokens again that a fault revoked or expired.
        """
        if request.method == "PUT":
            sent = await json_value(request)
            with refused("InvalidFault"):
                self._own.faults.replace(sent)
        if request.method == "DELETE":
            self._own.faults.replace([])
            self._own.tokens.forget_refusals()
        return JSONResponse({"value": self._own.faults.to_list()})
