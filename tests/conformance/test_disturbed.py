"""A run against another sandbox, which changes meanwhile, or is interrupted: what it finds, leaves and shows."""

import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.sandbox.observability.exchange import Entry
from mct_s2s.sandbox.state import seed

from conformance import command
from conformance.comparison import Tables
from conformance.redaction import strings
from conformance.story import SETTING, STEPS, Service
from tests.conformance.conftest import (
    APP_SERVICE,
    GROUP,
    OTHER,
    SITE,
    SUBSCRIPTION,
    TENANT,
    VAULT,
    Conformance,
    Quiet,
    lasting,
)
from tests.support.sandbox_inside import Hook

POST_APPLICATIONS = {"service": "Graph", "method": "POST", "path": "/v1.0/applications"}
"""The client's registration."""
BOTH_WRITES = {"settings/02", "settings/04"}


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
    assert conformance("-y").code == 3
    found = conformance.section("Differences")
    assert "- `settings/02`, `settings/04`: `status: 200 · cloud: 202`" in found
    assert set(re.findall("settings/0.", "".join(line.partition(": ")[0] for line in found))) == BOTH_WRITES
    assert conformance.section("Not compared") == []


def test_lag_is_waited_for_and_told_but_no_difference(conformance: Conformance) -> None:
    before = conformance.lasting
    conformance.cloud.azure.lag(5)
    conformance.tables = ("registrations", "principals", "consent", "consent-revoked", "removal")
    ended = conformance("-y")
    later = conformance.section("Answers that came later")
    assert (ended.code, conformance.section("Differences"), ended.err.count("Not removed")) == (0, [], 0)
    assert len(later) > 5
    assert all(" s of " in line for line in later)
    conformance.cloud.azure.advance(60)
    assert conformance.lasting == before


def test_a_refusal_is_told_with_what_could_not_be_asked(conformance: Conformance) -> None:
    fault = {"type": "status", "status": 403, "code": "Authorization_RequestDenied", "message": "Not you."}
    conformance.cloud.azure.misbehave({"match": POST_APPLICATIONS, "fault": fault})
    ended = conformance("-y")
    refused = conformance.section("Refused, most often for lack of a permission")
    left_out = conformance.section("Not compared")
    assert (ended.code, conformance.section("Differences")) == (3, [])
    assert {line.partition(":")[0] for line in refused} == {"- `registrations/12`"}
    assert len(left_out) > 5
    assert [line for line in left_out if "needs " not in line] == []


def test_throttling_is_waited_for(conformance: Conformance) -> None:
    fault = {"type": "status", "status": 429, "retryAfter": 7}
    conformance.cloud.azure.misbehave({"match": POST_APPLICATIONS, "nth": 1, "times": 2, "fault": fault})
    conformance.tables = ("registrations",)
    assert conformance("-y").code == 0
    assert conformance.section("Answers that came later") == [
        "- `registrations/12`: after 14.0 s of 429 TooManyRequests"
    ]


@pytest.mark.parametrize(
    ("method", "path", "tables"),
    [
        ("POST", "/v1.0/applications", ("registrations",)),
        ("PUT", f"{SITE}/config/appsettings", ("settings",)),
        ("PUT", "/secrets/", ("registrations", "settings", "key-vault")),
    ],
)
def test_an_interruption_leaves_nothing(
    conformance: Conformance, method: str, path: str, tables: tuple[str, ...]
) -> None:
    before = conformance.lasting
    conformance.cloud.hooks.after.append(interrupt_at(method, path))
    conformance.tables = tables
    ended = conformance("-y", "--key-vault", VAULT)
    assert (ended.code, (conformance.report / "report.md").exists()) == (143, False)
    assert (conformance.lasting, "Interrupted" in ended.err) == (before, True)


