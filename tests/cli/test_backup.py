"""`--backup` keeps the settings as they were, and `configure-appservice --restore` puts them back."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.cli.schemas import check
from tests.conftest import JSON, SITE, SLOT, Sandbox


def test_settings_are_kept_before_the_first_is_written_and_can_be_put_back(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    before, file = azure.settings(), tmp_path / "settings.json"
    done = mct("setup", "--client", "One", "--backup", str(file), *JSON)
    assert done.code == 0, done
    assert file.stat().st_mode & 0o777 == 0o600
    document = json.loads(file.read_text(encoding="utf-8"))
    check(document)
    assert (document["schema"], document["appService"].lower()) == ("mct-s2s/backup/v1", SITE.lower())
    assert document["settings"] == before
    changed = azure.settings()
    assert changed != before
    foreign = next(name for name in before if not name.startswith("Service"))
    azure.write_settings({**changed, "AddedSince": "by somebody", foreign: "changed"})
    shown = mct("configure-appservice", "--restore", str(file), "--dry-run").out
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert {"- ServiceAuthEnabled true", f"~ {foreign} put back; the value is not shown"} <= set(rows)
    azure.forget()
    back = mct("configure-appservice", "--restore", str(file), *JSON)
    assert back.code == 0, back
    assert azure.settings() == {**before, "AddedSince": "by somebody"}
    assert azure.restarts() == 1
    ours = {value for name, value in changed.items() if name.startswith("Service")}
    foreigners = [value for value in before.values() if value and len(value) > 20 and value not in ours]
    assert [value for value in foreigners if value in shown + back.out + back.err] == []
    azure.forget()
    again = mct("configure-appservice", "--restore", str(file), *JSON)
    assert (again.code, azure.writes()) == (0, [])


def test_a_run_that_resumes_keeps_the_older_backup(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    words = ("setup", "--client", "One", "--backup", str(file), *JSON)
    before = azure.settings()
    refused = {"type": "status", "status": 409}
    azure.misbehave({"match": {"service": "ARM", "method": "PUT"}, "fault": refused, "times": 1})
    assert mct(*words).code == 1
    azure.behave()
    azure.write_settings({**before, "AddedSince": "by somebody"})
    done = mct(*words)
    assert done.code == 0, done
    assert "Kept the older backup" in done.err
    assert json.loads(file.read_text(encoding="utf-8"))["settings"] == before


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("setup", "--backup", "{}"), "backup-place-taken"),
        (("setup", "--backup", "{}/folder"), "backup-place-unwritable"),
        (("configure-appservice", "--restore", "{}"), "backup-unreadable"),
        (("configure-appservice", "--restore", "{}", "--disable"), "contradictory-options"),
    ],
)
def test_a_file_that_is_no_backup_is_neither_read_nor_written_over(
    mct: Program, azure: Sandbox, tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    file = tmp_path / "precious.txt"
    file.write_text("precious")
    done = mct(*(word.format(file) for word in words), *JSON)
    assert (done.code, done.document["error"]["code"]) == (2, code)
    assert (file.read_text(), azure.writes()) == ("precious", [])


def test_a_backup_goes_back_only_to_where_it_came_from(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    mct("setup", "--backup", str(file), *JSON)
    azure.forget()
    done = mct("configure-appservice", "--slot", "staging", "--restore", str(file), *JSON)
    assert (done.code, done.document["error"]["code"], azure.writes()) == (2, "backup-of-another-site", [])
    mct("configure-appservice", "--slot", "staging", "--audience", "api://x", "--tenant-name", "x", "--tenant-id",
        azure.tenant_id, "--backup", str(tmp_path / "slot.json"), *JSON)  # fmt: skip
    mct("configure-appservice", "--slot", "staging", "--restore", str(tmp_path / "slot.json"), *JSON)
    assert "ServiceAuthAudience" not in azure.settings(SLOT)
