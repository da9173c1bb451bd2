"""`verify`: what it proves, what it disproves and why, and what it leaves open; the remedy it
prints is run.
"""

import re
import shlex
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program, reading, values_in
from tests.conftest import FUNCTION_APP, SITE, Json, Sandbox


@pytest.fixture
def mct(mct: Program) -> Program:
    return reading(mct)


SETUP = ("setup", "--client", "S2S-client", "-y")


def checks(ended: Ended) -> dict[tuple[str | None, str], Any]:
    rows = ended.document["checks"]
    by_check = {(row["client"], row["check"]): row for row in rows}
    assert len(by_check) == len(rows)
    return by_check


def verdicts(ended: Ended) -> dict[tuple[str | None, str], Any]:
    return {key: row["ok"] for key, row in checks(ended).items()}


def saved(home: Path) -> Path:
    (file,) = home.rglob("*.env")
    return file


def disproved(
    mct: Program, check: str = "call", client: str = "S2S-client", more: tuple[str, ...] = ()
) -> Any:
    """What `verify` says of the check that fails, or that could not be made."""
    ended = mct("verify", *more, "-o", "json")
    assert (ended.code, ended.document["proved"]) == (3, False), ended
    return checks(ended)[client, check]


def is_mended_by(remedy: str, mct: Program) -> None:
    program, *words = shlex.split(remedy)
    assert program == "mct-s2s"
    assert mct(*words, "-y").code == 0
    assert mct("verify").code == 0


def test_a_client_is_proved_by_its_saved_file(mct: Program, azure: Sandbox) -> None:
    assert mct(*SETUP).code == 0
    azure.forget()
    ended = mct("verify", "-v", "-o", "json")
    assert (ended.code, ended.document["proved"]) == (0, True)
    assert verdicts(ended) == {
        (None, "without-token"): True, ("S2S-client", "token"): True, ("S2S-client", "call"): True,
    }  # fmt: skip
    message = checks(ended)["S2S-client", "token"]["message"]
    assert message.startswith("Entra ID issued a token for its secret (file:")
    assert sorted(row["status"] for row in azure.log("site")) == [200, 401]
    assert azure.writes() == []
    assert azure.leaks() == []
    assert "eyJ" not in ended.out + ended.err
    assert "MCT   GET    /api/v1/organization 200" in ended.err


