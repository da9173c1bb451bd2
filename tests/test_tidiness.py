"""What an interrupted run leaves: a word on what was running, and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import pytest

from tests.conftest import without_azure
from tests.support.sampling import sampled

ENVIRONMENT = {**without_azure(), "PYTHONPATH": str(Path(__file__).parent.parent)}
SLOW = """
import subprocess, sys, time, pathlib

def test_that_takes_its_time(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path({told!r}).write_text(str(child.pid))
    time.sleep(600)
"""


DEAF = """
import subprocess, sys

def test_that_sends_ctrl_c():
    child = subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], stdin=-1, stdout=-1, stderr=-1)
    child.stdout.readline()
    child.send_signal(2)
    assert b"KeyboardInterrupt" in child.communicate(timeout=60)[1]
"""


@pytest.mark.parametrize("workers", sampled([(), ("-n", "1")], 1, salt="deaf"), ids=str)
def test_a_run_in_the_background_hears_ctrl_c_too(workers: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "test_deaf.py").write_text(DEAF)
    words = ["-m", "pytest", "-q", "-p", "tests.support.tidiness", *workers, str(tmp_path / "test_deaf.py")]
    shell = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, *words]
    run = subprocess.run(shell, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


WAYS = list(product([(), ("-n", "1")], [signal.SIGINT, signal.SIGTERM]))


@pytest.mark.parametrize(("workers", "number"), sampled(WAYS, 1, salt="interrupted"), ids=str)
def test_an_interrupted_run_names_the_test_and_leaves_no_process(
    workers: tuple[str, ...], number: signal.Signals, tmp_path: Path
) -> None:
    told = tmp_path / "child"
    (tmp_path / "test_slow.py").write_text(SLOW.format(told=str(told)))
    words = ["-m", "pytest", "-q", "-p", "tests.support.tidiness", *workers, str(tmp_path / "test_slow.py")]
    pipe = subprocess.PIPE
    run = subprocess.Popen([sys.executable, *words], cwd=tmp_path, env=ENVIRONMENT, stdout=pipe, stderr=pipe, text=True)
    ends = time.monotonic() + 120  # only against hanging
    while not (told.exists() and told.read_text()):
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < ends
        time.sleep(0.02)
    run.send_signal(number)
    out, err = run.communicate(timeout=120)
    assert run.returncode == pytest.ExitCode.INTERRUPTED, out + err
    assert "interrupted while running test_slow.py::test_that_takes_its_time" in out
    child = Path(f"/proc/{int(told.read_text())}/stat")
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < ends, "a process was left behind"
        time.sleep(0.02)
