"""Two sandboxes that have nothing in common: one plays the cloud, the other is what it is compared
with.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from mct_s2s import sandbox
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.state import seed

from conformance import command
from conformance.clouds import names_of, sandbox_side
from conformance.story import STEPS
from tests.conftest import Json, Sandbox, without_azure
from tests.support.inprocess import Ended, run_inside
from tests.support.sandbox_inside import PASSING, Inside
from tests.support.simulated_time import SimulatedTime

TENANT, SUBSCRIPTION = str(uuid.uuid4()), str(uuid.uuid4())
APP_SERVICE, GROUP, VAULT = "fabrikamlms", "rg-lms-7", "fabrikam-glue"
SITE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Web/sites/"
    f"{APP_SERVICE}"
)
OTHER = {
    seed.TENANT_ID: TENANT,
    seed.SUBSCRIPTION_ID: SUBSCRIPTION,
    seed.VAULT: VAULT,
    "contosolearning": "fabrikamuni",
    "contosolearn": APP_SERVICE,
    "Contoso Learning": "Fabrikam Hochschule",
    "Contoso Production": "Fabrikam Betrieb",
    "mct-prod": GROUP,
    "West Europe": "UK South",
    "westeurope": "uksouth",
}
NOBODY_ELSE: Mapping[str, str] = MappingProxyType({})
_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_WELL_KNOWN = {
    guid.lower()
    for file in Path(sandbox.__file__).parent.rglob("*.py")
    for guid in re.findall(_GUID, file.read_text(encoding="utf-8"), re.IGNORECASE)
}


def another_state() -> Json:
    """The seed with other ids and other names throughout; its administrator's appId is that of
    every sandbox.
    """
    text = json.dumps(seed.seed("x" * 40).to_dict())
    for member, other in OTHER.items():
        text = text.replace(member, other)

    def other_id(match: re.Match[str]) -> str:
        keep = match[0] in _WELL_KNOWN or match[0] in OTHER.values()
        return match[0] if keep else str(uuid.uuid5(uuid.UUID(TENANT), match[0]))

    state: Json = json.loads(re.sub(_GUID, other_id, text))
    state["knobs"] |= {"restartSeconds": 0.0, "operationSeconds": 0.0}
    return state


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests that run the program within this process pass over warnings that are nobody's
    fault.
    """
    for item in items:
        if "elsewhere" in getattr(item, "fixturenames", ()):
            for warning in PASSING:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """The cloud that is looked at, in simulated time."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "world.json").write_text(json.dumps(another_state()))
    ids = {"tenantId": TENANT, "clientId": seed.ADMINISTRATOR_ID, "clientSecret": uuid.uuid4().hex}
    (folder / "administrator.json").write_text(json.dumps({**ids, "subscriptionId": SUBSCRIPTION}))
    running = start(folder)
    azure = Sandbox({**running.environment, "MCT_S2S_URL": ""}, SimulatedTime())
    sandbox = Inside(running, azure)
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="session")
def own(elsewhere: Inside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The sandbox that a run would start for itself.

    Simulated time stands still while it works, too.
    """
    running = start(tmp_path_factory.mktemp("own"))
    assert running._server is not None
    config = running._server.config
    config.loaded_app = elsewhere.time.requests.around(config.loaded_app)
    assert config.ssl is not None
    config.ssl.num_tickets = 0
    yield running
    running.close()


@pytest.fixture(scope="session")
def own_names() -> dict[str, str]:
    """A key pair takes its time to make: one is enough."""
    return names_of("mct-s2s-conformance", datetime.now(UTC))


@pytest.fixture(scope="session")
def untouched(elsewhere: Inside) -> Json:
    """That cloud's state as it begins."""
    return elsewhere.state.to_dict()


@pytest.fixture
def cloud(elsewhere: Inside, untouched: Json) -> Iterator[Inside]:
    """The same, as new."""
    elsewhere.become(untouched)
    yield elsewhere
    elsewhere.leave_alone()


