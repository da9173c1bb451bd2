"""One service as one caller: its requests signed in, repeated by our one policy, its refusals translated."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import Any, TypeVar

import httpx
from azure.core.exceptions import AzureError

from mct_s2s.activity import waiting
from mct_s2s.azure.answers import Parse, Refusal, RemoteService, check_address, listed, members, parse_json, refusal_of
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.http import NO_ANSWER
from mct_s2s.azure.refusals import refused
from mct_s2s.azure.retry import Lag, nothing
from mct_s2s.azure.sign_in.methods import CallerCredential, challenge_of
from mct_s2s.concurrency import ReadOnce
from mct_s2s.errors import S2SError

T = TypeVar("T")


class ServiceSession:
    """Sends to `base` and nowhere else, wherever links lead. `step` is a verb phrase: `restart the App Service`."""

    next_link = "nextLink"
    """The key of the address of a list's next page."""
    look: Callable[[dict[str, Any]], Any] | None = None
    """Is shown each object of an answer."""

    def __init__(
        self, service: RemoteService, base: str, scope: str, connection: Connection, credential: CallerCredential
    ) -> None:
        self.service, self.base, self.scope, self.credential = service, base, scope, credential
        self.http, self._retry_policy = connection.http, connection.retry_policy(service=service.name)
        self._turns: dict[str, asyncio.Semaphore] = {}
        self.once: ReadOnce[Any] = ReadOnce()

    @asynccontextmanager
    async def turn(self, written: str, at_once: int = 1) -> AsyncIterator[None]:
        """Held by who writes to something: a second write is refused while the first is being carried out."""
        turn = self._turns.setdefault(written.lower(), asyncio.Semaphore(at_once))
        with waiting("waiting for another write to the same object") if turn.locked() else nullcontext():
            await turn.acquire()
        try:
            yield
        finally:
            turn.release()

    async def call(
        self,
        send: Callable[[], Awaitable[T]],
        step: str,
        *,
        repeatable: bool = True,
        lag: Lag | None = None,
        before_repeating: Callable[[], Awaitable[None]] = nothing,
    ) -> T:
        """Send by httpx or an SDK; again where the policy says so, or with a new sign-in. Raises S2SError."""

        async def once() -> T:
            for is_last in (False, True):
                began = time.monotonic()
                try:
                    return await send()
                except (AzureError, *NO_ANSWER) as error:
                    refusal = refusal_of(error)
                    challenge = challenge_of(refusal) if refusal is not None else None
                    if refusal is not None and challenge is not None:
                        if is_last or not await self.credential.bring(self.scope, challenge, began):
                            lacking = (self.service.name, step, self.scope, challenge, refusal)
                            raise self.credential.demanded(*lacking) from error
                    elif is_last or refusal is None or refusal.status != 401:
                        raise self.translate(error, refusal, step) from error
                    else:
                        self.credential.forget(began)
                await before_repeating()
            raise AssertionError(step)

        return await self._retry_policy.call(once, repeatable=repeatable, lag=lag, before_repeating=before_repeating)

    def translate(self, error: Exception, refusal: Refusal | None, step: str) -> S2SError:
        return self.service.unanswered(error, step) if refusal is None else refused(self.service, refusal, step)

    async def answer(
        self,
        method: str,
        path: str,
        step: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        **rules: Any,
    ) -> tuple[httpx.Response, dict[str, Any] | None]:
        """`path` is below `base`, or a link from one of its answers; `rules`: those of `call`."""

        async def once() -> tuple[httpx.Response, dict[str, Any] | None]:
            url = self.base + path if path.startswith("/") else path
            check_address(url, self.base)
            answer = (await self.exchange(method, url, body, headers or {})).raise_for_status()
            with self.service.readable(step):
                document = parse_json(answer.content, self.look) if answer.content else None
                if document is not None and not isinstance(document, dict):
                    raise ValueError("not an object")
            return answer, document

        return await self.call(once, step, **rules)

    async def exchange(self, method: str, url: str, body: object, headers: Mapping[str, str]) -> httpx.Response:
        """Once, whatever is answered."""
        token = await self.credential.get_token(self.scope)
        signed, extensions = {**headers, "Authorization": f"Bearer {token.token}"}, {"service": self.service.label}
        return await self.http.request(method, url, json=body, headers=signed, extensions=extensions)

    async def send(self, method: str, path: str, step: str, **options: Any) -> dict[str, Any] | None:
        return (await self.answer(method, path, step, **options))[1]

    async def read(self, path: str, step: str, parse: Parse[T], *, method: str = "GET", **options: Any) -> T:
        row = await self.send(method, path, step, **options)
        with self.service.readable(step):
            return parse(members(row))

    async def rows(self, path: str, step: str, parse: Parse[T], **options: Any) -> list[T]:
        """Page after page. A page without a list is never taken for "no rows"."""
        found: list[T] = []
        following: object = path
        while following:
            page = await self.send("GET", str(following), step, **options)
            with self.service.readable(step):
                found += map(parse, listed(members(page).get("value")))
                following = members(page).get(self.next_link)
        return found
