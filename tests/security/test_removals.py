"""What a removal takes: members of this trust only, all of it, and nothing of anybody else's.

Attacker: whoever may write tags to a registration, or list an identity. Without it, `teardown`
disables the managed identity of somebody else's resource, or deletes somebody else's registration;
`remove-client` cuts a program off from every other API that it calls; a secret stays in a vault
that nobody remembers; a slip of the pen ends green, and the client that was meant goes on calling.
"""

from typing import Any

import pytest
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program, saved_to, values_in
from tests.conftest import FUNCTION_APP, GROUP, JSON, Sandbox

PORTAL = f"{GROUP}/Microsoft.Web/sites/partner-portal"


@pytest.mark.parametrize("words", [("teardown",), ("remove-client", PORTAL)])
def test_no_tag_and_no_list_disables_an_identity(
    mct: Program, azure: Sandbox, words: tuple[str, ...]
) -> None:
    """Earlier builds tagged what they enabled; who owns the registration writes such tags, too."""
    assert mct("setup", "--client", "One", *JSON).code == 0
    foreign = azure.arm("PATCH", PORTAL, json={"identity": {"type": "SystemAssigned"}})["identity"][
        "principalId"
    ]
    (service,) = azure.applications("MCT service (contosolearn)")
    tags = [*service["tags"], f"mct-s2s:identity:{PORTAL}"]
    azure.graph("PATCH", f"/applications/{service['id']}", json={"tags": tags})
    azure.write_settings({**azure.settings(), "ServiceObjectIds": foreign})
    done = mct(*words, *JSON)
    assert done.code == 0, done
    assert azure.arm("GET", PORTAL)["identity"]["principalId"] == foreign
    assert foreign not in (azure.settings().get("ServiceObjectIds") or "")


def test_the_identity_of_another_resource_gets_no_access_by_its_name(
    mct: Program, azure: Sandbox
) -> None:
    """Its display name is that of its resource, which others choose."""
    azure.add_site(name="reports-func", group="rg-b", subscription=azure.subscription_id)
    twin = FUNCTION_APP.replace("/integrations/", "/rg-b/")
    assert twin != FUNCTION_APP
    theirs = azure.arm("PATCH", twin, json={"identity": {"type": "SystemAssigned"}})["identity"][
        "principalId"
    ]
    azure.forget()
    by_name = mct("setup", "--managed-identity", "reports-func", *JSON)
    assert (by_name.code, azure.writes()) == (2, []), by_name.out
    assert FUNCTION_APP in by_name.out
    by_id = mct("setup", "--managed-identity", FUNCTION_APP, *JSON)
    assert by_id.code == 0, by_id.out
    ours = azure.arm("GET", FUNCTION_APP)["identity"]["principalId"]
    assert azure.settings()["ServiceObjectIds"] == ours != theirs


@pytest.mark.as_administrator("it adopts what others own, which a pipeline may not change")
def test_a_registration_that_only_carries_the_tag_is_left_alone(
    mct: Program, azure: Sandbox
) -> None:
    for name, tags in (("Adopted", []), ("Tagged", ["mct-s2s:mct-s2s-contosolearn"])):
        azure.graph(
            "POST",
            "/applications",
            json={"displayName": name, "signInAudience": "AzureADMyOrg", "tags": tags},
        )
    mct("setup", "--client", "One", "--client", azure.applications("Adopted")[0]["appId"], *JSON)
    done = mct("teardown", "--delete-adopted", *JSON)
    assert done.code == 0, done
    assert [len(azure.applications(name)) for name in ("One", "Adopted", "Tagged")] == [0, 1, 1]
    changes = {change["name"]: change["detail"] for change in done.document["changes"]}
    assert "Tagged" not in changes
    assert changes["Adopted"].startswith("kept, with its admin consent: mct-s2s did not create it")
    kept = next(c for c in done.document["changes"] if c["resource"] == "service application")
    assert kept["detail"] == "kept: its app role is held by 'Adopted'"


BIN = {"service": "Graph", "method": "DELETE", "path": "/v1.0/directory/deletedItems/*"}
FAULTS: list[dict[str, object]] = [
    {"type": "lostAnswer"},
    {"type": "status", "status": 504, "when": "after"},
    {"type": "reset"},
    {"type": "status", "status": 429, "retryAfter": 2},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["type"])
def test_a_purge_that_was_done_or_lost_is_repeated_once(
    mct: Program, azure: Sandbox, fault: dict[str, object]
) -> None:
    assert mct("setup", "--client", "S2S-client", "-y").code == 0
    azure.misbehave({"match": BIN, "fault": fault, "times": 1})
    done = mct("remove-client", "S2S-client", "--purge", "-y", "-o", "json")
    assert (done.code, done.seconds < 5) == (0, True), done.err
    assert (
        sum(row["method"] == "DELETE" and "deletedItems" in row["path"] for row in azure.log()) == 2
    )
    assert azure.graph("GET", "/directory/deletedItems/microsoft.graph.application")["value"] == []


