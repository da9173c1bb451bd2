"""The workflows and steps of both services as their runners take them: from a pull request to what
is applied.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.pipeline_steps.hosts import AzurePipelines
from mct_s2s.sandbox.state import seed

from tests.conftest import Sandbox
from tests.pipelines.conftest import Step, outputs_in
from tests.pipelines.runners import (
    MORE,
    PIPELINES,
    PWNED,
    TRUST,
    AzureAgent,
    GitHubRunner,
    Machine,
    Ran,
    load,
    reader,
    trusts_too,
    writer,
)
from tests.pipelines.services import ACCESS, BOT, REPOSITORY, TOKEN, WRITTEN, AzureDevOps, GitHub
from tests.support.markup import outside_code
from tests.support.sampling import every_cell
from tests.support.sandbox_inside import Inside

WORKFLOWS = PIPELINES / "github" / "workflows"
HEAD = "a" * 40
COMMIT = "b" * 40
REVIEW, ON_MAIN = "pull_request", "ref:refs/heads/main"
MAIN, ROTATION = "environment:production", "environment:rotation"

only_with_all = pytest.mark.skipif(not every_cell(), reason="starts many programs: --all")


class Repository:
    """A repository on GitHub with our workflows, and the two applications that they sign in as."""

    def __init__(self, inside: Inside, github: GitHub, home: Path) -> None:
        self.azure = inside.azure
        self.github = github
        self.machine = Machine(inside, home)
        self.github.token_for = self.azure.issued
        name = f"repo:{REPOSITORY}"
        apply = writer(self.azure, f"{name}:{MAIN}")
        self.variables = {
            "MCT_PLAN_CLIENT_ID": reader(self.azure, f"{name}:{REVIEW}"),
            "MCT_APPLY_CLIENT_ID": apply,
            "MCT_ROTATE_CLIENT_ID": apply,
            "AZURE_TENANT_ID": self.azure.tenant_id,
            "AZURE_SUBSCRIPTION_ID": self.azure.subscription_id,
        }
        trusts_too(self.azure, apply, f"{name}:{ROTATION}")
        trusts_too(self.azure, self.variables["MCT_PLAN_CLIENT_ID"], f"{name}:{ON_MAIN}")
        self.azure.forget()

    def write(self, text: str) -> None:
        """The trust file of the commit that is checked out."""
        (self.machine.workspace / "trust.toml").write_text(text, encoding="utf-8")

    def runner(self, *, inputs: Any = None, **event: Any) -> GitHubRunner:
        """A run of a workflow, for an event."""
        contexts = {
            "vars": self.variables,
            "github": {"token": TOKEN, "event": event, "repository": REPOSITORY},
            "inputs": inputs or {},
        }
        return GitHubRunner(self.machine, self.github.environment(COMMIT), contexts)

    def review(self) -> Ran:
        """The workflow for a pull request; returns its first job."""
        runner = self.runner(
            pull_request={"number": 7, "head": {"sha": HEAD}, "base": {"ref": "main"}}
        )
        workflow = load(WORKFLOWS / "mct-plan.yml")
        plan = runner.job(workflow, "plan", oidc=self.github.oidc(f"repo:{REPOSITORY}:{REVIEW}"))
        if plan.outputs["fingerprint"] or plan.outputs["plan"]:
            commented = runner.job(workflow, "comment", {"plan": {"outputs": plan.outputs}})
            assert commented.code == 0, commented.log
        return plan

    def merge(self) -> None:
        """The pull request is approved and merged."""
        self.github.approved(HEAD)
        self.github.merged(COMMIT, HEAD)

    def apply(self, *, inputs: Any = None) -> Ran:
        """The workflow for main; returns the last job that runs."""
        runner = self.runner(inputs=inputs)
        workflow = load(WORKFLOWS / "mct-apply.yml")
        reviewed = runner.job(workflow, "reviewed")
        assert reviewed.code == 0, reviewed.log
        needs = {"reviewed": {"outputs": reviewed.outputs}}
        planned = runner.job(
            workflow, "plan", needs, oidc=self.github.oidc(f"repo:{REPOSITORY}:{ON_MAIN}")
        )
        if planned.code or planned.outputs["changed"] != "true":
            return planned
        assert reviewed.outputs["fingerprint"] in planned.summary, (
            "who approves does not see what is applied"
        )
        needs["plan"] = {"outputs": planned.outputs}
        return runner.job(
            workflow, "apply", needs, oidc=self.github.oidc(f"repo:{REPOSITORY}:{MAIN}")
        )


@pytest.fixture
def repository(
    inside: Inside, azure: Sandbox, github: GitHub, tmp_path: Path
) -> Iterator[Repository]:
    made = Repository(inside, github, tmp_path)
    yield made
    assert made.machine.leaks == []
    assert azure.leaks() == []


def test_a_pull_request_is_planned_without_a_stored_secret(repository: Repository) -> None:
    """… and by an application that can't change anything."""
    repository.write(TRUST + MORE)
    planted = repository.machine.plants()
    plan = repository.review()
    assert plan.code == 0, plan.log
    assert {file.read_text() for file in planted} == {"as it was"}
    (comment,) = repository.github.comments
    assert f"Fingerprint: `{plan.outputs['fingerprint']}`" in comment["body"]
    assert (
        repository.github.statuses[HEAD][0]["description"]
        == f"fingerprint {plan.outputs['fingerprint']}"
    )
    assert repository.azure.writes() == []
    assert not (repository.machine.workspace / PWNED).exists(), (
        "a pull request names a program, and it is run"
    )
    assert "Import" in plan.summary
    assert "Missing permissions" not in comment["body"]
    for shown in (comment["body"], plan.summary):
        assert "<b>" not in outside_code(shown)
    assert "##vso" not in plan.log
    assert "uid=" not in plan.log


