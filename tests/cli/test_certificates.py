"""Clients that sign in by certificate or with another issuer's token: nothing is lost, and no
mistake is silent.
"""

import base64
import stat
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential, WorkloadIdentityCredential
from mct_s2s.key_pairs import certificate_in, make_key_pair
from mct_s2s.model.client_credentials import Certificate

from tests.cli.conftest import Ended, Program, call_as_sdk, key_credential, saved_to, values_in
from tests.conftest import Json, Sandbox

SETUP = ("setup", "--client", "Import", "--credential", "certificate", "-y", "-o", "json")
NOW = datetime.now(UTC).replace(microsecond=0)
PRIVATE = "PRIVATE KEY"


def registered(azure: Sandbox) -> list[Json]:
    """The application's certificates, with their keys."""
    (application,) = azure.applications("Import")
    found = azure.graph(
        "GET", f"/applications/{application['id']}", params={"$select": "keyCredentials"}
    )
    return list(found["keyCredentials"])


def upload(azure: Sandbox, *keys: Json) -> None:
    """Put these in the place of the application's certificates."""
    (application,) = azure.applications("Import")
    azure.graph("PATCH", f"/applications/{application['id']}", json={"keyCredentials": list(keys)})


def call_with(pem: Path, done: Ended, azure: Sandbox) -> int:
    """The answer of the MCT API to whoever has that key."""
    who = {"AZURE_TENANT_ID": azure.tenant_id, "AZURE_CLIENT_ID": done.made[0]["appId"]}
    where = {
        "AZURE_AUTHORITY_HOST": azure.origin,
        "MCT_S2S_SCOPE": done.document["connection"]["scope"],
    }
    return call_as_sdk({**who, **where, "AZURE_CLIENT_CERTIFICATE_PATH": str(pem)}, azure)


def made_by_hand(file: Path, days: int = 90) -> Certificate:
    """A certificate of someone else's, as a file without its key."""
    pem, certificate = make_key_pair(file.stem, NOW - timedelta(days=1), NOW + timedelta(days=days))
    file.write_text(pem[pem.index("-----BEGIN CERTIFICATE") :])
    return certificate


def test_a_certificate_is_made_kept_and_called_with(mct: Program, azure: Sandbox) -> None:
    done = mct(*SETUP, "-v")
    assert done.code == 0, done.err
    (credential,) = done.made
    assert (credential["client"], credential["kind"]) == ("Import", "certificate")
    dotenv = saved_to(done)
    values = values_in(dotenv)
    pem = Path(values["AZURE_CLIENT_CERTIFICATE_PATH"])
    names = "TENANT_ID", "CLIENT_ID", "CLIENT_CERTIFICATE_PATH", "AUTHORITY_HOST"
    assert list(values) == [*(f"AZURE_{name}" for name in names), "MCT_S2S_SCOPE", "MCT_S2S_URL"]
    assert pem == dotenv.with_suffix(".pem")
    assert sorted(path.name for path in dotenv.parent.iterdir()) == sorted([dotenv.name, pem.name])
    for file in (dotenv, pem):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    (entry,) = registered(azure)
    certificate = certificate_in(pem.read_bytes())
    assert base64.b64decode(entry["key"]) == certificate.der
    assert f"{certificate.expires:%Y-%m-%dT%H:%M:%SZ}" == credential["expires"]
    (shown,) = mct("status", "-o", "json").document["clients"][0]["credentials"]
    assert (shown["kind"], shown["keyId"], shown["expires"]) == (
        "certificate",
        entry["keyId"],
        credential["expires"],
    )
    assert PRIVATE not in done.out + done.err
    assert azure.leaks() == []

    assert call_as_sdk(values, azure) == 200

    azure.forget()
    again = mct(*SETUP)
    assert (again.code, {change["action"] for change in again.document["changes"]}) == (0, {"none"})
    assert (
        [credential["created"] for credential in again.document["credentials"]],
        azure.writes(),
    ) == (
        [False],
        [],
    )


