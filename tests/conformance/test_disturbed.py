"""A run that finds the cloud changed, is interrupted or killed: it finds just that, and leaves nothing."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from mct_s2s.sandbox.observability.request_log import Entry

from conformance import command
from conformance.journal import Journal, Place
from conformance.steps import SETTING, Kind
from tests.conformance.conftest import APP_SERVICE, SITE, VAULT, Conformance
from tests.conformance.test_two_sandboxes import lasting
from tests.conftest import Json
from tests.support.sandbox_inside import Hook

POST_APPLICATIONS = {"service": "Graph", "method": "POST", "path": "/v1.0/applications"}
"""The client's registration."""
BOTH_WRITES = ["### `settings/02`", "### `settings/04`"]


def heads(conformance: Conformance, title: str = "Differences") -> list[str]:
    """Which steps a section of the report is about."""
    return [" ".join(line.split(" ")[:2]) for line in conformance.section(title) if line.startswith("### ")]


def interrupt_at(method: str, path: str) -> Hook:
    """Send SIGTERM once, when such a request has taken effect and its answer has not left."""
    times = [1]

    async def interrupt(entry: Entry) -> None:
        if entry.method == method and entry.path.startswith(path) and times:
            times.clear()
            os.kill(os.getpid(), signal.SIGTERM)

    return interrupt


def test_a_knob_is_found_and_nothing_else(conformance: Conformance) -> None:
    directory = conformance.cloud.state.directory
    directory.variations = replace(directory.variations, settings_accept_202=True)
    conformance.tables = ("settings",)
    ended = conformance("-y")
    assert (ended.code, heads(conformance)) == (3, BOTH_WRITES)
    assert "- `status: 200 · cloud: 202`" in conformance.section("Differences")
    assert conformance.section("Not compared") == []


def test_lag_is_waited_for_and_told_but_no_difference(conformance: Conformance) -> None:
    before = conformance.cloud.state.to_dict()
    conformance.cloud.azure.lag(5)
    conformance.tables = ("registrations", "principals", "consent", "consent-revoked", "removal")
    ended = conformance("-y")
    later = conformance.section("Answers that came later")
    assert (ended.code, conformance.section("Differences"), ended.err.count("Not removed")) == (0, [], 0)
    assert len(later) > 5
    assert all("later, after " in line for line in later)
    conformance.cloud.azure.advance(60)
    assert lasting(conformance.cloud.state.to_dict()) == lasting(before)


def test_a_refusal_is_told_with_what_could_not_be_asked(conformance: Conformance) -> None:
    fault = {"type": "status", "status": 403, "code": "Authorization_RequestDenied", "message": "Not you."}
    conformance.cloud.azure.misbehave({"match": POST_APPLICATIONS, "fault": fault})
    ended = conformance("-y")
    refused = heads(conformance, "Refused, most often for lack of a permission")
    left_out = conformance.section("Not compared")
    bad_ones = ["### `registrations/28`", "### `registrations/29`"]
    assert (ended.code, heads(conformance), refused) == (3, bad_ones, ["### `registrations/12`"])
    assert len(left_out) > 20
    assert [line for line in left_out if "needs " not in line] == []


def test_throttling_is_waited_for(conformance: Conformance) -> None:
    fault = {"type": "status", "status": 429, "retryAfter": 7}
    conformance.cloud.azure.misbehave({"match": POST_APPLICATIONS, "nth": 1, "times": 2, "fault": fault})
    conformance.tables = ("registrations",)
    ended = conformance("-y")
    (later,) = conformance.section("Answers that came later")
    assert (ended.code, "throttled, after 14.0 s of 429" in later) == (0, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1.0/applications"), ("PUT", f"{SITE}/config/appsettings"), ("PUT", "/secrets/")],
)
def test_an_interruption_leaves_nothing(conformance: Conformance, method: str, path: str) -> None:
    before = conformance.cloud.state.to_dict()
    conformance.cloud.hooks.after.append(interrupt_at(method, path))
    conformance.tables = ("registrations", "settings", "key-vault")
    ended = conformance("-y", "--key-vault", VAULT)
    assert (ended.code, (conformance.report / "report.md").exists()) == (143, False)
    assert lasting(conformance.cloud.state.to_dict()) == lasting(before)
    assert (conformance.journals(), "Interrupted" in ended.err) == ([], True)


