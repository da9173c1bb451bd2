"""The survey of a subscription's web apps: what cannot be read is no error."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest
from mct_s2s import clock
from mct_s2s.engine.observe.sites import AT_ONCE, find_mct_sites
from mct_s2s.engine.session import Session
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.sandbox.state import seed

from tests.conftest import SITE
from tests.engine.conftest import Engine

LIST = "/config/appsettings/list"


def everything(session: Session) -> Awaitable[tuple[list[ResourceId], list[ResourceId]]]:
    return find_mct_sites(session.arm, seed.SUBSCRIPTION_ID)


def names(engine: Engine) -> list[str]:
    """The sites that are MCT's."""
    return [site.name for site in engine.run(everything)[0]]


def read(engine: Engine) -> list[str]:
    """The sites whose settings were read, in order of arrival."""
    return [one.path.split("/")[-4] for one in engine.inside.log() if one.path.endswith(LIST)]


def add_shops(engine: Engine, number: int) -> None:
    for at in range(number):
        seed.add_site(
            engine.inside.state.resources, subscription=seed.SUBSCRIPTION_ID, group="shops", name=f"shop-{at}",
            kind="app", settings={}, owner_app_id=seed.ADMINISTRATOR_ID,
        )  # fmt: skip


@pytest.mark.parametrize("is_readable", [True, False])
def test_a_site_is_found_and_no_function_app_is_read(is_readable: bool, engine: Engine) -> None:
    """What may not be read is recognised by the function app of its deployment."""
    if not is_readable:
        rule = {"match": {"path": f"*{SITE}{LIST}"}, "fault": {"type": "status", "status": 403}}
        engine.inside.azure.misbehave(rule)
    assert names(engine) == ["contosolearn"]
    assert [name for name in read(engine) if name.endswith("-func") or "-fa-" in name] == []


def test_all_are_read_side_by_side(engine: Engine) -> None:
    names(engine)
    add_shops(engine, 3 * AT_ONCE - len(read(engine)))
    engine.inside.state.latency_seconds = 1.0

    async def timed(session: Session) -> float:
        began = clock.seconds()
        await everything(session)
        return clock.seconds() - began

    assert engine.run(timed) == pytest.approx(2 + 3, abs=0.5)
    engine.inside.state.latency_seconds = 0.0
