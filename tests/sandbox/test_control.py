"""The seed, what can be done in it and how it is arranged; how its state is kept, and who may join
a sandbox.
"""

import asyncio
import json
import socket
import stat
import threading
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest
from mct_s2s.azure import clouds
from mct_s2s.cli.sandbox_options import DEFAULT_PORT
from mct_s2s.sandbox.core.clock import ComputerTime
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.entra.tenant.organization import CUSTOMER
from mct_s2s.sandbox.entra.tenant.variations import TENANTS
from mct_s2s.sandbox.hosting import health, server
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.hosting.environment import exports
from mct_s2s.sandbox.hosting.state_directory import Served, StateDirectory
from mct_s2s.sandbox.services import key_vault
from mct_s2s.sandbox.services.arm import arm
from mct_s2s.sandbox.services.graph import graph
from mct_s2s.sandbox.services.login import login
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.conftest import MACHINE, free_ports
from tests.sandbox.conftest import CLI, GROUP, SECRET, SETTINGS, Client, Wire

OTHER = "7c1f4a62-90d3-4a0e-8d1c-5a2d3c4b6e7f"
PERMISSIONS = f"{seed.SITE}/providers/Microsoft.Authorization/permissions"


def as_caller(client: Client, caller: dict[str, str], service: str = "arm") -> dict[str, str]:
    origin = getattr(client.addresses, service)
    token = client.token(f"{origin}/.default", caller["clientId"], caller["clientSecret"])
    return {"Authorization": f"Bearer {token}"}


def caller(client: Client, *roles: tuple[str, str]) -> dict[str, str]:
    wanted = [{"role": role, "scope": scope} for role, scope in roles]
    limited: dict[str, str] = client.control(
        "POST", "callers", {"name": "limited", "graphRoles": [], "armRoles": wanted}
    )
    return limited


def test_a_caller_may_do_just_what_its_roles_say(client: Client) -> None:
    limited = caller(
        client, ("Website Contributor", f"{seed.SUBSCRIPTION}/resourceGroups/mct-prod")
    )
    headers = as_caller(client, limited)
    for method, path, version, status in (
        ("POST", f"{SETTINGS}/list", "2025-05-01", 200),
        ("PUT", SETTINGS, "2025-05-01", 200),
        ("POST", f"{seed.SITE}/restart", "2025-05-01", 200),
        ("GET", MACHINE, "2024-11-01", 403),
        ("GET", GROUP, "2022-09-01", 403),
        ("GET", seed.SUBSCRIPTION, "2022-12-01", 403),
        ("GET", f"{seed.SUBSCRIPTION}/resources", "2021-04-01", 403),
        ("GET", f"{seed.SUBSCRIPTION}/providers/Microsoft.Compute", "2021-04-01", 403),
        ("GET", "/providers/Microsoft.Compute", "2021-04-01", 200),
        ("GET", "/subscriptions", "2022-12-01", 200),
    ):
        answer = client.arm(method, path, headers=headers, version=version, json={"properties": {}})
        assert answer.status_code == status, path
    listed = client.arm(
        "GET", f"{seed.SUBSCRIPTION}/providers/Microsoft.Web/sites", headers=headers
    ).json()["value"]
    assert [site["name"] for site in listed] == ["contosolearn", "contosolearn-fa-x7k2q"]
    graph = client.graph(
        "POST",
        "/applications",
        json={"displayName": "x"},
        headers=as_caller(client, limited, "graph"),
    )
    assert graph.status_code == 403


