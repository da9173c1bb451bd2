"""A program that is given a secret: what it has started ends with it, and it can ask a person."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

GIVE = """
import asyncio, contextlib, sys
from tests.stores.test_files import RECORD
from mct_s2s.stores.store import ProgramStore

async def give(seconds):
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ProgramStore(("sh", "-c", sys.argv[1]), "contosolearn").deliver(RECORD)

asyncio.run(give(float(sys.argv[2])))
"""
"""A run that gives a secret to a script, for so many seconds."""
START_SECONDS = 60
"""Far more than Python and a shell need to start."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts of a shell")


def test_what_a_program_has_started_ends_with_it_at_the_time_limit(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = f"(sleep {START_SECONDS} > {pipe}; true) & wait"
    # As in a job: without a terminal.
    run = [sys.executable, "-c", GIVE, script, "5"]
    process = subprocess.Popen(run, start_new_session=True)
    with pipe.open("rb") as held_by_the_started:  # opens once they have opened it
        assert process.wait(START_SECONDS) == 0
        is_at_its_end, _, _ = select.select([held_by_the_started], [], [], 10)
    assert is_at_its_end


def test_a_program_can_ask_a_person_on_the_terminal(tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    script = f"printf 'Password: ' > /dev/tty; read -r word < /dev/tty; echo $word > {answer}"
    process_id, terminal = pty.fork()
    if process_id == 0:
        os.execv(sys.executable, [sys.executable, "-c", GIVE, script, str(START_SECONDS)])
    said = b""
    until = time.monotonic() + START_SECONDS
    while b"Password: " not in said and time.monotonic() < until:
        said += os.read(terminal, 1000)
    os.write(terminal, b"tulip\n")
    os.waitpid(process_id, 0)
    os.close(terminal)
    assert answer.read_text() == "tulip\n", said
