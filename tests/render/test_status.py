"""`status` on the screen: the verdict first, each id whole, each problem marked, each remedy ready to be pasted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.trust import Trust
from mct_s2s.planning.reports.findings import Finding, Severity
from mct_s2s.render.findings import show_findings
from mct_s2s.render.status import show_report

from tests.planning.scenarios import (
    FOREIGN,
    SERVICE,
    SERVICE_ID,
    TENANT,
    client,
    complete,
    credential,
    guid,
    observed_state,
    settings,
    trust,
)
from tests.render.conftest import Screen, Screens
from tests.render.examples import IDENTITY, IMPORT, ODD_NAMES, WHERE, healthy, with_role_off, with_settings
from tests.render.reading import line_with, pasteable, words_of
from tests.render.reports import one, several
from tests.support.screens import check_screen

PLAIN_NAMES = (
    "Import (test) {0} %s",
    "Import [DEV]",
    "O'Brien & Sons",
    "Personalabteilung Düsseldorf 日本語",
    "x" * 120,
)
"""Odd names without what looks like markup."""


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


@pytest.mark.parametrize("width", [44, 60, 80, 100, 120, None])
@pytest.mark.parametrize("name", ["Import", "x" * 120])
def test_ids_are_whole_on_any_terminal(screens: Screens, width: int | None, name: str) -> None:
    mine = client(name, credential(kind=CredentialKind.CERTIFICATE))
    observed = complete(mine)
    observed = replace(observed, trust=replace(observed.trust, identities=(IDENTITY,)))
    text = shown(screens(width, is_terminal=width is not None), observed)
    for whole in (mine.client_id, IDENTITY.id, SERVICE_ID, TENANT.id):
        assert whole in text
    assert "…" not in text


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


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_names_are_whole_in_a_log(screens: Screens, name: str) -> None:
    observed = complete(client(name))
    service = replace(SERVICE, display_name=name)
    identities = (replace(IDENTITY, display_name=name),)
    text = shown(screens(), replace(observed, trust=replace(observed.trust, service=service, identities=identities)))
    for identifier in (guid(name), IDENTITY.id, SERVICE_ID):
        assert line_with(text, name, identifier)


@pytest.mark.parametrize("width", [80, 120])
def test_a_remedy_is_whole_on_a_line_of_its_own_below_its_finding(screens: Screens, width: int) -> None:
    remedy = f"az rest --method PATCH --url https://graph.microsoft.com/v1.0/{'applications/' * 15}"
    screen = screens(width, is_terminal=True)
    show_findings(screen.terminal, (Finding("x", Severity.ERROR, "Import", "'Import' has no consent.", remedy),))
    lines = pasteable(screen.out)
    (message,) = [index for index, line in enumerate(lines) if "'Import' has no consent." in line]
    assert lines[message + 1] == remedy


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_in_a_finding_is_shown_as_it_is(screens: Screens, name: str) -> None:
    screen = screens(80, is_terminal=True)
    show_findings(screen.terminal, (Finding("x", Severity.WARNING, name, f"'{name}' ends.", f"rotate {name}"),))
    assert words_of(f"'{name}' ends.") in words_of(screen.out)
    assert line_with(screen.out, f"rotate {name}")
