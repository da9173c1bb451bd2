"""Where a secret goes, a vault or a program, and what a tenant's policy allows: nothing is lost or
doubled.
"""

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
from mct_s2s.sandbox.core.wire_errors import WireError, graph_error
from mct_s2s.sandbox.observability.exchange import Entry
from mct_s2s.sandbox.resources.role_assignments import SECRETS_USER
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program, held, saved_to
from tests.conftest import JSON, SITE, Json, Sandbox, at_home, program, without_azure
from tests.support.by_hand import Hand
from tests.support.printed_commands import printed_commands
from tests.support.sandbox_inside import Inside

VAULT_ID = (
    f"{seed.SUBSCRIPTION}/resourceGroups/integrations/providers/Microsoft.KeyVault/vaults/"
    f"{seed.VAULT}"
)
TO_VAULT = ("--secret-to", f"keyvault:{seed.VAULT}")
SETUP = ("setup", "--client", "Reports", *TO_VAULT, "-y", "-o", "json")


def saved(ended: Ended) -> str:
    """The name of the one secret that a run has saved."""
    (credential,) = ended.made
    vault, _, name = credential["savedTo"].removeprefix("keyvault:").partition("/")
    assert vault == seed.VAULT
    return str(name)


def is_whole(mct: Program, ended: Ended, azure: Sandbox, name: str) -> None:
    """The vault holds the client's one secret and all that belongs to it; no attempt is left that
    has not arrived.
    """
    assert ended.code == 0, ended.document
    assert mct("status", "-o", "json").document["healthy"], mct("status", "-o", "json").document[
        "findings"
    ]
    secret = held(azure, name)
    (application,) = azure.applications("Reports")
    assert [credential["keyId"] for credential in application["passwordCredentials"]] == [
        secret["tags"]["keyId"]
    ]
    assert (
        azure.token(secret["tags"]["scope"], secret["tags"]["appId"], secret["value"]).status_code
        == 200
    )
    for version in azure.vault("GET", f"/secrets/{name}/versions").json()["value"]:
        assert version.get("tags", {}).get("pending") in {None, secret["tags"]["credential"]}, (
            version
        )


def test_the_vaults_token_is_there_before_anything_is_written(azure: Sandbox, mct: Program) -> None:
    """What a pipeline signs in with lasts minutes, and waits for replication come before the
    vault's turn.
    """
    assert mct(*SETUP, "--no-verify").code == 0
    rows = azure.log()
    tokens = [at for at, row in enumerate(rows) if row["path"].endswith("/oauth2/v2.0/token")]
    written = next(at for at, row in enumerate(rows) if row["method"] == "PATCH")
    assert (len(tokens), tokens[-1] < written) == (3, True)


def test_a_secret_goes_into_the_vault_with_all_that_belongs_to_it(
    azure: Sandbox, mct: Program
) -> None:
    name = saved(mct(*SETUP, "--dry-run"))
    assert (azure.writes(), azure.vault("GET", "/secrets").json()["value"]) == ([], [])
    first = mct(*SETUP)
    assert saved(first) == name
    is_whole(mct, first, azure, name)
    secret = held(azure, name)
    client = mct("status", "-o", "json").document["clients"][0]
    assert secret["contentType"] == "text/plain"
    (credential,) = client["credentials"]
    assert secret["tags"].items() >= {
        "made-by": "mct-s2s", "client": "Reports", "appId": client["appId"],
        "tenantId": azure.tenant_id,
        "url": azure.site_url, "authorityHost": azure.origin,
        "keyId": credential["keyId"], "credential": credential["name"],
    }.items()  # fmt: skip
    expires = first.made[0]["expires"]
    assert datetime.fromisoformat(expires).timestamp() == secret["attributes"]["exp"]
    token = azure.token(secret["tags"]["scope"], secret["tags"]["appId"], secret["value"]).json()[
        "access_token"
    ]
    assert azure.call_site(token) == 200
    assert secret["value"] not in first.out + first.err
    assert azure.leaks() == []
    azure.forget()
    again = mct(*SETUP)
    is_whole(mct, again, azure, name)
    assert [write for write in azure.writes() if not write.startswith("POST /_")] == []


def test_the_name_of_a_vaults_secret_and_its_address_can_be_given(
    azure: Sandbox, mct: Program
) -> None:
    port = azure.origin.rsplit(":", 1)[1]
    place = f"keyvault:https://{seed.VAULT}.vault.localhost:{port}/Reports-Key"
    ended = mct("setup", "--client", "Reports", "--secret-to", place, "-y", "-o", "json")
    assert ended.made[0]["savedTo"] == f"keyvault:{seed.VAULT}/Reports-Key"
    is_whole(mct, ended, azure, "Reports-Key")
    azure.add_site(name="site-b", group="rg-b")
    azure.forget()
    other = mct(
        "setup",
        "-a",
        "site-b",
        "-g",
        "rg-b",
        "--client",
        "Reports",
        "--secret-to",
        place,
        "-y",
        "-o",
        "json",
    )
    assert (other.code, other.document["error"]["code"]) == (2, "secret-place-taken"), (
        "another App Service's client"
    )
    assert azure.writes() == []


def test_a_vault_that_is_closed_to_us_is_told_before_anything_is_made(
    azure: Sandbox, mct: Program
) -> None:
    ended = mct(
        "setup",
        "--client",
        "Reports",
        "--secret-to",
        "keyvault:contosolearn-kv",
        "-y",
        "-o",
        "json",
    )
    error = ended.document["error"]
    assert (ended.code, error["code"]) == (4, "permission-missing")
    assert (
        "--assignee-principal-type ServicePrincipal --role 'Key Vault Secrets Officer'"
        in error["remedy"]
    )
    assert azure.writes() == []


