"""The pytest plugin, used by a project of its own as its authors would."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from mct_s2s.sandbox.hosting import embedded
from mct_s2s.sandbox.hosting.pytest_mct_s2s import MctSandbox

from tests.conftest import without_azure

SAMPLE = Path(__file__).parent / "sample_project"
PLUGIN = "mct_s2s.sandbox.hosting.pytest_mct_s2s"


def test_a_project_tests_its_own_client_with_the_plugin_behind_a_proxy(tmp_path: Path) -> None:
    words = [
        "-q",
        "-p",
        PLUGIN,
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        str(SAMPLE),
        str(SAMPLE),
    ]
    proxied = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--basetemp", str(tmp_path / "t")],
        check=False,
        env={**without_azure(), **proxied, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout
    assert "4 passed" in ended.stdout


def test_a_connection_that_the_server_has_closed_is_opened_again(tmp_path: Path) -> None:
    with closing(embedded.start(tmp_path)) as running:
        sandbox = MctSandbox(running)
        before = sandbox.now
        sandbox._connection.sock.shutdown(socket.SHUT_RDWR)
        sandbox.advance(60)
        assert (sandbox.now - before).total_seconds() >= 60
        sandbox.close()
