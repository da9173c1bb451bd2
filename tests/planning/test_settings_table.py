"""The table of the document's settings: each row is whole, and each of its readers takes it from there.

Which web apps are MCT sites is told by them: a wrong guess would offer someone else's web app for configuration.
"""

from collections.abc import Mapping

import pytest
from mct_s2s.engine.observe.sites import survey_of
from mct_s2s.model.azure_resources import Site
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import (
    ENABLED,
    LISTS,
    NAMES,
    OBJECT_IDS,
    SETTINGS,
    Comparison,
    Required,
    Setting,
    required_by,
)
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.reports.findings import diagnose

from tests.cli.schemas import FINDING_CODES
from tests.planning.scenarios import CONTEXT, NOW, SUBSCRIPTION, guid, site_says, spec

each = pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)


@each
def test_a_row_explains_itself_and_its_finding(setting: Setting) -> None:
    assert setting.about.endswith(".")
    assert setting.code in FINDING_CODES
    assert setting.wrong.format(name=setting, value="{x}", wanted="y").startswith(f"{setting} is '{{x}}'")


@each
def test_a_setting_that_has_to_be_there_and_is_not_is_planned_and_found(setting: Setting) -> None:
    if setting in LISTS:
        return  # what is on them is a matter of who is a client
    without = site_says(**{setting.name: ""})
    assert ("setting-missing", setting.name) in {(one.code, one.subject) for one in diagnose(without, NOW, "-a x")}
    write = next(change for change in make_plan(spec("Import"), without, CONTEXT).changes if change.key == "settings")
    assert [edit.name for edit in getattr(write, "edits", ())] == [setting.name]


@pytest.mark.parametrize(
    ("comparison", "value", "same"),
    [
        (Comparison.EXACT, "R", True),
        (Comparison.EXACT, "r", False),
        (Comparison.IGNORING_CASE, "r", True),
        (Comparison.IGNORING_CASE, " r", False),
        (Comparison.BOOLEAN, " r ", True),
    ],
)
def test_each_comparison_counts_what_the_site_counts(comparison: Comparison, value: str, same: bool) -> None:
    assert comparison.is_among(value, {"R", "S"}) is same


def test_a_role_is_required_as_soon_as_one_client_application_is_listed() -> None:
    assert required_by({}) == {Required.ALWAYS}
    assert required_by({"serviceapplicationids": guid("a")}) == {Required.ALWAYS, Required.WITH_CLIENTS}
    assert required_by({}, {OBJECT_IDS}) == {Required.ALWAYS, Required.WITH_IDENTITIES}


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
