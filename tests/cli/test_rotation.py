"""`rotate-secret`: at no moment is there a caller whose secret is not good; each goes where the old
one is read.
"""

import shlex
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.model.client_credentials import attempt_tag
from mct_s2s.model.ids import Tag, client_unique_name, service_unique_name
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program, call_as_sdk, held, saved_to, values_in
from tests.conftest import JSON, Sandbox
from tests.support.sampling import sampled

SETUP = ("setup", "--client", "One", "--client", "Two", *JSON)
SOON = f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%d}"
HIDDEN = "a secret must not be seen"


def _secrets(azure: Sandbox, name: str) -> list[dict[str, Any]]:
    (application,) = azure.applications(name)
    secrets: list[dict[str, Any]] = application["passwordCredentials"]
    return secrets


def test_a_new_secret_takes_the_old_ones_place(mct: Program, azure: Sandbox) -> None:
    setup = mct(*SETUP)
    file = saved_to(setup, "One")
    other = saved_to(setup, "Two").read_bytes()
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
    assert saved_to(setup, "Two").read_bytes() == other
    assert (azure.settings(), azure.restarts()) == (before, 0), (
        "a rotation is no business of the App Service"
    )
    assert azure.leaks() == [], HIDDEN


def test_what_a_killed_rotation_has_delivered_is_told_by_the_run_that_resumes_it(
    mct: Program, azure: Sandbox
) -> None:
    """The registration still notes the attempt; the place shows that it arrived."""
    place = f"keyvault:{seed.VAULT}/one"
    words = ("--secret-lifetime", SOON, "--secret-to", place, *JSON)
    assert mct("setup", "--client", "One", *words).code == 0
    assert mct("rotate-secret", "One", "--secret-lifetime", "1y", *JSON).code == 0
    (application,) = azure.applications("One")
    tag = attempt_tag(held(azure, "one")["tags"]["credential"])
    tags = [*application["tags"], tag]
    azure.graph("PATCH", f"/applications/{application['id']}", json={"tags": tags})
    resumed = mct("rotate-secret", "--expiring-within", "30d", *JSON)
    assert resumed.code == 0, resumed
    changes = [row for row in resumed.document["changes"] if row["action"] != "none"]
    details = [row["detail"] for row in changes]
    assert details == ["no longer notes that its secret is on its way"]
    shown = resumed.document["credentials"]
    assert len(shown) == len(_secrets(azure, "One")) == 2
    assert [row["savedTo"] for row in shown if row["savedTo"] is not None] == [place]


@pytest.mark.parametrize("mode", sampled(["replicas", "adversarial"], 1, salt="callers"))
def test_a_reader_of_the_file_sees_no_failed_call_during_a_rotation(
    mct: Program, process: Program, azure: Sandbox, mode: str
) -> None:
    setup = mct(*SETUP)
    file = saved_to(setup, "One")
    over = threading.Event()
    answers = list[tuple[str, int]]()
    old = values_in(file)["AZURE_CLIENT_SECRET"]
    azure.lag(1, mode)

    def call() -> None:
        is_last = False
        while not is_last:
            is_last = over.is_set()
            values = values_in(file)
            time.sleep(0.05)
            answers.append((values["AZURE_CLIENT_SECRET"], azure.call_as(values)))

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    done = process("rotate-secret", "One", *JSON)
    over.set()
    for caller in callers:
        caller.join()
    assert done.code == 0, done
    assert set(answers) == {(old, 200), (values_in(file)["AZURE_CLIENT_SECRET"], 200)}


