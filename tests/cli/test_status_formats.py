"""`status` over a subscription and in the formats of others, and what a command shows while it
runs.
"""

import csv
import io
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mct_s2s.sandbox.observability.exchange import Entry
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program, at_terminal
from tests.conftest import Json, Sandbox
from tests.support.sandbox_inside import Inside
from tests.support.secret_search import secrets_in

JSON = ("-o", "json")
FORMATS = ("csv", "markdown")
READ = ("Application.Read.All", "Organization.Read.All")
SOON = f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%d}"


_KEPT: list[Json] = []
"""The state of `subscription`, made once."""


@pytest.fixture
def subscription(mct: Program, azure: Sandbox, inside: Inside) -> Sandbox:
    """Two MCT App Services that are set up, one that is not, and a shop."""
    if not _KEPT:
        azure.add_site(name="contosotrain", group="mct-test")
        azure.add_site(name="contosonew", group="mct-new")
        azure.add_site(name="contosonew-fa-a1b2c", group="mct-new", kind="functionapp")
        azure.add_site(name="shop", group="web")
        ready = ("-y", "--no-verify", "--no-restart")
        assert (
            mct("setup", "--client", "Import", "--managed-identity", "reports-func", *ready).code
            == 0
        )
        train = (
            "-a",
            "contosotrain",
            "-g",
            "mct-test",
            "--client",
            "Training",
            "--secret-lifetime",
            SOON,
        )
        assert mct("setup", *train, *ready).code == 0
        _KEPT.append(inside.keep())
    inside.become(_KEPT[0])
    return azure


def notes(done: Ended) -> list[str]:
    """Standard error without the line that says who signs in."""
    return [line for line in done.err.splitlines() if not line.startswith("Signing in")]


def names(done: Ended) -> list[str]:
    return [site["appService"]["name"] for site in done.document["sites"]]


def test_status_all_has_the_slots_that_have_settings_of_their_own(
    mct: Program, subscription: Sandbox, inside: Inside
) -> None:
    before = [row.path for row in _requests(mct, inside)]
    slot = ("--slot", "staging", "--no-verify", "--no-restart", "-y")
    assert mct("setup", "--client", "Import", *slot).code == 0
    after = [row.path for row in _requests(mct, inside)]
    done = mct("status", "--all", *JSON)
    assert [
        (site["appService"]["name"], site["appService"]["slot"]) for site in done.document["sites"]
    ] == [
        ("contosolearn", None),
        ("contosolearn", "staging"),
        ("contosonew", None),
        ("contosotrain", None),
    ]
    assert "contosolearn/staging" in mct("status", "--all").out
    # One request for each slot that there is tells whether it is a site; without slots, there is
    # none.
    assert len([path for path in before if "/slots/" in path]) == 1
    assert [path for path in after if "contosotrain" in path] == [
        path for path in before if "contosotrain" in path
    ]


def test_status_all_names_the_slots_whose_settings_cannot_be_read(
    mct: Program, subscription: Sandbox
) -> None:
    settings = {"path": "*/slots/staging/config/appsettings/list"}
    subscription.misbehave(
        {"match": settings, "fault": {"type": "status", "status": 409}, "times": 99}
    )
    done = mct("status", "--all", *JSON)
    subscription.behave()
    assert done.document["unchecked"] == [f"{seed.SITE}/slots/staging"]


def _requests(mct: Program, inside: Inside) -> list[Entry]:
    inside.pipeline.observability.log.clear()
    mct("status", "--all")
    return sorted(inside.log(), key=lambda row: row.path)


def test_status_all_has_every_mct_app_service_and_no_other(
    mct: Program, subscription: Sandbox
) -> None:
    done = mct("status", "--all", *JSON)
    assert (done.code, notes(done)) == (3, [])
    assert names(done) == ["contosolearn", "contosonew", "contosotrain"]
    assert [site["healthy"] for site in done.document["sites"]] == [True, False, False]
    assert (done.document["failed"], done.document["unchecked"]) == ([], [])
    assert subscription.writes() == []
    remedies = [
        finding["remedy"] for site in done.document["sites"] for finding in site["findings"]
    ]
    assert [remedy.partition(" -a ")[2].split()[0] for remedy in remedies] == [
        "contosonew",
        "contosotrain",
    ]


