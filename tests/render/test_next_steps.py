"""What a caller pastes: every value of this tenant in it, the quotes balanced, the secret in no argument list."""

from __future__ import annotations

import ast
import shlex
from dataclasses import replace

import pytest
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.client_credentials import Federation
from mct_s2s.model.mct_api import API_PATH
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.render.credentials import certificate, federated, secret
from mct_s2s.render.credentials.base import CallingClient
from mct_s2s.render.credentials.federated import GITHUB, LOGIN_ACTION, github_example
from mct_s2s.render.credentials.secret import client_example
from mct_s2s.render.next_steps import HEADER, Call, identity_example, sdk_example, show_identity_example

from tests.planning.worlds import SERVICE_ID, SUBSCRIPTION, TENANT, guid, identity_resource
from tests.render.conftest import Screens
from tests.render.examples import CALL, calling
from tests.render.reading import line_with, pasteable

URL = "https://contosolearn.azurewebsites.net"
SCOPE = f"api://{SERVICE_ID}/.default"
TOKEN_ENDPOINT = f"https://login.microsoftonline.com/{TENANT.id}/oauth2/v2.0/token"
CLIENT_ID = guid("Import")
SAVED = CallingClient("", dotenv="/home/ada/import.env")
WORKFLOW = Federation(GITHUB, "repo:contoso/import:ref:refs/heads/main", "api://AzureADTokenExchange")
POD = Federation("https://oidc.example.com/1", "system:serviceaccount:apps:import", "api://AzureADTokenExchange")
USGOV = replace(CALL, login="https://login.microsoftonline.us")


def resource(provider: str, kind: str, name: str = "reports") -> IdentityResource:
    return IdentityResource(ResourceId(SUBSCRIPTION, "integrations", provider, (kind,), (name,)), None)


def programs_in(lines: list[str]) -> list[ast.Module]:
    """The Python programs that the script's here-documents hold, parsed."""
    begin = [index for index, line in enumerate(lines) if "<<'END'" in line]
    return [ast.parse("\n".join(lines[first + 1 : lines.index("END", first)])) for first in begin]


def balanced(lines: list[str]) -> list[str]:
    """The words of a shell script; a quote that is left open is a `ValueError`."""
    return shlex.split("\n".join(lines), comments=True)


# the call


def test_the_token_endpoint_is_the_tenant_s_own() -> None:
    assert CALL.token_endpoint == TOKEN_ENDPOINT


def test_the_first_call_goes_to_the_app_service() -> None:
    assert CALL.api == f"{URL}{API_PATH}"


def test_without_a_known_app_service_the_address_is_a_placeholder() -> None:
    assert Call("https://login", TENANT.id, "api://x", None).api.endswith(f".azurewebsites.net{API_PATH}")


# client secret


def test_a_script_for_a_secret_holds_every_value_of_this_tenant() -> None:
    script = "\n".join(client_example(CALL, SAVED))
    for value in ("/home/ada/import.env", TOKEN_ENDPOINT, SCOPE, CALL.api, HEADER):
        assert value in script


def test_the_secret_is_never_an_argument_of_a_program() -> None:
    lines = client_example(CALL, SAVED)
    (line,) = [line for line in lines if "$AZURE_CLIENT_SECRET" in line]
    before, pipe, after = line.partition(" | ")
    assert pipe
    assert "printf" in before  # a builtin of the shell: it has no argument list that others can read
    assert "$AZURE_CLIENT_SECRET" not in after
    assert "client_secret@-" in after  # read from standard input


def test_the_token_is_never_an_argument_of_a_program() -> None:
    for lines in (
        client_example(CALL, CallingClient("")),
        identity_example(CALL, identity_resource()),
        github_example(CALL, "x", WORKFLOW),
    ):
        (line,) = [line for line in lines if '"$TOKEN"' in line]
        before, _, after = line.partition(" | ")
        assert "printf" in before
        assert "$TOKEN" not in after
        assert "-H @-" in after


@pytest.mark.parametrize(
    ("client", "begin"),
    [
        (SAVED, "set -a; . /home/ada/import.env; set +a"),
        (CallingClient(CLIENT_ID, saved_to="keyvault:v/n"), f"export AZURE_CLIENT_ID={CLIENT_ID} AZURE_CLIENT_SECRET="),
        (CallingClient("", saved_to="show"), "export AZURE_CLIENT_ID=… AZURE_CLIENT_SECRET=…"),
    ],
)
def test_a_script_for_a_secret_begins_by_loading_it(client: CallingClient, begin: str) -> None:
    lines = client_example(CALL, client)
    assert lines[0].startswith(begin)
    balanced(lines)


