"""`--questions`: what only a real tenant can settle, asked with no more rights than each takes."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import GROUP, SITE, SUBSCRIPTION, TENANT, Conformance
from tests.conftest import Json

CONTRACT = Path(__file__).parents[2] / "docs/azure-contract.md"
IN_GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
INTEGRATIONS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/integrations/providers"
MACHINE = f"{INTEGRATIONS}/Microsoft.Compute/virtualMachines/etl-vm"
SCALE_SET = f"{IN_GROUP}/Microsoft.Compute/virtualMachineScaleSets/workers"
COMPUTE_API = "2024-03-01"


def asked(conformance: Conformance, *words: str, **more: Any) -> dict[str, str]:
    """The answers, by what the contract says of each question; no question changes anything."""
    before = conformance.lasting
    ended = conformance("--questions", *words, **more)
    for resource in (word for word in words if word.startswith("/")):
        settle(conformance, resource)
    assert (ended.code, conformance.lasting) == (0, before), ended
    assert not conformance.report.exists()
    return {
        text + "?": reply for text, reply in (x.split("? ") for x in ended.out.splitlines()[::2])
    }


def settle(conformance: Conformance, resource: str) -> None:
    """What Azure carries out is done when it is looked at."""
    conformance.cloud.azure.arm("GET", resource, version=COMPUTE_API)


def answer(answers: dict[str, str], about: str) -> str:
    (reply,) = (reply for text, reply in answers.items() if about in text)
    return reply


def test_every_question_of_the_contract_is_asked(conformance: Conformance) -> None:
    section = CONTRACT.read_text(encoding="utf-8").partition("\n## 9.")[2]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")][2:]
    answers = asked(conformance)
    assert [row[0].removeprefix("| ").replace("`", "") for row in rows] == [*answers]
    for row in rows:
        missing = re.findall(r"--(?:machine|scale-set|client) [A-Z_]+", row[1])
        reply = answer(answers, row[0].removeprefix("| ").replace("`", ""))
        assert reply.startswith("not asked: add " if missing else ("yes", "no ")), row
        assert all(option in reply for option in missing), row


def test_a_caller_with_one_role_learns_what_it_gives(conformance: Conformance) -> None:
    """The App Service need not be named, nor anything of the subscription be readable."""
    caller = conformance.cloud.azure.caller(arm=[("Website Contributor", SITE)])
    answers = asked(conformance, caller=caller)
    assert answer(answers, "read the subscription") == "no (403)"
    assert answer(answers, "recycle bin") == "no (403)"
    assert answer(answers, "read the organization") == "no (403)"
    assert answer(asked(conformance), "read the organization") == "yes (200)"


@pytest.mark.parametrize(
    ("role", "said"),
    [("Virtual Machine Contributor", "yes (403)"), ("Contributor", "no (200)")],
    ids=["without the right to assign", "with it"],
)
def test_identities_are_sent_as_they_are(conformance: Conformance, role: str, said: str) -> None:
    group = MACHINE.partition("/providers/")[0]
    caller = conformance.cloud.azure.caller(arm=[(role, group)])
    answers = asked(conformance, "--machine", MACHINE, caller=caller)
    assert answer(answers, "right to assign") == said


def client_of(conformance: Conformance) -> Json:
    application: Json = conformance.cloud.azure.graph(
        "POST", "/applications", json={"displayName": "A", "signInAudience": "AzureADMyOrg"}
    )
    return application


@pytest.mark.parametrize(
    ("variation", "said"),
    [
        ({"refused_tokens": 5}, "at request 7, Retry-After: 60"),
        (
            {"refused_tokens": 5, "throttled_as_loop": True},
            "at request 7, as AADSTS50196 (HTTP 400)",
        ),
        ({"refused_tokens": 0}, "at none of 40"),
    ],
    ids=["throttled", "a loop", "never"],
)
def test_the_token_endpoint_is_asked_until_it_has_enough(
    conformance: Conformance, variation: dict[str, int], said: str
) -> None:
    conformance.cloud.azure.vary(**variation)
    answers = asked(conformance, "--client", client_of(conformance)["appId"])
    assert answer(answers, "429") == said


def test_a_scale_sets_machines_are_counted(conformance: Conformance) -> None:
    arm = conformance.cloud.azure.arm
    policy = {"upgradePolicy": {"mode": "Manual"}}
    body: Json = {"location": "westeurope", "properties": policy}
    arm("PUT", SCALE_SET, version=COMPUTE_API, json=body)
    for number in range(2):
        arm("PUT", f"{SCALE_SET}/virtualMachines/{number}", version=COMPUTE_API, json=body)

    def said() -> str:
        return answer(asked(conformance, "--scale-set", SCALE_SET), "scale set")

    assert said().startswith("not settled: first mct-s2s add-client --managed-identity")
    change = {"identity": {"type": "SystemAssigned"}}
    arm("PATCH", SCALE_SET, version=COMPUTE_API, json=change)
    settle(conformance, SCALE_SET)
    assert said() == "0 of 2 have it (upgrade policy: Manual)"
    arm("POST", f"{SCALE_SET}/manualupgrade", version=COMPUTE_API, json={"instanceIds": ["*"]})
    assert said() == "2 of 2 have it (upgrade policy: Manual)"


def test_consent_is_asked_for_and_then_seen(conformance: Conformance) -> None:
    azure = conformance.cloud.azure
    application = client_of(conformance)
    principal = azure.graph("POST", "/servicePrincipals", json={"appId": application["appId"]})

    def said() -> str:
        return answer(asked(conformance, "--client", application["appId"]), "AADSTS500113")

    page = f"{azure.origin}/{TENANT}/adminconsent?client_id={application['appId']}"
    assert said() == f"not granted: open {page}, accept, and ask again"
    graph = azure.graph("GET", "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')")
    role = next(role for role in graph["appRoles"] if role["value"] == "Application.Read.All")
    ids = {"principalId": principal["id"], "resourceId": graph["id"], "appRoleId": role["id"]}
    azure.graph("POST", f"/servicePrincipals/{principal['id']}/appRoleAssignments", json=ids)
    assert said() == "yes, 1 granted"
