"""`mct-s2s sandbox`: what it says, what it takes, what it leaves."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mct_s2s.sandbox.state import seed

from tests.conftest import free_ports, program, without_azure


class Served:
    """A process that serves, and what it said until it was ready."""

    def __init__(self, process: subprocess.Popen[str], port: int, authority: Path) -> None:
        assert process.stdout is not None
        self.port, self.said = port, ""
        while not self.said.rstrip("\n").rsplit("\n", 1)[-1].startswith("Control"):
            line = process.stdout.readline()
            assert line, f"it ended: {process.stderr.read() if process.stderr else ''}"
            self.said += line
        self.http = httpx.Client(verify=ssl.create_default_context(cafile=str(authority)), trust_env=False)

    def control(self, method: str, path: str, **options: Any) -> Any:
        answer = self.http.request(method, f"https://localhost:{self.port}/_sandbox/{path}", **options)
        return answer.json() if answer.content else None


def environment(folder: Path) -> dict[str, str]:
    return {**without_azure(), "MCT_S2S_SANDBOX_DIR": str(folder), "COLUMNS": "200"}


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Served]:
    port = free_ports(12)
    process = subprocess.Popen(
        program(["sandbox", "serve", "--port", str(port), *arguments]),
        env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        served = Served(process, port, folder / ("real-names-ca.pem" if "--real-names" in arguments else "ca.pem"))
        with served.http:
            yield served
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


def sandbox(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        program(["sandbox", *arguments]),
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_what_it_says_leads_there_and_keeps_the_secret(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        secret = json.loads((tmp_path / "administrator.json").read_text())["clientSecret"]
        assert secret not in served.said
        assert f"sandbox env --port {served.port}" in served.said
        assert (
            f"az cloud register --name mct-sandbox --endpoint-resource-manager https://localhost:{served.port}\n"
            in (served.said)
        )
        assert f"https://localhost:{served.port + 2}  mct-prod/contosolearn" in served.said
        exported = sandbox(tmp_path, "env", "--port", str(served.port)).stdout
        assert f"export AZURE_CLIENT_SECRET={secret}" in exported.replace("'", "")


def test_under_azures_names_it_says_how_these_lead_there_and_away_again(tmp_path: Path) -> None:
    with serving(tmp_path, "--real-names") as served:
        assert served.said.startswith("Sandbox ready: https://management.azure.com\n")
        assert "  mct-s2s sandbox hosts | sudo tee -a /etc/hosts\n" in served.said
        assert "  sudo sed -i.bak '/# mct-s2s sandbox$/d' /etc/hosts" in served.said
        assert f"Clients use port 443: forward it to {served.port}" in served.said
        assert '  eval "$(mct-s2s sandbox env --real-names)"\n' in served.said
        assert "  export AZURE_CONFIG_DIR=" in served.said, "its sign-ins are not mixed with those to the real Azure"
        assert "az cloud register" not in served.said
        assert "https://contosolearn.azurewebsites.net  mct-prod/contosolearn" in served.said
        assert served.control("GET", "health")["graph"] == "https://graph.microsoft.com"
    assert not (tmp_path / "ports.json").exists(), "a later sandbox on ports of its own keeps those it had"


def test_it_misbehaves_by_a_file(tmp_path: Path) -> None:
    rules = [{"match": {"service": "Entra"}, "fault": {"type": "status", "status": 503}}]
    (tmp_path / "faults.json").write_text(json.dumps(rules))
    with serving(tmp_path, "--faults", str(tmp_path / "faults.json")) as served:
        url = f"https://localhost:{served.port}/{seed.TENANT_ID}/v2.0/.well-known/openid-configuration"
        assert served.http.get(url).status_code == 503
        assert served.control("GET", "faults")["value"][0]["fired"] == 1


def test_a_world_is_saved_and_served_again(tmp_path: Path) -> None:
    first, second, file = tmp_path / "1", tmp_path / "2", tmp_path / "world.json"
    with serving(first) as served:
        served.control("POST", "locks", json={"scope": seed.SITE, "level": "ReadOnly", "name": "mine"})
        assert sandbox(first, "save", str(file)).returncode == 0
    assert sandbox(first, "save", str(tmp_path / "kept.json")).returncode == 0
    assert json.loads(file.read_text()) == json.loads((tmp_path / "kept.json").read_text())
    assert len(file.read_text().splitlines()) > 100
    with serving(second, "--world", str(file)) as served:
        assert served.control("GET", "world")["resources"]["locks"][0]["name"] == "mine"
    assert sandbox(second, "reset").returncode == 0
    with serving(second) as served:
        assert served.control("GET", "world")["resources"]["locks"] == []


@pytest.mark.parametrize("option", ["--faults", "--world"])
@pytest.mark.parametrize("content", ["{}", "no json", '[{"fault": {"type": "other"}}]'])
def test_a_file_that_holds_something_else_is_said_to(tmp_path: Path, option: str, content: str) -> None:
    (tmp_path / "f").write_text(content)
    ended = sandbox(tmp_path, "serve", "--port", str(free_ports(12)), option, str(tmp_path / "f"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr
    assert ended.stderr


def test_coverage_names_every_operation_and_serves_nothing(tmp_path: Path) -> None:
    ended = sandbox(tmp_path, "serve", "--coverage")
    assert ended.returncode == 0
    for text in (
        "PUT {site}/config/appsettings",
        "POST /v1.0/{application}/addPassword",
        "full",
        "stub",
        "operations:",
    ):
        assert text in ended.stdout
    assert not (tmp_path / "world.json").exists()
