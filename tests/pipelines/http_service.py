"""A service of somebody else's, played on this machine."""

from __future__ import annotations

import http.server
import json
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, Any]


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    bearer: str
    body: Any


class HttpService(ABC):
    """Answers while the block lasts; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.failures: list[Answer] = []
        """Answers that come first, in the place of its own."""

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """Its own answer: status and JSON."""

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                address, length = urlsplit(self.path), int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
                asked = Asked(self.command, address.path, dict(parse_qsl(address.query)), bearer, body)
                service.asked.append(asked)
                status, document = service.failures.pop(0) if service.failures else service.answer(asked)
                self.send_response(status)
                if status in {301, 302}:
                    self.send_header("Location", document)
                content = json.dumps(document).encode()
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = handle_one  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
