"""Around every request: its log entry, its ids, refusals in the service's own shape, and the world kept.

An answer is held back until the world is on disk, so that nobody is told of a change that a crash could undo
(see `keeping` for worlds too large for that).
Faults and latency have one place: the two hooks of `Pipeline`.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mct_s2s.sandbox.journal import Entry, Journal
from mct_s2s.sandbox.keeping import Keeper
from mct_s2s.sandbox.wire_errors import WireError, arm_error, graph_error
from mct_s2s.sandbox.world import World

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Hook = Callable[[Entry], Awaitable[None]]

log = logging.getLogger(__name__)

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_ID_HEADERS = {
    "graph": ("request-id", "client-request-id"),
    "arm": ("x-ms-request-id", "x-ms-correlation-request-id"),
    "entra": ("x-ms-request-id", ""),
}


async def _nothing(entry: Entry) -> None:
    """Let a request pass."""
    del entry


class Pipeline:
    """The ASGI application around all services.

    `before` runs when a request has arrived, `after` when its answer is ready but not sent. Either may wait
    (latency), raise `WireError` (a refusal), or raise `ConnectionAbortedError` (the connection just ends).
    """

    def __init__(self, app: App, service_of: Callable[[Scope], str], world: World, journal: Journal) -> None:
        self._app = app
        self._service_of = service_of
        self._world = world
        self._journal = journal
        self.keeper = Keeper(world)
        self.before: Hook = _nothing
        self.after: Hook = _nothing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        entry = self._open(scope)
        scope["sandbox"] = {"note": "", "caller": ""}
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        messages = await self._answer(scope, receive, entry, headers)
        entry.milliseconds = round((time.perf_counter() - started) * 1000, 1)
        entry.note, entry.caller = scope["sandbox"]["note"], scope["sandbox"]["caller"]
        for message in messages:
            await send(message)

    def _open(self, scope: Scope) -> Entry:
        return self._journal.open(
            at=self._world.clock.now().isoformat(),
            service=self._service_of(scope),
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            request_id=str(uuid.uuid4()),
        )

    async def _answer(self, scope: Scope, receive: Receive, entry: Entry, headers: dict[str, str]) -> list[Message]:
        """Run the service; give the messages of its answer, or none where the connection just ends."""
        messages: list[Message] = []

        async def hold(message: Message) -> None:
            messages.append(message)

        try:
            await self.before(entry)
            await self._app(scope, receive, hold)
            entry.status = messages[0]["status"]
            self._keep(scope, entry)
            await self.after(entry)
        except WireError as refused:
            messages = self._refusal(refused, entry, headers)
        except ConnectionAbortedError:
            return []
        except Exception:  # a service never shows its own failure
            scope["sandbox"]["note"] = traceback.format_exc()
            log.exception("%s %s", entry.method, entry.path)
            messages = self._refusal(_failure(entry.service), entry, headers)
        entry.status = messages[0]["status"]
        self._stamp(messages[0], entry, headers)
        return messages

    def _keep(self, scope: Scope, entry: Entry) -> None:
        writes = entry.method not in _READS and entry.service in {"graph", "arm", "control"}
        if entry.status < 400 and (writes or scope["sandbox"].get("changed")):
            self.keeper.changed()

    def _refusal(self, refused: WireError, entry: Entry, headers: dict[str, str]) -> list[Message]:
        body = refused.rendered(
            now=self._world.clock.now(), request_id=entry.request_id, client_request_id=_client_id(headers)
        )
        content = b"" if entry.method == "HEAD" else json.dumps(body, ensure_ascii=False).encode("utf-8")
        fields = {"content-type": "application/json; charset=utf-8", "content-length": str(len(content))}
        fields.update({name.lower(): value for name, value in refused.headers.items()})
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
        start = {"type": "http.response.start", "status": refused.status, "headers": raw}
        return [start, {"type": "http.response.body", "body": content}]

    def _stamp(self, start: Message, entry: Entry, headers: dict[str, str]) -> None:
        own, correlated = _ID_HEADERS.get(entry.service, ("", ""))
        fields = {own: entry.request_id, correlated: _client_id(headers) or entry.request_id}
        present = {name for name, _ in start["headers"]}
        extra = [(n.encode(), v.encode("latin-1")) for n, v in fields.items() if n and n.encode() not in present]
        start["headers"] = [*start["headers"], *extra]


def _client_id(headers: dict[str, str]) -> str | None:
    return (
        headers.get("client-request-id")
        or headers.get("x-ms-correlation-request-id")
        or headers.get("x-ms-client-request-id")
    )


def _failure(service: str) -> WireError:
    if service == "graph":
        return graph_error(500, "InternalServerError", "The sandbox failed; its own log says how.")
    return arm_error(500, "InternalServerError", "The sandbox failed; its own log says how.")