def test_a_reader_reads_but_sees_no_settings(client: Client) -> None:
    reader = caller(client, ("Reader", seed.SUBSCRIPTION))
    headers = as_caller(client, reader)
    assert client.arm("GET", seed.SITE, headers=headers).status_code == 200
    answer = client.arm("POST", f"{SETTINGS}/list", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")
    action = f"'Microsoft.Web/sites/config/list/action' over scope '{seed.SITE}'"
    for detail in (reader["clientId"], reader["principalId"], action):
        assert detail in answer.json()["error"]["message"]
    permissions = client.arm("GET", PERMISSIONS, version="2022-04-01", headers=headers).json()[
        "value"
    ]
    assert [permission["actions"] for permission in permissions] == [["*/read"]]


def test_somebody_without_any_role_sees_no_subscription(client: Client) -> None:
    headers = as_caller(client, caller(client))
    assert (
        client.arm("GET", "/subscriptions", version="2022-12-01", headers=headers).json()["value"]
        == []
    )
    assert (
        client.arm("GET", seed.SUBSCRIPTION, version="2022-12-01", headers=headers).status_code
        == 403
    )


def test_a_tenant_is_listed_with_its_name_and_domains(client: Client) -> None:
    tenant = client.arm("GET", "/tenants", version="2022-12-01").json()["value"][0]
    assert (tenant["tenantId"], tenant["displayName"]) == (seed.TENANT_ID, "Contoso Learning")
    domains = list(client.state.directory.tenant.domains)
    assert (tenant["defaultDomain"], tenant["domains"]) == ("contosolearning.com", domains)


def test_a_delegated_subscription_is_the_customers_and_so_are_its_vaults(client: Client) -> None:
    """Resource Manager alone takes the tokens of the tenant that manages it."""
    client.control("PUT", "tenant", {"name": "partner"})
    (listed,) = client.arm("GET", "/subscriptions", version="2022-12-01").json()["value"]
    shown = client.arm("GET", seed.SUBSCRIPTION, version="2022-12-01").json()
    assert listed == shown
    assert (shown["tenantId"], shown["managedByTenants"]) == (
        CUSTOMER.tenant_id,
        [{"tenantId": seed.TENANT_ID}],
    )
    unknown = client.arm("GET", seed.SUBSCRIPTION, headers={"Authorization": ""})
    assert f"/{CUSTOMER.tenant_id}" in unknown.headers["www-authenticate"]
    assert client.arm("GET", seed.SITE).status_code == 200
    bearer = {"Authorization": f"Bearer {client.token(f'{client.addresses.vault}/.default')}"}
    secrets = f"{client.addresses.of_vault(seed.VAULT)}/secrets?api-version=7.6"
    refused = client.request("GET", secrets, headers=bearer)
    assert (refused.status_code, "AKV10032" in refused.text) == (401, True), refused.text
    for client_id, number in ((CLI, 50020), (seed.ADMINISTRATOR_ID, 700016)):
        form = {"grant_type": "client_credentials", "client_id": client_id, "scope": "x"}
        refused = client.request("POST", f"/{CUSTOMER.tenant_id}/oauth2/v2.0/token", data=form)
        assert refused.json()["error_codes"] == [number], refused.text


def test_a_custom_role_lacks_what_it_leaves_out(client: Client) -> None:
    role = {
        "name": "No secrets",
        "actions": ["*"],
        "notActions": ["Microsoft.Web/sites/config/list/action"],
    }
    custom = client.control("POST", "callers", {"name": "custom", "armRoles": [{"role": role}]})
    headers = as_caller(client, custom)
    assert client.arm("POST", f"{SETTINGS}/list", headers=headers).status_code == 403
    assert client.arm("GET", seed.SITE, headers=headers).status_code == 200
    client.control("DELETE", "role-assignments", {"principalId": custom["principalId"]})
    assert client.arm("GET", seed.SITE, headers=headers).status_code == 403
    client.control(
        "POST", "role-assignments", {"principalId": custom["principalId"], "role": "Owner"}
    )
    assert client.arm("POST", f"{SETTINGS}/list", headers=headers).status_code == 200


def test_denials_and_locks_are_set_and_taken_away(client: Client) -> None:
    denial = {"scope": seed.SITE, "actions": ["*/write"]}
    client.control("POST", "deny-assignments", denial)
    refused = client.arm("PUT", SETTINGS, json={"properties": {}})
    assert refused.json()["error"]["code"] == "DenyAssignmentAuthorizationFailed"
    client.control("DELETE", "deny-assignments")
    client.control("POST", "locks", {"scope": seed.SITE, "level": "ReadOnly"})
    assert (
        client.arm("PUT", SETTINGS, json={"properties": {}}).json()["error"]["code"]
        == "ScopeLocked"
    )
    client.control("DELETE", "locks")
    assert client.arm("PUT", SETTINGS, json={"properties": {}}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("callers", {}),
        ("callers", {"name": "x", "graphRoles": ["No.Such.Role"]}),
        ("callers", {"name": "x", "armRoles": ["Owner"]}),
        ("callers", {"name": "x", "armRoles": [{"role": "King"}]}),
        ("sites", {}),
        ("sites", {"name": "x", "settings": {"A": 1}}),
        ("role-assignments", {"role": "Owner"}),
        ("deny-assignments", {"scope": "/"}),
        ("locks", {"level": "Tight"}),
    ],
)
def test_a_malformed_control_request_is_refused_and_changes_nothing(
    client: Client, path: str, body: Any
) -> None:
    before = client.request("GET", "/_sandbox/world").json()
    assert client.request("POST", f"/_sandbox/{path}", json=body).status_code == 400
    assert client.request("GET", "/_sandbox/world").json() == before


