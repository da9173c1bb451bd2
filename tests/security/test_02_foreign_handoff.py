"""A handoff file is believed no further than it fits the App Service that it is used for, and its effect is shown."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.conftest import JSON, SLOT, Sandbox

ELSEWHERE = "99999999-9999-4999-8999-999999999999"


def handoff(path: Path, azure: Sandbox, app_service: str | None = "contosolearn", **changed: str) -> Path:
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
    path.write_text(json.dumps({"schema": "mct-s2s/handoff/v1", "appService": app_service, "settings": settings}))
    return path


def test_a_handoff_of_another_tenant_is_refused(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    """Its callers would be let in: the App Service believes the tokens of the tenant that it is told."""
    file = handoff(tmp_path / "h.json", azure, ServiceAuthTenantId=ELSEWHERE, ServiceAuthTenantName="evil.example")
    done = mct("configure-appservice", "--from", str(file), *JSON)
    assert (done.code, done.document["error"]["code"], azure.writes()) == (2, "other-tenant", [])
    assert ELSEWHERE in done.document["error"]["message"]
    assert azure.tenant_id in done.document["error"]["message"]


def test_a_tenant_id_that_is_typed_has_to_be_the_subscriptions_too(mct: Program, azure: Sandbox) -> None:
    words = ("--audience", "api://x", "--tenant-name", "evil.example", "--tenant-id", ELSEWHERE)
    done = mct("configure-appservice", *words, *JSON)
    assert (done.code, done.document["error"]["code"], azure.writes()) == (2, "other-tenant", [])
    done = mct("configure-appservice", "--tenant-id", azure.tenant_id.upper(), "--dry-run", "-o", "json")
    assert done.document["error"]["code"] == "service-application-missing", "nothing speaks against that tenant"


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
    mct: Program, azure: Sandbox, tmp_path: Path, made_for: str | None, slot: tuple[str, ...], code: int
) -> None:
    file = handoff(tmp_path / "h.json", azure, made_for)
    done = mct("configure-appservice", "--from", str(file), *slot, *JSON)
    assert done.code == code, done
    if code:
        assert (done.document["error"]["code"], azure.writes()) == ("handoff-of-another-site", [])
        assert str(made_for) in done.document["error"]["message"]


def test_what_setup_hands_over_fits_where_it_was_made_for_alone(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "h.json"
    words = ("setup", "--slot", "staging", "--client", "A", "--no-app-service", "--handoff", str(file), *JSON)
    assert mct(*words).code == 0
    assert mct("configure-appservice", "--from", str(file), *JSON).code == 2
    assert mct("configure-appservice", "--slot", "staging", "--from", str(file), *JSON).code == 0
    assert azure.settings(SLOT)["ServiceAuthEnabled"] == "true"
    without = ("setup", "--service-name", "Our API", "--client", "A", "--no-app-service", "--handoff", str(file), *JSON)
    assert mct(*without, env={"MCT_S2S_APP_SERVICE": ""}).code == 0
    assert json.loads(file.read_text())["appService"] is None


def test_the_plan_shows_the_old_and_the_new_value_of_each_setting_that_changes_and_no_secret(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    changed = {"ServiceAuthAudience": "api://old", "ServiceApplicationIds": azure.tenant_id, "Smtp": "hush-hush"}
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


def test_a_backup_that_is_put_back_shows_no_value(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
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
