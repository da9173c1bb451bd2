"""What an interrupted run leaves: a word on what was running, and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import without_azure

SLOW = """
import subprocess, sys, time, pathlib

def test_that_takes_its_time(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path({told!r}).write_text(str(child.pid))
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "by a worker"])
def test_an_interrupted_run_names_the_test_and_leaves_no_process(
    workers: tuple[str, ...], number: signal.Signals, tmp_path: Path
) -> None:
    told = tmp_path / "child"
    (tmp_path / "test_slow.py").write_text(SLOW.format(told=str(told)))
    words = ["-m", "pytest", "-q", "-p", "tests.support.tidiness", *workers, str(tmp_path / "test_slow.py")]
    environment = {**without_azure(), "PYTHONPATH": str(Path(__file__).parent.parent)}
    pipe = subprocess.PIPE
    run = subprocess.Popen([sys.executable, *words], cwd=tmp_path, env=environment, stdout=pipe, stderr=pipe, text=True)
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
