"""The questions about clients, and the options that become of the answers: a secret only where nothing else is left."""

from __future__ import annotations

import asyncio

import pytest
from mct_s2s.cli.credentials import CredentialType
from mct_s2s.cli.guided.clients import ClientAnswer, ClientQuestions
from mct_s2s.cli.guided.setup import answers_of
from mct_s2s.cli.options.setup import SetupOptions
from mct_s2s.errors import Interrupted, UsageError
from mct_s2s.model.azure_resources import Site
from mct_s2s.planning.credentials.federated import FederatedSpec
from mct_s2s.planning.credentials.secret import SecretSpec

from tests.cli.guided.scripted import CTRL_C, ENTER, Scripted
from tests.planning.test_site_recognition import PORTAL, REPORTS, site

FEDERATED = CredentialType("federated")
DONE = "No "
HERE = SetupOptions(app_service="contosolearn", resource_group="mct-prod")
MACHINE = f"{PORTAL.resource}".replace("Microsoft.Web/sites", "Microsoft.Compute/virtualMachines")


def refuse(vault: str) -> None:
    if vault != "contoso-kv":
        raise UsageError("malformed-vault", f"'{vault}' is no vault.", remedy="Another.")


def told(*answers: str, apps: tuple[Site, ...] = (PORTAL, REPORTS)) -> tuple[list[ClientAnswer], Scripted]:
    """The clients that these answers name."""
    script, clients = Scripted([*answers, DONE]), list[ClientAnswer]()
    asyncio.run(ClientQuestions(script, apps, refuse).ask(clients))
    assert script.answers == []
    return clients, script


def test_what_needs_no_secret_is_proposed() -> None:
    (first, second), script = told(ENTER, ENTER, "In Azure", "reports-func")
    assert (first, second) == (ClientAnswer("partner-portal", True), ClientAnswer("reports-func", True))
    assert "Somewhere else  " in script.asked[0].split(" | ")[3], "a secret is the last resort"
    assert script.asked[3].startswith("Resource: reports-func"), "an app is offered once"
    (github,), _ = told(ENTER, "acme/etl", ENTER, apps=())
    assert github.credential["credential"] is FEDERATED, "where there is no app in Azure"


def test_after_the_first_client_enter_ends_it() -> None:
    script = Scripted(["In Azure", "partner-portal", ENTER])
    clients: list[ClientAnswer] = []
    asyncio.run(ClientQuestions(script, (PORTAL,), refuse).ask(clients))
    assert len(clients) == 1


def test_no_client_is_an_answer() -> None:
    clients, script = told()
    assert (clients, len(script.asked)) == ([], 1)


def test_apps_of_one_name_are_told_apart_by_their_ids() -> None:
    twin = site("partner-portal", group="other")
    (chosen,), _ = told("In Azure", "partner-portal  other", apps=(PORTAL, twin))
    assert chosen.name == str(twin.resource)


def test_a_resource_that_is_not_listed_is_typed() -> None:
    (machine,), _ = told("In Azure", "Another resource", MACHINE)
    assert machine == ClientAnswer(MACHINE, True)
    with pytest.raises(UsageError):
        told("In Azure", "Another resource", "etl-vm")


def test_a_workflow_of_github() -> None:
    (client,), script = told("In GitHub", "acme/etl:release", ENTER)
    assert client == ClientAnswer("etl", credential={"credential": FEDERATED, "github": "acme/etl:release"})
    assert script.asked[2] == "Name of the client: etl"


def test_a_service_account_of_kubernetes() -> None:
    (client,), _ = told("In Kubernetes", "https://oidc.example/1", "apps:importer", "Importer")
    work = answers_of(HERE, [client]).work()
    assert [one.credential for one in work.clients] == [
        FederatedSpec("https://oidc.example/1", "system:serviceaccount:apps:importer")
    ]


@pytest.mark.parametrize("account", ["importer", "Apps:importer", "a:b:c", ""])
def test_a_service_account_that_could_never_match_is_refused(account: str) -> None:
    with pytest.raises(UsageError, match="NAMESPACE:NAME"):
        told("In Kubernetes", "https://oidc.example/1", account)


def test_a_secret_has_a_place_which_is_asked_for_once() -> None:
    clients, script = told("Somewhere", "One", "In a key vault", "contoso-kv", "Somewhere", "Two")
    assert clients == [ClientAnswer(name, credential={"secret_to": "keyvault:contoso-kv"}) for name in ("One", "Two")]
    assert sum("secret be kept" in question for question in script.asked) == 1
    with pytest.raises(UsageError, match="is no vault"):
        told("Somewhere", "One", "In a key vault", "other-kv")
    (shown,), _ = told("Somewhere", "One", "Nowhere")
    assert shown.credential == {"secret_to": "show"}


def test_two_clients_cannot_have_one_name() -> None:
    with pytest.raises(UsageError, match="named already"):
        told("Somewhere", "Import", ENTER, "In GitHub", "acme/etl", "import")


def test_what_was_answered_before_ctrl_c_is_not_lost() -> None:
    script, clients = Scripted(["Somewhere", "One", ENTER, "In GitHub", CTRL_C]), list[ClientAnswer]()
    with pytest.raises(Interrupted):
        asyncio.run(ClientQuestions(script, (), refuse).ask(clients))
    assert [one.name for one in clients] == ["One"]


def test_one_kind_of_credential_is_one_command() -> None:
    answers = answers_of(HERE, [ClientAnswer("One"), ClientAnswer("func", True), ClientAnswer("Two")])
    assert answers.commands == [
        "mct-s2s setup -a contosolearn -g mct-prod --client One --client Two --managed-identity func"
    ]


def test_another_kind_of_credential_is_a_command_of_its_own_but_one_plan() -> None:
    github = {"credential": FEDERATED, "github": "acme/etl"}
    clients = [ClientAnswer("etl", credential=github), ClientAnswer("One", credential={"secret_to": "show"})]
    answers = answers_of(HERE, clients)
    where = "-a contosolearn -g mct-prod"
    assert answers.commands == [
        f"mct-s2s setup {where} --credential federated --github acme/etl --client etl",
        f"mct-s2s add-client One {where} --secret-to show",
    ]
    work = answers.work()
    assert [type(one.credential) for one in work.clients] == [FederatedSpec, SecretSpec]
    assert (work.places.of("One").show, work.places.of("etl").show) == (True, False)