def test_a_caller_who_may_only_read_the_vault_is_told_before_anything_is_made(
    azure: Sandbox, mct: Program
) -> None:
    may = ["Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "Organization.Read.All"]
    roles = [{"role": "Owner"}, {"role": SECRETS_USER, "scope": VAULT_ID}]
    reader = azure._control(
        "POST", "/callers", json={"name": "reader", "graphRoles": may, "armRoles": roles}
    ).json()
    who = {"AZURE_CLIENT_ID": reader["clientId"], "AZURE_CLIENT_SECRET": reader["clientSecret"]}
    ended = mct(*SETUP, env=who)
    assert (ended.code, ended.document["error"]["code"]) == (4, "permission-missing")
    assert reader["principalId"] in ended.document["error"]["remedy"]
    assert {row["status"] for row in azure.log() if row["method"] in {"PUT", "PATCH"}} == {403}
    assert azure.applications("Reports") == []


def test_a_vault_that_refuses_a_new_version_is_told_with_its_role_and_the_secret_removed_again(
    azure: Sandbox, mct: Program
) -> None:
    """A role may allow tags and no values: that shows only once the secret is there."""
    name = saved(mct(*SETUP))
    before = held(azure, name)["value"]
    refused = {"type": "status", "status": 403, "code": "Forbidden"}
    azure.misbehave({"match": {"service": "KeyVault", "method": "PUT"}, "fault": refused})
    ended = mct("rotate-secret", "Reports", "-y", "-o", "json")
    azure.behave()
    error = ended.document["error"]
    (missing,) = error["missing"]
    assert (ended.code, missing["right"]) == (4, "Key Vault Secrets Officer"), ended
    assert "has assigned you the role Key Vault Secrets Officer" in error["remedy"]
    assert "The secret of Reports was removed again." in error["message"]
    (application,) = azure.applications("Reports")
    assert (len(application["passwordCredentials"]), attempts(application)) == (1, [])
    assert works(azure, "Reports", before)


def test_a_file_that_is_anothers_is_refused_before_the_plan_is_agreed_to(
    azure: Sandbox, mct: Program, tmp_path: Path
) -> None:
    other = tmp_path / "other.env"
    other.write_text("KEY=of someone else\n", encoding="utf-8")
    ended = mct("setup", "--client", "Reports", "--secret-to", f"file:{other}")
    assert (ended.code, "[secret-place-taken]" in ended.err) == (2, True), ended.err
    assert (ended.out, azure.writes()) == ("", [])


def test_a_foreign_secret_of_that_name_is_never_written_over(azure: Sandbox, mct: Program) -> None:
    assert azure.vault("PUT", "/secrets/theirs", json={"value": "their value"}).status_code == 200
    place = ("--secret-to", f"keyvault:{seed.VAULT}/theirs")
    ended = mct("setup", "--client", "Reports", *place, "-y", "-o", "json")
    assert (ended.code, ended.document["error"]["code"]) == (2, "secret-place-taken")
    assert held(azure, "theirs")["value"] == "their value"
    assert azure.applications("Reports") == []
    azure.vault("DELETE", "/secrets/theirs")
    ended = mct("setup", "--client", "Reports", *place, "-y", "-o", "json")
    assert (ended.code, ended.document["error"]["code"]) == (2, "secret-place-deleted")
    assert f"purge --vault-name {seed.VAULT} --name theirs" in ended.document["error"]["remedy"]
    assert azure.vault("GET", "/deletedsecrets/theirs").status_code == 200


def test_our_own_secret_comes_back_when_it_was_deleted(azure: Sandbox, mct: Program) -> None:
    name = saved(mct(*SETUP))
    lost = held(azure, name)["value"]
    azure.vault("DELETE", f"/secrets/{name}")
    _without_passwords(azure)
    again = mct(*SETUP)
    is_whole(mct, again, azure, name)
    assert held(azure, name)["value"] != lost


def _without_passwords(azure: Sandbox) -> None:
    """As an administrator does in the portal: the client's secrets are gone, the vault knows
    nothing of it.
    """
    (application,) = azure.applications("Reports")
    for credential in application["passwordCredentials"]:
        azure.graph(
            "POST",
            f"/applications/{application['id']}/removePassword",
            json={"keyId": credential["keyId"]},
        )


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_a_reader_never_misses_the_secret_while_it_is_replaced(
    writes: int, azure: Sandbox, mct: Program
) -> None:
    """Cut off anywhere on the way to the next version, the version of before is still what
    everybody reads.
    """
    name = saved(mct(*SETUP))
    # A secret that arrived minutes ago is trusted, though no replica shows it
    azure.advance(3600.0)
    tags = {**held(azure, name)["tags"], "team": "data"}
    assert azure.vault("PATCH", f"/secrets/{name}", json={"tags": tags}).status_code == 200
    before = held(azure, name)
    _without_passwords(azure)
    azure.misbehave(
        {"match": {}, "fault": {"type": "freezeAfterWrites", "writes": writes, "then": "hang"}}
    )
    assert mct(*SETUP, "--timeout", "60").document["error"]["code"] == "deadline-passed"
    azure.behave()
    meanwhile = held(azure, name)
    assert meanwhile["value"] == before["value"] or "pending" not in meanwhile["tags"]
    ended = mct(*SETUP)
    is_whole(mct, ended, azure, name)
    after = held(azure, name)
    assert after["value"] != before["value"]
    assert after["tags"]["team"] == "data", "somebody else's tag stays with the secret"
    old = azure.vault("GET", f"/secrets/{name}/{before['id'].rpartition('/')[2]}").json()
    assert (old["value"], old["attributes"]["enabled"]) == (before["value"], True)


def test_a_service_application_made_anew_is_told_to_whoever_reads_the_vault(
    azure: Sandbox, mct: Program
) -> None:
    first = mct(*SETUP)
    name = saved(first)
    service = mct("status", "-o", "json").document["serviceApplication"]["objectId"]
    before = held(azure, name)
    azure.graph("DELETE", f"/applications/{service}")
    azure.graph("DELETE", f"/directory/deletedItems/{service}")
    again = mct(*SETUP, "--no-verify")
    assert (again.code, held(azure, name)) == (0, before), again.document
    uri = mct("status", "-o", "json").document["serviceApplication"]["applicationIdUri"]
    (note,) = [
        note["text"]
        for note in mct(*SETUP, "--no-verify").document["notes"]
        if "scope" in note["text"]
    ]
    assert note.startswith(f"The tag 'scope' in keyvault:{seed.VAULT}/{name} is ")
    assert note.endswith(f"Set it to {uri}/.default.")


KEEP = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
KEEP_ENVIRONMENT = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"
FAIL = "import sys; sys.stdin.read(); sys.exit(3)"


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs of these tests keep what they get: the user's home is looked through for
    secrets.
    """
    return tmp_path_factory.mktemp("outside")


def to_python(code: str, *arguments: str) -> tuple[str, str]:
    """`--secret-to` with a small Python program."""
    return "--secret-to", "exec:" + shlex.join([sys.executable, "-c", code, *arguments])


def works(azure: Sandbox, client: str, secret: str) -> bool:
    (application,) = azure.applications(client)
    return azure.token(f"{azure.graph_url}/.default", application["appId"], secret).is_success


def is_resumed(mct: Program, azure: Sandbox, outside: Path, *words: str) -> None:
    """Nobody has a secret and none is there; the same command with a program that works makes the
    only one.
    """
    (application,) = azure.applications("One")
    assert (application["passwordCredentials"], attempts(application)) == ([], [])
    kept = outside / "kept"
    assert mct(*words, *to_python(KEEP, str(kept)), "-y").code == 0
    (application,) = azure.applications("One")
    assert (len(application["passwordCredentials"]), attempts(application)) == (1, [])
    assert works(azure, "One", kept.read_text())
    assert mct("status").code == 0


def attempts(application: Json) -> list[str]:
    return [tag for tag in application["tags"] if tag.startswith("mct-s2s:attempt:")]


def test_a_program_gets_the_secret_alone_and_nothing_else_shows_it(
    mct: Program, azure: Sandbox, outside: Path
) -> None:
    kept, planted = outside / "kept", outside / "planted"
    place = to_python(KEEP, str(kept), f"; touch {planted}", f"$(touch {planted})")
    ended = mct("setup", "--client", "One", *place, "-y", "-o", "json")
    (credential,) = ended.made
    assert (ended.code, credential["savedTo"], "secret" in credential) == (0, place[1], False), (
        "as it was written"
    )
    secret = kept.read_text()
    assert works(azure, "One", secret), "without a line end"
    assert secret not in ended.out + ended.err
    assert not planted.exists(), "no shell reads the command"
    again = mct("setup", "--client", "One", *place, "-y", "-o", "json")
    assert (again.code, again.made, len(azure.applications("One")[0]["passwordCredentials"])) == (
        0,
        [],
        1,
    )


@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_a_program_has_an_environment_of_its_own(
    mct: Program, azure: Sandbox, outside: Path, kind: str
) -> None:
    kept = outside / "kept"
    tokens = {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
        "GITHUB_TOKEN": "t",
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
    }
    place = to_python(KEEP_ENVIRONMENT, str(kept))
    assert mct("setup", "--client", "One", "--credential", kind, *place, "-y", env=tokens).code == 0
    environment = json.loads(kept.read_text())
    environment.pop("LC_CTYPE", None)  # Python sets it for itself
    (application,) = azure.applications("One")
    assert environment.pop("HOME")
    assert environment == {
        "PATH": tokens["PATH"],
        "LANG": tokens["LANG"],
        "MCT_S2S_CLIENT": "One",
        "MCT_S2S_CLIENT_ID": application["appId"],
        "MCT_S2S_TENANT_ID": azure.tenant_id,
        "MCT_S2S_APP_SERVICE": SITE.rpartition("/")[2],
    }


FAILURES = {
    "an exit code": (FAIL, "exit code 3"),
    "what it was given": ("import sys; sys.exit(sys.stdin.read())", "(exit code 1)"),
    "the same encoded": (
        "import base64, sys; sys.exit(base64.b64encode(sys.stdin.buffer.read()).decode())",
        "(exit code 1)",
    ),
    "a signal": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit code -9"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_secret_that_a_program_refuses_is_removed_again(
    mct: Program, azure: Sandbox, outside: Path, failure: str
) -> None:
    code, told = FAILURES[failure]
    ended = mct("setup", "--client", "One", *to_python(code), "-y", "-o", "json")
    error = ended.document["error"]
    assert (ended.code, error["code"], ended.made) == (1, "secret-not-delivered", []), ended
    assert (
        told in error["message"],
        "The secret of One was removed again." in error["message"],
    ) == (
        True,
        True,
    ), error
    is_resumed(mct, azure, outside, "setup", "--client", "One")


def test_the_removal_of_a_secret_that_did_not_arrive_is_said_once(mct: Program) -> None:
    ended = mct("setup", "--client", "One", *to_python(FAIL), "-y")
    assert ended.err.lower().count("removed again") == 1, ended.err
    assert "Removed again: the secret of One, which reached no one" in ended.err


def test_an_api_permission_that_went_out_with_the_note_of_a_failed_secret_is_done(
    mct: Program, azure: Sandbox
) -> None:
    ended = mct("setup", "--client", "One", *to_python(FAIL), "-y")
    (application,) = azure.applications("One")
    has_it = bool(application["requiredResourceAccess"])
    (done,) = (line for line in ended.err.splitlines() if line.startswith("Done: "))
    assert (has_it, "API permission One" in done) == (True, True), ended.err


def test_a_duplicate_of_a_failed_secret_stays_noted_until_the_next_run_removes_it(
    mct: Program, azure: Sandbox, outside: Path
) -> None:
    """Its answer was lost, and no replica showed it."""
    begun = mct("setup", "--client", "One", "--credential", "none", "-y", "--no-verify")
    assert begun.code == 0
    adding = {"path": "*/addPassword", "method": "POST"}
    azure.misbehave({"match": adding, "times": 1, "fault": {"type": "lostAnswer"}})
    azure.lag(20.0, "adversarial")
    ended = mct("setup", "--client", "One", *to_python(FAIL), "-y", "--no-verify", "-o", "json")
    assert ended.document["error"]["code"] == "secret-not-delivered", ended
    azure.lag(0)
    azure.behave()
    (application,) = azure.applications("One")
    assert (len(application["passwordCredentials"]), len(attempts(application))) == (1, 1)
    kept = outside / "kept"
    assert mct("setup", "--client", "One", *to_python(KEEP, str(kept)), "-y").code == 0
    (application,) = azure.applications("One")
    assert (len(application["passwordCredentials"]), attempts(application)) == (1, [])
    assert works(azure, "One", kept.read_text())


def test_a_program_is_waited_for_and_not_what_it_has_started(
    mct: Program, azure: Sandbox, outside: Path
) -> None:
    start = (
        "import subprocess, sys; subprocess.Popen(['sleep', '60']); open(sys.argv[1], "
        "'w').write(sys.stdin.read())"
    )
    kept = outside / "kept"
    since = time.monotonic()
    assert mct("setup", "--client", "One", *to_python(start, str(kept)), "-y").code == 0
    assert time.monotonic() - since < 50
    assert works(azure, "One", kept.read_text())


def test_the_secret_of_a_program_cut_off_is_removed_again(
    process: Program, mct: Program, azure: Sandbox, outside: Path
) -> None:
    wait = "import os, signal, time; os.kill(os.getppid(), signal.SIGINT); time.sleep(600)"
    ended = process("setup", "--client", "One", *to_python(wait), "-y")
    assert ended.code == 128 + signal.SIGINT, ended
    assert "Removed again: the secret of One, which reached no one" in ended.err
    (not_done,) = (line for line in ended.err.splitlines() if line.startswith("Not done: "))
    # The settings wait for it. What goes out beside it may be on its way.
    assert ("secret One" in not_done, "application settings" in not_done) == (True, True), ended
    is_resumed(mct, azure, outside, "setup", "--client", "One")


@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_what_a_program_has_taken_is_done_where_the_run_is_cut_off_then(
    process: Program, azure: Sandbox, outside: Path, kind: str
) -> None:
    """It is not in doubt beside the line that says where it is."""
    take = f"{KEEP}; import os, signal; os.kill(os.getppid(), signal.SIGINT)"
    words = (
        "setup",
        "--client",
        "One",
        "--credential",
        kind,
        *to_python(take, str(outside / "kept")),
        "-y",
    )
    ended = process(*words)
    assert ended.code == 128 + signal.SIGINT, ended
    (done,) = (line for line in ended.err.splitlines() if line.startswith("Done: "))
    assert (f"{kind} One" in done, "given to exec:" in ended.err) == (True, True)
    assert not re.search(rf"May have happened:.*{kind} One", ended.err)
    (application,) = azure.applications("One")
    assert (
        len(application["passwordCredentials"] + application["keyCredentials"]),
        attempts(application),
    ) == (1, [])


@pytest.mark.parametrize("verb", ["setup", "add-client"])
def test_a_secret_that_nobody_could_remove_counts_for_nothing(
    mct: Program, azure: Sandbox, outside: Path, verb: str
) -> None:
    """As after a kill: its note at the registration leads the next run to it, and no one else's
    secret goes.
    """
    words = ("setup", "--client", "One") if verb == "setup" else ("add-client", "One")
    if verb == "add-client":
        mct("setup", "-y")
    azure.misbehave(
        {"match": {"path": ".*/removePassword"}, "fault": {"type": "status", "status": 403}}
    )
    ended = mct(*words, *to_python(FAIL), "-y", "-o", "json")
    (application,) = azure.applications("One")
    (left,) = application["passwordCredentials"]
    (told,) = ended.made
    assert (ended.code, told["savedTo"], len(attempts(application))) == (1, None, 1)
    assert (
        told["removal"]
        == f"az ad app credential delete --id {application['appId']} --key-id {left['keyId']}"
    )
    azure.behave()
    status = mct("status", "-o", "json").document
    assert "no-credential" in [finding["code"] for finding in status["findings"]], status[
        "findings"
    ]
    kept = outside / "kept"
    assert mct(*words, *to_python(KEEP, str(kept)), "-y").code == 0
    (application,) = azure.applications("One")
    (only,) = application["passwordCredentials"]
    assert (only["keyId"] != left["keyId"], works(azure, "One", kept.read_text())) == (True, True)
    assert mct("status").code == 0


def test_a_secret_is_said_to_be_there_before_the_settings_that_need_it(
    mct: Program, inside: Inside, tmp_path: Path
) -> None:
    """The note of it is still being removed then."""
    inside.state.latency_seconds = 1.0
    done = mct("setup", "--client", "One", "--secret-to", f"file:{tmp_path / 'one.env'}", "-y")
    assert done.code == 0, done
    assert done.err.count("Created secret of One") == 1
    assert done.err.index("Created secret of One") < done.err.index("Updated application settings")


def test_a_program_that_is_not_there_is_told_before_anything_is_made(
    mct: Program, azure: Sandbox
) -> None:
    ended = mct("setup", "--client", "One", "--secret-to", "exec:no-such-program set", "-y")
    assert (ended.code, azure.applications("One")) == (2, [])
    assert "Cannot find the program 'no-such-program'" in ended.err


def test_a_private_key_is_handed_over_before_its_certificate(
    mct: Program, azure: Sandbox, outside: Path
) -> None:
    kept = outside / "kept"
    certificate = ("--credential", "certificate")
    refused = mct("setup", "--client", "One", *certificate, *to_python(FAIL), "-y")
    (application,) = azure.applications("One")
    assert (refused.code, application["keyCredentials"]) == (1, [])
    assert (
        mct("setup", "--client", "One", *certificate, *to_python(KEEP, str(kept)), "-y").code == 0
    )
    assert kept.read_text().startswith("-----BEGIN PRIVATE KEY-----")


REFUSED = 1
LEAST = (
    "Application.Read.All", "Organization.Read.All", "Application.ReadWrite.OwnedBy",
    "AppRoleAssignment.ReadWrite.All",
)  # fmt: skip
CONTRIBUTOR = ("Website Contributor", SITE)
PLAIN = ("setup", "-a", SITE, "--client", "A", "-y", "-o", "json")
NINETY_DAYS = {"restrictionType": "passwordLifetime", "maxLifetime": "P90D", "state": "enabled"}
FORBIDDEN = {"restrictionType": "passwordAddition", "state": "enabled"}


def forbid(azure: Sandbox, *rules: Json) -> None:
    azure.restrict("passwordCredentials", *rules)
    azure.forget()


@pytest.mark.parametrize(
    ("rule", "more", "code"),
    [
        (NINETY_DAYS, (), "secret-lifetime-forbidden"),
        (FORBIDDEN, ("--auto-lifetime",), "secrets-forbidden"),
    ],
)
@pytest.mark.as_administrator(
    "a pipeline may not read the tenant's policy, and learns of it by the refusal"
)
def test_a_forbidden_secret_is_told_before_any_write_with_a_way_that_is_allowed(
    mct: Program, azure: Sandbox, rule: Json, more: tuple[str, ...], code: str
) -> None:
    forbid(azure, rule)
    done = mct(*PLAIN, *more)
    error = done.document["error"]
    assert (done.code, error["code"], azure.writes()) == (REFUSED, code, [])
    if rule is FORBIDDEN:
        assert "--managed-identity" in error["remedy"]
        assert mct("setup", "--managed-identity", "reports-func", "-y").code == 0, (
            "no secret, no obstacle"
        )
    else:
        offered = error["remedy"].partition("--secret-lifetime ")[2].partition(",")[0]
        assert mct(*PLAIN, "--secret-lifetime", offered).code == 0, (
            "typed as offered, it is allowed"
        )


def test_a_policy_that_cannot_be_read_refuses_later_and_nothing_is_lost(
    mct: Program, azure: Sandbox
) -> None:
    forbid(azure, NINETY_DAYS)
    caller = azure.caller(*LEAST, arm=[CONTRIBUTOR])
    done = mct(*PLAIN, env=caller)
    assert (done.code, done.document["error"]["code"]) == (REFUSED, "secret-lifetime-forbidden")
    assert "Credential lifetime exceeds the max value allowed" in done.document["error"]["message"]
    assert "--secret-lifetime 179d or less" in done.document["error"]["remedy"]
    assert "secret" in [change["resource"] for change in done.document["notDone"]]
    again = mct(*PLAIN, "--auto-lifetime", env=caller)
    assert again.code == 0, again
    (credential,) = again.made
    (secret,) = azure.applications("A")[0]["passwordCredentials"]
    (client,) = mct("status", "-o", "json").document["clients"]
    assert credential["expires"] == client["credentials"][0]["expires"]
    assert secret["endDateTime"][:19] == credential["expires"][:19]


def test_secrets_that_are_refused_later_are_told_with_the_services_words(
    mct: Program, azure: Sandbox
) -> None:
    forbid(azure, FORBIDDEN)
    caller = azure.caller(*LEAST, arm=[CONTRIBUTOR])
    warned = mct("doctor", "-a", SITE, env=caller).out
    assert (
        "If the tenant forbids client secrets, use a client without a secret: --credential "
        "certificate"
    ) in " ".join(warned.split())
    done = mct(*PLAIN, env=caller)
    assert (done.code, done.document["error"]["code"]) == (REFUSED, "secrets-forbidden")
    assert "Credential type not allowed as per assigned policy" in done.document["error"]["message"]
    assert mct(*PLAIN, "--credential", "none", env=caller).code == 0


def test_where_no_lifetime_is_short_enough_the_last_refusal_is_told(
    mct: Program, azure: Sandbox
) -> None:
    forbid(azure, {**NINETY_DAYS, "maxLifetime": "PT1H"})
    done = mct(*PLAIN, "--auto-lifetime", env=azure.caller(*LEAST, arm=[CONTRIBUTOR]))
    assert (done.code, done.document["error"]["code"]) == (REFUSED, "secret-lifetime-forbidden")
    assert azure.applications("A")[0]["passwordCredentials"] == []


def policy(*rules: Json) -> WireError:
    """What is answered to the question after a registration's own one."""
    own_policy = {"isEnabled": True, "restrictions": {"passwordCredentials": [*rules]}}
    return WireError(200, {"value": [own_policy]})


@pytest.mark.parametrize(
    ("own", "allowed"),
    [
        (policy(), True),
        (policy({**NINETY_DAYS, "maxLifetime": "P400D"}), True),
        (policy(NINETY_DAYS), False),
        (WireError(200, {"value": []}), False),
        (graph_error(403, "Authorization_RequestDenied", "No."), True),
    ],
    ids=[
        "one that allows all",
        "400 days",
        "90 days",
        "none",
        "one that cannot be read may allow it",
    ],
)
@pytest.mark.as_administrator(
    "a pipeline may not read the tenant's policy, and learns of it by the refusal"
)
def test_a_registrations_own_policy_goes_before_the_tenants(
    own: WireError, allowed: bool, mct: Program, azure: Sandbox, inside: Inside, tmp_path: Path
) -> None:
    async def answer(entry: Entry) -> None:
        if entry.path.endswith("/appManagementPolicies"):
            raise own

    assert mct(*PLAIN).code == 0
    (client,) = azure.applications("A")
    key = {"keyId": client["passwordCredentials"][0]["keyId"]}
    azure.graph("POST", f"/applications/{client['id']}/removePassword", json=key)
    for file in tmp_path.rglob("*.env"):
        file.unlink()
    assert mct(*PLAIN, "--dry-run").code == 3
    assert not [row for row in azure.log() if row["path"].endswith("/appManagementPolicies")], (
        "the tenant's allows it"
    )
    forbid(azure, NINETY_DAYS)
    inside.hooks.before.append(answer)
    planned = mct(*PLAIN, "--dry-run")
    assert (planned.code, "error" in planned.document) == (
        (3, False) if allowed else (REFUSED, True)
    ), planned


# --- shown, to nobody ---


@pytest.mark.parametrize("document", ["text", "json"])
@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_a_secret_that_could_not_be_shown_is_removed_again(
    mct: Program, azure: Sandbox, inside: Inside, tmp_path: Path, kind: str, document: str
) -> None:
    words = [
        "setup",
        "--client",
        "One",
        "--credential",
        kind,
        "--secret-to",
        "show",
        "-y",
        "-o",
        document,
    ]
    env = {**without_azure(), **azure.environment, **at_home(tmp_path)}
    # Past the question whether someone reads it, as on a disk that fills up: 16 bytes fit.
    with inside.time.flowing(), Path("/dev/full").open("w") as full:
        done = subprocess.run(
            program(words), env=env, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    (application,) = azure.applications("One")
    held = "keyCredentials" if kind == "certificate" else "passwordCredentials"
    assert (done.returncode, application[held], attempts(application)) == (1, [], []), done.stderr
    assert "Run the same command again" in done.stderr
    again = mct(*words[:-1], "json")
    (shown,) = again.made
    assert (again.code, bool(shown["secret"]), len(azure.applications("One")[0][held])) == (
        0,
        True,
        1,
    )


def test_a_night_after_a_failed_delivery_rotates(
    mct: Program, azure: Sandbox, outside: Path
) -> None:
    kept = outside / "kept"
    place = to_python(KEEP, str(outside / "kept"))
    mct("setup", "--client", "One", "--secret-lifetime", "20d", *place, "-y")
    old = kept.read_text()
    night = ("rotate-secret", "One", "--secret-lifetime", "1y", "-y", "-o", "json")
    azure.misbehave(
        {"match": {"path": ".*/removePassword"}, "fault": {"type": "status", "status": 403}}
    )
    assert mct(*night, *to_python(FAIL)).code == 1
    azure.behave()
    assert "secret-expiring" in [
        finding["code"] for finding in mct("status", "-o", "json").document["findings"]
    ]
    due = mct("rotate-secret", "One", "--dry-run", "-o", "json")
    assert due.code == 3
    assert mct(*night, *place).code == 0
    assert (
        kept.read_text() != old,
        works(azure, "One", kept.read_text()),
        works(azure, "One", old),
    ) == (True,) * 3
    assert len(azure.applications("One")[0]["passwordCredentials"]) == 2


def test_a_secret_that_is_on_its_way_from_another_machine_is_waited_for(
    mct: Program, azure: Sandbox, inside: Inside, outside: Path
) -> None:
    """Its note is there, as it is where a run was killed: which of the two it is, only time
    tells.
    """
    kept = outside / "kept"
    assert mct("setup", "--client", "One", *to_python(KEEP, str(kept)), "-y").code == 0
    (application,) = azure.applications("One")
    (secret,) = application["passwordCredentials"]
    noted = f"mct-s2s:attempt:{secret['displayName'].removeprefix('mct-s2s ').replace(' ', '_')}"
    azure.graph(
        "PATCH", f"/applications/{application['id']}", json={"tags": [*application["tags"], noted]}
    )
    began = inside.time.seconds
    arrived = list[str]()

    async def arrives(_: Entry) -> None:
        if inside.time.seconds - began > 5 and not arrived:
            arrived.append("at its place")
            path = f"/applications/{application['id']}"
            tags = {"tags": application["tags"]}
            await asyncio.to_thread(azure.graph, "PATCH", path, json=tags)

    inside.hooks.after.append(arrives)
    again = mct("setup", "--client", "One", *to_python(KEEP, str(kept)), "-y")
    assert arrived
    (held_now,) = azure.applications("One")[0]["passwordCredentials"]
    assert (again.code, held_now["keyId"]) == (0, secret["keyId"]), again


# --- before the first change ---


@pytest.mark.parametrize("what", ["the secret", "the backup"])
def test_a_full_disk_is_found_before_anything_is_made(
    azure: Sandbox, inside: Inside, tmp_path: Path, what: str
) -> None:
    """No file may have more than 200 bytes, as where the disk is all but full."""
    words = ["setup", "--client", "One", "-y", "--no-verify"]
    words += ["--backup", str(tmp_path / "before.json")] if what == "the backup" else []
    env = {**without_azure(), **azure.environment, **at_home(tmp_path)}
    limit = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200)); "
        f"sys.argv[1:] = {words}"
    )
    code = f"{limit}; runpy.run_module('mct_s2s', run_name='__main__')"
    with inside.time.flowing():
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
        )
    assert (done.returncode, azure.applications("One")) == (2, []), done.stderr
    assert "place-unwritable" in done.stderr


