"""The client of Microsoft Graph. The other modules of this package say what is asked of it.

Microsoft's request adapter (`adapter.py`) signs in and sends. Bodies and answers are plain JSON, as
the models and request builders of msgraph-sdk would import some 1,200 modules.
"""

import asyncio
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from kiota_http.middleware.options import ResponseHandlerOption

from mct_s2s import clock
from mct_s2s.azure.answers import GRAPH, Json, Parse, Refusal, members, rows, text
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.graph.adapter import GraphAdapter
from mct_s2s.azure.graph.parse import optional_moment
from mct_s2s.azure.refusals import UNTIL_KNOWN, GraphOperation, already_gone, error_of_refusal
from mct_s2s.azure.retry import AGAIN, IN_FLIGHT, Sending
from mct_s2s.azure.service_client import NO_HEADERS, Answer, ServiceClient
from mct_s2s.azure.sign_in.methods import CallerCredential
from mct_s2s.concurrency import ReadOnce, gather_or_cancel
from mct_s2s.errors import S2SError, ServiceError, or_none
from mct_s2s.model.client_credentials import YOUNG
from mct_s2s.model.client_sign_in import Method as SignInMethod
from mct_s2s.planning.permissions.rights import granting_permissions

T = TypeVar("T")
READ = GraphOperation.READ
CREATE_IF_MISSING = {"Prefer": "create-if-missing"}
CONSENTS_AT_ONCE = 3
"""To one service application; more of them are refused as concurrent: docs/azure-contract.md, 3.1.
"""
MOST_IN_BATCH = 20
"""Source: learn.microsoft.com/graph/json-batching, "Batch size limitations"."""

_OBJECT_IN_PATH = re.compile(r"/(?:applications|servicePrincipals|deletedItems)/([^/?]+)")
"""The object that a path is about."""


