"""Key Vault and the token service."""

import uuid

from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import SECRET
from tests.sandbox.traffic.story import VAULT, Story


def _week(story: Story) -> None:
    """Let the vault keep what is deleted for seven days, as the recorded ones did."""
    body = story.state.resources.vault_named(VAULT)
    assert body is not None
    body["properties"]["softDeleteRetentionInDays"] = 7
    story.names |= {"name": "s-one", "missing": "no-such-secret"}


def secrets(story: Story) -> None:
    """az keyvault secret, of 2026: the challenge, then a secret with tags."""
    _week(story)
    for number in range(1, 5):
        story.send(f"key-vault-secrets/0{number}")
    story.send("errors/vault-02")


def older_secrets(story: Story) -> None:
    """The same by api-version 7.0, of 2022: pages, and a second version."""
    _week(story)
    for name in ("name1", "name2"):
        sent = {"value": "v", "tags": {"file-encoding": "utf-8"}}
        story.ask("vault", "PUT", f"/secrets/{name}", query={"api-version": "7.0"}, body=sent)
    story.names |= {"name1": "name1", "name2": "name2", "vault with port": story.names["vault"]}
    story.send("key-vault-secrets/05")
    story.send("key-vault-secrets/06")
    story.send("key-vault-secrets/07")


def older_vault(story: Story) -> None:
    """An api-version that the vaults of a cloud have not."""
    story.client.vary(api_versions={"KeyVault": ["2016-10-01"]})
    story.names["name"] = "s-one"
    story.send("errors/vault-01")


def deleted_secrets(story: Story) -> None:
    """A deletion that takes 40 seconds, of 2022."""
    _week(story)
    story.state.resources.operation_seconds = 40
    sent = {"value": "v", "tags": {"file-encoding": "utf-8"}}
    story.ask("vault", "PUT", "/secrets/s-one", query={"api-version": "7.0"}, body=sent)
    story.send("key-vault-secrets/08a")
    story.send("key-vault-secrets/08")
    story.advance(11)
    story.send("key-vault-secrets/09")
    story.send("errors/vault-03", deleted="s-one")
    story.advance(30)
    story.send("key-vault-secrets/10")


def refused_by_vault(story: Story) -> None:
    """A caller without the data action."""
    _week(story)
    story.names |= {"secret": "s-one", "rg": "integrations", "vault name": VAULT}
    story.caller("vault")
    story.send("errors/vault-04")


def token_refusals(story: Story) -> None:
    """Secrets that are wrong or expired, applications that are unknown, APIs that demand a role."""
    form = {
        "grant_type": "client_credentials",
        "client_id": seed.ADMINISTRATOR_ID,
        "client_secret": SECRET,
    }
    form["scope"] = f"{story.names['graph']}/.default"
    story.names["appId"] = seed.ADMINISTRATOR_ID
    story.send("errors/login-01", body={**form, "client_secret": "wrong"})
    story.send("errors/login-06", body={**form, "client_secret": "wrong"})
    unknown = str(uuid.uuid4())
    story.names["tenant name"] = story.state.directory.tenant.display_name
    story.send("errors/login-03", body={**form, "client_id": unknown}, appId=unknown)
    story.application("client")
    client = story.names["appId"]
    story.principal()
    path = f"/applications/{story.names['appObjectId']}/addPassword"
    secret = story.graph("POST", path, {"passwordCredential": {"displayName": "s"}})["secretText"]
    story.application("service")
    uri = f"api://{story.names['appId']}"
    story.graph("PATCH", f"/applications/{story.names['appObjectId']}", {"identifierUris": [uri]})
    required = {"appRoleAssignmentRequired": True}
    story.graph("PATCH", f"/servicePrincipals/{story.principal()}", required)
    story.names |= {"clientAppId": client, "client name": "client", "resource name": "service"}
    mine = {**form, "client_id": client, "client_secret": secret}
    sent = {**mine, "scope": f"{story.names['appId']}/.default"}
    story.send("errors/login-04", body=sent, resourceAppId=story.names["appId"])
    story.advance(3 * 366 * 86_400)
    story.send("errors/login-02", body=mine, appId=client)


STORIES = (secrets, older_secrets, older_vault, deleted_secrets, refused_by_vault, token_refusals)