def test_what_a_killed_run_leaves_is_removed_by_its_name(
    conformance: Conformance, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = conformance.lasting

    async def killed(*_: Any, **__: Any) -> Any:
        raise RuntimeError("killed")

    conformance.tables = ("resource-manager", "registrations", "principals", "identity", "settings", "key-vault")
    with monkeypatch.context() as patch:
        patch.setattr(command, "clean", killed)
        conformance.cloud.hooks.after.append(interrupt_at("PUT", "/secrets/"))
        told = conformance("-y", "--key-vault", VAULT).err
    conformance.cloud.leave_alone()
    assert conformance.lasting != before
    run = re.findall(r"--clean-up (mct-s2s-conformance-[0-9a-f]{10})", told)[-1]
    ended = conformance("-y", "--key-vault", VAULT, "--clean-up", run)
    assert (ended.code, ended.err.count("Not removed"), conformance.lasting) == (0, 0, before)
    assert "Removed" not in conformance("-y", "--key-vault", VAULT, "--clean-up", run).err


def test_what_was_made_without_an_answer_is_removed(conformance: Conformance) -> None:
    before = conformance.lasting
    conformance.cloud.azure.misbehave({"match": POST_APPLICATIONS, "nth": 1, "fault": {"type": "lostAnswer"}})
    conformance.tables = ("registrations",)
    ended = conformance("-y")
    assert (ended.code, conformance.section("Differences")[0][:22]) == (3, "- `registrations/12`: ")
    assert conformance.lasting == before


def test_what_could_not_be_removed_is_told_with_the_command_for_it(conformance: Conformance) -> None:
    fault = {"match": {"service": "ARM", "method": "DELETE"}, "fault": {"type": "status", "status": 409}}
    conformance.cloud.azure.misbehave(fault)
    conformance.tables = ("resource-manager", "identity")
    ended = conformance("-y")
    assert (ended.code, "Not removed: user-assigned identity" in ended.err) == (1, True)
    assert "Remove it with the same options and: --clean-up mct-s2s-conformance-" in ended.err


def test_settings_of_others_stay_as_they_are_at_that_moment(conformance: Conformance) -> None:
    site = conformance.cloud.state.resources.sites[SITE.lower()]

    async def somebody(entry: Entry) -> None:
        if entry.path.endswith("/config/appsettings"):
            site.settings["THEIRS"] = "new"

    conformance.cloud.hooks.after += [somebody, interrupt_at("PUT", f"{SITE}/config/appsettings")]
    conformance.tables = ("settings",)
    conformance("-y")
    site = conformance.cloud.state.resources.sites[SITE.lower()]
    assert (site.settings["THEIRS"], SETTING in site.settings) == ("new", False)


@pytest.mark.parametrize(
    ("words", "app_service", "exit_code", "told"),
    [
        ((), APP_SERVICE, 2, "this is not an interactive terminal"),
        (("-y",), f"{APP_SERVICE}-none", 2, "The App Service"),
        (("-y",), f"{APP_SERVICE}-fa-x7k2q", 2, "is a function app"),
        (("-y", "--slot", "staging"), APP_SERVICE, 2, "without --slot"),
        (("-y", "--clean-up", "mct"), APP_SERVICE, 2, "is no name of a run"),
        (("-y", "--report", "/dev/null/x"), APP_SERVICE, 2, "--report FOLDER"),
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


def test_another_sandbox_differs_in_nothing_and_is_left_as_it_was(quiet: Quiet) -> None:
    for title in (
        "Differences",
        "Refused, most often for lack of a permission",
        "Answers that came later",
        "Not compared",
    ):
        assert quiet.conformance.section(title) == [], title
    assert (quiet.ended.code, quiet.ended.err.count("Not removed")) == (0, 0)
    assert lasting(quiet.after) == lasting(quiet.before)


def test_only_what_was_told_is_written(quiet: Quiet) -> None:
    name = re.search(r"mct-s2s-conformance-[0-9a-f]{10}", quiet.ended.err)
    assert name is not None
    for told in (SETTING, APP_SERVICE, GROUP, VAULT, TENANT, f"{name[0]}-api", f"--clean-up {name[0]}"):
        assert told in quiet.ended.err
    arm = [line for line in quiet.log if "/providers/" in line and not line.startswith("GET")]
    site, identity = f"{SITE}/config/appsettings", f"userAssignedIdentities/{name[0]}"
    assert {line for line in arm if identity not in line} == {f"PUT {site}", f"POST {site}/list"}
    assert {name[0] in line for line in quiet.log if "secrets/" in line} == {True}


def test_the_report_holds_nothing_of_the_tenant(quiet: Quiet) -> None:
    text = "\n".join(file.read_text() for file in sorted(quiet.conformance.report.iterdir()))
    own, root = set(strings(seed.seed("x").to_dict())), Path(seed.__file__).parents[3]
    code = [*(root / "mct_s2s" / "sandbox").rglob("*.py"), *(root / "scripts" / "conformance.d").rglob("*.py")]
    public = "\n".join(file.read_text() for file in code) + "\n".join(own)
    private = {value for value in strings(quiet.after) if len(value) > 3 and value not in public}
    private |= {*OTHER.values(), TENANT, SUBSCRIPTION, quiet.conformance.cloud.azure.environment["AZURE_CLIENT_SECRET"]}
    assert len(private) > 60
    assert [value for value in sorted(private) if value.lower() in text.lower()] == []
    assert re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[0-9a-f]{4}-(?!00000000)[0-9a-f]{12}", text) == []
    assert not re.search(r"eyJ[A-Za-z0-9_-]{8}|localhost|202\d-\d\d-\d\dT", text)
    assert "removed" not in text.replace("objects were not removed", "")  # the redaction of each answer was enough


def test_its_tables_are_recordings(quiet: Quiet) -> None:
    tables = Tables.read(quiet.conformance.report)
    rows = [tables[name] for name in tables]
    assert len(rows) == len(STEPS)
    assert {row["service"] for row in rows} == {service.value for service in Service}
