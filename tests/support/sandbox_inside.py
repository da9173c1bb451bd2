"""A sandbox inside the test's own process, so that a test can act at the very moment of a
request.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

import pytest
from mct_s2s.sandbox.hosting.application import Services
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.middleware.pipeline import Pipeline
from mct_s2s.sandbox.observability.exchange import Entry, Exchange
from mct_s2s.sandbox.state.state import SandboxState

from tests.conftest import Json, Sandbox
from tests.support import handed_over, least_caller
from tests.support.simulated_time import SimulatedTime

PASSING = (
    # msgraph-sdk's own modules warn of their deprecation when they are imported.
    "ignore:(GetQueryParameters|This class) is deprecated:DeprecationWarning",
    # Connections that were kept or cut are let go by the end of the process, which does not come
    # here.
    "ignore::ResourceWarning",
    "ignore:Exception ignored in.*:pytest.PytestUnraisableExceptionWarning",
)

KEPT_AT = "keptAt"

Hook = Callable[[Entry], Awaitable[None]]


@dataclass
class Hooks:
    """What a test does when a request has arrived, and when it has taken effect and its answer has
    not left.
    """

    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)


@dataclass
class Inside:
    """The sandbox of this process."""

    running: Running
    azure: Sandbox
    hooks: Hooks = field(default_factory=Hooks)
    app: Any = None

    def __post_init__(self) -> None:
        """The sandbox injects faults at both moments: a test's own comes first; and its clock has
        simulated time.
        """
        assert self.running._server is not None
        config = self.running._server.config
        config.loaded_app = self.app = self.azure.time.requests.around(config.loaded_app)
        # A session ticket, sent when it pleases, would look like the answer to a request.
        assert config.ssl is not None
        config.ssl.num_tickets = 0
        self.state.clock.source = self.time
        self.state.path = (
            None  # nobody will want it again: a tenth of the time would go into writing it
        )
        injection = cast("Any", self.pipeline._fault_injection)
        for moment in ("before", "after"):
            setattr(injection, moment, self._with_hooks(moment, getattr(injection, moment)))
        handed_over.sandboxes.append(self)

    @classmethod
    def started(cls, folder: Path, time: SimulatedTime) -> Self:
        """Start one, with the caller that tests run the program as."""
        running = start(folder)
        principal = least_caller.admit(pipeline_of(running))
        sandbox = cls(running, Sandbox(running.environment, time))
        sandbox.azure.pipeline = principal
        sandbox.run_by(least_caller.LEAST)
        return sandbox

    def close(self) -> None:
        handed_over.sandboxes.remove(self)
        handed_over.at_port.clear()
        self.azure.close()
        self.running.close()

    def stop_hosting(self) -> None:
        """End the programs that web apps run: the next test's web app of that name is MCT's."""
        assert self.running._server is not None
        while self.running._server.apps:
            _, hosted = self.running._server.apps.popitem()
            hosted.end()

    @property
    def ports(self) -> set[int]:
        """Where it listens."""
        assert self.running._server is not None
        return {
            each.getsockname()[1]
            for server in self.running._server.servers
            for each in server.sockets
        }

    @property
    def is_undisturbed(self) -> bool:
        """Whether nothing is done to a request on its way."""
        rules = self.pipeline.observability.faults.to_list()
        return not (rules or self.hooks.before or self.hooks.after or self.state.latency_seconds)

    @property
    def time(self) -> SimulatedTime:
        """What passes while everybody waits."""
        return self.azure.time

    @property
    def pipeline(self) -> Pipeline:
        return pipeline_of(self.running)

    @property
    def state(self) -> SandboxState:
        """The state as it is served at this moment."""
        return self.pipeline._state

    def run_by(self, caller: Mapping[str, str]) -> None:
        """Let this be the program's caller from now on; the administrator, where none is named."""
        self.azure.environment = {**self.running.environment, **caller}

    def leave_alone(self) -> None:
        """Nobody interferes from now on."""
        self.hooks.before.clear()
        self.hooks.after.clear()

    def become(self, kept: Json) -> None:
        """Go to a state that was kept; nobody interferes, and the log and the leaks are empty."""
        self.leave_alone()
        self.time.set_calendar(kept.get(KEPT_AT))
        self.pipeline.observability.faults.replace([])
        self.pipeline.observability.tokens.forget_refusals()
        self.pipeline.observability.log.clear()
        self.pipeline.observability.watch.leaks.clear()
        self.state.replace_with(SandboxState.from_dict(copy.deepcopy(kept)))
        self.serve_new_sites()
        self.azure._tokens.clear()

    def serve_new_sites(self) -> None:
        """Open ports for sites that were put into the state, as loading it does."""
        services, server = cast("Services", self.pipeline._app), self.running._server
        assert server is not None

        async def open_ports() -> None:
            for site_id in self.state.resources.sites:
                services.open_port(site_id)

        if not self.state.resources.sites.keys() <= services._addresses.sites.keys():
            asyncio.run_coroutine_threadsafe(open_ports(), server._loop).result()

    def keep(self) -> Json:
        """Take the state as it is, with its time, to `become` it later."""
        return {**self.state.to_dict(), KEPT_AT: self.time.timestamp()}

    def log(self) -> list[Entry]:
        """Requests since the state was gone to, those of the control left out."""
        return [entry for entry in self.pipeline.observability.log if entry.service != "control"]

    def _with_hooks(self, moment: str, usual: Any) -> Any:
        async def with_hooks(exchange: Exchange, faults: Any) -> None:
            for hook in tuple(getattr(self.hooks, moment)):
                await hook(exchange.entry)
            await usual(exchange, faults)

        return with_hooks


def pipeline_of(running: Running) -> Pipeline:
    """What every request to it goes through."""
    assert running._server is not None
    return cast("Pipeline", running._server.config.app)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests that run the program within this process pass over warnings that are nobody's
    fault.
    """
    for item in items:
        if "inside" in getattr(item, "fixturenames", ()):
            for warning in PASSING:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    sandbox = Inside.started(tmp_path_factory.mktemp("inside"), SimulatedTime())
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="session")
def seeded(inside: Inside) -> Json:
    """The state as it begins, in which nothing takes its time."""
    inside.azure.reset()
    return inside.state.to_dict()


@pytest.fixture
def azure(request: pytest.FixtureRequest, inside: Inside, seeded: Json) -> Iterator[Sandbox]:
    """The sandbox of this worker, as new.

    Time stands still in it but for what the program waits for.
    """
    inside.time.begin_again()
    inside.run_by(least_caller.caller_of(request.node))
    inside.become(seeded)
    yield inside.azure
    inside.leave_alone()
    inside.run_by(least_caller.LEAST)