def test_a_site_of_the_same_name_elsewhere_answers_at_its_own_address(wire: Wire) -> None:
    wanted = {
        "name": seed.APP_SERVICE,
        "group": "twin",
        "subscription": OTHER,
        "settings": {"A": "1"},
    }
    site = wire.control("POST", "sites", wanted)
    assert site["id"].startswith(f"/subscriptions/{OTHER}/resourceGroups/twin/")
    assert wire.http.get(f"{site['url']}/api/v1/organization").status_code == 401
    seen = wire.arm("GET", site["id"]).json()["properties"]["defaultHostName"]
    assert f"https://{seen}" == site["url"]
    assert len(wire.arm("GET", "/subscriptions", "2022-12-01").json()["value"]) == 2
    wire.control("POST", "reset")
    assert wire.arm("GET", site["id"]).status_code == 404


def test_a_site_made_by_resource_manager_answers_at_once_and_on_this_machine(wire: Wire) -> None:
    later = f"{seed.SUBSCRIPTION}/resourceGroups/mct-prod/providers/Microsoft.Web/sites/later"
    made = wire.arm("PUT", later, json={"location": "westeurope", "properties": {}}).json()
    shown = wire.arm("GET", later).json()
    assert made["properties"]["defaultHostName"] == shown["properties"]["defaultHostName"]
    assert wire.http.get(f"https://{made['properties']['defaultHostName']}/").status_code == 200
    profile = wire.arm("POST", f"{later}/publishxml").text
    assert "azurewebsites" not in json.dumps([made, shown]) + profile, (
        "a stranger may have the name"
    )


def test_a_resource_group_is_made_once_and_stays_where_it_is(client: Client) -> None:
    group = f"{seed.SUBSCRIPTION}/resourceGroups/customers"
    site = f"{group}/providers/Microsoft.Web/sites/customer01"
    assert client.arm("PUT", site, json={"location": "westeurope"}).status_code == 404
    for path, body, status, code in (
        (group, {}, 400, "LocationRequired"),
        (group, {"location": "moon"}, 400, "LocationNotAvailableForResourceGroup"),
        (f"{group} 1", {"location": "westeurope"}, 400, "InvalidResourceGroup"),
        (group, {"location": "West Europe", "tags": {"a": "b"}}, 201, None),
        (group, {"location": "westeurope"}, 200, None),
        (group, {"location": "eastus"}, 409, "InvalidResourceGroupLocation"),
    ):
        answer = client.arm("PUT", path, version="2021-04-01", json=body)
        assert (answer.status_code, answer.json().get("error", {}).get("code")) == (status, code)
    shown = client.arm("GET", group, version="2021-04-01").json()
    assert (shown["location"], shown["tags"]) == ("westeurope", {})
    assert client.arm("PUT", site, json={"location": "westeurope"}).status_code == 201
    limited = as_caller(client, caller(client, ("Website Contributor", seed.SUBSCRIPTION)))
    refused = client.arm(
        "PUT", group, version="2021-04-01", json={"location": "westeurope"}, headers=limited
    )
    assert refused.status_code == 403, "it takes Contributor"


def test_a_site_that_came_later_keeps_its_port(
    running: Running, wire: Wire, state_dir: Any
) -> None:
    site = wire.control("POST", "sites", {"name": "later"})
    running.close()
    with closing(start(state_dir)):
        assert wire.http.get(f"{site['url']}/").status_code == 200


def test_reset_goes_back_to_the_seed_without_a_new_start(client: Client) -> None:
    client.arm("PUT", SETTINGS, json={"properties": {}})
    client.graph("POST", "/applications", json={"displayName": "gone"})
    client.control("PATCH", "knobs", {"latencySeconds": 0.01})
    assert client.control("PUT", "tenant", {"name": "strict"})["arm_page_size"] == 1
    client.control("PUT", "faults", [{"match": {"service": "Graph"}, "fault": {"type": "html"}}])
    client.control("POST", "reset")
    assert client.control("GET", "faults") == {"value": []}
    assert client.control("GET", "knobs")["latencySeconds"] == 0
    assert client.control("GET", "tenant")["tenant"] == "default"
    client.forget_tokens()
    assert "OrganizationName" in client.arm("POST", f"{SETTINGS}/list").json()["properties"]
    applications = client.graph(
        "GET", "/applications", params={"$filter": "displayName eq 'gone'"}
    ).json()
    assert applications["value"] == []