def test_an_app_service_that_fails_is_reported_and_the_others_are_shown(
    mct: Program, subscription: Sandbox
) -> None:
    broken = {
        "match": {"path": "*/sites/contosotrain"},
        "fault": {"type": "status", "status": 409},
        "times": 99,
    }
    subscription.misbehave(broken)
    done = mct("status", "--all", *JSON)
    subscription.behave()
    assert names(done) == ["contosolearn", "contosonew"]
    assert [failed["appService"].rpartition("/")[2] for failed in done.document["failed"]] == [
        "contosotrain"
    ]
    assert done.code == 1
    assert "contosotrain" in done.err


def test_each_format_has_all_sites_and_is_read_by_its_own_programs(
    mct: Program, subscription: Sandbox
) -> None:
    done = {form: mct("status", "--all", "-o", form) for form in FORMATS}
    for each in done.values():
        text = each.out.replace("\r\n ", "")
        assert (each.code, notes(each)) == (3, [])
        assert all(fact in text for fact in ("contosotrain", "Training", "mct-s2s rotate-secret"))
    rows = csv.DictReader(io.StringIO(done["csv"].out.removeprefix("\ufeff"), newline=""))
    assert {row["appService"] for row in rows} >= {"contosolearn", "contosonew", "contosotrain"}
    assert done["markdown"].out.startswith("# ")


def test_a_subscription_without_mct_is_not_what_was_meant(mct: Program, azure: Sandbox) -> None:
    other = "22222222-2222-4222-8222-222222222222"
    azure.add_site(name="shop", group="web", subscription=other)
    done = mct("status", "--all", "-s", other)
    assert done.code == 3
    assert "No MCT App Service found" in done.out


def test_a_web_app_whose_settings_may_not_be_read_is_named(
    mct: Program, subscription: Sandbox
) -> None:
    arm = [("Reader", seed.SUBSCRIPTION), ("Website Contributor", seed.SITE)]
    done = mct("status", "--all", *JSON, env=subscription.caller(*READ, arm=arm))
    assert "contosolearn" in names(done)
    unchecked = [resource.rpartition("/")[2] for resource in done.document["unchecked"]]
    assert {"shop", "contosotrain", "partner-portal"} <= set(unchecked)
    assert "can't read the settings" in done.err


def test_commands_other_than_status_have_two_formats(mct: Program) -> None:
    assert mct("verify", "-o", "csv").code == 2


SETUP = ("setup", "--client", "One", "-y")
SHOWN = "shown here once: "
GITHUB = {"GITHUB_ACTIONS": "true", "CI": "true"}
AZURE_PIPELINES = {"TF_BUILD": "True"}
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
SPINS = re.compile("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] ")
TIME = re.compile(r"^\d\d:\d\d:\d\dZ ")


def steps(log: str) -> list[str]:
    """The lines with a time, without it."""
    return [TIME.sub("", line) for line in log.splitlines() if TIME.match(line)]


def test_a_log_has_a_line_with_a_time_for_each_step_and_the_restart_comes_after_the_settings(
    mct: Program,
) -> None:
    done = mct(*SETUP)
    lines = steps(done.err)
    verbs = [line.split()[0] for line in lines]
    assert verbs.count("Created") == 7, lines
    assert lines.index("Restarted contosolearn") > next(
        at for at, line in enumerate(lines) if line.startswith("Updated")
    )
    assert any(line.startswith("Granted admin consent for One") for line in lines)
    assert [line for line in done.err.splitlines() if line != line.rstrip()] == []


def test_quiet_output_has_results_and_errors_alone(mct: Program) -> None:
    done = mct(*SETUP, "-q")
    assert (done.code, done.err, "One" in done.out) == (0, "", True)
    for words in (
        "status",
        "doctor",
        "verify",
        "rotate-secret One -y",
        "remove-client One -y",
        "teardown -y",
    ):
        done = mct(*words.split(), "-q")
        assert (done.code, done.err) == (0, ""), done
    refused = mct("add-client", "Three", "-a", "nosuch", "-y", env={"MCT_S2S_QUIET": "1"})
    assert (refused.code, refused.out, refused.err.startswith("error: ")) == (4, "", True)


