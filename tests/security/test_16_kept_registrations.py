"""A registration that is kept loses its access to the MCT API, and nothing that it signs in with elsewhere.

Without it `remove-client` cuts a program off from every other API that the same registration calls.
"""

from typing import Any

import pytest

from tests.cli.conftest import Program, saved_to, values_in
from tests.conftest import JSON, Sandbox

SETUP = ("setup", "--client", "One", *JSON)
GRAPH = {
    "resourceAppId": "00000003-0000-0000-c000-000000000000",
    "resourceAccess": [{"id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "type": "Scope"}],
}


def _one(azure: Sandbox) -> dict[str, Any]:
    (one,) = azure.applications("One")
    return one


@pytest.mark.parametrize("why", ["serves others", "asked for"])
@pytest.mark.parametrize("words", [("remove-client", "One"), ("teardown",)])
def test_what_is_kept_keeps_what_it_signs_in_with(
    mct: Program, azure: Sandbox, why: str, words: tuple[str, ...]
) -> None:
    made = mct(*SETUP)
    values, one = values_in(saved_to(made)), _one(azure)
    federated = {"name": "build", "issuer": "https://ci.example", "subject": "job", "audiences": ["api://x"]}
    azure.graph("POST", f"/applications/{one['id']}/federatedIdentityCredentials", json=federated)
    if why == "serves others":
        wanted = [*one["requiredResourceAccess"], GRAPH]
        azure.graph("PATCH", f"/applications/{one['id']}", json={"requiredResourceAccess": wanted})
    done = mct(*words, *(("--keep-registration",) if why == "asked for" else ()), *JSON)
    assert done.code == 0, done
    left = _one(azure)
    assert left["passwordCredentials"] == one["passwordCredentials"]
    assert left["requiredResourceAccess"] == ([GRAPH] if why == "serves others" else [])
    assert azure.token_of(values, f"{azure.graph_url}/.default").is_success
    assert azure.graph("GET", f"/servicePrincipals(appId='{one['appId']}')/appRoleAssignments")["value"] == []
    row = next(c for c in done.document["changes"] if c["resource"] == "client application")
    name = one["passwordCredentials"][0]["displayName"]
    assert row["detail"].endswith(f"; it keeps its secret '{name}', federated 'build'")
    path = saved_to(made)
    assert path.exists(), "its secret is still good, so is the file"
