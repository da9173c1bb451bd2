"""A sandbox inside the test's own process, so that a test can slip something between two requests."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.azure.sign_in.caller import Method
from mct_s2s.cli.change_targets import query_for
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.specs import service_wish
from mct_s2s.cli.wiring import Needs, Session, connect
from mct_s2s.engine.converge import Answer, Convergence, Goal, converge
from mct_s2s.errors import S2SError
from mct_s2s.inputs.target import caller_resource
from mct_s2s.model.desired import ClientSpec, Desired, SecretSpec
from mct_s2s.model.observed import Observed
from mct_s2s.planning.changes import AnyChange
from mct_s2s.planning.plan import Facts, Plan
from mct_s2s.ports import SecretStore
from mct_s2s.render.console import Terminal
from mct_s2s.sandbox.state.state import SandboxState
from mct_s2s.stores.files import FileStore
from mct_s2s.stores.host_lock import turn
from rich.console import Console

from tests.conftest import Sandbox
from tests.support.sandbox_inside import Hook, Inside


@dataclass
class Watcher:
    """Whoever watches: keeps what it is told."""

    finished_changes: list[tuple[str, str]] = field(default_factory=list)

    def started(self, change: AnyChange) -> None:
        """Nothing to keep."""

    def finished(self, change: AnyChange, detail: str) -> None:
        self.finished_changes.append((change.key, detail))

    def failed(self, change: AnyChange, error: S2SError) -> None:
        """Nothing to keep."""


@dataclass
class Bench:
    """The flow of `setup`, run against a sandbox that tests may interfere with."""

    azure: Sandbox
    inside: Inside
    folder: Path
    watcher: Watcher = field(default_factory=Watcher)

    @property
    def world(self) -> SandboxState:
        """The world as it is served at this moment."""
        return self.inside.world

    def before(self, hook: Hook) -> None:
        """Do something when a request has arrived."""
        self.inside.hooks.before.append(hook)

    def after(self, hook: Hook) -> None:
        """Do something when a request has taken effect and its answer has not left."""
        self.inside.hooks.after.append(hook)

    def setup(
        self, *clients: str, identities: Sequence[str] = (), site: str = "contosolearn", **options: Any
    ) -> Convergence:
        """Bring the world to what `setup` with these clients wants."""
        return asyncio.run(self._setup(clients, identities, site, options))

    async def _setup(
        self, clients: Sequence[str], identities: Sequence[str], site: str, options: Mapping[str, Any]
    ) -> Convergence:
        given: dict[str, Any] = {"auth": Method.ENVIRONMENT, "timeout": 20.0, **options}
        chosen = AzureOptions(cloud=self.azure.origin, app_service=site, resource_group="mct-prod", **given)
        console = Console(file=io.StringIO())
        async with connect(chosen, Needs(), Terminal(console, console, json=False)) as session:
            return await converge(
                session.azure, self._goal(session, clients, identities), _go, self.watcher, _ignore, turn
            )

    def _goal(self, session: Session, clients: Sequence[str], identities: Sequence[str]) -> Goal:
        now = datetime.now(UTC)
        specs = tuple(ClientSpec(name, SecretSpec(now + timedelta(days=90))) for name in clients)
        service = service_wish(session.target, None)
        query = query_for(session, service, now, specs, [caller_resource(text) for text in identities])

        def stores(observed: Observed) -> Mapping[str, SecretStore]:
            del observed
            return {name: FileStore(self.folder / f"{at}.env") for at, name in enumerate(clients)}

        return Goal(query, Desired(service, specs), Facts(now, "test"), stores)


async def _go(plan: Plan) -> Answer:
    return Answer(go=not plan.is_empty)


def _ignore(convergence: Convergence) -> None:
    del convergence


@pytest.fixture
def bench(azure: Sandbox, inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """As new, with nobody interfering."""
    for name, value in inside.azure.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with inside.time.simulated():
        yield Bench(azure, inside, tmp_path)
