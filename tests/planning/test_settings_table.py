"""The table of the document's settings: each row is whole, and each of its readers takes it from there."""

from __future__ import annotations

import pytest
from mct_s2s.model.site_settings import LISTS, NAMES, OBJECT_IDS, SETTINGS, Comparison, Required, Setting, required_by
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.reports.findings import diagnose

from tests.cli.schemas import FINDING_CODES
from tests.planning.scenarios import (
    CONTEXT,
    NOW,
    client,
    guid,
    observed_state,
    settings,
    spec,
    trust,
)

each = pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)
IMPORT = client("Import")


@each
def test_a_row_explains_itself_and_its_finding(setting: Setting) -> None:
    assert setting.about.endswith(".")
    assert setting.code in FINDING_CODES
    assert setting.wrong.format(name=setting, value="{x}", wanted="y").startswith(f"{setting} is '{{x}}'")


@each
def test_a_setting_that_has_to_be_there_and_is_not_is_planned_and_found(setting: Setting) -> None:
    if setting in LISTS:
        return  # what is on them is a matter of who is a client
    right = {"ServiceApplicationIds": IMPORT.client_id, "ServiceAuthRole": "S2SAppRole"}
    without = observed_state(trust(IMPORT), settings(**{**right, setting.name: ""}))
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
