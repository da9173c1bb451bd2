"""What a command shows while it runs: in a log, to a pipeline, with `--quiet`, and on a terminal."""

import re
import signal
from pathlib import Path

import pytest

from tests.cli.conftest import Program, at_terminal
from tests.conftest import Sandbox
from tests.support.sandbox_inside import Inside
from tests.support.secret_search import secrets_in

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


def test_a_log_has_a_line_with_a_time_for_each_step_and_the_restart_comes_after_the_settings(mct: Program) -> None:
    done = mct(*SETUP)
    told = steps(done.err)
    verbs = [line.split()[0] for line in told]
    assert verbs.count("Created") == 7, told
    assert told.index("Restarted contosolearn") > next(at for at, line in enumerate(told) if line.startswith("Updated"))
    assert any(line.startswith("Granted admin consent for One") for line in told)
    assert [line for line in done.err.splitlines() if line != line.rstrip()] == []


def test_quiet_shows_results_and_errors_alone(mct: Program) -> None:
    done = mct(*SETUP, "-q")
    assert (done.code, done.err, "One" in done.out) == (0, "", True)
    for words in ("status", "doctor", "verify", "rotate-secret One -y", "remove-client One -y", "teardown -y"):
        done = mct(*words.split(), "-q")
        assert (done.code, done.err) == (0, ""), done
    refused = mct("add-client", "Three", "-a", "nosuch", "-y", env={"MCT_S2S_QUIET": "1"})
    assert (refused.code, refused.out, refused.err.startswith("error: ")) == (2, "", True)


@pytest.mark.parametrize(
    ("environment", "mask", "group", "end", "error"),
    [
        (GITHUB, "::add-mask::", "::group::", "::endgroup::", "::error::"),
        (AZURE_PIPELINES, "##vso[task.setsecret]", "##[group]", "##[endgroup]", "##vso[task.logissue type=error]"),
    ],
    ids=["GitHub", "Azure"],
)
def test_a_job_masks_a_shown_secret_before_it_is_shown_and_in_that_stream_alone(
    mct: Program, azure: Sandbox, environment: dict[str, str], mask: str, group: str, end: str, error: str
) -> None:
    azure.misbehave({"match": {"service": "ARM", "method": "PUT"}, "fault": {"type": "status", "status": 400}})
    log = mct(*SETUP, env=environment).err.splitlines()
    azure.behave()
    assert log.index(end) < next(at for at, line in enumerate(log) if line.startswith(error)), "a group ends before it"
    done = mct(*SETUP, "--client", "Two", "--secret-to", "show", env=environment)
    assert done.code == 0, done
    lines = done.out.splitlines()
    secret = done.out.partition(SHOWN)[2].splitlines()[0]
    assert lines.index(f"{mask}{secret}") == next(at for at, line in enumerate(lines) if SHOWN in line) - 1
    assert (mask in done.err, secret in done.err) == (False, False)
    log = done.err.splitlines()
    assert next(at for at, line in enumerate(log) if line.startswith(group)) < log.index(end)
    assert "Testing the clients" in steps(done.err)
    document = mct("add-client", "Three", "-y", "--secret-to", "show", "-o", "json", env=environment)
    assert (bool(document.made[0]["secret"]), secrets_in(document.err)) == (True, []), "a document stays one"


# on a terminal


def test_a_terminal_is_silent_for_no_second_and_is_left_as_it_was(
    azure: Sandbox, inside: Inside, tmp_path: Path
) -> None:
    """What is waited for is shown with its seconds; SIGTERM leaves the cursor, and an account of what was done."""
    azure.lag(8.0)
    with inside.time.flowing():
        run = at_terminal(azure, tmp_path, *SETUP, columns=120)
        run.expect("waiting for Entra ID to replicate(\x1b\\[[0-9;]*m)* … 1 s")
        run.kill(signal.SIGTERM)
        shown = run.before + run.after + run.read()
        run.close()
    azure.lag(0.0)
    assert run.exitstatus == 143, shown
    assert shown.count("Created    service application MCT service (contosolearn)") == 1
    assert "Interrupted." in shown
    assert shown.rfind(SHOW_CURSOR) > shown.rfind(HIDE_CURSOR) > 0
    assert not SPINS.search(shown, shown.rfind(SHOW_CURSOR))
