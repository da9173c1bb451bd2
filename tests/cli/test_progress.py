"""What a command shows while it runs: in a log, to a pipeline, with `--quiet`, and on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.conftest import Sandbox, program, without_azure
from tests.support.emulator import Emulator
from tests.support.sampling import every_cell
from tests.support.sandbox_inside import Inside
from tests.support.secret_search import secrets_in

SETUP = ("setup", "--client", "One", "-y")
SHOWN = "shown here once: "
GITHUB = {"GITHUB_ACTIONS": "true", "CI": "true"}
AZURE_PIPELINES = {"TF_BUILD": "True"}
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


def test_a_wait_is_in_the_log_with_its_reason(mct: Program, azure: Sandbox) -> None:
    azure.lag(6.0)
    told = steps(mct(*SETUP).err)
    azure.lag(0.0)
    assert any(line.endswith(": waiting for Entra ID to replicate") for line in told), told


def test_quiet_shows_results_and_errors_alone(mct: Program) -> None:
    loud, quiet = mct(*SETUP), mct("add-client", "Two", "-y", "-q")
    assert (quiet.code, quiet.err) == (0, "")
    assert "Two" in quiet.out
    assert loud.err != ""
    refused = mct("add-client", "Three", "-a", "nosuch", "-y", env={"MCT_S2S_QUIET": "1"})
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("error: ")


def test_every_command_can_be_quiet(mct: Program) -> None:
    assert mct(*SETUP, "-q").code == 0
    for words in ("status", "doctor", "verify", "rotate-secret One -y", "remove-client One -y", "teardown -y"):
        done = mct(*words.split(), "-q")
        assert (done.code, done.err) == (0, ""), done


@pytest.mark.parametrize(
    ("environment", "mask", "group", "end"),
    [
        (GITHUB, "::add-mask::", "::group::", "::endgroup::"),
        (AZURE_PIPELINES, "##vso[task.setsecret]", "##[group]", "##[endgroup]"),
    ],
    ids=["GitHub", "Azure"],
)
def test_a_job_masks_a_shown_secret_before_it_is_shown_and_in_that_stream_alone(
    mct: Program, environment: dict[str, str], mask: str, group: str, end: str
) -> None:
    done = mct(*SETUP, "--secret-to", "show", env=environment)
    assert done.code == 0, done
    lines = done.out.splitlines()
    secret = done.out.partition(SHOWN)[2].splitlines()[0]
    assert lines.index(f"{mask}{secret}") == next(at for at, line in enumerate(lines) if SHOWN in line) - 1
    assert (mask in done.err, secret in done.err) == (False, False)
    log = done.err.splitlines()
    assert next(at for at, line in enumerate(log) if line.startswith(group)) < log.index(end)
    assert "Testing the clients" in steps(done.err)


def test_a_document_is_one_also_in_a_job(mct: Program) -> None:
    done = mct(*SETUP, "--secret-to", "show", "-o", "json", env=GITHUB)
    assert done.document["credentials"][0]["secret"]
    assert secrets_in(done.err) == []


@pytest.mark.parametrize(
    ("environment", "begins"), [(GITHUB, "::error::"), (AZURE_PIPELINES, "##vso[task.logissue type=error]")]
)
def test_a_job_gets_its_error_as_one_and_groups_end_before_it(
    mct: Program, azure: Sandbox, environment: dict[str, str], begins: str
) -> None:
    azure.misbehave({"match": {"service": "ARM", "method": "PUT"}, "fault": {"type": "status", "status": 400}})
    log = mct(*SETUP, env=environment).err.splitlines()
    azure.behave()
    (error,) = (at for at, line in enumerate(log) if line.startswith(begins))
    assert next(at for at, line in enumerate(log) if "endgroup" in line) < error


# on a terminal


class Session:
    """A run on a pseudo-terminal of 80x24."""

    def __init__(self, azure: Sandbox, home: Path, words: tuple[str, ...]) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        private = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "XDG_STATE_HOME": str(home / "state")}
        self.process = subprocess.Popen(
            program(words),
            env={**without_azure(), **azure.environment, **private, "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  # no threads here
        )
        self._theirs = theirs
        self.screen = Emulator(80)
        self.frames: list[int] = []

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._theirs)[3] & termios.ECHO)

    def type(self, text: bytes) -> None:
        os.write(self._ours, text)

    def until(self, seen: Callable[[str], bool]) -> None:
        """Read until the screen shows it; or to the end."""
        ends = time.monotonic() + 60
        while time.monotonic() < ends and not seen("\n".join(self.screen.lines)):
            if select.select([self._ours], [], [], 0.1)[0]:
                self.screen.write(os.read(self._ours, 65536).decode(errors="replace").replace("\r\n", "\n"))
            elif self.process.poll() is not None:
                break
            self.frames.append(self.screen.row_count)

    def close(self) -> int:
        """Its exit code."""
        self.until(lambda _: False)
        code = self.process.wait(timeout=10)
        os.close(self._theirs)
        os.close(self._ours)
        return code


SPINS = re.compile(r"^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] (.*)", re.MULTILINE)


def test_a_terminal_is_silent_for_no_second_and_is_left_as_it_was(
    azure: Sandbox, inside: Inside, tmp_path: Path
) -> None:
    """An Enter in between, then SIGTERM: no line twice, no line of the live area left, echo as before."""
    azure.lag(8.0)
    with inside.time.flowing():
        run = Session(azure, tmp_path, SETUP)
        run.until(lambda shown: "Signing in" in shown)
        assert not run.echoes
        run.type(b"\n\n")
        run.until(lambda shown: "waiting for Entra ID to replicate … 1 s" in shown)
        os.kill(run.process.pid, signal.SIGTERM)
        code = run.close()
    azure.lag(0.0)
    shown = "\n".join(run.screen.lines)
    assert code == 143, shown
    assert SPINS.findall(shown) == []
    assert shown.count("✓ Created    service application MCT service (contosolearn)") == 1
    assert "Interrupted." in shown
    assert run.screen.shows_cursor


@pytest.mark.skipif(not every_cell(), reason="two seconds of processor time")
def test_six_clients_on_a_small_terminal(azure: Sandbox, inside: Inside, tmp_path: Path) -> None:
    clients = [word for name in "ABCDEF" for word in ("--client", name)]
    azure.lag(2.0)
    with inside.time.flowing():
        run = Session(azure, tmp_path, ("setup", *clients, "-y"))
        run.until(lambda shown: "waiting for Entra ID to replicate" in shown)
        run.type(b"\n" * 5)
        code = run.close()
    azure.lag(0.0)
    shown = "\n".join(run.screen.lines)
    assert code == 0, shown
    assert SPINS.findall(shown) == []
    done = re.findall(r"^✓ .*", shown, re.MULTILINE)
    assert len(done) == len(set(done)) >= 6 * 5
