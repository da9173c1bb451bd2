"""One signed-in connection to Azure Resource Manager, shared by the management clients.

The clients get our own short list of policies: no retries of theirs beside ours, and no silent registration of
resource providers.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from azure.core import AsyncPipelineClient
from azure.core.exceptions import AzureError, DecodeError, HttpResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    AsyncHTTPPolicy,
    ContentDecodePolicy,
    HeadersPolicy,
    RequestIdPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import HttpRequest

from mct_s2s import __version__
from mct_s2s.azure import retry as limits
from mct_s2s.azure.answer_limits import OddAnswer, check_address
from mct_s2s.azure.api_version_fallback import ApiVersions
from mct_s2s.azure.arm.arm_refusals import UnreadableAnswer, challenge_of, translate, words_of
from mct_s2s.azure.clouds import Cloud
from mct_s2s.azure.json_values import rows
from mct_s2s.azure.retry import RetryPolicy, nothing
from mct_s2s.azure.sdk_trace import OnlyAt, TracePolicy
from mct_s2s.azure.services import ARM
from mct_s2s.azure.sign_in.claims import demanded
from mct_s2s.azure.trace import Trace

if TYPE_CHECKING:
    from mct_s2s.azure.connection import Connection
    from mct_s2s.azure.sign_in.caller_credential import Credential

T = TypeVar("T")


class ArmSession:
    """Azure Resource Manager of one cloud, as one caller."""

    def __init__(
        self, cloud: Cloud, credential: Credential, http: Connection, retry_policy: RetryPolicy, trace: Trace
    ) -> None:
        self.cloud = cloud
        self.credential = credential
        self._retry_policy = retry_policy
        self._trace = trace
        self._versions = ApiVersions()
        self.transport = AioHttpTransport(
            session=http,
            session_owner=False,
            connection_timeout=limits.CONNECT_SECONDS,
            read_timeout=limits.REQUEST_SECONDS,
        )
        self._raw: AsyncPipelineClient[Any, Any] = AsyncPipelineClient(
            base_url=cloud.arm, policies=self.policies(), transport=self.transport
        )

    def policies(self) -> list[Any]:
        """A fresh list for one client."""
        return [
            RequestIdPolicy(),
            HeadersPolicy(),
            UserAgentPolicy(base_user_agent=f"mct-s2s/{__version__}"),
            _Decode(),
            OnlyAt(self.cloud.arm),
            self._versions,
            _Bearer(self.credential, self.cloud),
            TracePolicy("ARM", self._trace),
        ]

    def client_options(self, api_version: str) -> dict[str, Any]:
        """What every management client is given, so that all of them share this connection."""
        return {
            "api_version": api_version,
            "base_url": self.cloud.arm,
            "credential_scopes": [self.cloud.arm_scope],
            "transport": self.transport,
            "policies": self.policies(),
        }

    async def call(
        self,
        send: Callable[[], Awaitable[T]],
        doing: str,
        *,
        repeatable: bool = True,
        before_repeating: Callable[[], Awaitable[None]] = nothing,
    ) -> T:
        """Run one SDK call under our retry policy.

        Raises:
            S2SError: refused or not answered, translated, with `doing` as what was being done.
        """

        async def once() -> T:
            for last in (False, True):
                began = time.monotonic()
                try:
                    with ARM.readable(doing):  # the clients look into answers without asking what they are
                        return await send()
                except AzureError as error:
                    await self._sign_in_again(error, doing, began, last=last)
                    await before_repeating()
            raise AssertionError(doing)

        return await self._retry_policy.call(once, repeatable=repeatable, before_repeating=before_repeating)

    async def _sign_in_again(self, error: AzureError, doing: str, began: float, *, last: bool) -> None:
        """Make another token ready, where it was the token that was refused, and for the first time."""
        challenge = challenge_of(error)
        if challenge is not None:
            scope = self.cloud.arm_scope
            if last or not await self.credential.bring(scope, challenge, began):
                said, request_id = words_of(error)
                way_out = self.credential.way_out(scope, challenge)
                raise demanded("Azure Resource Manager", doing, said, challenge, way_out, request_id) from error
            return
        if getattr(error, "status_code", None) != 401 or last:
            raise translate(error, doing) from error
        self.credential.forget(began)  # revoked, or expired early: one new token is asked for

    async def get(self, path: str, api_version: str, doing: str, *, filter: str | None = None) -> dict[str, Any]:  # noqa: A002  # the option's name
        """GET a path for which the management clients at hand have no operation."""
        options = {"api-version": api_version, **({"$filter": filter} if filter else {})}
        return await self._read(self.cloud.arm + path, options, doing)

    async def rows(
        self,
        path: str,
        api_version: str,
        doing: str,
        *,
        filter: str | None = None,  # noqa: A002  # as above
    ) -> list[Mapping[str, Any]]:
        """Every row of a list: how long a page is, is the service's choice, and `nextLink` leads to the next one.

        Source: docs/azure-contract.md, section 4.1.
        """
        page = await self.get(path, api_version, doing, filter=filter)
        found: list[Mapping[str, Any]] = []
        while True:
            with ARM.readable(doing):
                found += rows(page["value"])  # without one it is no list: never "no rows"
            following = page.get("nextLink")
            if not following:
                return found
            try:
                check_address(following, self.cloud.arm)
            except OddAnswer as odd:
                raise ARM.refused(odd, doing) from odd
            page = await self._read(following, {}, doing)

    async def _read(self, url: str, options: Mapping[str, str], doing: str) -> dict[str, Any]:
        async def once() -> dict[str, Any]:
            response = await self._raw.send_request(HttpRequest("GET", url, params=options))
            if response.status_code != 200:  # no redirect is followed
                raise HttpResponseError(response=response)
            document: dict[str, Any] = response.json()
            return document

        return await self.call(once, doing)

    async def post(self, path: str, api_version: str, doing: str) -> None:
        """POST a path without a body, and repeat it where its answer is lost; what is answered does not matter."""

        async def once() -> None:
            request = HttpRequest("POST", self.cloud.arm + path, params={"api-version": api_version})
            response = await self._raw.send_request(request)
            if response.status_code >= 400:
                raise HttpResponseError(response=response)

        await self.call(once, doing)


class _Decode(ContentDecodePolicy):
    """Lets a refusal through whatever its body is, and a reading only as a JSON object: the clients look no closer."""

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        status, asked = response.http_response.status_code, request.http_request
        try:
            super().on_response(request, response)
        except DecodeError:
            if status < 400:
                raise
        reads = asked.method == "GET" or (asked.method == "POST" and urlsplit(asked.url).path.endswith("/list"))
        if status == 200 and reads and not isinstance(response.context.get(self.CONTEXT_NAME), dict):
            raise UnreadableAnswer(f"{asked.method} returned something other than a JSON object")


class _Bearer(AsyncHTTPPolicy[Any, Any]):
    """Puts the shared credential's token on requests, which `OnlyAt` has looked at."""

    def __init__(self, credential: Credential, cloud: Cloud) -> None:
        self._credential = credential
        self._cloud = cloud

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        token = await self._credential.get_token(self._cloud.arm_scope)
        request.http_request.headers["Authorization"] = f"Bearer {token.token}"
        return await self.next.send(request)
