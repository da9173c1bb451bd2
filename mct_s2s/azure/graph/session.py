"""Graph: Microsoft's adapter sends, and JSON is read, for msgraph-sdk's models import some 1,200 modules."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware.options import ResponseHandlerOption

from mct_s2s import clock
from mct_s2s.azure.answers import GRAPH, Json, Parse, rows, text
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.graph.adapter import GraphAdapter
from mct_s2s.azure.graph.parse import optional_moment
from mct_s2s.azure.refusals import GraphOperation, already_gone, is_lag
from mct_s2s.azure.retry import IN_FLIGHT, Lag
from mct_s2s.azure.service_session import ServiceSession
from mct_s2s.azure.sign_in.methods import CallerCredential
from mct_s2s.concurrency import ReadOnce, gather_or_cancel
from mct_s2s.errors import ServiceError, or_none
from mct_s2s.model.client_credentials import YOUNG

T = TypeVar("T")
ADVANCED = {"ConsistencyLevel": "eventual"}
"""An advanced query's, for each of its pages."""
CONSENTS_AT_ONCE = 3
"""To one service application; more of them are refused as concurrent: docs/azure-contract.md, 3.1."""
MOST_IN_BATCH = 20
"""Source: learn.microsoft.com/graph/json-batching, "Batch size limitations"."""

_WRITTEN = re.compile(r"/(?:applications|servicePrincipals|deletedItems)/([^/?]+)")
"""The object that an address is about."""


