"""A plan before anything happens: every step with its sign, and nothing that the reader would miss."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from mct_s2s.planning.changes import Action, SettingEdit
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import BlockedStep, Left, ManualStep, Plan
from mct_s2s.render.manual_steps import Instruction
from mct_s2s.render.plan import LATER, setting_rows, show_plan, summary, target_details
from mct_s2s.render.plan_markdown import plan_markdown

from tests.planning.scenarios import (
    FACTS,
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
from tests.render.reading import line_with, pasteable

NOTHING = make_plan(spec("Import"), complete(client("Import")), FACTS)
NOT_ALLOWED = ManualStep(
    Left.SETTINGS, "You can't write the settings. Someone else must do it.", needed=(WEBSITE_CONTRIBUTOR,)
)
SITE = "contosolearn"


def steps_in(text: str) -> list[str]:
    """The lines of steps, without the settings below them."""
    return [line for line in text.splitlines() if re.match(r"  [+~·!-] ", line)]


def test_the_plan_begins_with_its_target_and_ends_with_a_sum(screens: Screens) -> None:
    screen = screens()
    here = replace(complete(), app_service=replace(app_service(), subscription="Contoso Production"))
    show_plan(screen.terminal, full_plan(), SITE, about=target_details(here))
    first, *_, last = screen.err.splitlines()
    assert first == "Plan for contosolearn  (mct-prod, Contoso Production, tenant contoso.onmicrosoft.com)"
    assert last == "Plan: 8 to create, 3 to change, 0 to remove."


def test_where_nothing_was_looked_at_no_target_is_made_up() -> None:
    assert target_details(replace(complete(), tenant=None, app_service=None)) == ()
    assert target_details(replace(complete(), tenant=None))[-1] == f"tenant {TENANT.id}"


def test_what_becomes_of_a_setting() -> None:
    one, two, three = guid("1"), guid("2"), guid("3")
    rows = {
        SettingEdit("ServiceAuthRole", None, "R"): [(Action.CREATE, None, "R")],
        SettingEdit("ServiceAuthRole", "R ", None): [(Action.DELETE, "'R '", None)],
        SettingEdit("ServiceAuthAudience", "api://x", None, pending=1): [(Action.UPDATE, "api://x", LATER)],
        SettingEdit("ServiceObjectIds", f"{one};{two}", f"{two.upper()};{three}"): [
            (Action.UPDATE, "2 IDs", "1 stays, 1 is added, 1 is removed"),
            (Action.CREATE, None, three),
            (Action.DELETE, one, None),
        ],
        SettingEdit("ServiceObjectIds", f"{one};{two}", f"{one};{two}", pending=2): [
            (Action.UPDATE, "2 IDs", "2 stay, 2 are added"),
            (Action.CREATE, None, LATER),
        ],
        SettingEdit("ServiceObjectIds", one, None): [(Action.DELETE, one, None)],
        SettingEdit("ServiceObjectIds", f"{one}; {two}", f"{one};{two}"): [
            (Action.UPDATE, f"{one}; {two}", f"{one};{two}")
        ],
        SettingEdit("ServiceApplicationIds", None, None, pending=1): [(Action.CREATE, None, LATER)],
    }
    assert {edit: [(action, *values) for action, _, *values in setting_rows(edit)] for edit in rows} == rows


def test_a_step_without_a_right_is_marked_and_whom_to_ask_is_said(screens: Screens) -> None:
    plan = full_plan()
    blocked = replace(plan, blocked=(BlockedStep(plan.steps[0].key, (WEBSITE_CONTRIBUTOR,)),))
    screen = screens()
    show_plan(screen.terminal, blocked, SITE, is_result=True)
    assert steps_in(screen.out)[0].split()[0] == "!"
    assert screen.out.splitlines()[-1].endswith("0 to remove, 1 blocked.")
    assert WEBSITE_CONTRIBUTOR.grant.command in pasteable(screen.out)


def test_a_plan_that_is_blocked_as_a_whole_is_not_said_to_be_up_to_date(screens: Screens) -> None:
    screen = screens()
    show_plan(screen.terminal, Plan((right_already("S"),), blocked=(BlockedStep("right:S", ()),)), SITE, is_result=True)
    assert "up to date" not in screen.out
    assert line_with(screen.out, "S", "!")


def test_a_plan_that_will_be_asked_about_goes_to_standard_error(screens: Screens) -> None:
    screen = screens()
    show_plan(screen.terminal, full_plan(), SITE)
    assert screen.out == ""
    assert SITE in screen.err.splitlines()[0]


def test_a_plan_that_is_all_that_was_asked_for_goes_to_standard_output(screens: Screens) -> None:
    screen = screens()
    show_plan(screen.terminal, full_plan(), SITE, is_result=True)
    assert screen.err == ""
    assert SITE in screen.out.splitlines()[0]


def test_a_caller_who_may_do_nothing_of_it_does_not_read_that_all_is_done(screens: Screens) -> None:
    screen = screens()
    show_plan(screen.terminal, Plan((right_already("Service"),), (NOT_ALLOWED,)), SITE)
    nothing = screens()
    show_plan(nothing.terminal, NOTHING, SITE)
    assert screen.err.splitlines()[0] != nothing.err.splitlines()[0]
    assert line_with(screen.err, NOT_ALLOWED.what)
    assert line_with(screen.err, "Service")


@pytest.mark.parametrize("plan", [NOTHING, full_plan()], ids=["nothing to do", "everything to do"])
def test_notes_are_reported_whether_or_not_there_is_something_to_do(screens: Screens, plan: Plan) -> None:
    note = "Note: swapping with [/red]staging would move ServiceAuthEnabled."
    screen = screens()
    show_plan(screen.terminal, replace(plan, notes=(note,)), SITE)
    assert line_with(screen.err, note)


def test_the_summary_counts_each_kind_of_change() -> None:
    plan = Plan((principal("One"), principal("Two"), removal(), right_already()))
    assert summary(plan) == "2 to create, 0 to change, 1 to remove"


def test_a_plan_as_markdown_is_a_table_of_steps_and_one_of_settings() -> None:
    here = with_settings(complete(client("Import")), settings(ServiceAuthEnabled="no"))
    plan = make_plan(spec("Import", "A|b"), here, FACTS)
    told = Instruction("Restart it", "az webapp restart")
    lines = list(plan_markdown(plan, SITE, ("mct-prod",), "f" * 64, [told]))
    assert f"Fingerprint: `{'f' * 64}`" in lines
    assert "| ~ ServiceAuthEnabled | no | true |" in [line.replace("&#126;", "~") for line in lines]
    assert any(line.startswith("| + create | client application | A&#124;b |") for line in lines)
    assert "  az webapp restart" in lines
    rows = [line for line in lines if line.startswith("|")]
    assert {row.count("|") for row in rows} == {4, 5}  # three columns, and four
    nothing = plan_markdown(Plan(places=(("A", "show"),)), SITE, (), "f" * 64, [])
    assert not [line for line in nothing if line.startswith("|")], "a table without rows"


def test_a_plan_of_settings_alone_says_how_many_others_stay(screens: Screens) -> None:
    screen = screens()
    show_plan(screen.terminal, make_plan(spec(), observed_state(), FACTS), SITE)
    assert line_with(screen.err, "application settings").endswith("4 others unchanged")