def test_a_plan_that_could_not_be_made_is_commented_with_what_to_do(
    repository: Repository,
) -> None:
    repository.write(TRUST + "\n[sites.gone]\napp-service = 'nosuch'\n")
    plan = repository.review()
    assert plan.code != 0, plan.log
    (comment,) = repository.github.comments
    assert "No fingerprint: gone" in comment["body"]
    assert "beginning with 'No fingerprint' says why" in plan.log
    assert repository.github.statuses == {}


@only_with_all
def test_a_run_on_main_applies_what_was_reviewed(repository: Repository) -> None:
    repository.write(TRUST + MORE)
    assert repository.review().code == 0
    repository.merge()
    applied = repository.apply()
    assert applied.code == 0, applied.log
    sites = json.loads(applied.outputs["sites"])
    (application,) = repository.azure.applications("Import")
    assert set(sites["learn"]["clients"].items()) >= {("Import", application["appId"])}
    assert sites["learn"]["url"] == repository.azure.site_url
    assert sites["learn"]["scope"].startswith("api://")
    assert f"`keyvault:{seed.VAULT}/" in applied.summary
    assert "<b>" not in applied.summary
    again = repository.apply()
    assert (again.code, again.outputs["changed"]) == (0, "false"), again.log


@only_with_all
def test_a_secret_that_would_go_away_with_the_machine_is_not_made(repository: Repository) -> None:
    repository.write(TRUST.replace("secret-to", "# secret-to"))
    plan = repository.review()
    refused = repository.apply(inputs={"fingerprint": plan.outputs["fingerprint"]})
    assert refused.code == 2, refused.log
    assert "The secret of 'Import' at 'learn' would be saved to a file" in refused.log
    assert repository.azure.writes() == []


@only_with_all
def test_a_plan_that_is_no_longer_the_reviewed_one_is_refused(repository: Repository) -> None:
    """The file that is merged is another one, or Azure has changed in between."""
    repository.write(TRUST)
    assert repository.review().code == 0
    repository.merge()
    repository.write(TRUST + MORE)
    refused = repository.apply()
    assert refused.code == 2, refused.log
    assert repository.azure.writes() == []
    assert "This is not the plan that was reviewed" in refused.log
    # An administrator looks at it, and runs the workflow by hand.
    fingerprint = refused.log.split("fingerprint is ")[1][:64]
    assert f"Fingerprint: `{fingerprint}`" in refused.summary
    assert repository.apply(inputs={"fingerprint": fingerprint}).code == 0


