"""What docs/sandbox.md says that makes a client work, run as it is printed."""

import asyncio
import re
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.identity import DefaultAzureCredential
from azure.mgmt.web import WebSiteManagementClient
from msgraph.graph_service_client import GraphServiceClient

from tests.conftest import ANSWER_SECONDS, FUNCTION_APP, SITE, Sandbox

PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"


def cells(client: str, azure: Sandbox) -> list[str]:
    """The code in a client's row, with this sandbox's ports."""
    row = next(
        line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| {client}")
    )
    ports = {"8443": azure.origin.rpartition(":")[2], "8444": azure.graph_url.rpartition(":")[2]}
    text = re.sub(r"(?<=localhost:)\d+", lambda match: ports[match[0]], row.split("|")[2])
    return re.findall(r"`([^`]+)`", text)


@pytest.fixture
def known(azure: Sandbox, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name, value in azure.environment.items():
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {
        kind.__name__: kind for kind in (DefaultAzureCredential, WebSiteManagementClient)
    }
    names |= {
        "GraphServiceClient": GraphServiceClient,
        "subscription": azure.environment["AZURE_SUBSCRIPTION_ID"],
    }
    for line in cells("azure-identity", azure):
        exec(line, names)
    return names


def test_the_sdk_of_graph_reads_by_the_documented_lines(
    azure: Sandbox, known: dict[str, Any]
) -> None:
    for line in cells("msgraph-sdk", azure):
        exec(line, known)
    applications = asyncio.run(known["graph"].applications.get())
    assert "Deployment pipeline" in {application.display_name for application in applications.value}


def test_the_sdk_of_resource_manager_reads_by_the_documented_line(
    azure: Sandbox, known: dict[str, Any]
) -> None:
    code = next(cell for cell in cells("azure-mgmt", azure) if cell.startswith("WebSite"))
    assert "contosolearn" in {app.name for app in eval(code, known).web_apps.list()}


def test_a_caller_has_the_documented_rights_and_no_others(azure: Sandbox) -> None:
    text = PAGE.read_text(encoding="utf-8")
    body = text.partition("-d @- <<END\n")[2].partition("\nEND\n")[0]
    group = SITE.partition("/providers/")[0]
    body = body.replace("$group", group).replace("$MCT_S2S_APP_SERVICE", "contosolearn")
    trusted = ssl.create_default_context(cafile=azure.ca_file)
    with httpx.Client(base_url=azure.origin, verify=trusted, timeout=ANSWER_SECONDS) as http:
        made = http.post("/_sandbox/callers", content=body).json()
        own = made["clientId"], made["clientSecret"]
        token = azure.token(f"{azure.origin}/.default", *own).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        version = {"api-version": "2024-04-01"}
        read = [http.get(path, headers=bearer, params=version) for path in (SITE, FUNCTION_APP)]
    assert [answer.status_code for answer in read] == [200, 403]