ONE = ("setup", "--client", "One", *JSON)
GRAPH = {
    "resourceAppId": "00000003-0000-0000-c000-000000000000",
    "resourceAccess": [{"id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "type": "Scope"}],
}


def _one(azure: Sandbox) -> dict[str, Any]:
    (application,) = azure.applications("One")
    return application


@pytest.mark.parametrize("why", ["serves others", "asked for"])
@pytest.mark.parametrize("words", [("remove-client", "One"), ("teardown",)])
def test_a_registration_that_stays_keeps_its_credentials(
    mct: Program, azure: Sandbox, why: str, words: tuple[str, ...]
) -> None:
    setup = mct(*ONE)
    values = values_in(saved_to(setup))
    application = _one(azure)
    federated = {
        "name": "build",
        "issuer": "https://ci.example",
        "subject": "job",
        "audiences": ["api://x"],
    }
    azure.graph(
        "POST", f"/applications/{application['id']}/federatedIdentityCredentials", json=federated
    )
    if why == "serves others":
        wanted = [*application["requiredResourceAccess"], GRAPH]
        azure.graph(
            "PATCH", f"/applications/{application['id']}", json={"requiredResourceAccess": wanted}
        )
    done = mct(*words, *(("--keep-registration",) if why == "asked for" else ()), *JSON)
    assert done.code == 0, done
    kept = _one(azure)
    assert kept["passwordCredentials"] == application["passwordCredentials"]
    assert kept["requiredResourceAccess"] == ([GRAPH] if why == "serves others" else [])
    assert azure.token_of(values, f"{azure.graph_url}/.default").is_success
    assert (
        azure.graph(
            "GET", f"/servicePrincipals(appId='{application['appId']}')/appRoleAssignments"
        )["value"]
        == []
    )
    row = next(c for c in done.document["changes"] if c["resource"] == "client application")
    name = application["passwordCredentials"][0]["displayName"]
    assert row["detail"].endswith(f"; it keeps its secret '{name}', federated credential 'build'")
    path = saved_to(setup)
    assert path.exists(), "its secret is still good, so is the file"
    if why == "serves others":
        assert mct("teardown", "-y").code == 0
        assert _one(azure)["id"] == kept["id"], (
            "nor does it go where its service application is gone"
        )


PLACE = ("--secret-to", f"keyvault:{seed.VAULT}/portal-key")
REMOVALS = [("remove-client", "Portal"), ("teardown",)]


def _rows(ended: Ended, resource: str) -> list[dict[str, Any]]:
    return [change for change in ended.document["changes"] if change["resource"] == resource]


def _stored(azure: Sandbox) -> int:
    return azure.vault("GET", "/secrets/portal-key").status_code


@pytest.mark.parametrize("words", REMOVALS)
def test_a_removed_clients_secret_in_a_vault_stays_and_the_command_that_deletes_it_is_printed(
    mct: Program, azure: Sandbox, words: tuple[str, ...]
) -> None:
    mct("setup", "--client", "Portal", *PLACE, *JSON)
    state = azure.state()
    done = mct(*words, *JSON)
    assert _stored(azure) == 200
    azure.load(state)
    command = f"az keyvault secret delete --vault-name {seed.VAULT} --name portal-key"
    assert [note["command"] for note in done.document["notes"] if note["command"]] == [command]
    assert command in map(str.strip, mct(*words, "--dry-run").out.splitlines()), (
        "on a line of its own"
    )


def test_a_registration_that_stays_is_named_with_the_vault_of_its_secret(
    mct: Program, azure: Sandbox
) -> None:
    mct("setup", "--client", "Portal", *PLACE, *JSON)
    done = mct("remove-client", "Portal", "--keep-registration", *JSON)
    (row,) = _rows(done, "client application")
    assert row["detail"].endswith(f"; a tag of it names keyvault:{seed.VAULT}/portal-key")
    assert _stored(azure) == 200


NAMED = ("setup", "--client", "Reports import", "--managed-identity", "reports-func", *JSON)
NOBODY = ["Report import", "9f6f2c53-43a6-4a8c-a39d-6a9f2f1f7b10", "someone else"]


def test_removing_an_unknown_client_is_an_error_that_scripts_can_pass_over(
    mct: Program, azure: Sandbox
) -> None:
    mct(*NAMED)
    # Its tag is left over: no business of this
    azure.arm("PATCH", FUNCTION_APP, json={"identity": {"type": "None"}})
    azure.forget()
    before = azure.state()
    for name in NOBODY:
        refused, dry = (
            mct("remove-client", name, *JSON),
            mct("remove-client", name, "--dry-run", "-o", "json"),
        )
        for ended in (refused, dry):
            assert (ended.code, ended.document["error"]["code"]) == (2, "client-unknown")
        error = refused.document["error"]
        assert ("Did you mean 'Reports import'?" in error["remedy"]) == (name == NOBODY[0])
        assert (
            f"'{name}' is not a client of this App Service. The clients are: Reports import"
            in error["message"]
        )
        passed = mct("remove-client", name, "--ignore-missing", *JSON)
        assert (passed.code, passed.document["changes"]) == (0, [])
    assert (azure.writes(), azure.state()["resources"]) == ([], before["resources"])


def test_remove_client_before_any_setup_says_that_there_are_none(
    mct: Program, azure: Sandbox
) -> None:
    ended = mct("remove-client", "One", *JSON)
    assert (ended.code, ended.document["error"]["code"], azure.writes()) == (
        2,
        "client-unknown",
        [],
    )
    assert "There are none." in ended.document["error"]["message"]
    assert mct("teardown", *JSON).code == 0


def test_a_deleted_registration_of_somebody_else_is_not_taken_for_a_client(
    mct: Program, azure: Sandbox
) -> None:
    mct(*NAMED)
    theirs = azure.graph(
        "POST", "/applications", json={"displayName": "Theirs", "signInAudience": "AzureADMyOrg"}
    )
    azure.graph("DELETE", f"/applications/{theirs['id']}")
    azure.forget()
    ended = mct("remove-client", theirs["appId"], "--purge", *JSON)
    assert (ended.code, ended.document["error"]["code"], azure.writes()) == (
        2,
        "client-unknown",
        [],
    )
