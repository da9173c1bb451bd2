"""Every MCT App Service of a subscription: side by side, and nothing is hidden."""

from __future__ import annotations

import pytest
from mct_s2s.engine.observe.all_sites import find_mct_sites, read_each
from mct_s2s.engine.observe.site_survey import AT_ONCE
from mct_s2s.errors import NotThere
from mct_s2s.model.resource_id import ResourceId

from tests.engine.memory import (
    MemorySites,
    MemoryState,
    elapsed_since,
    refused,
    run,
)
from tests.planning.scenarios import FOREIGN, SUBSCRIPTION, guid, settings, site


def many() -> MemoryState:
    """MCT's by its settings, MCT's by its function app, a shop, and function apps."""
    made = MemoryState()
    made.add_site(site("zeta"), settings())
    made.add_site(site("alpha"), FOREIGN)
    made.add_site(site("alpha-fa-x7k2q", "functionapp"), settings())
    made.add_site(site("shop"), FOREIGN)
    made.add_site(site("reports", "functionapp,linux"), settings())
    return made


def found(here: MemoryState, subscription: str | None = SUBSCRIPTION) -> tuple[list[str], list[str]]:
    """MCT's, and those of which that is not known."""
    survey = run(find_mct_sites(MemorySites(here), subscription))
    return [one.name for one in survey.mct], [site.name for site in survey.unread]


def test_a_subscription_that_is_not_there_is_an_error() -> None:
    with pytest.raises(NotThere):
        found(many(), guid("another"))


def test_settings_are_read_side_by_side_and_of_all_web_apps() -> None:
    here = MemoryState(latency=1.0)
    for number in range(6 * AT_ONCE):
        here.add_site(site(f"shop-{number}"), FOREIGN)

    async def timed() -> float:
        began = elapsed_since(0)
        await find_mct_sites(MemorySites(here), SUBSCRIPTION)
        return elapsed_since(began)

    assert run(timed()) == pytest.approx(2.0 + 6)


def test_one_that_fails_does_not_stop_the_others() -> None:
    apps = tuple(site(name).resource for name in ("a", "b", "c"))
    error = refused()

    async def read(app: ResourceId) -> str:
        if app.name == "b":
            raise error
        return app.name

    assert run(read_each(apps, read)) == tuple(zip(apps, ("a", error, "c"), strict=True))