@only_with_all
def test_a_scheduled_run_rotates_secrets_in_time(repository: Repository) -> None:
    repository.write(TRUST.replace("secret-to", 'secret-lifetime = "20d"\nsecret-to'))
    assert repository.apply(inputs={"fingerprint": "0" * 64}).code == 2
    assert repository.review().code == 0
    repository.merge()
    assert repository.apply().code == 0
    repository.write(TRUST)
    oidc = repository.github.oidc(f"repo:{REPOSITORY}:{ROTATION}")
    workflow = load(WORKFLOWS / "mct-rotate.yml")
    repository.variables["MCT_ROTATE_FINGERPRINT"] = "0" * 64
    refused = repository.runner().job(workflow, "rotate", oidc=oidc)
    assert refused.code == 2, refused.log
    repository.variables["MCT_ROTATE_FINGERPRINT"] = refused.log.split("fingerprint is ")[1][:64]
    rotated = repository.runner().job(workflow, "rotate", oidc=oidc)
    assert rotated.code == 0, rotated.log
    assert f"`keyvault:{seed.VAULT}/mct-s2s-contosolearn-import" in rotated.summary
    again = repository.runner().job(workflow, "rotate", oidc=oidc)
    assert (again.code, "keyvault:" in again.summary) == (0, False), again.log


def test_a_job_without_the_right_to_a_token_is_told_so(repository: Repository) -> None:
    """A pull request from a fork never gets it."""
    repository.write(TRUST)
    workflow = load(WORKFLOWS / "mct-plan.yml")
    done = repository.runner(pull_request={}).job(workflow, "plan")
    assert done.code == 2
    assert "id-token: write" in done.log
    assert repository.azure.log() == []


def test_plans_of_pull_requests_have_no_rights_to_misuse() -> None:
    """The one job that reads a pull request's file has no rights but to a token; no workflow runs
    for foreign code.
    """
    workflows = list(WORKFLOWS.glob("*.yml"))
    assert workflows
    for file in workflows:
        workflow = load(file)
        triggers = workflow["on"]
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(triggers)
        assert workflow["permissions"] == {}
        for name, job in workflow["jobs"].items():
            writes = {right for right, level in job["permissions"].items() if level == "write"}
            assert (
                writes == {"pull-requests", "statuses"}
                if name == "comment"
                else writes <= {"id-token"}
            )
            checked_out = any("checkout" in step["uses"] for step in job["steps"])
            assert not (checked_out and writes - {"id-token"}), (
                "a job that may write has foreign files"
            )
            assert all("run" not in step for step in job["steps"])
            if "id-token" in writes and "pull_request" in triggers:
                assert (
                    job["if"]
                    == "github.event.pull_request.head.repo.full_name == github.repository"
                )
            elif "id-token" in writes:
                reads = job["steps"][-1]["with"]["client-id"] == "${{ vars.MCT_PLAN_CLIENT_ID }}"
                assert reads or job["environment"] in {"production", "rotation"}


FILES = PIPELINES / "azure-pipelines"
PLANS, APPLIES = "sc://contoso/learn/mct-plan", "sc://contoso/learn/mct-apply"

VARIABLES = {"System.AccessToken": ACCESS}


@pytest.fixture
def machine(inside: Inside, azure: Sandbox, tmp_path: Path) -> Iterator[Machine]:
    agent = Machine(inside, tmp_path)
    yield agent
    assert agent.leaks == []
    assert azure.leaks() == []


def agent(
    machine: Machine, devops: AzureDevOps, application: str, subject: str, reason: str
) -> AzureAgent:
    """A run that signs in by this subject; what the task hands out by itself is a token of the day
    before.
    """
    azure = machine.inside.azure
    devops.token_for = lambda _: azure.issued(subject)
    connection = {
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": subject.rpartition("/")[2],
        "servicePrincipalId": application,
        "tenantId": azure.tenant_id,
        "idToken": "of-yesterday",
    }
    return AzureAgent(machine, {**devops.environment(), "BUILD_REASON": reason}, connection)


