"""Which requests change something: what the log calls a write, and what `freezeAfterWrites` counts.

Some POSTs only read: `…/list` of Resource Manager, `getByIds` of Graph.
"""

from __future__ import annotations

import json
from typing import Any

READS = frozenset({"GET", "HEAD", "OPTIONS"})
_QUESTIONS = {
    "graph": frozenset(
        {"getbyids", "getmembergroups", "checkmembergroups", "getmemberobjects", "checkmemberobjects", "$batch"}
    ),
    "vault": frozenset(),
    "arm": frozenset({"list", "publishxml", "listkeys", "resources", "checknameavailability"}),
}


def may_write(service: str, method: str, path: str) -> bool:
    """Return whether a request is one that changes the directory or a resource where it is accepted."""
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
        return any(_item_wrote(asked[item["id"]], item["status"]) for item in json.loads(answered)["responses"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _item_wrote(item: dict[str, Any], status: int) -> bool:
    return status < 400 and may_write("graph", item["method"].upper(), item["url"].split("?")[0])
