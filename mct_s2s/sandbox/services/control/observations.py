"""Control of what is observed and disturbed: the request log, the leaks, the faults."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.observability.observability import Observability
from mct_s2s.sandbox.services.control.request_body import json_value, refused


class Observations:
    """Routes around the instruments of one sandbox."""

    def __init__(self, observability: Observability) -> None:
        self._own = observability

    async def requests(self, request: Request) -> Response:
        """The log, from `?since=` a number on, of one `?service=` or of all; DELETE empties it."""
        if request.method == "DELETE":
            self._own.log.clear()
            return Response(status_code=204)
        since = request.query_params.get("since", "0")
        if not since.isdigit():
            raise arm_error(400, "InvalidNumber", f"'{since}' is no number of a request.")
        found = self._own.log.to_list(since=int(since), service=request.query_params.get("service"))
        return JSONResponse({"value": found})

    async def leaks(self, request: Request) -> Response:
        """Secrets that appeared where they must not (see `watch`); DELETE forgets them."""
        if request.method == "DELETE":
            self._own.watch.leaks.clear()
            return Response(status_code=204)
        return JSONResponse({"value": self._own.watch.to_list()})

    async def faults(self, request: Request) -> Response:
        """The rules in force (see `faults`), each with how often it fired; PUT replaces them, DELETE takes all away.

        DELETE also accepts again the tokens that a fault took back.
        """
        if request.method == "PUT":
            sent = await json_value(request)
            with refused("InvalidFault"):
                self._own.faults.replace(sent)
        if request.method == "DELETE":
            self._own.faults.replace([])
            self._own.tokens.forget_refusals()
        return JSONResponse({"value": self._own.faults.to_list()})
