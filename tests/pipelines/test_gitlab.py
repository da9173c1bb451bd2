"""The component for GitLab: its scripts as a runner runs them, signed in by GitLab's own tokens."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Sandbox
from tests.pipelines.runners import ROOT, GitLabRunner, Machine, token_for
from tests.pipelines.trusts import MORE, TRUST, reader, writer
from tests.support.sampling import every_cell
from tests.support.sandbox_inside import Inside

BRANCH = "project_path:contoso/learn:ref_type:branch:ref:add-import"
MAIN = "project_path:contoso/learn:ref_type:branch:ref:main"
PREDEFINED = {"CI": "true", "GITLAB_CI": "true"}

only_with_all = pytest.mark.skipif(not every_cell(), reason="starts many programs, and installs one: --all")


@pytest.fixture
def runner(inside: Inside, azure: Sandbox, tmp_path: Path) -> Iterator[GitLabRunner]:
    apply = writer(azure, MAIN)
    inputs = {
        "ref": "0" * 40,
        "tenant-id": azure.tenant_id,
        "subscription-id": azure.subscription_id,
        "plan-client-id": reader(azure, BRANCH),
        "apply-client-id": apply,
        "rotate-client-id": apply,
    }
    azure.forget()
    made = GitLabRunner(Machine(inside, tmp_path), PREDEFINED, inputs)
    yield made
    assert made.machine.leaks == []
    assert azure.leaks() == []


@only_with_all
def test_a_merge_request_is_planned_and_main_applies_that_plan(runner: GitLabRunner, azure: Sandbox) -> None:
    (runner.machine.workspace / "trust.toml").write_text(TRUST + MORE)
    plan = runner.job("mct-plan", token_for(azure, BRANCH))
    assert plan.code == 0, plan.log
    assert f"Fingerprint: `{plan.outputs['MCT_FINGERPRINT']}`" in plan.summary
    assert ("<b>" in plan.summary, azure.writes()) == (False, [])
    lost = runner.job("mct-apply", token_for(azure, MAIN))
    assert (lost.code != 0, azure.writes()) == (True, []), lost.log
    applied = runner.job("mct-apply", token_for(azure, MAIN), plan.outputs)
    assert applied.code == 0, applied.log
    assert applied.outputs["MCT_URL"] == azure.site_url
    assert "Import" in applied.summary


@only_with_all
def test_the_locked_version_is_installed_and_signs_in(runner: GitLabRunner, azure: Sandbox, tmp_path: Path) -> None:
    """From a commit and the hashes of its lock; nothing of the folder that is checked out is imported on the way."""
    source = tmp_path / "source"
    for name in ("mct_s2s", "scripts"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source / name)
    git = ("git", "-C", str(source), "-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "all of it")):
        subprocess.run([*git, *words], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    runner.inputs = {**runner.inputs, "ref": head, "source": str(source)}
    (runner.machine.workspace / "trust.toml").write_text(TRUST)
    for name in ("pip", "venv", "json", "mct_s2s", "pipeline_steps"):
        (runner.machine.workspace / f"{name}.py").write_text("raise SystemExit('a file of the pull request was run')\n")
    plan = runner.job("mct-plan", token_for(azure, BRANCH), installs=True)
    assert plan.code == 0, plan.log
    assert plan.outputs["MCT_CHANGED"] == "true"


def test_nothing_is_applied_but_on_the_default_branch_by_hand(runner: GitLabRunner) -> None:
    component = runner.component()
    (rule,) = component["mct-apply"]["rules"]
    assert (rule["when"], "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" in rule["if"]) == ("manual", True)
    assert component["mct-apply"]["environment"] == "production"
    assert [rule["if"] for rule in component["mct-rotate"]["rules"]] == ['$CI_PIPELINE_SOURCE == "schedule"']
    for name, job in component.items():
        for variable, one in job["variables"].items():
            assert one["expand"] is False, (name, variable)
