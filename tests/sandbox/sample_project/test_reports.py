"""Tests of a program that calls the MCT API, as its authors write them with the plugin."""

import json
import os
import ssl
import urllib.error
import urllib.request

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import EnvironmentCredential
from mct_s2s.__main__ import main

REPORTS = "/api/v1/organization"


def set_up(monkeypatch, tmp_path):
    """The client that the tests sign in as: made with the very command that an
    administrator types.
    """
    words = [
        "mct-s2s",
        "setup",
        "--client",
        "Reports",
        "--secret-to",
        f"file:{tmp_path}/reports.env",
        "--yes",
    ]
    monkeypatch.setattr("sys.argv", words)
    assert main() == 0
    for line in (tmp_path / "reports.env").read_text().splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            monkeypatch.setenv(name, value.strip("'\""))


def fetch():
    """The program: a token, and a call."""
    with EnvironmentCredential(disable_instance_discovery=True) as credential:
        token = credential.get_token(os.environ["MCT_S2S_SCOPE"]).token
    headers = {"Authorization": f"Bearer {token}", "ClientType": "Service"}
    request = urllib.request.Request(os.environ["MCT_S2S_URL"] + REPORTS, headers=headers)
    with urllib.request.urlopen(request, context=ssl.create_default_context()) as answer:
        return answer.status


def test_reports_are_fetched_and_a_site_that_is_down_is_told(mct_sandbox, monkeypatch, tmp_path):
    set_up(monkeypatch, tmp_path)
    assert fetch() == 200
    assert any(row["path"] == REPORTS for row in mct_sandbox.requests())
    assert mct_sandbox.leaks() == []
    mct_sandbox.faults({"match": {"path": REPORTS}, "fault": {"type": "status", "status": 503}})
    with pytest.raises(urllib.error.HTTPError, match="503"):
        fetch()


def test_a_secret_ends_after_a_year(mct_sandbox, monkeypatch, tmp_path):
    set_up(monkeypatch, tmp_path)
    mct_sandbox.advance(366 * 86_400)
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000222"):
        fetch()


def test_each_test_has_a_tenant_of_its_own(mct_sandbox):
    assert '"Reports"' not in json.dumps(mct_sandbox.state())


def test_a_setup_is_the_test_s_own(mct_sandbox, monkeypatch):
    assert os.environ.get("MCT_S2S_SUBSCRIPTION") is None
    monkeypatch.setattr("sys.argv", ["mct-s2s", "setup", "--client", "Kept", "--yes"])
    assert main() == 0
    with pytest.raises(ValueError, match="'nosuch' is not on this machine"):
        mct_sandbox.app("orders", "nosuch app.py")


def test_an_operation_that_the_sandbox_does_not_know_is_refused(mct_sandbox):
    with pytest.raises(ValueError, match="knobs"):
        mct_sandbox.knobs(nonsense=1)
