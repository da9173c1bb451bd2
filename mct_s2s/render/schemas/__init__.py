"""The JSON Schema (2020-12) of each document that the program writes, and of files that it reads, one file each.

The schemas allow members they do not name, as later versions may add some. A text with `examples` is a stable code of a
list that may grow. What several documents share is in `common.json`.
"""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import Any

from mct_s2s.model.site_settings import SETTINGS
from mct_s2s.model.trust_file import TrustFile, TrustFileSchema

Json = dict[str, Any]
_COMMON = "common.json"


FILES = ("trust",)
"""Schemas of files that users write, in TOML: closed, since a key that is not known is a mistake there."""


@functools.cache
def names() -> tuple[str, ...]:
    """The documents that the program writes."""
    found = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in found if name.endswith(".json") and name != _COMMON))


def schema(name: str) -> Json:
    """Return a document's JSON Schema; references are replaced by what they refer to, so that it stands alone.

    Args:
        name: one of `names()` or `FILES`.
    """
    found: Json = _trust_file() if name in FILES else _without_references(_read(f"{name}.json"), _definitions())
    return found


def _trust_file() -> Json:
    made = TrustFile.model_json_schema(schema_generator=TrustFileSchema)
    found = _without_references(made, made.pop("$defs"))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "mct-s2s/trust/v1", **found}


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


def _read(file: str) -> Json:
    found: Json = json.loads(files(__name__).joinpath(file).read_text(encoding="utf-8"))
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
    target = definitions[definition] if definition in definitions else _read(file or node["$ref"])
    found = {key: value for key, value in _without_references(target, definitions).items() if key != "$schema"}
    return {**found, **members}
