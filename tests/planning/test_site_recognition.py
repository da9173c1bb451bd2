"""Which web apps are MCT sites: a wrong guess would offer someone else's web app for configuration."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from mct_s2s.engine.observe.sites import survey_of
from mct_s2s.model.azure_resources import Site
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import ENABLED

from tests.planning.scenarios import SUBSCRIPTION


def site(name: str, *, group: str = "mct-prod", kind: str = "app") -> Site:
    return Site(ResourceId.site(SUBSCRIPTION, group, name), kind, "Running", (f"{name}.azurewebsites.net",))


LEARN, LEARN_FA = site("contosolearn"), site("contosolearn-fa-x7k2q", kind="functionapp")
PORTAL = site("partner-portal", group="integrations")
REPORTS = site("reports-func", group="integrations", kind="functionapp,linux")


def surveyed(
    *sites: Site, settings: Mapping[Site, Mapping[str, str | None] | None] | None = None
) -> tuple[list[Site], list[Site]]:
    return survey_of(sites, {one.resource: values for one, values in (settings or {}).items()})


def test_a_site_is_known_by_its_function_app() -> None:
    assert surveyed(REPORTS, PORTAL, LEARN_FA, LEARN) == ([LEARN], [PORTAL])


@pytest.mark.parametrize("beside", ["contosolearn-fa-x7k2q", "ContosoLearn-FA-x"])
def test_names_are_compared_as_azure_does(beside: str) -> None:
    assert len(surveyed(LEARN, site(beside, kind="functionapp", group="MCT-prod"))[0]) == 1


@pytest.mark.parametrize(
    "other",
    [
        site("contosolearn-fa-x7k2q", kind="functionapp", group="elsewhere"),
        site("contosolearn2-fa-x7k2q", kind="functionapp"),
        site("contosolearn-func", kind="functionapp"),
    ],
)
def test_a_function_app_of_another_deployment_says_nothing(other: Site) -> None:
    assert surveyed(LEARN, other)[0] == []


def test_a_site_is_known_by_its_settings() -> None:
    read = {PORTAL: {"Path": "x"}, LEARN: {"serviceauthaudience": "api://x", "SqlPassword": "hidden"}}
    assert surveyed(PORTAL, LEARN, settings=read)[0] == [LEARN]


def test_a_web_app_with_the_name_of_a_function_app_is_never_offered() -> None:
    """The document's warning, whatever the kind says and whatever settings it has."""
    disguised = site("contosolearn-fa-x7k2q", kind="app")
    assert surveyed(disguised, settings={disguised: {ENABLED.name: "true"}}) == ([], [])
