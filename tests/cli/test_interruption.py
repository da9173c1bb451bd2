"""Interrupted: 130, how far it came, and the same command goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from mct_s2s.sandbox import seed

from tests.cli.conftest import Program
from tests.conftest import Sandbox, program, without_azure
from tests.secret_search import secrets_in


def test_interrupted_says_how_to_resume_and_the_same_command_does(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    words = ["setup", "--client", "A", "-y", "-v"]
    environment = {
        **without_azure(),
        **azure.environment,
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(program(words), env=environment, stderr=subprocess.PIPE, text=True, bufsize=1)
    assert process.stderr is not None
    told = ""
    for line in process.stderr:
        told += line
        if line.startswith("done: service application"):
            os.kill(process.pid, signal.SIGINT)
            break
    told += process.communicate(timeout=30)[1]
    assert process.returncode == 130, told
    assert "Interrupted." in told
    assert "Done: service application" in told
    assert "Run the same command again: it resumes" in told
    assert "Traceback" not in told
    assert secrets_in(told) == []
    done = mct("setup", "--client", "A", "-y", "-o", "json")
    assert done.code == 0
    assert done.document["status"]["healthy"] is True
    assert len(azure.applications("MCT service (contosolearn)")) == 1
    (client,) = azure.applications("A")
    assert len(client["passwordCredentials"]) == 1
    assert (azure.settings()["ServiceApplicationIds"] or "").count(";") == 0
    assert azure.settings()["OrganizationName"] == "Contoso Learning"
    assert seed.APP_SERVICE == "contosolearn"