# --- lost by its place ---


IN_A_JOB = {"GITHUB_ACTIONS": "true", "CI": "true"}


def test_the_next_command_names_the_file_that_was_asked_for(mct: Program, tmp_path: Path) -> None:
    file = tmp_path / "four.env"
    done = mct("setup", "--client", "Four", "--secret-to", f"file:{file}", "-y", "--no-verify")
    (following,) = [line for line in done.out.splitlines() if "snippet" in line]
    words = shlex.split(following.partition("mct-s2s ")[2])
    assert f"--credentials {file}" in following
    assert mct(*words).code == 0


def test_a_job_says_that_a_secret_on_its_machine_may_be_lost(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    lost = "Credentials of 'S2S-client' go to the machine of this job"
    setup = ("setup", "--client", "S2S-client", "-y")
    planned = mct(*setup, "--dry-run", env=IN_A_JOB)
    assert lost in " ".join(planned.out.split())
    elsewhere = mct(*setup, "--dry-run", *TO_VAULT, env=IN_A_JOB)
    chosen = mct(*setup, "--dry-run", "--secret-to", f"file:{tmp_path}/kept.env", env=IN_A_JOB)
    assert lost not in " ".join((elsewhere.out + chosen.out).split())
    done = mct(*setup, "-q", env=IN_A_JOB)
    assert (done.code, lost in " ".join(done.out.split())) == (0, True)
    again = mct("rotate-secret", "S2S-client", "-y", "-o", "json", env=IN_A_JOB)
    assert again.document["credentials"]
    assert lost not in again.out, "a machine that has kept a secret keeps the next one"


@pytest.mark.as_administrator("the vaults of the subscription are listed")
def test_a_mistyped_key_vault_is_answered_with_the_one_that_was_meant(mct: Program) -> None:
    done = mct("add-client", "Import", "--secret-to", "keyvault:contosolearn-kb", "--dry-run")
    assert (done.code, "[vault-not-found]" in done.err) == (2, True)
    assert "→ Did you mean contosolearn-kv? Or choose another place: --secret-to" in done.err


def test_setup_ends_with_each_client_whose_secret_is_elsewhere_and_a_program_that_runs(
    mct: Program, outside: Path
) -> None:
    assert mct("setup", "--client", "Old", "--secret-to", f"file:{outside}/a/", "-y").code == 0
    words = ("--client", "Old", "--client", "New", "--secret-to", f"file:{outside}/b/")
    done = mct("setup", *words, "-y")
    assert done.code == 0
    (row,) = [line for line in done.out.splitlines() if line.startswith("  Old ")]
    assert row.endswith("secret kept elsewhere, or lost")
    (snippet,) = [line for line in done.out.splitlines() if "mct-s2s snippet" in line]
    assert mct(*shlex.split(snippet)[1:]).code == 0
    assert "rotate-secret" not in done.out, "the plan has said so"


def test_a_client_that_is_completed_without_its_place_names_the_vault_of_its_registration(
    mct: Program,
) -> None:
    made = mct("setup", "--client", "Import", *TO_VAULT, "--no-consent", *JSON)
    (credential,) = made.made
    done = mct("add-client", credential["appId"], "-y")
    named = f"  Secret      in {credential['savedTo']}, by a tag of its registration"
    assert named in done.out.splitlines(), done


@pytest.mark.parametrize("place", ["default", "keyvault"])
def test_status_says_that_a_secret_is_lost_from_its_place(
    mct: Program, azure: Sandbox, place: str
) -> None:
    to = TO_VAULT if place == "keyvault" else ()
    words = ("setup", "--client", "Reports", *to, "-y")
    setup = mct(*words, "-o", "json")
    assert "does not hold it" not in mct(*words).err
    if place == "keyvault":
        assert azure.vault("DELETE", f"/secrets/{saved(setup)}").is_success
        end = mct("verify").out.splitlines()[-1]
        assert end == "Not verified: no client call succeeded; 1 secret lost."
    else:
        saved_to(setup).rename(saved_to(setup).with_name("moved.env"))
    (finding,) = (
        finding
        for finding in mct("status", "-o", "json").document["findings"]
        if finding["code"] == "secret-not-stored"
    )
    assert finding["severity"] == ("warning" if place == "keyvault" else "note"), (
        "a file may be on another machine"
    )
    if place == "keyvault":
        # A tag of the registration names the place, too.
        for plain in (("setup", "--client", "Reports", "-y"), ("add-client", "Reports", "-y")):
            assert "does not get the secret of 'Reports'" in " ".join(mct(*plain).err.split())
    again = mct(*words)
    assert (again.code, len(azure.applications("Reports")[0]["passwordCredentials"])) == (0, 1)
    output = " ".join(again.err.split())
    assert (
        f"{setup.made[0]['savedTo']} does not hold it. If no one else has it, replace it:" in output
    )
    line = next(line for line in again.err.splitlines() if "mct-s2s rotate-secret Reports" in line)
    assert mct(*shlex.split(line)[1:], "-y").code == 0, line
    assert mct("status").code == 0
    assert "does not hold it" not in mct(*words).err
    assert "does not get" not in mct("setup", "--client", "Reports", "-y").err


def test_the_vault_of_a_restored_client_gets_its_secret_by_the_printed_command(
    mct: Program, azure: Sandbox
) -> None:
    """What is printed has to cure it: without the place, the new secret goes to the file again."""
    name = saved(mct(*SETUP))
    assert mct("teardown", "-a", "contosolearn", "-y").code == 0
    again = ("setup", "--client", "Reports", "-y")
    restored = mct(*again)
    assert restored.code == 0
    naming = f"name the place: --secret-to keyvault:{seed.VAULT}/{name}"
    assert naming in " ".join(restored.err.split()), restored
    told = "does not get the secret of 'Reports'"
    noted = mct(*again)
    assert told in " ".join(noted.err.split()), noted
    (line,) = [line for line in noted.err.splitlines() if "mct-s2s rotate-secret" in line]
    assert mct(*shlex.split(line)[1:], "-y").code == 0, line
    assert told not in " ".join(mct(*again).err.split())
    secret = held(azure, name)
    assert azure.token(secret["tags"]["scope"], secret["tags"]["appId"], secret["value"]).is_success


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"attributes": {"enabled": False}}, "is disabled"),
        ({"value": "theirs"}, "someone has stored something else in"),
    ],
)
def test_a_vaults_entry_that_readers_cannot_use_is_said(
    mct: Program, azure: Sandbox, entry: Json, told: str
) -> None:
    words = ("setup", "--client", "Reports", *TO_VAULT, "-y")
    name = saved(mct(*words, "-o", "json"))
    assert azure.vault(
        "PUT" if "value" in entry else "PATCH", f"/secrets/{name}", json=entry
    ).is_success
    (finding,) = (
        finding
        for finding in mct("status", "-o", "json").document["findings"]
        if finding["code"] == "secret-not-stored"
    )
    assert (finding["severity"], name in finding["message"]) == ("warning", True)
    again = mct(*words)
    assert told in " ".join(again.err.split()), again.err
    line = next(line for line in again.err.splitlines() if "mct-s2s rotate-secret Reports" in line)
    assert mct(*shlex.split(line)[1:], "-y").code == 0, line
    assert mct("status").code == 0


