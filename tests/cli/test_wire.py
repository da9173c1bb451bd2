"""`--wire`: the calling app finds in its own settings what it needs, and loses nothing of what it had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mct_s2s.sandbox.resources.role_assignments import SECRETS_USER
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program
from tests.conftest import FUNCTION_APP, GROUP, SITE, Sandbox

PORTAL = f"{GROUP}/Microsoft.Web/sites/partner-portal"
VAULT_ID = f"{GROUP}/Microsoft.KeyVault/vaults/{seed.VAULT}"
PLACE = ("--secret-to", f"keyvault:{seed.VAULT}/portal-key")
WIRED = ("setup", "--client", "Portal", *PLACE, "--wire", "partner-portal", "-y", "-o", "json")
FOREIGN = {"Mail:Password": "p;w=d", "EMPTY": "", "Überschrift": "ü ✓", "azure_tenant_ID": "wrong", "NOTHING": None}


@pytest.fixture
def azure_again(azure: Sandbox) -> Iterator[Sandbox]:
    """The sandbox; whatever it was told to do wrong ends with the test."""
    yield azure
    azure.behave()


def let_read(azure: Sandbox) -> None:
    """What is left to others, done: the app gets an identity, and the identity may read the vault."""
    body = azure.arm("PATCH", PORTAL, json={"identity": {"type": "SystemAssigned"}})
    grant = {"principalId": body["identity"]["principalId"], "role": SECRETS_USER, "scope": VAULT_ID}
    assert azure._control("POST", "/role-assignments", json=grant).status_code == 201


def status_of_reference(azure: Sandbox) -> str:
    path = f"{PORTAL}/config/configreferences/appsettings/AZURE_CLIENT_SECRET"
    return str(azure.arm("GET", path)["properties"]["status"])


def test_an_app_that_is_wired_calls_with_what_it_finds(azure: Sandbox, mct: Program) -> None:
    azure.write_settings(FOREIGN, PORTAL)
    azure.forget()
    first = mct(*WIRED)
    assert first.code == 0, first.document
    settings = azure.settings(PORTAL)
    url = f"https://{seed.VAULT}.vault.localhost:{azure.origin.rsplit(':', 1)[1]}"
    (client,) = first.document["status"]["clients"]
    ours = {
        "AZURE_CLIENT_ID": client["appId"],
        "azure_tenant_ID": azure.tenant_id,  # under the spelling that stands there
        "AZURE_AUTHORITY_HOST": azure.origin,
        "AZURE_CLIENT_SECRET": f"@Microsoft.KeyVault(SecretUri={url}/secrets/portal-key/)",
        "MCT_S2S_SCOPE": f"{first.document['status']['serviceApplication']['applicationIdUri']}/.default",
        "MCT_S2S_URL": azure.site_url,
    }
    assert settings == {**FOREIGN, **ours}
    assert sum(write == f"PUT {PORTAL}/config/appsettings" for write in azure.writes()) == 1
    assert azure.restarts() == 1, "only the MCT App Service is restarted"
    identify, allow = first.document["leftToOthers"]
    assert identify["command"] == "az webapp identity assign --resource-group integrations --name partner-portal"
    assert "--role 'Key Vault Secrets User'" in allow["command"]
    assert status_of_reference(azure) == "MSINotEnabled"

    let_read(azure)
    assert status_of_reference(azure) == "Resolved"
    secret = azure.vault("GET", "/secrets/portal-key").json()["value"]
    token = azure.token(ours["MCT_S2S_SCOPE"], ours["AZURE_CLIENT_ID"], secret).json()["access_token"]
    assert azure.call_site(token, ours["MCT_S2S_URL"]) == 200
    assert azure.leaks() == []

    azure.forget()
    again = mct(*WIRED)
    assert (again.code, again.document["leftToOthers"]) == (0, [])
    assert azure.writes() == []


def test_what_is_left_to_others_is_told_to_a_person_as_it_is_typed(azure: Sandbox, mct: Program) -> None:
    ended = mct(*WIRED[:-2])
    assert "→ az webapp identity assign --resource-group integrations --name partner-portal\n" in ended.out
    assert "→ az role assignment create --role 'Key Vault Secrets User'" in ended.out
    azure.arm("PATCH", PORTAL, json={"identity": {"type": "SystemAssigned"}})
    (left,) = mct(*WIRED).document["leftToOthers"]
    assert azure.arm("GET", PORTAL)["identity"]["principalId"] in left["command"]


def test_an_app_that_calls_as_itself_gets_address_and_scope_only(azure: Sandbox, mct: Program) -> None:
    before = azure.settings(FUNCTION_APP)
    assert mct("setup", "-y").code == 0
    added = ("add-client", "--managed-identity", "reports-func", "--wire", "reports-func", "-y", "-o", "json")
    ended = mct(*added)
    assert ended.code == 0, ended.document
    uri = ended.document["status"]["serviceApplication"]["applicationIdUri"]
    ours = {"MCT_S2S_SCOPE": f"{uri}/.default", "MCT_S2S_URL": azure.site_url}
    assert azure.settings(FUNCTION_APP) == {**before, **ours}
    assert ended.document["leftToOthers"] == []
    azure.forget()
    assert mct(*added).code == 0
    assert azure.writes() == []


def test_a_slot_is_wired_alone(azure: Sandbox, mct: Program) -> None:
    made = azure._control("POST", "/sites", json={"name": "partner-portal", "slot": "blue", "group": "integrations"})
    before, slot = azure.settings(PORTAL), made.json()["id"]
    ended = mct("setup", "--client", "Portal", *PLACE, "--wire", slot, "-y", "-o", "json")
    assert ended.code == 0, ended.document
    assert "AZURE_CLIENT_ID" in azure.settings(slot)
    assert azure.settings(PORTAL) == before
    assert ended.document["leftToOthers"][0]["command"].endswith("--name partner-portal --slot blue")


def test_a_dry_run_shows_the_wiring_and_does_none(azure: Sandbox, mct: Program) -> None:
    before = azure.settings(PORTAL)
    azure.forget()
    ended = mct(*WIRED, "--dry-run")
    assert ended.code == 3
    (step,) = [one for one in ended.document["changes"] if one["name"] == "partner-portal"]
    assert "AZURE_CLIENT_SECRET" in step["detail"]
    assert azure.writes() == []
    assert azure.settings(PORTAL) == before


REFUSED: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no vault": (("--client", "A", "--wire", "partner-portal"), 2, "wire-needs-vault"),
    "two clients": (
        ("--client", "A", "--client", "B", "--secret-to", f"keyvault:{seed.VAULT}", "--wire", "partner-portal"),
        2,
        "wire-one-client",
    ),
    "nobody": (("--wire", "partner-portal"), 2, "wire-one-client"),
    "no app": (("--client", "A", *PLACE, "--wire", VAULT_ID), 2, "wire-not-an-app"),
    "no such app": (("--client", "A", *PLACE, "--wire", "nobody"), 1, "site-not-found"),
    "no such id": (("--client", "A", *PLACE, "--wire", f"{PORTAL}x"), 1, "resource-not-found"),
    "the MCT App Service": (("--client", "A", *PLACE, "--wire", SITE), 2, "wire-to-itself"),
    "its slot": (("--client", "A", *PLACE, "--wire", f"{SITE}/slots/staging"), 2, "wire-to-itself"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_wired_is_refused_before_anything_is_made(name: str, azure: Sandbox, mct: Program) -> None:
    options, code, error = REFUSED[name]
    ended = mct("setup", *options, "-y", "-o", "json")
    assert (ended.code, ended.document["error"]["code"]) == (code, error)
    assert azure.writes() == []


@pytest.mark.parametrize("name", ["AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"])
def test_an_app_that_signs_in_as_somebody_else_stays_so(name: str, azure: Sandbox, mct: Program) -> None:
    settings: dict[str, str | None] = {name: "11111111-2222-3333-4444-555555555555"}
    azure.write_settings(settings, PORTAL)
    azure.forget()
    ended = mct(*WIRED)
    assert (ended.code, ended.document["error"]["code"]) == (2, "wire-taken")
    assert azure.writes() == []
    assert azure.settings(PORTAL) == settings


def test_a_secret_that_is_elsewhere_is_not_looked_for_in_the_vault(azure: Sandbox, mct: Program) -> None:
    assert mct("setup", "--client", "Portal", "-y").code == 0
    azure.forget()
    ended = mct(*WIRED)
    assert (ended.code, ended.document["error"]["code"]) == (2, "wire-without-secret")
    assert azure.writes() == []
    assert mct("rotate-secret", "Portal", *PLACE, "-y").code == 0
    assert mct(*WIRED).code == 0
    assert azure.vault("GET", "/secrets/portal-key").json()["tags"]["keyId"] in str(azure.applications("Portal"))


@pytest.mark.parametrize(
    "fault",
    [{"type": "lostAnswer"}, {"type": "status", "status": 503}, {"type": "status", "status": 500, "when": "after"}],
)
def test_passing_trouble_at_the_app_is_ridden_out(fault: dict[str, Any], azure_again: Sandbox, mct: Program) -> None:
    azure_again.misbehave(
        {"match": {"service": "ARM", "method": "PUT", "path": "*/partner-portal/*"}, "times": 1, "fault": fault}
    )
    assert mct(*WIRED).code == 0
    azure_again.behave()
    azure_again.forget()
    assert mct(*WIRED).code == 0
    assert azure_again.writes() == []


def test_a_refusal_at_the_app_is_told_and_the_same_command_finishes(azure_again: Sandbox, mct: Program) -> None:
    """The MCT App Service waits for the app: nobody is let in half-way."""
    before = azure_again.settings()
    azure_again.misbehave(
        {
            "match": {"service": "ARM", "method": "PUT", "path": "*/partner-portal/*"},
            "fault": {"type": "status", "status": 403},
        }
    )
    stopped = mct(*WIRED)
    assert (stopped.code, stopped.document["error"]["code"]) == (4, "permission-missing")
    assert azure_again.settings() == before
    azure_again.behave()
    ended = mct(*WIRED)
    assert ended.code == 0
    assert ended.document["status"]["healthy"]
    (application,) = azure_again.applications("Portal")
    assert len(application["passwordCredentials"]) == 1
