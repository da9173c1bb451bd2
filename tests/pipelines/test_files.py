"""The files of both services as their own tools read them: schemas, scripts, rights, what they name
and install.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from mct_s2s import __version__

from tests.conftest import without_azure
from tests.pipelines.runners import CACHE, PIPELINES, load
from tests.support.sampling import every_cell

GITHUB, AZURE = PIPELINES / "github", PIPELINES / "azure-pipelines"
ACTIONS = sorted(GITHUB.rglob("action.yml"))
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
BY_SCHEMA = {
    **dict.fromkeys(ACTIONS, "github-actions"),
    **dict.fromkeys(WORKFLOWS, "github-workflows"),
    **dict.fromkeys(sorted(AZURE.glob("*.yml")), "azure-pipelines"),
}
DOT_GITHUB = PIPELINES.parents[1] / ".github"
OWN = {
    **dict.fromkeys(sorted((DOT_GITHUB / "workflows").glob("*.yml")), "github-workflows"),
    DOT_GITHUB / "dependabot.yml": "dependabot",
}
"""Of this repository: tests/release says more of them."""
OURS = re.compile(r"mct-s2s/mct-s2s(/[\w./-]*)?@(v[\d.]+)|refs/tags/(v[\d.]+)")


def named(path: Path) -> str:
    return str(path.relative_to(PIPELINES))


def tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def scripts() -> Iterator[tuple[str, str]]:
    """Each shell script of a file, with its shell's own line where it has one."""
    yield "install", (PIPELINES / "install").read_text(encoding="utf-8")
    for path in BY_SCHEMA | OWN:
        for number, script in enumerate(_scripts(load_body(path))):
            yield f"{path.parent.name}/{path.name} {number}", script


def load_body(path: Path) -> Any:
    document = load(path)
    return as_texts(document) if BY_SCHEMA.get(path) == "azure-pipelines" else document


def as_texts(part: Any, key: str = "") -> Any:
    """A document as Azure Pipelines has it: every value is a text, but in its schema not what a
    task is given.
    """
    if isinstance(part, dict):
        return (
            part if key == "inputs" else {name: as_texts(item, name) for name, item in part.items()}
        )
    return (
        [as_texts(item) for item in part]
        if isinstance(part, list)
        else str(part).lower()
        if isinstance(part, bool)
        else str(part)
    )


def _scripts(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for item in part:
            yield from _scripts(item)
    if isinstance(part, dict):
        for key, item in part.items():
            if key in {"run", "bash", "inlineScript"}:
                yield str(item)
            else:
                yield from _scripts(item)


@pytest.mark.parametrize(
    "path", [*BY_SCHEMA, *OWN], ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_each_pipeline_file_fits_the_schema_of_its_service(path: Path) -> None:
    schema = files("check_jsonschema").joinpath(
        f"builtin_schemas/vendor/{(BY_SCHEMA | OWN)[path]}.json"
    )
    Draft7Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(load_body(path))


def test_shellcheck_finds_nothing_in_the_scripts_of_pipelines() -> None:
    checked = dict(scripts())
    assert len(checked) > 6
    for name, script in checked.items():
        text = script if script.startswith("#!") else f"#!/usr/bin/env bash\nset -eu\n{script}"
        given = [tool("shellcheck"), "--norc", "--external-sources", "--exclude=SC2154", "-"]
        done = subprocess.run(
            given, input=text, cwd=PIPELINES.parents[1], text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, f"{name}\n{done.stdout}"


def test_zizmor_finds_no_way_into_the_workflows() -> None:
    """Injection, rights, triggers, credentials that persist, actions of others without
    their hash.
    """
    given = [
        tool("zizmor"), "--offline", "--quiet", "--config", str(PIPELINES / "zizmor.yml"),
        *map(str, [*ACTIONS, *WORKFLOWS, *OWN]),
    ]  # fmt: skip
    done = subprocess.run(given, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_input_is_a_part_of_a_script() -> None:
    """A value goes through a variable: in a script's text it would be shell."""
    for name, script in scripts():
        assert not re.search(r"\$\{\{|\$\([A-Z]\w*\.", script), name


def test_every_input_reaches_the_step() -> None:
    for path in ACTIONS:
        action = load(path)
        used = re.findall(r"inputs\.([\w-]+)", json.dumps(action["runs"]))
        assert sorted(used) == sorted(action["inputs"]), named(path)
        for output in action.get("outputs", {}).values():
            assert re.fullmatch(r"\$\{\{ steps\.(run|find)\.outputs\.[a-z-]+ \}\}", output["value"])
    template = load(AZURE / "steps.yml")
    used = re.findall(r"parameters\.(\w+)", json.dumps(template["steps"]))
    assert set(used) == {parameter["name"] for parameter in template["parameters"]}


def test_pipelines_use_our_actions_and_package_at_this_version() -> None:
    uses = 0
    for path in [*BY_SCHEMA, PIPELINES.parents[1] / "docs" / "pipelines.md"]:
        for action, used, tag in OURS.findall(path.read_text(encoding="utf-8")):
            assert (used or tag) == f"v{__version__}", named(path)
            assert (
                not action or (PIPELINES.parents[1] / action.strip("/") / "action.yml").is_file()
            ), action
            uses += 1
    assert uses > 6


@pytest.mark.timeout(900)  # some sixty packages, on a busy machine
@pytest.mark.skipif(not every_cell(), reason="installs the program: --all")
def test_a_checkout_is_installed_as_it_is(tmp_path: Path) -> None:
    """Nothing of the pull request's folder is imported, nor another version used that an earlier
    step has installed.
    """
    root = PIPELINES.parents[1]
    program = tmp_path / "program"
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    for name in ("pip", "venv", "json", "mct_s2s", "pipeline_steps"):
        (workspace / f"{name}.py").write_text(
            "raise SystemExit('a file of the pull request was run')\n"
        )
    checkout = tmp_path / "checkout"
    for name in ("mct_s2s", "scripts"):
        shutil.copytree(root / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(root / name, checkout / name)
    pipelines = checkout / "scripts" / "pipelines"
    version = checkout / "mct_s2s" / "__init__.py"
    version.write_text('__version__ = "7.0.0"\n')
    environment = {**without_azure(), **CACHE, "PYTHONPATH": str(workspace)}

    def run(*command: Path | str, **more: str) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in command]
        env = {**environment, **more}
        return subprocess.run(
            words, cwd=workspace, env=env, capture_output=True, text=True, check=False
        )

    done = run(pipelines / "install", program)
    assert (done.returncode, done.stdout) == (0, "mct-s2s 7.0.0\n"), done.stderr
    python = program / "bin" / "python"
    assert run(python, "-I", "-m", "mct_s2s.pipeline_steps", "destroy").stderr.startswith(
        "One step: "
    )
    # The script obeys PYTHONPATH, as any: the pipelines run the module.
    assert run(program / "bin" / "mct-s2s-step", "destroy", PYTHONPATH="").stderr.startswith(
        "One step: "
    )

    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\ncase "$*" in *venv*) echo "$@"; exit 42 ;; esac\nexec python3 "$@"\n'
    )
    python.chmod(0o755)
    done = run(pipelines / "install", program, PYTHON=str(python))
    assert (done.returncode, done.stdout) == (0, ""), "what is there is made again"
    version.write_text('__version__ = "8.0.0"\n')
    done = run(pipelines / "install", program, PYTHON=str(python))
    assert (done.returncode, done.stdout) == (42, f"-I -m venv --clear {program}\n"), (
        "the other version is used"
    )