@pytest.mark.parametrize("place", ["file:kept.env", f"keyvault:{seed.VAULT}/kept"])
def test_a_secret_that_the_place_of_a_trust_file_has_lost_is_a_pending_change(
    mct: Program, azure: Sandbox, tmp_path: Path, place: str
) -> None:
    place = place.replace("kept.env", str(tmp_path / "kept.env"))
    file = tmp_path / "sites.toml"
    site = f'[sites.learn]\napp-service = "{SITE.rpartition("/")[2]}"\n'
    file.write_text(f'{site}[[sites.learn.clients]]\nname = "One"\nsecret-to = "{place}"\n')
    apply = ("apply", "-f", str(file), "-y", "-o", "json")
    assert mct(*apply).code == 0
    assert mct(*apply, "--dry-run").code == 0
    status = ("status", "-f", str(file))
    assert mct(*status, "-o", "json").document["sites"][0]["findings"] == []
    if place.startswith("file:"):
        (tmp_path / "kept.env").unlink()
    else:
        assert azure.vault("DELETE", "/secrets/kept").is_success
    assert mct(*apply, "--dry-run").code == 3
    seen = mct(*status)
    assert place in " ".join(seen.out.split())
    assert f"rotate-secret One -f {file}" in seen.out
    # A file may be on another machine
    assert seen.code == (0 if place.startswith("file:") else 3)
    assert mct(*apply).code == 0
    assert mct(*apply, "--dry-run").code == 0
    assert len(azure.applications("One")[0]["passwordCredentials"]) == 2, (
        "someone else may have the other one"
    )