def test_what_a_killed_run_leaves_is_found(conformance: Conformance, monkeypatch: pytest.MonkeyPatch) -> None:
    before = conformance.cloud.state.to_dict()

    async def killed(*_: Any) -> Any:
        raise RuntimeError("killed")

    conformance.tables = ("registrations", "principals", "resource-manager", "identity", "settings")
    with monkeypatch.context() as patch:
        patch.setattr(command, "clean", killed)
        conformance.cloud.hooks.after.append(interrupt_at("PUT", f"{SITE}/config/appsettings"))
        conformance("-y", "--key-vault", VAULT)
    conformance.cloud.leave_alone()
    assert settings(conformance)[SETTING]
    (journal,) = conformance.journals()
    values = [value for name, value in settings(conformance).items() if name != SETTING and len(value or "") > 8]
    assert [value for value in values if value in journal.read_text()] == []
    assert "secret" not in journal.read_text().lower()
    assert lasting(conformance.cloud.state.to_dict()) != lasting(before)
    ended = conformance.clean_up()
    assert (ended.code, ended.err.count("Not removed"), conformance.journals()) == (0, 0, [])
    assert lasting(conformance.cloud.state.to_dict()) == lasting(before)
    assert "Nothing to clean up." in conformance.clean_up().err


def test_a_cloud_that_is_gone_keeps_no_other_from_being_cleaned(conformance: Conformance) -> None:
    journals = [Journal.begin(Place(cloud, "t", SITE, None), datetime(2026, 1, 1, tzinfo=UTC)) for cloud in ("x", "y")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(conformance.home / "state"))
        for journal in journals:
            with journal.held():
                journal.about_to_make(Kind.IDENTITY)
    ended = conformance.clean_up()
    assert (ended.code, ended.err.count("Invalid --cloud"), len(conformance.journals())) == (1, 2, 2)


def test_what_was_made_without_an_answer_is_found(conformance: Conformance) -> None:
    before = conformance.cloud.state.to_dict()
    conformance.cloud.azure.misbehave({"match": POST_APPLICATIONS, "nth": 1, "fault": {"type": "lostAnswer"}})
    conformance.tables = ("registrations",)
    ended = conformance("-y")
    assert (ended.code, heads(conformance)) == (3, ["### `registrations/12`"])
    assert lasting(conformance.cloud.state.to_dict()) == lasting(before)


def test_settings_of_others_stay_as_they_are_at_that_moment(conformance: Conformance) -> None:
    async def somebody(entry: Entry) -> None:
        if entry.path.endswith("/config/appsettings"):
            conformance.cloud.state.resources.sites[SITE.lower()].settings["THEIRS"] = "new"

    conformance.cloud.hooks.after.append(somebody)
    conformance.tables = ("settings",)
    ended = conformance("-y")
    assert settings(conformance)["THEIRS"] == "new"
    assert "Someone else changed these settings. They are kept: THEIRS" in ended.err


@pytest.mark.parametrize(
    ("words", "app_service", "exit_code", "told"),
    [
        ((), APP_SERVICE, 2, "this is not an interactive terminal"),
        (("-y",), f"{APP_SERVICE}-none", 1, "The App Service"),
        (("-y",), f"{APP_SERVICE}-fa-x7k2q", 2, "is a function app"),
        (("-y", "--slot", "staging"), APP_SERVICE, 2, "--slot is not supported here"),
    ],
)
def test_nothing_is_touched(
    conformance: Conformance, words: tuple[str, ...], app_service: str, exit_code: int, told: str
) -> None:
    ended = conformance(*words, app_service=app_service)
    assert ended.code == exit_code
    assert told.lower() in ended.err.lower()
    assert conformance.cloud.azure.writes() == []
    assert not (conformance.report / "report.md").exists()


def test_a_report_that_cannot_be_written_is_found_first(conformance: Conformance) -> None:
    conformance.report.write_text("a file")
    ended = conformance("-y", "--report", str(conformance.report / "below"))
    assert (ended.code, "--report FOLDER" in ended.err, conformance.cloud.log()) == (2, True, [])


def test_nothing_is_made_without_a_journal(conformance: Conformance) -> None:
    conformance.tables = ("registrations",)
    (conformance.home / "state").write_text("a file")
    ended = conformance("-y")
    assert (ended.code, "Traceback" in ended.err, conformance.cloud.azure.writes()) == (2, False, [])


def settings(conformance: Conformance) -> Json:
    """The App Service's settings as they are."""
    found: Json = dict(conformance.cloud.state.resources.sites[SITE.lower()].settings)
    return found
