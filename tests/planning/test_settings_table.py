"""The table of the document's settings: each row is whole, and each of its readers takes it from there."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from mct_s2s.cli.app import app
from mct_s2s.model.desired import Setup
from mct_s2s.model.ids import api_uri
from mct_s2s.model.site_settings import LISTS, NAMES, OBJECT_IDS, SETTINGS, Comparison, Required, Setting, required_by
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.reports.findings import diagnose
from mct_s2s.planning.site import right_values

from tests.cli.schemas import FINDING_CODES
from tests.planning.scenarios import (
    CONTEXT,
    NOW,
    SERVICE_ID,
    TENANT,
    client,
    complete,
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


@each
def test_configure_appservice_has_the_option_of_each_row(setting: Setting) -> None:
    parser: Any = typer.main.get_command(app)
    command = parser.get_command(typer.Context(parser), "configure-appservice")
    options = {name: param for param in command.params for name in param.opts}
    if setting.option is not None:
        assert options[setting.option].multiple == (setting in LISTS)


def test_what_a_setting_holds_is_known_for_every_row_that_is_no_list() -> None:
    right = right_values(TENANT, api_uri(SERVICE_ID), "R")
    assert {setting for setting in SETTINGS if setting not in LISTS} == set(right)


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


def test_a_complete_site_is_left_alone() -> None:
    assert make_plan(spec("Import"), complete(IMPORT), CONTEXT).is_empty
    assert make_plan(Setup(None), complete(IMPORT), CONTEXT).is_empty
