"""A removal leaves nothing behind unsaid: what a key vault holds is named or deleted.

Without it a secret stays in a vault that nobody remembers.
"""

from typing import Any

import pytest
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program
from tests.conftest import JSON, Sandbox

PLACE = ("--secret-to", f"keyvault:{seed.VAULT}/portal-key")
REMOVALS = [("remove-client", "Portal"), ("teardown",)]


def _rows(ended: Ended, resource: str) -> list[dict[str, Any]]:
    return [change for change in ended.document["changes"] if change["resource"] == resource]


def _stored(azure: Sandbox) -> int:
    return azure.vault("GET", "/secrets/portal-key").status_code


@pytest.mark.parametrize("words", REMOVALS)
def test_what_the_vault_holds_is_named_or_deleted(mct: Program, azure: Sandbox, words: tuple[str, ...]) -> None:
    mct("setup", "--client", "Portal", *PLACE, *JSON)
    state = azure.state()
    done = mct(*words, *JSON)
    (row,) = _rows(done, "key vault secret")
    assert (row["action"], row["name"], _stored(azure)) == ("none", f"{seed.VAULT}/portal-key", 200)
    azure.load(state)
    told = f"az keyvault secret delete --vault-name {seed.VAULT} --name portal-key"
    assert [note["command"] for note in done.document["notes"] if note["command"]] == [told]
    assert told in map(str.strip, mct(*words, "--dry-run").out.splitlines()), "on a line of its own"
    done = mct(*words, "--delete-secrets", *JSON)
    assert done.code == 0, done
    (row,) = _rows(done, "key vault secret")
    assert (row["action"], _stored(azure)) == ("delete", 404)
    assert azure.vault("GET", "/deletedsecrets/portal-key").status_code == 200, "as the vault keeps it"


def test_a_planted_tag_deletes_no_foreign_secret(mct: Program, azure: Sandbox) -> None:
    mct("setup", "--client", "Portal", *JSON)
    azure.vault("PUT", "/secrets/theirs", json={"value": "their value", "tags": {"made-by": "mct-s2s"}})
    (portal,) = azure.applications("Portal")
    tags = [*portal["tags"], f"mct-s2s:vault:{seed.VAULT}/theirs", "mct-s2s:vault:x; rm -rf /"]
    azure.graph("PATCH", f"/applications/{portal['id']}", json={"tags": tags})
    done = mct("remove-client", "Portal", "--delete-secrets", *JSON)
    assert done.code == 0, done
    (row,) = _rows(done, "key vault secret")
    assert (row["action"], row["detail"]) == ("none", "kept: its tags belong to another client")
    assert azure.vault("GET", "/secrets/theirs").json()["value"] == "their value"
