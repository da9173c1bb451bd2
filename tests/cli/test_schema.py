"""`mct-s2s schema`: what it prints is what the commands' documents keep to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from mct_s2s.render.documents import DOCUMENTS, FILES, schema

from tests.cli.conftest import Program

JSON = ("-o", "json")


def test_without_a_name_it_lists_the_documents(mct: Program) -> None:
    ended = mct("schema")
    assert (ended.code, ended.err) == (0, "")
    assert [line.split()[0] for line in ended.out.splitlines()] == sorted((*DOCUMENTS, *FILES))
    listed = mct("schema", *JSON).document
    assert [row["name"] for row in listed["schemas"]] == sorted((*DOCUMENTS, *FILES))


@pytest.mark.parametrize("words", [("status",), ("mct-s2s/status/v1",), ("status", *JSON)], ids=" ".join)
def test_a_document_is_named_by_its_short_name_or_by_its_schema_key(mct: Program, words: tuple[str, ...]) -> None:
    ended = mct("schema", *words)
    assert (ended.code, ended.err, json.loads(ended.out)) == (0, "", schema("status"))


def test_an_unknown_name_is_an_error_with_a_remedy(mct: Program) -> None:
    ended = mct("schema", "nonsense", *JSON)
    assert (ended.code, ended.document["error"]["code"]) == (2, "schema-unknown")
    assert ended.document["error"]["remedy"] == "mct-s2s schema"
    assert "'nonsense'" in mct("schema", "nonsense").err


def test_it_needs_no_azure(mct: Program) -> None:
    assert mct("schema", "result", env={"MCT_S2S_CLOUD": "https://localhost:1"}).code == 0


def test_text_loads_none_of_the_models() -> None:
    names = ("change", "doctor", "export", "mistakes", "snippets", "status", "verifying")
    script = "import sys;" + "".join(f"import mct_s2s.cli.{name};" for name in names)
    script += "sys.exit('mct_s2s.render.documents' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_what_every_command_prints_is_valid_by_the_schema_that_is_printed(mct: Program, tmp_path: Path) -> None:
    """A consumer who fetches the schema from the program can rely on it for each document."""
    handoff, backup, trust = tmp_path / "handoff.json", tmp_path / "backup.json", tmp_path / "trust.toml"
    trust.write_text("[sites.contosolearn]\n[sites.none]\n")
    done = [
        mct(*words, *JSON).out
        for words in (
            ("schema",),
            ("status",),
            ("doctor",),
            ("setup", "--client", "One", "--dry-run"),
            ("setup", "--client", "One", "--managed-identity", "reports-func", "--backup", str(backup), "-y"),
            ("setup", "--client", "One", "--no-app-service", "--handoff", str(handoff), "-y"),
            ("add-client", "Two", "--credential", "federated", "--github", "contoso/learn", "-y"),
            ("configure-appservice", "--from", str(handoff), "--dry-run"),
            ("status",),
            ("status", "--all"),
            ("export",),
            ("apply", "-f", str(trust), "--dry-run"),
            ("verify",),
            ("snippet", "One"),
            ("rotate-secret", "One", "-y"),
            ("remove-client", "Nobody", "-y"),
            ("remove-client", "Two", "-y"),
            ("teardown", "-y"),
        )
    ]
    documents = [json.loads(text) for text in (*done, handoff.read_text("utf-8"), backup.read_text("utf-8"))]
    for document in documents:
        printed = json.loads(mct("schema", document["schema"]).out)
        Draft202012Validator(printed).validate(document)
    assert {document["schema"] for document in documents} == {schema(name)["title"] for name in DOCUMENTS}
