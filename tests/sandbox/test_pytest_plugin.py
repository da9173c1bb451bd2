"""The pytest plugin, used by a project of its own as its authors would."""

import os
import re
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from mct_s2s.sandbox.hosting import embedded
from mct_s2s.sandbox.hosting.pytest_mct_s2s import MctSandbox

from tests.conftest import at_home, without_azure

SAMPLE = Path(__file__).parent / "sample_project"
PLUGIN = "mct_s2s.sandbox.hosting.pytest_mct_s2s"


PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
PROGRAM = """
import os
import ssl
import urllib.request

from azure.identity import EnvironmentCredential


def fetch_reports():
    with EnvironmentCredential(disable_instance_discovery=True) as credential:
        token = credential.get_token(os.environ["MCT_S2S_SCOPE"]).token
    headers = {"Authorization": f"Bearer {token}", "ClientType": "Service"}
    url = os.environ["MCT_S2S_URL"] + "/api/v1/organization"
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, context=ssl.create_default_context()) as answer:
        return answer.status
"""
"""The program that the page's example tests."""


def run_pytest(project: Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What pytest says of a project that has nothing of ours but the plugin."""
    words = [
        "-q",
        "-p",
        PLUGIN,
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        str(project),
        str(project),
    ]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**without_azure(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": path}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--basetemp", str(folder / "t")],
        check=False,
        env={**environment, **at_home(folder), **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_project_tests_its_own_client_with_the_plugin_wherever_its_developer_works(
    tmp_path: Path,
) -> None:
    proxied = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}
    ended = run_pytest(SAMPLE, tmp_path, **proxied, MCT_S2S_SUBSCRIPTION="Contoso Live")
    assert ended.returncode == 0, ended.stdout
    assert "5 passed" in ended.stdout
    kept = [tmp_path / kind for kind in ("data", "state") if (tmp_path / kind).exists()]
    assert kept == [], "what a test keeps is not among its developer's files"


def test_the_example_of_the_page_passes_as_it_is_printed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (project / "test_reports.py").write_text(example)
    (project / "reports.py").write_text(PROGRAM)
    ended = run_pytest(project, tmp_path)
    assert ended.returncode == 0, ended.stdout
    assert "1 passed" in ended.stdout


def test_a_connection_that_the_server_has_closed_is_opened_again(tmp_path: Path) -> None:
    with closing(embedded.start(tmp_path)) as running:
        sandbox = MctSandbox(running)
        before = sandbox.now
        sandbox._connection.sock.shutdown(socket.SHUT_RDWR)
        sandbox.advance(60)
        assert (sandbox.now - before).total_seconds() >= 60
        sandbox.close()