def test_the_old_secret_goes_only_once_the_new_one_is_shown(
    mct: Program, azure: Sandbox, inside: Inside, tmp_path: Path
) -> None:
    """JSON shows it in the document at the end, which a full disk may not take."""
    first = mct("setup", "--client", "One", "--secret-to", "show", "-y", "-o", "json").made[0][
        "secret"
    ]
    words = ("rotate-secret", "One", "--secret-to", "show", "--remove-old", "-y", "-o", "json")
    env = {**without_azure(), **azure.environment, **at_home(tmp_path)}
    with inside.time.flowing(), Path("/dev/full").open("w") as full:
        done = subprocess.run(
            program(words), env=env, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, works(azure, "One", first)) == (1, True), done.stderr
    assert "Deleted    secret of One" not in done.stderr
    ended = mct(*words)
    second = ended.made[0]["secret"]
    assert (works(azure, "One", second), works(azure, "One", first)) == (True, False)
    (removal,) = (row for row in ended.document["changes"] if row["action"] == "delete")
    assert removal["detail"].endswith("; it is removed once this document is written")


def test_a_removal_that_waits_for_the_document_is_done_only_once_it_succeeded(
    mct: Program, azure: Sandbox
) -> None:
    mct("setup", "--client", "One", "--secret-to", "show", "-y", "-o", "json")
    azure.misbehave(
        {"match": {"path": "*/removePassword"}, "fault": {"type": "status", "status": 403}}
    )
    ended = mct("rotate-secret", "One", "--secret-to", "show", "--remove-old", "-y", "-o", "json")
    assert ended.code == 4
    (removal,) = (row for row in ended.document["changes"] if row["action"] == "delete")
    assert removal["detail"].endswith("; it is removed once this document is written")
    assert "Deleted    secret of One" not in ended.err