def test_show_gives_key_and_certificate_once(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    done = mct(*SETUP, "--secret-to", "show", "-v")
    (credential,) = done.made
    assert (done.code, credential["savedTo"]) == (0, "show")
    assert (done.out.count("BEGIN PRIVATE KEY"), PRIVATE in done.err) == (1, False)
    pem = tmp_path / "shown.pem"
    pem.write_text(credential["secret"])
    assert call_with(pem, done, azure) == 200
    shown = [
        file for file in tmp_path.rglob("*.pem") if file != pem and PRIVATE in file.read_text()
    ]
    assert shown == []


def test_a_given_certificate_is_registered_and_its_key_stays_here(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    pem, certificate = make_key_pair("theirs", NOW - timedelta(days=1), NOW + timedelta(days=400))
    file = tmp_path / "given.pem"
    file.write_text(pem)
    given = (*SETUP, "--certificate", str(file))
    done = mct(*given, "-v")
    assert done.code == 0, done.err
    (credential,) = done.made
    assert (credential["kind"], credential["savedTo"]) == ("certificate", None)
    assert credential["expires"] == f"{certificate.expires:%Y-%m-%dT%H:%M:%SZ}"
    (entry,) = registered(azure)
    assert base64.b64decode(entry["key"]) == certificate.der
    assert (azure.leaks(), PRIVATE in done.out + done.err) == ([], False)
    assert call_with(file, done, azure) == 200

    azure.forget()
    assert mct(*given).made == []
    assert azure.writes() == []
    text = mct(
        "add-client", "Other", "--credential", "certificate", "--certificate", str(file), "-y"
    )
    for detail in (
        "certificate of Other",
        certificate.thumbprint,
        "Other is set up to call",
        "Certificate expires ",
    ):
        assert detail in text.out + text.err


def test_a_certificate_uploaded_in_the_portal_is_recognised_and_others_stay(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    setup = mct(*SETUP)
    (ours,) = registered(azure)
    file = tmp_path / "by-hand.pem"
    theirs = made_by_hand(file)
    upload(
        azure, {key: value for key, value in ours.items() if key != "key"}, key_credential(theirs)
    )
    azure.forget()
    add = ("add-client", "Import", "--credential", "certificate", "--certificate")
    assert mct(*add, str(file), "-y").code == 0
    assert azure.writes() == []

    made_by_hand(file)
    before = registered(azure)
    assert mct(*add, str(file), "-y").code == 0
    after = registered(azure)
    assert all(tag in after for tag in before)
    assert len(after) == 3
    assert call_as_sdk(values_in(saved_to(setup)), azure) == 200


def test_a_certificate_that_an_interrupted_run_registered_is_told_once(
    mct: Program, azure: Sandbox
) -> None:
    assert mct("setup", "--client", "Import", "--credential", "none", "-y").code == 0
    written = {"method": "PATCH", "path": "/v1.0/applications/*"}
    azure.misbehave({"match": written, "fault": {"type": "hang", "when": "after"}})
    assert mct(*SETUP, "--timeout", "4").code == 1
    azure.behave()
    (entry,) = registered(azure)
    done = mct(*SETUP)
    assert [
        (credential["created"], credential["kind"]) for credential in done.document["credentials"]
    ] == [(True, "certificate")]
    assert [certificate["keyId"] for certificate in registered(azure)] == [entry["keyId"]]


def test_a_client_with_a_secret_gets_a_certificate_beside_it(mct: Program, azure: Sandbox) -> None:
    first = mct("setup", "--client", "Import", "-y", "-o", "json")
    secret = values_in(saved_to(first))["AZURE_CLIENT_SECRET"]
    done = mct(*SETUP)
    assert [credential["kind"] for credential in done.made] == ["certificate"]
    (client,) = mct("status", "-o", "json").document["clients"]
    assert [credential["kind"] for credential in client["credentials"]] == ["secret", "certificate"]
    dotenv = saved_to(done)
    aside = dotenv.with_name(f"{dotenv.name}.secret")
    assert values_in(aside)["AZURE_CLIENT_SECRET"] == secret
    assert call_as_sdk(values_in(dotenv), azure) == 200
    assert call_as_sdk(values_in(aside), azure) == 200
    azure.forget()
    assert mct(*SETUP).code == 0
    assert mct("setup", "--client", "Import", "-y").code == 0
    assert azure.writes() == []


def test_a_certificate_that_was_made_is_rotated_as_a_secret_is(
    mct: Program, azure: Sandbox
) -> None:
    dotenv = saved_to(mct(*SETUP, "--secret-lifetime", "180d"))
    (old,) = registered(azure)
    values = values_in(dotenv)
    pem = Path(values["AZURE_CLIENT_CERTIFICATE_PATH"])
    before = pem.read_bytes()
    azure.lag(1, "adversarial")
    done = mct("rotate-secret", "--client", "Import", "-y", "-o", "json")
    azure.lag(0)
    assert done.code == 0, done
    made, removed = done.document["changes"]
    assert (made["action"], made["resource"]) == ("create", "certificate")
    assert (removed["action"], removed["resource"], removed["id"]) == (
        "delete",
        "certificate",
        old["keyId"],
    )
    (row,) = registered(azure)
    assert row["keyId"] == made["id"]
    lasts = datetime.fromisoformat(row["endDateTime"]) - datetime.fromisoformat(
        row["startDateTime"]
    )
    assert lasts == timedelta(days=180), "as long as the old one"
    assert (values_in(dotenv), pem.read_bytes() != before) == (values, True)
    assert call_as_sdk(values, azure) == 200
    assert ([credential["kind"] for credential in done.made], azure.leaks()) == (
        ["certificate"],
        [],
    )


def test_a_certificate_that_was_given_is_not_rotated(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    given = tmp_path / "own.pem"
    made_by_hand(given, days=9)
    assert mct("setup", "--client", "Import", "--certificate", str(given), "-y").code == 0
    done = mct("rotate-secret", "Import", "-y", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (2, "no-secret-to-rotate")
    assert "--certificate FILE" in done.document["error"]["remedy"]


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


def test_a_client_with_a_federated_credential_calls_by_foreign_tokens(
    mct: Program, azure: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = ("setup", "--client", "Import", *cluster(azure))
    done = mct(*setup)
    assert done.code == 0, done.err
    (credential,) = done.made
    wanted = {
        "client": "Import",
        "kind": "federated",
        "expires": None,
        "savedTo": None,
        "created": True,
    }
    assert {**credential, "appId": None} == {**wanted, "appId": None}
    status = mct("status", "-o", "json").document
    (client,) = status["clients"]
    assert [(c["kind"], c["expires"]) for c in client["credentials"]] == [("federated", None)]
    assert status["healthy"] is True
    assert list(tmp_path.rglob("*.env")) == []
    (made,) = federated(azure)
    assert (made["issuer"], made["subject"], made["audiences"]) == (
        issuer(azure),
        SUBJECT,
        [EXCHANGE],
    )
    assert azure.applications("Import")[0]["passwordCredentials"] == []

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", azure.ca_file)
    options: dict[str, Any] = {"authority": azure.origin, "disable_instance_discovery": True}
    file = tmp_path / "token"
    who = (azure.tenant_id, credential["appId"])
    file.write_text(azure.issued(SUBJECT))
    scope = f"{done.document['connection']['scope']}"
    with (
        warnings.catch_warnings(),
        ClientAssertionCredential(*who, lambda: azure.issued(SUBJECT), **options) as assertion,
        ClientAssertionCredential(
            *who, lambda: azure.issued("somebody else"), **options
        ) as mistaken,
        WorkloadIdentityCredential(
            tenant_id=who[0], client_id=who[1], token_file_path=str(file), **options
        ) as pod,
    ):
        warnings.simplefilter("ignore", ResourceWarning)
        assert azure.call_site(assertion.get_token(scope).token) == 200
        assert azure.call_site(pod.get_token(scope).token) == 200
        with pytest.raises(ClientAuthenticationError, match="AADSTS700213"):
            mistaken.get_token(scope)

    azure.forget()
    again = mct(*setup)
    assert (again.code, {change["action"] for change in again.document["changes"]}) == (0, {"none"})
    assert azure.writes() == []


def test_a_false_refusal_for_duplicates_adds_one_federated_credential(
    mct: Program, azure: Sandbox
) -> None:
    message = "Request contains a property with duplicate values."
    fault = {"type": "status", "status": 400, "code": "Request_BadRequest", "message": message}
    match = {"service": "Graph", "path": "*federatedIdentityCredentials*", "method": "PATCH"}
    azure.misbehave({"match": match, "times": 2, "fault": fault})
    assert mct("setup", "--client", "Import", *cluster(azure)).code == 0
    assert len(federated(azure)) == 1


def test_the_21st_federated_credential_is_refused_with_a_remedy(
    mct: Program, azure: Sandbox
) -> None:
    assert mct("setup", "--client", "Import", "--credential", "none", "-y").code == 0
    for number in range(20):
        other = {
            "name": f"other-{number}",
            "issuer": issuer(azure),
            "subject": f"{number}",
            "audiences": [EXCHANGE],
        }
        azure.graph("POST", path(azure), json=other)
    done = mct("setup", "--client", "Import", *cluster(azure))
    assert done.document["error"]["remedy"].startswith("Delete one that is no longer used")


def test_a_federated_credential_that_a_person_made_at_the_same_moment_is_taken(
    mct: Program, azure: Sandbox
) -> None:
    assert mct("setup", "--client", "Import", "--credential", "none", "-y").code == 0
    azure.lag(30)
    by_hand = {
        "name": "by-hand",
        "issuer": issuer(azure),
        "subject": SUBJECT,
        "audiences": [EXCHANGE],
    }
    azure.graph("POST", path(azure), json=by_hand)
    done = mct("setup", "--client", "Import", *cluster(azure), "--timeout", "60")
    azure.lag(0)
    assert [credential["name"] for credential in federated(azure)] == ["by-hand"], done.document


@pytest.mark.parametrize("method", ["auto", "workload-identity"])
def test_a_foreign_token_signs_the_program_itself_in(
    mct: Program, azure: Sandbox, tmp_path: Path, method: str
) -> None:
    """The variables of azure-identity: a pipeline, or a pod, that has no secret."""
    assert mct("setup", "--client", "Import", *cluster(azure)).code == 0
    (tmp_path / "token").write_text(azure.issued(SUBJECT))
    env = {
        "AZURE_CLIENT_ID": azure.applications("Import")[0]["appId"],
        "AZURE_CLIENT_SECRET": "",
        "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token"),
    }
    done = mct("doctor", "--auth", method, "-o", "json", "-v", env=env)
    assert [row["status"] for row in azure.log("entra") if row["path"].endswith("/token")][
        -1
    ] == 200, done.err
    assert "workload identity" in done.err


def test_a_new_federated_credential_that_entra_does_not_know_yet_is_waited_for(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    """401 AADSTS70025 for about two minutes after the first federated credential of a client was
    made.
    """
    assert mct("setup", "--client", "Import", *cluster(azure)).code == 0
    (credential,) = federated(azure)
    azure.graph("DELETE", f"{path(azure)}/{credential['id']}")
    azure.lag(40)
    azure.graph(
        "POST",
        path(azure),
        json={key: credential[key] for key in ("name", "issuer", "subject", "audiences")},
    )
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