def test_only_secrets_that_end_soon_are_replaced(mct: Program, azure: Sandbox) -> None:
    mct("setup", "--client", "Soon", "--secret-lifetime", SOON, *JSON)
    mct("add-client", "Later", *JSON)
    later = _secrets(azure, "Later")
    due = ("rotate-secret", "--expiring-within", "30d")
    dry = mct(*due, "--dry-run")
    output = " ".join(dry.out.split())
    assert (dry.code, ", saved to /" in output, "go to:" in output) == (3, True, False), (
        "its path, in its row"
    )
    done = mct(*due, *JSON)
    assert (done.code, [c["client"] for c in done.made]) == (0, ["Soon"]), done
    assert mct("status", "-o", "json").document["healthy"]
    assert _secrets(azure, "Later") == later
    azure.forget()
    again = mct(*due, *JSON)
    assert (again.code, again.document["changes"], azure.writes()) == (0, [], [])
    dry = mct(*due, "--dry-run")
    assert (dry.code, "no credential to rotate expires within 30 days." in dry.out) == (0, True)


def test_an_old_secret_can_be_kept_for_a_while(mct: Program, azure: Sandbox) -> None:
    setup = mct("setup", "--client", "One", "--secret-lifetime", SOON, *JSON)
    file = saved_to(setup, "One")
    old = values_in(file)
    keeping = ("rotate-secret", "--expiring-within", "30d", *JSON, "--keep-old")
    mct(*keeping, "24h")
    assert (azure.call_as(values_in(file)), azure.call_as(old)) == (200, 200)
    azure.forget()
    mct(*keeping, "24h")
    assert azure.writes() == [], "it has not been replaced for a day"
    assert "Removed the old secret of One" in mct(*keeping, "0h", "-o", "text").out
    assert (azure.call_as(values_in(file)), azure.call_as(old)) == (200, 0)


@pytest.mark.parametrize("lag", [4.0, 18.0])
def test_a_new_secret_is_tested_without_being_throttled(
    mct: Program, azure: Sandbox, lag: float
) -> None:
    """The login service answers some 15 refusals in 10 s by 429: rounds are few, and come later and
    later.
    """
    mct("setup", "--client", "One", *JSON)
    azure.vary(refused_tokens=15)
    azure.lag(lag)
    azure.forget()
    done = mct("rotate-secret", "One", *JSON)
    azure.lag(0)
    assert done.code == 0, done
    asked = [row["status"] for row in azure.log("entra") if row["path"].endswith("/token")]
    assert 429 not in asked
    assert len(asked) < 40


@pytest.mark.parametrize("as_loop", [False, True], ids=["429", "AADSTS50196"])
def test_a_secret_is_kept_though_the_login_service_has_enough_of_its_test(
    mct: Program, azure: Sandbox, as_loop: bool
) -> None:
    mct("setup", "--client", "One", *JSON)
    azure.vary(refused_tokens=4, throttled_as_loop=as_loop)
    azure.lag(8)
    done = mct("rotate-secret", "One", *JSON)
    azure.lag(0)
    assert done.code == 0, done
    assert "The login service limits requests: waiting 60 s." in done.err
    assert 60 < done.seconds < 200


def test_a_login_service_that_asks_for_patience_says_nothing_of_the_secret(
    mct: Program, azure: Sandbox
) -> None:
    """Two waits of a minute are as long as a credential may take to arrive: they do not count."""
    mct("setup", "--client", "One", *JSON)
    azure.lag(4.0)
    throttled = {"type": "status", "status": 429, "retryAfter": 60}
    match = {"service": "Entra", "method": "POST"}
    azure.misbehave(
        *({"match": match, "nth": nth, "times": 1, "fault": throttled} for nth in (3, 7))
    )
    done = mct("rotate-secret", "One", *JSON)
    azure.behave()
    azure.lag(0)
    assert done.code == 0, done
    assert done.seconds > 120


