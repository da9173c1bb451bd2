"""Clients that sign in with another issuer's token: no secret anywhere, and no silent mistake."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential, WorkloadIdentityCredential

from tests.cli.conftest import Program
from tests.conftest import Json, Sandbox

EXCHANGE = "api://AzureADTokenExchange"
SUBJECT = "system:serviceaccount:integrations:sync"
FEDERATED = ("--credential", "federated", "-y", "-o", "json")


def issuer(azure: Sandbox) -> str:
    """The sandbox's own foreign issuer."""
    return f"{azure.origin}/_sandbox/issuer/cluster"


def cluster(azure: Sandbox, subject: str = SUBJECT) -> tuple[str, ...]:
    return (*FEDERATED, "--federated-issuer", issuer(azure), "--federated-subject", subject)


def path(azure: Sandbox, name: str = "Import") -> str:
    (application,) = azure.applications(name)
    return f"/applications/{application['id']}/federatedIdentityCredentials"


def federated(azure: Sandbox, name: str = "Import") -> list[Json]:
    return list(azure.graph("GET", path(azure, name))["value"])


def test_a_foreign_token_calls_the_api(
    mct: Program, azure: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = ("setup", "--client", "Import", *cluster(azure))
    done = mct(*setup)
    assert done.code == 0, done.err
    (credential,) = done.made
    wanted = {"client": "Import", "kind": "federated", "expires": None, "savedTo": None, "created": True}
    assert {**credential, "appId": None} == {**wanted, "appId": None}
    status = mct("status", "-o", "json").document
    (client,) = status["clients"]
    assert [(c["kind"], c["expires"]) for c in client["credentials"]] == [("federated", None)]
    assert status["healthy"] is True
    assert list(tmp_path.rglob("*.env")) == []
    (made,) = federated(azure)
    assert (made["issuer"], made["subject"], made["audiences"]) == (issuer(azure), SUBJECT, [EXCHANGE])
    assert azure.applications("Import")[0]["passwordCredentials"] == []

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", azure.ca_file)
    options: dict[str, Any] = {"authority": azure.origin, "disable_instance_discovery": True}
    file, who = tmp_path / "token", (azure.tenant_id, credential["appId"])
    file.write_text(azure.issued(SUBJECT))
    scope = f"{done.document['connection']['scope']}"
    with (
        warnings.catch_warnings(),
        ClientAssertionCredential(*who, lambda: azure.issued(SUBJECT), **options) as assertion,
        ClientAssertionCredential(*who, lambda: azure.issued("somebody else"), **options) as mistaken,
        WorkloadIdentityCredential(
            tenant_id=who[0], client_id=who[1], token_file_path=str(file), **options
        ) as workload,
    ):
        warnings.simplefilter("ignore", ResourceWarning)
        assert azure.call_site(assertion.get_token(scope).token) == 200
        assert azure.call_site(workload.get_token(scope).token) == 200
        with pytest.raises(ClientAuthenticationError, match="AADSTS700213"):
            mistaken.get_token(scope)

    azure.forget()
    again = mct(*setup)
    assert (again.code, {change["action"] for change in again.document["changes"]}) == (0, {"none"})
    assert azure.writes() == []


def test_duplicates_that_are_none_add_one(mct: Program, azure: Sandbox) -> None:
    message = "Request contains a property with duplicate values."
    fault = {"type": "status", "status": 400, "code": "Request_BadRequest", "message": message}
    match = {"service": "Graph", "path": "*federatedIdentityCredentials*", "method": "PATCH"}
    azure.misbehave({"match": match, "times": 2, "fault": fault})
    assert mct("setup", "--client", "Import", *cluster(azure)).code == 0
    assert len(federated(azure)) == 1


def test_one_too_many_is_refused_with_a_way_on(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "Import", "--credential", "none", "-y").code == 0
    for number in range(20):
        other = {"name": f"other-{number}", "issuer": issuer(azure), "subject": f"{number}", "audiences": [EXCHANGE]}
        azure.graph("POST", path(azure), json=other)
    done = mct("setup", "--client", "Import", *cluster(azure))
    assert done.document["error"]["remedy"].startswith("Delete one that is no longer used")


def test_one_that_a_person_made_at_the_same_moment_is_taken(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "Import", "--credential", "none", "-y").code == 0
    azure.lag(30)
    by_hand = {"name": "by-hand", "issuer": issuer(azure), "subject": SUBJECT, "audiences": [EXCHANGE]}
    azure.graph("POST", path(azure), json=by_hand)
    done = mct("setup", "--client", "Import", *cluster(azure), "--timeout", "60")
    azure.lag(0)
    assert [made["name"] for made in federated(azure)] == ["by-hand"], done.document


@pytest.mark.parametrize("method", ["auto", "workload-identity"])
def test_a_foreign_token_signs_the_program_itself_in(mct: Program, azure: Sandbox, tmp_path: Path, method: str) -> None:
    """The variables of azure-identity: a pipeline, or a pod, that has no secret."""
    assert mct("setup", "--client", "Import", *cluster(azure)).code == 0
    (tmp_path / "token").write_text(azure.issued(SUBJECT))
    env = {
        "AZURE_CLIENT_ID": azure.applications("Import")[0]["appId"],
        "AZURE_CLIENT_SECRET": "",
        "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token"),
    }
    done = mct("doctor", "--auth", method, "-o", "json", "-v", env=env)
    assert [row["status"] for row in azure.log("entra") if row["path"].endswith("/token")][-1] == 200, done.err
    assert "workload identity" in done.err


def test_entra_that_does_not_know_a_new_one_yet_is_waited_for(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    """401 AADSTS70025 for about two minutes after the first federated credential of a client was made."""
    assert mct("setup", "--client", "Import", *cluster(azure)).code == 0
    (made,) = federated(azure)
    azure.graph("DELETE", f"{path(azure)}/{made['id']}")
    azure.lag(40)
    azure.graph("POST", path(azure), json={key: made[key] for key in ("name", "issuer", "subject", "audiences")})
    token, file = tmp_path / "token", tmp_path / "pod.env"
    token.write_text(azure.issued(SUBJECT))
    app_id = azure.applications("Import")[0]["appId"]
    file.write_text(
        f"AZURE_TENANT_ID={azure.tenant_id}\nAZURE_CLIENT_ID={app_id}\nAZURE_AUTHORITY_HOST={azure.origin}\n"
        f"AZURE_FEDERATED_TOKEN_FILE={token}\n"
    )
    file.chmod(0o600)
    done = mct("verify", "--client", "Import", "--credentials", str(file), "-o", "json")
    assert (done.code, done.document["proved"]) == (0, True)
    assert [row for row in azure.log("entra") if row["status"] == 401]
    assert done.seconds > 10
