"""Ways to sign in beside a secret: a certificate in the environment, and a person with a device code."""

from __future__ import annotations

import re
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from mct_s2s.key_pairs import make_key_pair

from tests.cli.conftest import Program, key_credential
from tests.conftest import Sandbox, program, without_azure

NOT_CONFIGURED = 3
LASTS = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=30)


def test_a_certificate_in_the_environment_signs_in(azure: Sandbox, mct: Program, tmp_path: Path) -> None:
    pem, certificate = make_key_pair("administrator", *LASTS)
    file = tmp_path / "administrator.pem"
    file.write_text(pem)
    administrator = f"/applications(appId='{azure.environment['AZURE_CLIENT_ID']}')"
    azure.graph("PATCH", administrator, json={"keyCredentials": [key_credential(certificate)]})
    variables = {"AZURE_CLIENT_SECRET": "", "AZURE_CLIENT_CERTIFICATE_PATH": str(file)}
    assert mct("status", "--auth", "environment", env=variables).code == NOT_CONFIGURED


def test_a_certificate_that_is_not_registered_is_refused_with_a_remedy(mct: Program, tmp_path: Path) -> None:
    file = tmp_path / "stranger.pem"
    file.write_text(make_key_pair("stranger", *LASTS)[0])
    ended = mct("status", "-o", "json", env={"AZURE_CLIENT_SECRET": "", "AZURE_CLIENT_CERTIFICATE_PATH": str(file)})
    assert ended.code == 4
    assert "AADSTS700027" in ended.document["error"]["message"]
    assert "AZURE_CLIENT_CERTIFICATE_PATH" in ended.document["error"]["remedy"]


def test_a_person_signs_in_once_with_a_device_code(azure: Sandbox, tmp_path: Path) -> None:
    environment = {**without_azure(), **azure.environment, "HOME": str(tmp_path), "AZURE_CLIENT_SECRET": ""}
    trusted = ssl.create_default_context(cafile=azure.ca_file)
    with subprocess.Popen(
        program(("status", "--auth", "device-code", "--timeout", "40")),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        asked = process.stderr.readline()
        found = re.search(r"open (\S+) and enter the code (\w+)", asked)
        assert found, asked
        answer = {"user_code": found[2], "user": "admin@contosolearning.onmicrosoft.com", "action": "approve"}
        assert httpx.post(found[1], data=answer, verify=trusted, trust_env=False).is_success
        _, rest = process.communicate(timeout=40)
    assert process.returncode == NOT_CONFIGURED, rest
    assert "enter the code" not in rest, "asked a second time, for the second service"
