"""Reports each request of azure-core's pipelines: by a policy, or where the pipeline is not ours, by its hooks."""

from __future__ import annotations

import time
from typing import Any

from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy

from mct_s2s.azure.answers import OddAnswer, check_address
from mct_s2s.azure.trace import SentRequest, Trace, path_of


class TracePolicy(AsyncHTTPPolicy[Any, Any]):
    """Tells `trace` of every request of one service, answered or not."""

    def __init__(self, service: str, trace: Trace) -> None:
        self._service = service
        self._trace = trace

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Pass the request on, and report how it went."""
        began, status, request_id = time.monotonic(), 0, None
        try:
            response = await self.next.send(request)
            status = response.http_response.status_code
            request_id = response.http_response.headers.get("x-ms-request-id")
        finally:
            took = (time.monotonic() - began) * 1000
            path = path_of(request.http_request.url)
            self._trace(SentRequest(self._service, request.http_request.method, path, status, took, request_id))
        return response


class OnlyAt(AsyncHTTPPolicy[Any, Any]):
    """Sends requests to one service's own address; the SDKs follow links wherever they lead."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Pass the request on. Raises AzureError: it is for another address; made from an `OddAnswer`."""
        try:
            check_address(request.http_request.url, self._address)
        except OddAnswer as odd:
            raise AzureError(str(odd)) from odd
        return await self.next.send(request)


def hooks(service: str, trace: Trace) -> dict[str, Any]:
    """The same as options for azure-identity, whose pipelines don't accept our policies."""

    def asked(request: PipelineRequest[Any]) -> None:
        request.context["mct_s2s_began"] = time.monotonic()

    def answered(response: PipelineResponse[Any, Any]) -> None:
        http = response.http_response
        took = (time.monotonic() - response.context.get("mct_s2s_began", time.monotonic())) * 1000
        path, method = path_of(response.http_request.url), response.http_request.method
        trace(SentRequest(service, method, path, http.status_code, took, http.headers.get("x-ms-request-id")))

    return {"raw_request_hook": asked, "raw_response_hook": answered}