@only_with_all
def test_a_pull_request_is_planned_and_main_applies_that_plan(
    machine: Machine, devops: AzureDevOps
) -> None:
    azure = machine.inside.azure
    template = load(FILES / "steps.yml")
    read = reader(azure, PLANS)
    write = writer(azure, APPLIES)
    azure.forget()
    (machine.workspace / "trust.toml").write_text(TRUST + MORE)
    planted = machine.plants()
    sent = {
        "command": "plan",
        "serviceConnection": "mct-plan",
        "subscription": azure.subscription_id,
    }
    plan = agent(machine, devops, read, PLANS, "PullRequest").steps(template, sent, VARIABLES)
    assert plan.code == 0, plan.log
    assert (plan.outputs["changed"], azure.writes()) == ("true", [])
    (thread,) = devops.threads
    for shown in (plan.summary, thread["comments"][0]["content"]):
        assert f"Fingerprint: `{plan.outputs['fingerprint']}`" in shown
        assert "<b>" not in outside_code(shown)

    again = agent(machine, devops, read, PLANS, "IndividualCI").steps(template, sent, VARIABLES)
    assert again.outputs["fingerprint"] == plan.outputs["fingerprint"]
    assert len(devops.threads) == 1
    on_main = agent(machine, devops, write, APPLIES, "IndividualCI")
    sent |= {"command": "apply", "serviceConnection": "mct-apply", "expect": "$(fingerprint)"}
    lost = on_main.steps(template, sent, VARIABLES)
    assert (lost.code, azure.writes()) == (2, []), lost.log
    other = on_main.steps(
        template, {**sent, "command": "plan"}, {**VARIABLES, "fingerprint": "0" * 64}
    )
    assert (other.code, other.outputs) == (2, {}), other.log
    applied = on_main.steps(
        template, sent, {**VARIABLES, "fingerprint": again.outputs["fingerprint"]}
    )
    assert applied.code == 0, applied.log
    assert (applied.outputs["url"], applied.outputs["changed"]) == (azure.site_url, "true")
    assert "Import" in applied.summary
    assert {file.read_text() for file in planted} == {"as it was"}


@only_with_all
def test_a_pipeline_rotates_the_secret_of_one_site(machine: Machine, devops: AzureDevOps) -> None:
    azure = machine.inside.azure
    template = load(FILES / "steps.yml")
    write = agent(machine, devops, writer(azure, APPLIES), APPLIES, "Schedule")
    (machine.workspace / "trust.toml").write_text(
        TRUST.replace("secret-to", 'secret-lifetime = "20d"\nsecret-to')
    )
    sent = {"serviceConnection": "mct-rotate", "subscription": azure.subscription_id}
    planned = write.steps(template, {**sent, "command": "plan"}, VARIABLES)
    reviewed = {**VARIABLES, "fingerprint": planned.outputs["fingerprint"]}
    assert (
        write.steps(
            template, {**sent, "command": "apply", "expect": "$(fingerprint)"}, reviewed
        ).code
        == 0
    )
    (old,) = azure.applications("Import")[0]["passwordCredentials"]
    sent |= {
        "command": "rotate",
        "appService": "contosolearn",
        "secretTo": f"keyvault:{seed.VAULT}",
    }
    rotated = write.steps(template, sent, VARIABLES)
    assert rotated.code == 0, rotated.log
    kept, new = sorted(
        azure.applications("Import")[0]["passwordCredentials"],
        key=lambda credential: credential["endDateTime"],
    )
    # Whoever uses it may still read the old one
    assert (kept, new["endDateTime"] > old["endDateTime"]) == (
        old,
        True,
    )
    assert f"| `keyvault:{seed.VAULT}/mct-s2s-contosolearn-import" in rotated.summary


