"""The journal of this machine: it is on disk before what it announces, and others write none."""

import json
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from mct_s2s.engine.journal import JournalFile, read_journal
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.ids import ApplicationObjectId, KeyId
from mct_s2s.model.journal import BegunCredential, Journal

SITE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/contosolearn"
BEGUN = BegunCredential(
    ApplicationObjectId("object-1"), CredentialKind.SECRET, "mct-s2s 2026-11-24 a1b2"
)
CERTIFICATE = replace(BEGUN, kind=CredentialKind.CERTIFICATE)
DELIVERED = replace(BEGUN, key_id=KeyId("key-1"), is_delivered=True, replaces=KeyId("key-0"))


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("MCT_S2S_STATE_DIR", str(folder))
    return folder


@pytest.fixture
def said() -> list[str]:
    return []


def file_of(state: Path) -> Path:
    (file,) = state.rglob("*.journal")
    return file


def test_what_is_announced_is_there_for_the_next_run(said: list[str]) -> None:
    journal = JournalFile(SITE, said.append)
    journal.begin(BEGUN)
    journal.begin(CERTIFICATE)
    assert read_journal(SITE.upper()) == Journal((BEGUN, CERTIFICATE))
    journal.begin(DELIVERED)
    assert JournalFile(SITE, said.append).content == Journal((CERTIFICATE, DELIVERED))
    assert read_journal(f"{SITE}2") == Journal()
    assert said == []


def test_a_journal_without_entries_leaves_no_file(state: Path, said: list[str]) -> None:
    journal = JournalFile(SITE, said.append)
    journal.begin(BEGUN)
    journal.strike_out(DELIVERED)
    assert [*state.rglob("*.journal*")] == []


@pytest.mark.skipif(sys.platform == "win32", reason="no modes of this kind")
def test_no_one_else_may_read_the_journal(state: Path, said: list[str]) -> None:
    JournalFile(SITE, said.append).begin(BEGUN)
    assert stat.S_IMODE(file_of(state).stat().st_mode) == 0o600
    assert stat.S_IMODE(file_of(state).parent.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="no modes of this kind")
def test_a_journal_that_others_can_write_is_not_believed(state: Path, said: list[str]) -> None:
    JournalFile(SITE, said.append).begin(BEGUN)
    file_of(state).chmod(0o666)
    assert read_journal(SITE) == Journal()
    assert JournalFile(SITE, said.append).content == Journal()
    assert "cannot be kept" in said[0]


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "{}",
        '{"credentials": [{"object_id": "x"}]}',
        json.dumps({"credentials": [{**vars(BEGUN), "kind": "another"}]}),
    ],
)
def test_a_journal_of_another_form_is_kept_aside_and_stops_nothing(
    text: str, state: Path, said: list[str]
) -> None:
    JournalFile(SITE, said.append).begin(BEGUN)
    file = file_of(state)
    file.write_text(text)
    assert read_journal(SITE) == Journal()
    journal = JournalFile(SITE, said.append)
    journal.begin(BEGUN)
    assert read_journal(SITE) == Journal((BEGUN,))
    (aside,) = state.rglob("*.journal.unreadable")
    assert (aside.read_text(), aside.name in said[0]) == (text, True)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no modes of this kind")
def test_a_journal_that_cannot_be_written_is_said_once_and_the_run_goes_on(
    state: Path, said: list[str]
) -> None:
    state.write_text("a file in place of the folder")
    journal = JournalFile(SITE, said.append)
    journal.begin(BEGUN)
    journal.begin(DELIVERED)
    assert journal.content == Journal((DELIVERED,))
    (warning,) = said
    assert "MCT_S2S_STATE_DIR" in warning
