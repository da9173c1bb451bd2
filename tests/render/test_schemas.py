"""The JSON Schemas of the package: complete, self-contained, explained, and true of what the program writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mct_s2s.model.site_settings import NAMES
from mct_s2s.render.documents import DOCUMENTS, FILES, schema

SITE = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.Web/sites/s"


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema within a schema."""
    if isinstance(node, list):
        for item in node:
            yield from parts(item)
    elif isinstance(node, dict):
        yield node
        for value in node.values():
            yield from parts(value)


@pytest.mark.parametrize("name", [*DOCUMENTS, *FILES])
def test_a_schema_is_valid_and_stands_alone(name: str) -> None:
    found = schema(name)
    Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert [part for part in parts(found) if "$ref" in part] == []
    assert sum("$schema" in part for part in parts(found)) == 1


@pytest.mark.parametrize("name", [*DOCUMENTS, *FILES])
def test_every_member_is_explained_and_none_is_required_that_is_not_there(name: str) -> None:
    for part in parts(schema(name)):
        members = part.get("properties")
        if isinstance(members, dict):
            unexplained = [key for key, one in members.items() if "description" not in one and "const" not in one]
            assert unexplained == []
            assert set(part.get("required", ())) <= set(members)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_later_versions_may_add_members_and_codes(name: str) -> None:
    """A consumer that validates today's documents must not refuse tomorrow's."""
    for part in parts(schema(name)):
        assert part.get("additionalProperties") is not False
        assert not ("examples" in part and "enum" in part)


def test_settings_have_the_names_of_the_table() -> None:
    assert list(schema("handoff")["properties"]["settings"]["properties"]) == list(NAMES)