class GraphSession(ServiceSession):
    next_link = "@odata.nextLink"

    def __init__(self, connection: Connection, credential: CallerCredential) -> None:
        base, scope = f"{connection.cloud.graph}/v1.0", connection.cloud.graph_scope
        super().__init__(GRAPH, base, scope, connection, credential)
        hosts = [urlsplit(base).hostname or ""]
        provider = AzureIdentityAuthenticationProvider(
            credential, scopes=[scope], allowed_hosts=hosts, is_cae_enabled=False
        )
        self._adapter = GraphAdapter(provider, client=self.http)
        self._adapter.base_url = base
        self._client_ids: dict[str, str] = {}
        self._young: set[str] = set()
        self._federating = asyncio.Lock()
        self._owned: ReadOnce[Any] = ReadOnce(keep=False)
        """It grows while the command runs."""

    async def exchange(self, method: str, url: str, body: object, headers: Mapping[str, str]) -> httpx.Response:
        info = RequestInformation(Method[method])
        info.url = url
        for name, value in {"Accept": "application/json", **headers}.items():
            info.headers.try_add(name, value)
        if body is not None:
            info.set_stream_content(json.dumps(body).encode(), "application/json")
        info.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        answer: httpx.Response = await self._adapter.send_primitive_async(info, "bytes", None)
        return answer

    async def answer(
        self, method: str, path: str, step: str, **options: Any
    ) -> tuple[httpx.Response, dict[str, Any] | None]:
        """Writes take their turn: one to an application and its service principal, a few consents to one."""
        if method == "GET" or path in {"/$batch", "/applications"}:
            return await super().answer(method, path, step, **options)
        found = _WRITTEN.search(path)
        written = str(options["body"]["appId"]) if path == "/servicePrincipals" else found[1] if found else path
        turn = self._client_ids.get(written, written), 1
        if "/appRoleAssignedTo" in path:
            turn = f"consents to {turn[0]}", CONSENTS_AT_ONCE
        async with self.turn(*turn):
            return await super().answer(method, path, step, **options)

    def look(self, row: dict[str, Any]) -> dict[str, Any]:
        """Note whose an object is, and whether it is young: an application and its service principal are one."""
        if "id" in row and "appId" in row:
            client_id = self._client_ids[str(row["id"]).lower()] = str(row["appId"]).lower()
            created = optional_moment(row.get("createdDateTime"))
            if created is not None and clock.now() - created < YOUNG:
                self.expect_lag(client_id)
        return row

    def expect_lag(self, client_id: str) -> None:
        """This command has made or changed it, or a principal that Graph has not shown yet."""
        self._young.add(client_id)

    def is_young(self, *ids: str) -> bool:
        """Whether *not there* may mean *not there yet*.

        Source: learn.microsoft.com/graph/best-practices-concept, and what terraform-provider-azuread waits out.
        """
        return not self._young.isdisjoint({*ids, *(self._client_ids.get(one, one) for one in ids)})

    def lag(self, *ids: str) -> Lag | None:
        return is_lag if self.is_young(*ids) else None

    async def get(self, path: str, parse: Parse[T], *, lag: Lag | None = None) -> T | None:
        """`None` where it is not there."""
        return await or_none(self.read(path, GraphOperation.READ, parse, lag=lag))

    async def get_many(self, paths: Sequence[str], parse: Parse[T]) -> list[T | None]:
        """`None` where one is not there. A few by one GET each, so that a log says what is read."""
        if len(paths) <= IN_FLIGHT:
            return list(await gather_or_cancel(*(self.get(path, parse) for path in paths)))
        parts = [paths[at : at + MOST_IN_BATCH] for at in range(0, len(paths), MOST_IN_BATCH)]
        found = await gather_or_cancel(*(self._batch(part, parse) for part in parts))
        return [one for part in found for one in part]

    async def get_known(self, paths: Sequence[str], parse: Parse[T]) -> list[T]:
        """Objects that someone names by their ids: what a replica does not know (yet) is asked for once more."""
        found = dict(zip(paths, await self.get_many(paths, parse), strict=True))
        missing = [path for path, one in found.items() if one is None]
        found |= zip(missing, await self.get_many(missing, parse), strict=True)
        return [one for one in found.values() if one is not None]

    async def _batch(self, paths: Sequence[str], parse: Parse[T]) -> list[T | None]:
        async def read(path: str, answer: Json) -> T | None:
            status, body = answer.get("status"), answer.get("body")
            if status == 404:
                return None
            if status != 200 or not isinstance(body, dict):  # throttled, refused, not understood: one object's matter
                return await self.get(path, parse)
            with GRAPH.readable(GraphOperation.READ):
                return parse(body)

        steps = [{"id": str(at), "method": "GET", "url": path} for at, path in enumerate(paths)]
        answers = await self.read(
            "/$batch",
            GraphOperation.READ,
            lambda page: {text(row["id"]): row for row in rows(page["responses"])},
            method="POST",
            body={"requests": steps},
        )
        return list(await gather_or_cancel(*(read(path, answers.get(str(at), {})) for at, path in enumerate(paths))))

    async def upsert(
        self, path: str, operation: GraphOperation, parse: Parse[T], body: object, lag: Lag | None = None
    ) -> tuple[T, bool]:
        """Create it; where it is there, Graph updates it (204, without a body) and it is read. Whether it was created.

        Source: learn.microsoft.com/graph/api/application-upsert.
        """
        row = await self.send("PATCH", path, operation, body=body, headers={"Prefer": "create-if-missing"}, lag=lag)
        with GRAPH.readable(operation):
            made = parse(row) if row else None
        if made is not None:
            return made, True
        return await self.read(path, GraphOperation.READ, parse, lag=is_lag), False

    async def delete(self, path: str, operation: GraphOperation, *, lag: Lag | None = None) -> None:
        """One that is gone already is no error."""
        try:
            await self.send("DELETE", path, operation, lag=lag)
        except ServiceError as error:
            if not already_gone(error):
                raise


def query(*, select: Sequence[str] = (), filter: str = "", top: int = 0) -> str:  # noqa: A002  # the option's name
    options = {"$select": ",".join(select), "$filter": quote(filter, safe=""), "$top": str(top or "")}
    return "?" + "&".join(f"{name}={value}" for name, value in options.items() if value)


def literal(value: str) -> str:
    escaped = value.replace("'", "''")
    return f"'{escaped}'"


def key(name: str, value: str) -> str:
    """An alternate key in a path: `(appId='…')`."""
    quoted = quote(literal(value), safe="'")
    return f"({name}={quoted})"
