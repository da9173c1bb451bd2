"""Resource Manager refuses with its own statuses, codes and words."""

from __future__ import annotations

from typing import Any

from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.resources import role_assignments
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.sandbox.conftest import Client

S, GROUP = seed.SUBSCRIPTION, f"{seed.SUBSCRIPTION}/resourceGroups/integrations"
SETTINGS = f"{seed.SITE}/config/appsettings"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/etl-vm"


class Somebody:
    """A service principal with one role at one scope."""

    def __init__(self, client: Client, role: str | None, scope: str = S) -> None:
        self.client = client
        self.app, self.principal = seeding.add_application(client.state.directory, "somebody", secret="s")
        if role is not None:
            client.state.resources.access.assign(self.principal["id"], role, scope)
        token = client.token(client.addresses.arm + "/.default", self.app["appId"], "s")
        self.headers = {"Authorization": f"Bearer {token}"}

    def status(self, method: str, path: str, **options: Any) -> int:
        return self.client.arm(method, path, headers=self.headers, **options).status_code


def test_a_reader_reads_but_sees_no_settings(client: Client) -> None:
    reader = Somebody(client, role_assignments.READER)
    assert reader.status("GET", seed.SITE) == 200
    answer = client.arm("POST", f"{SETTINGS}/list", headers=reader.headers)
    assert answer.status_code == 403
    message = answer.json()["error"]["message"]
    assert reader.app["appId"] in message
    assert reader.principal["id"] in message
    assert f"'Microsoft.Web/sites/config/list/action' over scope '{seed.SITE}'" in message


def test_a_website_contributor_may_do_the_app_service_part_only(client: Client) -> None:
    somebody = Somebody(client, role_assignments.WEBSITE_CONTRIBUTOR, f"{S}/resourceGroups/mct-prod")
    assert somebody.status("POST", f"{SETTINGS}/list") == 200
    assert somebody.status("PUT", SETTINGS, json={"properties": {}}) == 200
    assert somebody.status("POST", f"{seed.SITE}/restart") == 200
    assert somebody.status("GET", VM, version="2024-11-01") == 403
    assert somebody.status("GET", S, version="2022-12-01") == 200
    listed = client.arm("GET", f"{S}/providers/Microsoft.Web/sites", headers=somebody.headers).json()["value"]
    assert [site["name"] for site in listed] == ["contosolearn", "contosolearn-fa-x7k2q"]


def test_somebody_without_any_role_sees_no_subscription(client: Client) -> None:
    nobody = Somebody(client, None)
    listed = client.arm("GET", "/subscriptions", version="2022-12-01", headers=nobody.headers)
    assert listed.json()["value"] == []
    assert nobody.status("GET", S, version="2022-12-01") == 403


def test_permissions_are_the_callers_own(client: Client) -> None:
    reader = Somebody(client, role_assignments.READER)
    path = f"{seed.SITE}/providers/Microsoft.Authorization/permissions"
    answer = client.arm("GET", path, version="2022-04-01", headers=reader.headers)
    assert [p["actions"] for p in answer.json()["value"]] == [["*/read"]]


def test_a_tenant_is_listed_with_its_name_and_domains(client: Client, state: SandboxState) -> None:
    tenant = client.arm("GET", "/tenants", version="2022-12-01").json()["value"][0]
    assert (tenant["tenantId"], tenant["displayName"]) == (seed.TENANT_ID, "Contoso Learning")
    assert (tenant["defaultDomain"], tenant["domains"]) == ("contosolearning.com", list(state.directory.tenant.domains))