@pytest.mark.parametrize("width", [80, 120])
def test_the_script_is_on_the_screen_line_by_line_and_no_line_is_folded(screens: Screens, width: int) -> None:
    screen = screens(width, is_terminal=True)
    secret.show(screen.terminal, CALL, [SAVED])
    lines = pasteable(screen.out)
    script = [line.strip() for line in client_example(CALL, SAVED)]
    start = lines.index(script[0])
    assert lines[start : start + len(script)] == script
    assert screen.err == ""


def test_the_three_values_of_the_contract_are_named_before_the_script(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    secret.show(screen.terminal, CALL, [CallingClient("")])
    above = screen.out[: screen.out.index("export AZURE")]
    for value in (TOKEN_ENDPOINT, SCOPE, HEADER):
        assert line_with(above, value).endswith(value)


# certificate


def test_a_certificate_s_script_loads_the_file_that_was_written(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    certificate.show(screen.terminal, CALL, [calling(CLIENT_ID, dotenv="/home/ada/import.env")])
    line_with(screen.out, "/home/ada/import.env")
    assert CLIENT_ID not in screen.out  # the file names it
    assert screen.err == ""
    line_with(screen.out, "from azure.identity import EnvironmentCredential")


def test_without_a_file_a_certificate_s_script_names_the_client_and_the_place_of_the_key(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    certificate.show(screen.terminal, CALL, [calling(CLIENT_ID)])
    line_with(screen.out, f"AZURE_TENANT_ID={TENANT.id}", f"AZURE_CLIENT_ID={CLIENT_ID}")
    line_with(screen.out, "AZURE_CLIENT_CERTIFICATE_PATH=")
    assert "AZURE_AUTHORITY_HOST" not in screen.out


def test_another_cloud_s_login_is_part_of_a_certificate_s_script(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    certificate.show(screen.terminal, USGOV, [calling(CLIENT_ID)])
    assert "export AZURE_AUTHORITY_HOST=https://login.microsoftonline.us" in pasteable(screen.out)


@pytest.mark.parametrize("credential", ["EnvironmentCredential", "WorkloadIdentityCredential"])
def test_the_program_for_azure_identity_is_python_and_asks_for_the_scope(credential: str) -> None:
    (program,) = programs_in(sdk_example(CALL, credential))
    texts = [node.value for node in ast.walk(program) if isinstance(node, ast.Constant)]
    assert {SCOPE, CALL.api, "ClientType", "Service"} <= set(texts)
    names = [alias.name for node in ast.walk(program) if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert names == [credential]


# federated credential


def test_a_workflow_signs_in_by_its_own_token(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    federated.show(screen.terminal, CALL, [calling(CLIENT_ID, WORKFLOW)])
    lines = pasteable(screen.out)
    for line in (f"client-id: {CLIENT_ID}", f"tenant-id: {TENANT.id}", f"audience: {WORKFLOW.audience}"):
        assert line in lines
    assert "id-token: write" in lines
    line_with(screen.out, WORKFLOW.subject)
    line_with(screen.out, "issuer", GITHUB)
    assert "python3 - <<'END'" not in lines


def test_a_workflow_in_the_public_cloud_names_no_cloud() -> None:
    assert not any("environment:" in line for line in github_example(CALL, CLIENT_ID, WORKFLOW))


@pytest.mark.parametrize("login", sorted(LOGIN_ACTION))
def test_a_workflow_in_another_cloud_names_it_as_the_action_does(login: str) -> None:
    lines = github_example(replace(CALL, login=login), CLIENT_ID, WORKFLOW)
    assert f"environment: {LOGIN_ACTION[login]}" in [line.strip() for line in lines]


def test_a_workflow_s_own_commands_are_indented_below_its_step() -> None:
    lines = github_example(CALL, CLIENT_ID, WORKFLOW)
    run = lines.index("  - run: |")
    assert len(lines) > run + 1
    assert all(line.startswith("      ") for line in lines[run + 1 :])
    assert SCOPE in lines[run + 1]
    balanced(lines[run + 1 :])


def test_a_kubernetes_account_is_annotated_with_the_client(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    federated.show(screen.terminal, CALL, [calling(CLIENT_ID, POD)])
    words = line_with(screen.out, "kubectl").split()
    assert words[:6] == ["kubectl", "annotate", "serviceaccount", "-n", "apps", "import"]
    assert words[6].endswith(f"client-id={CLIENT_ID}")
    line_with(screen.out, "from azure.identity import WorkloadIdentityCredential")


@pytest.mark.parametrize(("call", "hosts"), [(CALL, 0), (USGOV, 1)])
def test_any_other_issuer_s_token_is_read_from_a_file(screens: Screens, call: Call, hosts: int) -> None:
    screen = screens(80, is_terminal=True)
    other = Federation("https://gitlab.example.com", "project_path:contoso/import", "api://AzureADTokenExchange")
    federated.show(screen.terminal, call, [calling(CLIENT_ID, other)])
    line_with(screen.out, f"AZURE_CLIENT_ID={CLIENT_ID}")
    line_with(screen.out, "AZURE_FEDERATED_TOKEN_FILE=")
    assert screen.out.count(f"AZURE_AUTHORITY_HOST={call.login}") == hosts
    assert "kubectl" not in screen.out
    line_with(screen.out, "issuer", "https://gitlab.example.com")
    line_with(screen.out, "audience", "api://AzureADTokenExchange")


# managed identity


@pytest.mark.parametrize(
    "caller",
    [identity_resource(), resource("Microsoft.App", "containerApps")],
    ids=["site", "container app"],
)
def test_an_app_asks_its_own_identity_endpoint(caller: IdentityResource) -> None:
    lines = identity_example(CALL, caller)
    assert "X-IDENTITY-HEADER: $IDENTITY_HEADER" in lines[0]
    assert f'"$IDENTITY_ENDPOINT?api-version=2019-08-01&resource=api://{SERVICE_ID}"' in lines[0]
    balanced(lines)


def test_a_slot_asks_the_same_endpoint_as_its_site() -> None:
    slot = IdentityResource(ResourceId.site(SUBSCRIPTION, "integrations", "reports-func", "staging"), None)
    assert identity_example(CALL, slot) == identity_example(CALL, identity_resource())


def test_a_machine_asks_the_instance_metadata_service() -> None:
    lines = identity_example(CALL, resource("Microsoft.Compute", "virtualMachines"))
    assert "http://169.254.169.254/metadata/identity/oauth2/token" in lines[0]
    assert f"resource=api://{SERVICE_ID}'" in lines[0]
    assert "Metadata:true" in lines[0]
    balanced(lines)


def test_a_user_assigned_identity_says_which_one_it_is() -> None:
    identity = resource("Microsoft.ManagedIdentity", "userAssignedIdentities")
    lines = identity_example(CALL, identity)
    assert f"mi_res_id={identity.resource}'" in lines[0]
    balanced(lines)


def test_a_logic_app_gets_the_fields_of_its_action() -> None:
    text = "\n".join(identity_example(CALL, resource("Microsoft.Logic", "workflows")))
    for value in (CALL.api, HEADER, f"api://{SERVICE_ID}"):
        assert value in text
    assert "curl" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_a_managed_identity_s_script_is_shown_with_resource_and_header(screens: Screens, width: int) -> None:
    screen = screens(width, is_terminal=True)
    show_identity_example(screen.terminal, CALL, identity_resource("reports-func"))
    line_with(screen.out, "reports-func")
    assert line_with(screen.out, "resource ").endswith(f"api://{SERVICE_ID}")
    assert HEADER in pasteable(screen.out.replace("header ", ""))
    assert screen.err == ""
    for line in identity_example(CALL, identity_resource()):
        assert line in pasteable(screen.out)


@pytest.mark.parametrize("subject", ["repo:contoso/[/red]:ref:x", "Düsseldorf 日本語", "x" * 300])
def test_an_odd_subject_is_shown_as_it_is(screens: Screens, subject: str) -> None:
    screen = screens(80, is_terminal=True)
    federated.show(screen.terminal, CALL, [calling(CLIENT_ID, replace(WORKFLOW, subject=subject))])
    line_with(screen.out, subject)
