"""The sandbox keeps its state, listens over TLS, and lets one program at a time in."""

import asyncio
import json
import socket
import stat
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from mct_s2s.azure import clouds
from mct_s2s.cli.sandbox_commands import DEFAULT_PORT
from mct_s2s.sandbox.hosting import health, server
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.hosting.environment import exports
from mct_s2s.sandbox.hosting.state_directory import Served, StateDirectory
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.conftest import free_ports
from tests.sandbox.conftest import SECRET, Client, Wire


def test_the_next_program_finds_what_the_last_one_did(running: Running, state_dir: Path) -> None:
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


def test_secrets_are_for_the_owner_alone_and_the_state_holds_none(running: Running, state_dir: Path) -> None:
    for name in ("server.pem", "signing-key.pem", "administrator.json", "world.json"):
        assert stat.S_IMODE((state_dir / name).stat().st_mode) == 0o600, name
    assert running.client_secret not in (state_dir / "world.json").read_text()
    assert running.client_secret not in repr(running)


def test_others_join_one_that_serves(running: Running, state_dir: Path) -> None:
    served = Served(httpx.URL(running.resource_manager).port or 0, real_names=False)
    with StateDirectory(state_dir).serving(served):
        joined = start(state_dir)
    assert joined.is_served_elsewhere
    assert joined.environment == running.environment


def test_a_second_program_waits_for_the_first(running: Running, state_dir: Path) -> None:
    found: list[Running] = []
    waiting = threading.Thread(target=lambda: found.append(start(state_dir)))
    waiting.start()
    time.sleep(0.2)
    assert not found
    running.close()
    waiting.join(10)
    assert found[0].resource_manager == running.resource_manager
    found[0].close()


def test_addresses_that_a_program_has_saved_come_back_with_serve(
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
    assert clouds.reopening(sandbox) == "mct-s2s sandbox serve"
    again = start(tmp_path, port + 100)
    assert again.site_url == exports(port, state_dir=tmp_path)["MCT_S2S_URL"], "where it has listened before"
    again.close()
    monkeypatch.setattr(clouds, "SANDBOX_PORT", 8443)
    assert clouds.reopening(asyncio.run(opened())) == f"mct-s2s sandbox serve --port {port}"
    assert DEFAULT_PORT == 8443


def test_reset_does_not_pull_the_state_from_under_a_program(running: Running, state_dir: Path) -> None:
    with pytest.raises(TimeoutError, match="Another sandbox uses"), StateDirectory(state_dir).exclusive(seconds=0.1):
        pass


def test_a_server_that_was_killed_is_not_asked_for_its_state(state_dir: Path, tmp_path: Path) -> None:
    with StateDirectory(state_dir).serving(Served(free_ports(1), real_names=False)):
        server.save(tmp_path / "saved.json", state_dir)
    assert SandboxState.load(tmp_path / "saved.json").directory.tenant_id == seed.TENANT_ID


def test_what_a_killed_server_left_is_not_believed_by_those_who_wait(state_dir: Path) -> None:
    folder = StateDirectory(state_dir)
    (state_dir / "running.json").write_text(json.dumps({"pid": 1, "port": free_ports(1), "realNames": False}))
    running = start(state_dir)
    assert folder.served() is None, "the port is dead, and the one who has the folder serves no one else"
    running.close()


def test_a_site_is_named_where_it_listens_even_below_the_port_of_resource_manager(tmp_path: Path) -> None:
    StateDirectory(tmp_path).remember_ports({"arm": 44495, "graph": 46759, seed.SITE.lower(): 38057})
    assert exports(44495, state_dir=tmp_path)["MCT_S2S_URL"] == "https://localhost:38057"
    assert exports(8443, state_dir=tmp_path)["MCT_S2S_URL"] == "https://localhost:8445", "it will listen elsewhere"


def test_a_state_survives_its_file(client: Client, state: SandboxState, tmp_path: Path) -> None:
    state.clock.advance(100)
    state.save(tmp_path / "w.json")
    again = SandboxState.load(tmp_path / "w.json")
    assert again.to_dict() == json.loads(json.dumps(state.to_dict()))
    assert SECRET not in (tmp_path / "w.json").read_text()
    (tmp_path / "w.json").write_text('{"schema": 0}')
    with pytest.raises(ValueError, match="schema"):
        SandboxState.load(tmp_path / "w.json")


def test_a_request_on_a_kept_connection_does_not_wait_for_acknowledgements(running: Running) -> None:
    with Wire(running):
        assert running._server is not None
        connections: list[Any] = list(running._server.server_state.connections)
        sockets = [connection.transport.get_extra_info("socket") for connection in connections]
        # Without it an answer in two parts waits 40 ms for the first one's acknowledgement.
        assert sockets
        assert all(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in sockets)


def test_the_health_check_asks_the_sandbox_that_is_served(
    running: Running, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container has neither a shell nor curl; a process that has its port and answers nothing is not healthy."""
    monkeypatch.setenv("MCT_S2S_SANDBOX_DIR", str(state_dir))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    served = Served(httpx.URL(running.resource_manager).port or 0, real_names=False)
    with StateDirectory(state_dir).serving(served):
        assert health.problem() is None
    with StateDirectory(state_dir).serving(Served(free_ports(1), real_names=False)):
        assert "The sandbox does not answer" in str(health.problem())
    running.close()
    assert health.problem() == "No sandbox is running."
