"""Around every request: log entry, ids, refusals in the service's form, faults, and saving the
state.

An answer is sent after the state is on disk, so that a crash cannot undo what a client knows (see
`StateWriter` for states too large for that). The control routes need no token: programs on this
machine may call them, but no web page in its browser. A page may send requests anywhere, also to a
name of its own that resolves to the loopback (DNS rebinding); the browser's `Host` or `Origin`
header shows it.
"""

import asyncio
import json
import logging
import re
import time
import traceback
import uuid
from collections.abc import Callable
from urllib.parse import parse_qs

from mct_s2s.sandbox.core.addresses import HOST
from mct_s2s.sandbox.core.wire_errors import WireError, arm_error, graph_error
from mct_s2s.sandbox.middleware.fault_injection import FaultInjection, Replaced
from mct_s2s.sandbox.observability.exchange import (
    READS,
    App,
    Breaker,
    Cut,
    End,
    Exchange,
    Message,
    Receive,
    Scope,
    Send,
    batch_wrote,
    may_write,
)
from mct_s2s.sandbox.observability.faults import Fault
from mct_s2s.sandbox.observability.issued_tokens import claims_of
from mct_s2s.sandbox.observability.secret_watch import Observability
from mct_s2s.sandbox.services import page
from mct_s2s.sandbox.state.state import SandboxState, StateWriter

_CONTROL = "/_sandbox"
_OWN = re.compile(rf"(?:{HOST}|127\.0\.0\.1|\[::1\])(?::[0-9]{{1,5}})?", re.IGNORECASE)


def check_is_local(scope: Scope) -> None:
    """Refuse a request for a control route under another name, or from a web page."""
    if not scope["path"].lower().startswith(_CONTROL):
        return
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if not hosts or not all(_OWN.fullmatch(host) for host in hosts):
        raise arm_error(
            421,
            "MisdirectedRequest",
            f"Use the host name in https://{HOST} for the control routes.",
        )
    if any(name == b"origin" for name, _ in scope["headers"]):
        raise arm_error(
            403, "OriginForbidden", "The control routes refuse requests from web pages."
        )


log = logging.getLogger(__name__)

_ID_HEADERS = {
    "graph": ("request-id", "client-request-id"),
    "arm": ("x-ms-request-id", "x-ms-correlation-request-id"),
    "vault": ("x-ms-request-id", "x-ms-client-request-id"),
    "entra": ("x-ms-request-id", ""),
}


def _no_connection(scope: Scope, end: End) -> None:
    raise ConnectionAbortedError(f"{end}: {scope['path']} was asked without a connection")


