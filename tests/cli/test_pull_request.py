"""A pull request's life, as a shell script that a pipeline could run: planned, refused when stale, applied."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Sandbox, at_home, without_azure
from tests.support.sampling import every_cell
from tests.support.sandbox_inside import Inside

SCRIPT = Path(__file__).with_name("pull_request.sh")
SITE = "[sites.contosolearn]\n"


def file_of(*clients: str) -> str:
    return SITE + "".join(f"[[sites.contosolearn.clients]]\nname = '{name}'\n" for name in clients)


@pytest.mark.skipif(not every_cell(), reason="starts eight processes: --all")
@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_pull_requests_life(azure: Sandbox, inside: Inside, tmp_path: Path) -> None:
    sh = shutil.which("sh")
    assert sh is not None
    program = tmp_path / "bin" / "mct-s2s"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mct_s2s "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    trust, change = tmp_path / "trust.toml", tmp_path / "change.toml"
    trust.write_text(file_of("A", "B", "C", "D", "E"))
    change.write_text(file_of("A", "B", "C", "E", "Reports"))
    environment = {**without_azure(), **azure.environment, **at_home(tmp_path)}
    environment["PATH"] = f"{program.parent}{os.pathsep}{environment['PATH']}"
    # Someone else's change between the review and the merge.
    meanwhile = "mct-s2s add-client Meanwhile --yes --no-verify"
    with inside.time.flowing():
        done = subprocess.run(
            [sh, str(SCRIPT), str(trust), str(change), meanwhile],
            cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=280,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert [len(azure.applications(name)) for name in ("A", "D", "Reports", "Meanwhile")] == [1, 0, 1, 0]