class GraphClient(ServiceClient):
    next_link = "@odata.nextLink"

    def __init__(self, connection: Connection, credential: CallerCredential) -> None:
        base, scope = f"{connection.cloud.graph}/v1.0", connection.cloud.graph_scope
        super().__init__(GRAPH, base, scope, connection, credential)
        provider = AzureIdentityAuthenticationProvider(
            credential,
            scopes=[scope],
            allowed_hosts=[urlsplit(base).hostname or ""],
            is_cae_enabled=False,
        )
        self._adapter = GraphAdapter(provider, client=self.http)
        self._adapter.base_url = base
        self._client_ids: dict[str, str] = {}
        """The appId of each application and service principal that an answer has shown, by its
        object ID.
        """
        self._young: set[str] = set()
        self.not_restorable: set[str] = set()
        """Object IDs of what could not be restored: replicas of the recycle bin may still show it.
        """
        self.federating = asyncio.Lock()
        """Several federated credentials at once are refused without a reason, even of different
        applications.
        """
        self.owned: ReadOnce[Any] = ReadOnce(keep=False)
        """What the caller owns; not kept, as it grows while the command runs."""

    def translate(self, error: Exception, refusal: Refusal | None, step: str) -> S2SError:
        if refusal is None:
            return super().translate(error, refusal, step)
        return error_of_refusal(self.service, refusal, step, granting=self._granting)

    def _granting(self, permissions: Collection[str]) -> str:
        """The command that gives the caller permissions of Graph; empty for anyone but an
        application: a managed identity has no registration that could request them.
        """
        caller = self.credential.signed_in
        is_application = (
            caller.is_person is False and caller.method is not SignInMethod.MANAGED_IDENTITY
        )
        if not is_application or caller.client_id is None:
            return ""
        return granting_permissions(permissions, caller.client_id)

    async def exchange(
        self, method: str, url: str, body: object, headers: Mapping[str, str]
    ) -> httpx.Response:
        info = RequestInformation(Method[method])
        info.url = url
        for name, value in {"Accept": "application/json", **headers}.items():
            info.headers.try_add(name, value)
        if body is not None:
            info.set_stream_content(json.dumps(body).encode(), "application/json")
        # The adapter hands out httpx's own answer.
        info.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        answer: httpx.Response = await self._adapter.send_primitive_async(info, "bytes", None)
        return answer

    async def answer(
        self,
        method: str,
        path: str,
        step: str,
        *,
        body: object = None,
        headers: Mapping[str, str] = NO_HEADERS,
        sending: Sending = AGAIN,
    ) -> Answer:
        """Let writes to an application and its service principal take turns, and a few consents go
        at once.
        """
        if method == "GET" or path in {"/$batch", "/applications"}:
            return await super().answer(
                method, path, step, body=body, headers=headers, sending=sending
            )
        written = self._written(path, body)
        turn = (
            (f"consents to {written}", CONSENTS_AT_ONCE)
            if "/appRoleAssignedTo" in path
            else (written, 1)
        )
        async with self.turn(*turn):
            return await super().answer(
                method, path, step, body=body, headers=headers, sending=sending
            )

    def _written(self, path: str, body: object) -> str:
        """What a write goes to: the same for an application and its service principal."""
        if path == "/servicePrincipals":
            return str(members(body)["appId"])
        object_in_path = _OBJECT_IN_PATH.search(path)
        object_id = object_in_path[1] if object_in_path else path
        return self._client_ids.get(object_id, object_id)

    def track_object(self, row: dict[str, Any]) -> dict[str, Any]:
        """Remember to which appId an object belongs, and whether it is young."""
        if "id" in row and "appId" in row:
            client_id = self._client_ids[str(row["id"]).lower()] = str(row["appId"]).lower()
            created = optional_moment(row.get("createdDateTime"))
            if created is not None and clock.now() - created < YOUNG:
                self.expect_lag(client_id)
        return row

    def expect_lag(self, known_id: str) -> None:
        """Take an object for young, so that a 404 about it is waited out.

        This command has created or changed it, or Graph has not shown it yet. It is named by an
        appId, or by the object ID of a service principal.
        """
        self._young.add(known_id)

    def is_young(self, *ids: str) -> bool:
        """Whether *not there* may mean *not there yet* for one of these objects.

        Source: learn.microsoft.com/graph/best-practices-concept, and what
        terraform-provider-azuread waits out.
        """
        client_ids = {self._client_ids.get(object_id, object_id) for object_id in ids}
        return not self._young.isdisjoint({*ids, *client_ids})

    def sending_about(self, *ids: str) -> Sending:
        """How a request about these objects is sent: if one is young, until a replica knows it."""
        return UNTIL_KNOWN if self.is_young(*ids) else AGAIN

    async def get(self, path: str, parse: Parse[T], sending: Sending = AGAIN) -> T | None:
        """GET one object; `None` where it is not there."""
        return await or_none(self.read(path, READ, parse, sending))

    async def get_many(self, paths: Sequence[str], parse: Parse[T]) -> list[T | None]:
        """GET several objects; `None` where one is not there.

        A few by one GET each, so that a log names them.
        """
        if len(paths) <= IN_FLIGHT:
            return list(await gather_or_cancel(*(self.get(path, parse) for path in paths)))
        parts = [
            paths[start : start + MOST_IN_BATCH] for start in range(0, len(paths), MOST_IN_BATCH)
        ]
        batches = await gather_or_cancel(*(self._batch(part, parse) for part in parts))
        return [row for batch in batches for row in batch]

    async def get_known(self, paths: Sequence[str], parse: Parse[T]) -> list[T]:
        """GET objects that someone names by id.

        Those that a replica does not know (yet) are asked for once more.
        """
        objects = dict(zip(paths, await self.get_many(paths, parse), strict=True))
        missing = [path for path, row in objects.items() if row is None]
        objects |= zip(missing, await self.get_many(missing, parse), strict=True)
        return [row for row in objects.values() if row is not None]

    async def _batch(self, paths: Sequence[str], parse: Parse[T]) -> list[T | None]:
        async def read_part(path: str, answer: Json) -> T | None:
            status, body = answer.get("status"), answer.get("body")
            if status == 404:
                return None
            # Throttled, refused, not understood: ask for it alone
            if status != 200 or not isinstance(body, dict):
                return await self.get(path, parse)
            with GRAPH.readable(READ):
                return parse(body)

        steps = [
            {"id": str(number), "method": "GET", "url": path} for number, path in enumerate(paths)
        ]
        answers = await self.write(
            "POST",
            "/$batch",
            READ,
            lambda page: {text(row["id"]): row for row in rows(page["responses"])},
            {"requests": steps},
        )
        parts = (read_part(path, answers.get(str(number), {})) for number, path in enumerate(paths))
        return list(await gather_or_cancel(*parts))

    async def upsert(
        self,
        path: str,
        operation: GraphOperation,
        parse: Parse[T],
        body: object,
        sending: Sending = AGAIN,
    ) -> tuple[T, bool]:
        """Create an object by its key, or update the one that is there.

        Return it, and whether it was created.

        Graph answers an update with 204 and no body, so that it is read.
        Source: learn.microsoft.com/graph/api/application-upsert.
        """
        _, row = await self.answer(
            "PATCH", path, operation, body=body, headers=CREATE_IF_MISSING, sending=sending
        )
        if row:
            with GRAPH.readable(operation):
                return parse(row), True
        return await self.read(path, READ, parse, UNTIL_KNOWN), False

    async def delete(self, path: str, operation: GraphOperation, sending: Sending = AGAIN) -> None:
        """DELETE an object; one that is gone already is no error."""
        try:
            await self.send("DELETE", path, operation, sending=sending)
        except ServiceError as error:
            if not already_gone(error):
                raise