def test_the_pipeline_gives_the_template_what_it_takes() -> None:
    """Azure Pipelines refuses any other parameter, and a variable of the wrong stage is empty
    without an error.
    """
    template, pipeline = load(FILES / "steps.yml"), load(FILES / "azure-pipelines.yml")
    known = {parameter["name"]: parameter for parameter in template["parameters"]}
    stages = {stage["stage"]: stage["jobs"][0] for stage in pipeline["stages"]}
    apply = stages["apply"]["strategy"]["runOnce"]["deploy"]["steps"][0]
    uses = [stages["plan"]["steps"][0], apply, stages["rotate"]["steps"][0]]
    for use in uses:
        file, _, repository = use["template"].partition("@")
        assert (PIPELINES.parents[1] / file, repository) == (
            FILES / "steps.yml",
            known["repository"]["default"],
        )
        assert set(use["parameters"]) <= set(known)
        assert use["parameters"]["command"] in known["command"]["values"]
        missing = {name for name, parameter in known.items() if "default" not in parameter} - set(
            use["parameters"]
        )
        assert not missing
    assert apply["parameters"]["expect"] == "$(fingerprint)"
    source = stages["apply"]["variables"]["fingerprint"]
    named = re.fullmatch(
        r"\$\[ stageDependencies\.(\w+)\.(\w+)\.outputs\['(\w+)\.fingerprint'\] \]", source
    )
    assert named
    stage, job, step = named.groups()
    assert stages[stage]["job"] == job
    assert step in {step.get("name") for step in template["steps"]}
    assert pipeline["stages"][1]["dependsOn"] == stage


OTHER = "d" * 40
FIRST = "1" * 64
SECOND = "2" * 64
PLAN = "# Plan for learn\n\n| Change | Name |\n| --- | --- |\n| + create | Import |\n"


def asking(github: GitHub, **more: str) -> dict[str, str]:
    return {**github.environment(COMMIT), "STEP_GITHUB_TOKEN": TOKEN, **more}


def commenting(
    github: GitHub, plan: str = PLAN, fingerprint: str = FIRST, **more: str
) -> dict[str, str]:
    pull = {"STEP_PULL_REQUEST": "7", "STEP_COMMIT": HEAD, "STEP_BASE": "main"}
    return asking(github, STEP_PLAN=plan, STEP_FINGERPRINT=fingerprint, **pull, **more)


def test_a_plan_is_one_comment_that_the_next_one_replaces(step: Step, github: GitHub) -> None:
    github.comments += [{"id": n, "user": {"login": "ada"}, "body": "hello"} for n in range(150)]
    assert step("comment", commenting(github)).code == 0
    assert step("comment", commenting(github, "# Another\n", SECOND)).code == 0
    (ours,) = (comment for comment in github.comments if comment["user"] == BOT)
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
    assert all(comment["body"].split("\n")[0].count("-->") == 1 for comment in github.comments)
    contexts = [status["context"] for status in github.statuses[HEAD]]
    assert contexts == [
        "mct-s2s plan for main",
        "mct-s2s plan for main (learn --> x)",
        "mct-s2s plan for main (learn)",
    ]


def test_a_comment_of_somebody_else_is_never_taken_for_ours(step: Step, github: GitHub) -> None:
    assert step("comment", commenting(github)).code == 0
    github.comments[0]["user"] = {"login": "mallory", "type": "User"}
    assert step("comment", commenting(github)).code == 0
    assert [comment["user"]["login"] for comment in github.comments] == ["mallory", BOT["login"]]


def test_a_name_in_a_comment_mentions_no_user(step: Step, github: GitHub) -> None:
    assert step("comment", commenting(github, "| &#64;contoso/admins &#35;1 | `@a` |")).code == 0
    assert "| &#64;<!-- -->contoso/admins &#35;<!-- -->1 | `@a` |" in github.comments[0]["body"]


