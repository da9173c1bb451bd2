"""The JSON Schemas of the package: complete, self-contained, explained, and true of what the program writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mct_s2s.inputs.documents import SettingsFile
from mct_s2s.model.documents import Backup, Handoff
from mct_s2s.model.site_settings import NAMES, ours
from mct_s2s.render.documents import DOCUMENTS, FILES, document, schema, schema_list

from tests.cli.schemas import check
from tests.planning.scenarios import settings

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


def test_every_document_names_its_schema() -> None:
    found = [schema(name) for name in DOCUMENTS]
    assert [one["properties"]["schema"]["const"] for one in found] == [one["title"] for one in found]


def test_the_list_of_schemas_has_a_schema() -> None:
    check(document("schemas", {"schemas": schema_list()}))
    assert [row["name"] for row in schema_list()] == sorted((*DOCUMENTS, *FILES))


@pytest.mark.parametrize("app_service", ["contosolearn", "contosolearn/staging", None])
def test_a_handoff_file_is_valid(tmp_path: Path, app_service: str | None) -> None:
    SettingsFile(tmp_path / "file", Handoff).write(app_service, ours(settings()))
    check(json.loads((tmp_path / "file").read_text()))


def test_a_backup_file_is_valid_whatever_the_settings_hold(tmp_path: Path) -> None:
    SettingsFile(tmp_path / "file", Backup).keep(SITE, {"Anything": None, "Empty": "", "Else": "x"})
    check(json.loads((tmp_path / "file").read_text()))


def test_settings_have_the_names_of_the_table() -> None:
    assert list(schema("handoff")["properties"]["settings"]["properties"]) == list(NAMES)