def test_a_knob_takes_only_what_it_means(client: Client) -> None:
    """And where one of several does not, none is turned."""
    for body in (
        {"latencySeconds": True}, {"latencySeconds": "1"}, {"nope": 1}, {"replicas": 0},
        {"replicas": True},
        {"lagMode": "maybe"}, {"lagSeconds": 3, "replicas": 1.5}, {"lagSeconds": 3, "nope": 1},
        {"restartSeconds": -1},
    ):  # fmt: skip
        before = client.control("GET", "knobs")
        assert client.request("PATCH", "/_sandbox/knobs", json=body).status_code == 400
        assert client.control("GET", "knobs") == before


@pytest.mark.parametrize("body", [{"advanceSeconds": -1}, {"advanceSeconds": "x"}, {}, []])
def test_the_sandboxs_clock_goes_forward_only(client: Client, body: Any) -> None:
    assert client.request("POST", "/_sandbox/clock", json=body).status_code == 400


def test_a_tenant_is_one_of_four_and_stays_with_the_state(client: Client) -> None:
    for body in ({"name": "other"}, {"name": 1}, {"arm_page_size": "1"}, {"nope": 1}):
        assert client.request("PUT", "/_sandbox/tenant", json=body).status_code == 400
    client.control("PUT", "tenant", {"name": "legacy"})
    state = client.control("GET", "world")
    client.control("PUT", "tenant", {"name": "default"})
    for nonsense in ({"arm_page_size": True}, {"nope": 1}):
        wrong = {**state, "directory": {**state["directory"], "variations": nonsense}}
        assert client.request("PUT", "/_sandbox/world", json=wrong).status_code == 400
    client.control("PUT", "world", state)
    assert client.control("GET", "tenant") == asdict(TENANTS["legacy"])


def test_two_states_of_one_seed_are_the_same_to_the_last_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ComputerTime, "timestamp", lambda _: 1_800_000_000.0)
    first, second = (seed.seed("secret").to_dict() for _ in range(2))
    assert [first["directory"], first["resources"]] == [second["directory"], second["resources"]]
    ids = [
        seeding.add_application(seed.seed("secret").directory, "later")[0]["id"] for _ in range(2)
    ]
    assert len(set(ids)) == 2, "what is made later gets ids by chance"


def test_every_operation_names_its_source_and_how_faithful_it_is() -> None:
    rows: list[Any] = [*graph.OPERATIONS, *arm.OPERATIONS, *login.OPERATIONS, *key_vault.OPERATIONS]
    for row in rows:
        assert row.source, row.template
        assert row.fidelity in {"full", "usual", "stub"}, row.template


def test_the_token_service_offers_what_its_table_says_and_nothing_else(client: Client) -> None:
    for row in login.OPERATIONS:
        answer = client.request(row.method, row.template.replace("{tenant}", seed.TENANT_ID))
        assert answer.status_code != 501, row.template
    unknown = client.request("GET", f"/{seed.TENANT_ID}/oauth2/v2.0/logout")
    assert unknown.status_code == 501


def test_a_state_directory_keeps_what_the_last_program_did(
    running: Running, state_dir: Path
) -> None:
    with Wire(running) as wire:
        assert wire.put({"kept": "ü"}).is_success
    running.close()
    with closing(start(state_dir)) as again, Wire(again) as wire:
        assert again.environment == running.environment
        assert wire.settings() == {"kept": "ü"}
    server.reset(state_dir)
    with closing(start(state_dir)) as fresh, Wire(fresh) as wire:
        assert "OrganizationName" in wire.settings()
        assert fresh.client_secret == running.client_secret


def test_secrets_are_for_the_owner_alone_and_the_state_holds_none(
    running: Running, state_dir: Path
) -> None:
    for name in ("server.pem", "signing-key.pem", "administrator.json", "world.json"):
        assert stat.S_IMODE((state_dir / name).stat().st_mode) == 0o600, name
    assert running.client_secret not in (state_dir / "world.json").read_text()
    assert running.client_secret not in repr(running)


def test_a_program_joins_a_sandbox_that_is_being_served(running: Running, state_dir: Path) -> None:
    served = Served(httpx.URL(running.resource_manager).port or 0, real_names=False)
    with StateDirectory(state_dir).serving(served):
        joined = start(state_dir)
    assert joined.is_served_elsewhere
    assert joined.environment == running.environment


