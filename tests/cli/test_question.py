"""The question before anything is written, on a real terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.conftest import Sandbox, program, without_azure
from tests.support.secret_search import secrets_in

SETUP = ("setup", "--client", "One")


def _asked(azure: Sandbox, home: Path, answer: bytes, words: tuple[str, ...] = SETUP) -> tuple[int, str]:
    """Run a command on a pseudo-terminal, answer its question, and return exit code and what was shown."""
    ours, theirs = pty.openpty()
    environment = {**without_azure(), **azure.environment, "HOME": str(home), "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(
        program(words),
        env={**environment, "XDG_DATA_HOME": str(home / "data"), "XDG_STATE_HOME": str(home / "state")},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_control_terminal,  # noqa: PLW1509  # no threads here, and Ctrl-C needs a controlling terminal
    )
    os.close(theirs)
    shown, ends = b"", time.monotonic() + 40
    answered = False
    while time.monotonic() < ends:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:
                break
        elif process.poll() is not None:
            break
        if not answered and b"[y/N]" in shown:
            os.write(ours, answer)
            answered = True
    os.close(ours)
    text = shown.decode(errors="replace")
    assert len(secrets_in(text)) == int("show" in words)
    return process.wait(timeout=10), text


def _control_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize(
    ("answer", "code", "said"), [(b"n\n", 1, "Nothing was changed"), (b"\x03", 130, "Interrupted")]
)
def test_no_and_ctrl_c_change_nothing(answer: bytes, code: int, said: str, azure: Sandbox, tmp_path: Path) -> None:
    ended, shown = _asked(azure, tmp_path, answer)
    assert (ended, said in shown) == (code, True), shown
    assert azure.writes() == []


def test_yes_does_it_and_shows_the_steps(azure: Sandbox, tmp_path: Path) -> None:
    ended, shown = _asked(azure, tmp_path, b"y\n")
    assert ended == 0, shown
    assert "admin consent" in shown
    assert "expires " in shown
    assert azure.restarts() == 1


def test_a_secret_is_shown_once_beside_the_steps(azure: Sandbox, tmp_path: Path) -> None:
    """The list of steps, which is drawn again and again, makes room for it."""
    ended, shown = _asked(azure, tmp_path, b"y\n", (*SETUP, "--secret-to", "show"))
    assert ended == 0, shown
    assert shown.count("shown here once: ") == 1
    plain = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", shown)
    line = next(line for line in plain.splitlines() if "shown here once: " in line)
    assert line.startswith("Secret of One  expires ")
    assert secrets_in(line.rpartition(": ")[2]) != [], "whole, and on a line of its own"


def test_who_is_switched_off_is_named_in_the_question(azure: Sandbox, tmp_path: Path, process: Program) -> None:
    assert process("setup", "--managed-identity", "reports-func", "-y").code == 0
    azure.forget()
    ended, shown = _asked(azure, tmp_path, b"n\n", ("teardown",))
    assert (ended, azure.writes()) == (1, []), shown
    assert "; disables the managed identity of reports-func) [y/N]" in shown
    assert "Its roles in other subscriptions cannot be checked" in " ".join(shown.split())
