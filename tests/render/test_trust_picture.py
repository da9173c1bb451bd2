"""The picture of the trust: ids whole, nothing wider than the terminal, and every sign said in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.permissions.callers import trust_picture
from mct_s2s.render.status import show_report, show_status
from mct_s2s.render.trust_picture import show_picture
from rich.cells import cell_len

from tests.planning.scenarios import NOW, client, complete, observed_state, settings
from tests.render.conftest import Screens
from tests.render.examples import LONG_NAME, ODD_NAMES
from tests.render.reports import WITHIN, crowd, mixed, one, several
from tests.support.screens import check_screen, screen_text

WIDTHS = (40, 80, 120)


def drawing(observed: ObservedState) -> object:
    return lambda terminal: show_picture(terminal, trust_picture(observed, NOW, WITHIN))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_whole_screen(width: int) -> None:
    check_screen(f"status-{width}", lambda terminal: show_report(terminal, one()), width=width)


def test_without_colours_and_without_unicode() -> None:
    check_screen("status-ascii", lambda terminal: show_report(terminal, one()), color=False, unicode=False)


@pytest.mark.parametrize("width", [80, 120])
def test_a_list(width: int) -> None:
    check_screen(f"status-all-{width}", lambda terminal: show_report(terminal, several()), width=width)


def test_a_thousand_clients_fit_a_screen() -> None:
    check_screen("status-picture-1000", drawing(crowd()))  # type: ignore[arg-type]
    text = screen_text(drawing(crowd()))  # type: ignore[arg-type]
    assert len(text.splitlines()) < 24
    assert "and 990 more can call, the first expires" in text


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ODD_NAMES)
def test_no_line_is_wider_than_the_terminal_and_nothing_of_a_name_is_lost(name: str, width: int) -> None:
    observed = complete(client(name), client("Import"))
    lines = screen_text(drawing(observed), width=width).splitlines()  # type: ignore[arg-type]
    assert max(map(cell_len, lines)) <= width
    letters = "".join("".join(lines).replace("│", "").split())
    assert "".join(name.split()) in letters


def test_two_clients_of_one_name_are_told_apart_by_their_ids() -> None:
    twins = [client("Import"), client("import-2")]
    assert twins[1].application is not None
    twins[1] = replace(twins[1], application=replace(twins[1].application, display_name="Import"))
    text = screen_text(drawing(complete(*twins)), width=120)  # type: ignore[arg-type]
    assert all(twin.client_id in text for twin in twins)


def test_without_clients_the_way_is_shown_all_the_same() -> None:
    text = screen_text(drawing(complete()))  # type: ignore[arg-type]
    assert text.splitlines()[1] == "No client can call contosolearn"
    assert [line.split()[:2] for line in text.splitlines()[2:]] == [["app", "role"], ["▼", "service"], ["▼", "App"]]


def test_a_tenant_without_a_service_application_has_no_picture(screens: Screens) -> None:
    screen = screens(80)
    observed = replace(observed_state(), app_service=replace(observed_state().app_service, settings=settings()))  # type: ignore[type-var]
    show_status(screen.terminal, observed, (), NOW, WITHIN)
    assert "▼" not in screen.out


@pytest.mark.parametrize("width", WIDTHS)
def test_an_allow_list_has_each_id_whole(screens: Screens, width: int) -> None:
    screen = screens(width, is_terminal=True)
    observed = complete(client("Import"), client("Nightly"), client(LONG_NAME))
    show_status(screen.terminal, observed, (), NOW, WITHIN)
    words = screen.out.split()
    for one_client in observed.trust.clients:
        assert {one_client.client_id, f"{one_client.client_id};"} & set(words)


def test_what_is_said_of_a_client_needs_neither_sign_nor_colour() -> None:
    text = screen_text(drawing(mixed()), unicode=False)  # type: ignore[arg-type]
    assert text.isascii()
    assert "cannot call: not on the allow list, expired" in text
    assert "can call, expires in 20 days" in text
