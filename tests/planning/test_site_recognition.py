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
DISGUISED = site("contosolearn-fa-x7k2q", kind="app")
SET_UP = {"serviceauthaudience": "api://x", "SqlPassword": "hidden"}
CASES: list[tuple[list[Site], Mapping[Site, Mapping[str, str | None] | None], list[Site], list[Site]]] = [
    ([REPORTS, PORTAL, LEARN_FA, LEARN], {}, [LEARN], [PORTAL]),
    ([LEARN, site("ContosoLearn-FA-x", kind="functionapp", group="MCT-prod")], {}, [LEARN], []),
    ([LEARN, site("contosolearn-fa-x7k2q", kind="functionapp", group="elsewhere")], {}, [], [LEARN]),
    ([LEARN, site("contosolearn2-fa-x7k2q", kind="functionapp")], {}, [], [LEARN]),
    ([LEARN, site("contosolearn-func", kind="functionapp")], {}, [], [LEARN]),
    ([PORTAL, LEARN], {PORTAL: {"Path": "x"}, LEARN: SET_UP}, [LEARN], [PORTAL]),
    ([DISGUISED], {DISGUISED: {ENABLED.name: "true"}}, [], []),  # the document's warning, whatever the kind says
]


@pytest.mark.parametrize(("there", "settings", "mct", "others"), CASES)
def test_a_site_is_known_by_its_settings_or_the_function_app_of_its_deployment(
    there: list[Site], settings: Mapping[Site, Mapping[str, str | None] | None], mct: list[Site], others: list[Site]
) -> None:
    assert survey_of(there, {one.resource: values for one, values in settings.items()}) == (mct, others)
