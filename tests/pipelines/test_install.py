"""The installation for pipelines, from the lock's hashes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import without_azure
from tests.pipelines.runners import CACHE, PIPELINES
from tests.support.sampling import every_cell


@pytest.mark.timeout(900)  # some sixty packages, on a busy machine
@pytest.mark.skipif(not every_cell(), reason="installs the program: --all")
def test_a_checkout_is_installed_as_it_is(tmp_path: Path) -> None:
    """Nothing of the pull request's folder is imported, nor another version used that an earlier step has installed."""
    root, program, workspace = PIPELINES.parents[1], tmp_path / "program", tmp_path / "workspace"
    workspace.mkdir()
    for name in ("pip", "venv", "json", "mct_s2s", "pipeline_steps"):
        (workspace / f"{name}.py").write_text("raise SystemExit('a file of the pull request was run')\n")
    checkout = tmp_path / "checkout"
    for name in ("mct_s2s", "scripts"):
        shutil.copytree(root / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(root / name, checkout / name)
    pipelines, version = checkout / "scripts" / "pipelines", checkout / "mct_s2s" / "__init__.py"
    version.write_text('__version__ = "7.0.0"\n')
    environment = {**without_azure(), **CACHE, "PYTHONPATH": str(workspace)}

    def run(*command: Path | str, **more: str) -> subprocess.CompletedProcess[str]:
        words, env = [str(word) for word in command], {**environment, **more}
        return subprocess.run(words, cwd=workspace, env=env, capture_output=True, text=True, check=False)

    done = run(pipelines / "install", program)
    assert (done.returncode, done.stdout) == (0, "mct-s2s 7.0.0\n"), done.stderr
    done = run(program / "bin" / "python", "-I", pipelines / "steps", "destroy")
    assert done.stderr.startswith("One step: ")

    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase "$*" in *venv*) echo "$@"; exit 42 ;; esac\nexec python3 "$@"\n')
    python.chmod(0o755)
    done = run(pipelines / "install", program, PYTHON=str(python))
    assert (done.returncode, done.stdout) == (0, ""), "what is there is made again"
    version.write_text('__version__ = "8.0.0"\n')
    done = run(pipelines / "install", program, PYTHON=str(python))
    assert (done.returncode, done.stdout) == (42, f"-I -m venv --clear {program}\n"), "the other version is used"
