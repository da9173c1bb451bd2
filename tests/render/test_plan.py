"""A plan before anything happens: every step with its sign, and nothing that the reader would miss."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from mct_s2s.planning.changes import Action, SettingEdit, SettingsChange, SettingsSpec
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import Plan
from mct_s2s.render.console import Terminal
from mct_s2s.render.markdown import page
from mct_s2s.render.outcome import SiteReport, show_plan
from mct_s2s.render.plan import LATER, setting_rows, target_details

from tests.planning.scenarios import (
    CONTEXT,
    TENANT,
    app_service,
    client,
    complete,
    guid,
    observed_state,
    settings,
    spec,
)
from tests.render.conftest import Screens
from tests.render.examples import (
    WEBSITE_CONTRIBUTOR,
    full_plan,
    principal,
    removal,
    right_already,
    with_settings,
)
from tests.support.screens import Shown, check_texts

NOTHING = make_plan(spec("Import"), complete(client("Import")), CONTEXT)
NOT_ALLOWED = SettingsChange(key="settings", name="contosolearn", spec=SettingsSpec())
SITE = "contosolearn"


def test_where_nothing_was_looked_at_no_target_is_made_up() -> None:
    assert target_details(replace(complete(), tenant=None, app_service=None)) == ()
    assert target_details(replace(complete(), tenant=None))[-1] == f"tenant {TENANT.id}"


def test_what_becomes_of_a_setting() -> None:
    one, two, three = guid("1"), guid("2"), guid("3")
    rows = {
        SettingEdit("ServiceAuthRole", None, "R"): [(Action.CREATE, "R")],
        SettingEdit("ServiceAuthRole", "R ", None): [(Action.DELETE, "'R '")],
        SettingEdit("ServiceAuthAudience", "api://x", None, pending=1): [(Action.UPDATE, f"api://x → {LATER}")],
        SettingEdit("ServiceObjectIds", f"{one};{two}", f"{two.upper()};{three}"): [
            (Action.UPDATE, "2 IDs → 1 stays, 1 is added, 1 is removed"),
            (Action.CREATE, three),
            (Action.DELETE, one),
        ],
        SettingEdit("ServiceObjectIds", f"{one};{two}", f"{one};{two}", pending=2): [
            (Action.UPDATE, "2 IDs → 2 stay, 2 are added"),
            (Action.CREATE, LATER),
        ],
        SettingEdit("ServiceObjectIds", one, None): [(Action.DELETE, one)],
        SettingEdit("ServiceObjectIds", f"{one}; {two}", f"{one};{two}"): [
            (Action.UPDATE, f"{one}; {two} → {one};{two}")
        ],
        SettingEdit("ServiceApplicationIds", None, None, pending=1): [(Action.CREATE, LATER)],
    }
    assert {edit: list(setting_rows(edit)) for edit in rows} == rows


NOTE = "Note: swapping with [/red]staging would move ServiceAuthEnabled."
HERE = replace(complete(), app_service=replace(app_service(), subscription="Contoso Production"))
ODD = make_plan(
    spec("Import", "A|b"), with_settings(complete(client("Import")), settings(ServiceAuthEnabled="no")), CONTEXT
)
PLANS: dict[str, tuple[Plan, tuple[str, ...]]] = {
    "with its target": (full_plan(), target_details(HERE)),
    "blocked as a whole": (Plan((right_already("S"),), missing={"right:S": ()}), ()),
    "left to others": (
        Plan((right_already("Service"),), (NOT_ALLOWED,), missing={"settings": (WEBSITE_CONTRIBUTOR,)}),
        (),
    ),
    "nothing to do": (replace(NOTHING, notes=(NOTE,)), ()),
    "of settings alone": (replace(make_plan(spec(), observed_state(), CONTEXT), notes=(NOTE,)), ()),
    "of each kind of change": (Plan((principal("One"), principal("Two"), removal(), right_already())), ()),
}


def shown(plan: Plan, about: tuple[str, ...]) -> Callable[[Terminal], None]:
    return lambda terminal: show_plan(terminal, SiteReport(SITE, plan, about))


def test_a_plan_is_as_it_was() -> None:
    plans: dict[str, Shown] = {name: shown(*plan) for name, plan in PLANS.items()}
    recording = Terminal.recording()
    show_plan(recording, SiteReport(SITE, ODD, ("mct-prod",)), is_result=True)
    markdown = page("Plan for a_*b* `c`", recording.recorded, f"Fingerprint: `{'f' * 64}`", "").rstrip()
    check_texts("plans", {**plans, "as Markdown": markdown})


@pytest.mark.parametrize("is_result", [True, False])
def test_a_plan_that_will_be_asked_about_goes_to_standard_error(screens: Screens, is_result: bool) -> None:
    screen = screens()
    show_plan(screen.terminal, SiteReport(SITE, full_plan()), is_result=is_result)
    assert (bool(screen.out), bool(screen.err)) == (is_result, not is_result)
