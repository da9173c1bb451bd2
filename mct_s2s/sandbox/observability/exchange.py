"""A request in the pipeline: what was received, what is sent, and how its connection can end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mct_s2s.sandbox.observability.request_log import Entry

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
End = Literal["reset", "truncated"]
Breaker = Callable[[Scope, End], None]
"""Ends the connection of a request: by a reset, or after what was sent has arrived."""


class Cut(Exception):
    """The connection ends without a complete answer: by a reset, or in the middle of it."""

    def __init__(self, end: End) -> None:
        super().__init__(end)
        self.end: End = end


@dataclass
class Exchange:
    """A request and its answer. `sent` is its body, as far as the service has read it."""

    scope: Scope
    receive: Receive
    entry: Entry
    headers: dict[str, str]
    sent: bytearray = field(default_factory=bytearray)
    messages: list[Message] = field(default_factory=list)

    async def read(self) -> Message:
        """Receive for the service, and record the body.

        Raises:
            Cut: the client has gone before it had sent everything.
        """
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise Cut("reset")
        self.sent += message.get("body", b"")
        return message

    async def hold(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    async def disconnected(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def hang(self) -> None:
        """Never answer. Raises Cut: always, when the client has disconnected."""
        self.scope["sandbox"]["hangs"] = True
        await self.disconnected()
        raise Cut("reset")

    async def cut(self, end: End, send: Send, breaker: Breaker) -> None:
        """End the connection without a complete answer."""
        body = self.body
        if end == "truncated" and len(body) > 1:
            await send(self.messages[0])
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        else:
            end = "reset"
        breaker(self.scope, end)
        await self.disconnected()