def test_a_second_program_waits_for_the_first(running: Running, state_dir: Path) -> None:
    started: list[Running] = []
    waiting = threading.Thread(target=lambda: started.append(start(state_dir)))
    waiting.start()
    time.sleep(0.2)
    assert not started
    running.close()
    waiting.join(60)
    assert started[0].resource_manager == running.resource_manager
    started[0].close()


def test_addresses_that_a_program_saved_come_back_with_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_ports(12)
    monkeypatch.setenv("MCT_S2S_SANDBOX_DIR", str(tmp_path))
    monkeypatch.setattr(clouds, "SANDBOX_PORT", port)

    async def opened() -> Running:
        async with clouds.open_cloud(clouds.SANDBOX) as (_, sandbox):
            assert sandbox is not None
            return sandbox

    sandbox = asyncio.run(opened())
    assert sandbox.resource_manager == f"https://localhost:{port}"
    serve = f"MCT_S2S_SANDBOX_DIR={tmp_path} mct-s2s sandbox serve"
    assert clouds.reopening(sandbox) == serve
    again = start(tmp_path, port + 100)
    assert again.site_url == exports(port, state_dir=tmp_path)["MCT_S2S_URL"], (
        "where it has listened before"
    )
    again.close()
    monkeypatch.setattr(clouds, "SANDBOX_PORT", 8443)
    assert clouds.reopening(asyncio.run(opened())) == f"{serve} --port {port}"
    assert DEFAULT_PORT == 8443


def test_reset_does_not_pull_the_state_from_under_a_program(
    running: Running, state_dir: Path
) -> None:
    with (
        pytest.raises(TimeoutError, match="Another sandbox uses"),
        StateDirectory(state_dir).exclusive(seconds=0.1),
    ):
        pass


def test_a_server_that_was_killed_is_not_asked_for_its_state(
    state_dir: Path, tmp_path: Path
) -> None:
    with StateDirectory(state_dir).serving(Served(free_ports(1), real_names=False)):
        server.save(tmp_path / "saved.json", state_dir)
    assert SandboxState.load(tmp_path / "saved.json").directory.tenant_id == seed.TENANT_ID


def test_a_killed_servers_leftovers_are_not_believed_by_waiting_programs(state_dir: Path) -> None:
    folder = StateDirectory(state_dir)
    (state_dir / "running.json").write_text(
        json.dumps({"pid": 1, "port": free_ports(1), "realNames": False})
    )
    running = start(state_dir)
    assert folder.served() is None, (
        "the port is dead, and the one who has the folder serves no one else"
    )
    running.close()


def test_a_site_is_named_where_it_listens_even_below_the_port_of_resource_manager(
    tmp_path: Path,
) -> None:
    StateDirectory(tmp_path).remember_ports(
        {"arm": 44495, "graph": 46759, seed.SITE.lower(): 38057}
    )
    assert exports(44495, state_dir=tmp_path)["MCT_S2S_URL"] == "https://localhost:38057"
    assert exports(8443, state_dir=tmp_path)["MCT_S2S_URL"] == "https://localhost:8445", (
        "it will listen elsewhere"
    )


def test_a_state_survives_its_file(client: Client, state: SandboxState, tmp_path: Path) -> None:
    state.clock.advance(100)
    state.save(tmp_path / "w.json")
    again = SandboxState.load(tmp_path / "w.json")
    assert again.to_dict() == json.loads(json.dumps(state.to_dict()))
    assert SECRET not in (tmp_path / "w.json").read_text()
    (tmp_path / "w.json").write_text('{"schema": 0}')
    with pytest.raises(ValueError, match="schema"):
        SandboxState.load(tmp_path / "w.json")


def test_a_request_on_a_kept_connection_does_not_wait_for_acknowledgements(
    running: Running,
) -> None:
    with Wire(running):
        assert running._server is not None
        connections: list[Any] = list(running._server.server_state.connections)
        sockets = [connection.transport.get_extra_info("socket") for connection in connections]
        # Without it an answer in two parts waits 40 ms for the first one's acknowledgement.
        assert sockets
        assert all(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in sockets)


def test_the_health_check_asks_who_serves(
    running: Running, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container has neither a shell nor curl; a process that has its port and answers nothing is
    not healthy.
    """
    monkeypatch.setenv("MCT_S2S_SANDBOX_DIR", str(state_dir))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    served = Served(httpx.URL(running.resource_manager).port or 0, real_names=False)
    with StateDirectory(state_dir).serving(served):
        assert health.problem() is None
    with StateDirectory(state_dir).serving(Served(free_ports(1), real_names=False)):
        assert "does not answer" in str(health.problem())
    running.close()
    assert health.problem() == "No sandbox is running."
