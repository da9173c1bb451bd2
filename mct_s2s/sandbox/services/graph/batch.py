"""Several requests in one.

Source: graph: concepts/json-batching.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mct_s2s.sandbox.core.encoding import json_of
from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.core.wire_errors import WireError, graph_error
from mct_s2s.sandbox.entra.validation import bad_request

MOST = 20


@dataclass(frozen=True)
class Item:
    """One request of a batch; `url` is relative, `depends_on` are ids of others."""

    item_id: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    depends_on: tuple[str, ...]


def answered(raw: bytes, run: Callable[[Item], Answer]) -> dict[str, Any]:
    """Answer a batch; a refusal is the answer of its item only."""
    responses: dict[str, dict[str, Any]] = {}
    for item in _items(raw):
        if any(responses[other]["status"] >= 400 for other in item.depends_on):
            failed = graph_error(
                424, "FailedDependency", "A request that this one depends on has failed."
            )
            responses[item.item_id] = _refused(item, failed)
            continue
        try:
            answer = run(item)
        except WireError as refusal:
            responses[item.item_id] = _refused(item, refusal)
        else:
            responses[item.item_id] = _packed(item, answer.status, answer.body, answer.headers)
    return {"responses": list(responses.values())}


def _items(raw: bytes) -> list[Item]:
    try:
        sent = json_of(raw)["requests"]
        items = [_item(request) for request in sent]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise bad_request("Invalid batch payload format.", code="BadRequest") from error
    ids = [item.item_id.casefold() for item in items]
    if not items or len(items) > MOST:
        raise bad_request(
            f"Number of batch request steps exceeds the maximum value of {MOST}.", code="BadRequest"
        )
    if len(set(ids)) != len(ids):
        raise bad_request("Request Id should be unique in the batch.", code="BadRequest")
    for position, item in enumerate(items):
        if not {other.casefold() for other in item.depends_on} <= set(ids[:position]):
            raise bad_request(
                "Invalid dependency: a request must depend on earlier ones.", code="BadRequest"
            )
    return items


def _item(sent: dict[str, Any]) -> Item:
    headers = {str(name).lower(): str(value) for name, value in (sent.get("headers") or {}).items()}
    body = sent.get("body")
    if body is not None and "content-type" not in headers:
        raise TypeError("a body needs a Content-Type")
    content = (
        b""
        if body is None
        else (base64.b64decode(body) if isinstance(body, str) else json.dumps(body).encode())
    )
    depends_on = tuple(str(other) for other in sent.get("dependsOn") or ())
    return Item(str(sent["id"]), sent["method"].upper(), sent["url"], headers, content, depends_on)


def _refused(item: Item, refusal: WireError) -> dict[str, Any]:
    body = refusal.rendered(now=datetime.now(UTC), request_id=item.item_id)
    return _packed(item, refusal.status, body, refusal.headers)


def _packed(item: Item, status: int, body: object, headers: Mapping[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": item.item_id, "status": status, "headers": dict(headers)}
    if body is not None:
        answer["headers"] = {"Content-Type": "application/json", **headers}
        answer["body"] = body
    return answer
