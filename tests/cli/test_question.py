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


def _asked(
    azure: Sandbox, home: Path, answer: bytes, words: tuple[str, ...] = SETUP, question: bytes = b"Apply? [y/N]"
) -> tuple[int, str]:
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
        if not answered and question in shown:
            os.write(ours, answer)
            answered = True
    os.close(ours)
    text = shown.decode(errors="replace")
    assert len(secrets_in(text)) == int("show" in words)
    return process.wait(timeout=10), text


def _control_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize(("answer", "code"), [(b"maybe\nno\n", 1), (b"\x04", 1), (b"\x03", 130)])
def test_no_and_ctrl_c_change_nothing(answer: bytes, code: int, azure: Sandbox, tmp_path: Path) -> None:
    ended, shown = _asked(azure, tmp_path, answer)
    assert (ended, shown.splitlines()[-1].endswith("Cancelled. Nothing was changed.")) == (code, True), shown
    assert ("[y/N] Cancelled" in shown) is answer.startswith(b"maybe"), "what is typed ahead is not shown after it"
    assert ("Please answer y or n." in shown) is answer.startswith(b"maybe")
    assert "error" not in shown, "it is what the user wanted"
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


NAME = b"type the App Service's name, contosolearn: "


def test_who_is_switched_off_is_named_in_the_question(azure: Sandbox, tmp_path: Path, process: Program) -> None:
    assert process("setup", "--managed-identity", "reports-func", "-y").code == 0
    azure.forget()
    ended, shown = _asked(azure, tmp_path, b"y\n\n", ("teardown",), NAME)
    assert (ended, azure.writes()) == (1, []), shown
    assert "That is not 'contosolearn'. To cancel, press Enter." in shown, "a yes is no name"
    assert "This disables the managed identity of reports-func. To remove all of this, type " in shown
    assert "Its roles in other subscriptions cannot be checked" in " ".join(shown.split())


def test_everything_is_removed_by_typing_the_name(azure: Sandbox, tmp_path: Path, mct: Program) -> None:
    assert mct("setup", "--client", "One", "-y").code == 0
    ended, shown = _asked(azure, tmp_path, b"ContosoLearn\n", ("teardown",), NAME)
    assert ended == 0, shown
    assert azure.made_by_us() == []
