"""SIGTERM is told like Ctrl-C, at whatever moment either comes: an account of what was done, and no traceback."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.conftest import Sandbox, at_home, program, without_azure
from tests.support.sampling import sampled
from tests.support.sandbox_inside import Inside

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
"""A sitecustomize that sends the process a signal at the moment when it begins to import a module."""
WHILE_LOADING = (
    "mct_s2s.cli.app", "typer", "mct_s2s.cli.options", "mct_s2s.cli.commands", "asyncio", "mct_s2s.render.console",
)  # fmt: skip
WHILE_RUNNING = (
    "httpx", "azure.identity", "mct_s2s.azure.sign_in.methods", "mct_s2s.azure.graph.directory", "msgraph",
    "kiota_http", "azure.mgmt.web", "mct_s2s.engine.observe.trust_lookup", "mct_s2s.azure.resource_manager",
)  # fmt: skip


def environment(azure: Sandbox, home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**without_azure(), **azure.environment, **at_home(home), "PYTHONUNBUFFERED": "1", **(more or {})}


def interrupted(
    words: Sequence[str], env: Mapping[str, str], number: signal.Signals, after: str
) -> tuple[int, str, str]:
    """Run a command that gets a signal as soon as there is such a line."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        program(words), env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    ) as run:
        assert run.stderr is not None
        told = ""
        for line in run.stderr:
            told += line
            if after in line:
                os.kill(run.pid, number)
                break
        out, rest = run.communicate(timeout=60)
    return run.returncode, out, told + rest


def test_a_program_is_told_in_one_document(azure: Sandbox, inside: Inside, tmp_path: Path) -> None:
    words = ["setup", "--client", "A", "-y", "-o", "json"]
    with inside.time.flowing():
        code, out, told = interrupted(words, environment(azure, tmp_path), signal.SIGINT, "Created service application")
    assert code == CODES[signal.SIGINT], told
    document = json.loads(out)
    assert document["error"]["code"] == "interrupted"
    assert "service application" in [row["resource"] for row in document["done"]]
    assert document["notDone"]


@pytest.mark.parametrize("number", list(CODES), ids=lambda number: number.name)
@pytest.mark.parametrize(
    "module", [*sampled(WHILE_LOADING, 2, salt="loading"), *sampled(WHILE_RUNNING, 1, salt="imports")]
)
def test_there_is_no_traceback_however_early_it_comes(
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


def test_there_is_no_traceback_before_anything_of_ours_is_imported(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(AT_IMPORT)
    env = {**without_azure(), "PYTHONPATH": str(tmp_path), "SIGNAL_AT": "mct_s2s.cli.interruption", "SIGNAL": "2"}
    done = subprocess.run(program(["status"]), env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_a_signal_that_was_switched_off_stays_off(azure: Sandbox, inside: Inside, tmp_path: Path) -> None:
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
