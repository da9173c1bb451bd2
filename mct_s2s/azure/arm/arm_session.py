"""One signed-in connection to Azure Resource Manager, shared by the management clients.

The clients get our own short list of policies: without their own retries, and no silent registration of
resource providers.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import Any, TypeVar
from urllib.parse import urlsplit

from azure.core import AsyncPipelineClient
from azure.core.exceptions import AzureError, DecodeError, HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    AsyncHTTPPolicy,
    ContentDecodePolicy,
    HeadersPolicy,
    RequestIdPolicy,
    UserAgentPolicy,
)
from azure.core.rest import HttpRequest

from mct_s2s import __version__, clock
from mct_s2s.activity import waiting
from mct_s2s.azure.answers import OddAnswer, parse_json, seconds
from mct_s2s.azure.clouds import Cloud
from mct_s2s.azure.http import Http, Transport
from mct_s2s.azure.refusals import refused
from mct_s2s.azure.retry import RetryPolicy, nothing
from mct_s2s.azure.services import ARM, RESUME, Refusal, all_rows
from mct_s2s.azure.sign_in.caller_credential import CallerCredential, send_signed_in
from mct_s2s.errors import NotThere, S2SError
from mct_s2s.model.resource_id import ResourceId

T = TypeVar("T")

WEB = "2023-12-01"
"""Microsoft.Web: the first one that knows Flex Consumption plans, on which callers' function apps may be.

