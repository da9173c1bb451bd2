"""The JSON Schema (2020-12) of each document that the program writes, and of files that it reads.

Those of files are made of the models that read them. The schemas allow members they do not name, as later versions may
add some. A text with `examples` is a stable code of a list that may grow.
"""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import Any

from pydantic import BaseModel

from mct_s2s.model.documents import Backup, FileSchema, Handoff
from mct_s2s.model.site_settings import SETTINGS
from mct_s2s.model.trust_file import TrustFile

Json = dict[str, Any]
_COMMON = "common"
_MODELS: dict[str, type[BaseModel]] = {"backup": Backup, "handoff": Handoff, "trust": TrustFile}
FILES = ("trust",)
"""Schemas of files that users write, in TOML: closed, since a key that is not known is a mistake there."""


@functools.cache
def names() -> tuple[str, ...]:
    """The documents that the program writes."""
    kept = {entry.name.removesuffix(".json") for entry in files(__name__).iterdir() if entry.name.endswith(".json")}
    return tuple(sorted((kept | {*_MODELS}) - {_COMMON, *FILES}))


def schema(name: str) -> Json:
    """A document's JSON Schema, one of `names()` or `FILES`; references are replaced by what they refer to."""
    if name not in _MODELS:
        whole: Json = _without_references(_read(name), _definitions())
        return whole
    found = _MODELS[name].model_json_schema(schema_generator=FileSchema)
    found = _without_references(found, found.pop("$defs", {}))
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"mct-s2s/{name}/v1"}
    return {**head, **found, "description": " ".join(found["description"].split())}


def schema_list() -> Json:
    """`mct-s2s/schemas/v1`."""
    schemas = {name: schema(name) for name in sorted((*names(), *FILES))}
    return {
        "schema": "mct-s2s/schemas/v1",
        "schemas": [
            {"name": name, "document": found["title"], "description": found["description"]}
            for name, found in schemas.items()
        ],
    }


@functools.cache
def _read(name: str) -> Json:
    found: Json = json.loads(files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return found


@functools.cache
def _definitions() -> Json:
    """What documents share; the members of settings are those of the table of settings."""
    found: Json = _read(_COMMON)["$defs"]
    for name in ("settings", "settingsOrNull"):
        value = found[name].pop("additionalProperties")
        found[name]["properties"] = {setting.name: {**value, "description": setting.about} for setting in SETTINGS}
    return found


def _without_references(node: Any, definitions: Json) -> Any:
    """Members beside a reference, such as a description, win over those of its target."""
    if isinstance(node, list):
        return [_without_references(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    members = {key: _without_references(value, definitions) for key, value in node.items() if key != "$ref"}
    if "$ref" not in node:
        return members
    file, _, definition = node["$ref"].rpartition("#/$defs/")
    target = definitions.get(definition) or _read((file or node["$ref"]).removesuffix(".json"))
    found = {key: value for key, value in _without_references(target, definitions).items() if key != "$schema"}
    return {**found, **members}