def test_a_file_that_another_address_of_the_sandbox_has_saved_is_named(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    assert mct(*SETUP).code == 0
    folder = saved(tmp_path).parents[2]
    folder.rename(folder.with_name("sandbox"))
    remedy = checks(mct("verify", "-o", "json"))["S2S-client", "call"]["remedy"]
    assert "--credentials" in remedy
    assert mct(*shlex.split(remedy)[1:]).code == 0, remedy
    folder.with_name("sandbox").rename(folder.with_name("contoso.example-443"))
    remedy = checks(mct("verify", "-o", "json"))["S2S-client", "call"]["remedy"]
    assert " --credentials FILE " in remedy


def test_the_one_liner_proves_a_managed_identity_from_inside(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--managed-identity", "reports-func", "-y").code == 0
    row = disproved(mct, "call", "reports-func", ("reports-func",))
    assert row["ok"] is None, "nobody was answered"
    words = shlex.split(row["remedy"])[1:]
    dead = {
        "IDENTITY_ENDPOINT": f"{azure.origin}/_sandbox/identity/none/msi/token",
        "IDENTITY_HEADER": "x",
    }
    assert verdicts(mct(*words, "-o", "json", env=dead))["this machine", "token"] is False
    inside = {name: "" for name in azure.environment if name.startswith(("AZURE_", "MCT_S2S_"))}
    azure.forget()
    proved = mct(*words, "-o", "json", env={**inside, **azure.identity_environment(FUNCTION_APP)})
    assert (
        proved.code,
        verdicts(proved)["this machine", "call"],
        verdicts(proved)[None, "without-token"],
    ) == (
        0,
        True,
        True,
    )
    assert {row["service"] for row in azure.log()} == {"identity", "site"}, (
        "no reading rights were needed"
    )
    stranger = f"{SITE}-fa-x7k2q"
    refused = mct(*words, "-o", "json", env={**inside, **azure.identity_environment(stranger)})
    row = checks(refused)["this machine", "call"]
    assert (refused.code, row["ok"], "object ID" in row["message"]) == (3, False, True)
    assert "up to 24 hours" in row["remedy"]


def test_a_client_proves_itself_without_any_right_to_look(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    assert mct(*SETUP).code == 0
    file = saved(tmp_path)
    values = values_in(file)
    audience = values["MCT_S2S_SCOPE"].removesuffix("/.default")
    azure.forget()
    assert (
        mct("verify", "--credentials", str(file), "--audience", audience).code,
        azure.log("graph"),
    ) == (0, [])
    wrong = mct("verify", "--credentials", str(file), "--audience", f"{audience}0")
    assert (wrong.code, wrong.seconds < 5) == (3, True), (
        "the service application of a new credential is another one"
    )
    assert "Check --audience" in wrong.out, wrong
    by_environment = mct(
        "verify", "--auth", "environment", "--audience", audience, "-o", "json", env=values
    )
    assert by_environment.code == 0
    assert verdicts(by_environment)[values["AZURE_CLIENT_ID"], "call"] is True


def test_a_client_is_proved_by_the_key_vault_that_its_registration_names(
    mct: Program, azure: Sandbox
) -> None:
    in_vault = ("--secret-to", f"keyvault:{seed.VAULT}", "-o", "json")
    setup = mct(*SETUP, *in_vault)
    place = setup.document["credentials"][0]["savedTo"]
    ended = mct("verify", "-o", "json")
    assert ended.code == 0
    assert f"({place})" in checks(ended)["S2S-client", "token"]["message"]
    assert azure.vault("DELETE", f"/secrets/{place.rpartition('/')[2]}").is_success
    message = disproved(mct)["message"]
    assert f"Who reads {place} does not get the secret" in message


def test_the_secret_of_another_client_that_a_tag_names_is_not_used(
    mct: Program, azure: Sandbox
) -> None:
    """Who owns a registration writes its tags."""
    in_vault = ("--secret-to", f"keyvault:{seed.VAULT}", "-o", "json")
    setup = mct(*SETUP, *in_vault)
    place = setup.document["credentials"][0]["savedTo"].removeprefix("keyvault:")
    assert mct("add-client", "Other", "--credential", "none", "-y").code == 0
    (other,) = azure.applications("Other")
    tags = [*other["tags"], f"mct-s2s:vault:{place}"]
    azure.graph("PATCH", f"/applications/{other['id']}", json={"tags": tags})
    assert ("Other", "call") not in verdicts(mct("verify", "Other", "-o", "json"))


def test_a_client_without_any_credential_fails_as_in_status(mct: Program, azure: Sandbox) -> None:
    mct(*SETUP)
    mct("add-client", "Bare", "--credential", "none", "-y", "--no-verify")
    verified = mct("verify", "-o", "json")
    (finding,) = mct("status", "-o", "json").document["findings"]
    (row,) = [row for row in verified.document["checks"] if row["client"] == "Bare"]
    assert (verified.code, row["ok"]) == (3, False), row
    assert (row["message"], row["remedy"]) == (finding["message"], finding["remedy"])
    assert "add-client" in row["remedy"]


def test_credentials_come_from_a_named_file_or_the_environment(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "elsewhere.env"
    assert mct(*SETUP, "--secret-to", f"file:{file}").code == 0
    assert mct("add-client", "Deploy", "--github", "o/r", "-y", "--no-verify").code == 0
    row = disproved(mct, client="Deploy")
    assert (row["remedy"], "--credentials" in row["message"]) == (None, False), (
        "nothing is stored or replaced"
    )
    row = disproved(mct)
    assert row["ok"] is None
    assert row["remedy"].startswith("mct-s2s verify ")
    assert " --credentials FILE " in row["remedy"]
    assert mct("verify", "--credentials", str(file)).code == 0
    assert mct("verify", "--client", "s2s-CLIENT", "--credentials", str(file)).code == 0
    assert mct("verify", "--auth", "environment", env=values_in(file)).code == 4, (
        "a client may not look"
    )
    nobody = mct("verify", "--client", "Nobody", "-o", "json")
    assert (nobody.code, nobody.document["error"]["code"]) == (2, "client-unknown")
    missing = mct("verify", "--credentials", str(tmp_path / "none.env"), "-o", "json")
    assert (missing.code, missing.document["error"]["code"]) == (2, "credentials-unreadable")


def test_a_file_of_another_client_than_is_named_is_refused_and_says_whose_it_is(
    mct: Program, tmp_path: Path
) -> None:
    file = tmp_path / "one.env"
    assert mct(*SETUP, "--secret-to", f"file:{file}").code == 0
    assert mct("add-client", "Other", "-y", "--no-verify").code == 0
    refused = mct("verify", "Other", "--credentials", str(file), "-o", "json")
    error = refused.document["error"]
    client_id = values_in(file)["AZURE_CLIENT_ID"]
    assert (refused.code, error["code"]) == (2, "contradictory-options")
    whose = f"is of the client 'S2S-client' ({client_id}), not of 'Other'."
    assert whose in error["message"]
    (tested,) = re.findall("mct-s2s .*", error["remedy"])
    assert mct(*shlex.split(tested)[1:]).code == 0
    content = file.read_text(encoding="utf-8").replace(client_id, SITE.split("/")[2])
    file.write_text(content, encoding="utf-8")
    refused = mct("verify", "Other", "--credentials", str(file))
    assert f"is of the client {SITE.split('/')[2]}, not of 'Other'." in refused.err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ServiceAuthEnabled": "false"}, "ServiceAuthEnabled is 'false'"),
        ({"ServiceAuthAudience": "api://other"}, "ServiceAuthAudience is 'api://other'"),
        ({"ServiceAuthTenantId": "00000000-0000-0000-0000-000000000001"}, "ServiceAuthTenantId is"),
        (
            {"ServiceAuthTenantName": "fabrikam.onmicrosoft.com"},
            "ServiceAuthTenantName is 'fabrikam.onmicrosoft.com'",
        ),
        ({"ServiceApplicationIds": ""}, "ServiceApplicationIds does not contain the appId"),
        ({"ServiceAuthRole": "Other"}, "ServiceAuthRole is 'Other'"),
    ],
)
def test_a_refusal_names_the_setting_that_differs_and_its_remedy_mends_it(
    mct: Program, azure: Sandbox, change: dict[str, str], told: str
) -> None:
    assert mct(*SETUP).code == 0
    azure.write_settings({**azure.settings(), **change})
    row = disproved(mct)
    assert (row["ok"], told in row["message"]) == (False, True), row
    is_mended_by(row["remedy"], mct)


def test_settings_that_wait_for_a_restart_are_told_as_such(mct: Program, azure: Sandbox) -> None:
    assert mct(*SETUP).code == 0
    # What the process runs with is older than what is set.
    state = azure.state()
    site = state["resources"]["sites"][SITE.lower()]
    site |= {"effective": {**site["settings"], "ServiceApplicationIds": ""}, "ready_at": 0.0}
    azure.load(state)
    row = disproved(mct)
    assert "may need a restart" in row["message"]
    assert row["remedy"].startswith("az webapp restart -g mct-prod -n contosolearn")


@pytest.mark.parametrize("is_young", [True, False])
def test_a_token_that_entra_refuses_is_explained(
    mct: Program, azure: Sandbox, tmp_path: Path, is_young: bool
) -> None:
    """What may still be on its way is waited for, no longer than the deadline."""
    assert mct(*SETUP).code == 0
    file = saved(tmp_path)
    file.write_text(
        file.read_text()
        .replace("AZURE_CLIENT_SECRET=", "AZURE_CLIENT_SECRET=X")
        .partition("# mct-s2s")[0]
    )
    azure.advance(0 if is_young else 3600)
    azure.forget()
    row = disproved(mct, "token", more=("--timeout", "12"))
    refused = [
        row for row in azure.log("entra") if row["path"].endswith("/token") and row["status"] == 401
    ]
    assert len(refused) > 3 if is_young else len(refused) == 1, "once, unless it may be on its way"
    assert "AADSTS7000215" in row["message"]
    assert row["remedy"].startswith("mct-s2s rotate-secret ")
    waits = re.findall(
        r"Testing .*: refused so far; waiting for Entra ID to replicate what is new "
        r"\(until \d\d:\d\d:\d\dZ at most\)",
        mct("verify", "--timeout", "12").err,
    )
    assert len(waits) == is_young, "who has typed a wrong secret need not wait"


def test_an_expired_secret_is_told_at_once_also_where_its_client_is_new(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    """Waiting can't help, and a person made it: no note says when."""
    assert mct(*SETUP).code == 0
    (client,) = azure.applications("S2S-client")
    soon = (azure.now() + timedelta(seconds=60)).isoformat().replace("+00:00", "Z")
    body = {"passwordCredential": {"displayName": "by hand", "endDateTime": soon}}
    made = azure.graph("POST", f"/applications/{client['id']}/addPassword", json=body)
    file = saved(tmp_path)
    text = file.read_text().partition("# mct-s2s")[0]
    old = values_in(file)["AZURE_CLIENT_SECRET"]
    file.write_text(text.replace(old, made["secretText"]))
    azure.advance(90)
    azure.forget()
    ended = mct("verify", "-o", "json")
    row = checks(ended)["S2S-client", "token"]
    asked = [row for row in azure.log("entra") if row["path"].endswith("/token")]
    assert (ended.code, [row["status"] for row in asked].count(401)) == (3, 1)
    assert "AADSTS7000222" in row["message"]
    assert row["remedy"].startswith("mct-s2s rotate-secret ")


def test_a_service_application_that_is_disabled_is_enabled_by_the_printed_command(
    mct: Program, azure: Sandbox
) -> None:
    """No new secret: it would stop the clients for longer."""
    assert mct("setup", "--client", "A", "-y").code == 0
    service = mct("status", "-o", "json").document["serviceApplication"]
    azure.graph(
        "PATCH",
        f"/servicePrincipals/{service['servicePrincipalId']}",
        json={"accountEnabled": False},
    )
    done = mct("verify", "-o", "json")
    remedies = " ".join(check["remedy"] or "" for check in done.document["checks"])
    assert (
        f"az ad sp update --id {service['applicationIdUri']} --set accountEnabled=true" in remedies
    )
    assert "rotate-secret" not in remedies


def test_verify_names_a_revoked_consent_from_the_token(mct: Program, azure: Sandbox) -> None:
    assert mct(*SETUP).code == 0
    service = mct("status", "-o", "json").document["serviceApplication"]["servicePrincipalId"]
    (assignment,) = azure.graph("GET", f"/servicePrincipals/{service}/appRoleAssignedTo")["value"]
    azure.graph("DELETE", f"/servicePrincipals/{service}/appRoleAssignedTo/{assignment['id']}")
    ended = mct("verify", "-o", "json")
    assert (ended.code, ended.seconds < 5) == (3, True), (
        "a role that will not come is not waited for"
    )
    row = checks(ended)["S2S-client", "call"]
    assert (row["ok"], "no role" in row["message"]) == (False, True)
    is_mended_by(row["remedy"], mct)


def test_an_api_that_answers_without_a_token_is_an_error(mct: Program, azure: Sandbox) -> None:
    assert mct(*SETUP).code == 0
    ended = mct("verify", "--path", "/", "-o", "json")
    assert (ended.code, ended.document["proved"]) == (3, False)
    assert verdicts(ended)[None, "without-token"] is False
    assert verdicts(ended)["S2S-client", "call"] is True


def test_verify_before_setup_says_that_there_is_nothing_to_prove(
    mct: Program, azure: Sandbox
) -> None:
    ended = mct("verify", "-o", "json")
    assert ended.code == 3
    (row,) = ended.document["checks"]
    assert (row["check"], row["remedy"].startswith("mct-s2s setup -a contosolearn")) == (
        "configured",
        True,
    )
    assert azure.log("site") == []


def test_verify_of_a_site_without_clients_says_so_with_the_command_that_adds_one(
    mct: Program, azure: Sandbox
) -> None:
    assert mct("setup", "-y").code == 0
    done = mct("verify")
    assert (done.code, "has no clients: nothing can call its API yet." in done.out) == (3, True)
    assert "→ mct-s2s add-client NAME -a contosolearn" in done.out, done


def test_what_talks_to_a_sandbox_calls_no_site_elsewhere(mct: Program) -> None:
    """Not even one that the user names: whoever has that name would get the token."""
    assert mct(*SETUP).code == 0
    with socket.create_server(("127.0.0.2", 0)) as stranger:
        stranger.settimeout(0.1)
        row = disproved(mct, more=("--url", f"https://127.0.0.2:{stranger.getsockname()[1]}"))
        assert row["ok"] is None
        assert "is not on this machine, as the sandbox is" in row["message"]
        with pytest.raises(TimeoutError):
            stranger.accept()


def test_a_site_that_is_stopped_or_out_of_reach_is_told(mct: Program, azure: Sandbox) -> None:
    assert mct(*SETUP).code == 0
    assert disproved(mct, more=("--url", "https://localhost:9"))["ok"] is None
    azure.misbehave({"match": {"service": "MCT"}, "fault": {"type": "status", "status": 503}})
    assert "503: the site is still starting" in disproved(mct, more=("--timeout", "8"))["message"]
    azure.behave()
    azure.arm("POST", f"{SITE}/stop")
    stopped = mct("verify", "-o", "json")
    assert (stopped.code, [(row["check"], row["ok"]) for row in stopped.document["checks"]]) == (
        3,
        [("running", False)],
    )


@pytest.mark.parametrize("front", ["network", "authentication", "bearer"])
def test_who_answered_in_place_of_the_api_is_told_by_its_marks(
    mct: Program, azure: Sandbox, front: str
) -> None:
    """A network's 403 proves nothing.

    Only App Service Authentication is to be opened for the API, never the API.
    """
    assert mct(*SETUP).code == 0
    azure.write_settings({**azure.settings(), "ServiceAuthRole": "Another"})
    azure.advance(60)
    azure.vary(site_front=front)
    ended = mct("verify", "-o", "json")
    without, call = checks(ended)[None, "without-token"], checks(ended)["S2S-client", "call"]
    assert ended.code == 3
    assert (without["ok"], call["ok"]) == {"network": (None, None)}.get(front, (True, False))
    opens = "App Service Authentication" in call["remedy"]
    assert opens is (front == "authentication")
    if front == "network":
        assert "--url https://NAME.azurefd.net" in call["remedy"]
        assert "not tested from here" in without["message"]
    elif front == "bearer":
        assert "ServiceAuthRole" in call["message"]


def test_a_network_that_refuses_this_machine_makes_no_setup_fail(
    mct: Program, azure: Sandbox
) -> None:
    azure.vary(site_front="network")
    done = mct(*SETUP, "-o", "json")
    assert (done.code, done.document["verification"]["proved"]) == (0, False), done


def test_setup_and_add_client_end_with_the_proof(mct: Program, azure: Sandbox) -> None:
    azure.lag(2.0)
    azure.restart_takes(3.0)
    done = mct(*SETUP, "-o", "json")
    proof = done.document["verification"]
    assert (done.code, proof["proved"]) == (0, True)
    assert {row["client"] for row in proof["checks"]} == {None, "S2S-client"}
    azure.lag(0)
    more = mct("add-client", "B", "--secret-to", "show", "-y")
    assert (more.code, "✓ B can call contosolearn" in more.out) == (0, True)
    azure.forget()
    again = mct(*SETUP, "-o", "json")
    assert (again.code, again.document["verification"]) == (0, None)
    assert azure.log("site") == [], "nothing changed, so nothing is proved"


@pytest.mark.parametrize(
    "option", ["--no-verify", "--no-consent", "--no-restart", "--dry-run", "--no-app-service"]
)
def test_setup_proves_nothing_if_not_wanted_or_if_it_cannot_succeed(
    mct: Program, azure: Sandbox, option: str
) -> None:
    done = mct(*SETUP, option, "-o", "json")
    assert (done.code, done.document["verification"]) == (3 if option == "--dry-run" else 0, None)
    assert azure.log("site") == []


@pytest.mark.parametrize(
    ("fault", "code", "ok"),
    [({"type": "status", "status": 404}, 3, False), ({"type": "reset"}, 0, None)],
)
def test_a_proof_that_fails_or_is_out_of_reach_is_told_and_the_changes_stay(
    mct: Program, azure: Sandbox, fault: Json, code: int, ok: bool | None
) -> None:
    azure.misbehave({"match": {"service": "MCT"}, "fault": fault})
    done = mct(*SETUP, "-o", "json")
    azure.behave()
    proof = done.document["verification"]
    assert (done.code, proof["proved"]) == (code, False)
    assert {row["ok"] for row in proof["checks"] if row["check"] == "call"} == {ok}
    azure.forget()
    assert (mct(*SETUP).code, azure.writes(), mct("verify").code) == (0, [], 0)