class Pipeline:
    """The ASGI application around all services.

    `breaker` ends a request's connection; it is set by what listens.
    """

    def __init__(
        self,
        app: App,
        service_of: Callable[[Scope], str],
        state: SandboxState,
        observability: Observability,
    ) -> None:
        self._app = app
        self._service_of = service_of
        self._state = state
        self.observability = observability
        self._fault_injection = FaultInjection(state, observability.tokens)
        self.writer = StateWriter(state)
        self.breaker: Breaker = _no_connection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        exchange = self._open(scope, receive)
        entry = exchange.entry
        faults = self.observability.faults.arriving(entry)
        entry.fault = ",".join(fault.type for fault in faults)
        try:
            await self._answer(exchange, faults)
        except Cut as cut:
            self._close(exchange, 0, started)
            await exchange.cut(cut.end, send, self.breaker)
            return
        except asyncio.CancelledError:
            # The sandbox ends, and has closed the connection: uvicorn would log a traceback
            self._close(exchange, 0, started)
            return
        self._close(exchange, exchange.messages[0]["status"], started)
        for message in exchange.messages:
            await send(message)

    def _open(self, scope: Scope, receive: Receive) -> Exchange:
        scope["sandbox"] = {"note": "", "caller": ""}
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        watch = self.observability.watch
        service = self._service_of(scope)
        entry = self.observability.log.open(
            kept=not (service == "control" and path == page.PATH),
            at=self._state.clock.now().isoformat(),
            service=service,
            method=scope["method"],
            path=watch.masked(path),
            query=watch.masked(query),
            request_id=str(uuid.uuid4()),
        )
        watch.arrived(entry, path, query, headers.items())
        return Exchange(scope, receive, entry, headers)

    def _close(self, exchange: Exchange, status: int, started: float) -> None:
        entry, notes = exchange.entry, exchange.scope["sandbox"]
        entry.status = status
        entry.milliseconds = round((time.perf_counter() - started) * 1000, 1)
        entry.note, entry.caller = self.observability.watch.masked(notes["note"]), notes["caller"]
        entry.app_id = _application(exchange)
        self.observability.watch.sent(entry, bytes(exchange.sent))

    async def _answer(self, exchange: Exchange, faults: list[Fault]) -> None:
        try:
            await self._work(exchange, faults)
        except WireError as refused:
            exchange.messages = self._refusal(refused, exchange)
        except Replaced as replaced:
            exchange.messages = replaced.messages
        except (Cut, asyncio.CancelledError):
            raise
        except Exception:  # a service never shows its own exceptions
            exchange.scope["sandbox"]["note"] = traceback.format_exc()
            log.exception("%s %s", exchange.entry.method, exchange.entry.path)
            exchange.messages = self._refusal(_failure(exchange.entry.service), exchange)
        self._stamp(exchange)

    async def _work(self, exchange: Exchange, faults: list[Fault]) -> None:
        if exchange.entry.service != "control" and self._state.latency_seconds:
            await self._state.clock.sleep(self._state.latency_seconds)
        await self._fault_injection.before(exchange, faults)
        self._check_refused(exchange)
        await self._app(exchange.scope, exchange.read, exchange.hold)
        status = exchange.messages[0]["status"]
        if status < 400:
            self._note_effect(exchange)
        try:
            await self._fault_injection.after(exchange, faults)
        finally:
            if status < 400 or exchange.scope["sandbox"].get("changed"):
                self._keep(exchange)

    def _check_refused(self, exchange: Exchange) -> None:
        service, tokens = exchange.entry.service, self.observability.tokens
        why = tokens.refusal(exchange.headers.get("authorization"))
        if why is not None and service in {"graph", "arm", "vault"}:
            raise tokens.refused(why, service, self._state.clock.timestamp())
        if why == "expired" and service == "site":
            exchange.scope["sandbox"]["note"] = "the token has expired"
            raise Replaced(
                [
                    {
                        "type": "http.response.start",
                        "status": 401,
                        "headers": [(b"content-length", b"0")],
                    },
                    {"type": _BODY},
                ]
            )

    def _note_effect(self, exchange: Exchange) -> None:
        entry, sent, body = exchange.entry, bytes(exchange.sent), exchange.body
        entry.wrote = may_write(entry.service, entry.method, entry.path)
        if entry.service == "graph" and entry.path.endswith("/$batch"):
            entry.wrote = batch_wrote(sent, body)
        if entry.wrote:
            self.observability.faults.wrote(entry)
        self.observability.watch.answered(entry, sent, body)

    def _keep(self, exchange: Exchange) -> None:
        entry = exchange.entry
        writes = entry.method not in READS and entry.service in {"graph", "arm", "vault", "control"}
        if writes or exchange.scope["sandbox"].get("changed"):
            self.writer.changed()

    def _refusal(self, refused: WireError, exchange: Exchange) -> list[Message]:
        entry = exchange.entry
        body = refused.rendered(
            now=self._state.clock.now(),
            request_id=entry.request_id,
            client_request_id=_client_id(exchange.headers),
        )
        content = (
            b"" if entry.method == "HEAD" else json.dumps(body, ensure_ascii=False).encode("utf-8")
        )
        # Graph's errors come bare, the others' with a charset: docs/azure-contract.md, section 3.1.
        charset = "" if refused.service == "graph" else "; charset=utf-8"
        fields = {"content-type": f"application/json{charset}", "content-length": str(len(content))}
        if entry.service == "arm":
            fields |= _of_manager(refused)
        fields.update({name.lower(): value for name, value in refused.headers.items()})
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
        start = {"type": "http.response.start", "status": refused.status, "headers": raw}
        return [start, {"type": _BODY, "body": content}]

    def _stamp(self, exchange: Exchange) -> None:
        entry, start = exchange.entry, exchange.messages[0]
        request_header, correlated = _ID_HEADERS.get(entry.service, ("", ""))
        fields = {
            request_header: entry.request_id,
            correlated: _client_id(exchange.headers) or entry.request_id,
        }
        if entry.service == "arm":
            moment = self._state.clock.now().strftime("%Y%m%dT%H%M%SZ")
            fields["x-ms-routing-request-id"] = f"WESTEUROPE:{moment}:{entry.request_id}"
        present = {name for name, _ in start["headers"]}
        extra = [
            (n.encode(), v.encode("latin-1"))
            for n, v in fields.items()
            if n and n.encode() not in present
        ]
        start["headers"] = [*start["headers"], *extra]


_BODY = "http.response.body"
_GATEWAY = frozenset(
    {
        "InvalidApiVersionParameter",
        "InvalidResourceNamespace",
        "InvalidResourceType",
        "MissingApiVersionParameter",
    }
    | {
        "NoRegisteredProviderFound",
        "ResourceGroupNotFound",
        "ResourceNotFound",
        "SubscriptionNotFound",
    }
)
"""Refusals by Resource Manager itself, without a provider: docs/azure-contract.md, section 4.1."""


def _of_manager(refused: WireError) -> dict[str, str]:
    fields = {
        "cache-control": "no-cache",
        "pragma": "no-cache",
        "expires": "-1",
        "x-content-type-options": "nosniff",
    }
    if refused.service == "arm" and refused.body.get("error", {}).get("code") in _GATEWAY:
        fields["x-ms-failure-cause"] = "gateway"
    return fields


def _application(exchange: Exchange) -> str:
    if exchange.entry.service == "entra":
        form = (
            parse_qs(exchange.sent.decode("utf-8", "replace"))
            if b"client_id=" in exchange.sent
            else {}
        )
        return form.get("client_id", [""])[0][:64]
    if not exchange.entry.caller:
        return ""
    claims = claims_of(exchange.headers.get("authorization", "").partition(" ")[2]) or {}
    return str(claims.get("appid") or claims.get("azp") or "")


def _client_id(headers: dict[str, str]) -> str | None:
    return (
        headers.get("client-request-id")
        or headers.get("x-ms-correlation-request-id")
        or headers.get("x-ms-client-request-id")
    )


def _failure(service: str) -> WireError:
    if service == "graph":
        return graph_error(500, "InternalServerError", "The sandbox failed. See its log.")
    return arm_error(500, "InternalServerError", "The sandbox failed. See its log.")
