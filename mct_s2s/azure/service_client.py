"""A client of one service, as one caller.

It signs in requests, repeats them by the one policy (azure/retry.py), and translates refusals into
the errors of errors.py.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import httpx
from azure.core.exceptions import AzureError

from mct_s2s.activity import waiting
from mct_s2s.azure.answers import (
    Parse,
    Refusal,
    RemoteService,
    check_address,
    listed,
    members,
    parse_json,
    refusal_of,
)
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.http import NO_ANSWER
from mct_s2s.azure.refusals import error_of_refusal
from mct_s2s.azure.retry import AGAIN, Sending
from mct_s2s.azure.sign_in.methods import CallerCredential, challenge_of
from mct_s2s.concurrency import ReadOnce
from mct_s2s.errors import S2SError

T = TypeVar("T")
Answer: TypeAlias = tuple[httpx.Response, dict[str, Any] | None]
"""What a service answered, and its JSON object; `None` without a body."""
NO_HEADERS: Mapping[str, str] = {}


class ServiceClient:
    """Sends to `base` and nowhere else, wherever links lead.

    In all methods, `path` is below `base` or a link from one of the service's answers, and `step`
    is a verb phrase for people, such as `restart the App Service`. All of them raise S2SError.
    """

    next_link = "nextLink"
    """The key of the address of a list's next page."""

    def __init__(
        self,
        service: RemoteService,
        base: str,
        scope: str,
        connection: Connection,
        credential: CallerCredential,
    ) -> None:
        self.service = service
        self.base = base
        self.scope = scope
        self.credential = credential
        self.http = connection.http
        self._retry_policy = connection.retry_policy(service=service.name)
        self._turns: dict[str, asyncio.Semaphore] = {}
        self.once: ReadOnce[Any] = ReadOnce()
        """Answers that several ask for, by their path."""

    def track_object(self, row: dict[str, Any]) -> dict[str, Any]:
        """Look at an object of an answer; also at those inside others."""
        return row

    @asynccontextmanager
    async def turn(self, written: str, at_once: int = 1) -> AsyncIterator[None]:
        """Hold one of the `at_once` turns of those who write to an object.

        A service refuses a second write while it carries out the first.
        """
        turn = self._turns.setdefault(written.lower(), asyncio.Semaphore(at_once))
        if turn.locked():
            with waiting("waiting for another write to the same object"):
                await turn.acquire()
        else:
            await turn.acquire()
        try:
            yield
        finally:
            turn.release()

    async def call(
        self, send: Callable[[], Awaitable[T]], step: str, sending: Sending = AGAIN
    ) -> T:
        """Send by httpx or an SDK; again as the retry policy says, or with a new token."""
        # Before the policy: what the login service does not answer is repeated by the credential's
        # own.
        await self.credential.get_token(self.scope)
        return await self._retry_policy.call(
            lambda: self._send_signed_in(send, step, sending), sending
        )

    async def _send_signed_in(
        self, send: Callable[[], Awaitable[T]], step: str, sending: Sending
    ) -> T:
        """Send; once more with a new token, where the service asks for one by its refusal."""
        for is_last in (False, True):
            began = time.monotonic()
            try:
                return await send()
            except (AzureError, *NO_ANSWER) as error:
                refusal = refusal_of(error)
                if refusal is None:
                    raise self.translate(error, refusal, step) from error
                challenge = challenge_of(refusal)
                if challenge is not None:
                    if is_last or not await self.credential.bring(self.scope, challenge, began):
                        raise self.credential.demanded(
                            self.service.name, step, self.scope, challenge, refusal
                        ) from error
                elif is_last or refusal.status != 401:
                    raise self.translate(error, refusal, step) from error
                else:
                    self.credential.forget(began)
            await sending.before_repeating()
        raise AssertionError(step)

    def translate(self, error: Exception, refusal: Refusal | None, step: str) -> S2SError:
        """Say an SDK's error in our words; `refusal` is `None` where no answer came."""
        if refusal is None:
            return self.service.unanswered(error, step)
        return error_of_refusal(self.service, refusal, step)

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
        async def exchange_json() -> Answer:
            url = self.base + path if path.startswith("/") else path
            check_address(url, self.base)
            answer = (await self.exchange(method, url, body, headers)).raise_for_status()
            with self.service.readable(step):
                document = parse_json(answer.content, self.track_object) if answer.content else None
                if document is not None and not isinstance(document, dict):
                    raise ValueError("not an object")
            return answer, document

        return await self.call(exchange_json, step, sending)

    async def exchange(
        self, method: str, url: str, body: object, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Send once and return the answer, whatever its status."""
        token = await self.credential.get_token(self.scope)
        signed = {**headers, "Authorization": f"Bearer {token.token}"}
        extensions = {"service": self.service.label}
        return await self.http.request(
            method, url, json=body, headers=signed, extensions=extensions
        )

    async def send(
        self, method: str, path: str, step: str, *, body: object = None, sending: Sending = AGAIN
    ) -> dict[str, Any] | None:
        """Return the object of the answer; `None` without a body."""
        _, document = await self.answer(method, path, step, body=body, sending=sending)
        return document

    async def read(self, path: str, step: str, parse: Parse[T], sending: Sending = AGAIN) -> T:
        """GET one object."""
        _, document = await self.answer("GET", path, step, sending=sending)
        with self.service.readable(step):
            return parse(members(document))

    async def write(
        self,
        method: str,
        path: str,
        step: str,
        parse: Parse[T],
        body: object = None,
        sending: Sending = AGAIN,
    ) -> T:
        """Send a write whose answer is the object that it made or changed."""
        _, document = await self.answer(method, path, step, body=body, sending=sending)
        with self.service.readable(step):
            return parse(members(document))

    async def rows(
        self,
        path: str,
        step: str,
        parse: Parse[T],
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        sending: Sending = AGAIN,
    ) -> list[T]:
        """GET a list, page after page. A page without a list is never taken for an empty one."""
        parsed: list[T] = []
        following: object = path
        while following:
            _, page = await self.answer(
                "GET", str(following), step, headers=headers, sending=sending
            )
            with self.service.readable(step):
                parsed += map(parse, listed(members(page).get("value")))
                following = members(page).get(self.next_link)
        return parsed
