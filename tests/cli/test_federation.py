"""Clients that sign in with another issuer's token: no secret anywhere, and no silent mistake."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential, WorkloadIdentityCredential

from tests.cli.conftest import Ended, Program
from tests.conftest import Json, Sandbox

GITHUB = "https://token.actions.githubusercontent.com"
EXCHANGE = "api://AzureADTokenExchange"
SUBJECT = "system:serviceaccount:integrations:sync"
FEDERATED = ("--credential", "federated", "-y", "-o", "json")


def issuer(azure: Sandbox) -> str:
    """The sandbox's own foreign issuer."""
    return f"{azure.origin}/_sandbox/issuer/cluster"


def cluster(azure: Sandbox, subject: str = SUBJECT) -> tuple[str, ...]:
    return (*FEDERATED, "--federated-issuer", issuer(azure), "--federated-subject", subject)


def foreign_token(azure: Sandbox, subject: str = SUBJECT, audience: str = EXCHANGE) -> str:
    sent = {"subject": subject, "audience": audience}
    token: str = azure._control("POST", "/issuer/cluster/token", json=sent).json()["token"]
    return token


def federated(azure: Sandbox, name: str) -> list[Json]:
    (application,) = azure.applications(name)
    found: list[Json] = azure.graph("GET", f"/applications/{application['id']}/federatedIdentityCredentials")["value"]
    return found


def scope_of(done: Ended) -> str:
    return f"{done.document['connection']['scope']}"


def test_a_foreign_token_calls_the_api(
    mct: Program, azure: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = ("setup", "--client", "Import", *cluster(azure))
    done = mct(*setup)
    assert done.code == 0, done.err
    (credential,) = done.made
    wanted = {"client": "Import", "kind": "federated", "expires": None, "savedTo": None, "created": True}
    assert {**credential, "appId": None} == {**wanted, "appId": None}
    (client,) = mct("status", "-o", "json").document["clients"]
    assert [(c["kind"], c["expires"]) for c in client["credentials"]] == [("federated", None)]
    assert mct("status", "-o", "json").document["healthy"] is True
    assert list(tmp_path.rglob("*.env")) == []
    (made,) = federated(azure, "Import")
    assert (made["issuer"], made["subject"], made["audiences"]) == (issuer(azure), SUBJECT, [EXCHANGE])
    assert azure.applications("Import")[0]["passwordCredentials"] == []

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", azure.ca_file)
    options: dict[str, Any] = {"authority": azure.origin, "disable_instance_discovery": True}
    file, who = tmp_path / "token", (azure.tenant_id, credential["appId"])
    file.write_text(foreign_token(azure))
    with (
        warnings.catch_warnings(),
        ClientAssertionCredential(*who, lambda: foreign_token(azure), **options) as assertion,
        ClientAssertionCredential(*who, lambda: foreign_token(azure, "somebody else"), **options) as mistaken,
        WorkloadIdentityCredential(
            tenant_id=who[0], client_id=who[1], token_file_path=str(file), **options
        ) as workload,
    ):
        warnings.simplefilter("ignore", ResourceWarning)
        assert azure.call_site(assertion.get_token(scope_of(done)).token) == 200
        assert azure.call_site(workload.get_token(scope_of(done)).token) == 200
        with pytest.raises(ClientAuthenticationError, match="AADSTS700213"):
            mistaken.get_token(scope_of(done))

    azure.forget()
    again = mct(*setup)
    assert (again.code, {change["action"] for change in again.document["changes"]}) == (0, {"none"})
    assert (mct("status").code, azure.writes()) == (0, [])


def test_github_fills_issuer_and_subject(mct: Program, azure: Sandbox) -> None:
    done = mct("setup", "--client", "A", "--client", "B", "--github", "contoso/Learn", *FEDERATED)
    assert done.code == 0, done.err
    for name in ("A", "B"):
        (made,) = federated(azure, name)
        assert (made["issuer"], made["subject"]) == (GITHUB, "repo:contoso/Learn:ref:refs/heads/main")
    more = mct("add-client", "A", "--github", "contoso/Learn:release/1.0", *FEDERATED)
    assert more.code == 0
    first, second = federated(azure, "A")
    assert (first["subject"], second["subject"]) == (
        "repo:contoso/Learn:ref:refs/heads/main",
        "repo:contoso/Learn:ref:refs/heads/release/1.0",
    )
    azure.forget()
    assert mct("add-client", "A", "--github", "contoso/Learn", *FEDERATED).code == 0
    assert azure.writes() == []


def test_our_own_gets_another_audience(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "Import", *cluster(azure), "--federated-audience", "api://wrong").code == 0
    done = mct("setup", "--client", "Import", *cluster(azure))
    assert [c["action"] for c in done.document["changes"] if c["resource"] == "federated credential"] == ["update"]
    (made,) = federated(azure, "Import")
    assert made["audiences"] == [EXCHANGE]


def test_duplicates_that_are_none_add_one(mct: Program, azure: Sandbox) -> None:
    message = "Request contains a property with duplicate values."
    fault = {"type": "status", "status": 400, "code": "Request_BadRequest", "message": message}
    match = {"service": "Graph", "path": "*federatedIdentityCredentials*", "method": "PATCH"}
    azure.misbehave({"match": match, "times": 2, "fault": fault})
    assert mct("setup", "--client", "Import", *cluster(azure)).code == 0
    assert len(federated(azure, "Import")) == 1


def test_one_that_a_person_made_at_the_same_moment_is_taken(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "Import", "--credential", "none", "-y").code == 0
    (application,) = azure.applications("Import")
    path = f"/applications/{application['id']}/federatedIdentityCredentials"
    azure.lag(30)
    by_hand = {"name": "by-hand", "issuer": issuer(azure), "subject": SUBJECT, "audiences": [EXCHANGE]}
    azure.graph("POST", path, json=by_hand)
    done = mct("setup", "--client", "Import", *cluster(azure), "--timeout", "60")
    azure.lag(0)
    assert [made["name"] for made in federated(azure, "Import")] == ["by-hand"], done.document


def pod(azure: Sandbox, folder: Path, token: str) -> tuple[str, ...]:
    """`verify` as the client itself, by the token that its platform keeps in a file."""
    (application,) = azure.applications("Import")
    (folder / "token").write_text(token)
    variables = {
        "AZURE_TENANT_ID": azure.tenant_id,
        "AZURE_CLIENT_ID": application["appId"],
        "AZURE_AUTHORITY_HOST": azure.origin,
        "AZURE_FEDERATED_TOKEN_FILE": str(folder / "token"),
    }
    file = folder / "pod.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    file.chmod(0o600)
    return ("verify", "--client", "Import", "--credentials", str(file), "-o", "json")


def test_entra_that_does_not_know_a_new_one_yet_is_waited_for(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    """401 AADSTS70025 for about two minutes after the first federated credential of a client was made."""
    assert mct("setup", "--client", "Import", *cluster(azure)).code == 0
    (made,) = federated(azure, "Import")
    path = f"/applications/{azure.applications('Import')[0]['id']}/federatedIdentityCredentials"
    azure.graph("DELETE", f"{path}/{made['id']}")
    azure.lag(40)
    azure.graph("POST", path, json={name: made[name] for name in ("name", "issuer", "subject", "audiences")})
    done = mct(*pod(azure, tmp_path, foreign_token(azure)))
    refused = [row for row in azure.log("entra") if row["status"] == 401]
    assert (done.code, done.document["proved"]) == (0, True)
    assert refused
    assert done.seconds > 10
