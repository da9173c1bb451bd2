"""The template for Azure Pipelines: its scripts as the agent runs them, signed in by a service connection."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from mct_s2s.sandbox.state import seed

from tests.conftest import Sandbox
from tests.pipelines.runners import MORE, PIPELINES, TRUST, AzureAgent, Machine, load, reader, writer
from tests.pipelines.services import ACCESS, AzureDevOps
from tests.support.markup import outside_code
from tests.support.sampling import every_cell
from tests.support.sandbox_inside import Inside

FILES = PIPELINES / "azure-pipelines"
PLAN, APPLY = "sc://contoso/learn/mct-plan", "sc://contoso/learn/mct-apply"

VARIABLES = {"System.AccessToken": ACCESS}

only_with_all = pytest.mark.skipif(not every_cell(), reason="starts many programs: --all")


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