def test_a_comment_fits_whole_lines_and_says_where_the_rest_is(step: Step, github: GitHub) -> None:
    rows = "".join(f"| + create | Client {n} |\n" for n in range(5_000))
    assert step("comment", commenting(github, PLAN + rows)).code == 0
    body = github.comments[0]["body"]
    assert len(body.encode()) <= 65_536
    assert body.endswith(
        "[The run has all of it.](https://github.com/contoso/learn/actions/runs/4711)\n"
    )
    assert all(line.endswith("|") for line in body.splitlines() if line.startswith("|"))


def test_a_text_that_is_no_fingerprint_is_refused_and_put_at_no_commit(
    step: Step, github: GitHub
) -> None:
    for plan, fingerprint in ((PLAN, "any"), (PLAN, FIRST[1:]), ("", "")):
        assert step("comment", commenting(github, plan, fingerprint)).code == 2
    assert (github.statuses, github.comments) == ({}, [])


def test_a_plan_without_a_fingerprint_replaces_the_earlier_one_and_is_put_at_no_commit(
    step: Step, github: GitHub
) -> None:
    assert step("comment", commenting(github)).code == 0
    before = len(github.statuses[HEAD])
    assert step("comment", commenting(github, "# Plan for 2 sites\n", "")).code == 0
    (comment,) = github.comments
    assert comment["body"].split("\n", 1)[1].rstrip() == "# Plan for 2 sites"
    assert len(github.statuses[HEAD]) == before


def test_main_applies_what_was_approved_at_the_pull_request_s_last_commit(
    step: Step, github: GitHub
) -> None:
    for _ in "ab":  # a plan that is made again, and is the same
        assert step("comment", commenting(github)).code == 0
    github.statuses[HEAD][0]["created_at"] = "2026-11-25T13:00:00Z"
    github.approved(HEAD)
    github.merged(COMMIT, HEAD)
    result = step("reviewed", asking(github))
    assert (result.code, result.outputs) == (0, {"fingerprint": FIRST}), result.err


def status_of(fingerprint: str, **changed: Any) -> dict[str, Any]:
    run = f"https://github.com/{REPOSITORY}/actions/runs/4711"
    whole = {
        "context": "mct-s2s plan for main",
        "description": f"fingerprint {fingerprint}",
        "target_url": run,
    }
    return {**whole, **WRITTEN, **changed}


def reviewed(github: GitHub) -> None:
    github.merged(COMMIT, HEAD)
    github.approved(HEAD)
    github.statuses[HEAD] = [status_of(FIRST)]


@pytest.mark.parametrize(
    "pulls",
    [
        [],
        [{"merge_commit_sha": OTHER}],
        [{"merged_at": None}],
        [{}, {"number": 8}],
        [{"base": {"ref": "release"}}],
    ],
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
        (
            [status_of(SECOND, created_at="2026-11-25T13:00:00Z"), status_of(FIRST)],
            "plans that differ",
        ),
        ([status_of(FIRST, created_at="2026-11-25T12:00:00Z")], "newer than its last approval"),
        # Another workflow with `statuses: write` has written it.
        ([status_of(FIRST, target_url=None)], "no run of mct-plan.yml"),
        (
            [status_of(FIRST, target_url="https://github.com/mallory/learn/actions/runs/4711")],
            "no run of mct-plan.yml",
        ),
        (
            [
                status_of(
                    FIRST, target_url=f"https://github.com/{REPOSITORY}/actions/runs/1/../4711"
                )
            ],
            "no run of mct-pla",
        ),
    ],
)
def test_a_plan_that_is_not_the_one_before_the_approval_has_no_fingerprint(
    step: Step, github: GitHub, statuses: list[dict[str, Any]], told: str
) -> None:
    reviewed(github)
    github.statuses[HEAD] = statuses
    done = step("reviewed", asking(github))
    assert (done.code, done.outputs) == (2, {})
    assert done.err.startswith("::error::")
    assert told in done.err
    assert "with its fingerprint" in done.err


