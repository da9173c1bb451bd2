"""A removal leaves nothing behind unsaid: what `--wire` wrote is taken out, what a key vault holds is named or deleted.

Without it the calling app goes on with the name of a client that is gone, `setup --wire` refuses to wire it again, and
a secret stays in a vault that nobody remembers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mct_s2s.sandbox.resources.role_assignments import SECRETS_USER
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program
from tests.conftest import FUNCTION_APP, GROUP, Sandbox

JSON = ("-y", "-o", "json")
PORTAL = f"{GROUP}/Microsoft.Web/sites/partner-portal"
VAULT_ID = f"{GROUP}/Microsoft.KeyVault/vaults/{seed.VAULT}"
PLACE = ("--secret-to", f"keyvault:{seed.VAULT}/portal-key")
WIRED = ("setup", "--client", "Portal", *PLACE, "--wire", "partner-portal", *JSON)
FOREIGN = {"Mail:Password": "p;w=d", "EMPTY": "", "NOTHING": None}
REMOVALS = [("remove-client", "Portal"), ("teardown",)]


@pytest.fixture
def azure(azure: Sandbox) -> Iterator[Sandbox]:
    """The sandbox, with settings of its own in the portal; whatever it was told to do wrong ends with the test."""
    azure.write_settings(FOREIGN, PORTAL)
    azure.forget()
    yield azure
    azure.behave()


def _rows(ended: Ended, resource: str) -> list[dict[str, Any]]:
    return [change for change in ended.document["changes"] if change["resource"] == resource]


def _tags(azure: Sandbox) -> set[str]:
    return {tag for app in azure.applications("MCT service (contosolearn)") for tag in app["tags"]}


def _stored(azure: Sandbox) -> int:
    return azure.vault("GET", "/secrets/portal-key").status_code


@pytest.mark.parametrize("words", REMOVALS)
def test_what_was_wired_is_taken_out_and_can_be_wired_again(
    mct: Program, azure: Sandbox, words: tuple[str, ...]
) -> None:
    assert mct(*WIRED).code == 0
    dry = mct(*words, "--dry-run", "-o", "json")
    done = mct(*words, "--purge", *JSON)
    assert done.code == 0, done
    assert azure.settings(PORTAL) == FOREIGN
    assert ("update", "partner-portal") in {(c["action"], c["name"]) for c in dry.document["changes"]}
    assert _tags(azure) <= {"mct-s2s:name:mct-s2s-contosolearn"}
    azure.forget()
    again = mct(*words, "--ignore-missing" if len(words) > 1 else "--purge", *JSON)
    assert (again.code, azure.writes()) == (0, [])
    wired = mct(*WIRED)
    assert wired.code == 0, wired
    (client,) = wired.document["status"]["clients"]
    assert azure.settings(PORTAL)["AZURE_CLIENT_ID"] == client["appId"]
    assert azure.leaks() == []


@pytest.mark.parametrize("words", REMOVALS)
def test_what_the_vault_holds_is_named_or_deleted(mct: Program, azure: Sandbox, words: tuple[str, ...]) -> None:
    mct("setup", "--client", "Portal", *PLACE, *JSON)
    state = azure.state()
    done = mct(*words, *JSON)
    (row,) = _rows(done, "key vault secret")
    assert (row["action"], row["name"], _stored(azure)) == ("none", f"{seed.VAULT}/portal-key", 200)
    azure.load(state)
    told = f"az keyvault secret delete --vault-name {seed.VAULT} --name portal-key"
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


def test_a_planted_tag_changes_no_foreign_app(mct: Program, azure: Sandbox) -> None:
    theirs = {"AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555555", "MCT_S2S_URL": "https://other.example"}
    azure.write_settings({**FOREIGN, **theirs}, PORTAL)
    mct("setup", "--client", "Portal", *JSON)
    (service,) = azure.applications("MCT service (contosolearn)")
    azure.graph("PATCH", f"/applications/{service['id']}", json={"tags": [f"mct-s2s:wire:{PORTAL}"]})
    assert mct("teardown", *JSON).code == 0
    assert azure.settings(PORTAL) == {**FOREIGN, **theirs}


def test_what_somebody_has_changed_since_is_theirs(mct: Program, azure: Sandbox) -> None:
    mct(*WIRED)
    settings = azure.settings(PORTAL)
    changed = {"AZURE_CLIENT_SECRET": "a value of their own", "MCT_S2S_URL": "https://proxy.example"}
    azure.write_settings({**settings, **changed}, PORTAL)
    done = mct("remove-client", "Portal", "-y")
    assert done.code == 0, done
    assert azure.settings(PORTAL) == {**FOREIGN, **changed}
    assert "'partner-portal' keeps its setting AZURE_CLIENT_SECRET" in done.err


def test_another_clients_wiring_and_a_kept_registration_stay(mct: Program, azure: Sandbox) -> None:
    mct(*WIRED)
    mct("add-client", "Other", *JSON)
    before = azure.settings(PORTAL)
    mct("remove-client", "Other", *JSON)
    assert azure.settings(PORTAL) == before
    assert mct("remove-client", "Portal", "--keep-registration", "--delete-secrets", *JSON).code == 0
    after = azure.settings(PORTAL)
    assert {name for name in before if name not in after} == {"MCT_S2S_SCOPE", "MCT_S2S_URL"}, "it calls other APIs"
    assert _stored(azure) == 200


def test_an_app_that_called_as_itself_loses_address_and_scope(mct: Program, azure: Sandbox) -> None:
    before = azure.settings(FUNCTION_APP)
    mct("setup", *JSON)
    mct("add-client", "--managed-identity", "reports-func", "--wire", "reports-func", *JSON)
    assert mct("remove-client", "reports-func", *JSON).code == 0
    assert azure.settings(FUNCTION_APP) == before


@pytest.mark.parametrize("how", ["may read", "may not read", "locked"])
def test_who_may_not_write_the_apps_settings_leaves_that_to_others(mct: Program, azure: Sandbox, how: str) -> None:
    mct(*WIRED)
    denied = ["Microsoft.Web/sites/config/write", "Microsoft.Web/sites/config/list/action"]
    if how == "locked":
        azure.lock(PORTAL)
    else:
        azure.deny(PORTAL, *denied[: 1 if how == "may read" else 2])
    state = azure.state()
    text = mct("remove-client", "Portal", "-y")
    assert "→ az webapp config appsettings delete -g integrations -n partner-portal" in text.out
    azure.load(state)
    done = mct("remove-client", "Portal", *JSON)
    assert azure.applications("Portal") == [], done
    (left,) = done.document["leftToOthers"]
    assert left["command"].startswith("az webapp config appsettings delete -g integrations ")
    assert "-n partner-portal --setting-names AZURE_" in left["command"]
    assert "AZURE_CLIENT_ID" in left["command"]


@pytest.mark.parametrize("path", ["*/partner-portal/config/appsettings", "*/secrets/portal-key", "*/applications/*"])
def test_stopped_at_any_of_it_the_same_command_ends_the_same(mct: Program, azure: Sandbox, path: str) -> None:
    body = azure.arm("PATCH", PORTAL, json={"identity": {"type": "SystemAssigned"}})
    azure.assign_role(body["identity"]["principalId"], SECRETS_USER, VAULT_ID)
    mct(*WIRED)
    cut = {"match": {"path": path, "writes": True}, "fault": {"type": "status", "status": 409}, "times": 1}
    azure.misbehave(cut)
    words = ("remove-client", "Portal", "--delete-secrets", *JSON)
    assert mct(*words).code == 1
    azure.behave()
    assert mct(*words).code == 0
    assert (azure.settings(PORTAL), _stored(azure), azure.applications("Portal")) == (FOREIGN, 404, [])
    (service,) = azure.applications("MCT service (contosolearn)")
    assert set(service["tags"]) <= {"mct-s2s:name:mct-s2s-contosolearn"}
