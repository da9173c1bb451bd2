"""`mct-s2s schema`: what it prints is what the commands' documents keep to."""

import json
import subprocess
import sys

from mct_s2s.render.documents import DOCUMENTS, FILES, schema

from tests.cli.conftest import Program

JSON = ("-o", "json")


def test_without_a_name_it_lists_the_documents(mct: Program) -> None:
    ended = mct("schema")
    assert (ended.code, ended.err) == (0, "")
    assert [line.split()[0] for line in ended.out.splitlines()] == sorted((*DOCUMENTS, *FILES))
    listed = json.loads(mct("schema", *JSON).out)
    assert [row["name"] for row in listed["schemas"]] == sorted((*DOCUMENTS, *FILES))


def test_a_document_is_named_by_its_short_name_or_by_its_schema_key(mct: Program) -> None:
    """What is printed is what the documents of all tests are held against."""
    for name in (*DOCUMENTS, *FILES):
        for words in ((name,), (f"mct-s2s/{name}/v1", *JSON)):
            ended = mct("schema", *words, env={"MCT_S2S_CLOUD": "https://localhost:1"})
            assert (ended.code, ended.err, json.loads(ended.out)) == (0, "", schema(name)), "and it needs no Azure"


def test_an_unknown_name_is_an_error_with_a_remedy(mct: Program) -> None:
    ended = mct("schema", "nonsense", *JSON)
    assert (ended.code, ended.document["error"]["code"]) == (2, "schema-unknown")
    assert ended.document["error"]["remedy"] == "mct-s2s schema"
    assert "'nonsense'" in mct("schema", "nonsense").err


def test_text_loads_none_of_the_models() -> None:
    names = ("change", "doctor", "export", "mistakes", "snippets", "status", "verifying")
    script = "import sys;" + "".join(f"import mct_s2s.cli.{name};" for name in names)
    script += "sys.exit('mct_s2s.render.documents' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