@pytest.mark.parametrize(
    ("environment", "mask", "group", "end", "error"),
    [
        (GITHUB, "::add-mask::", "::group::", "::endgroup::", "::error::"),
        (
            AZURE_PIPELINES,
            "##vso[task.setsecret]",
            "##[group]",
            "##[endgroup]",
            "##vso[task.logissue type=error]",
        ),
    ],
    ids=["GitHub", "Azure"],
)
def test_a_job_masks_a_shown_secret_before_it_is_shown_and_in_that_stream_alone(
    mct: Program,
    azure: Sandbox,
    environment: dict[str, str],
    mask: str,
    group: str,
    end: str,
    error: str,
) -> None:
    azure.misbehave(
        {"match": {"service": "ARM", "method": "PUT"}, "fault": {"type": "status", "status": 400}}
    )
    log = mct(*SETUP, env=environment).err.splitlines()
    azure.behave()
    assert log.index(end) < next(at for at, line in enumerate(log) if line.startswith(error)), (
        "a group ends before it"
    )
    done = mct(*SETUP, "--client", "Two", "--secret-to", "show", env=environment)
    assert done.code == 0, done
    lines = done.out.splitlines()
    secret = done.out.partition(SHOWN)[2].splitlines()[0]
    assert (
        lines.index(f"{mask}{secret}")
        == next(at for at, line in enumerate(lines) if SHOWN in line) - 1
    )
    assert (mask in done.err, secret in done.err) == (False, False)
    log = done.err.splitlines()
    assert next(at for at, line in enumerate(log) if line.startswith(group)) < log.index(end)
    assert "Testing the clients" in steps(done.err)
    document = mct(
        "add-client", "Three", "-y", "--secret-to", "show", "-o", "json", env=environment
    )
    assert (bool(document.made[0]["secret"]), secrets_in(document.err)) == (True, []), (
        "a document stays one"
    )


# on a terminal


@pytest.mark.as_administrator("its creation is one request: a pipeline's waits in the midst")
def test_a_terminal_is_silent_for_no_second_and_left_as_it_was(
    azure: Sandbox, tmp_path: Path
) -> None:
    """What is waited for is shown with its seconds; SIGTERM leaves the cursor, and an account of
    what was done.
    """
    azure.lag(8.0)
    with at_terminal(azure, tmp_path, *SETUP, columns=120) as run:
        run.expect("waiting for Entra ID to replicate(\x1b\\[[0-9;]*m)* … 1 s")
        run.kill(signal.SIGTERM)
        shown = run.before + run.after + run.read()
    azure.lag(0.0)
    assert run.exitstatus == 143, shown
    assert shown.count("Created    service application MCT service (contosolearn)") == 1
    assert "Interrupted." in shown
    assert shown.rfind(SHOW_CURSOR) > shown.rfind(HIDE_CURSOR) > 0
    assert not SPINS.search(shown, shown.rfind(SHOW_CURSOR))


def test_app_services_that_are_not_set_up_are_one_line_and_no_problem(
    mct: Program, azure: Sandbox
) -> None:
    for name in ("contosonew", "contosonewer"):
        site = azure.add_site(name=name, group="mct-new")
        if name == "contosonewer":  # one may come with it
            azure.write_settings({"ServiceAuthEnabled": "false"}, site["id"])
        azure.add_site(name=f"{name}-fa-a1b2c", group="mct-new", kind="functionapp")
    assert mct("setup", "--client", "Import", "-y", "--no-verify", "--no-restart").code == 0
    done = mct("status", "--all")
    assert (done.code, "2 App Services are not set up: contosonew, contosonewer." in done.out) == (
        0,
        True,
    ), done.out
    assert "error:" not in done.out
    assert mct("status", "-a", "contosonew", "-g", "mct-new").code == 3, "who asks for it is told"
