"""`status` on the screen: the verdict first, each id whole, each problem marked, each remedy ready to be pasted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
from tests.render.examples import IMPORT, healthy, with_role_off, with_settings
from tests.render.reports import one, several
from tests.support.screens import check_kept, check_screen, screen_text


@pytest.mark.parametrize("width", [40, 80])
def test_one_app_service_as_a_picture(width: int) -> None:
    check_screen(f"status-{width}", lambda terminal: show_report(terminal, one()), width=width)


def test_one_app_service_without_colors_and_unicode() -> None:
    check_screen("status-ascii", lambda terminal: show_report(terminal, one()), color=False, unicode=False)


def test_several_app_services_as_a_picture() -> None:
    check_screen("status-all-80", lambda terminal: show_report(terminal, several()), width=80)


STATUSES: dict[str, ObservedState] = {
    "two problems that one command mends": with_settings(
        complete(IMPORT), settings(ServiceAuthEnabled="", ServiceAuthTenantName="")
    ),
    "nothing wrong": healthy(),
    "no clients, and no table of them": complete(),
    "no service application": observed_state(Trust(), settings()),
    "gaps of the service application": observed_state(
        Trust(replace(SERVICE, identifier_uris=(), app_roles=())), settings()
    ),
    "a role that is off": with_role_off(complete(IMPORT)),
    "no tenant, and no line for it": ObservedState("public", None, None, trust(IMPORT)),
}


def test_a_status_is_as_it_was() -> None:
    """`pytest --update-screens` takes new ones."""

    def shown(observed: ObservedState) -> str:
        return screen_text(lambda terminal: show_report(terminal, one(observed)), width=120)

    text = "".join(f"# {name}\n{shown(observed)}\n\n" for name, observed in STATUSES.items())
    check_kept(Path(__file__).parent / "documents" / "statuses.txt", text)
    assert [name for name in FOREIGN if name in text] == [], "settings of others are never shown"
