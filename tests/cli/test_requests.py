"""Every request that the commands send is on docs/permissions.md, with what it takes, and none
besides.
"""

from pathlib import Path

import pytest
from mct_s2s.sandbox.services.arm import arm
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program, alone, signed_in
from tests.cli.test_least_rights import EVERYTHING, WHERE
from tests.conftest import FUNCTION_APP, GROUP, MACHINE, Json, Sandbox
from tests.support.least_caller import ON_THE_SITE, OPERATOR, PIPELINE
from tests.support.requests_of_page import SERVICES, rows_of_page, shape


def action_of(row: Json) -> str:
    """The action that the sandbox demands for a request to Resource Manager, without the resource's
    type.
    """
    method, path = row["method"], row["path"]
    fitting = (
        operation.action
        for operation in arm.OPERATIONS
        if operation.method == method and operation.pattern.fullmatch(path)
    )
    return next(fitting, "").replace(
        "{type}", "Microsoft.Web/sites" if "Microsoft.Web/sites" in path else "…"
    )


ELSEWHERE = {
    ("entra", "GET /{tenant}/v2.0/.well-known/openid-configuration"),
    ("entra", "POST /{tenant}/oauth2/v2.0/devicecode"),
    ("graph", "GET /me/transitiveMemberOf"),
    ("graph", "GET /servicePrincipals/{id}/transitiveMemberOf"),
    ("graph", "DELETE /applications/{id}/federatedIdentityCredentials/{id}"),
    ("graph", "POST /servicePrincipals/{id}/removePassword"),
    ("graph", "PATCH /servicePrincipals/{id}"),
    ("graph", "GET /directory/deletedItems/{id}"),
}
"""Sent for the tests of a device code, which takes real time, of tenants that differ, where nothing
else tells the rights sooner, and of what a restored registration has from others.
"""


def _delete_secrets(azure: Sandbox) -> None:
    for secret in azure.vault("GET", "/secrets").json()["value"]:
        name = secret["id"].rpartition("/")[2]
        azure.vault("DELETE", f"/secrets/{name}")


@pytest.fixture
def sent(
    mct: Program, azure: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Json]:
    """The requests of every command, as an administrator, a pipeline and a member."""
    rights = [*ON_THE_SITE, ("Virtual Machine Contributor", MACHINE), *OPERATOR]
    pipeline = alone(mct, azure, *PIPELINE, arm=rights)
    member = signed_in(
        mct, azure, monkeypatch, arm=rights, directoryRoles=["Application Developer"]
    )
    monkeypatch.chdir(tmp_path)  # where `apply` looks for its file
    (tmp_path / "trust.toml").write_text(
        '[sites.contosolearn]\nresource-group = "mct-prod"\nclients = [{ name = "A" }]\n'
        f'managed-identities = [{{ resource = "{FUNCTION_APP}" }}, {{ resource = "reports-func" '
        f"}}]\n",
        encoding="utf-8",
    )
    secret = ("--secret-to", f"keyvault:{seed.VAULT}")
    identity = ("add-client", "--managed-identity", MACHINE, *WHERE, "-y")
    runs = [
        *(
            (pipeline, words)
            for words in (EVERYTHING[1], ("status", "-a", "contosolearn"), identity)
        ),
        (mct, ("teardown", *WHERE, "--purge", "-y")),
        *((member, words) for words in (EVERYTHING[0], ("setup", "--client", "P", *WHERE, "-y"))),
        (mct, ("teardown", *WHERE, "--purge", "-y")),
        *((mct, words) for words in EVERYTHING[:11]),
        *((mct, words) for words in (identity,)),
        (mct, ("add-client", "C", "--credential", "certificate", *WHERE, "-y")),
        (mct, ("add-client", "D", "--github", "contoso/deploy", *WHERE, "-y")),
        (mct, ("add-client", "E", *secret, *WHERE, "-y")),
        (mct, ("rotate-secret", "E", *WHERE, "-y")),
        (mct, ("remove-client", "E", "--purge", *WHERE, "-y")),
        (mct, ("add-client", "E", *secret, *WHERE, "-y")),
        (mct, ("teardown", *WHERE, "-y")),
        (mct, EVERYTHING[1]),
    ]
    requests: list[Json] = []

    def send(program: Program, words: tuple[str, ...]) -> None:
        if words[:2] == ("add-client", "E"):
            _delete_secrets(azure)  # the next one recovers its own
        azure.forget()
        program(*words)
        requests.extend(row for row in azure.log() if row["service"] in SERVICES.values())

    for program, words in runs:
        send(program, words)
    portal = f"{GROUP}/Microsoft.Web/staticSites/portal"
    body = {"location": "West Europe", "sku": {"name": "Standard"}, "properties": {}}
    azure.arm("PUT", portal, version="2023-12-01", json=body)
    send(mct, ("add-client", "--managed-identity", portal, *WHERE, "-y"))
    more = (word for number in range(18) for word in ("--client", f"Client {number}"))
    send(mct, ("setup", *more, "--no-verify", *WHERE, "-y"))
    rule = {"restrictionType": "passwordLifetime", "maxLifetime": "P90D", "state": "enabled"}
    azure.restrict("passwordCredentials", rule)
    send(mct, ("rotate-secret", "A", *WHERE, "-y"))
    azure.vary(settings_accept_202=True)
    send(mct, ("configure-appservice", "--disable", *WHERE, "-y"))
    return requests


@pytest.mark.as_administrator("some requests are sent only for who may do more than a pipeline")
def test_every_request_is_on_the_page_and_takes_what_it_says(sent: list[Json]) -> None:
    page = rows_of_page()
    asked = {(row["service"], shape(row)): row for row in sent}
    assert sorted(set(asked) - set(page)) == [], "missing on the page"
    assert sorted(set(page) - set(asked) - ELSEWHERE) == [], "sent by no command"
    actions = {key: action_of(row) or "none" for key, row in asked.items() if key[0] == "arm"}
    del actions[
        "arm",
        "GET /subscriptions/{id}/providers/{namespace}/locations/{place}/operationStatuses/{id}",
    ]
    wrong = {key: action for key, action in actions.items() if action not in page[key]}
    assert wrong == {}, "another action is demanded"