def test_a_closed_standard_error_loses_no_secret(
    azure: Sandbox, inside: Inside, tmp_path: Path
) -> None:
    """The reader of standard error leaves; standard output still has one."""
    words = ("setup", "--client", "One", "--secret-to", "show", "-y", "-o", "json")
    env = {**without_azure(), **azure.environment, **at_home(tmp_path)}
    reader, writer = os.pipe()
    os.close(reader)
    with inside.time.flowing():
        done = subprocess.run(
            program(words), env=env, stdout=subprocess.PIPE, stderr=writer, text=True, check=False
        )
    os.close(writer)
    (credential,) = json.loads(done.stdout)["credentials"]
    assert (done.returncode, works(azure, "One", credential["secret"])) == (0, True)


def test_a_secret_that_never_arrived_counts_for_nothing_in_a_scheduled_rotation(
    mct: Program, azure: Sandbox
) -> None:
    """A run that is killed cannot say so; its note at the registration does, to every machine."""
    assert mct("setup", "--client", "One", "--secret-lifetime", "20d", "-y").code == 0
    (client,) = azure.applications("One")
    (old,) = client["passwordCredentials"]
    name = {"displayName": "mct-s2s 2026-11-30 abcd"}
    orphan = azure.graph(
        "POST", f"/applications/{client['id']}/addPassword", json={"passwordCredential": name}
    )
    noted = {"tags": [*client["tags"], "mct-s2s:attempt:2026-11-30_abcd"]}
    azure.graph("PATCH", f"/applications/{client['id']}", json=noted)
    azure.advance(120)
    assert "secret-expiring" in [
        finding["code"] for finding in mct("status", "-o", "json").document["findings"]
    ]
    night = (
        "rotate-secret",
        "--expiring-within",
        "30d",
        "--secret-lifetime",
        "1y",
        "-y",
        "-o",
        "json",
    )
    assert mct(*night).code == 0
    key_ids = {
        credential["keyId"] for credential in azure.applications("One")[0]["passwordCredentials"]
    }
    assert orphan["keyId"] not in key_ids
    assert key_ids != {old["keyId"]}, "and another one was made"


