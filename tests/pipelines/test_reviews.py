"""A plan where it is reviewed: what a comment shows, and that main finds what was approved and nothing else."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline_steps.hosts import AzurePipelines
from tests.pipelines.conftest import Step, outputs_in
from tests.pipelines.runners import PIPELINES
from tests.pipelines.services import ACCESS, BOT, REPOSITORY, TOKEN, WRITTEN, AzureDevOps, GitHub

HEAD, COMMIT, OTHER = "a" * 40, "b" * 40, "d" * 40
FIRST, SECOND = "1" * 64, "2" * 64
PLAN = "# Plan for learn\n\n| Change | Name |\n| --- | --- |\n| + create | Import |\n"


def asking(github: GitHub, **more: str) -> dict[str, str]:
    return {**github.environment(COMMIT), "STEP_GITHUB_TOKEN": TOKEN, **more}


def commenting(github: GitHub, plan: str = PLAN, fingerprint: str = FIRST, **more: str) -> dict[str, str]:
    pull = {"STEP_PULL_REQUEST": "7", "STEP_COMMIT": HEAD, "STEP_BASE": "main"}
    return asking(github, STEP_PLAN=plan, STEP_FINGERPRINT=fingerprint, **pull, **more)


def test_a_plan_is_one_comment_that_the_next_one_replaces(step: Step, github: GitHub) -> None:
    github.comments += [{"id": n, "user": {"login": "ada"}, "body": "hello"} for n in range(150)]
    assert step("comment", commenting(github)).code == 0
    assert step("comment", commenting(github, "# Another\n", SECOND)).code == 0
    (ours,) = (one for one in github.comments if one["user"] == BOT)
    assert ours["body"].split("\n", 1)[1].rstrip() == "# Another"
    assert [status["description"] for status in github.statuses[HEAD]] == [
        f"fingerprint {SECOND}",
        f"fingerprint {FIRST}",
    ]


def test_a_plan_that_github_does_not_hand_on_is_linked(step: Step, github: GitHub) -> None:
    assert step("comment", commenting(github, "")).code == 0
    assert "(https://github.com/contoso/learn/actions/runs/4711)" in github.comments[0]["body"]
    assert FIRST in github.comments[0]["body"]


def test_sites_of_a_matrix_have_comments_of_their_own(step: Step, github: GitHub) -> None:
    for name in ("learn", "learn --> x", ""):
        assert step("comment", commenting(github, STEP_NAME=name)).code == 0
    assert len(github.comments) == 3
    assert all(one["body"].split("\n")[0].count("-->") == 1 for one in github.comments)
    contexts = [status["context"] for status in github.statuses[HEAD]]
    assert contexts == ["mct-s2s plan for main", "mct-s2s plan for main (learn --> x)", "mct-s2s plan for main (learn)"]


def test_a_comment_of_somebody_else_is_never_taken_for_ours(step: Step, github: GitHub) -> None:
    assert step("comment", commenting(github)).code == 0
    github.comments[0]["user"] = {"login": "mallory", "type": "User"}
    assert step("comment", commenting(github)).code == 0
    assert [one["user"]["login"] for one in github.comments] == ["mallory", BOT["login"]]


def test_a_name_calls_nobody(step: Step, github: GitHub) -> None:
    assert step("comment", commenting(github, "| &#64;contoso/admins &#35;1 | `@a` |")).code == 0
    assert "| &#64;<!-- -->contoso/admins &#35;<!-- -->1 | `@a` |" in github.comments[0]["body"]


def test_a_comment_fits_whole_lines_and_says_where_the_rest_is(step: Step, github: GitHub) -> None:
    rows = "".join(f"| + create | Client {n} |\n" for n in range(5_000))
    assert step("comment", commenting(github, PLAN + rows)).code == 0
    body = github.comments[0]["body"]
    assert len(body.encode()) <= 65_536
    assert body.endswith("[The run has all of it.](https://github.com/contoso/learn/actions/runs/4711)\n")
    assert all(line.endswith("|") for line in body.splitlines() if line.startswith("|"))


def test_what_is_no_fingerprint_is_beside_no_commit(step: Step, github: GitHub) -> None:
    for fingerprint in ("any", FIRST[1:], ""):
        assert step("comment", commenting(github, fingerprint=fingerprint)).code == 2
    assert (github.statuses, github.comments) == ({}, [])


def test_main_applies_what_was_approved_at_the_pull_request_s_last_commit(step: Step, github: GitHub) -> None:
    for _ in "ab":  # a plan that is made again, and is the same
        assert step("comment", commenting(github)).code == 0
    github.statuses[HEAD][0]["created_at"] = "2026-11-25T13:00:00Z"
    github.approved(HEAD)
    github.merged(COMMIT, HEAD)
    found = step("reviewed", asking(github))
    assert (found.code, found.outputs) == (0, {"fingerprint": FIRST}), found.err


def status_of(fingerprint: str, **changed: Any) -> dict[str, Any]:
    run = f"https://github.com/{REPOSITORY}/actions/runs/4711"
    whole = {"context": "mct-s2s plan for main", "description": f"fingerprint {fingerprint}", "target_url": run}
    return {**whole, **WRITTEN, **changed}


def reviewed(github: GitHub) -> None:
    github.merged(COMMIT, HEAD)
    github.approved(HEAD)
    github.statuses[HEAD] = [status_of(FIRST)]


@pytest.mark.parametrize(
    "pulls",
    [[], [{"merge_commit_sha": OTHER}], [{"merged_at": None}], [{}, {"number": 8}], [{"base": {"ref": "release"}}]],
)
def test_a_commit_that_is_not_the_merge_of_one_pull_request_has_no_fingerprint(
    step: Step, github: GitHub, pulls: list[dict[str, Any]]
) -> None:
    reviewed(github)
    github.pulls.clear()
    for changed in pulls:
        github.merged(COMMIT, HEAD, **changed)
    done = step("reviewed", asking(github))
    assert (done.code, done.outputs) == (2, {})
    assert "is not the merge of one pull request" in done.err


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ([], "has no plan"),
        ([status_of(FIRST, creator={"login": "mallory"})], "has no plan"),
        ([status_of(FIRST, context="mct-s2s plan for main (learn)")], "has no plan"),
        ([status_of(FIRST, context="mct-s2s plan for release")], "has no plan"),
        ([status_of(FIRST, description=f"fingerprint {FIRST} or any")], "has no plan"),
        ([status_of("any")], "has no plan"),
        ([status_of(FIRST, description=None)], "has no plan"),
        # Azure has changed after the approval, and the pull request was closed and opened again.
        ([status_of(SECOND, created_at="2026-11-25T13:00:00Z"), status_of(FIRST)], "plans that differ"),
        ([status_of(FIRST, created_at="2026-11-25T12:00:00Z")], "newer than its last approval"),
        # Another workflow with `statuses: write` has written it.
        ([status_of(FIRST, target_url=None)], "no run of mct-plan.yml"),
        ([status_of(FIRST, target_url="https://github.com/mallory/learn/actions/runs/4711")], "no run of mct-plan.yml"),
        ([status_of(FIRST, target_url=f"https://github.com/{REPOSITORY}/actions/runs/1/../4711")], "no run of mct-pla"),
    ],
)
def test_what_is_not_the_one_plan_before_the_approval_has_no_fingerprint(
    step: Step, github: GitHub, statuses: list[dict[str, Any]], told: str
) -> None:
    reviewed(github)
    github.statuses[HEAD] = statuses
    done = step("reviewed", asking(github))
    assert (done.code, done.outputs) == (2, {})
    assert done.err.startswith("::error::")
    assert told in done.err
    assert "with its fingerprint" in done.err


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "CHANGES_REQUESTED"},
        {"state": "DISMISSED"},
        {"commit_id": OTHER},
        {"author_association": "NONE"},
        {"author_association": "CONTRIBUTOR"},
    ],
)
def test_what_was_not_approved_has_no_fingerprint(step: Step, github: GitHub, changed: dict[str, Any]) -> None:
    """… or an earlier commit was, or by someone who has no say in the repository."""
    reviewed(github)
    github.reviews.clear()
    github.approved(HEAD, **changed)
    done = step("reviewed", asking(github))
    assert (done.code, done.outputs, "has no approval" in done.err) == (2, {}, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"event": "push"},
        {"head_sha": OTHER},
        {"conclusion": "failure"},
        {"conclusion": None},
        {"path": ".github/workflows/other.yml"},
    ],
)
def test_a_status_of_another_run_has_no_fingerprint(step: Step, github: GitHub, changed: dict[str, Any]) -> None:
    reviewed(github)
    github.runs["4711"] |= changed
    done = step("reviewed", asking(github))
    assert (done.code, done.outputs, "no run of mct-plan.yml" in done.err) == (2, {}, True)


def test_an_administrator_s_fingerprint_comes_first(step: Step, github: GitHub) -> None:
    assert step("reviewed", asking(github, STEP_EXPECT=FIRST)).outputs == {"fingerprint": FIRST}
    assert github.asked == []
    for typed in ("x; rm -rf /", "any"):
        assert step("reviewed", asking(github, STEP_EXPECT=typed)).code == 2


def test_the_token_follows_no_redirect_and_is_in_no_message(step: Step, github: GitHub) -> None:
    with GitHub() as elsewhere:
        github.failures.append((302, f"{elsewhere.address}/token"))
        done = step("reviewed", asking(github))
        assert (done.code, elsewhere.asked) == (1, [])
    assert TOKEN not in done.out + done.err


def test_a_review_needs_nothing_but_python(github: GitHub, tmp_path: Path) -> None:
    """The job that may write to pull requests installs nothing: no package could misuse that."""
    reviewed(github)
    files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    environment = {**asking(github), "RUNNER_TEMP": str(tmp_path), **{name: str(file) for name, file in files.items()}}
    command = [sys.executable, "-I", "-S", str(PIPELINES / "steps"), "reviewed"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert outputs_in(files["GITHUB_OUTPUT"].read_text()) == {"fingerprint": FIRST}


def test_a_busy_service_is_asked_again_and_a_refusal_is_told(step: Step, github: GitHub) -> None:
    github.failures += [(503, {}), (502, {})]
    reviewed(github)
    assert step("reviewed", asking(github)).code == 0
    refused = step("reviewed", {**asking(github), "STEP_GITHUB_TOKEN": "another"})
    assert (refused.code, len([one for one in github.asked if one.bearer == "another"])) == (1, 1)
    assert "401" in refused.err


def test_azure_repos_gets_a_thread_that_the_next_plan_replaces(devops: AzureDevOps, tmp_path: Path) -> None:
    environment = {**devops.environment(), "SYSTEM_ACCESSTOKEN": ACCESS, "AGENT_TEMPDIRECTORY": str(tmp_path)}
    host = AzurePipelines({**environment, "BUILD_REASON": "PullRequest"})
    host.review(PLAN)
    host.review("# Another\n")
    (thread,) = devops.threads
    assert thread["comments"][0]["content"].split("\n", 1)[1].rstrip() == "# Another"
    devops.others.add(thread["id"])
    host.review(PLAN)
    assert len(devops.threads) == 2
    AzurePipelines({**environment, "BUILD_REASON": "PullRequest", "BUILD_REPOSITORY_PROVIDER": "GitHub"}).review(PLAN)
    AzurePipelines({**environment, "BUILD_REASON": "IndividualCI"}).review(PLAN)
    assert len(devops.threads) == 2