def was_refused(step: Step, github: GitHub) -> bool:
    """Whether nobody has approved what is to be applied."""
    done = step("reviewed", asking(github))
    assert done.code == 0 or (done.code, done.outputs, "has no approval" in done.err) == (
        2,
        {},
        True,
    ), done.err
    return done.code != 0


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "CHANGES_REQUESTED"},
        {"state": "DISMISSED"},
        {"state": "COMMENTED"},
        {"commit_id": OTHER},
    ],
)
def test_a_plan_that_was_not_approved_has_no_fingerprint(
    step: Step, github: GitHub, changed: dict[str, Any]
) -> None:
    """… or an earlier commit was."""
    reviewed(github)
    github.reviews.clear()
    github.approved(HEAD, **changed)
    assert was_refused(step, github)


@pytest.mark.parametrize("commit", [HEAD, OTHER])
@pytest.mark.parametrize("state", ["CHANGES_REQUESTED", "DISMISSED"])
def test_a_reviewer_who_takes_an_approval_back_has_not_approved(
    step: Step, github: GitHub, state: str, commit: str
) -> None:
    reviewed(github)
    github.approved(commit, "2026-11-25T12:30:00Z", state=state)
    assert was_refused(step, github)
    github.approved(HEAD, "2026-11-25T12:45:00Z")
    assert not was_refused(step, github), "the newest review counts, whichever it is"


def test_the_newest_review_counts_in_whichever_order_they_are_listed(
    step: Step, github: GitHub
) -> None:
    reviewed(github)
    github.approved(HEAD, "2026-11-25T12:30:00Z", state="CHANGES_REQUESTED")
    github.reviews.reverse()
    assert was_refused(step, github)


def test_neither_a_later_comment_nor_somebody_elses_review_takes_an_approval_back(
    step: Step, github: GitHub
) -> None:
    reviewed(github)
    github.approved(HEAD, "2026-11-25T12:30:00Z", state="COMMENTED")
    github.approved(HEAD, "2026-11-25T12:40:00Z", state="CHANGES_REQUESTED", user={"login": "bob"})
    github.approved(HEAD, "2026-11-25T12:50:00Z", state="CHANGES_REQUESTED", user=None)
    assert not was_refused(step, github)


@pytest.mark.parametrize(
    ("permission", "counts"),
    [("admin", True), ("write", True), ("read", False), ("none", False), (None, False)],
)
def test_only_who_may_write_to_the_repository_approves(
    step: Step, github: GitHub, permission: str | None, counts: bool
) -> None:
    """Members and collaborators may have no more than the right to read, and anyone can review in
    public.
    """
    reviewed(github)
    github.permissions = {"ada": permission} if permission is not None else {}
    assert was_refused(step, github) is not counts


def test_who_pushed_the_commit_does_not_approve_it(step: Step, github: GitHub) -> None:
    """GitHub refuses the author of the pull request alone; others can push to it, too."""
    reviewed(github)
    github.runs["4711"]["actor"] = {"login": "ada"}
    assert was_refused(step, github)
    github.permissions["bob"] = "write"
    # Before there was a plan.
    github.approved(HEAD, "2026-11-25T10:00:00Z", user={"login": "bob"})
    assert was_refused(step, github)
    github.approved(HEAD, "2026-11-25T12:30:00Z", user={"login": "bob"})
    assert not was_refused(step, github)


def test_a_pusher_whose_account_is_gone_approves_nothing(step: Step, github: GitHub) -> None:
    reviewed(github)
    github.runs["4711"]["actor"] = None
    assert not was_refused(step, github)


def test_a_reviewer_who_is_gone_has_not_approved(step: Step, github: GitHub) -> None:
    """GitHub leaves out the user of an account that was deleted."""
    reviewed(github)
    github.reviews[0]["user"] = None
    assert was_refused(step, github)


def test_a_reviewers_permission_that_cannot_be_read_is_told(step: Step, github: GitHub) -> None:
    reviewed(github)
    github.refused.add("/collaborators/ada/permission")
    done = step("reviewed", asking(github))
    assert (done.code, done.outputs, "403" in done.err) == (1, {}, True)


