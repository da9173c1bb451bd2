"""One signed-in connection to Graph: sends what the request builders make, and reads the answer as JSON.

msgraph-sdk's models are used for what is written. Answers are not deserialised into them: that alone imports some
1,200 modules.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from kiota_abstractions.api_error import APIError
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient

from mct_s2s.activity import waiting
from mct_s2s.azure.answers import parse_json, rows, text
from mct_s2s.azure.clouds import Cloud
from mct_s2s.azure.http import NO_ANSWER, Http
from mct_s2s.azure.refusals import GraphOperation, refused
from mct_s2s.azure.retry import Lag, RetryPolicy, no_lag
from mct_s2s.azure.services import GRAPH, Refusal, all_rows
from mct_s2s.azure.sign_in.caller_credential import CallerCredential, send_signed_in
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import S2SError, ServiceError

JSON = "application/json"
CONSENTS_AT_ONCE = 3
"""To one service application; more of them are refused as concurrent: docs/azure-contract.md, 3.1."""
MOST_IN_BATCH = 20
"""Source: learn.microsoft.com/graph/json-batching, "Batch size limitations"."""

_WRITTEN = re.compile(r"/(?:applications|servicePrincipals|deletedItems)/([^/?]+)")
"""The object that an address is about."""


class GraphSession:
    """Microsoft Graph v1.0 of one cloud, as one caller."""

    def __init__(self, cloud: Cloud, credential: CallerCredential, http: Http, retry_policy: RetryPolicy) -> None:
        self._credential = credential
        self._scope = cloud.graph_scope
        self._retry_policy = retry_policy
        provider = AzureIdentityAuthenticationProvider(
            credential,
            scopes=[cloud.graph_scope],
            allowed_hosts=[urlsplit(cloud.graph).hostname or ""],
            is_cae_enabled=False,
        )
        self._adapter = _GraphAdapter(provider, client=http)
        self._graph = cloud.graph
        self.base_url = f"{cloud.graph}/v1.0"
        self._adapter.base_url = self.base_url
        self.client = GraphServiceClient(request_adapter=self._adapter)
        self._client_ids: dict[str, str] = {}
        self._writers: dict[str, asyncio.Semaphore] = {}

    def request(self, method: Method, path: str, body: object = None, *, beta: bool = False) -> RequestInformation:
        """A request that the SDK has no builder for, or only one that imports a thousand modules."""
        info = RequestInformation(method)
        info.url = (f"{self._graph}/beta" if beta else self.base_url) + path
        info.headers.try_add("Accept", JSON)
        if body is not None:
            info.set_stream_content(json.dumps(body).encode(), JSON)
        return info

    async def send(
        self, info: RequestInformation, operation: GraphOperation, *, repeatable: bool = True, lag: Lag = no_lag
    ) -> dict[str, Any] | None:
        """Send one request; the answer's JSON, or `None` where it has no body.

        Raises:
            S2SError: refused or not answered, translated, with `operation` as what was being done.
        """
        # The builders of keyed paths (`applications(uniqueName='…')`) share one dictionary of path parameters, and the
        # address is worked out anew at each look: a repetition would go to another object.
        info.path_parameters = {**info.path_parameters, "baseurl": self.base_url}
        info.url = info.url

        async def answered() -> dict[str, Any] | None:
            info.headers.remove("Authorization")  # of an attempt before: kiota would keep it
            answer = await self._adapter.send_primitive_async(info, "bytes", {"XXX": ODataError})
            return self._json(answer, operation)

        async def once() -> dict[str, Any] | None:
            return await send_signed_in(
                answered,
                operation,
                service=GRAPH,
                credential=self._credential,
                scope=self._scope,
                failures=(APIError, *NO_ANSWER),
                refusal_of=_refusal_of,
                translate=lambda error: _translate(error, operation),
            )

        async with self._turn(info):
            return await self._retry_policy.call(once, repeatable=repeatable, lag=lag)

    @asynccontextmanager
    async def _turn(self, info: RequestInformation) -> AsyncIterator[None]:
        """Held by who writes: one at a time to an application and its service principal, a few consents to one."""
        if info.http_method is Method.GET or info.url.endswith(("/$batch", "/applications")):
            yield
            return
        if info.url.endswith("/servicePrincipals"):
            written = str(json.loads(info.content or b"{}").get("appId"))
        else:
            found = _WRITTEN.search(info.url)
            written = found[1] if found else info.url
        written, at_once = self._client_ids.get(written, written).lower(), 1
        if "/appRoleAssignedTo" in info.url:
            written, at_once = f"consents to {written}", CONSENTS_AT_ONCE
        turn = self._writers.setdefault(written, asyncio.Semaphore(at_once))
        with waiting("waiting for another write to the same object"):
            await turn.acquire()
        try:
            yield
        finally:
            turn.release()

    def _json(self, body: bytes | None, operation: GraphOperation) -> dict[str, Any] | None:
        if not body:
            return None
        try:
            document: Any = parse_json(body, self._note_ids)
        except (ValueError, RecursionError) as error:
            raise GRAPH.unreadable(operation) from error
        if not isinstance(document, dict):
            raise GRAPH.unreadable(operation)
        return document

    def _note_ids(self, row: dict[str, Any]) -> dict[str, Any]:
        """Whose an object is: applications and service principals of one appId are written one after the other."""
        if "id" in row and "appId" in row:
            self._client_ids[str(row["id"])] = str(row["appId"])
        return row

    def path_of(self, info: RequestInformation) -> str:
        """A request's path below the version, with its query. To be asked for before the next builder is made."""
        return info.url.removeprefix(self.base_url)

    async def rows(
        self, info: RequestInformation, operation: GraphOperation, *, lag: Lag = no_lag
    ) -> list[Mapping[str, Any]]:
        """Every row of a collection, page after page."""
        levels = info.headers.get("ConsistencyLevel")  # of an advanced query, page by page
        return await self._all_rows(await self.send(info, operation, lag=lag), operation, levels)

    async def rows_of_many(self, paths: Sequence[str]) -> list[list[Mapping[str, Any]]]:
        """Every row of several collections, as `read_many` reads them; none of one that is not there."""
        pages = await self.read_many(paths)
        reading = GraphOperation.READ
        return list(await gather_or_cancel(*(self._all_rows(page or {"value": []}, reading) for page in pages)))

    async def _all_rows(
        self, first: dict[str, Any] | None, operation: GraphOperation, levels: Iterable[str] = ()
    ) -> list[Mapping[str, Any]]:
        async def follow(link: str) -> dict[str, Any] | None:
            more = RequestInformation(Method.GET)
            more.url = link
            more.headers.try_add("Accept", JSON)
            for level in levels:
                more.headers.try_add("ConsistencyLevel", level)
            return await self.send(more, operation)

        return await all_rows(
            first, follow, link="@odata.nextLink", address=self.base_url, service=GRAPH, step=operation
        )

    async def read_many(self, paths: Sequence[str]) -> list[dict[str, Any] | None]:
        """GET several objects, `MOST_IN_BATCH` in one round trip; `None` where one is not there.

        An answer that is neither 200 nor 404 (throttled, refused, not understood) is that one object's matter: it is
        asked for again by itself, with all that `send` does. Source: learn.microsoft.com/graph/json-batching.

        Args:
            paths: relative to the version, such as `/applications(uniqueName='…')`.

        Raises:
            S2SError: as for `send`.
        """
        parts = [paths[at : at + MOST_IN_BATCH] for at in range(0, len(paths), MOST_IN_BATCH)]
        found = await gather_or_cancel(*(self._batch(part) for part in parts))
        return [row for rows in found for row in rows]

    async def _batch(self, paths: Sequence[str]) -> list[dict[str, Any] | None]:
        steps = [{"id": str(at), "method": "GET", "url": path} for at, path in enumerate(paths)]
        info = self.request(Method.POST, "/$batch", {"requests": steps})
        answer = await self.send(info, GraphOperation.READ) or {}
        with GRAPH.readable(GraphOperation.READ):
            answers = {text(row["id"]): row for row in rows(answer["responses"])}
        return list(
            await gather_or_cancel(*(self._of_batch(path, answers.get(str(n))) for n, path in enumerate(paths)))
        )

    async def _of_batch(self, path: str, answer: Mapping[str, Any] | None) -> dict[str, Any] | None:
        status = answer.get("status") if answer is not None else None
        body = answer.get("body") if answer is not None else None
        if status == 404:
            return None
        if status == 200 and isinstance(body, dict):
            return body
        try:
            return await self.send(self.request(Method.GET, path), GraphOperation.READ)
        except ServiceError as error:
            if error.status == 404:
                return None
            raise


def _refusal_of(error: Exception) -> Refusal | None:
    """The answer that an error was made from."""
    if not isinstance(error, APIError):
        return None
    headers = {str(name).lower(): str(value) for name, value in dict(error.response_headers or {}).items()}
    inner = getattr(error, "error", None)
    code, message = str(getattr(inner, "code", "") or ""), str(getattr(inner, "message", "") or "")[:500]
    return Refusal(error.response_status_code or 0, code, message, headers)


def _translate(error: Exception, operation: GraphOperation) -> S2SError:
    refusal = _refusal_of(error)
    if refusal is None:
        return GRAPH.unanswered(error, operation)
    details = getattr(getattr(error, "error", None), "details", None) or ()
    return refused(GRAPH, refusal, operation, details=tuple(str(detail.code) for detail in details))


class _GraphAdapter(GraphRequestAdapter):  # type: ignore[misc, unused-ignore]
    """kiota's, which answers no claims challenge by itself: it would send the refused token once more."""

    async def retry_cae_response_if_required(
        self, resp: httpx.Response, request_info: RequestInformation, claims: str
    ) -> httpx.Response:
        """The answer as it is: what it asks of the sign-in is brought by the credential."""
        del request_info, claims
        return resp
