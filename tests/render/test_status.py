"""`status` on the screen: the verdict first, each id whole, each problem marked, each remedy ready to be pasted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mct_s2s.model.observed import ObservedState, Trust
from mct_s2s.render.status import show_report

from tests.planning.scenarios import (
    FOREIGN,
    SERVICE,
    complete,
    observed_state,
    settings,
    trust,
)
from tests.render.conftest import Screen, Screens
from tests.render.examples import IMPORT, WHERE, healthy, with_role_off, with_settings
from tests.render.reading import line_with
from tests.render.reports import one, several
from tests.support.screens import check_screen


def shown(screen: Screen, observed: ObservedState) -> str:
    show_report(screen.terminal, one(observed))
    assert screen.err == ""
    return screen.out


@pytest.mark.parametrize("width", [40, 80])
def test_one_app_service_as_a_picture(width: int) -> None:
    check_screen(f"status-{width}", lambda terminal: show_report(terminal, one()), width=width)


def test_one_app_service_without_colors_and_unicode() -> None:
    check_screen("status-ascii", lambda terminal: show_report(terminal, one()), color=False, unicode=False)


def test_several_app_services_as_a_picture() -> None:
    check_screen("status-all-80", lambda terminal: show_report(terminal, several()), width=80)


def test_what_one_command_fixes_is_listed_above_it_and_the_command_is_there_once(screens: Screens) -> None:
    observed = with_settings(complete(IMPORT), settings(ServiceAuthEnabled="", ServiceAuthTenantName=""))
    lines = [line.strip() for line in shown(screens(120), observed).splitlines()]
    assert lines[1:3] == ["error: ServiceAuthEnabled is not set.", "error: ServiceAuthTenantName is not set."]
    assert lines[3] == f"→ mct-s2s configure-appservice {WHERE}"
    assert len([line for line in lines if "configure-appservice" in line]) == 1


def test_foreign_settings_are_never_shown(screens: Screens) -> None:
    text = shown(screens(120), healthy())
    assert not [name for name in FOREIGN if name in text]


def test_without_clients_there_is_no_table_of_them(screens: Screens) -> None:
    assert "Needs next" not in shown(screens(120), complete())


def test_a_tenant_without_a_service_application_says_so(screens: Screens) -> None:
    text = shown(screens(120), observed_state(Trust(), settings()))
    assert text.startswith("No client can call contosolearn. ")
    assert "App role" not in text


def test_the_gaps_of_a_service_application_are_named(screens: Screens) -> None:
    text = shown(screens(120), observed_state(Trust(replace(SERVICE, identifier_uris=(), app_roles=())), settings()))
    assert line_with(text, "Application ID URI   ").split()[-1] == "none"
    assert line_with(text, "App role   ").split()[-1] == "none"
    assert line_with(shown(screens(120), with_role_off(complete(IMPORT))), "App role  ").endswith("(disabled)")


def test_without_a_tenant_there_is_no_line_for_it(screens: Screens) -> None:
    assert "Tenant" not in shown(screens(120), ObservedState("public", None, None, trust(IMPORT)))
