"""Whoever has done nothing but `az login`: their tokens, their default subscription, and what they are told if not."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.conftest import SITE, Json, Sandbox
from tests.support.person import tokens_of

OTHER = "11111111-2222-3333-4444-555555555555"

# `az account get-access-token` as azure-identity calls it; what it is asked is written down.
AZ = """#!{python} -I
import json, pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "asked").open("a") as asked:
    print(*sys.argv[1:], file=asked)
answers = json.loads((here / "answers").read_text())
if isinstance(answers, str):
    sys.exit(answers)
(resource,) = [each for each in answers if each in sys.argv[1:] or f"{{each}}/.default" in sys.argv[1:]]
print(json.dumps({{"accessToken": answers[resource], "expires_on": {expires}, "tokenType": "Bearer"}}))
"""


class AzureCli:
    """An `az` on PATH, with a profile. It has tokens of the sandbox's administrator, or says what it is told to."""

    def __init__(self, folder: Path, azure: Sandbox) -> None:
        self._folder = folder
        folder.mkdir()
        az = folder / "az"
        az.write_text(AZ.format(python=sys.executable, expires=int(time.time()) + 3600))
        az.chmod(0o755)
        tokens = {
            each: azure.token(f"{each}/.default").json()["access_token"] for each in (azure.origin, azure.graph_url)
        }
        self.answers(tokens)
        self.profile(azure.tenant_id, {OTHER: False, azure.subscription_id: True})
        # As `az cloud register` and `az cloud set` write them.
        (folder / "clouds.config").write_text(f"[Sandbox]\nendpoint_active_directory = {azure.origin}\n")
        (folder / "config").write_text("[cloud]\nname = Sandbox\n")
        names = ("CLIENT_ID", "CLIENT_SECRET", "TENANT_ID", "SUBSCRIPTION_ID")
        self.env = {
            **{f"AZURE_{name}": "" for name in names},
            "MCT_S2S_RESOURCE_GROUP": "",
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "AZURE_CONFIG_DIR": str(folder),
        }

    def answers(self, answers: dict[str, str] | str) -> None:
        (self._folder / "answers").write_text(json.dumps(answers))

    def profile(
        self, tenant_id: str, subscriptions: dict[str, bool], cloud: str = "Sandbox", user: Json | None = None
    ) -> None:
        shared = {"tenantId": tenant_id, "state": "Enabled", "environmentName": cloud, "user": user}
        rows = [
            {"id": each, "name": each[:8], "isDefault": default, **shared} for each, default in subscriptions.items()
        ]
        content = json.dumps({"installationId": "x", "subscriptions": rows})
        (self._folder / "azureProfile.json").write_text(content, encoding="utf-8-sig")  # as az writes it

    def asked(self) -> list[str]:
        file = self._folder / "asked"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def az(azure: Sandbox, tmp_path: Path) -> AzureCli:
    return AzureCli(tmp_path / "cli", azure)


def test_the_cli_signs_in_and_its_default_subscription_is_used(mct: Program, azure: Sandbox, az: AzureCli) -> None:
    done = mct("setup", "--client", "S2S-client", "--auth", "cli", "-y", "-o", "json", env=az.env)
    assert done.code == 0, done.err
    assert azure.restarts() == 1
    tenants = [line for line in az.asked() if f"--tenant {azure.tenant_id}" in line]
    assert len(tenants) == len(az.asked()) == 2, "one token for each service, each in the subscription's tenant"


@pytest.mark.parametrize(
    ("user", "told"),
    [
        (None, True),
        ({"name": OTHER, "type": "servicePrincipal"}, True),
        ({"name": "a", "type": "user"}, True),
        ({"assignedIdentityInfo": "MSI", "name": "systemAssignedIdentity", "type": "servicePrincipal"}, False),
        ({"assignedIdentityInfo": "MSIClient-1", "name": "userAssignedIdentity", "type": "servicePrincipal"}, False),
        ({"name": "systemAssignedIdentity", "type": "servicePrincipal"}, False),  # before the info was kept
        ({"cloudShellID": True, "name": "ada@contoso.com", "type": "user"}, False),
    ],
)
def test_az_is_told_no_tenant_where_it_has_only_one(
    mct: Program, azure: Sandbox, az: AzureCli, user: Json | None, told: bool
) -> None:
    """Older ones refuse even their own: "Tenant shouldn't be specified for managed identity account"."""
    az.profile(azure.tenant_id, {OTHER: False, azure.subscription_id: True}, user=user)
    named = () if told else ("--tenant", azure.tenant_id)
    assert mct("status", "--auth", "cli", *named, env=az.env).code == 3
    assert [f"--tenant {azure.tenant_id}" in line for line in az.asked()] == [told, told]


def test_auto_finds_the_cli_and_says_so_unless_the_environment_names_somebody(mct: Program, az: AzureCli) -> None:
    found = mct("status", env=az.env)
    assert found.code == 3
    assert "Signing in with Azure CLI" in found.err
    before = len(az.asked())
    named = mct("status", env={"PATH": az.env["PATH"], "AZURE_CONFIG_DIR": az.env["AZURE_CONFIG_DIR"]})
    assert "Signing in with service principal" in named.err
    assert len(az.asked()) == before


def test_a_subscription_may_be_named_as_the_cli_names_it(mct: Program, azure: Sandbox, az: AzureCli) -> None:
    az.profile(azure.tenant_id, {OTHER: True, azure.subscription_id: False})
    assert mct("status", "--auth", "cli", env=az.env).code == 2, "the default is a subscription that is not there"
    named = mct("status", "--auth", "cli", "-s", azure.subscription_id[:8].upper(), "-o", "json", env=az.env)
    assert named.document["appService"]["id"].split("/")[2] == azure.subscription_id


def test_a_default_of_another_cloud_is_not_taken(mct: Program, azure: Sandbox, az: AzureCli) -> None:
    az.profile(azure.tenant_id, {OTHER: True}, cloud="AzureCloud")
    assert mct("status", "--auth", "cli", "--tenant", azure.tenant_id, env=az.env).code == 3, "the only one there is"


def test_a_role_given_after_the_sign_in_is_told_with_the_commands_that_bring_it(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    """`az` hands out the token that it has for an hour and more: the same command would fail again and again."""
    assert mct("setup", "-a", SITE, "--client", "Old", "-y").code == 0
    address = azure.person("casey", arm=[("Website Contributor", SITE)])
    az.answers(tokens_of(azure, address))
    az.profile(azure.tenant_id, {azure.subscription_id: True}, user={"name": address, "type": "user"})
    login = f"az logout; az login --tenant {azure.tenant_id}"
    add = ("add-client", "A", "-a", SITE, "--auth", "cli", "-y", "-o", "json")
    left = mct(*add, env=az.env)
    assert (left.code, left.document["manualSteps"][-1]["command"]) == (4, login), left
    assert login in mct("doctor", "-a", SITE, "--auth", "cli", env=az.env).out
    azure.give_directory_role(address, "Cloud Application Administrator")
    refused = mct(*add, env=az.env)
    error = refused.document["error"]
    assert (refused.code, error["code"], error["missing"]) == (4, "permission-missing", [])
    assert "Ask" not in error["remedy"], "they have it"
    assert error["remedy"].endswith(login)
    az.answers(tokens_of(azure, address))
    assert mct(*add, env=az.env).code == 0, "after the new sign-in"
