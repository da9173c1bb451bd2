"""The JSON Schemas of documents, and of files that users write: made of the models."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from mct_s2s.model.api import Api
from mct_s2s.model.run_files import Backup, Handoff
from mct_s2s.model.trust_file import TrustFile
from mct_s2s.render.documents import (
    ApplyDocument,
    DoctorDocument,
    DoctorListDocument,
    ErrorDocument,
    ExportDocument,
    Json,
    ResultDocument,
    SchemasDocument,
    SnippetDocument,
    StatusDocument,
    StatusListDocument,
    VerifyDocument,
    VerifyListDocument,
)

FILES = ("api", "trust")
"""Schemas of files that users write, in TOML: closed, since a key that is not known is a mistake
there.
"""
_MODELS: dict[str, type[BaseModel]] = {
    "api": Api,
    "apply": ApplyDocument,
    "backup": Backup,
    "doctor": DoctorDocument,
    "doctor-list": DoctorListDocument,
    "error": ErrorDocument,
    "export": ExportDocument,
    "handoff": Handoff,
    "result": ResultDocument,
    "schemas": SchemasDocument,
    "snippet": SnippetDocument,
    "status": StatusDocument,
    "status-list": StatusListDocument,
    "trust": TrustFile,
    "verify": VerifyDocument,
    "verify-list": VerifyListDocument,
}
DOCUMENTS = tuple(name for name in _MODELS if name not in FILES)


class _Schema(GenerateJsonSchema):
    """A JSON Schema in which a member that may be absent has no default, and no null in its place;
    and names are as they may be.
    """

    def default_schema(self, schema: Any) -> Any:
        inner = schema["schema"]
        is_absent_for_null = inner["type"] == "nullable" and schema["default"] is None
        return self.generate_inner(inner["schema"] if is_absent_for_null else inner)

    def dict_schema(self, schema: Any) -> Any:
        generated = {
            key: value
            for key, value in super().dict_schema(schema).items()
            if key != "patternProperties"
        }
        names = self.generate_inner(schema["keys_schema"])
        values = self.generate_inner(schema["values_schema"])
        return {
            **generated,
            **({"propertyNames": names} if "pattern" in names else {}),
            "additionalProperties": values,
        }


def schema(name: str) -> Json:
    """A document's JSON Schema, one of `DOCUMENTS` or `FILES`; references are replaced by what they
    refer to.
    """
    generated = _MODELS[name].model_json_schema(mode="serialization", schema_generator=_Schema)
    generated = _inlined(generated, generated.pop("$defs", {}))
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"mct-s2s/{name}/v1",
    }
    return {**head, **generated}


def _inlined(node: Any, definitions: Json) -> Any:
    """Members beside a reference, such as a description, win over those of its target.

    Documents alone have a title.
    """
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    inlined = {
        key: _inlined(value, definitions)
        for key, value in node.items()
        if key not in {"$ref", "title"}
    }
    if isinstance(text := inlined.get("description"), str):  # a docstring of several lines
        inlined["description"] = " ".join(text.split())
    if "$ref" in node:
        return {**_inlined(definitions[node["$ref"].rpartition("/")[2]], definitions), **inlined}
    match inlined:
        case {"anyOf": [{"type": str(kind)} as kept, {"type": "null"}], **rest} if (
            "title" not in kept
        ):
            return {**kept, **rest, "type": [kind, "null"]}
        case {"properties": {"schema": {"const": title}}}:
            return {"title": title, **inlined}
    return inlined