def test_reviews_that_are_too_many_to_read_are_not_cut_off(step: Step, github: GitHub) -> None:
    """Who takes an approval back may be on the last page."""
    reviewed(github)
    github.reviews += 3_000 * [{**github.reviews[0], "state": "COMMENTED"}]
    done = step("reviewed", asking(github))
    assert (done.code, done.outputs, "3000" in done.err) == (2, {}, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"event": "push"},
        {"head_sha": OTHER},
        {"conclusion": "failure"},
        {"conclusion": None},
        {"path": ".github/workflows/other.yml"},
        # Someone's own base branch may hold another one.
        {"path": ".github/workflows/mct-plan-x.yml"},
        {"head_branch": "another"},
    ],
)
def test_a_status_of_another_run_has_no_fingerprint(
    step: Step, github: GitHub, changed: dict[str, Any]
) -> None:
    reviewed(github)
    github.runs["4711"] |= changed
    done = step("reviewed", asking(github))
    assert (done.code, done.outputs, "no run of mct-plan.yml" in done.err) == (2, {}, True)


@pytest.mark.parametrize("sha", [HEAD, OTHER])
def test_a_commit_that_another_pull_request_planned_too_has_no_fingerprint(
    step: Step, github: GitHub, sha: str
) -> None:
    """A workflow for a pull request is that of its base: which can be a branch of its author's."""
    reviewed(github)
    github.closed_pulls.append({"number": 8, "head": {"sha": sha, "ref": "import"}})
    done = step("reviewed", asking(github))
    if sha == OTHER:
        assert done.outputs == {"fingerprint": FIRST}, "an earlier one of the same branch"
        return
    assert (done.code, done.outputs, "pull request #8" in done.err) == (2, {}, True)


@pytest.mark.parametrize("part", ["author", "committer"])
def test_who_wrote_a_commit_of_the_pull_request_does_not_approve_it(
    step: Step, github: GitHub, part: str
) -> None:
    """Another one may have pushed the last of them by "Update branch"."""
    reviewed(github)
    github.authors = [{"author": None, "committer": None, part: {"login": "ada"}}]
    assert was_refused(step, github)
    github.permissions["bob"] = "write"
    github.approved(HEAD, user={"login": "bob"})
    assert not was_refused(step, github)


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
    environment = {
        **asking(github),
        "RUNNER_TEMP": str(tmp_path),
        **{name: str(file) for name, file in files.items()},
    }
    command = [
        sys.executable,
        "-I",
        "-S",
        str(PIPELINES.parents[1] / "mct_s2s" / "pipeline_steps"),
        "reviewed",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert outputs_in(files["GITHUB_OUTPUT"].read_text()) == {"fingerprint": FIRST}


def test_a_busy_service_is_asked_again_and_a_refusal_is_told(step: Step, github: GitHub) -> None:
    github.failures += [(503, {}), (502, {})]
    reviewed(github)
    assert step("reviewed", asking(github)).code == 0
    refused = step("reviewed", {**asking(github), "STEP_GITHUB_TOKEN": "another"})
    assert (
        refused.code,
        len([request for request in github.asked if request.bearer == "another"]),
    ) == (1, 1)
    assert "401" in refused.err


def test_azure_repos_gets_a_thread_that_the_next_plan_replaces(
    devops: AzureDevOps, tmp_path: Path
) -> None:
    environment = {
        **devops.environment(),
        "SYSTEM_ACCESSTOKEN": ACCESS,
        "AGENT_TEMPDIRECTORY": str(tmp_path),
    }
    host = AzurePipelines({**environment, "BUILD_REASON": "PullRequest"})
    host.review(PLAN)
    host.review("# Another\n")
    (thread,) = devops.threads
    assert thread["comments"][0]["content"].split("\n", 1)[1].rstrip() == "# Another"
    devops.others.add(thread["id"])
    host.review(PLAN)
    assert len(devops.threads) == 2
    AzurePipelines(
        {**environment, "BUILD_REASON": "PullRequest", "BUILD_REPOSITORY_PROVIDER": "GitHub"}
    ).review(PLAN)
    AzurePipelines({**environment, "BUILD_REASON": "IndividualCI"}).review(PLAN)
    assert len(devops.threads) == 2
