"""The installation for pipelines, from the lock's hashes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import without_azure
from tests.pipelines.runners import CACHE, PIPELINES
from tests.support.sampling import every_cell


@pytest.mark.skipif(not every_cell(), reason="installs the program: --all")
def test_a_checkout_is_installed_as_it_is(tmp_path: Path) -> None:
    """Nothing of the pull request's folder is imported, nor another version used that an earlier step has installed."""
    root, program, workspace = PIPELINES.parents[1], tmp_path / "program", tmp_path / "workspace"
    workspace.mkdir()
    for name in ("pip", "venv", "json", "mct_s2s", "pipeline_steps"):
        (workspace / f"{name}.py").write_text("raise SystemExit('a file of the pull request was run')\n")
    environment = {**without_azure(), **CACHE, "PYTHONPATH": str(workspace)}

    def run(*command: Path | str) -> tuple[int, str, str]:
        words = [str(word) for word in command]
        done = subprocess.run(words, cwd=workspace, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    for version in ("7.0.0", "8.0.0"):
        checkout = tmp_path / version
        for name in ("mct_s2s", "scripts"):
            shutil.copytree(root / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy2(root / name, checkout / name)
        (checkout / "mct_s2s" / "__init__.py").write_text(f'__version__ = "{version}"\n')
        pipelines = checkout / "scripts" / "pipelines"
        for told in (f"mct-s2s {version}\n", ""):  # the second time, it is there
            assert run(pipelines / "install", program) == (0, told, "")
        assert run(program / "bin" / "python", "-I", pipelines / "steps", "destroy")[2].startswith("One step: ")
