"""A sandbox inside the test's own process, so that a test can slip something between two requests."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.azure.sign_in.method import Method
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.requests import request_for, service_spec
from mct_s2s.cli.session import Needs, connect
from mct_s2s.engine.change import run_change
from mct_s2s.engine.outcome import Outcome
from mct_s2s.inputs.target import caller_resource
from mct_s2s.model.client_sign_in import OwnCredential
from mct_s2s.model.desired import ClientSpec, Desired
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.credentials.secret import SecretSpec
from mct_s2s.ports.secret_stores import SecretStore
from mct_s2s.render.console import LineConsole, Terminal
from mct_s2s.sandbox.state.state import SandboxState
from mct_s2s.stores.file_store import FileStore

from tests.conftest import Sandbox
from tests.engine.memory import Agreeing
from tests.support.sandbox_inside import Hook, Inside


@dataclass
class Bench:
    """The flow of `setup`, run against a sandbox that tests may interfere with."""

    azure: Sandbox
    inside: Inside
    folder: Path

    @property
    def state(self) -> SandboxState:
        """The state as it is served at this moment."""
        return self.inside.state

    def before(self, hook: Hook) -> None:
        """Do something when a request has arrived."""
        self.inside.hooks.before.append(hook)

    def after(self, hook: Hook) -> None:
        """Do something when a request has taken effect and its answer has not left."""
        self.inside.hooks.after.append(hook)

    def setup(
        self, *clients: str, identities: Sequence[str] = (), site: str = "contosolearn", **options: Any
    ) -> Outcome:
        """Bring the state to what `setup` with these clients wants."""
        return asyncio.run(self._setup(clients, identities, site, options))

    async def _setup(
        self, clients: Sequence[str], identities: Sequence[str], site: str, options: Mapping[str, Any]
    ) -> Outcome:
        given: dict[str, Any] = {"auth": Method.ENVIRONMENT, "timeout": 20.0, **options}
        chosen = AzureOptions(cloud=self.azure.origin, app_service=site, resource_group="mct-prod", **given)
        console = LineConsole(file=io.StringIO())
        now = datetime.now(UTC)
        specs = tuple(ClientSpec(name, SecretSpec(now + timedelta(days=90))) for name in clients)
        async with connect(chosen, Needs(), Terminal(console, console, json=False)) as session:
            wanted = replace(
                request_for(session, Desired(service_spec(session.target, None), specs), now),
                attempt="test",
                identities=tuple(caller_resource(text) for text in identities),
                stores=Files(self.folder),
            )
            return await run_change(session, wanted, Agreeing())


@dataclass(frozen=True)
class Files:
    """A file for each client, by its number."""

    folder: Path

    async def open(self, desired: Desired, observed: ObservedState, now: datetime) -> Mapping[str, SecretStore]:
        del observed, now
        return {client.name: FileStore(self.folder / f"{at}.env") for at, client in enumerate(desired.clients)}

    async def credentials(self, stores: Mapping[str, SecretStore]) -> list[OwnCredential]:
        del stores
        return []


@pytest.fixture
def bench(azure: Sandbox, inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """As new, with nobody interfering."""
    for name, value in inside.azure.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with inside.time.simulated():
        yield Bench(azure, inside, tmp_path)
