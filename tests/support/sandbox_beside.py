"""A second sandbox in the test's process: another cloud, with a tenant, sites and a request log of its own."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
from mct_s2s.sandbox.hosting.embedded import start
from mct_s2s.sandbox.state.state import SandboxState

from tests.conftest import Json, Sandbox
from tests.support.sandbox_inside import Inside, environment_of, state_of


@pytest.fixture
def beside(inside: Inside, seeded: Json, azure: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The second one. Its administrator has the secret of the first one's: a process has one environment.

    `environment` has the certificate authorities of both.
    """
    running = start(tmp_path_factory.mktemp("beside"))
    state = state_of(running)
    state.clock.source = inside.time
    state.path = None
    state.replace_with(SandboxState.from_dict(copy.deepcopy(seeded)))
    both = tmp_path_factory.mktemp("authorities") / "both.pem"
    both.write_text(Path(azure.ca_file).read_text() + running.ca_file.read_text())
    secret = azure.environment["AZURE_CLIENT_SECRET"]
    bundle = {"SSL_CERT_FILE": str(both), "REQUESTS_CA_BUNDLE": str(both), "AZURE_CLIENT_SECRET": secret}
    other = Sandbox({**environment_of(running), **bundle}, inside.time)
    yield other
    other.close()
    running.close()
