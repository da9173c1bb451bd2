"""A list that gets longer than the app can read is said in the plan, while it can still be left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mct_s2s.planning.make import make_plan

from tests.planning.scenarios import FACTS, complete, guid, observed_state, settings, spec


def notes(entries: int, kind: str) -> list[str]:
    there = ";".join(guid(f"client {number}") for number in range(entries))
    observed = observed_state(complete().trust, settings(ServiceApplicationIds=there))
    site = observed.app_service
    assert site is not None
    observed = replace(observed, app_service=replace(site, site=replace(site.site, kind=kind)))
    plan = make_plan(spec("Export"), observed, FACTS)
    return [note for note in plan.notes if isinstance(note, str) and "at most" in note]


@pytest.mark.parametrize(
    ("entries", "kind", "is_said"),
    [
        (800, "app", False),
        (884, "app", False),
        (885, "app", True),
        (3000, "app,linux", False),
        (3600, "app,linux", True),
    ],
)
def test_the_limit_is_that_of_an_environment_variable(entries: int, kind: str, is_said: bool) -> None:
    found = notes(entries, kind)
    assert bool(found) is is_said
    if kind == "app" and found:
        (note,) = found
        assert "ServiceApplicationIds" in note
        assert "can read 32,766 at most: about 885 clients." in note
