"""`--secret-to keyvault:…`: where the secret goes, what stands beside it, and that nothing is lost or doubled."""

from datetime import datetime

import pytest
from mct_s2s.sandbox.resources.role_assignments import SECRETS_USER
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program, held
from tests.conftest import Sandbox

VAULT_ID = f"{seed.SUBSCRIPTION}/resourceGroups/integrations/providers/Microsoft.KeyVault/vaults/{seed.VAULT}"
TO_VAULT = ("--secret-to", f"keyvault:{seed.VAULT}")
SETUP = ("setup", "--client", "Reports", *TO_VAULT, "-y", "-o", "json")


def saved(ended: Ended) -> str:
    """The name of the one secret that a run has saved."""
    (credential,) = ended.made
    vault, _, name = credential["savedTo"].removeprefix("keyvault:").partition("/")
    assert vault == seed.VAULT
    return str(name)


def is_whole(mct: Program, ended: Ended, azure: Sandbox, name: str) -> None:
    """The vault holds the client's one secret and all that belongs to it; no attempt is left that has not arrived."""
    assert ended.code == 0, ended.document
    assert mct("status", "-o", "json").document["healthy"], mct("status", "-o", "json").document["findings"]
    found = held(azure, name)
    (application,) = azure.applications("Reports")
    assert [one["keyId"] for one in application["passwordCredentials"]] == [found["tags"]["keyId"]]
    assert azure.token(found["tags"]["scope"], found["tags"]["appId"], found["value"]).status_code == 200
    for version in azure.vault("GET", f"/secrets/{name}/versions").json()["value"]:
        assert version.get("tags", {}).get("pending") in {None, found["tags"]["credential"]}, version


def test_the_vaults_token_is_there_before_anything_is_written(azure: Sandbox, mct: Program) -> None:
    """What a pipeline signs in with lasts minutes, and waits for replication come before the vault's turn."""
    assert mct(*SETUP, "--no-verify").code == 0
    rows = azure.log()
    tokens = [at for at, row in enumerate(rows) if row["path"].endswith("/oauth2/v2.0/token")]
    written = next(at for at, row in enumerate(rows) if row["method"] == "PATCH")
    assert (len(tokens), tokens[-1] < written) == (3, True)


def test_a_secret_goes_into_the_vault_with_all_that_belongs_to_it(azure: Sandbox, mct: Program) -> None:
    name = saved(mct(*SETUP, "--dry-run"))
    assert (azure.writes(), azure.vault("GET", "/secrets").json()["value"]) == ([], [])
    first = mct(*SETUP)
    assert saved(first) == name
    is_whole(mct, first, azure, name)
    found, client = held(azure, name), mct("status", "-o", "json").document["clients"][0]
    assert found["contentType"] == "text/plain"
    (credential,) = client["credentials"]
    assert found["tags"].items() >= {
        "made-by": "mct-s2s", "client": "Reports", "appId": client["appId"], "tenantId": azure.tenant_id,
        "url": azure.site_url, "authorityHost": azure.origin,
        "keyId": credential["keyId"], "credential": credential["name"],
    }.items()  # fmt: skip
    expires = first.made[0]["expires"]
    assert datetime.fromisoformat(expires).timestamp() == found["attributes"]["exp"]
    token = azure.token(found["tags"]["scope"], found["tags"]["appId"], found["value"]).json()["access_token"]
    assert azure.call_site(token) == 200
    assert found["value"] not in first.out + first.err
    assert azure.leaks() == []
    azure.forget()
    again = mct(*SETUP)
    is_whole(mct, again, azure, name)
    assert [write for write in azure.writes() if not write.startswith("POST /_")] == []


def test_the_name_and_the_address_can_be_given(azure: Sandbox, mct: Program) -> None:
    port = azure.origin.rsplit(":", 1)[1]
    place = f"keyvault:https://{seed.VAULT}.vault.localhost:{port}/Reports-Key"
    ended = mct("setup", "--client", "Reports", "--secret-to", place, "-y", "-o", "json")
    assert ended.made[0]["savedTo"] == f"keyvault:{seed.VAULT}/Reports-Key"
    is_whole(mct, ended, azure, "Reports-Key")


def test_a_vault_that_is_closed_to_us_is_told_before_anything_is_made(azure: Sandbox, mct: Program) -> None:
    ended = mct("setup", "--client", "Reports", "--secret-to", "keyvault:contosolearn-kv", "-y", "-o", "json")
    error = ended.document["error"]
    assert (ended.code, error["code"]) == (4, "permission-missing")
    assert "--role 'Key Vault Secrets Officer' --assignee-object-id " in error["remedy"]
    assert azure.writes() == []