@pytest.mark.parametrize(
    ("kind", "list_of"), [("secret", "passwordCredentials"), ("certificate", "keyCredentials")]
)
def test_a_new_secret_that_does_not_sign_in_replaces_nothing(
    mct: Program, azure: Sandbox, kind: str, list_of: str
) -> None:
    file = saved_to(mct("setup", "--client", "One", "--credential", kind, *JSON), "One")
    before = file.read_bytes()
    # The first two tokens are for the caller's own services, the rest are the proof.
    refused = {"type": "status", "status": 401, "code": "invalid_client"}
    azure.misbehave(
        {"match": {"service": "Entra", "method": "POST"}, "nth": 3, "times": 40, "fault": refused}
    )
    failed = mct("rotate-secret", "One", "--timeout", "6", *JSON)
    assert failed.code == 1, failed
    azure.behave()
    assert (file.read_bytes(), call_as_sdk(values_in(file), azure)) == (before, 200)
    done = mct("rotate-secret", "One", *JSON)
    assert done.code == 0, done
    (application,) = azure.applications("One")
    assert len(application[list_of]) == 1, (
        "a secret that was lost on the way is gone, and a key on its way was taken up"
    )
    assert call_as_sdk(values_in(file), azure) == 200


def test_a_rotation_cut_off_before_the_removal_proves_the_new_secret_again(
    mct: Program, azure: Sandbox
) -> None:
    words = ("rotate-secret", "--expiring-within", "30d", *JSON)
    file = saved_to(mct("setup", "--client", "One", "--secret-lifetime", SOON, *JSON), "One")
    azure.misbehave(
        {"match": {"path": "*/removePassword"}, "fault": {"type": "status", "status": 403}}
    )
    assert mct(*words).code != 0
    azure.behave()
    assert len(_secrets(azure, "One")) == 2
    azure.forget()
    done = mct(*words)
    assert done.code == 0, done
    proofs = [row for row in azure.log() if row["app_id"] == values_in(file)["AZURE_CLIENT_ID"]]
    order = [
        row["path"].rpartition("/")[2]
        for row in azure.log()
        if row in proofs or "removePassword" in row["path"]
    ]
    assert (set(order[:-1]), order[-1]) == ({"token"}, "removePassword")
    assert (len(_secrets(azure, "One")), azure.call_as(values_in(file))) == (1, 200)


def test_a_rotation_leaves_somebody_elses_secret(mct: Program, azure: Sandbox) -> None:
    mct(*SETUP)
    (application,) = azure.applications("One")
    theirs = azure.graph(
        "POST",
        f"/applications/{application['id']}/addPassword",
        json={"passwordCredential": {"displayName": "hand"}},
    )
    done = mct("rotate-secret", "One", "-y", "-q")
    assert done.code == 0, done
    assert theirs["keyId"] in {c["keyId"] for c in _secrets(azure, "One")}
    assert (
        f"az ad app credential delete --id {application['appId']} --key-id {theirs['keyId']}"
        in done.out
    ), "also where it is quiet"
    assert theirs["secretText"] not in done.out + done.err, HIDDEN


