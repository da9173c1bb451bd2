"""GitHub's workflows: valid, pinned, and with no more rights than their one task takes."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RIGHTS = {
    "attest": {
        "contents": "read",
        "id-token": "write",
        "attestations": "write",
        "artifact-metadata": "write",
    },
    "testpypi": {"id-token": "write"},
    "pypi": {"id-token": "write"},
    "push": {
        "packages": "write",
        "id-token": "write",
        "attestations": "write",
        "artifact-metadata": "write",
    },
    "images": {
        "packages": "write",
        "id-token": "write",
        "attestations": "write",
        "artifact-metadata": "write",
    },
    "release": {"contents": "write"},
    "latest": {"packages": "write"},
}
"""Jobs of a release that may do more than read."""


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def test_actions_are_pinned_by_their_commit_and_say_which_version_that_is() -> None:
    used = {
        use
        for path in WORKFLOWS
        for use in re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    }
    assert [
        action
        for action in used
        if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)
    ] == []
    assert len({action.partition("@")[0] for action in used}) == len(used), (
        "each action has one version"
    )


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_job_has_a_right_that_it_does_not_need(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}
    assert "secrets." not in path.read_text(encoding="utf-8")
    for name, job in workflow["jobs"].items():
        extra = RIGHTS if path.stem == "release" else {}
        # A list of checks that are asked for by name must not hang for six hours.
        assert job["permissions"] == extra.get(name, {"contents": "read"}), name
        assert job["timeout-minutes"] <= 60
        checked_out = [
            step["with"] for step in job["steps"] if "actions/checkout" in step.get("uses", "")
        ]
        assert all(step["persist-credentials"] is False for step in checked_out)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_scripts_that_it_runs_are_there(path: Path) -> None:
    scripts = re.findall(r"(?<![\w/.])(?:\.ci|scripts)/[\w./-]+", path.read_text(encoding="utf-8"))
    assert scripts
    for script in scripts:
        assert (ROOT / script).exists(), script


def test_each_stage_of_all_the_checks_is_a_job() -> None:
    """What `scripts/test --all` says alone in the last place, a pull request says by the name of a
    job.
    """
    script = (ROOT / "scripts" / "test").read_text(encoding="utf-8")
    stages = {
        name.strip('"'): command.removesuffix(' "${arguments[@]}"').removeprefix("env ")
        for name, command in re.findall(r'(?m)^ *stage ("[\w ]+"|\w+) (.+)$', script)
        if "told" not in command and (name != "tests" or "--all" in command)
    }
    stages["types"] = " ".join(re.search(r"(?m)^mypy .+", script)[0].removesuffix("\\").split())  # type: ignore[index]
    jobs = read(ROOT / ".github" / "workflows" / "test.yml")["jobs"]
    ran = [
        step["run"].replace(".venv/bin/", "")
        for job in jobs.values()
        for step in job["steps"]
        if "run" in step
    ]
    workers = re.compile(r"-n \d ")
    missing = {
        name
        for name, command in stages.items()
        if not any(workers.sub("", command) in workers.sub("", one) for one in ran)
    }
    assert len(stages) == 10
    assert missing == set()


def test_nothing_is_cancelled_on_main() -> None:
    """A group of its own for each run there: GitHub cancels what waits in one, too."""
    concurrency = read(ROOT / ".github" / "workflows" / "test.yml")["concurrency"]
    assert concurrency["group"].endswith(
        "github.event_name == 'pull_request' && github.ref || github.run_id }}"
    )


@pytest.mark.parametrize("name", ["nightly", "weekly"])
def test_changes_by_others_are_found_on_a_schedule(name: str) -> None:
    workflow = YAML(typ="safe").load(
        (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    )
    triggers = workflow["on"]
    assert re.fullmatch(r"\d+ \d+ \* \* [*1]", triggers["schedule"][0]["cron"])
    assert set(triggers) == {"schedule", "workflow_dispatch"}


def test_what_is_published_is_what_was_tried() -> None:
    """One job builds; the others take what it left, and wait for the signature."""
    jobs = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    builds = [
        name
        for name, job in jobs.items()
        for step in job["steps"]
        if "release/build" in step.get("run", "")
    ]
    assert builds == ["build"]
    order = ["attest", "push", "images", "pypi", "release", "latest"]
    assert [jobs[name]["needs"] for name in order] == [["build", "arm64"], *order[:-1]]
    ran = [step.get("run", "") for step in jobs["build"]["steps"]]
    assert ran.index("scripts/release/build") < ran.index(
        'scripts/release/check dist "$RUNNER_TEMP/images/images.tar"'
    )
    assert not [
        name for name, job in jobs.items() if re.search(r"docker (buildx )?build\b", str(job))
    ]


def test_nothing_is_published_before_an_approval() -> None:
    jobs = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    approved = {name: job["environment"] for name, job in jobs.items() if "environment" in job}
    assert approved == {"testpypi": "rehearsal", "push": "release", "pypi": "release"}


def test_a_rehearsal_publishes_nothing_but_to_testpypi() -> None:
    """What a job needs and was skipped skips it, too: `push` alone holds back all that follow."""
    jobs = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert (jobs["testpypi"]["if"], jobs["push"]["if"]) == (
        "github.event_name == 'workflow_dispatch'",
        "github.event_name == 'push'",
    )
    (published,) = [
        step["with"] for step in jobs["testpypi"]["steps"] if "pypi-publish" in step.get("uses", "")
    ]
    assert published["repository-url"] == "https://test.pypi.org/legacy/"
    assert not [
        name for name, job in jobs.items() if "always()" in str(job) or "!cancelled()" in str(job)
    ]
