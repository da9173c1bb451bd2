"""Whoever can change a trust file or a handoff decides nothing before it is reviewed, nor of
another App Service.
"""

import html
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.cli import change, site_change
from mct_s2s.model.ids import client_unique_name, service_unique_name
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program
from tests.conftest import JSON, SLOT, Sandbox
from tests.security.conftest import Contributor, Member


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "trust.toml"


def test_no_one_signs_in_at_an_address_that_the_file_alone_names(
    mct: Program, azure: Sandbox, file: Path
) -> None:
    """The secret, or the pipeline's assertion, would be sent to its login service: before any
    review.
    """
    file.write_text(
        '[profiles.p]\ncloud = "https://arm.example.com"\n[sites.contosolearn]\nprofile = "p"\n'
    )
    azure.forget()
    done = mct("apply", "-f", str(file), "--dry-run", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (2, "cloud-not-confirmed")
    assert azure.log() == []


def test_a_review_runs_no_program_and_writes_no_file(
    mct: Program, azure: Sandbox, file: Path, tmp_path: Path
) -> None:
    ran, place = tmp_path / "ran", tmp_path / "place.env"
    file.write_text(
        "[sites.contosolearn]\n"
        f"[[sites.contosolearn.clients]]\nname = 'A'\nsecret-to = 'exec:touch {ran}'\n"
        f"[[sites.contosolearn.clients]]\nname = 'B'\nsecret-to = 'file:{place}'\n"
    )
    azure.forget()
    done = mct("apply", "-f", str(file), "--dry-run", "-o", "json")
    assert (done.code, azure.writes(), ran.exists(), place.exists()) == (3, [], False, False)


PROGRAM = ("snippet", "A", "--only", "contosolearn")


def test_a_trust_file_cannot_say_who_agrees_or_what_is_checked(
    mct: Program, azure: Sandbox, file: Path
) -> None:
    """Its keys are those of sites and clients: nothing of how a command works."""
    for key in (
        "yes = true",
        'expect = "0"',
        "no-preflight = true",
        "prune = true",
        'backup = "x"',
        "no-verify = true",
    ):
        file.write_text(f"[sites.contosolearn]\n{key}\n")
        done = mct("apply", "-f", str(file), "--dry-run", "-o", "json")
        assert (done.code, done.document["error"]["code"]) == (2, "trust-file-malformed")
    assert azure.writes() == []


def test_a_reviewed_plan_gives_nothing_to_what_someone_registers_meanwhile(
    mct: Program,
    azure: Sandbox,
    member: Callable[[str], Member],
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The plan said: as made by this run.

    Whoever may write the settings lists their own application of that name.
    """
    file.write_text(
        "[sites.contosolearn]\n[[sites.contosolearn.clients]]\nname = 'Nightly export'\n"
    )
    reviewed = mct("apply", "-f", str(file), "--dry-run", "-o", "json").document["fingerprint"]
    attacker = member("mallory")

    agreed = change._show_and_ask

    async def meanwhile(*about: Any, **more: Any) -> bool:
        application = attacker.graph(
            "POST", "/applications", json={"displayName": "Nightly export"}
        )
        attacker.graph("POST", "/servicePrincipals", json={"appId": application["appId"]})
        azure.write_settings({**azure.settings(), "ServiceApplicationIds": application["appId"]})
        azure.forget()
        return await agreed(*about, **more)

    monkeypatch.setattr(site_change, "STALE_SECONDS", -1.0)
    monkeypatch.setattr(change, "_show_and_ask", meanwhile)
    done = mct("apply", "-f", str(file), "--expect", reviewed, "--yes", "-o", "json")
    (site,) = done.document["sites"]
    assert (done.code, site["error"]["error"]["code"], azure.writes()) == (
        2,
        "registration-not-ours",
        [],
    )


@pytest.mark.parametrize(
    "place",
    ["exec:./tools/gh secret set A --repo evil/x", f"keyvault:{seed.VAULT}", "file:elsewhere/"],
)
def test_where_a_secret_goes_is_reviewed_whether_or_not_one_is_made_now(
    mct: Program, file: Path, place: str
) -> None:
    client = "[sites.contosolearn]\n[[sites.contosolearn.clients]]\nname = 'A'\n"
    file.write_text(client)
    assert mct("apply", "-f", str(file), "--yes", "--no-verify").code == 0
    before = mct("apply", "-f", str(file), "--dry-run", "-o", "json").document
    file.write_text(f"{client}secret-to = '{place}'\n")
    after = mct("apply", "-f", str(file), "--dry-run", "-o", "json").document
    assert before["fingerprint"] != after["fingerprint"]
    told = f"Credentials of 'A' go to: {place}"
    assert told in [note["text"] for note in after["sites"][0]["result"]["notes"]]
    assert place.removeprefix("file:") in " ".join(
        mct("apply", "-f", str(file), "--dry-run").out.split()
    )
    page = mct("apply", "-f", str(file), "--dry-run", "-o", "markdown").out
    assert place.removeprefix("file:") in html.unescape(page).replace("`", "")


def test_a_file_gets_no_secret_into_a_vault_that_only_a_tag_names(
    mct: Program, azure: Sandbox, file: Path
) -> None:
    """Whoever owns the registration of a client writes its tags, and deletes its secrets."""
    client = "[sites.contosolearn]\n[[sites.contosolearn.clients]]\nname = 'A'\n"
    file.write_text(f"{client}secret-to = 'keyvault:{seed.VAULT}/one'\n")
    assert mct("apply", "-f", str(file), "--yes").code == 0
    (application,) = azure.applications("A")
    removed = {"keyId": application["passwordCredentials"][0]["keyId"]}
    azure.graph("POST", f"/applications/{application['id']}/removePassword", json=removed)
    file.write_text(client)
    azure.forget()
    refused = mct("apply", "-f", str(file), "--yes", "-o", "json")
    (site,) = refused.document["sites"]
    assert (refused.code, site["error"]["error"]["code"], azure.writes()) == (
        2,
        "secret-place-unproved",
        [],
    )


def test_a_rotation_delivers_only_to_reviewed_places(
    mct: Program, azure: Sandbox, file: Path, tmp_path: Path
) -> None:
    """No one is asked at night: what the file says since the review is refused before anyone signs
    in.
    """
    ran = tmp_path / "ran"
    client = "[sites.contosolearn]\n[[sites.contosolearn.clients]]\nname = 'A'\n"
    file.write_text(f"{client}secret-lifetime = '20d'\n")
    assert mct("apply", "-f", str(file), "--yes", "--no-verify").code == 0
    rotate = ("rotate-secret", "-f", str(file), "--expiring-within", "30d", "-o", "json")
    file.write_text(client)
    reviewed = mct(*rotate, "--dry-run").document["fingerprint"]
    file.write_text(f"{client}secret-to = 'exec:touch {ran}'\n")
    azure.forget()
    variables = {
        "MCT_S2S_APP_SERVICE": "academy",
        "MCT_S2S_RESOURCE_GROUP": "green",
        "MCT_S2S_SLOT": "blue",
    }
    done = mct(*rotate, "--expect", reviewed, "--yes", env=variables)
    assert (done.code, done.document["error"]["code"], azure.log(), ran.exists()) == (
        2,
        "plan-not-expected",
        [],
        False,
    )
    assert mct(*rotate, "--dry-run").document["fingerprint"] in done.document["error"]["message"]
    review = shlex.split(done.document["error"]["remedy"].partition("mct-s2s ")[2])
    assert mct(*review, env=variables).code == 3
    file.write_text(client)
    azure.advance(86400)
    assert mct(*rotate, "--expect", reviewed, "--yes").code == 0, "on another day as well"
    assert mct(*rotate, "--dry-run").document["fingerprint"] == reviewed


def test_nothing_in_a_trust_file_steers_a_terminal(mct: Program, file: Path) -> None:
    file.write_text(
        '[sites."a\\u001b]0;x\\u0007"]\nrole = "\\u202e"\n[[sites."##[error]".clients]]\nname = '
        '"\\u001b[2J"\n'
    )
    done = mct("apply", "-f", str(file), "--dry-run")
    assert done.code == 2
    assert not {"\x1b", "\x07", "\u202e"} & {*done.err, *done.out}
    assert "##[" not in done.err


ELSEWHERE = "99999999-9999-4999-8999-999999999999"


def handoff(
    path: Path, azure: Sandbox, app_service: str | None = "contosolearn", **changed: str
) -> Path:
    """A file as somebody might send it."""
    settings = {
        "ServiceAuthEnabled": "true",
        "ServiceAuthAudience": f"api://{ELSEWHERE}",
        "ServiceAuthTenantName": "contosolearning.onmicrosoft.com",
        "ServiceAuthTenantId": azure.tenant_id,
        "ServiceApplicationIds": ELSEWHERE,
        "ServiceAuthRole": "S2SAppRole",
        **changed,
    }
    path.write_text(
        json.dumps(
            {"schema": "mct-s2s/handoff/v1", "appService": app_service, "settings": settings}
        )
    )
    return path


def test_a_handoff_of_another_tenant_is_refused(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    """Its callers would be let in: the App Service believes the tokens of the tenant that it is
    told.
    """
    file = handoff(
        tmp_path / "h.json",
        azure,
        ServiceAuthTenantId=ELSEWHERE,
        ServiceAuthTenantName="evil.example",
    )
    done = mct("configure-appservice", "--from", str(file), *JSON)
    assert (done.code, done.document["error"]["code"], azure.writes()) == (2, "other-tenant", [])
    assert ELSEWHERE in done.document["error"]["message"]
    assert azure.tenant_id in done.document["error"]["message"]


def test_a_tenant_id_that_is_typed_has_to_be_the_subscriptions_too(
    mct: Program, azure: Sandbox
) -> None:
    words = ("--audience", "api://x", "--tenant-name", "evil.example", "--tenant-id", ELSEWHERE)
    done = mct("configure-appservice", *words, *JSON)
    assert (done.code, done.document["error"]["code"], azure.writes()) == (2, "other-tenant", [])
    done = mct(
        "configure-appservice", "--tenant-id", azure.tenant_id.upper(), "--dry-run", "-o", "json"
    )
    assert done.document["error"]["code"] == "service-application-missing", (
        "nothing speaks against that tenant"
    )


@pytest.mark.parametrize(
    ("made_for", "slot", "code"),
    [
        ("fabrikamlearn", (), 2),
        ("contosolearn/staging", (), 2),
        ("contosolearn", ("--slot", "staging"), 2),
        ("ContosoLearn", (), 0),
        ("contosolearn/Staging", ("--slot", "staging"), 0),
        (None, (), 0),
    ],
)
def test_a_handoff_for_another_app_service_is_refused(
    mct: Program,
    azure: Sandbox,
    tmp_path: Path,
    made_for: str | None,
    slot: tuple[str, ...],
    code: int,
) -> None:
    file = handoff(tmp_path / "h.json", azure, made_for)
    done = mct("configure-appservice", "--from", str(file), *slot, *JSON)
    assert done.code == code, done
    if code:
        assert (done.document["error"]["code"], azure.writes()) == ("handoff-of-another-site", [])
        assert str(made_for) in done.document["error"]["message"]


def test_a_handoff_and_a_backup_write_nothing_to_the_directory(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.json"
    assert mct("setup", "--client", "One", "--backup", str(backup), *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    sent = handoff(
        tmp_path / "h.json",
        azure,
        ServiceAuthAudience=f"api://{service['appId']}",
        ServiceAuthRole="Their.Role",
    )
    for option, file in (("--from", sent), ("--restore", backup)):
        azure.forget()
        assert mct("configure-appservice", option, str(file), *JSON).code == 0
        assert azure.writes(), "the settings"
        assert [write for write in azure.writes() if "/v1.0/" in write] == []


@pytest.mark.parametrize("is_named_alike", [True, False])
def test_a_restore_names_no_other_client_by_the_name_of_a_deleted_one(
    mct: Program,
    azure: Sandbox,
    member: Callable[[str], Member],
    tmp_path: Path,
    is_named_alike: bool,
) -> None:
    """A command with the appId that the deleted one is called by would adopt that client."""
    mallory, file = member("mallory"), tmp_path / "backup.json"
    theirs = mallory.squat("theirs", "Theirs")["appId"]
    name = client_unique_name(
        service_unique_name("contosolearn"), theirs if is_named_alike else "One"
    )
    decoy = mallory.squat(name, theirs)
    Contributor(azure).lists(decoy["appId"])
    assert mct("configure-appservice", "--disable", "--backup", str(file), *JSON).code == 0
    mallory.graph("DELETE", f"/applications/{decoy['id']}")
    shown = mct("configure-appservice", "--restore", str(file), "--dry-run").out
    assert f"'{theirs}' is deleted, so its ID gives no access." in shown
    assert f"--client {theirs}" not in shown


def test_a_handoff_fits_only_the_app_service_it_was_made_for(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "h.json"
    words = (
        "setup",
        "--slot",
        "staging",
        "--client",
        "A",
        "--no-app-service",
        "--handoff",
        str(file),
        *JSON,
    )
    assert mct(*words).code == 0
    assert mct("configure-appservice", "--from", str(file), *JSON).code == 2
    assert mct("configure-appservice", "--slot", "staging", "--from", str(file), *JSON).code == 0
    assert azure.settings(SLOT)["ServiceAuthEnabled"] == "true"
    without = (
        "setup",
        "--service-name",
        "Our API",
        "--client",
        "A",
        "--no-app-service",
        "--handoff",
        str(file),
        *JSON,
    )
    assert mct(*without, env={"MCT_S2S_APP_SERVICE": ""}).code == 0
    assert json.loads(file.read_text())["appService"] is None


def test_the_plan_shows_the_old_and_the_new_value_of_each_setting_that_changes_and_no_secret(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    changed = {
        "ServiceAuthAudience": "api://old",
        "ServiceApplicationIds": azure.tenant_id,
        "Smtp": "hush-hush",
    }
    old = {**azure.settings(), **changed}
    azure.write_settings(old)
    azure.forget()
    file = handoff(tmp_path / "h.json", azure)
    shown = mct("configure-appservice", "--from", str(file), "--dry-run")
    assert (shown.code, azure.writes()) == (3, [])
    rows = [line.split() for line in shown.out.splitlines()]
    assert ["~", "ServiceAuthAudience", "api://old", "→", f"api://{ELSEWHERE}"] in rows
    assert ["+", "ServiceAuthTenantId", azure.tenant_id] in rows
    at = next(at for at, row in enumerate(rows) if row[1:2] == ["ServiceApplicationIds"])
    assert ELSEWHERE in {word for row in rows[at : at + 4] for word in row}, "an id a line"
    assert "hush-hush" not in shown.out + shown.err
    document = mct("configure-appservice", "--from", str(file), "--dry-run", "-o", "json").document
    (change,) = (row for row in document["changes"] if row["resource"] == "application settings")
    assert change["before"]["ServiceAuthAudience"] == "api://old"
    assert change["before"]["ServiceAuthTenantId"] is None
    assert change["after"]["ServiceAuthAudience"] == f"api://{ELSEWHERE}"


def test_a_backup_that_is_put_back_shows_no_value(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "b.json"
    assert mct("setup", "--backup", str(file), *JSON).code == 0
    azure.write_settings({**azure.settings(), "SmtpPassword": "changed-by-somebody"})
    document = json.loads(file.read_text())
    document["settings"]["SmtpPassword"] = "as-it-was-before"
    file.write_text(json.dumps(document))
    shown = mct("configure-appservice", "--restore", str(file), "--dry-run")
    assert shown.code == 3
    assert "SmtpPassword" in shown.out
    assert "as-it-was-before" not in shown.out + shown.err
    assert "changed-by-somebody" not in shown.out + shown.err
    assert "→" not in shown.out
