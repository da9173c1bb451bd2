"""One of several App Services of a name: a question for a person, a refusal for a program."""

from __future__ import annotations

import asyncio

import pytest
from mct_s2s.cli.guided.choosing import choose_namesake
from mct_s2s.cli.guided.sites import columns, state_of
from mct_s2s.cli.options import AzureOptions
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere
from mct_s2s.model.site_settings import APPLICATION_IDS, AUDIENCE, ENABLED
from mct_s2s.model.site_target import SiteTarget
from mct_s2s.planning.app_service.site_recognition import MctSite
from mct_s2s.render.console import Terminal

from tests.cli.guided.scripted import Scripted
from tests.engine import memory
from tests.planning.scenarios import SUBSCRIPTION, guid
from tests.planning.test_site_recognition import LEARN, site

TWIN = site("contosolearn", group="mct-test")
TARGET = SiteTarget("ContosoLearn", slot="staging")


def chosen(target: SiteTarget, *answers: str) -> tuple[Session, AzureOptions]:
    items = [str(LEARN.resource), str(TWIN.resource)]
    ambiguous = NotThere("site-ambiguous", "2 App Services are named so:", remedy="Choose.", items=items)
    options, terminal = AzureOptions(app_service=target.name), Terminal.open(json=False)
    prompts = Scripted(list(answers)) if answers else None
    session = memory.session(memory.memory_state(), target=target)
    return asyncio.run(choose_namesake(options, terminal, session, ambiguous, prompts)), options


def test_the_group_is_chosen() -> None:
    session, options = chosen(TARGET, "mct-test")
    assert session.target == SiteTarget("ContosoLearn", "mct-test", SUBSCRIPTION, "staging")
    assert options.resource_group == "mct-test", "commands that are printed later name it"


@pytest.mark.parametrize(("target", "answers"), [(TARGET, ()), (SiteTarget("another"), ("mct-test",))])
def test_it_is_refused_where_no_one_can_be_asked_and_where_it_is_about_something_else(
    target: SiteTarget, answers: tuple[str, ...]
) -> None:
    with pytest.raises(NotThere, match="named so"):
        chosen(target, *answers)


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        (None, "settings not readable"),
        ({}, "not set up yet"),
        ({AUDIENCE.name: "api://x"}, "set up in part"),
        ({ENABLED.name: "true", APPLICATION_IDS.name: guid("a")}, "set up, 1 client"),
        ({ENABLED.name: "true"}, "set up, 0 clients"),
    ],
)
def test_a_site_says_how_far_it_is(settings: dict[str, str] | None, state: str) -> None:
    assert state_of(MctSite(LEARN, settings)) == state


def test_lists_are_in_columns_without_blanks_at_the_end() -> None:
    assert columns([("a", "long"), ("bbb", "x")]) == ["a    long", "bbb  x"]
