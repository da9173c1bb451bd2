"""`rotate-secret`: at no moment is there a caller whose secret is not good."""

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Program, call_as_sdk, saved_to, values_in
from tests.conftest import JSON, Sandbox
from tests.support.sampling import sampled

SETUP = ("setup", "--client", "One", "--client", "Two", *JSON)
SOON = f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%d}"
HIDDEN = "a secret must not be seen"


def _secrets(azure: Sandbox, name: str) -> list[dict[str, Any]]:
    (application,) = azure.applications(name)
    found: list[dict[str, Any]] = application["passwordCredentials"]
    return found


def test_a_new_secret_takes_the_old_ones_place(mct: Program, azure: Sandbox) -> None:
    made = mct(*SETUP)
    file, other = saved_to(made, "One"), saved_to(made, "Two").read_bytes()
    old = values_in(file)
    before = azure.settings()
    azure.forget()
    done = mct("rotate-secret", "One", *JSON)
    assert done.code == 0, done
    new = values_in(file)
    assert {name for name in new if new[name] != old[name]} == {"AZURE_CLIENT_SECRET"}
    assert (azure.call_as(new), azure.call_as(old)) == (200, 0)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [c["keyId"] for c in _secrets(azure, "One")] == [done.document["changes"][0]["id"]]
    assert [c["client"] for c in done.made] == ["One"]
    assert saved_to(made, "Two").read_bytes() == other
    assert (azure.settings(), azure.restarts()) == (before, 0), "a rotation is no business of the App Service"
    assert azure.leaks() == [], HIDDEN


@pytest.mark.parametrize("mode", sampled(["replicas", "adversarial"], 1, salt="callers"))
def test_a_caller_that_reads_the_file_sees_no_failed_call(
    mct: Program, process: Program, azure: Sandbox, mode: str
) -> None:
    made = mct(*SETUP)
    file, over, answers = saved_to(made, "One"), threading.Event(), list[int]()
    azure.lag(1, mode)

    def call() -> None:
        while not over.is_set():
            values = values_in(file)
            time.sleep(0.05)
            answers.append(azure.call_as(values))

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    done = process("rotate-secret", "One", *JSON)
    over.set()
    for caller in callers:
        caller.join()
    assert done.code == 0, done
    assert len(answers) > 20
    assert set(answers) == {200}


def test_only_secrets_that_end_soon_are_replaced(mct: Program, azure: Sandbox) -> None:
    mct("setup", "--client", "Soon", "--secret-lifetime", SOON, *JSON)
    mct("add-client", "Later", *JSON)
    later = _secrets(azure, "Later")
    due = ("rotate-secret", "--expiring-within", "30d")
    dry = mct(*due, "--dry-run")
    assert (dry.code, "Credentials of 'Soon' go to: default file" in dry.out) == (3, True), dry.out
    done = mct(*due, *JSON)
    assert (done.code, [c["client"] for c in done.made]) == (0, ["Soon"]), done
    assert mct("status", "-o", "json").document["healthy"]
    assert _secrets(azure, "Later") == later
    azure.forget()
    again = mct(*due, *JSON)
    assert (again.code, again.document["changes"], azure.writes()) == (0, [], [])
    assert mct(*due, "--dry-run").code == 0


def test_an_old_secret_can_be_kept_for_a_while(mct: Program, azure: Sandbox) -> None:
    made = mct("setup", "--client", "One", "--secret-lifetime", SOON, *JSON)
    file = saved_to(made, "One")
    old = values_in(file)
    keeping = ("rotate-secret", "--expiring-within", "30d", *JSON, "--keep-old")
    mct(*keeping, "24h")
    assert (azure.call_as(values_in(file)), azure.call_as(old)) == (200, 200)
    azure.forget()
    mct(*keeping, "24h")
    assert azure.writes() == [], "it has not been replaced for a day"
    done = mct(*keeping, "0h")
    assert [(c["action"], c["resource"]) for c in done.document["changes"]] == [("delete", "secret")]
    assert (azure.call_as(values_in(file)), azure.call_as(old)) == (200, 0)


@pytest.mark.parametrize(("kind", "list_of"), [("secret", "passwordCredentials"), ("certificate", "keyCredentials")])
def test_what_does_not_prove_itself_replaces_nothing(mct: Program, azure: Sandbox, kind: str, list_of: str) -> None:
    file = saved_to(mct("setup", "--client", "One", "--credential", kind, *JSON), "One")
    before = file.read_bytes()
    # The first two tokens are for the caller's own services, the rest are the proof.
    refused = {"type": "status", "status": 401, "code": "invalid_client"}
    azure.misbehave({"match": {"service": "Entra", "method": "POST"}, "nth": 3, "times": 40, "fault": refused})
    failed = mct("rotate-secret", "One", "--timeout", "6", *JSON)
    assert failed.code == 1, failed
    azure.behave()
    assert (file.read_bytes(), call_as_sdk(values_in(file), azure)) == (before, 200)
    done = mct("rotate-secret", "One", *JSON)
    assert done.code == 0, done
    (one,) = azure.applications("One")
    assert len(one[list_of]) == 1, "a secret that was lost on the way is gone, and a key on its way was taken up"
    assert call_as_sdk(values_in(file), azure) == 200


def test_a_rotation_that_was_cut_off_before_the_removal_proves_the_new_secret_again(
    mct: Program, azure: Sandbox
) -> None:
    words = ("rotate-secret", "--expiring-within", "30d", *JSON)
    file = saved_to(mct("setup", "--client", "One", "--secret-lifetime", SOON, *JSON), "One")
    azure.misbehave({"match": {"path": "*/removePassword"}, "fault": {"type": "status", "status": 403}})
    assert mct(*words).code != 0
    azure.behave()
    assert len(_secrets(azure, "One")) == 2
    azure.forget()
    done = mct(*words)
    assert done.code == 0, done
    proofs = [row for row in azure.log() if row["app_id"] == values_in(file)["AZURE_CLIENT_ID"]]
    order = [row["path"].rpartition("/")[2] for row in azure.log() if row in proofs or "removePassword" in row["path"]]
    assert (set(order[:-1]), order[-1]) == ({"token"}, "removePassword")
    assert (len(_secrets(azure, "One")), azure.call_as(values_in(file))) == (1, 200)


def test_a_secret_of_somebody_else_stays(mct: Program, azure: Sandbox) -> None:
    mct(*SETUP)
    (one,) = azure.applications("One")
    theirs = azure.graph(
        "POST", f"/applications/{one['id']}/addPassword", json={"passwordCredential": {"displayName": "hand"}}
    )
    done = mct("rotate-secret", "One", "-y", "-q")
    assert done.code == 0, done
    assert theirs["keyId"] in {c["keyId"] for c in _secrets(azure, "One")}
    assert f"az ad app credential delete --id {one['appId']} --key-id {theirs['keyId']}" in done.out, (
        "also where it is quiet"
    )
    assert theirs["secretText"] not in done.out + done.err, HIDDEN


def test_a_secret_can_be_shown_instead(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    made = mct("setup", "--client", "One", "--secret-to", "show", *JSON)
    assert not list(tmp_path.rglob("*.env"))
    (credential,) = made.made
    done = mct("rotate-secret", "One", "--secret-to", "show", "--remove-old", *JSON)
    (fresh,) = done.made
    scope = done.document["connection"]["scope"]
    assert azure.token(scope, fresh["appId"], fresh["secret"]).is_success
    assert not azure.token(scope, credential["appId"], credential["secret"]).is_success
