"""The workflows for GitHub, with their actions, as they are in their files: from a pull request to what is applied."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.sandbox.state import seed

from tests.conftest import Sandbox
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
from tests.pipelines.services import ACCESS, REPOSITORY, TOKEN, AzureDevOps, GitHub
from tests.support.markup import outside_code
from tests.support.sampling import every_cell
from tests.support.sandbox_inside import Inside

WORKFLOWS = PIPELINES / "github" / "workflows"
HEAD, COMMIT = "a" * 40, "b" * 40
REVIEW, ON_MAIN = "pull_request", "ref:refs/heads/main"
MAIN, ROTATION = "environment:production", "environment:rotation"

only_with_all = pytest.mark.skipif(not every_cell(), reason="starts many programs: --all")


class Repository:
    """A repository on GitHub with our workflows, and the two applications that they sign in as."""

    def __init__(self, inside: Inside, github: GitHub, home: Path) -> None:
        self.azure, self.github = inside.azure, github
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
        runner, workflow = (
            self.runner(pull_request={"number": 7, "head": {"sha": HEAD}, "base": {"ref": "main"}}),
            load(WORKFLOWS / "mct-plan.yml"),
        )
        plan = runner.job(workflow, "plan", oidc=self.github.oidc(f"repo:{REPOSITORY}:{REVIEW}"))
        if plan.outputs["fingerprint"]:
            commented = runner.job(workflow, "comment", {"plan": {"outputs": plan.outputs}})
            assert commented.code == 0, commented.log
        return plan

    def merge(self) -> None:
        """The pull request is approved and merged."""
        self.github.approved(HEAD)
        self.github.merged(COMMIT, HEAD)

    def apply(self, *, inputs: Any = None) -> Ran:
        """The workflow for main; returns the last job that runs."""
        runner, workflow = self.runner(inputs=inputs), load(WORKFLOWS / "mct-apply.yml")
        reviewed = runner.job(workflow, "reviewed")
        assert reviewed.code == 0, reviewed.log
        needs = {"reviewed": {"outputs": reviewed.outputs}}
        planned = runner.job(workflow, "plan", needs, oidc=self.github.oidc(f"repo:{REPOSITORY}:{ON_MAIN}"))
        if planned.code or planned.outputs["changed"] != "true":
            return planned
        assert reviewed.outputs["fingerprint"] in planned.summary, "who approves does not see what is applied"
        needs["plan"] = {"outputs": planned.outputs}
        return runner.job(workflow, "apply", needs, oidc=self.github.oidc(f"repo:{REPOSITORY}:{MAIN}"))


@pytest.fixture
def repository(inside: Inside, azure: Sandbox, github: GitHub, tmp_path: Path) -> Iterator[Repository]:
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
    assert repository.github.statuses[HEAD][0]["description"] == f"fingerprint {plan.outputs['fingerprint']}"
    assert repository.azure.writes() == []
    assert not (repository.machine.workspace / PWNED).exists(), "a pull request names a program, and it is run"
    assert "Import" in plan.summary
    assert "Missing permissions" not in comment["body"]
    for shown in (comment["body"], plan.summary):
        assert "<b>" not in outside_code(shown)
    assert "##vso" not in plan.log
    assert "uid=" not in plan.log


@only_with_all
def test_main_applies_what_was_reviewed(repository: Repository) -> None:
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
def test_what_is_no_longer_what_was_reviewed_is_refused(repository: Repository) -> None:
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
    found = refused.log.split("fingerprint is ")[1][:64]
    assert f"Fingerprint: `{found}`" in refused.summary
    assert repository.apply(inputs={"fingerprint": found}).code == 0


@only_with_all
def test_secrets_are_rotated_in_time(repository: Repository) -> None:
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
    """The one job that reads a pull request's file has no rights but to a token; no workflow runs for foreign code."""
    found = list(WORKFLOWS.glob("*.yml"))
    assert found
    for file in found:
        workflow = load(file)
        triggers = workflow["on"]
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(triggers)
        assert workflow["permissions"] == {}
        for name, job in workflow["jobs"].items():
            writes = {right for right, level in job["permissions"].items() if level == "write"}
            assert writes == {"pull-requests", "statuses"} if name == "comment" else writes <= {"id-token"}
            checked_out = any("checkout" in step["uses"] for step in job["steps"])
            assert not (checked_out and writes - {"id-token"}), "a job that may write has foreign files"
            assert all("run" not in step for step in job["steps"])
            if "id-token" in writes and "pull_request" in triggers:
                assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
            elif "id-token" in writes:
                reads = job["steps"][-1]["with"]["client-id"] == "${{ vars.MCT_PLAN_CLIENT_ID }}"
                assert reads or job["environment"] in {"production", "rotation"}


FILES = PIPELINES / "azure-pipelines"
PLAN, APPLY = "sc://contoso/learn/mct-plan", "sc://contoso/learn/mct-apply"

VARIABLES = {"System.AccessToken": ACCESS}


