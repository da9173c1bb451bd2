"""A key vault says that a secret expires soon: the example's function replaces it, signed in as its own identity."""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.functions as func
import pytest
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import run_here
from tests.conftest import FUNCTION_APP, Sandbox
from tests.pipelines.runners import PIPELINES, Machine
from tests.pipelines.trusts import FIND, SECRETS, SETTINGS, WRITE
from tests.support.sampling import every_cell
from tests.support.sandbox_inside import Inside

FOLDER = PIPELINES / "event-grid"
EVENT = json.loads((FOLDER / "event.json").read_text(encoding="utf-8"))
GRAPH = "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')"

only_with_all = pytest.mark.skipif(not every_cell(), reason="starts programs: --all")


@pytest.fixture
def example() -> ModuleType:
    """The example's module, as the host of Azure Functions imports it."""
    spec = importlib.util.spec_from_file_location("function_app", FOLDER / "function_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def event_of(**changed: Any) -> func.EventGridEvent:
    sent = {**EVENT, **changed}
    return func.EventGridEvent(
        id=sent["id"],
        data=sent["data"],
        topic=sent["topic"],
        subject=sent["subject"],
        event_type=sent["eventType"],
        event_time=None,
        data_version=sent["dataVersion"],
    )


Handler = Callable[[func.EventGridEvent], None]


@pytest.fixture
def handle(example: ModuleType) -> Handler:
    """Calls its one function, as the host does."""
    (function,) = example.app.get_functions()
    (binding,) = function.get_dict_repr()["bindings"]
    assert (binding["type"], binding["name"]) == ("eventGridTrigger", "event")
    return lambda event: function.get_user_function()(**{binding["name"]: event})


def grant(azure: Sandbox, resource: str) -> None:
    """Give a web app an identity that may rotate secrets."""
    site = azure.arm("PATCH", resource, json={"identity": {"type": "SystemAssigned"}})
    principal, graph = site["identity"]["principalId"], azure.graph("GET", GRAPH)
    for role in graph["appRoles"]:
        if role["value"] in WRITE:
            sent = {"principalId": principal, "resourceId": graph["id"], "appRoleId": role["id"]}
            azure.graph("POST", f"/servicePrincipals/{principal}/appRoleAssignments", json=sent)
    for name, scope in (FIND, SETTINGS, SECRETS):
        azure.assign_role(principal, name, scope)


@only_with_all
def test_the_secret_of_the_event_is_replaced(
    azure: Sandbox,
    inside: Inside,
    handle: Handler,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = ("setup", "--client", "Import", "--secret-to", f"keyvault:{seed.VAULT}", "--secret-lifetime", "20d", "-y")
    made = run_here(*words, env=azure.environment, home=tmp_path, inside=inside)
    assert made.code == 0, made.err
    names = [one["id"].rsplit("/", 1)[1] for one in azure.vault("GET", "/secrets").json()["value"]]
    (name,) = (name for name in names if name.startswith("mct-s2s-contosolearn-import"))
    old = azure.vault("GET", f"/secrets/{name}").json()
    grant(azure, FUNCTION_APP)
    settings = {
        **Machine(inside, tmp_path / "machine").environment(),
        **azure.identity_environment(FUNCTION_APP),
        "AZURE_SUBSCRIPTION_ID": azure.subscription_id,
        "VAULT": seed.VAULT,
        "MCT_S2S_APP_SERVICE": "contosolearn",
        "MCT_S2S_RESOURCE_GROUP": "mct-prod",
    }
    monkeypatch.setattr("os.environ", settings)
    caplog.set_level(logging.INFO)
    event = event_of(data={**EVENT["data"], "VaultName": seed.VAULT, "ObjectName": name})
    with inside.time.flowing():
        handle(event)
        assert f"A new version of 'keyvault:{seed.VAULT}/{name}' is stored." in caplog.messages
        new = azure.vault("GET", f"/secrets/{name}").json()
        assert (new["value"] != old["value"], new["attributes"]["exp"] > old["attributes"]["exp"]) == (True, True)
        handle(event)  # Event Grid may deliver it again
    assert "it was replaced before" in caplog.text
    assert azure.vault("GET", f"/secrets/{name}").json()["id"] == new["id"]
    assert new["value"] not in caplog.text
    assert azure.leaks() == []


def test_another_event_starts_nothing(example: ModuleType, handle: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "rotate", lambda: pytest.fail("started"))
    handle(event_of(eventType="Microsoft.KeyVault.SecretNewVersionCreated"))


def test_the_folder_is_a_function_app() -> None:
    host = json.loads((FOLDER / "host.json").read_text(encoding="utf-8"))
    assert (host["version"], host["functionTimeout"]) == ("2.0", "00:10:00")
    assert set(EVENT) == {"id", "topic", "subject", "eventType", "eventTime", "data", "dataVersion", "metadataVersion"}