class Conformance:
    """The program within this process, on a sandbox of its own that is started once for all tests.

    `tables` are those of the story that are asked; none stands for all of them.
    """

    def __init__(
        self, cloud: Inside, own: Running, own_names: Mapping[str, str], home: Path
    ) -> None:
        self.cloud = cloud
        self.home = home
        self.tables: tuple[str, ...] = ()
        self._own = own
        self._own_names = own_names

    @property
    def report(self) -> Path:
        """Where the report goes."""
        return self.home / "report"

    def __call__(
        self, *words: str, app_service: str = APP_SERVICE, caller: Mapping[str, str] = NOBODY_ELSE
    ) -> Ended:
        """Run it against the cloud; as its administrator, unless there is another caller."""
        home = str(self.home)
        report = ("--report", str(self.report))
        where = (
            "--subscription",
            SUBSCRIPTION,
            "--group",
            GROUP,
            "--app-service",
            app_service,
            *report,
        )
        private = {"HOME": home, "XDG_DATA_HOME": home, "XDG_STATE_HOME": home}
        named = {"MCT_S2S_URL", "MCT_S2S_APP_SERVICE", "MCT_S2S_RESOURCE_GROUP"}
        given = {
            name: value for name, value in self.cloud.azure.environment.items() if name not in named
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(command, "own_sandbox", lambda names: sandbox_side(self._own, names))
            patch.setattr(command, "names_of", self._chosen)
            steps = [
                step
                for step in STEPS
                if not self.tables or step.id.partition("/")[0] in self.tables
            ]
            patch.setattr(command, "STEPS", steps)
            return run_inside(
                (*where, *words),
                {**without_azure(), **given, **private, **caller},
                self.cloud.time,
                program=command.main,
            )

    @property
    def lasting(self) -> Json:
        """The cloud's state without what passes: sign-ins, and when things were last looked at."""
        return lasting(self.cloud.state.to_dict())

    def section(self, title: str) -> list[str]:
        """The lines of a section of the report that say something."""
        report = (self.report / "report.md").read_text()
        text = report.partition(f"## {title}\n")[2].partition("\n## ")[0]
        return [line for line in text.splitlines() if line.startswith("- ") and line != "- None."]

    def _chosen(self, run: str, _: object) -> dict[str, str]:
        return {**self._own_names, "name": run, "roleId": str(uuid.uuid4())}


@pytest.fixture
def conformance(
    cloud: Inside, own: Running, own_names: Mapping[str, str], tmp_path: Path
) -> Conformance:
    return Conformance(cloud, own, own_names, tmp_path)


def lasting(state: Json) -> Json:
    """A state without what passes."""
    kept: Json = json.loads(json.dumps(state))
    kept.pop("knobs", None)
    for name in ("sessions", "young", "secretHashes"):
        kept["directory"].pop(name, None)
    kept["resources"].pop("operations", None)
    for site in kept["resources"]["sites"].values():
        for name in site.keys() - {"settings", "effective", "connection_strings", "sticky"}:
            del site[name]
    return kept


@dataclass(frozen=True)
class Quiet:
    """A run in which nothing happened."""

    ended: Ended
    conformance: Conformance
    before: Json
    after: Json
    log: list[str]
    """Its requests, as `METHOD path`."""


@pytest.fixture(scope="module")
def quiet(
    elsewhere: Inside,
    untouched: Json,
    own: Running,
    own_names: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Quiet:
    """One run for all that its tests look at."""
    elsewhere.become(untouched)
    conformance = Conformance(elsewhere, own, own_names, tmp_path_factory.mktemp("quiet"))
    before = elsewhere.state.to_dict()
    ended = conformance("-y", "--key-vault", VAULT)
    log = [f"{entry.method} {entry.path}" for entry in elsewhere.log()]
    return Quiet(ended, conformance, before, elsewhere.state.to_dict(), log)
