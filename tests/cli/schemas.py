"""The JSON documents of the contract, held against the schemas of the package with nothing beside
what they name.
"""

import functools
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from mct_s2s.render.schemas import DOCUMENTS, schema


def strict(node: Any) -> Any:
    """Close a schema: no other members, no other codes.

    Users get the open one, which later versions may extend.
    """
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: strict(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict) and "type" in node:
        closed.setdefault("additionalProperties", False)
    if isinstance(node.get("examples"), list):
        closed["enum"] = node["examples"]
    return closed


@functools.cache
def validators() -> dict[str, Draft202012Validator]:
    """By the value of a document's `schema` key."""
    return {
        found["title"]: Draft202012Validator(strict(found), format_checker=FormatChecker())
        for found in map(schema, DOCUMENTS)
    }


def check(document: Any) -> None:
    """Fail unless a document is one of the contract's."""
    validators()[document["schema"]].validate(document)


FINDING_CODES: list[str] = schema("status")["properties"]["findings"]["items"]["properties"][
    "code"
]["examples"]
