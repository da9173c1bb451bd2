"""A sandbox inside the test's own process, so that a test can act at the very moment of a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from mct_s2s.sandbox.embedded import Running, start
from mct_s2s.sandbox.exchange import Exchange
from mct_s2s.sandbox.journal import Entry
from mct_s2s.sandbox.pipeline import Pipeline
from mct_s2s.sandbox.world import World

from tests.conftest import Json, Sandbox

Hook = Callable[[Entry], Awaitable[None]]


@dataclass
class Hooks:
    """What a test does when a request has arrived, and when it has taken effect and its answer has not left."""

    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)


@dataclass
class Inside:
    """The sandbox of this process."""

    running: Running
    azure: Sandbox
    hooks: Hooks = field(default_factory=Hooks)

    def __post_init__(self) -> None:
        """The sandbox asks for misbehaviour at both moments: a test's own comes first."""
        misbehaviour = cast("Any", self.pipeline._misbehaviour)
        for moment in ("before", "after"):
            setattr(misbehaviour, moment, self._with_hooks(moment, getattr(misbehaviour, moment)))

    @property
    def pipeline(self) -> Pipeline:
        assert self.running._server is not None
        return cast("Pipeline", self.running._server.config.app)

    @property
    def world(self) -> World:
        """The world as it is served at this moment."""
        return self.pipeline._world

    def leave_alone(self) -> None:
        """Nobody interferes from now on."""
        self.hooks.before.clear()
        self.hooks.after.clear()

    def become(self, kept: Json) -> None:
        """Go to a world that was kept; nobody interferes, and the log and the leaks are empty."""
        self.leave_alone()
        self.pipeline.instruments.faults.replace([])
        self.pipeline.instruments.tokens.forget_refusals()
        self.pipeline.instruments.journal.clear()
        self.pipeline.instruments.watch.leaks.clear()
        self.world.replace_with(World.from_dict(kept))
        self.azure._tokens.clear()

    def log(self) -> list[Entry]:
        """Requests since the world was gone to, those of the control left out."""
        return [entry for entry in self.pipeline.instruments.journal if entry.service != "control"]

    def _with_hooks(self, moment: str, usual: Any) -> Any:
        async def with_hooks(exchange: Exchange, faults: Any) -> None:
            for hook in tuple(getattr(self.hooks, moment)):
                await hook(exchange.entry)
            await usual(exchange, faults)

        return with_hooks


def environment_of(running: Running) -> dict[str, str]:
    """What a client needs to use it."""
    return {
        "MCT_S2S_CLOUD": running.resource_manager,
        "MCT_S2S_APP_SERVICE": running.app_service,
        "MCT_S2S_RESOURCE_GROUP": running.resource_group,
        "MCT_S2S_URL": running.site_url,
        "REQUESTS_CA_BUNDLE": str(running.ca_file),
        "SSL_CERT_FILE": str(running.ca_file),
        "AZURE_AUTHORITY_HOST": running.resource_manager,
        "AZURE_TENANT_ID": running.tenant_id,
        "AZURE_CLIENT_ID": running.client_id,
        "AZURE_CLIENT_SECRET": running.client_secret,
        "AZURE_SUBSCRIPTION_ID": running.subscription_id,
    }


@pytest.fixture(scope="session")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    running = start(tmp_path_factory.mktemp("inside"))
    azure = Sandbox(environment_of(running))
    yield Inside(running, azure)
    azure.close()
    running.close()
