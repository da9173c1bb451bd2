"""A request: its entry in the log, what it changes, what was received and is sent, and how its
connection can end.

The log never holds a token or a body. Some POSTs only read: `…/list` of Resource Manager,
`getByIds` of Graph.
"""

import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

KEPT = 10_000


@dataclass
class Entry:
    """One request.

    Units: `milliseconds` from its first byte to the last of the answer. `wrote` says that it
    changed the directory or a resource, even where the answer was lost. `status` is 0 where no
    answer was given. `caller` is an object id, `app_id` the application that signs in or calls.
    `fault` names its faults, `note` what a service decided but did not answer, e.g. why the MCT
    site refused a call.
    """

    number: int
    at: str
    service: str
    method: str
    path: str
    query: str
    status: int = 0
    wrote: bool = False
    fault: str = ""
    milliseconds: float = 0.0
    request_id: str = ""
    caller: str = ""
    app_id: str = ""
    note: str = ""


class RequestLog:
    """The last requests, numbered from 1."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._next = 1

    def open(self, *, kept: bool = True, **members: Any) -> Entry:
        if not kept:
            return Entry(number=0, **members)
        entry = Entry(number=self._next, **members)
        self._next += 1
        self._entries.append(entry)
        return entry

    def clear(self) -> None:
        self._entries.clear()

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def to_list(self, *, since: int = 0, service: str | None = None) -> list[dict[str, Any]]:
        return [asdict(e) for e in self if e.number > since and service in (None, e.service)]


READS = frozenset({"GET", "HEAD", "OPTIONS"})
_QUESTIONS = {
    "graph": frozenset(
        {
            "getbyids",
            "getmembergroups",
            "checkmembergroups",
            "getmemberobjects",
            "checkmemberobjects",
            "$batch",
        }
    ),
    "vault": frozenset(),
    "arm": frozenset({"list", "publishxml", "listkeys", "resources", "checknameavailability"}),
}


def may_write(service: str, method: str, path: str) -> bool:
    """Return whether a request is one that changes the directory or a resource where it is
    accepted.
    """
    if method in READS or service not in _QUESTIONS:
        return False
    tail = path.rstrip("/").rsplit("/", 1)[-1].rsplit(".", 1)[-1].lower()
    return method != "POST" or tail not in _QUESTIONS[service]


def batch_wrote(sent: bytes, answered: bytes) -> bool:
    """Return whether any request inside a Graph `$batch` was an accepted write.

    Source: graph: concepts/json-batching.
    """
    try:
        asked = {item["id"]: item for item in json.loads(sent)["requests"]}
        return any(
            _item_wrote(asked[item["id"]], item["status"])
            for item in json.loads(answered)["responses"]
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _item_wrote(item: dict[str, Any], status: int) -> bool:
    return status < 400 and may_write("graph", item["method"].upper(), item["url"].split("?")[0])


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
        """Receive for the service, and record the body."""
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
        body = self.body
        if end == "truncated" and len(body) > 1:
            await send(self.messages[0])
            await send(
                {"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True}
            )
        else:
            end = "reset"
        breaker(self.scope, end)
        await self.disconnected()