def test_who_may_read_and_not_write_is_told_before_anything_is_made(azure: Sandbox, mct: Program) -> None:
    may = ["Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "Organization.Read.All"]
    roles = [{"role": "Owner"}, {"role": SECRETS_USER, "scope": VAULT_ID}]
    made = azure._control("POST", "/callers", json={"name": "reader", "graphRoles": may, "armRoles": roles}).json()
    who = {"AZURE_CLIENT_ID": made["clientId"], "AZURE_CLIENT_SECRET": made["clientSecret"]}
    ended = mct(*SETUP, env=who)
    assert (ended.code, ended.document["error"]["code"]) == (4, "permission-missing")
    assert made["principalId"] in ended.document["error"]["remedy"]
    assert {row["status"] for row in azure.log() if row["method"] in {"PUT", "PATCH"}} == {403}
    assert azure.applications("Reports") == []


def test_a_foreign_secret_of_that_name_is_never_written_over(azure: Sandbox, mct: Program) -> None:
    assert azure.vault("PUT", "/secrets/theirs", json={"value": "their value"}).status_code == 200
    place = ("--secret-to", f"keyvault:{seed.VAULT}/theirs")
    ended = mct("setup", "--client", "Reports", *place, "-y", "-o", "json")
    assert (ended.code, ended.document["error"]["code"]) == (2, "secret-place-taken")
    assert held(azure, "theirs")["value"] == "their value"
    assert azure.applications("Reports") == []
    azure.vault("DELETE", "/secrets/theirs")
    ended = mct("setup", "--client", "Reports", *place, "-y", "-o", "json")
    assert (ended.code, ended.document["error"]["code"]) == (2, "secret-place-deleted")
    assert f"purge --vault-name {seed.VAULT} --name theirs" in ended.document["error"]["remedy"]
    assert azure.vault("GET", "/deletedsecrets/theirs").status_code == 200


def test_our_own_secret_comes_back_when_it_was_deleted(azure: Sandbox, mct: Program) -> None:
    name = saved(mct(*SETUP))
    lost = held(azure, name)["value"]
    azure.vault("DELETE", f"/secrets/{name}")
    _without_passwords(azure)
    again = mct(*SETUP)
    is_whole(mct, again, azure, name)
    assert held(azure, name)["value"] != lost


def _without_passwords(azure: Sandbox) -> None:
    """As an administrator does in the portal: the client's secrets are gone, the vault knows nothing of it."""
    (application,) = azure.applications("Reports")
    for one in application["passwordCredentials"]:
        azure.graph("POST", f"/applications/{application['id']}/removePassword", json={"keyId": one["keyId"]})


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_a_reader_never_misses_the_secret_while_it_is_replaced(writes: int, azure: Sandbox, mct: Program) -> None:
    """Cut off anywhere on the way to the next version, the version of before is still what everybody reads."""
    name = saved(mct(*SETUP))
    azure.advance(3600.0)  # a secret that arrived minutes ago is trusted, though no replica shows it
    tags = {**held(azure, name)["tags"], "team": "data"}
    assert azure.vault("PATCH", f"/secrets/{name}", json={"tags": tags}).status_code == 200
    before = held(azure, name)
    _without_passwords(azure)
    azure.misbehave({"match": {}, "fault": {"type": "freezeAfterWrites", "writes": writes, "then": "hang"}})
    assert mct(*SETUP, "--timeout", "60").document["error"]["code"] == "deadline-passed"
    azure.behave()
    meanwhile = held(azure, name)
    assert meanwhile["value"] == before["value"] or "pending" not in meanwhile["tags"]
    ended = mct(*SETUP)
    is_whole(mct, ended, azure, name)
    after = held(azure, name)
    assert after["value"] != before["value"]
    assert after["tags"]["team"] == "data", "somebody else's tag stays with the secret"
    old = azure.vault("GET", f"/secrets/{name}/{before['id'].rpartition('/')[2]}").json()
    assert (old["value"], old["attributes"]["enabled"]) == (before["value"], True)


def test_a_service_application_made_anew_is_told_to_whoever_reads_the_vault(azure: Sandbox, mct: Program) -> None:
    first = mct(*SETUP)
    name, service = saved(first), mct("status", "-o", "json").document["serviceApplication"]["objectId"]
    before = held(azure, name)
    azure.graph("DELETE", f"/applications/{service}")
    azure.graph("DELETE", f"/directory/deletedItems/{service}")
    again = mct(*SETUP, "--no-verify")
    assert (again.code, held(azure, name)) == (0, before), again.document
    uri = mct("status", "-o", "json").document["serviceApplication"]["applicationIdUri"]
    (note,) = [note["text"] for note in mct(*SETUP, "--no-verify").document["notes"] if "scope" in note["text"]]
    assert note.startswith(f"The tag 'scope' in keyvault:{seed.VAULT}/{name} is ")
    assert note.endswith(f"Set it to {uri}/.default.")
