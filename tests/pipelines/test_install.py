"""The installation for pipelines, from the lock's hashes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import without_azure
from tests.pipelines.runners import CACHE, PIPELINES
from tests.support.sampling import every_cell


@pytest.mark.skipif(not every_cell(), reason="installs the program: --all")
def test_nothing_of_the_folder_that_is_checked_out_is_imported(tmp_path: Path) -> None:
    for name in ("pip", "venv", "json", "mct_s2s", "pipeline_steps"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the pull request was run')\n")
    program = tmp_path / "program"
    environment = {**without_azure(), **CACHE, "PYTHONPATH": str(tmp_path)}
    command = [str(PIPELINES / "install"), str(program)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("mct-s2s ")
    step = [str(program / "bin" / "python"), "-I", str(PIPELINES / "steps"), "destroy"]
    done = subprocess.run(step, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("One step: ")