def test_a_vault_that_may_have_the_secret_keeps_it(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    """The answer was lost, and then it cannot be read: what may have arrived is not removed, but
    named.
    """
    name = saved(mct(*SETUP))
    azure.advance(3600)
    stored: list[str] = []

    async def closes(entry: Entry) -> None:
        if "/secrets/" in entry.path and (entry.method == "PUT" or stored):
            stored.append(entry.method)
            raise WireError(503, {"error": {"code": "ServiceUnavailable", "message": "Try again."}})

    async def is_closed(entry: Entry) -> None:
        if stored:
            await closes(entry)

    inside.hooks.after.append(closes)
    inside.hooks.before.append(is_closed)
    ended = mct("rotate-secret", "Reports", "-y", "-o", "json")
    inside.leave_alone()
    assert (ended.code, works(azure, "Reports", held(azure, name)["value"])) == (1, True), ended
    assert ended.made[0]["removal"] is not None
    azure.advance(120)
    assert mct("rotate-secret", "Reports", "-y").code == 0
    assert works(azure, "Reports", held(azure, name)["value"])


def test_the_secret_that_was_handed_over_last_stays_when_old_ones_go(
    mct: Program, azure: Sandbox, outside: Path
) -> None:
    """No place here tells which secret is in use: the advice of a rotation, typed as it is, must
    not take it.
    """
    first, second = outside / "first", outside / "second"
    assert mct("setup", "--client", "One", *to_python(KEEP, str(first)), "-y").code == 0
    azure.advance(60)
    assert mct("rotate-secret", "One", *to_python(KEEP, str(second)), "-y").code == 0
    azure.advance(60)
    assert mct("rotate-secret", "One", "--remove-old", "-y").code == 0
    assert (works(azure, "One", second.read_text()), works(azure, "One", first.read_text())) == (
        True,
        False,
    )
    assert len(azure.applications("One")[0]["passwordCredentials"]) == 1


def test_a_note_of_what_did_arrive_goes_with_the_next_run(mct: Program, azure: Sandbox) -> None:
    """A run can be killed between the two; the vault says that it has the secret."""
    assert mct(*SETUP).code == 0
    (application,) = azure.applications("Reports")
    (secret,) = application["passwordCredentials"]
    noted = f"mct-s2s:attempt:{secret['displayName'].removeprefix('mct-s2s ').replace(' ', '_')}"
    for words in (
        SETUP,
        ("rotate-secret", "--expiring-within", "30d", *TO_VAULT, "-y", "-o", "json"),
    ):
        azure.graph(
            "PATCH",
            f"/applications/{application['id']}",
            json={"tags": [*application["tags"], noted]},
        )
        azure.advance(120)
        assert mct(*words).code == 0
        (application,) = azure.applications("Reports")
        assert (attempts(application), application["passwordCredentials"][0]["keyId"]) == (
            [],
            secret["keyId"],
        ), words


# a dry run


def test_dry_run_says_which_place_would_be_refused(mct: Program, tmp_path: Path) -> None:
    taken = tmp_path / "theirs.env"
    taken.write_text("AZURE_CLIENT_ID=someone-else\n")
    for place, reason in (
        (f"file:{taken}", f"'{taken}' is not this client's secret file"),
        ("file:/proc/x.env", "Cannot save the secret to '/proc/x.env': its folder takes no files."),
        (f"file:{taken}/x.env", f"'{taken}' is not a folder"),
        ("exec:no-such-program", "Cannot find the program 'no-such-program'"),
    ):
        words = ("setup", "--client", "A", "--secret-to", place)
        planned = mct(*words, "--dry-run")
        assert planned.code == 2, planned.err
        assert "On this machine, a run is refused:" in planned.out
        assert reason in " ".join(planned.out.split())
        assert "To apply this" not in planned.err
        refused = mct(*words, "-y")
        assert refused.code == 2
        if not place.endswith("/x.env"):
            assert reason in " ".join(refused.err.split())
            advice = " ".join(refused.err.partition("→ ")[2].split())
            assert advice.split(" mct-s2s ")[0] in " ".join(planned.out.split())
        notes = mct(*words, "--dry-run", "-o", "json").document["notes"]
        assert any("On this machine, a run is refused:" in str(note) for note in notes)


def test_dry_run_says_which_folder_would_be_created_and_creates_none(
    mct: Program, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "deep"
    words = ("setup", "--client", "A", "--secret-to", f"file:{folder}/a.env")
    planned = mct(*words, "--dry-run")
    said = f"The folder '{folder}' is created, for no one but you."
    assert said in " ".join(planned.out.split())
    assert list(tmp_path.glob("new")) == []
    assert mct(*words, "-y").code == 0
    assert (folder / "a.env").is_file()
    again = mct("setup", "--client", "B", "--secret-to", f"file:{folder}/b.env", "--dry-run")
    assert "is created, for no one but you" not in again.out


def test_no_program_is_offered_that_reads_a_file_of_a_secret_that_was_shown(mct: Program) -> None:
    mct("setup", "-y")
    done = mct("add-client", "A", "--secret-to", "show", "-y")
    assert "snippet A --credentials FILE" in done.out, done
    assert done.out.count("snippet") == 1, done
    assert "AZURE_TENANT_ID=" in done.out, done


def test_a_file_that_is_written_of_a_shown_secret_as_printed_verifies(
    mct: Program, tmp_path: Path
) -> None:
    """Also in a cloud that is not the public one."""
    done = mct("setup", "--client", "A", "--secret-to", "show", "-y")
    (secret,) = re.findall(r"shown here once: (\S+)", done.out)
    recipe = re.findall(r"(AZURE_[A-Z_]+)=([^\s,]+)", " ".join(done.out.split()))
    values = {name: value.rstrip(".") for name, value in recipe}
    lines = {**values, "AZURE_CLIENT_SECRET": secret}
    file = tmp_path / "shown.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
    file.chmod(0o600)
    verified = mct("verify", "--credentials", str(file))
    assert verified.code == 0, verified


def test_a_setup_says_why_it_shows_no_secret_and_how_to_get_one(
    mct: Program, azure: Sandbox
) -> None:
    mct("setup", "--client", "A", "-y")
    azure.forget()
    words = ("setup", "--client", "A", "--secret-to", "show")
    text, document = mct(*words, "-y"), mct(*words, *JSON)
    assert "'A' has a secret already, so that none is created and shown." in text.err
    (printed,) = printed_commands(text.err)
    assert (text.code, [*printed_commands(document.out)], azure.writes()) == (0, [printed], [])
    assert "shown here once: " in mct(*shlex.split(printed)[1:], "-y").out


def test_status_says_where_each_secret_is_kept(mct: Program) -> None:
    made = [
        mct("setup", "--client", "A", *JSON).made[0],
        mct("add-client", "B", *TO_VAULT, *JSON).made[0],
    ]
    shown = mct("status").out.splitlines()
    places = [credential["savedTo"].removeprefix("file:") for credential in made]
    assert [line.strip() for line in shown if "kept in" in line] == [
        f"kept in {places[0]}",
        f"kept in {places[1]}, as a tag of its registration says",
    ]


def test_a_snippet_names_the_file_that_the_first_rotation_will_write(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    hand = Hand(azure, is_ours=True).step_1().step_2("Hand import").step_3()
    printed = mct("snippet", "Hand import")
    assert printed.code == 0, printed.err
    named = ("--service-app", hand.service.app_id)
    rotated = mct("rotate-secret", hand.client.app_id, *named, "-y")
    assert rotated.code in {0, 3}, rotated.err
    (saved_file,) = tmp_path.rglob("secrets/**/*.env")
    assert str(saved_file) in re.sub(r"\s+", "", printed.err)
    assert str(saved_file) in printed.out
