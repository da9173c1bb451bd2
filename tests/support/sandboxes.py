"""Three sandboxes inside the test's own process, as three tenants: one administrator, one
certificate, one time.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from mct_s2s.azure.sign_in import choice

from tests.conftest import Json
from tests.support.least_caller import caller_of
from tests.support.sandbox_inside import Inside

OF_ITS_OWN = ("lock", "world.json", "ports.json", "served*")


@dataclass(frozen=True)
class Tenants:
    """The sandboxes, the first of which is `inside`."""

    all: tuple[Inside, Inside, Inside]

    def become(self, kept: Json) -> None:
        for tenant in self.all:
            tenant.become(kept)

    def slow_down(self, seconds: float) -> None:
        """Let each request take so long, in simulated time."""
        for tenant in self.all:
            tenant.state.latency_seconds = seconds

    def profiles(self) -> str:
        """The profiles of a trust file, `tenant-1` to `tenant-3`."""
        return "".join(
            f'[profiles.tenant-{number}]\ncloud = "{tenant.azure.origin}"\n'
            for number, tenant in enumerate(self.all, 1)
        )


@pytest.fixture(scope="session")
def other_sandboxes(
    inside: Inside, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Inside]]:
    started: list[Inside] = []
    home = inside.running.ca_file.parent
    for number in (2, 3):
        folder = tmp_path_factory.mktemp(f"tenant-{number}") / "state"
        shutil.copytree(home, folder, ignore=shutil.ignore_patterns(*OF_ITS_OWN))
        started.append(Inside.started(folder, inside.time))
    yield started
    for sandbox in started:
        sandbox.close()


@pytest.fixture
def tenants(
    request: pytest.FixtureRequest,
    inside: Inside,
    other_sandboxes: list[Inside],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Tenants]:
    first, second = other_sandboxes
    made = Tenants((inside, first, second))
    for tenant in made.all:
        tenant.run_by(caller_of(request.node))
    # One credential in the environment signs in to all tenants of the public cloud, which these are
    # here.
    public = {tenant.azure.origin for tenant in made.all}
    usual = choice.may_sign_in

    def may_sign_in(named: str | None, login: str) -> bool:
        return usual(named, login) or (not named and login in public)

    monkeypatch.setattr(choice, "may_sign_in", may_sign_in)
    yield made
    made.slow_down(0)
