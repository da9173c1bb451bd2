"""Answers that the sandbox would never give: whatever a stranger in a service's place may say."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from mct_s2s.sandbox.middleware.fault_injection import Replaced
from mct_s2s.sandbox.observability.exchange import Entry

from tests.support.sandbox_inside import Hook

JSON = "application/json; charset=utf-8"


def answering(
    fits: Callable[[Entry], bool],
    body: object = b"",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Hook:
    """A hook by which each request that fits is answered so; a body that is not bytes goes out as
    JSON.
    """
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"content-type": JSON, "content-length": str(len(content)), **(headers or {})}
    raw = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()
    ]

    async def answer(entry: Entry) -> None:
        if fits(entry):
            start: dict[str, Any] = {
                "type": "http.response.start",
                "status": status,
                "headers": raw,
            }
            raise Replaced([start, {"type": "http.response.body", "body": content}])

    return answer