@pytest.fixture
def machine(inside: Inside, azure: Sandbox, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(inside, tmp_path)
    yield made
    assert made.leaks == []
    assert azure.leaks() == []


def agent(machine: Machine, devops: AzureDevOps, application: str, subject: str, reason: str) -> AzureAgent:
    """A run that signs in by this subject; what the task hands out by itself is a token of the day before."""
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
def test_a_pull_request_is_planned_and_main_applies_that_plan(machine: Machine, devops: AzureDevOps) -> None:
    azure, template = machine.inside.azure, load(FILES / "steps.yml")
    read, write = reader(azure, PLAN), writer(azure, APPLY)
    azure.forget()
    (machine.workspace / "trust.toml").write_text(TRUST + MORE)
    planted = machine.plants()
    sent = {"command": "plan", "serviceConnection": "mct-plan", "subscription": azure.subscription_id}
    plan = agent(machine, devops, read, PLAN, "PullRequest").steps(template, sent, VARIABLES)
    assert plan.code == 0, plan.log
    assert (plan.outputs["changed"], azure.writes()) == ("true", [])
    (thread,) = devops.threads
    for shown in (plan.summary, thread["comments"][0]["content"]):
        assert f"Fingerprint: `{plan.outputs['fingerprint']}`" in shown
        assert "<b>" not in outside_code(shown)

    again = agent(machine, devops, read, PLAN, "IndividualCI").steps(template, sent, VARIABLES)
    assert again.outputs["fingerprint"] == plan.outputs["fingerprint"]
    assert len(devops.threads) == 1
    on_main = agent(machine, devops, write, APPLY, "IndividualCI")
    sent |= {"command": "apply", "serviceConnection": "mct-apply", "expect": "$(fingerprint)"}
    lost = on_main.steps(template, sent, VARIABLES)
    assert (lost.code, azure.writes()) == (2, []), lost.log
    other = on_main.steps(template, {**sent, "command": "plan"}, {**VARIABLES, "fingerprint": "0" * 64})
    assert (other.code, other.outputs) == (2, {}), other.log
    applied = on_main.steps(template, sent, {**VARIABLES, "fingerprint": again.outputs["fingerprint"]})
    assert applied.code == 0, applied.log
    assert (applied.outputs["url"], applied.outputs["changed"]) == (azure.site_url, "true")
    assert "Import" in applied.summary
    assert {file.read_text() for file in planted} == {"as it was"}


@only_with_all
def test_one_site_is_rotated(machine: Machine, devops: AzureDevOps) -> None:
    azure, template = machine.inside.azure, load(FILES / "steps.yml")
    write = agent(machine, devops, writer(azure, APPLY), APPLY, "Schedule")
    (machine.workspace / "trust.toml").write_text(TRUST.replace("secret-to", 'secret-lifetime = "20d"\nsecret-to'))
    sent = {"serviceConnection": "mct-rotate", "subscription": azure.subscription_id}
    planned = write.steps(template, {**sent, "command": "plan"}, VARIABLES)
    reviewed = {**VARIABLES, "fingerprint": planned.outputs["fingerprint"]}
    assert write.steps(template, {**sent, "command": "apply", "expect": "$(fingerprint)"}, reviewed).code == 0
    (old,) = azure.applications("Import")[0]["passwordCredentials"]
    sent |= {"command": "rotate", "appService": "contosolearn", "secretTo": f"keyvault:{seed.VAULT}"}
    rotated = write.steps(template, sent, VARIABLES)
    assert rotated.code == 0, rotated.log
    kept, new = sorted(azure.applications("Import")[0]["passwordCredentials"], key=lambda one: one["endDateTime"])
    assert (kept, new["endDateTime"] > old["endDateTime"]) == (old, True)  # whoever uses it may still read the old one
    assert f"| `keyvault:{seed.VAULT}/mct-s2s-contosolearn-import" in rotated.summary


def test_the_pipeline_gives_the_template_what_it_takes() -> None:
    """Azure Pipelines refuses any other parameter, and a variable of the wrong stage is empty without an error."""
    template, pipeline = load(FILES / "steps.yml"), load(FILES / "azure-pipelines.yml")
    known = {one["name"]: one for one in template["parameters"]}
    stages = {stage["stage"]: stage["jobs"][0] for stage in pipeline["stages"]}
    apply = stages["apply"]["strategy"]["runOnce"]["deploy"]["steps"][0]
    uses = [stages["plan"]["steps"][0], apply, stages["rotate"]["steps"][0]]
    for use in uses:
        file, _, repository = use["template"].partition("@")
        assert (PIPELINES.parents[1] / file, repository) == (FILES / "steps.yml", known["repository"]["default"])
        assert set(use["parameters"]) <= set(known)
        assert use["parameters"]["command"] in known["command"]["values"]
        missing = {name for name, one in known.items() if "default" not in one} - set(use["parameters"])
        assert not missing
    assert apply["parameters"]["expect"] == "$(fingerprint)"
    source = stages["apply"]["variables"]["fingerprint"]
    named = re.fullmatch(r"\$\[ stageDependencies\.(\w+)\.(\w+)\.outputs\['(\w+)\.fingerprint'\] \]", source)
    assert named
    stage, job, step = named.groups()
    assert stages[stage]["job"] == job
    assert step in {one.get("name") for one in template["steps"]}
    assert pipeline["stages"][1]["dependsOn"] == stage