def test_a_rotation_can_show_the_new_secret_instead_of_writing_it(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    setup = mct("setup", "--client", "One", "--secret-to", "show", *JSON)
    assert not list(tmp_path.rglob("*.env"))
    (credential,) = setup.made
    done = mct("rotate-secret", "One", "--secret-to", "show", "--remove-old", *JSON)
    (fresh,) = done.made
    scope = done.document["connection"]["scope"]
    assert azure.token(scope, fresh["appId"], fresh["secret"]).is_success
    assert not azure.token(scope, credential["appId"], credential["secret"]).is_success


NOTED = f"{seed.VAULT}/reports-key"
PLACE = f"keyvault:{NOTED}"
IN_VAULT = ("--secret-to", PLACE)


def places(done: Ended) -> dict[str, str]:
    return {credential["client"]: credential["savedTo"] for credential in done.made}


def application(azure: Sandbox, name: str = "Reports") -> Any:
    (application_read,) = azure.applications(name)
    return application_read


def tag(azure: Sandbox, *tags: str, name: str = "Reports") -> None:
    """What an owner of the registration can do to it."""
    azure.graph(
        "PATCH", f"/applications/{application(azure, name)['id']}", json={"tags": list(tags)}
    )


def tags_of(azure: Sandbox, name: str = "Reports") -> list[str]:
    return [tag for tag in application(azure, name)["tags"] if not tag.startswith("mct-s2s:vault:")]


def in_force(azure: Sandbox) -> bool:
    """Whether whoever reads the vault is let in."""
    secret = held(azure, "reports-key")
    return azure.token(secret["tags"]["scope"], secret["tags"]["appId"], secret["value"]).is_success


def test_a_secret_in_a_vault_is_rotated_in_that_vault(
    azure: Sandbox, mct: Program, tmp_path: Path
) -> None:
    mct("setup", "--client", "Reports", *IN_VAULT, *JSON)
    azure.forget()
    refusal = {"type": "status", "status": 403}
    azure.misbehave({"match": {"path": "/secrets/*"}, "fault": refusal})
    again = mct("setup", "--client", "Reports", *JSON)
    azure.behave()
    asked = {row["method"] for row in azure.log("vault")}
    assert (again.code, again.made, asked) == (0, [], {"GET"}), (
        "who has a good secret needs no vault: whether it has lost it is only said"
    )
    old = held(azure, "reports-key")
    plan = mct("rotate-secret", "Reports", "--dry-run")
    assert (plan.code, f"saved to {PLACE}" in " ".join(plan.out.split())) == (3, True), plan.out
    done = mct("rotate-secret", "Reports", *JSON)
    assert (done.code, places(done)) == (0, {"Reports": PLACE}), done.document
    new = held(azure, "reports-key")
    assert new["tags"]["keyId"] != old["tags"]["keyId"]
    assert in_force(azure)
    assert azure.token(old["tags"]["scope"], old["tags"]["appId"], old["value"]).is_success, (
        "its reference may lag"
    )
    assert "kept for 25 hours" in mct("rotate-secret", "Reports", "-y").err, "not without a word"
    assert list(tmp_path.rglob("*.env")) == []
    assert azure.leaks() == []


def test_a_rotation_of_several_clients_keeps_the_place_of_each(
    azure: Sandbox, mct: Program, tmp_path: Path
) -> None:
    ending = ("--secret-lifetime", SOON)
    elsewhere = tmp_path / "elsewhere.env"
    mct("setup", "--client", "Vaulted", *IN_VAULT, *ending, *JSON)
    filed = places(mct("add-client", "Filed", *ending, *JSON))
    mct("add-client", "Handed", "--secret-to", f"file:{elsewhere}", *ending, *JSON)
    done = mct("rotate-secret", "--expiring-within", "30d", "-y", "-o", "json")
    assert done.code == 0, done.document
    places_now = places(done)
    assert (places_now["Vaulted"], places_now["Filed"]) == (PLACE, filed["Filed"])
    assert Path(places_now["Handed"].removeprefix("file:")) not in {
        elsewhere,
        Path(filed["Filed"].removeprefix("file:")),
    }
    (note,) = [
        note
        for note in done.document["notes"]
        if note["text"].startswith("The old secret of 'Handed'")
    ]
    assert f"is not stored in {places_now['Handed']}. It stays valid until" in note["text"]
    assert note["command"].startswith("mct-s2s rotate-secret Handed --remove-old ")
    assert len(application(azure, "Handed")["passwordCredentials"]) == 2
    assert len(application(azure, "Filed")["passwordCredentials"]) == 1


def test_the_plan_of_a_rotation_names_the_file_that_goes(mct: Program, tmp_path: Path) -> None:
    file = saved_to(mct("setup", "--client", "One", *JSON))
    elsewhere = ("--secret-to", f"file:{tmp_path}/new.env")
    deleted = "A file with a secret that is removed is deleted, too:"
    assert deleted not in mct("rotate-secret", "One", "--dry-run").out, "it gets the new one"
    assert mct("rotate-secret", "One", *elsewhere, "-y").code == 0
    planned = mct("rotate-secret", "One", *elsewhere, "--remove-old", "--dry-run")
    assert f"{deleted} '{file}'." in " ".join(planned.out.split()), planned
    assert mct("rotate-secret", "One", *elsewhere, "--remove-old", "-y").code == 0
    assert not file.exists()


@pytest.mark.parametrize(
    "more",
    [
        ("--secret-to", "exec:cat"), ("--secret-to", "show"),
        ("--secret-to", "file:{folder}/new.env"), ("--keep-old", "1d"),
    ],
    ids=["given away", "shown", "in another file", "kept"],
)  # fmt: skip
def test_a_result_says_until_when_the_old_secret_is_valid_and_what_removes_it(
    azure: Sandbox,
    mct: Program,
    more: tuple[str, ...],
    tmp_path: Path,
) -> None:
    more = tuple(word.format(folder=tmp_path) for word in more)
    (file,) = places(mct("setup", "--client", "Reports", *JSON)).values()
    planned = mct("rotate-secret", "Reports", *more, "--dry-run")
    assert "rotate-secret Reports --remove-old" not in planned.out, "nothing is replaced yet"
    done = mct("rotate-secret", "Reports", *more, "-y")
    assert done.code == 0
    (line,) = [line.strip() for line in done.out.splitlines() if "--remove-old" in line]
    assert "(2 secrets are valid)" in mct("status", "-a", "contosolearn").out
    both = application(azure, "Reports")["passwordCredentials"]
    newest = max(both, key=lambda secret: str(secret["startDateTime"]))
    azure.advance(90000.0)
    removal = (*shlex.split(line)[1:], "-y")
    assert mct(*removal).code == 0
    again = mct(*removal)
    assert again.code == 0, again
    assert "makes no new secret" in " ".join(again.err.split())
    assert application(azure, "Reports")["passwordCredentials"] == [newest]
    is_elsewhere = "--secret-to" in more
    assert Path(file.removeprefix("file:")).exists() is not is_elsewhere, (
        "a file of a secret that was removed is of no use"
    )


def test_the_newest_secret_says_which_of_two_places(azure: Sandbox, mct: Program) -> None:
    (file,) = places(mct("setup", "--client", "Reports", *JSON)).values()
    moved = mct("rotate-secret", "Reports", *IN_VAULT, *JSON)
    assert moved.code == 0, moved.document
    azure.advance(3600.0)
    assert places(mct("rotate-secret", "Reports", *JSON)) == {"Reports": PLACE}, (
        "the file is what was left behind"
    )
    azure.advance(3600.0)
    assert mct("rotate-secret", "Reports", "--secret-to", file, *JSON).code == 0
    azure.advance(3600.0)
    assert places(mct("rotate-secret", "Reports", *JSON)) == {"Reports": file}, "and back again"


def test_a_secret_that_has_ended_is_replaced_in_its_vault(
    azure: Sandbox, mct: Program, tmp_path: Path
) -> None:
    """`status` says `rotate-secret`; a setup, which gives a client a valid secret, does it too."""
    mct("setup", "--client", "Reports", *IN_VAULT, "--secret-lifetime", SOON, *JSON)
    azure.advance(30 * 24 * 3600.0)
    assert not in_force(azure)
    plan = mct("add-client", "Reports", "--dry-run")
    assert f"saved to {PLACE}" in " ".join(plan.out.split())
    assert places(mct("add-client", "Reports", *JSON)) == {"Reports": PLACE}
    assert in_force(azure)
    assert list(tmp_path.rglob("*.env")) == []


@pytest.mark.parametrize("lifetime", ["20d", "40d"])
def test_commands_name_one_remedy_for_an_expired_secret(
    azure: Sandbox, mct: Program, lifetime: str
) -> None:
    mct("setup", "--client", "Reports", "--secret-lifetime", lifetime, *JSON)
    azure.advance(41 * 24 * 3600.0)
    (finding,) = mct("status", "-o", "json").document["findings"]
    assert finding["remedy"].startswith("mct-s2s rotate-secret ")
    for command in ("verify", "snippet Reports"):
        ended = mct(*command.split())
        assert finding["remedy"] in ended.out + ended.err, command
    assert mct(*shlex.split(finding["remedy"])[1:], *JSON).code == 0
    assert mct("verify").code == 0


def test_of_several_vaults_the_one_with_the_secret_counts_and_the_plan_names_any(
    azure: Sandbox, mct: Program
) -> None:
    mct("setup", "--client", "Reports", *IN_VAULT, *JSON)
    rest = tags_of(azure)
    for noted in (["gone-vault/x", NOTED], [NOTED, "gone-vault/x"]):
        tag(azure, *rest, *map(Tag.VAULT.of, noted))
        assert places(mct("rotate-secret", "Reports", "--dry-run", "-o", "json")) == {
            "Reports": PLACE
        }


def test_a_vault_that_a_tag_names_gets_a_new_secret_only_if_it_holds_one_that_signs_in(
    azure: Sandbox, mct: Program, tmp_path: Path
) -> None:
    """An owner of earlier days may have written the tag, and tags of the vault that say what ours
    would.
    """
    setup = mct(
        "setup", "--client", "Reports", "--client", "Other", "--secret-lifetime", "20d", *JSON
    )
    Path(saved_to(setup, "Reports")).unlink()
    (held_here,) = application(azure)["passwordCredentials"]
    theirs = f"{seed.VAULT}/another-name"
    tags = {
        "made-by": "mct-s2s",
        "appId": application(azure)["appId"],
        "keyId": held_here["keyId"],
        "client": "Reports",
    }
    azure.vault("PUT", "/secrets/another-name", json={"value": "theirs", "tags": tags})
    tag(azure, *tags_of(azure), Tag.VAULT.of(theirs))
    azure.forget()
    refused = mct("rotate-secret", "Reports", *JSON)
    assert (refused.code, refused.document["error"]["code"], azure.writes()) == (
        2,
        "secret-place-unproved",
        [],
    )
    assert f"--secret-to keyvault:{theirs}" in refused.document["error"]["remedy"]
    nightly = mct("rotate-secret", "--expiring-within", "31d", "--secret-lifetime", "1y", *JSON)
    assert (nightly.code, [credential["client"] for credential in nightly.made]) == (3, ["Other"])
    assert held(azure, "another-name")["value"] == "theirs"
    assert mct("rotate-secret", "Reports", "--secret-to", f"keyvault:{theirs}", *JSON).code == 0


def test_a_vault_that_is_gone_is_told_with_client_and_way_on(
    azure: Sandbox, mct: Program, tmp_path: Path
) -> None:
    mct("setup", "--client", "Reports", *IN_VAULT, *JSON)
    tag(azure, *tags_of(azure), Tag.VAULT.of("gone-vault/x"))
    azure.forget()
    done = mct("rotate-secret", "Reports", *JSON)
    error = done.document["error"]
    assert (done.code, error["code"], azure.writes()) == (2, "vault-not-found", [])
    assert "'Reports'" in error["message"]
    assert "--secret-to PLACE" in error["remedy"]
    assert (
        mct("rotate-secret", "Reports", "--secret-to", f"file:{tmp_path / 'own.env'}", *JSON).code
        == 0
    )


def test_another_clients_secret_is_not_written_over(azure: Sandbox, mct: Program) -> None:
    """Not even where the owner of a registration has given it that client's name, too."""
    mct("setup", "--client", "Reports", *IN_VAULT, *JSON)
    mct("add-client", "Mallory", *JSON)
    before = held(azure, "reports-key")
    mallory = application(azure, "Mallory")
    more = {"displayName": "Reports", "tags": [*mallory["tags"], Tag.VAULT.of(NOTED)]}
    azure.graph("PATCH", f"/applications/{mallory['id']}", json=more)
    done = mct("rotate-secret", mallory["appId"], *JSON)
    assert (done.code, done.document["error"]["code"]) == (2, "secret-place-taken")
    assert held(azure, "reports-key")["value"] == before["value"]
    assert len(azure.graph("GET", f"/applications/{mallory['id']}")["passwordCredentials"]) == 1


def test_a_tag_that_names_no_vault_is_nothing(azure: Sandbox, mct: Program) -> None:
    (file,) = places(mct("setup", "--client", "Reports", *JSON)).values()
    Path(file.removeprefix("file:")).unlink()
    noted = (
        "x--y/name",
        "1vault/name",
        "v/name",
        f"{'v' * 25}/name",
        f"vault/{'n' * 128}",
        "a/b/c",
    )
    tag(azure, *tags_of(azure), *map(Tag.VAULT.of, noted))
    assert places(mct("rotate-secret", "Reports", "--dry-run", "-o", "json")) == {"Reports": file}


def test_a_registration_with_only_our_name_does_not_speak_for_a_vault(
    azure: Sandbox, mct: Program
) -> None:
    """Anyone may have registered that name, with a vault of theirs that vouches for their
    credential.
    """
    mct("setup", "--client", "Other", *JSON)
    name = client_unique_name(service_unique_name("contosolearn"), "Reports")
    someone_else = azure.as_caller(azure.caller("Application.ReadWrite.All"))
    azure.graph(
        "PATCH",
        f"/applications(uniqueName='{name}')",
        json={"displayName": "Reports", "tags": [Tag.VAULT.of(NOTED)]},
        headers={"Prefer": "create-if-missing", **someone_else},
    )
    theirs = application(azure)
    key = azure.graph(
        "POST",
        f"/applications/{theirs['id']}/addPassword",
        json={"passwordCredential": {"displayName": "mct-s2s x"}},
    )
    vouching = {
        "made-by": "mct-s2s",
        "appId": theirs["appId"],
        "credential": "mct-s2s x",
        "keyId": key["keyId"],
    }
    azure.vault("PUT", "/secrets/reports-key", json={"value": "x", "tags": vouching})
    done = mct("rotate-secret", "Reports", *JSON)
    assert (done.code, done.document["error"]["code"]) == (2, "registration-not-ours")
    assert held(azure, "reports-key")["value"] == "x"


@pytest.mark.parametrize("words", [("setup", "--client", "Reports"), ("rotate-secret", "Reports")])
def test_a_vaults_tags_name_no_attempt_that_is_older_than_they_are(
    azure: Sandbox, mct: Program, words: tuple[str, ...]
) -> None:
    """Names of credentials are public, and who may write the tags could have any of them
    removed.
    """
    mct("setup", "--client", "Reports", *IN_VAULT, *JSON)
    body = {"passwordCredential": {"displayName": "mct-s2s 2026-01-01 000000"}}
    elsewhere = azure.graph(
        "POST", f"/applications/{application(azure)['id']}/addPassword", json=body
    )
    azure.advance(3600)
    names = ";".join(secret["displayName"] for secret in application(azure)["passwordCredentials"])
    tags = {"made-by": "mct-s2s", "client": "Reports", "pending": names}
    assert azure.vault(
        "PATCH", f"/secrets/{NOTED.partition('/')[2]}", json={"tags": tags}
    ).is_success
    mct(*words, "--secret-to", PLACE, *JSON)
    assert elsewhere["keyId"] in {
        secret["keyId"] for secret in application(azure)["passwordCredentials"]
    }


def test_two_clients_of_a_file_that_are_missing_stop_no_rotation(
    azure: Sandbox, mct: Program, tmp_path: Path
) -> None:
    assert mct("setup", "--client", "Import", "--secret-lifetime", SOON, "-y").code == 0
    file = tmp_path / "trust.toml"
    file.write_text(
        "[sites.contosolearn]\nclients = [{name = 'Import'}, {name = 'Gone'}, {name = 'Lost'}]\n"
    )
    done = mct("rotate-secret", "-f", str(file), "--expiring-within", "30d", "-y")
    shown = " ".join(done.out.split())
    assert done.code == 3, done
    assert "2 clients left alone" in shown
    assert len(application(azure, "Import")["passwordCredentials"]) == 1


@pytest.mark.parametrize("is_quiet", [False, True], ids=["", "quiet"])
def test_a_reviewed_rotation_of_a_file_says_how_the_old_secret_is_removed(
    azure: Sandbox, mct: Program, tmp_path: Path, is_quiet: bool
) -> None:
    """Its plan is not shown again, and a dry run does not offer the removal."""
    store = tmp_path / "store"
    store.write_text("#!/bin/sh\nexec /bin/cat > /dev/null\n")
    store.chmod(0o755)
    assert mct("setup", "--client", "Import", "--secret-lifetime", SOON, "-y").code == 0
    file = tmp_path / "trust.toml"
    client = f"{{name = 'Import', secret-to = 'exec:{store}'}}"
    file.write_text(f"[sites.contosolearn]\nclients = [{client}]\n")
    words = ("rotate-secret", "-f", str(file), "--expiring-within", "30d")
    reviewed = mct(*words, "--dry-run", *JSON).document["fingerprint"]
    done = mct(*words, "--expect", reviewed, *(["-q"] if is_quiet else []))
    assert done.code == 0, done
    (removal,) = (line.strip() for line in done.out.splitlines() if "--remove-old" in line)
    assert done.out.count("stays valid until") == 1
    assert mct(*shlex.split(removal)[1:], "-y").code == 0
    assert len(application(azure, "Import")["passwordCredentials"]) == 1


@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_a_client_of_a_file_that_has_no_credential_gets_one_in_a_scheduled_rotation(
    azure: Sandbox, mct: Program, tmp_path: Path, kind: str
) -> None:
    file, place = tmp_path / "trust.toml", tmp_path / "kept.env"
    client = f"{{name = 'Import', credential = '{kind}', secret-to = 'file:{place}'}}"
    file.write_text(f"[sites.contosolearn]\nclients = [{client}]\n")
    assert mct("apply", "-f", str(file), "-y").code == 0
    held = "keyCredentials" if kind == "certificate" else "passwordCredentials"
    azure.graph("PATCH", f"/applications/{application(azure, 'Import')['id']}", json={held: []})
    azure.advance(3600)
    night = ("rotate-secret", "-f", str(file), "--expiring-within", "30d")
    assert mct(*night, "--dry-run").code == 3
    done = mct(*night, "-y")
    assert (done.code, len(application(azure, "Import")[held])) == (0, 1), done
    assert mct("verify", "--credentials", str(place)).code == 0
    assert mct(*night, "--dry-run").code == 0


def test_a_client_without_a_credential_is_named_in_a_scheduled_rotation(
    azure: Sandbox, mct: Program
) -> None:
    assert mct("setup", "--client", "Import", "-y").code == 0
    path = f"/applications/{application(azure, 'Import')['id']}"
    azure.graph("PATCH", path, json={"passwordCredentials": []})
    azure.advance(3600)
    done = mct("rotate-secret", "--expiring-within", "30d", "-y")
    told = " ".join((done.out + done.err).split())
    assert "'Import' has no credential, so it cannot sign in." in told, done
    line = next(line for line in (done.out + done.err).splitlines() if "mct-s2s add-client" in line)
    assert mct(*shlex.split(line)[1:], "-y").code == 0, line
    assert len(application(azure, "Import")["passwordCredentials"]) == 1


def test_a_scheduled_rotation_says_that_a_secret_is_lost_from_its_vault(
    azure: Sandbox, mct: Program, tmp_path: Path
) -> None:
    file = tmp_path / "trust.toml"
    client = f"{{name = 'Import', secret-to = 'keyvault:{seed.VAULT}/kept'}}"
    file.write_text(f"[sites.contosolearn]\nclients = [{client}]\n")
    assert mct("apply", "-f", str(file), "-y").code == 0
    assert azure.vault("DELETE", "/secrets/kept").is_success
    night = ("rotate-secret", "--expiring-within", "30d", "-y")
    told = "does not get the secret of 'Import'"
    alone = mct(*night)
    assert (alone.code, told in " ".join((alone.out + alone.err).split())) == (0, True), alone
    of_file = mct(*night, "-f", str(file))
    output = of_file.out + of_file.err
    assert (of_file.code, told in " ".join(output.split())) == (0, True), of_file
    line = next(line for line in output.splitlines() if line.strip().startswith("mct-s2s"))
    assert mct(*shlex.split(line)[1:], "-y").code == 0, line
    assert held(azure, "kept")["value"]
