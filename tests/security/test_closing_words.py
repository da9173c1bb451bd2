"""What a command says at its end is true of this very run, also of one that SIGTERM or Ctrl-C has
ended.
"""

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox, at_home, program, without_azure
from tests.support.sampling import sampled
from tests.support.sandbox_inside import Inside

READ = ("Application.Read.All", "Organization.Read.All")
READER = ("Reader", SITE)
CONTRIBUTOR = ("Website Contributor", SITE)
AS_IT_SHOULD_BE = "contosolearn is up to date."


def words_after(text: str, begin: str) -> list[str]:
    """A printed command of ours, as a shell takes it."""
    (line,) = [line for line in text.splitlines() if begin in line]
    return shlex.split(line[line.index(begin) :])[1:]


# configure-appservice


def test_a_run_of_step_3_alone_speaks_of_step_3_alone(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y").code == 0
    for more in (["--dry-run"], ["-y"]):
        ended = mct("configure-appservice", *more)
        assert ended.code == 0
        assert AS_IT_SHOULD_BE not in ended.out + ended.err
        assert "The App Service configuration of contosolearn" in ended.out + ended.err


def test_a_dry_run_is_not_said_to_be_done(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y").code == 0
    settings = azure.settings()
    azure.write_settings(
        {
            name: value
            for name, value in settings.items()
            if name == "ServiceAuthAudience" or not name.startswith("Service")
        }
    )
    ended = mct(
        "configure-appservice", "--dry-run", env=azure.caller(*READ, arm=[READER, CONTRIBUTOR])
    )
    assert ended.code == 3, ended.err
    assert "✓" not in ended.out + ended.err


# setup


def test_a_part_that_was_left_out_is_not_said_to_be_done(mct: Program, azure: Sandbox) -> None:
    words = ["setup", "--client", "A", "--no-app-service", "--no-consent"]
    first = mct(*words, "-y")
    assert first.code == 0
    assert "✓" not in first.out
    for more in (["-y"], ["--dry-run"]):
        again = mct(*words, *more)
        assert again.code == 0
        assert AS_IT_SHOULD_BE not in again.out + again.err
        assert "The Entra ID part of contosolearn is up to date" in again.out + again.err
        assert "must grant admin consent to 'A'" in again.out + again.err
        assert "Someone else must write the App Service settings" in again.out + again.err
        assert "✓" not in again.out
    assert "ServiceAuthEnabled" not in azure.settings()


def test_a_failed_call_is_the_last_thing_that_is_said(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y").code == 0
    azure.restart_takes(60)
    ended = mct("add-client", "X", "-y", "--timeout", "12")
    assert ended.code == 3, ended.err
    assert "Verification failed" in ended.out
    assert "\n✓" not in f"\n{ended.out}"
    assert "--path" not in ended.out
    assert "still starting" in ended.out


# doctor


@pytest.mark.parametrize(
    ("more", "limited"),
    [([], False), (["--no-consent"], False), (["--no-app-service"], False), ([], True)],
)
@pytest.mark.as_administrator("a pipeline may not read the tenant's policy")
def test_a_command_that_doctor_suggests_is_not_refused(
    mct: Program, azure: Sandbox, more: list[str], limited: bool
) -> None:
    if limited:
        rule = {"restrictionType": "passwordLifetime", "maxLifetime": "P90D", "state": "enabled"}
        azure.restrict("passwordCredentials", rule)
    well = mct("doctor", *more)
    assert well.code == 0
    words = words_after(well.out, "mct-s2s setup")
    assert ("--auto-lifetime" in words) is limited
    assert set(more) <= set(words)
    planned = mct(*words)
    assert planned.code == 3, planned.err


CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
AT_IMPORT = """
import os, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["SIGNAL_AT"]:
            sys.meta_path.remove(finder)
            os.kill(os.getpid(), int(os.environ["SIGNAL"]))

finder = Finder()
sys.meta_path.insert(0, finder)
"""
"""A sitecustomize that sends the process a signal at the moment when it begins to import a module.
"""
WHILE_LOADING = (
    "mct_s2s.cli.app", "typer", "mct_s2s.cli.options", "mct_s2s.cli.commands.status", "asyncio",
    "mct_s2s.render.console",
)  # fmt: skip
WHILE_RUNNING = (
    "httpx", "azure.identity", "mct_s2s.azure.sign_in.methods", "mct_s2s.azure.graph.client",
    "msgraph",
    "kiota_http", "azure.mgmt.web", "mct_s2s.engine.observe.trust_lookup",
    "mct_s2s.azure.resource_manager",
)  # fmt: skip


def environment(
    azure: Sandbox, home: Path, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    return {
        **without_azure(),
        **azure.environment,
        **at_home(home),
        "PYTHONUNBUFFERED": "1",
        **(more or {}),
    }


def interrupted(
    words: Sequence[str], env: Mapping[str, str], number: signal.Signals, after: str
) -> tuple[int, str, str]:
    """Run a command that gets a signal as soon as there is such a line."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        program(words), env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    ) as run:
        assert run.stderr is not None
        text = ""
        for line in run.stderr:
            text += line
            if after in line:
                os.kill(run.pid, number)
                break
        out, rest = run.communicate(timeout=60)
    return run.returncode, out, text + rest


def test_a_program_is_told_in_one_document(azure: Sandbox, inside: Inside, tmp_path: Path) -> None:
    words = ["setup", "--client", "A", "-y", "-o", "json"]
    consent = {"service": "Graph", "method": "POST", "path": "appRoleAssignedTo"}
    # It does not end before the signal
    azure.misbehave({"match": consent, "fault": {"type": "hang"}})
    with inside.time.flowing():
        code, out, output = interrupted(
            words, environment(azure, tmp_path), signal.SIGINT, "Created service application"
        )
    assert code == CODES[signal.SIGINT], output
    document = json.loads(out)
    assert document["error"]["code"] == "interrupted"
    assert "service application" in [row["resource"] for row in document["done"]]
    assert document["notDone"]


@pytest.mark.parametrize("number", list(CODES), ids=lambda number: number.name)
@pytest.mark.parametrize(
    "module",
    [*sampled(WHILE_LOADING, 2, salt="loading"), *sampled(WHILE_RUNNING, 1, salt="imports")],
)
def test_a_signal_leaves_no_traceback_however_early_it_comes(
    azure: Sandbox, inside: Inside, tmp_path: Path, module: str, number: signal.Signals
) -> None:
    (tmp_path / "sitecustomize.py").write_text(AT_IMPORT)
    more = {"PYTHONPATH": str(tmp_path), "SIGNAL_AT": module, "SIGNAL": str(int(number))}
    with inside.time.flowing():
        done = subprocess.run(
            program(["status"]), env=environment(azure, tmp_path, more), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == CODES[number], done
    assert "Interrupted." in done.stderr
    for unseemly in ("Traceback", "never awaited", "Exception ignored", "KeyboardInterrupt"):
        assert unseemly not in done.stderr


def test_a_signal_before_our_first_import_leaves_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(AT_IMPORT)
    env = {
        **without_azure(),
        "PYTHONPATH": str(tmp_path),
        "SIGNAL_AT": "mct_s2s.cli.interruption",
        "SIGNAL": "2",
    }
    done = subprocess.run(
        program(["status"]), env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_a_signal_that_was_switched_off_stays_off(
    azure: Sandbox, inside: Inside, tmp_path: Path
) -> None:
    """`nohup`, and a shell's background jobs."""
    (tmp_path / "sitecustomize.py").write_text(
        f"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n{AT_IMPORT}"
    )
    more = {"PYTHONPATH": str(tmp_path), "SIGNAL_AT": "httpx", "SIGNAL": str(int(signal.SIGINT))}
    with inside.time.flowing():
        done = subprocess.run(
            program(["doctor"]), env=environment(azure, tmp_path, more), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done
