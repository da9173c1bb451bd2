"""A plan where it is reviewed: what a comment shows, and that main finds what was approved and nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.pipelines.azure_devops_service import TOKEN as ACCESS
from tests.pipelines.azure_devops_service import AzureDevOps
from tests.pipelines.conftest import Step
from tests.pipelines.github_service import BOT, TOKEN, GitHub
from tests.pipelines.runners import PIPELINES

HEAD, COMMIT, OTHER = "a" * 40, "b" * 40, "d" * 40
FIRST, SECOND = "1" * 64, "2" * 64
PLAN = "# Plan for learn\n\n| Change | Name |\n| --- | --- |\n| + create | Import |\n"


def asking(github: GitHub, **more: str) -> dict[str, str]:
    return {**github.environment(COMMIT), "STEP_GITHUB_TOKEN": TOKEN, **more}


def commenting(github: GitHub, plan: str = PLAN, fingerprint: str = FIRST, **more: str) -> dict[str, str]:
    pull = {"STEP_PULL_REQUEST": "7", "STEP_COMMIT": HEAD}
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
    assert contexts == ["mct-s2s plan", "mct-s2s plan (learn --> x)", "mct-s2s plan (learn)"]


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


def test_main_applies_what_was_reviewed_at_the_pull_request_s_last_commit(step: Step, github: GitHub) -> None:
    for fingerprint in (FIRST, SECOND):
        assert step("comment", commenting(github, fingerprint=fingerprint)).code == 0
    github.merged(COMMIT, HEAD)
    found = step("reviewed", asking(github))
    assert (found.code, found.outputs) == (0, {"fingerprint": SECOND})


def status_of(fingerprint: str, **changed: Any) -> dict[str, Any]:
    whole = {"context": "mct-s2s plan", "description": f"fingerprint {fingerprint}", "creator": BOT}
    return {**whole, **changed}


@pytest.mark.parametrize(
    ("pulls", "status", "told"),
    [
        ([], status_of(FIRST), "is not the merge of one pull request"),
        ([{"merge_commit_sha": OTHER}], status_of(FIRST), "is not the merge of one pull request"),
        ([{"merged_at": None}], status_of(FIRST), "is not the merge of one pull request"),
        ([{}, {"number": 8}], status_of(FIRST), "is not the merge of one pull request"),
        ([{}], status_of(FIRST, creator={"login": "mallory"}), "has no plan"),
        ([{}], status_of(FIRST, context="mct-s2s plan (learn)"), "has no plan"),
        ([{}], status_of(FIRST, description=f"fingerprint {FIRST} or any"), "has no plan"),
        ([{}], status_of("any"), "has no plan"),
        ([{}], status_of(FIRST, description=None), "has no plan"),
        ([{"head": {"sha": OTHER}}], status_of(FIRST), "has no plan"),
    ],
)
def test_what_was_not_reviewed_has_no_fingerprint(
    step: Step, github: GitHub, pulls: list[dict[str, Any]], status: dict[str, Any], told: str
) -> None:
    github.statuses[HEAD] = [status]
    for changed in pulls:
        github.merged(COMMIT, HEAD, **changed)
    done = step("reviewed", asking(github))
    assert (done.code, done.outputs) == (2, {})
    assert done.err.startswith("::error::")
    assert told in done.err
    assert "by hand" in done.err


def test_an_administrator_s_fingerprint_comes_first(step: Step, github: GitHub) -> None:
    assert step("reviewed", asking(github, STEP_EXPECT=FIRST)).outputs == {"fingerprint": FIRST}
    assert github.asked == []
    assert step("reviewed", asking(github, STEP_EXPECT="x; rm -rf /")).code == 2


def test_the_token_follows_no_redirect_and_is_in_no_message(step: Step, github: GitHub) -> None:
    with GitHub() as elsewhere:
        github.failures.append((302, f"{elsewhere.address}/token"))
        done = step("reviewed", asking(github))
        assert (done.code, elsewhere.asked) == (1, [])
    assert TOKEN not in done.out + done.err


def test_a_review_needs_nothing_but_python(github: GitHub) -> None:
    """The job that may write to pull requests installs nothing: no package could misuse that."""
    github.merged(COMMIT, HEAD)
    github.statuses[HEAD] = [status_of(FIRST)]
    command = [sys.executable, "-I", "-S", str(PIPELINES / "steps"), "reviewed"]
    done = subprocess.run(command, env=asking(github), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(github.asked) == 2


def test_a_busy_service_is_asked_again_and_a_refusal_is_told(step: Step, github: GitHub) -> None:
    github.failures += [(503, {}), (502, {})]
    github.merged(COMMIT, HEAD)
    github.statuses[HEAD] = [status_of(FIRST)]
    assert step("reviewed", asking(github)).code == 0
    refused = step("reviewed", {**asking(github), "STEP_GITHUB_TOKEN": "another"})
    assert (refused.code, len([one for one in github.asked if one.bearer == "another"])) == (1, 1)
    assert "401" in refused.err


def test_azure_repos_gets_a_thread_that_the_next_plan_replaces(step: Step, devops: AzureDevOps, tmp_path: Any) -> None:
    environment = {**devops.environment(), "SYSTEM_ACCESSTOKEN": ACCESS}
    plan = tmp_path / "into" / "plan.md"
    plan.parent.mkdir()
    plan.write_text(PLAN)
    assert step("comment", environment).code == 0
    plan.write_text("# Another\n")
    assert step("comment", environment).code == 0
    (thread,) = devops.threads
    assert thread["comments"][0]["content"].split("\n", 1)[1].rstrip() == "# Another"
    devops.others.add(thread["id"])
    assert step("comment", environment).code == 0
    assert len(devops.threads) == 2
    assert step("comment", {**environment, "BUILD_REPOSITORY_PROVIDER": "GitHub"}).code == 2
