"""The engine on the sandbox of this process, signed in as its administrator, in simulated time."""

# ruff: noqa: ARG002  # what is told decides which arguments there are

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from mct_s2s import clock
from mct_s2s.activity import Activity, watched_by
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.session import Services, open_session
from mct_s2s.engine.apply.send_changes import apply_plan
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import AppService, Site
from mct_s2s.model.caller_rights import CallerRights, SignedIn
from mct_s2s.model.desired import ServiceSpec, Setup
from mct_s2s.model.observed import ObservedState, Trust
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.planning.changes import AnyChange
from mct_s2s.planning.permissions.rights import CLOUD_APPLICATION_ADMINISTRATOR
from mct_s2s.planning.plan import Plan
from mct_s2s.render.console import Terminal
from mct_s2s.sandbox.observability.exchange import Entry

from tests.conftest import SITE, Json, Sandbox, without_azure
from tests.planning.scenarios import NOW, SERVICE_KEY, TENANT
from tests.support.inprocess import run_inside
from tests.support.mct import MCT
from tests.support.sandbox_inside import Inside

T = TypeVar("T")
WHERE = Site(ResourceId.parse(SITE), "app", "Running", ("contosolearn.azurewebsites.net",))
TARGET = SiteTarget("contosolearn")
LIST, PUT = "/config/appsettings/list", "/config/appsettings"


@dataclass
class Watcher:
    """Whoever watches the steps of a plan and all that runs beside them: keeps what it is told."""

    reports: list[str] = field(default_factory=list)

    def begin(self, text: str, within: Activity | None) -> Activity:
        self.reports.append(text)
        return _Running(self, text)

    def end(self, activity: Activity) -> None:
        """It is over."""

    def noticed(self, activity: Activity) -> None:
        """It waits."""

    def throttled(self, service: str, seconds: float) -> None:
        """A service asks for patience."""

    def started(self, change: AnyChange) -> Activity:
        self.reports.append(f"started {change.key}")
        return _Running(self, change.key)

    def finished(self, change: AnyChange, detail: str) -> None:
        self.reports.append(f"finished {change.key}: {detail}")

    def skipped(self, change: AnyChange, why: str) -> None:
        self.reports.append(f"skipped {change.key}")

    def failed(self, change: AnyChange) -> None:
        self.reports.append(f"failed {change.key}")


class _Running(Activity):
    watcher: Watcher

    def waits(self, reason: str, gives_up_at: float | None = None) -> None:
        del gives_up_at
        self.watcher.reports.append(f"{self.name}: {reason}")

    def goes_on(self, reason: str) -> None:
        self.watcher.reports.append(f"{self.name} no longer: {reason}")


@dataclass
class Engine:
    """What the engine is given, and what it asks for."""

    inside: Inside
    home: Path
    caller: dict[str, str] = field(default_factory=dict)
    """The environment of whoever signs in, where that is not the administrator."""

    def run(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Do something with a session, to its end."""
        azure = self.inside.azure
        results = list[T]()
        options = AzureOptions(
            cloud=azure.origin, app_service=azure.environment["MCT_S2S_APP_SERVICE"]
        )

        async def main() -> None:
            async with open_session(
                options, Services(), Terminal.open(json=False, quiet=True)
            ) as session:
                await session.arm.subscriptions()
                self.inside.pipeline.observability.log.clear()
                results.append(await work(session))

        def program(_: object) -> int:
            asyncio.run(main())
            return 0

        home = {name: str(self.home) for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
        run_inside(
            (),
            {**without_azure(), **azure.environment, **self.caller, **home},
            self.inside.time,
            program,
        )
        return results[0]

    @property
    def settings(self) -> dict[str, str | None]:
        """Those of the App Service, as they are at this moment."""
        return self.inside.state.resources.sites[SITE.lower()].settings

    def register(self, name: str = "A", **body: Any) -> Json:
        """A registration that somebody else has made, and given to the pipeline."""
        registration: Json = self.inside.azure.graph(
            "POST", "/applications", json={"displayName": name, **body}
        )
        self.inside.azure.let_own(registration["appId"])
        return registration

    def misbehave(self, path: str, times: int = 1000, method: str = "*", **fault: Any) -> None:
        """From now on, requests whose path ends so are refused, or meet another fault, so many
        times.

        `fault`: as in mct_s2s/sandbox/observability/faults.py.
        """
        meets = fault if "type" in fault else {"type": "status", "status": 403, **fault}
        self.inside.azure.misbehave(
            {"match": {"method": method, "path": f"*{path}"}, "times": times, "fault": meets}
        )

    def before(self, path: str, *acts: Callable[[], object] | None, method: str = "") -> None:
        """What happens when the next requests whose path ends so arrive, one act a request; `None`
        lets one pass.
        """
        self.inside.hooks.before.append(_each(path, list(acts), method))

    def after(self, path: str, *acts: Callable[[], object] | None, method: str = "") -> None:
        """What happens when they have taken effect, and are not answered yet."""
        self.inside.hooks.after.append(_each(path, list(acts), method))

    def requests_to(self, *paths: str) -> list[str]:
        """The requests whose path ends so, in order of arrival: `GET organization`."""
        log = [(entry.method, entry.path) for entry in self.inside.log()]
        return [
            f"{method} {path.rpartition('/')[2]}" for method, path in log if path.endswith(paths)
        ]


def _each(
    path: str, acts: list[Callable[[], object] | None], method: str
) -> Callable[[Entry], Awaitable[None]]:
    async def hook(entry: Entry) -> None:
        if acts and entry.path.endswith(path) and method in {"", entry.method}:
            act = acts.pop(0)
            if act is not None:
                act()

    return hook


@pytest.fixture
def engine(azure: Sandbox, inside: Inside, tmp_path: Path) -> Iterator[Engine]:
    """As new."""
    del azure
    yield Engine(inside, tmp_path)
    inside.leave_alone()


def applied(
    engine: Engine, *changes: AnyChange, latency: float = 0.0, **more: Any
) -> tuple[Outcome, float, list[str]]:
    """What came of these changes, how long it took, and what was told."""
    watcher = Watcher()

    async def main(session: Session) -> tuple[Outcome, float, list[str]]:
        engine.inside.state.latency_seconds = latency
        outcome = planned(*changes, **more)
        began = clock.seconds()
        with suppress(S2SError), watched_by(watcher):
            await apply_plan(session, outcome, watcher)
        engine.inside.state.latency_seconds = 0.0
        return outcome, clock.seconds() - began, watcher.reports

    return engine.run(main)


def planned(*changes: AnyChange, site: Site = WHERE, **more: Any) -> Outcome:
    """The beginning of a run with these changes."""
    before = ObservedState(
        NOW,
        "public",
        TENANT,
        AppService(**vars(site), settings={}, tenant_id=TENANT.id),
        Trust(unique_name=SERVICE_KEY),
        api=MCT,
    )
    desired = Setup(ServiceSpec("MCT service"))
    access = CallerRights(SignedIn("x"), roles=frozenset({CLOUD_APPLICATION_ADMINISTRATOR}))
    request = Request(
        desired, NOW, TARGET, api=MCT, credential_suffix="a1b2", unique_name=SERVICE_KEY
    )
    return Outcome(request, Plan(changes), before, access, **more)