Of each service it is the oldest api-version that knows what is asked for, as clouds learn new ones months apart:
docs/azure-contract.md, section 4.9.
"""
SUBSCRIPTIONS, RESOURCES, AUTHORIZATION, LOCKS = "2020-01-01", "2021-04-01", "2022-04-01", "2016-09-01"
CARRYING_OUT = "waiting for Azure to carry it out"
POLL_SECONDS = 1
"""Between two looks at an operation in progress where Azure names no time."""
OPERATION_SECONDS = 180.0
"""An accepted write is followed for so long; what came of it is then read."""


class ArmSession:
    """Azure Resource Manager of one cloud, as one caller."""

    def __init__(self, cloud: Cloud, credential: CallerCredential, http: Http, retry_policy: RetryPolicy) -> None:
        self.cloud = cloud
        self.credential = credential
        self.http = http
        self._retry_policy = retry_policy
        self._writers: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.transport = Transport(http, "ARM", cloud.arm)
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
            _Bearer(self.credential, self.cloud),
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
        step: str,
        *,
        repeatable: bool = True,
        before_repeating: Callable[[], Awaitable[None]] = nothing,
    ) -> T:
        """Run one SDK call under our retry policy.

        Raises:
            S2SError: refused or not answered, translated, as refused at `step`.
        """

        async def answered() -> T:
            with ARM.readable(step):  # the clients look into answers without asking what they are
                return await send()

        async def once() -> T:
            return await send_signed_in(
                answered,
                step,
                service=ARM,
                credential=self.credential,
                scope=self.cloud.arm_scope,
                failures=(AzureError,),
                refusal_of=_refusal_of,
                translate=lambda error: translate(error, step),
                before_repeating=before_repeating,
            )

        return await self._retry_policy.call(once, repeatable=repeatable, before_repeating=before_repeating)

    @asynccontextmanager
    async def writing(self, resource: ResourceId) -> AsyncIterator[None]:
        """Be the only one who writes to a resource: a second write is refused while the first is being carried out."""
        lock = self._writers[str(resource).lower()]
        with waiting("waiting for another change of it") if lock.locked() else nullcontext():
            await lock.acquire()
        try:
            yield
        finally:
            lock.release()

    async def finish(self, location: str, step: str) -> None:
        """Ask at the `Location` of a 202 until it returns something else. Raises S2SError: the operation failed."""

        async def once() -> Any:
            response = await self._raw.send_request(HttpRequest("GET", location))
            if response.status_code >= 400:
                raise HttpResponseError(response=response)
            return response

        until = clock.seconds() + OPERATION_SECONDS
        with waiting(CARRYING_OUT, gives_up_at=until):
            while clock.seconds() < until:
                try:
                    answer = await self.call(once, step)
                except NotThere:  # the operation is no longer remembered
                    return
                if answer.status_code != 202:
                    return
                location = answer.headers.get("Location", location)
                pause = seconds(answer.headers.get("Retry-After")) or POLL_SECONDS
                await asyncio.sleep(min(pause, until - clock.seconds()))

    async def get(self, path: str, api_version: str, step: str, *, filter: str | None = None) -> dict[str, Any]:  # noqa: A002  # the option's name
        """GET a path for which the management clients have no operation."""
        options = {"api-version": api_version, **({"$filter": filter} if filter else {})}
        return await self._read(self.cloud.arm + path, options, step)

    async def rows(
        self,
        path: str,
        api_version: str,
        step: str,
        *,
        filter: str | None = None,  # noqa: A002  # as above
    ) -> list[Mapping[str, Any]]:
        """Every row of a list. Source: docs/azure-contract.md, section 4.1."""
        return await all_rows(
            await self.get(path, api_version, step, filter=filter),
            lambda link: self._read(link, {}, step),
            link="nextLink",
            address=self.cloud.arm,
            service=ARM,
            step=step,
        )

    async def _read(self, url: str, options: Mapping[str, str], step: str) -> dict[str, Any]:
        async def once() -> dict[str, Any]:
            response = await self._raw.send_request(HttpRequest("GET", url, params=options))
            if response.status_code != 200:  # no redirect is followed
                raise HttpResponseError(response=response)
            document: dict[str, Any] = response.json()
            return document

        return await self.call(once, step)


class _UnreadableAnswer(AzureError):
    """A success whose body is not the JSON object that Azure Resource Manager sends."""


def _refusal_of(error: AzureError) -> Refusal | None:
    """The answer that an error was made from; its message in either of the two envelopes that App Service uses."""
    if not isinstance(error, HttpResponseError) or error.status_code is None:
        return None
    if error.response is None:
        return Refusal(error.status_code, "", "")
    response: Any = error.response  # the SDK types it by what its two generations of responses share
    headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
    try:
        body = str(response.text())
    except (ValueError, LookupError):  # in no encoding that is known
        body = ""
    try:
        document = _lowered(parse_json(body))
    except (ValueError, OddAnswer, RecursionError):
        document = {}
    inner = _lowered(document.get("error") or document)
    code, message = str(inner.get("code") or ""), str(inner.get("message") or "")[:600]
    return Refusal(error.status_code, code, message, headers, body)


def _lowered(document: object) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in document.items()} if isinstance(document, Mapping) else {}


def translate(error: AzureError, step: str) -> S2SError:
    """The error for a failed request; `step`: a verb phrase, such as `restart the App Service`."""
    refusal = _refusal_of(error)
    if refusal is not None:
        return refused(ARM, refusal, step)
    if isinstance(error, _UnreadableAnswer):
        return ARM.unreadable(step)
    lost = isinstance(error, ServiceRequestError | ServiceResponseError)
    report = "Run the same command again with --verbose and report its output."
    return ARM.unanswered(error, step, RESUME if lost else report)


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
            raise _UnreadableAnswer(f"{asked.method} returned something other than a JSON object")


class _Bearer(AsyncHTTPPolicy[Any, Any]):
    """Puts the shared credential's token on requests; the transport sends none to another address."""

    def __init__(self, credential: CallerCredential, cloud: Cloud) -> None:
        self._credential = credential
        self._cloud = cloud

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        token = await self._credential.get_token(self._cloud.arm_scope)
        request.http_request.headers["Authorization"] = f"Bearer {token.token}"
        return await self.next.send(request)
