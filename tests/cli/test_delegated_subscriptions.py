"""By Azure Lighthouse, a partner reaches a customer's App Service, and not its directory."""

from pathlib import Path

import pytest
from mct_s2s.sandbox.entra.tenant.organization import CUSTOMER

from tests.cli.conftest import Program, alone
from tests.cli.test_least_rights import EVERYTHING, WHERE, trust_file
from tests.conftest import JSON, Sandbox
from tests.support.least_caller import ON_THE_SITE, PIPELINE

__all__ = ["trust_file"]


@pytest.fixture
def partner(azure: Sandbox) -> Sandbox:
    azure.vary(name="partner")
    return azure


@pytest.fixture
def handoff(mct: Program, azure: Sandbox, tmp_path: Path) -> Path:
    """What the customer's administrator hands over, out of the customer's tenant."""
    file = tmp_path / "handoff.json"
    words = ("setup", "--no-app-service", "--client", "A", "--handoff", str(file), "-y")
    assert mct(*words).code == 0
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(azure.tenant_id, CUSTOMER.tenant_id), encoding="utf-8")
    azure.vary(name="partner")
    azure.forget()
    return file


def test_a_setup_says_whose_the_app_service_is_and_what_leads_on(
    mct: Program, partner: Sandbox
) -> None:
    refused = mct("setup", *WHERE, "--client", "A", *JSON)
    error = refused.document["error"]
    assert (refused.code, error["code"], partner.writes()) == (2, "other-tenant", []), refused
    assert CUSTOMER.tenant_id in error["message"]
    assert "mct-s2s configure-appservice --from FILE" in error["remedy"]


@pytest.mark.parametrize("is_listed", [True, False], ids=["subscription listed", "not listed"])
def test_the_customers_handoff_is_written_by_the_partner(
    mct: Program, azure: Sandbox, handoff: Path, is_listed: bool
) -> None:
    """Also with a role on the App Service alone, where a challenge names the customer's tenant."""
    run = alone(mct, azure, arm=ON_THE_SITE)
    if not is_listed:
        rule = {"match": {"service": "ARM", "pathRegex": "^/subscriptions$"}}
        azure.misbehave({**rule, "fault": {"type": "status", "status": 403}})
    done = run("configure-appservice", *WHERE, "--from", str(handoff), *JSON)
    azure.behave()
    assert done.code == 0, done
    assert azure.settings()["ServiceAuthTenantId"] == CUSTOMER.tenant_id


def test_values_of_the_partners_own_tenant_are_refused(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "handoff.json"
    mct("setup", "--no-app-service", "--client", "A", "--handoff", str(file), "-y")
    azure.vary(name="partner")
    azure.forget()
    refused = mct("configure-appservice", *WHERE, "--from", str(file), *JSON)
    assert (refused.document["error"]["code"], azure.writes()) == ("other-tenant", []), refused


def test_a_partner_switches_the_customers_site_off(
    mct: Program, azure: Sandbox, handoff: Path
) -> None:
    """It may be an incident, and takes nothing of the directory."""
    run = alone(mct, azure, arm=ON_THE_SITE)
    assert run("configure-appservice", *WHERE, "--from", str(handoff), "-y").code == 0
    assert run("configure-appservice", *WHERE, "--disable", "-y").code == 0
    assert azure.settings()["ServiceAuthEnabled"] == "false"


@pytest.mark.parametrize(
    "words",
    [one for one in EVERYTHING if one[0] != "snippet"],
    ids=lambda words: " ".join(words[:2]),
)
def test_every_other_command_names_the_customers_tenant_and_writes_nothing(
    mct: Program, azure: Sandbox, handoff: Path, words: tuple[str, ...]
) -> None:
    """The partner's own directory knows nothing of the App Service, however much it permits."""
    run = alone(mct, azure, *PIPELINE, arm=ON_THE_SITE)
    assert run("configure-appservice", *WHERE, "--from", str(handoff), "-y").code == 0
    azure.forget()
    done = run(*words)
    assert (done.code, azure.writes()) == (2, []), done
    output = f"{done.out}{done.err}"
    assert f"belongs to the tenant '{CUSTOMER.tenant_id}'" in output, done
    assert "let its administrator run this command" in output, done
